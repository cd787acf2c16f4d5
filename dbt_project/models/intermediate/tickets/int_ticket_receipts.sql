with counted as (
    select
        tickets.ticket_id, tickets._delivery_id, tickets._line,
        cast(count(events.event_id) as bigint) as receipts
    from {{ ref('stg_tickets') }} as tickets
    left join {{ ref('stg_ticket_events') }} as events
        on tickets.ticket_id = events.ticket_id and events.event = 'received'
    group by tickets.ticket_id, tickets._delivery_id, tickets._line
)

select
    *,
    case receipts when 0 then 'waiting' when 1 then 'received' else 'rejected' end as status
from counted
