with kinds as (
    select 'all' as events
    union all
    select 'unshared' as events
),

-- availability of the month that is not over, with all downtime and without the shared (A5, C3)
availability as (
    select
        credits.subscription_id, credits.month, kinds.events, figures.downtime_seconds,
        figures.covered_seconds, figures.base_seconds,
        figures.up_seconds
        + case kinds.events when 'unshared' then credits.shared_seconds else 0 end as up_seconds,
        figures.commitment_pct, figures.commitment_numerator, figures.commitment_denominator,
        scenarios.terms_id, scenarios.is_commitment_first_bound
    from {{ ref('int_month_credits') }} as credits
    inner join {{ ref('int_month_scenarios') }} as scenarios
        on
            credits.measured_as = scenarios.subscription_id
            and credits.month = scenarios.month
            and credits.scenario_id = scenarios.scenario_id
            and not scenarios.is_final
    inner join {{ ref('int_month_availability') }} as figures
        on
            credits.measured_as = figures.subscription_id
            and credits.month = figures.month
            and credits.scenario_id = figures.scenario_id
            and figures.events = 'all'
    cross join kinds
    where credits.scenario_id = 0
),

-- a tier's credit is due below its bound and below the commitment (C1)
tiers as (
    select
        availability.*, tiers.credit_pct, tiers.below_numerator, tiers.below_denominator,
        tiers.tier = 1 and availability.is_commitment_first_bound as is_bound_by_commitment,
        least(
            {{ tier_bound_pct(
                'tiers', 'availability.is_commitment_first_bound', 'availability.commitment_pct'
            ) }},
            availability.commitment_pct
        ) as below_pct
    from availability
    inner join {{ source('inputs', 'availability_tiers') }} as tiers
        on availability.terms_id = tiers.terms_id and tiers.below_numerator > 0
    where
        availability.covered_seconds > 0
        and availability.base_seconds > 0
        -- nothing is below 0
        and availability.commitment_pct > 0
),

-- the most seconds available that are still strictly below (A6)
most_seconds as (
    select
        *,
        {{ int_divide('commitment_numerator * base_seconds - 1', 'commitment_denominator') }}
            as below_commitment_s,
        case
            when is_bound_by_commitment then base_seconds
            else {{ int_divide('below_numerator * base_seconds - 1', 'below_denominator') }}
        end as below_bound_s
    from tiers
),

-- so many further seconds of downtime cross into the tier; no ticket shares them
crossings as (
    select
        subscription_id, month, events, credit_pct, below_pct,
        up_seconds - least(below_commitment_s, below_bound_s) as seconds_left
    from most_seconds
),

ahead as (
    select distinct subscription_id, month, seconds_left
    from crossings
    where seconds_left > 0
),

-- the credit for availability by then, and the bound that is crossed
reached as (
    select
        ahead.subscription_id, ahead.month, ahead.seconds_left,
        max(case when crossings.events = 'all' then crossings.credit_pct else 0 end)
            as availability_credit,
        max(case when crossings.events = 'unshared' then crossings.credit_pct else 0 end)
            as availability_unshared,
        min(case when crossings.seconds_left = ahead.seconds_left then crossings.below_pct end)
            as below_pct
    from ahead
    inner join crossings
        on
            ahead.subscription_id = crossings.subscription_id
            and ahead.month = crossings.month
            and crossings.seconds_left <= ahead.seconds_left
    group by ahead.subscription_id, ahead.month, ahead.seconds_left
),

-- the credit for resolution stays as it is
parts as (
    select
        reached.*, credits.is_shared, credits.resolution_credit, credits.resolution_unshared,
        credits.cap_pct, credits.credit as credit_now
    from reached
    inner join {{ ref('int_month_credits') }} as credits
        on
            reached.subscription_id = credits.subscription_id
            and reached.month = credits.month
            and credits.scenario_id = 0
),

combined as (
    {{ combined_and_capped('parts') }}
),

rises as (
    select
        *, row_number() over (partition by subscription_id, month order by seconds_left) as sequence
    from combined
    where credit > credit_now
),

-- only covered time can still be lost
remaining as (
    select
        covered.subscription_id, covered.month,
        sum(
            {{ seconds_within('covered.start_s', 'covered.end_s', 'run.as_of_s', 'covered.end_s') }}
        ) as covered_seconds_left
    from {{ ref('int_covered') }} as covered
    cross join {{ source('inputs', 'run') }} as run
    group by covered.subscription_id, covered.month
),

priced as (
    select
        credits.*, availability.downtime_seconds,
        next_rise.below_pct, next_rise.seconds_left, next_rise.credit as next_credit,
        coalesce(remaining.covered_seconds_left, 0) as covered_seconds_left,
        case
            when next_rise.credit is not null
                then {{ share_of_fee('credits.fee_minor', 'next_rise.credit') }}
        end as next_minor
    from {{ ref('int_credits') }} as credits
    inner join availability
        on
            credits.subscription_id = availability.subscription_id
            and credits.month = availability.month
            and availability.events = 'all'
    left join rises as next_rise
        on
            credits.subscription_id = next_rise.subscription_id
            and credits.month = next_rise.month
            and next_rise.sequence = 1
    left join remaining
        on credits.subscription_id = remaining.subscription_id and credits.month = remaining.month
    where credits.scenario_id = 0 and not credits.is_final
)

select
    subscription_id, customer_id, contract_id, service_id, region, month, currency,
    {{ money('fee_minor', 'minor_digits') }} as monthly_fee,
    downtime_seconds,
    cast(credit as decimal(18, 6)) as credit_pct,
    {{ money('credit_minor', 'minor_digits') }} as credit_amount,
    cast(below_pct as decimal(18, 6)) as next_below_pct,
    seconds_left,
    seconds_left <= covered_seconds_left as is_within_reach,
    cast(next_credit as decimal(18, 6)) as next_credit_pct,
    {{ money('next_minor', 'minor_digits') }} as next_credit_amount,
    {{ money('next_minor - credit_minor', 'minor_digits') }} as additional_amount,
    reasons
from priced
