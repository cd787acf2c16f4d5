with first_periods as (
    select contract_id, min(start_s) as start_s
    from {{ source('inputs', 'periods') }}
    group by contract_id
),

-- by the terms of the period in which it starts, or of the first one judged
intervals as (
    select periods.contract_id, downtime.*
    from {{ ref('int_downtime') }} as downtime
    inner join {{ ref('int_terms') }} as terms
        on downtime.availability_policy_id = terms.availability_policy_id
    inner join {{ source('inputs', 'periods') }} as periods on terms.terms_id = periods.terms_id
    inner join first_periods on periods.contract_id = first_periods.contract_id
    where
        downtime.customer_scope = ''
        and downtime.end_s > periods.start_s
        and downtime.start_s < periods.end_s
        and (downtime.start_s >= periods.start_s or periods.start_s = first_periods.start_s)
)

select
    intervals.contract_id, intervals.service_id, intervals.region,
    {{ instant('intervals.start_s') }} as started_at,
    {{ instant('intervals.end_s') }} as ended_at,
    intervals.end_s - intervals.start_s as downtime_seconds,
    incidents.incident_id,
    intervals.end_s = run.as_of_s as is_open
from intervals
left join {{ ref('int_downtime_incidents') }} as incidents
    on
        intervals.availability_policy_id = incidents.availability_policy_id
        and intervals.customer_scope = incidents.customer_scope
        and intervals.service_id = incidents.service_id
        and intervals.region = incidents.region
        and intervals.start_s = incidents.start_s
cross join {{ source('inputs', 'run') }} as run
