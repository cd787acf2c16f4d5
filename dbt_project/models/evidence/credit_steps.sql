-- the months that credits have a row for, by the contract as it is
with months as (
    select
        alike.subscription_id, alike.month, alike.measured_as, scenarios.contract_id,
        scenarios.terms_id, scenarios.availability_policy_id, scenarios.customer_scope,
        scenarios.is_commitment_first_bound
    from {{ ref('int_measured_as') }} as alike
    inner join {{ ref('int_month_scenarios') }} as scenarios
        on
            alike.measured_as = scenarios.subscription_id
            and alike.month = scenarios.month
            and scenarios.scenario_id = 0
),

-- resolution with all incidents, and the tier of its average delay
resolution as (
    select figures.*, tiers.up_to_pct as tier_up_to_pct
    from months
    inner join {{ ref('int_resolution_performance') }} as figures
        on
            months.subscription_id = figures.subscription_id
            and months.month = figures.month
            and figures.scenario_id = 0
            and figures.events = 'all'
    left join {{ source('inputs', 'resolution_tiers') }} as tiers
        on months.terms_id = tiers.terms_id and figures.tier = tiers.tier
),

-- resolution without the incidents that share an event with downtime
resolution_unshared as (
    select subscription_id, month, incidents, missed
    from {{ ref('int_resolution_performance') }}
    where scenario_id = 0 and events = 'unshared'
)

select
    months.subscription_id, months.month, months.contract_id, terms.contract_version,
    months.terms_id, months.availability_policy_id, months.customer_scope,
    availability.total_seconds, availability.covered_seconds, availability.excluded_seconds,
    availability.base_seconds, availability.downtime_seconds, availability.up_seconds,
    {{ month_availability_pct('availability') }} as availability_pct,
    cast(availability.commitment_pct as decimal(18, 6)) as commitment_pct,
    availability.is_below_commitment,
    cast(
        {{ tier_bound_pct(
            'tiers', 'months.is_commitment_first_bound', 'availability.commitment_pct'
        ) }} as decimal(18, 6)
    ) as availability_tier_below_pct,
    coalesce(tiers.is_inclusive, false) as is_tier_inclusive,
    terms.credit_form, availability.steps, terms.credit_factor,
    {{ credit_pct_of('credits.availability_credit', 'credits.credit_scale') }}
        as availability_credit_pct,
    credits.shared_seconds,
    {{ credit_pct_of('credits.availability_unshared', 'credits.credit_scale') }}
        as availability_credit_unshared_pct,
    coalesce(resolution.incidents, 0) as incidents,
    coalesce(resolution.missed, 0) as missed,
    case
        when resolution.incidents > 0
            then {{ percentage('resolution.missed', 'resolution.incidents') }}
    end as missed_pct,
    coalesce(resolution.is_triggered, false) as is_triggered,
    case
        when resolution.missed > 0
            then {{ percentage(wide('resolution.delay_parts'), 'resolution.whole_parts') }}
    end as average_delay_pct,
    resolution.tier as resolution_tier,
    cast(resolution.tier_up_to_pct as decimal(18, 6)) as resolution_tier_up_to_pct,
    {{ credit_pct_of('credits.resolution_credit', 'credits.credit_scale') }}
        as resolution_credit_pct,
    coalesce(resolution_unshared.incidents, 0) as incidents_unshared,
    coalesce(resolution_unshared.missed, 0) as missed_unshared,
    {{ credit_pct_of('credits.resolution_unshared', 'credits.credit_scale') }}
        as resolution_credit_unshared_pct,
    credits.is_shared,
    {{ credit_pct_of('credits.availability_first', 'credits.credit_scale') }}
        as availability_first_pct,
    {{ credit_pct_of('credits.resolution_first', 'credits.credit_scale') }} as resolution_first_pct,
    credits.combination,
    {{ credit_pct_of('credits.combined_credit', 'credits.credit_scale') }} as combined_pct,
    cast(credits.cap_pct as decimal(18, 6)) as cap_pct,
    {{ credit_pct_of('credits.credit', 'credits.credit_scale') }} as credit_pct,
    claims.current_on
from months
inner join {{ source('inputs', 'terms') }} as terms on months.terms_id = terms.terms_id
inner join {{ ref('int_month_credits') }} as credits
    on
        months.subscription_id = credits.subscription_id
        and months.month = credits.month
        and credits.scenario_id = 0
inner join {{ ref('int_claims') }} as claims
    on months.subscription_id = claims.subscription_id and months.month = claims.month
inner join {{ ref('int_month_availability') }} as availability
    on
        months.measured_as = availability.subscription_id
        and months.month = availability.month
        and availability.scenario_id = 0
        and availability.events = 'all'
left join {{ source('inputs', 'availability_tiers') }} as tiers
    on months.terms_id = tiers.terms_id and availability.tier = tiers.tier
left join resolution
    on months.subscription_id = resolution.subscription_id and months.month = resolution.month
left join resolution_unshared
    on
        months.subscription_id = resolution_unshared.subscription_id
        and months.month = resolution_unshared.month
