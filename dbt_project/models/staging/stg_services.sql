select service_id, name, contract_id, product_category, lifecycle, _delivery_id, _line
from ({{ arrived_rows('services') }}) as arrived
