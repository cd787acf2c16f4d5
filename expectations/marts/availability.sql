-- a row per figure: its seconds, and the figure that they make, in millionths of a per cent
with figures as (
    select *, cast(total_seconds - excluded_seconds as hugeint) as base
    from marts.availability
)

select
    contract_id, service_id, region,
    cast(period_start as varchar) as period,
    downtime_seconds,
    cast(base as bigint) as base_seconds,
    -- of a period that is excluded whole there is no figure; -1: it is missing
    coalesce(micro(availability_pct), case when base = 0 then 100000000 else -1 end)
        as availability_micro,
    cast(
        case
            when base = 0 then 100000000
            else (200000000 * (base - downtime_seconds) + base) // (2 * base)
        end
        as bigint
    ) as of_seconds_micro
from figures
