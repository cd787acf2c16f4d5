-- the month that is not over, as things stand: with all downtime, and without what tickets share (A5, C3)
with standing as (
    select
        available.subscription_id, available.month, available.events, available.base_seconds, available.up_seconds,
        available.commitment_pct, available.commitment_numerator, available.commitment_denominator,
        scenarios.terms_id, scenarios.is_commitment_first_bound
    from {{ ref('int_month_availability') }} as available
    inner join {{ ref('int_month_scenarios') }} as scenarios
        on
            available.subscription_id = scenarios.subscription_id
            and available.month = scenarios.month
            and available.scenario_id = scenarios.scenario_id
    where
        available.scenario_id = 0
        and not scenarios.is_final
        and available.covered_seconds > 0
        and available.base_seconds > 0
        -- below 0 is nothing
        and available.commitment_pct > 0
),

-- the most seconds available that are still strictly below each bound (A6): below the commitment, and below the tier's own (C1)
bounded as (
    select
        standing.subscription_id, standing.month, standing.events, standing.up_seconds, tiers.credit_pct,
        case
            when tiers.tier = 1 and standing.is_commitment_first_bound then standing.commitment_pct
            else least(tiers.below_pct, standing.commitment_pct)
        end as below_pct,
        least(
            {{ int_divide('standing.commitment_numerator * standing.base_seconds - 1', 'standing.commitment_denominator') }},
            case
                when tiers.tier = 1 and standing.is_commitment_first_bound then standing.base_seconds
                else {{ int_divide('tiers.below_numerator * standing.base_seconds - 1', 'tiers.below_denominator') }}
            end
        ) as below_s
    from standing
    inner join {{ source('inputs', 'availability_tiers') }} as tiers on standing.terms_id = tiers.terms_id and tiers.below_numerator > 0
),

-- so many further seconds of downtime put the month below each bound; the downtime that is missing is no ticket's
crossings as (
    select subscription_id, month, events, credit_pct, below_pct, up_seconds - below_s as seconds_left
    from bounded
),

ahead as (
    select distinct subscription_id, month, seconds_left
    from crossings
    where seconds_left > 0
),

-- what both kinds would be by then
reached as (
    select
        ahead.subscription_id, ahead.month, ahead.seconds_left,
        max(case when crossings.events = 'all' then crossings.credit_pct else 0 end) as availability_credit,
        max(case when crossings.events = 'unshared' then crossings.credit_pct else 0 end) as availability_unshared,
        min(case when crossings.seconds_left = ahead.seconds_left then crossings.below_pct end) as below_pct
    from ahead
    inner join crossings
        on
            ahead.subscription_id = crossings.subscription_id
            and ahead.month = crossings.month
            and crossings.seconds_left <= ahead.seconds_left
    group by ahead.subscription_id, ahead.month, ahead.seconds_left
),

-- not both for the same event, at most the cap (C3, C4)
credited as (
    select
        reached.*, credits.credit as credit_before,
        least(
            case
                when not credits.is_shared then reached.availability_credit + credits.resolution_credit
                else
                    greatest(
                        reached.availability_credit + credits.resolution_unshared,
                        reached.availability_unshared + credits.resolution_credit
                    )
            end,
            credits.cap_pct
        ) as credit
    from reached
    inner join {{ ref('int_month_credits') }} as credits
        on reached.subscription_id = credits.subscription_id and reached.month = credits.month and credits.scenario_id = 0
),

-- the first that raises the credit
next_tiers as (
    select *
    from (
        select *, row_number() over (partition by subscription_id, month order by seconds_left) as sequence
        from credited
        where credit > credit_before
    ) as rising
    where sequence = 1
),

-- only covered time can still be lost
remaining as (
    select
        covered.subscription_id, covered.month,
        sum({{ seconds_within('covered.start_s', 'covered.end_s', 'run.as_of_s', 'covered.end_s') }}) as covered_seconds_left
    from {{ ref('int_covered') }} as covered
    cross join {{ source('inputs', 'run') }} as run
    group by covered.subscription_id, covered.month
),

priced as (
    select
        credits.*, figures.downtime_seconds, next_tiers.below_pct, next_tiers.seconds_left, next_tiers.credit as next_credit,
        coalesce(remaining.covered_seconds_left, 0) as covered_seconds_left,
        case
            when next_tiers.credit is null then null
            when credits.fee_minor > 0 then {{ percent_of('credits.fee_minor', 'next_tiers.credit') }}
            else 0
        end as next_minor
    from {{ ref('int_credits') }} as credits
    inner join {{ ref('int_month_availability') }} as figures
        on
            credits.subscription_id = figures.subscription_id
            and credits.month = figures.month
            and credits.scenario_id = figures.scenario_id
            and figures.events = 'all'
    left join next_tiers on credits.subscription_id = next_tiers.subscription_id and credits.month = next_tiers.month
    left join remaining on credits.subscription_id = remaining.subscription_id and credits.month = remaining.month
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
