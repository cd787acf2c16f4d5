{%- set keys = ['availability_policy_id', 'customer_scope', 'service_id', 'region'] -%}

with windows as (
    select
        scopes.availability_policy_id, scopes.customer_scope, scopes.service_id, scopes.region,
        exclusions.start_s, exclusions.end_s
    from {{ ref('int_exclusions') }} as exclusions
    inner join {{ ref('int_observed_scopes') }} as scopes
        on
            exclusions.availability_policy_id = scopes.availability_policy_id
            and (exclusions.service_id is null or exclusions.service_id = scopes.service_id)
            and (exclusions.region is null or exclusions.region = scopes.region)
    -- one of a component is taken out before (X2), one of a customer acts in that customer's
    -- figures (A5)
    where
        exclusions.component_id is null
        and (exclusions.customer_id is null or exclusions.customer_id = scopes.customer_scope)
)

{{ union_of('windows', keys) }}
