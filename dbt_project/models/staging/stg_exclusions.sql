select
    latest.exclusion_id, latest.kind, latest.service_id, latest.region, latest.component_id, latest.customer_id,
    latest.starts_at_s,
    least(coalesce(latest.ends_at_s, run.as_of_s), run.as_of_s) as ends_at_s,
    case when latest.announced_at_s <= run.as_of_s then latest.announced_at_s end as announced_at_s,
    latest.change_type, latest._delivery_id, latest._line
from ({{ latest_rows('exclusions') }}) as latest
left join {{ ref('stg_services') }} as services on latest.service_id = services.service_id
left join {{ ref('stg_components') }} as components on latest.component_id = components.component_id
left join {{ ref('stg_customers') }} as customers on latest.customer_id = customers.customer_id
cross join {{ source('inputs', 'run') }} as run
where
    latest.starts_at_s <= run.as_of_s
    and (latest.service_id is null or services.service_id is not null)
    and (latest.component_id is null or components.component_id is not null)
    and (latest.customer_id is null or customers.customer_id is not null)
