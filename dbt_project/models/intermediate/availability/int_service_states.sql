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
    inner join {{ ref('int_observed_scopes') }} as scopes
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
)

select
    availability_policy_id, customer_scope, service_id, region, start_s, end_s,
    case when state = 'unknown_unavailable' then 'unknown' else state end as state,
    state in ('down', 'unknown_unavailable') as is_unavailable
from (
    {{ states('named', keys, 'service_state') }}
) as changes
where state <> 'inactive'
