select
    latest.ticket_id, latest.subscription_id, latest.ticket_type, latest.environment, latest.subject,
    latest.exclusion_kind, latest.incident_id, latest.outage_id, latest.published_at_s,
    latest._delivery_id, latest._line
from ({{ latest_rows('tickets') }}) as latest
where exists (select 1 from {{ ref('stg_subscriptions') }} as s where s.subscription_id = latest.subscription_id)
