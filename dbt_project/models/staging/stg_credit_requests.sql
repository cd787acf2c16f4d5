select request_id, subscription_id, month, requested_on, _delivery_id, _line
from ({{ arrived_rows('credit_requests') }}) as arrived
