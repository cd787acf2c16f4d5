select
    overdue.subscription_id, overdue.month, overdue.invoice_id, overdue.due_on, overdue.paid_on,
    overdue.current_on,
    deliveries.path as file, overdue._line as line
from {{ ref('int_overdue_invoices') }} as overdue
{{ delivery_of('overdue') }}
