select invoice_id, customer_id, status, issued_on, due_on, paid_on, _delivery_id, _line
from ({{ arrived_rows('invoices') }}) as arrived
