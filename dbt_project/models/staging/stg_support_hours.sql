select
    latest.entry_id, latest.subscription_id, latest.ticket_id, latest.worked_on, latest.minutes,
    latest._delivery_id, latest._line
from ({{ latest_rows('support_hours') }}) as latest
where exists (select 1 from {{ ref('stg_subscriptions') }} as s where s.subscription_id = latest.subscription_id)
