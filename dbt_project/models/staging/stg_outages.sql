select
    arrived.outage_id, arrived.component_id, arrived.state, arrived.started_at_s,
    -- an open record ends at as_of, and so does one that ends later (M3, T3)
    least(coalesce(arrived.ended_at_s, run.as_of_s), run.as_of_s) as ended_at_s,
    arrived.ended_at_s is null as is_open,
    arrived.incident_id, arrived._delivery_id, arrived._line
from ({{ arrived_rows('outages') }}) as arrived
cross join {{ source('inputs', 'run') }} as run
where arrived.started_at_s <= run.as_of_s
