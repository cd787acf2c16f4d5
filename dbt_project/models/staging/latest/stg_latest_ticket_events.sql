{{ latest_deliveries('ticket_events') }}
