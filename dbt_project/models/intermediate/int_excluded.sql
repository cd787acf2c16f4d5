{%- set keys = ['terms_id', 'service_id', 'region'] -%}

with windows as (
    select exclusions.terms_id, regions.service_id, regions.region, exclusions.start_s, exclusions.end_s
    from {{ ref('int_exclusions') }} as exclusions
    inner join {{ ref('int_service_regions') }} as regions
        on
            exclusions.contract_id = regions.contract_id
            and (exclusions.service_id is null or exclusions.service_id = regions.service_id)
            and (exclusions.region is null or exclusions.region = regions.region)
    -- one of a component is taken out before (X2), one of a customer acts in that customer's figures (A5)
    where exclusions.component_id is null and exclusions.customer_id is null
)

{{ union_of('windows', keys) }}
