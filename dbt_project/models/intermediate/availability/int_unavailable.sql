{%- set keys = ['availability_policy_id', 'customer_scope', 'service_id', 'region'] -%}

with seen_by_everyone as (
    select * from {{ ref('int_service_states') }} where is_unavailable and customer_scope = ''
),

everyones as (
    {{ union_of('seen_by_everyone', keys) }}
),

-- a customer sees its own states in its windows, and what everyone sees outside them (A5)
at_all_times as (
    select
        availability_policy_id, customer_scope, service_id, region, {{ always_s() }} as start_s,
        {{ never_s() }} as end_s
    from {{ ref('int_observed_scopes') }}
    where customer_scope <> ''
),

windows as (select * from {{ ref('int_scope_windows') }} where customer_scope <> ''),

outside as (
    {{ difference_of('at_all_times', 'windows', keys) }}
),

copied as (
    select
        outside.availability_policy_id, outside.customer_scope, outside.service_id, outside.region,
        greatest(everyones.start_s, outside.start_s) as start_s,
        least(everyones.end_s, outside.end_s) as end_s,
        everyones.start_s <= outside.start_s or everyones.end_s >= outside.end_s as is_at_edge
    from everyones
    inner join outside
        on
            everyones.availability_policy_id = outside.availability_policy_id
            and everyones.service_id = outside.service_id
            and everyones.region = outside.region
            and everyones.start_s < outside.end_s
            and everyones.end_s > outside.start_s
),

-- what meets at the edge of a window is one
at_edges as (
    select availability_policy_id, customer_scope, service_id, region, start_s, end_s
    from {{ ref('int_service_states') }}
    where is_unavailable and customer_scope <> ''
    union all
    select availability_policy_id, customer_scope, service_id, region, start_s, end_s
    from copied
    where is_at_edge
)

select availability_policy_id, customer_scope, service_id, region, start_s, end_s
from everyones
union all
select availability_policy_id, customer_scope, service_id, region, start_s, end_s
from copied
where not is_at_edge
union all
select availability_policy_id, customer_scope, service_id, region, start_s, end_s
from (
    {{ union_of('at_edges', keys) }}
) as whole
