{{ latest_deliveries('invoice_lines') }}
