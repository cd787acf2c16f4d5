with first_periods as (
    select contract_id, min(start_s) as start_s
    from {{ source('inputs', 'periods') }}
    group by contract_id
),

-- by the terms of the period in which it starts, or of the first one judged
intervals as (
    select periods.contract_id, downtime.*
    from {{ ref('int_downtime') }} as downtime
    inner join {{ ref('int_terms') }} as terms on downtime.method_id = terms.method_id
    inner join {{ source('inputs', 'periods') }} as periods on terms.terms_id = periods.terms_id
    inner join first_periods on periods.contract_id = first_periods.contract_id
    where
        downtime.audience = ''
        and downtime.end_s > periods.start_s
        and downtime.start_s < periods.end_s
        and (downtime.start_s >= periods.start_s or periods.start_s = first_periods.start_s)
),

-- the records that make an interval what it is
named as (
    select
        intervals.method_id, intervals.service_id, intervals.region, intervals.start_s, records.incident_id,
        row_number() over (
            partition by intervals.method_id, intervals.service_id, intervals.region, intervals.start_s
            order by records.start_s, records.outage_id
        ) as place
    from intervals
    inner join {{ ref('int_down_records') }} as records
        on
            intervals.method_id = records.method_id
            and intervals.service_id = records.service_id
            and intervals.region = records.region
            and intervals.start_s < records.end_s
            and intervals.end_s > records.start_s
    where records.incident_id is not null
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
        intervals.method_id = named.method_id
        and intervals.service_id = named.service_id
        and intervals.region = named.region
        and intervals.start_s = named.start_s
        and named.place = 1
cross join {{ source('inputs', 'run') }} as run
