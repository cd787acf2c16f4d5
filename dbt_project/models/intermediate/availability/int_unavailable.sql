{%- set keys = ['method_id', 'audience', 'service_id', 'region'] -%}

with unavailable as (
    select * from {{ ref('int_service_states') }} where is_unavailable
)

{{ union_of('unavailable', keys) }}
