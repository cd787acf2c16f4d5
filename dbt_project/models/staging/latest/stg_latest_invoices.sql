{{ latest_deliveries('invoices') }}
