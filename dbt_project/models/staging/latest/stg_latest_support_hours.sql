{{ latest_deliveries('support_hours') }}
