-- conservation: parts of a period are never more than the period, downtime never more than was
-- unavailable (A1-A4)
select *
from {{ ref('availability') }}
where
    downtime_seconds < 0
    or downtime_seconds > unavailable_seconds
    or unavailable_seconds > total_seconds
    or unknown_seconds > total_seconds
    or excluded_seconds > total_seconds
    or excluded_seconds < 0
    or availability_pct not between 0 and 100
    or coverage_pct not between 0 and 100
    or (
        budget_seconds is not null
        and budget_remaining_seconds <> budget_seconds - downtime_seconds
    )
