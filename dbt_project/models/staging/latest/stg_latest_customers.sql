{{ latest_deliveries('customers') }}
