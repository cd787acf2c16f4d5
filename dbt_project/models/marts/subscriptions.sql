-- the span that is in force, or was last (E1)
with latest as (
    select
        *, min(valid_from) over (partition by subscription_id) as first_day,
        row_number() over (partition by subscription_id order by valid_from desc) as place
    from {{ ref('int_spans') }}
)

select
    latest.subscription_id, subscriptions.customer_id, customers.name as customer_name, subscriptions.contract_id,
    subscriptions.service_id, services.name as service_name, subscriptions.product_category, subscriptions.lifecycle, subscriptions.region,
    latest.first_day, {{ last_day_of('latest.valid_until') }} as last_day,
    latest.support_plan, latest.kind, latest.status
from latest
inner join {{ ref('int_subscriptions') }} as subscriptions on latest.subscription_id = subscriptions.subscription_id
inner join {{ ref('stg_customers') }} as customers on subscriptions.customer_id = customers.customer_id
inner join {{ ref('stg_services') }} as services on subscriptions.service_id = services.service_id
where latest.place = 1
