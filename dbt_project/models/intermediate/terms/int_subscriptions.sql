-- customer, service and region are the same in all spans (E1)
select distinct
    subscriptions.subscription_id, subscriptions.customer_id, subscriptions.service_id,
    subscriptions.region,
    services.contract_id, services.product_category, services.lifecycle, contracts.as_of_day
from {{ ref('stg_subscriptions') }} as subscriptions
inner join {{ ref('stg_services') }} as services on subscriptions.service_id = services.service_id
inner join {{ source('inputs', 'contracts') }} as contracts
    on services.contract_id = contracts.contract_id
