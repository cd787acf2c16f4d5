select
    latest.subscription_id, latest.customer_id, latest.service_id, latest.region, latest.support_plan, latest.kind,
    latest.status, latest.valid_from, latest.valid_to, latest._delivery_id, latest._line
from ({{ latest_rows('subscriptions') }}) as latest
inner join {{ ref('stg_customers') }} as customers on latest.customer_id = customers.customer_id
inner join {{ ref('stg_services') }} as services on latest.service_id = services.service_id
