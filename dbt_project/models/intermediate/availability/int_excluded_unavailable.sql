{%- set keys = ['method_id', 'audience', 'service_id', 'region'] -%}

with excluded as (select * from {{ ref('int_excluded') }}),
unavailable as (select * from {{ ref('int_unavailable') }})

{{ intersection_of('excluded', 'unavailable', keys) }}
