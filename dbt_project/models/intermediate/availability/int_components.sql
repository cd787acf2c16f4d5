with first_checks as (
    select component_id, min(first_s) as first_s
    from {{ ref('stg_check_spans') }}
    group by component_id
),

first_records as (
    select component_id, min(started_at_s) as first_s
    from {{ ref('int_records') }}
    group by component_id
)

select
    components.component_id, services.contract_id, components.service_id, components.region,
    case
        when components.redundancy_group is null then 'alone:' || components.component_id
        else 'group:' || components.redundancy_group
    end as group_id,
    services.product_category, services.lifecycle,
    coalesce(components.active_from_s, {{ always_s() }}) as active_from_s,
    coalesce(components.active_to_s, {{ never_s() }}) as active_to_s,
    first_checks.first_s as first_check_s,
    first_records.first_s as first_record_s
from {{ ref('stg_components') }} as components
inner join {{ ref('stg_services') }} as services on components.service_id = services.service_id
left join first_checks on components.component_id = first_checks.component_id
left join first_records on components.component_id = first_records.component_id
where components.environment = 'production'
