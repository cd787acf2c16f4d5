select
    latest.request_id, latest.subscription_id, latest.month, latest.requested_on, latest._delivery_id, latest._line
from ({{ latest_rows('credit_requests') }}) as latest
where exists (select 1 from {{ ref('stg_subscriptions') }} as s where s.subscription_id = latest.subscription_id)
