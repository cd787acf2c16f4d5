with shared as (
    select distinct subscription_id, month, reading_id, ticket_id
    from {{ ref('int_shared_events') }}
),

-- with all its tickets, and without those that share an event with downtime (C3)
populations as (
    select
        'all' as events, population.*
    from {{ ref('int_population') }} as population
    union all
    select 'unshared' as events, population.*
    from {{ ref('int_population') }} as population
    left join shared
        on
            population.subscription_id = shared.subscription_id
            and population.month = shared.month
            and population.reading_id = shared.reading_id
            and population.ticket_id = shared.ticket_id
    where shared.ticket_id is null
),

counted as (
    select
        events, subscription_id, month, reading_id,
        cast(count(*) as bigint) as incidents,
        cast(sum(case when is_missed then 1 else 0 end) as bigint) as missed,
        sum(delay_parts) as delay_parts
    from populations
    group by events, subscription_id, month, reading_id
),

averaged as (
    select
        counted.*, readings.terms_id, readings.is_whole_percent,
        coalesce(counted.missed * readings.max_missed_denominator > readings.max_missed_numerator * counted.incidents, false)
            as is_triggered,
        {{ wide('contracts.delay_denominator') }} * case when readings.is_mean_over_population then counted.incidents else counted.missed end
            as whole_parts
    from counted
    inner join {{ ref('int_month_readings') }} as readings
        on
            counted.subscription_id = readings.subscription_id
            and counted.month = readings.month
            and counted.reading_id = readings.reading_id
    inner join {{ source('inputs', 'contracts') }} as contracts on readings.contract_id = contracts.contract_id
),

-- the first tier that the average does not pass (R3)
tiered as (
    select
        averaged.events, averaged.subscription_id, averaged.month, averaged.reading_id,
        min(tiers.tier) as tier, min(tiers.credit_pct) as credit_pct
    from averaged
    inner join {{ source('inputs', 'resolution_tiers') }} as tiers on averaged.terms_id = tiers.terms_id
    where
        averaged.is_triggered
        and (
            tiers.up_to_numerator is null
            or (
                not averaged.is_whole_percent
                and averaged.delay_parts * tiers.up_to_denominator <= tiers.up_to_numerator * averaged.whole_parts
            )
            or (
                averaged.is_whole_percent
                and {{ int_divide('200 * averaged.delay_parts + averaged.whole_parts', '2 * averaged.whole_parts') }} * tiers.up_to_denominator
                <= 100 * tiers.up_to_numerator
            )
        )
    group by averaged.events, averaged.subscription_id, averaged.month, averaged.reading_id
)

select
    averaged.events, averaged.subscription_id, averaged.month, averaged.reading_id, averaged.incidents, averaged.missed,
    averaged.is_triggered, averaged.delay_parts, averaged.whole_parts, tiered.tier,
    coalesce(tiered.credit_pct, cast(0 as decimal(18, 9))) as credit_pct
from averaged
left join tiered
    on
        averaged.events = tiered.events
        and averaged.subscription_id = tiered.subscription_id
        and averaged.month = tiered.month
        and averaged.reading_id = tiered.reading_id
