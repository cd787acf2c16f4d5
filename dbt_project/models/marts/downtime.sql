with first_periods as (
    select contract_id, min(start_s) as start_s
    from {{ source('inputs', 'periods') }}
    group by contract_id
),

-- by the terms of the period in which it starts, or of the first one judged
intervals as (
    select periods.contract_id, downtime.*
    from {{ ref('int_downtime') }} as downtime
    inner join {{ source('inputs', 'periods') }} as periods on downtime.terms_id = periods.terms_id
    inner join first_periods on periods.contract_id = first_periods.contract_id
    where
        (downtime.start_s >= periods.start_s and downtime.start_s < periods.end_s)
        or (
            periods.start_s = first_periods.start_s
            and downtime.start_s < periods.start_s
            and downtime.end_s > periods.start_s
        )
),

-- the records that make an interval what it is
named as (
    select
        intervals.terms_id, intervals.service_id, intervals.region, intervals.start_s, outages.incident_id,
        row_number() over (
            partition by intervals.terms_id, intervals.service_id, intervals.region, intervals.start_s
            order by outages.started_at_s, outages.outage_id
        ) as place
    from intervals
    inner join {{ ref('int_terms') }} as terms on intervals.terms_id = terms.terms_id
    inner join {{ ref('int_components') }} as components
        on intervals.service_id = components.service_id and intervals.region = components.region
    inner join {{ ref('stg_outages') }} as outages
        on
            components.component_id = outages.component_id
            and intervals.start_s < outages.ended_at_s
            and intervals.end_s > outages.started_at_s
            and outages.started_at_s < outages.ended_at_s
    where
        outages.incident_id is not null
        and (outages.state = 'down' or (outages.state = 'degraded' and terms.is_degraded_unavailable))
)

select
    intervals.contract_id, intervals.service_id, intervals.region,
    {{ instant('intervals.start_s') }} as started_at,
    {{ instant('intervals.end_s') }} as ended_at,
    intervals.end_s - intervals.start_s as downtime_seconds,
    named.incident_id,
    intervals.end_s = run.as_of_s as is_open
from intervals
left join named
    on
        intervals.terms_id = named.terms_id
        and intervals.service_id = named.service_id
        and intervals.region = named.region
        and intervals.start_s = named.start_s
        and named.place = 1
cross join {{ source('inputs', 'run') }} as run
