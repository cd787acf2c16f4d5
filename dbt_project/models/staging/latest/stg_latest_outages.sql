{{ latest_deliveries('outages') }}
