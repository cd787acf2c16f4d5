with figures as (
    select
        seconds.*, scenarios.terms_id, scenarios.is_commitment_first_bound,
        seconds.total_seconds - seconds.excluded_seconds as base_seconds,
        commitments.commitment_pct, commitments.commitment_numerator,
        commitments.commitment_denominator
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
),

shared as (
    select distinct
        subscription_id, month, scenario_id, measured_as, availability_policy_id, start_s
    from {{ ref('int_shared_events') }}
),

shared_downtime as (
    select
        shared.subscription_id, shared.month, shared.scenario_id, shared.measured_as,
        sum(downtime.seconds) as seconds
    from shared
    inner join {{ ref('int_month_downtime') }} as downtime
        on
            shared.measured_as = downtime.subscription_id
            and shared.month = downtime.month
            and shared.availability_policy_id = downtime.availability_policy_id
            and shared.start_s = downtime.start_s
    group by shared.subscription_id, shared.month, shared.scenario_id, shared.measured_as
),

-- with all intervals, once for all that are measured alike
-- and, for those concerned, without the intervals that share an event with a ticket (C3)
events as (
    select
        'all' as events, figures.subscription_id as seen_by, figures.*,
        cast(0 as bigint) as shared_seconds
    from figures
    union all
    select
        'unshared' as events, shared_downtime.subscription_id as seen_by, figures.*,
        cast(shared_downtime.seconds as bigint) as shared_seconds
    from figures
    inner join shared_downtime
        on
            figures.subscription_id = shared_downtime.measured_as
            and figures.month = shared_downtime.month
            and figures.scenario_id = shared_downtime.scenario_id
),

available as (
    select *, base_seconds - downtime_seconds + shared_seconds as up_seconds
    from events
),

-- strictly, as a ratio of seconds (A6)
compared as (
    select
        *,
        coalesce(
            commitment_pct is not null
            and up_seconds * commitment_denominator < commitment_numerator * base_seconds,
            false
        ) as is_below_commitment
    from available
),

-- below the commitment, the deepest tier that the figure is below (C1)
tiered as (
    select
        compared.events, compared.seen_by, compared.month, compared.scenario_id,
        max(tiers.tier) as tier, max(tiers.credit_pct) as credit_pct
    from compared
    inner join {{ source('inputs', 'availability_tiers') }} as tiers
        on compared.terms_id = tiers.terms_id
    where
        compared.covered_seconds > 0
        and compared.base_seconds > 0
        and compared.is_below_commitment
        and (
            (tiers.tier = 1 and compared.is_commitment_first_bound)
            or compared.up_seconds * tiers.below_denominator
            < tiers.below_numerator * compared.base_seconds
        )
    group by compared.events, compared.seen_by, compared.month, compared.scenario_id
)

select
    compared.events, compared.seen_by as subscription_id, compared.month, compared.scenario_id,
    compared.covered_seconds, compared.total_seconds, compared.excluded_seconds,
    compared.downtime_seconds, compared.shared_seconds, compared.base_seconds, compared.up_seconds,
    compared.commitment_pct, compared.commitment_numerator, compared.commitment_denominator,
    compared.is_below_commitment, tiered.tier,
    coalesce(tiered.credit_pct, cast(0 as decimal(18, 9))) as credit_pct
from compared
left join tiered
    on
        compared.events = tiered.events
        and compared.seen_by = tiered.seen_by
        and compared.month = tiered.month
        and compared.scenario_id = tiered.scenario_id
