select
    methods.method_id, components.service_id, components.region, outages.outage_id, outages.incident_id, outages.component_id,
    outages.state, outages.started_at_s as start_s, outages.ended_at_s as end_s, outages._delivery_id, outages._line
from {{ ref('stg_outages') }} as outages
inner join {{ ref('int_components') }} as components on outages.component_id = components.component_id
inner join {{ source('inputs', 'methods') }} as methods on components.contract_id = methods.contract_id
where
    outages.started_at_s < outages.ended_at_s
    and (outages.state = 'down' or (outages.state = 'degraded' and methods.is_degraded_unavailable))
