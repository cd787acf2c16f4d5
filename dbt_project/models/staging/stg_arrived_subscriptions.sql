with compared as (
    select
        *,
        first_value(customer_id) over earlier as first_customer_id,
        first_value(service_id) over earlier as first_service_id,
        first_value(region) over earlier as first_region
    from ({{ arrived_rows('subscriptions') }}) as arrived
    window earlier as (partition by subscription_id order by valid_from)
)

-- one subscription is one customer's, of one service in one region (E1)
select
    subscription_id, customer_id, service_id, region, support_plan, kind, status, valid_from,
    valid_to, is_deleted, _delivery_id, _line,
    nullif(
        concat_ws(
            ', ',
            case when customer_id <> first_customer_id then 'customer_id' end,
            case when service_id <> first_service_id then 'service_id' end,
            case when region <> first_region then 'region' end
        ), ''
    ) as differs_in
from compared
