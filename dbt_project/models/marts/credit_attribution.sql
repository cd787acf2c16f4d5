select
    subscription_id, customer_id, contract_id, service_id, region, month, currency, cause,
    incident_id, started_at, ended_at, ticket_id, seconds, amount
from {{ ref('int_attribution') }}
where party = 'provider'
