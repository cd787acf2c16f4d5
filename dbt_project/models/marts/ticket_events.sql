select
    timeline.ticket_id, timeline.sequence, timeline.event_id, timeline.event, timeline.severity,
    timeline.resolution_kind,
    {{ instant('timeline.at_s') }} as occurred_at,
    coalesce(segments.is_on_clock, false) as is_on_clock,
    cast(coalesce(segments.elapsed_s, 0) as bigint) as clock_seconds,
    deliveries.path as file, timeline._line as line
from {{ ref('int_ticket_timeline') }} as timeline
inner join {{ ref('int_tickets') }} as tickets on timeline.ticket_id = tickets.ticket_id
{{ delivery_of('timeline') }}
left join {{ ref('int_resolution_segments') }} as segments
    on
        timeline.ticket_id = segments.ticket_id
        and timeline.sequence = segments.sequence
        and segments.is_own
where tickets.status <> 'rejected'
