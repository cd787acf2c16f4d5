{%- set keys = ['availability_policy_id', 'customer_scope', 'service_id', 'region'] -%}

with excluded as (select * from {{ ref('int_excluded') }}),
all_unavailable as (select * from {{ ref('int_unavailable') }}),

-- where nothing is excluded, nothing has to be cut
unavailable as (
    {{ rows_with_keys_of('all_unavailable', 'excluded', keys, true) }}
)

{{ intersection_of('excluded', 'unavailable', keys) }}
