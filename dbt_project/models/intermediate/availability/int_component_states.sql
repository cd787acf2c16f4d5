{%- set keys = ['availability_policy_id', 'customer_scope', 'component_id'] -%}
{%- set counters = ['active', 'known', 'down', 'degraded', 'record_down', 'record_degraded', 'record_up', 'assumed_up', 'excluded'] -%}

with judged as (
    select
        components.component_id, components.service_id, components.region, components.active_from_s,
        components.active_to_s, components.first_check_s, components.first_record_s,
        scopes.availability_policy_id, scopes.customer_scope, availability_policies.stale_after_s, availability_policies.without_checks, run.as_of_s
    from {{ ref('int_components') }} as components
    inner join {{ ref('int_availability_scopes') }} as scopes on components.service_id = scopes.service_id and components.region = scopes.region
    inner join {{ source('inputs', 'availability_policies') }} as availability_policies on scopes.availability_policy_id = availability_policies.availability_policy_id
    cross join {{ source('inputs', 'run') }} as run
),

next_spans as (
    select
        component_id, state, first_s, last_s,
        lead(first_s) over (partition by series_id order by first_s) as next_s
    from {{ ref('stg_check_spans') }}
),

-- a result holds until the next of its component and location, at most stale_after_s (M1)
location_states as (
    select
        judged.availability_policy_id, judged.customer_scope, judged.component_id, next_spans.state, next_spans.first_s as start_s,
        least(next_spans.last_s + judged.stale_after_s, coalesce(next_spans.next_s, judged.as_of_s), judged.as_of_s) as end_s
    from next_spans
    inner join judged on next_spans.component_id = judged.component_id
),

known as (select * from location_states where state > 0),
degraded as (select * from location_states where state = 2),
down as (select * from location_states where state = 3),

records as (
    select judged.availability_policy_id, judged.customer_scope, judged.component_id, outages.state, outages.started_at_s as start_s, outages.ended_at_s as end_s
    from {{ ref('stg_outages') }} as outages
    inner join judged on outages.component_id = judged.component_id
),

record_up as (select * from records where state = 'up'),
record_degraded as (select * from records where state = 'degraded'),
record_down as (select * from records where state = 'down'),

-- a component without any check is up from its first record on, where the policy says so (M3)
assumed_up as (
    select availability_policy_id, customer_scope, component_id, first_record_s as start_s, as_of_s as end_s
    from judged
    where without_checks = 'up' and first_check_s is null and first_record_s is not null
),

active as (
    select availability_policy_id, customer_scope, component_id, active_from_s as start_s, least(active_to_s, as_of_s) as end_s
    from judged
),

-- those that concern every customer, and those of the customer_scope (X2, A5)
excluded as (
    select judged.availability_policy_id, judged.customer_scope, judged.component_id, exclusions.start_s, exclusions.end_s
    from {{ ref('int_exclusions') }} as exclusions
    inner join judged on exclusions.availability_policy_id = judged.availability_policy_id and exclusions.component_id = judged.component_id
    where
        (exclusions.customer_id is null or exclusions.customer_id = judged.customer_scope)
        and (exclusions.service_id is null or exclusions.service_id = judged.service_id)
        and (exclusions.region is null or exclusions.region = judged.region)
),

all_edges as (
    {{ edges_of_all(keys, counters) }}
),

sweep as (
    {{ timeline('all_edges', keys, counters) }}
),

-- records beat checks, the worst record wins (M3); else the quorum of the locations that know (M2)
observed as (
    select
        sweep.*, availability_policies.is_degraded_unavailable, availability_policies.is_unknown_unavailable,
        case
            when sweep.record_down > 0 then 'down'
            when sweep.record_degraded > 0 then 'degraded'
            when sweep.record_up > 0 then 'up'
            when sweep.known > 0 and (
                (availability_policies.quorum = 'majority' and sweep.down * 2 > sweep.known)
                or (availability_policies.quorum = 'any' and sweep.down > 0)
                or (availability_policies.quorum = 'all' and sweep.down = sweep.known)
            ) then 'down'
            when sweep.known > 0 and sweep.degraded > 0 then 'degraded'
            when sweep.known > 0 or sweep.assumed_up > 0 then 'up'
            else 'unknown'
        end as observed_state
    from sweep
    inner join {{ source('inputs', 'availability_policies') }} as availability_policies on sweep.availability_policy_id = availability_policies.availability_policy_id
),

-- what the groups see: degraded is down or up (M5), down inside an exclusion reads up (X2), and unknown too where it counts (M6)
effective as (
    select
        *,
        case
            when active = 0 then 'inactive'
            when observed_state = 'unknown' and not (excluded > 0 and is_unknown_unavailable) then 'unknown'
            when excluded > 0 then 'up'
            when observed_state = 'down' or (observed_state = 'degraded' and is_degraded_unavailable) then 'down'
            else 'up'
        end as effective_state
    from observed
)

select availability_policy_id, customer_scope, component_id, start_s, end_s, state
from (
    {{ states('effective', keys, 'effective_state') }}
) as changes
where state <> 'inactive'
