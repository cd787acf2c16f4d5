{{ latest_deliveries('credit_requests') }}
