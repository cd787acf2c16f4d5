select
    arrived.exclusion_id, arrived.kind, arrived.service_id, arrived.region, arrived.component_id,
    arrived.customer_id, arrived.starts_at_s,
    least(coalesce(arrived.ends_at_s, run.as_of_s), run.as_of_s) as ends_at_s,
    case
        when arrived.announced_at_s <= run.as_of_s then arrived.announced_at_s
    end as announced_at_s,
    arrived.change_type, arrived._delivery_id, arrived._line
from ({{ arrived_rows('exclusions') }}) as arrived
cross join {{ source('inputs', 'run') }} as run
where arrived.starts_at_s <= run.as_of_s
