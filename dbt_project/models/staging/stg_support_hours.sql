select entry_id, subscription_id, ticket_id, worked_on, minutes, _delivery_id, _line
from ({{ arrived_rows('support_hours') }}) as arrived
