{%- set keys = ['availability_policy_id', 'customer_scope', 'service_id', 'region', 'group_id'] -%}
{%- set counters = ['up', 'unknown', 'down'] -%}

with members as (
    select
        states.availability_policy_id, states.customer_scope, components.service_id,
        components.region, components.group_id,
        states.start_s, states.end_s, states.state
    from {{ ref('int_component_states') }} as states
    inner join {{ ref('int_components') }} as components
        on states.component_id = components.component_id
),

up as (select * from members where state = 'up'),
unknown as (select * from members where state = 'unknown'),
down as (select * from members where state = 'down'),

all_edges as (
    {{ edges_of_all(keys, counters) }}
),

sweep as (
    {{ timeline('all_edges', keys, counters) }}
),

-- up if any component is, else unknown if any is; inactive where none is active (M4)
named as (
    select
        *,
        case
            when up > 0 then 'up'
            when unknown > 0 then 'unknown'
            when down > 0 then 'down'
            else 'inactive'
        end as group_state
    from sweep
)

select
    availability_policy_id, customer_scope, service_id, region, group_id, start_s, end_s, state
from (
    {{ states('named', keys, 'group_state') }}
) as changes
where state <> 'inactive'
