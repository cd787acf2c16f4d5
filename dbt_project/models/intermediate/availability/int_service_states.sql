{%- set keys = ['method_id', 'audience', 'service_id', 'region'] -%}
{%- set counters = ['up', 'unknown', 'down', 'seen'] -%}

with up as (select * from {{ ref('int_group_states') }} where state = 'up'),
unknown as (select * from {{ ref('int_group_states') }} where state = 'unknown'),
down as (select * from {{ ref('int_group_states') }} where state = 'down'),

seen as (
    select views.method_id, views.audience, views.service_id, views.region, regions.first_seen_s as start_s, run.as_of_s as end_s
    from {{ ref('int_service_regions') }} as regions
    inner join {{ ref('int_views') }} as views on regions.service_id = views.service_id and regions.region = views.region
    cross join {{ source('inputs', 'run') }} as run
    where regions.first_seen_s is not null
),

all_edges as (
    {{ edges_of_all(keys, counters) }}
),

sweep as (
    {{ timeline('all_edges', keys, counters) }}
),

-- unknown counts as unavailable only where the policy says so, from the first check or record on (M6)
named as (
    select
        sweep.*,
        case
            when sweep.down > 0 then 'down'
            when sweep.unknown > 0 and methods.is_unknown_unavailable and sweep.seen > 0 then 'unknown_unavailable'
            when sweep.unknown > 0 then 'unknown'
            when sweep.up > 0 then 'up'
            else 'inactive'
        end as service_state
    from sweep
    inner join {{ source('inputs', 'methods') }} as methods on sweep.method_id = methods.method_id
)

select
    method_id, audience, service_id, region, start_s, end_s,
    case when state = 'unknown_unavailable' then 'unknown' else state end as state,
    state in ('down', 'unknown_unavailable') as is_unavailable
from (
    {{ states('named', keys, 'service_state') }}
) as changes
where state <> 'inactive'
