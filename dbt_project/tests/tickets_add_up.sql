-- the tickets behind resolution performance are as many as it counts, met and missed, and there is
-- none without a figure (R1)
with tickets as (
    select
        subscription_id, month, count(*) as incidents,
        sum(case when outcome = 'missed' then 1 else 0 end) as missed
    from {{ ref('credit_tickets') }}
    group by subscription_id, month
)

select
    coalesce(performance.subscription_id, tickets.subscription_id) as subscription_id,
    coalesce(performance.month, tickets.month) as month, performance.incidents,
    tickets.incidents as tickets
from {{ ref('resolution_performance') }} as performance
full outer join tickets
    on performance.subscription_id = tickets.subscription_id and performance.month = tickets.month
where
    coalesce(performance.incidents, 0) <> coalesce(tickets.incidents, 0)
    or coalesce(performance.missed, 0) <> coalesce(tickets.missed, 0)
