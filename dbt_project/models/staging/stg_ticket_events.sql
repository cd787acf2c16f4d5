select
    latest.event_id, latest.ticket_id, latest.occurred_at_s, latest.event, latest.severity, latest.resolution_kind,
    latest._delivery_id, latest._line
from ({{ latest_rows('ticket_events') }}) as latest
inner join {{ ref('stg_tickets') }} as tickets on latest.ticket_id = tickets.ticket_id
