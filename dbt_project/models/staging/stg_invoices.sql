select
    latest.invoice_id, latest.customer_id, latest.status, latest.issued_on, latest.due_on, latest.paid_on,
    latest._delivery_id, latest._line
from ({{ latest_rows('invoices') }}) as latest
inner join {{ ref('stg_customers') }} as customers on latest.customer_id = customers.customer_id
