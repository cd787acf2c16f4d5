{%- set keys = ['availability_policy_id', 'customer_scope', 'service_id', 'region'] -%}
{%- set counters = ['up', 'unknown', 'down', 'seen'] -%}

with up as (select * from {{ ref('int_group_states') }} where state = 'up'),
unknown as (select * from {{ ref('int_group_states') }} where state = 'unknown'),
down as (select * from {{ ref('int_group_states') }} where state = 'down'),

seen as (
    select
        scopes.availability_policy_id, scopes.customer_scope, scopes.service_id, scopes.region,
        regions.first_seen_s as start_s, run.as_of_s as end_s
    from {{ ref('int_service_regions') }} as regions
    inner join {{ ref('int_availability_scopes') }} as scopes
        on regions.service_id = scopes.service_id and regions.region = scopes.region
    cross join {{ source('inputs', 'run') }} as run
    where regions.first_seen_s is not null
),

all_edges as (
    {{ edges_of_all(keys, counters) }}
),

sweep as (
    {{ timeline('all_edges', keys, counters) }}
),

-- unknown counts as unavailable only where the policy says so, from the first check or record on
-- (M6)
named as (
    select
        sweep.*,
        case
            when sweep.down > 0 then 'down'
            when sweep.unknown > 0 and policies.is_unknown_unavailable and sweep.seen > 0
                then 'unknown_unavailable'
            when sweep.unknown > 0 then 'unknown'
            when sweep.up > 0 then 'up'
            else 'inactive'
        end as service_state
    from sweep
    inner join {{ source('inputs', 'availability_policies') }} as policies
        on sweep.availability_policy_id = policies.availability_policy_id
),

observed as (
    select
        availability_policy_id, customer_scope, service_id, region, start_s, end_s,
        case when state = 'unknown_unavailable' then 'unknown' else state end as state,
        state in ('down', 'unknown_unavailable') as is_unavailable
    from (
        {{ states('named', keys, 'service_state') }}
    ) as changes
    where state <> 'inactive'
),

-- outside its windows a customer sees what everyone sees
at_all_times as (
    select
        availability_policy_id, customer_scope, service_id, region, {{ always_s() }} as start_s,
        {{ never_s() }} as end_s
    from {{ ref('int_availability_scopes') }}
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
        least(everyones.end_s, outside.end_s) as end_s, everyones.state as seen_state,
        everyones.is_unavailable,
        everyones.start_s <= outside.start_s or everyones.end_s >= outside.end_s as is_at_edge
    from observed as everyones
    inner join outside
        on
            everyones.availability_policy_id = outside.availability_policy_id
            and everyones.service_id = outside.service_id
            and everyones.region = outside.region
            and everyones.start_s < outside.end_s
            and everyones.end_s > outside.start_s
    where everyones.customer_scope = ''
),

-- what meets at the edge of a window may be one
at_edges as (
    select
        availability_policy_id, customer_scope, service_id, region, start_s, end_s,
        state as seen_state, is_unavailable
    from observed
    where customer_scope <> ''
    union all
    select
        availability_policy_id, customer_scope, service_id, region, start_s, end_s, seen_state,
        is_unavailable
    from copied
    where is_at_edge
)

select
    availability_policy_id, customer_scope, service_id, region, start_s, end_s, state,
    is_unavailable
from observed
where customer_scope = ''
union all
select
    availability_policy_id, customer_scope, service_id, region, start_s, end_s,
    seen_state as state, is_unavailable
from copied
where not is_at_edge
union all
select
    availability_policy_id, customer_scope, service_id, region, start_s, end_s,
    seen_state as state, is_unavailable
from (
    {{ union_of('at_edges', keys + ['seen_state', 'is_unavailable']) }}
) as whole
