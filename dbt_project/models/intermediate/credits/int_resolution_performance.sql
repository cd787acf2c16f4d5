with shared as (
    select distinct subscription_id, month, scenario_id, ticket_id
    from {{ ref('int_shared_events') }}
),

-- with all its tickets, and without those that share an event with downtime (C3)
populations as (
    select
        'all' as events, eligible_incidents.*
    from {{ ref('int_eligible_incidents') }} as eligible_incidents
    union all
    select 'unshared' as events, eligible_incidents.*
    from {{ ref('int_eligible_incidents') }} as eligible_incidents
    left join shared
        on
            eligible_incidents.subscription_id = shared.subscription_id
            and eligible_incidents.month = shared.month
            and eligible_incidents.scenario_id = shared.scenario_id
            and eligible_incidents.ticket_id = shared.ticket_id
    where shared.ticket_id is null
),

counted as (
    select
        events, subscription_id, month, scenario_id, measured_as,
        cast(count(*) as bigint) as incidents,
        cast(sum(case when is_missed then 1 else 0 end) as bigint) as missed,
        sum(delay_parts) as delay_parts
    from populations
    group by events, subscription_id, month, scenario_id, measured_as
),

averaged as (
    select
        counted.*, scenarios.terms_id, scenarios.is_whole_percent,
        coalesce(
            counted.missed * scenarios.max_missed_denominator
            > scenarios.max_missed_numerator * counted.incidents,
            false
        ) as is_triggered,
        {{ wide('contracts.delay_denominator') }}
        * case
            when scenarios.is_mean_over_population then counted.incidents
            else counted.missed
        end as whole_parts
    from counted
    inner join {{ ref('int_month_scenarios') }} as scenarios
        on
            counted.measured_as = scenarios.subscription_id
            and counted.month = scenarios.month
            and counted.scenario_id = scenarios.scenario_id
    inner join {{ source('inputs', 'contracts') }} as contracts
        on scenarios.contract_id = contracts.contract_id
),

-- the average delay in whole per cent, half up, where terms look it up so
rounded as (
    select
        *,
        case
            when is_triggered and is_whole_percent
                then {{ int_divide('200 * delay_parts + whole_parts', '2 * whole_parts') }}
        end as whole_percent
    from averaged
),

-- the first tier that the average does not pass (R3)
tiered as (
    select
        rounded.events, rounded.subscription_id, rounded.month, rounded.scenario_id,
        min(tiers.tier) as tier, min(tiers.credit_pct) as credit_pct
    from rounded
    inner join {{ source('inputs', 'resolution_tiers') }} as tiers
        on rounded.terms_id = tiers.terms_id
    where
        rounded.is_triggered
        and (
            tiers.up_to_numerator is null
            or (
                not rounded.is_whole_percent
                and rounded.delay_parts * tiers.up_to_denominator
                <= tiers.up_to_numerator * rounded.whole_parts
            )
            or rounded.whole_percent * tiers.up_to_denominator <= 100 * tiers.up_to_numerator
        )
    group by rounded.events, rounded.subscription_id, rounded.month, rounded.scenario_id
)

select
    averaged.events, averaged.subscription_id, averaged.month, averaged.scenario_id,
    averaged.incidents, averaged.missed, averaged.is_triggered, averaged.delay_parts,
    averaged.whole_parts, tiered.tier,
    coalesce(tiered.credit_pct, cast(0 as decimal(18, 9))) as credit_pct
from averaged
left join tiered
    on
        averaged.events = tiered.events
        and averaged.subscription_id = tiered.subscription_id
        and averaged.month = tiered.month
        and averaged.scenario_id = tiered.scenario_id
