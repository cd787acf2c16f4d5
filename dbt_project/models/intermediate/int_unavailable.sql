{%- set keys = ['terms_id', 'service_id', 'region'] -%}

with unavailable as (
    select * from {{ ref('int_service_states') }} where is_unavailable
)

{{ union_of('unavailable', keys) }}
