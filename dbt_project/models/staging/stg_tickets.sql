select
    arrived.ticket_id, arrived.subscription_id, arrived.ticket_type, arrived.environment,
    arrived.subject, arrived.exclusion_kind, arrived.incident_id, arrived.outage_id,
    case
        when arrived.published_at_s <= run.as_of_s then arrived.published_at_s
    end as published_at_s,
    arrived.response_due_at_s as response_due_s, arrived.resolution_due_at_s as resolution_due_s,
    arrived.source_response_met, arrived.source_resolution_met,
    arrived._delivery_id, arrived._line
from ({{ arrived_rows('tickets') }}) as arrived
cross join {{ source('inputs', 'run') }} as run
