-- the gaps behind a coverage add up to its unknown time, and there is none without a figure
with gaps as (
    select contract_id, service_id, region, period_start, sum(unknown_seconds) as unknown_seconds
    from {{ ref('coverage_gaps') }}
    group by contract_id, service_id, region, period_start
)

select figures.contract_id, figures.service_id, figures.region, figures.period_start
from {{ ref('availability') }} as figures
full outer join gaps
    on
        figures.contract_id = gaps.contract_id
        and figures.service_id = gaps.service_id
        and figures.region = gaps.region
        and figures.period_start = gaps.period_start
where
    figures.contract_id is null
    or coalesce(figures.unknown_seconds, 0) <> coalesce(gaps.unknown_seconds, 0)
