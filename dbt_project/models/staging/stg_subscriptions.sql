with admitted as (
    select latest.*
    from ({{ latest_rows('subscriptions') }}) as latest
    inner join {{ ref('stg_customers') }} as customers on latest.customer_id = customers.customer_id
    inner join {{ ref('stg_services') }} as services on latest.service_id = services.service_id
),

compared as (
    select
        *,
        first_value(customer_id) over (partition by subscription_id order by valid_from) as first_customer_id,
        first_value(service_id) over (partition by subscription_id order by valid_from) as first_service_id,
        first_value(region) over (partition by subscription_id order by valid_from) as first_region
    from admitted
)

-- one subscription is one customer's, of one service in one region: a span that says otherwise is rejected (E1)
select
    subscription_id, customer_id, service_id, region, support_plan, kind, status, valid_from, valid_to, _delivery_id, _line
from compared
where customer_id = first_customer_id and service_id = first_service_id and region = first_region
