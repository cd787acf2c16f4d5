select
    component_id, service_id, region, redundancy_group, environment, active_from_s, active_to_s,
    _delivery_id, _line
from ({{ arrived_rows('components') }}) as arrived
