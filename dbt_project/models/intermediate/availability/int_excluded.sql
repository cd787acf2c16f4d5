{%- set keys = ['method_id', 'audience', 'service_id', 'region'] -%}

with windows as (
    select views.method_id, views.audience, views.service_id, views.region, exclusions.start_s, exclusions.end_s
    from {{ ref('int_exclusions') }} as exclusions
    inner join {{ ref('int_views') }} as views
        on
            exclusions.method_id = views.method_id
            and (exclusions.service_id is null or exclusions.service_id = views.service_id)
            and (exclusions.region is null or exclusions.region = views.region)
    -- one of a component is taken out before (X2), one of a customer acts in that customer's figures (A5)
    where
        exclusions.component_id is null
        and (exclusions.customer_id is null or exclusions.customer_id = views.audience)
)

{{ union_of('windows', keys) }}
