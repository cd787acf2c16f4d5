{{ latest_deliveries('services') }}
