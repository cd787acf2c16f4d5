select
    latest.component_id, latest.service_id, latest.region, latest.redundancy_group, latest.environment,
    latest.active_from_s, latest.active_to_s, latest._delivery_id, latest._line
from ({{ latest_rows('components') }}) as latest
inner join {{ ref('stg_services') }} as services on latest.service_id = services.service_id
