select customer_id, name, _delivery_id, _line
from ({{ arrived_rows('customers') }}) as arrived
