{%- set keys = ['availability_policy_id', 'customer_scope', 'service_id', 'region'] -%}

-- a customer with exclusions of its own sees what everyone sees, except while one of a component of
-- the region lasts (X2, A5)
with own as (
    select
        scopes.availability_policy_id, scopes.customer_scope, scopes.service_id, scopes.region,
        exclusions.start_s, exclusions.end_s
    from {{ ref('int_observed_scopes') }} as scopes
    inner join {{ ref('int_exclusions') }} as exclusions
        on
            scopes.availability_policy_id = exclusions.availability_policy_id
            and scopes.customer_scope = exclusions.customer_id
    inner join {{ ref('int_components') }} as components
        on
            exclusions.component_id = components.component_id
            and scopes.service_id = components.service_id
            and scopes.region = components.region
)

select
    availability_policy_id, customer_scope, service_id, region, {{ always_s() }} as start_s,
    {{ never_s() }} as end_s
from {{ ref('int_observed_scopes') }}
where customer_scope = ''
union all
select availability_policy_id, customer_scope, service_id, region, start_s, end_s
from (
    {{ union_of('own', keys) }}
) as windows
