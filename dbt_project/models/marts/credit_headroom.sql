-- the month that is not over, as things stand (A5), and the tier after the one in force
with standing as (
    select
        available.subscription_id, available.month, available.covered_seconds, available.base_seconds, available.up_seconds,
        available.downtime_seconds, available.commitment_pct, available.credit_pct,
        readings.terms_id, readings.is_commitment_first_bound, readings.product_category, readings.end_s, run.as_of_s,
        coalesce(available.tier, 0) as tier
    from {{ ref('int_month_availability') }} as available
    inner join {{ ref('int_month_readings') }} as readings
        on
            available.subscription_id = readings.subscription_id
            and available.month = readings.month
            and available.reading_id = readings.reading_id
    cross join {{ source('inputs', 'run') }} as run
    where available.reading_id = 0 and available.events = 'all' and not readings.is_final
),

next_tiers as (
    select standing.subscription_id, standing.month, min(tiers.tier) as tier
    from standing
    inner join {{ source('inputs', 'availability_tiers') }} as tiers
        on standing.terms_id = tiers.terms_id and standing.tier < tiers.tier and standing.credit_pct < tiers.credit_pct
    where standing.covered_seconds > 0 and standing.base_seconds > 0 and standing.commitment_pct is not null
    group by standing.subscription_id, standing.month
),

-- the most seconds available that are still strictly below a bound (A6): below the commitment, and below the tier's own (C1)
bounded as (
    select
        standing.subscription_id, standing.month, standing.up_seconds, standing.end_s, standing.as_of_s, tiers.credit_pct,
        case
            when tiers.tier = 1 and standing.is_commitment_first_bound then greatest(tiers.below_pct, standing.commitment_pct)
            else least(tiers.below_pct, standing.commitment_pct)
        end as below_pct,
        {{ int_divide('commitments.commitment_numerator * standing.base_seconds - 1', 'commitments.commitment_denominator') }} as below_commitment_s,
        case
            when not (tiers.tier = 1 and standing.is_commitment_first_bound)
                then {{ int_divide('tiers.below_numerator * standing.base_seconds - 1', 'tiers.below_denominator') }}
        end as below_tier_s
    from standing
    inner join next_tiers on standing.subscription_id = next_tiers.subscription_id and standing.month = next_tiers.month
    inner join {{ source('inputs', 'availability_tiers') }} as tiers
        on standing.terms_id = tiers.terms_id and next_tiers.tier = tiers.tier and tiers.below_numerator > 0
    inner join {{ source('inputs', 'commitments') }} as commitments
        on
            standing.terms_id = commitments.terms_id
            and (commitments.product_category is null or standing.product_category = commitments.product_category)
            and commitments.commitment_numerator > 0
),

-- what the whole credit would be with that tier, all else as it is: the downtime that is missing is no ticket's (C3, C4)
crossed as (
    select
        bounded.subscription_id, bounded.month, bounded.below_pct,
        bounded.up_seconds - least(bounded.below_commitment_s, coalesce(bounded.below_tier_s, bounded.below_commitment_s)) as seconds_left,
        bounded.end_s - bounded.as_of_s as month_seconds_left,
        least(
            case
                when not credits.is_shared then bounded.credit_pct + credits.resolution_credit
                else greatest(bounded.credit_pct + credits.resolution_unshared, credits.availability_unshared + credits.resolution_credit)
            end,
            credits.cap_pct
        ) as credit
    from bounded
    inner join {{ ref('int_month_credits') }} as credits
        on bounded.subscription_id = credits.subscription_id and bounded.month = credits.month and credits.reading_id = 0
),

priced as (
    select
        credits.*, standing.downtime_seconds, crossed.below_pct, crossed.seconds_left, crossed.month_seconds_left, crossed.credit as next_credit,
        case
            when crossed.credit is null then null
            when credits.fee_minor > 0 then {{ percent_of('credits.fee_minor', 'crossed.credit') }}
            else 0
        end as next_minor
    from {{ ref('int_credits') }} as credits
    inner join standing on credits.subscription_id = standing.subscription_id and credits.month = standing.month
    left join crossed on credits.subscription_id = crossed.subscription_id and credits.month = crossed.month
    where credits.reading_id = 0
)

select
    subscription_id, customer_id, contract_id, service_id, region, month, currency,
    {{ money('fee_minor', 'minor_digits') }} as monthly_fee,
    downtime_seconds,
    cast(credit as decimal(18, 6)) as credit_pct,
    {{ money('credit_minor', 'minor_digits') }} as credit_amount,
    cast(below_pct as decimal(18, 6)) as next_below_pct,
    seconds_left,
    seconds_left <= month_seconds_left as is_within_reach,
    cast(next_credit as decimal(18, 6)) as next_credit_pct,
    {{ money('next_minor', 'minor_digits') }} as next_credit_amount,
    {{ money('next_minor - credit_minor', 'minor_digits') }} as additional_amount,
    reasons
from priced
