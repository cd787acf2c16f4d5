select
    latest.outage_id, latest.component_id, latest.state, latest.started_at_s,
    -- an open record ends at as_of, and so does one that ends later (M3, T3)
    least(coalesce(latest.ended_at_s, run.as_of_s), run.as_of_s) as ended_at_s,
    latest.ended_at_s is null as is_open,
    latest.incident_id, latest._delivery_id, latest._line
from ({{ latest_rows('outages') }}) as latest
inner join {{ ref('stg_components') }} as components on latest.component_id = components.component_id
cross join {{ source('inputs', 'run') }} as run
where latest.started_at_s <= run.as_of_s
