select customer_id, name, _delivery_id, _line
from ({{ latest_rows('customers') }}) as latest
