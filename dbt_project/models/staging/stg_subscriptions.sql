select
    subscription_id, customer_id, service_id, region, support_plan, kind, status, valid_from,
    valid_to, _delivery_id, _line
from {{ ref('stg_arrived_subscriptions') }}
where differs_in is null
