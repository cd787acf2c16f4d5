-- the intervals behind a subscription's availability add up to its downtime, the shared ones to
-- what is shared, and there is none
-- without a figure (A5, C3)
with intervals as (
    select
        subscription_id, month, sum(counted_seconds) as downtime_seconds,
        sum(case when is_shared then counted_seconds else 0 end) as shared_seconds
    from {{ ref('credit_downtime') }}
    group by subscription_id, month
)

select
    coalesce(steps.subscription_id, intervals.subscription_id) as subscription_id,
    coalesce(steps.month, intervals.month) as month,
    steps.downtime_seconds, intervals.downtime_seconds as seconds_of_intervals
from {{ ref('credit_steps') }} as steps
full outer join intervals
    on steps.subscription_id = intervals.subscription_id and steps.month = intervals.month
where
    steps.subscription_id is null
    or steps.downtime_seconds <> coalesce(intervals.downtime_seconds, 0)
    or steps.shared_seconds <> coalesce(intervals.shared_seconds, 0)
