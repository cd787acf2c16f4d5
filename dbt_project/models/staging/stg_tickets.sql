select
    latest.ticket_id, latest.subscription_id, latest.ticket_type, latest.environment, latest.subject,
    latest.exclusion_kind, latest.incident_id, latest.outage_id,
    case when latest.published_at_s <= run.as_of_s then latest.published_at_s end as published_at_s,
    latest._delivery_id, latest._line
from ({{ latest_rows('tickets') }}) as latest
cross join {{ source('inputs', 'run') }} as run
where exists (select 1 from {{ ref('stg_subscriptions') }} as s where s.subscription_id = latest.subscription_id)
