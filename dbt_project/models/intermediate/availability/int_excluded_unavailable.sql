{%- set keys = ['availability_policy_id', 'customer_scope', 'service_id', 'region'] -%}

with excluded as (select * from {{ ref('int_excluded') }}),
unavailable as (select * from {{ ref('int_unavailable') }})

{{ intersection_of('excluded', 'unavailable', keys) }}
