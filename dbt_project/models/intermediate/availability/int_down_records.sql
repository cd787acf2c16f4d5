select
    policies.availability_policy_id, components.service_id, components.region,
    outages.outage_id, outages.exclusion_id, outages.incident_id, outages.component_id, outages.state,
    outages.started_at_s as start_s, outages.ended_at_s as end_s, outages._delivery_id,
    outages._line
from {{ ref('int_records') }} as outages
inner join {{ ref('int_components') }} as components
    on outages.component_id = components.component_id
inner join {{ source('inputs', 'availability_policies') }} as policies
    on components.contract_id = policies.contract_id
where
    outages.started_at_s < outages.ended_at_s
    and (
        outages.state = 'down'
        or (outages.state = 'degraded' and policies.is_degraded_unavailable)
    )
