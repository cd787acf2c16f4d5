-- the intervals behind a figure add up to it, and there is none without a figure
with intervals as (
    select contract_id, service_id, region, period_start, sum(downtime_seconds) as downtime_seconds
    from {{ ref('downtime_by_period') }}
    group by contract_id, service_id, region, period_start
)

select figures.*
from {{ ref('availability') }} as figures
full outer join intervals
    on
        figures.contract_id = intervals.contract_id
        and figures.service_id = intervals.service_id
        and figures.region = intervals.region
        and figures.period_start = intervals.period_start
where
    coalesce(figures.downtime_seconds, 0) <> coalesce(intervals.downtime_seconds, 0)
    or (figures.contract_id is null and intervals.downtime_seconds > 0)
