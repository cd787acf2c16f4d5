with figures as (
    select
        seconds.*, scenarios.terms_id, scenarios.is_commitment_first_bound,
        scenarios.is_first_tier_inclusive, scenarios.lifecycle, scenarios.credit_form,
        scenarios.step_numerator, scenarios.step_denominator, scenarios.step_s,
        scenarios.is_begun_step_counted, scenarios.credit_factor, scenarios.is_credit_in_days,
        scenarios.days,
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
    select
        *, base_seconds - downtime_seconds + shared_seconds as up_seconds,
        downtime_seconds - shared_seconds as taken_seconds
    from events
),

credited as (
    {{ availability_credit('available', ['events', 'seen_by', 'month', 'scenario_id']) }}
)

select
    events, seen_by as subscription_id, month, scenario_id,
    covered_seconds, total_seconds, excluded_seconds, downtime_seconds, shared_seconds,
    base_seconds, up_seconds, commitment_pct, commitment_numerator, commitment_denominator,
    is_below_commitment, tier, steps, credit_scale, credit
from credited
