{{ latest_deliveries('exclusions') }}
