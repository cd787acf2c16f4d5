{%- set keys = ['availability_policy_id', 'customer_scope', 'service_id', 'region'] -%}

with unavailable as (
    select * from {{ ref('int_service_states') }} where is_unavailable
)

{{ union_of('unavailable', keys) }}
