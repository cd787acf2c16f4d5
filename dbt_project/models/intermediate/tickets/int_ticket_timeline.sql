{{ ticket_timeline(ref('stg_ticket_events')) }}
