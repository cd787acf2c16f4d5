{{ latest_deliveries('subscriptions') }}
