{%- set keys = ['availability_policy_id', 'customer_scope', 'component_id'] -%}
{#- each is a CTE of intervals below and, in `sweep`, the number of them at an instant -#}
{%- set counters = [
    'active', 'assumed_up', 'excluded',
    'checked', 'checked_degraded', 'checked_down',
    'recorded_up', 'recorded_degraded', 'recorded_down',
] -%}

-- each component by every availability policy and for every customer scope of its region, in that
-- scope's windows
with judged as (
    select
        components.component_id, components.service_id, components.region,
        components.active_from_s, components.active_to_s,
        components.first_check_s, components.first_record_s,
        scopes.availability_policy_id, scopes.customer_scope,
        policies.stale_after_s, policies.without_checks, run.as_of_s,
        scopes.start_s as window_start_s, scopes.end_s as window_end_s
    from {{ ref('int_components') }} as components
    inner join {{ ref('int_scope_windows') }} as scopes
        on components.service_id = scopes.service_id and components.region = scopes.region
    inner join {{ source('inputs', 'availability_policies') }} as policies
        on scopes.availability_policy_id = policies.availability_policy_id
    cross join {{ source('inputs', 'run') }} as run
),

active as (
    select
        availability_policy_id, customer_scope, component_id,
        greatest(active_from_s, window_start_s) as start_s,
        least(active_to_s, as_of_s, window_end_s) as end_s
    from judged
),

-- a component without any check is up from its first record on, where the policy says so (M3)
assumed_up as (
    select
        availability_policy_id, customer_scope, component_id,
        greatest(first_record_s, window_start_s) as start_s, least(as_of_s, window_end_s) as end_s
    from judged
    where without_checks = 'up' and first_check_s is null and first_record_s is not null
),

-- those that concern every customer, and those of the customer scope (X2, A5)
excluded as (
    select
        judged.availability_policy_id, judged.customer_scope, judged.component_id,
        greatest(exclusions.start_s, judged.window_start_s) as start_s,
        least(exclusions.end_s, judged.window_end_s) as end_s
    from {{ ref('int_exclusions') }} as exclusions
    inner join judged
        on
            exclusions.availability_policy_id = judged.availability_policy_id
            and exclusions.component_id = judged.component_id
    where
        (exclusions.customer_id is null or exclusions.customer_id = judged.customer_scope)
        and (exclusions.service_id is null or exclusions.service_id = judged.service_id)
        and (exclusions.region is null or exclusions.region = judged.region)
),

-- what each location sees, for as long as its results hold (M1)
results as (
    select
        judged.availability_policy_id, judged.customer_scope, judged.component_id, spans.state,
        greatest(spans.first_s, judged.window_start_s) as start_s,
        least(
            {{ held_until('spans', 'judged.stale_after_s') }}, judged.as_of_s, judged.window_end_s
        ) as end_s
    from {{ ref('stg_check_spans') }} as spans
    inner join judged
        on spans.component_id = judged.component_id and spans.first_s < judged.window_end_s
    where spans.state <> {{ state_code('unknown') }}
),

checked as (select * from results),
checked_degraded as (select * from results where state = {{ state_code('degraded') }}),
checked_down as (select * from results where state = {{ state_code('down') }}),

records as (
    select
        judged.availability_policy_id, judged.customer_scope, judged.component_id, outages.state,
        greatest(outages.started_at_s, judged.window_start_s) as start_s,
        least(outages.ended_at_s, judged.window_end_s) as end_s
    from {{ ref('int_records') }} as outages
    inner join judged on outages.component_id = judged.component_id
),

recorded_up as (select * from records where state = 'up'),
recorded_degraded as (select * from records where state = 'degraded'),
recorded_down as (select * from records where state = 'down'),

all_edges as (
    {{ edges_of_all(keys, counters) }}
),

sweep as (
    {{ timeline('all_edges', keys, counters) }}
),

-- whether enough of the locations that know see it down (M2)
counted as (
    select
        sweep.*, policies.is_degraded_unavailable, policies.is_unknown_unavailable,
        case policies.quorum
            when 'majority' then sweep.checked_down * 2 > sweep.checked
            when 'any' then sweep.checked_down > 0
            when 'all' then sweep.checked_down > 0 and sweep.checked_down = sweep.checked
        end as has_quorum
    from sweep
    inner join {{ source('inputs', 'availability_policies') }} as policies
        on sweep.availability_policy_id = policies.availability_policy_id
),

-- records beat checks, the worst record wins (M3); else what the locations see (M2)
observed as (
    select
        *,
        case
            when recorded_down > 0 then 'down'
            when recorded_degraded > 0 then 'degraded'
            when recorded_up > 0 then 'up'
            when has_quorum then 'down'
            when checked_degraded > 0 then 'degraded'
            when checked > 0 or assumed_up > 0 then 'up'
            else 'unknown'
        end as observed_state
    from counted
),

-- what groups see: degraded is down or up (M5); inside an exclusion down reads up (X2), and so
-- does unknown where it counts as unavailable (M6)
effective as (
    select
        *,
        case
            when active = 0 then 'inactive'
            when observed_state = 'unknown' and not (excluded > 0 and is_unknown_unavailable)
                then 'unknown'
            when excluded > 0 then 'up'
            when observed_state = 'down' then 'down'
            when observed_state = 'degraded' and is_degraded_unavailable then 'down'
            else 'up'
        end as effective_state
    from observed
)

select availability_policy_id, customer_scope, component_id, start_s, end_s, state
from (
    {{ states('effective', keys, 'effective_state') }}
) as changes
where state <> 'inactive'
