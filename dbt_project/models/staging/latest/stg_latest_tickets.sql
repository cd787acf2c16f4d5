{{ latest_deliveries('tickets') }}
