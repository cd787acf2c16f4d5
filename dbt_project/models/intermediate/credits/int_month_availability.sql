with shared as (
    select distinct subscription_id, month, scenario_id, start_s
    from {{ ref('int_shared_events') }}
),

shared_downtime as (
    select shared.subscription_id, shared.month, shared.scenario_id, sum(downtime.seconds) as seconds
    from shared
    inner join {{ ref('int_month_scenarios') }} as scenarios
        on
            shared.subscription_id = scenarios.subscription_id
            and shared.month = scenarios.month
            and shared.scenario_id = scenarios.scenario_id
    inner join {{ ref('int_month_downtime') }} as downtime
        on
            shared.subscription_id = downtime.subscription_id
            and shared.month = downtime.month
            and scenarios.availability_policy_id = downtime.availability_policy_id
            and shared.start_s = downtime.start_s
    group by shared.subscription_id, shared.month, shared.scenario_id
),

figures as (
    select
        seconds.*, scenarios.terms_id, scenarios.is_commitment_first_bound,
        seconds.total_seconds - seconds.excluded_seconds as base_seconds,
        cast(coalesce(shared_downtime.seconds, 0) as bigint) as shared_seconds,
        commitments.commitment_pct, commitments.commitment_numerator, commitments.commitment_denominator
    from {{ ref('int_month_seconds') }} as seconds
    inner join {{ ref('int_month_scenarios') }} as scenarios
        on
            seconds.subscription_id = scenarios.subscription_id
            and seconds.month = scenarios.month
            and seconds.scenario_id = scenarios.scenario_id
    left join {{ ref('int_commitments') }} as commitments
        on
            scenarios.terms_id = commitments.terms_id
            and scenarios.service_id = commitments.service_id
    left join shared_downtime
        on
            seconds.subscription_id = shared_downtime.subscription_id
            and seconds.month = shared_downtime.month
            and seconds.scenario_id = shared_downtime.scenario_id
),

-- with all intervals, and with those left out whole that share an event with a ticket (C3)
events as (
    select 'all' as events, figures.*, figures.base_seconds - figures.downtime_seconds as up_seconds from figures
    union all
    select 'unshared' as events, figures.*, figures.base_seconds - figures.downtime_seconds + figures.shared_seconds as up_seconds from figures
),

-- below the commitment, the deepest tier that the figure is below (C1)
tiered as (
    select events.events, events.subscription_id, events.month, events.scenario_id, max(tiers.tier) as tier, max(tiers.credit_pct) as credit_pct
    from events
    inner join {{ source('inputs', 'availability_tiers') }} as tiers on events.terms_id = tiers.terms_id
    where
        events.covered_seconds > 0
        and events.base_seconds > 0
        and events.commitment_pct is not null
        and events.up_seconds * events.commitment_denominator < events.commitment_numerator * events.base_seconds
        and (
            (tiers.tier = 1 and events.is_commitment_first_bound)
            or events.up_seconds * tiers.below_denominator < tiers.below_numerator * events.base_seconds
        )
    group by events.events, events.subscription_id, events.month, events.scenario_id
)

select
    events.events, events.subscription_id, events.month, events.scenario_id, events.covered_seconds, events.total_seconds,
    events.excluded_seconds, events.downtime_seconds, events.shared_seconds, events.base_seconds, events.up_seconds,
    events.commitment_pct, events.commitment_numerator, events.commitment_denominator, tiered.tier,
    coalesce(
        events.commitment_pct is not null
        and events.up_seconds * events.commitment_denominator < events.commitment_numerator * events.base_seconds,
        false
    ) as is_below_commitment,
    coalesce(tiered.credit_pct, cast(0 as decimal(18, 9))) as credit_pct
from events
left join tiered
    on
        events.events = tiered.events
        and events.subscription_id = tiered.subscription_id
        and events.month = tiered.month
        and events.scenario_id = tiered.scenario_id
