{{ latest_deliveries('components') }}
