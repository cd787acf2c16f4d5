with kinds as (
    select 'all' as events
    union all
    select 'unshared' as events
),

-- availability of the month that is not over, with all downtime and without the shared (A5, C3)
availability as (
    select
        credits.subscription_id, credits.month, kinds.events, figures.downtime_seconds,
        figures.covered_seconds, figures.total_seconds, figures.base_seconds,
        figures.up_seconds
        + case kinds.events when 'unshared' then credits.shared_seconds else 0 end as up_seconds,
        figures.downtime_seconds
        - case kinds.events when 'unshared' then credits.shared_seconds else 0 end as taken_seconds,
        figures.commitment_pct, figures.commitment_numerator, figures.commitment_denominator,
        scenarios.terms_id, scenarios.lifecycle, scenarios.days,
        scenarios.is_commitment_first_bound, scenarios.is_first_tier_inclusive,
        scenarios.credit_form, scenarios.step_numerator, scenarios.step_denominator,
        scenarios.step_s, scenarios.is_begun_step_counted, scenarios.credit_factor,
        scenarios.is_credit_in_days, credits.credit as credit_now,
        -- what of the credit for resolution would count beside it (C3)
        case
            when kinds.events = 'all' and credits.is_shared then credits.resolution_unshared
            else credits.resolution_credit
        end as credit_beside
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
    where
        credits.scenario_id = 0
        and scenarios.credit_form is not null
        and figures.covered_seconds > 0
        and figures.base_seconds > 0
),

-- the most seconds available with which there is a credit at all: below the commitment, or at it
-- where the first tier says so; without a commitment one less than all (C1, A6)
gated as (
    select
        *,
        case
            when commitment_pct is null then base_seconds - 1
            else {{ int_divide(
                'commitment_numerator * base_seconds'
                ~ ' - case when is_first_tier_inclusive then 0 else 1 end',
                'commitment_denominator'
            ) }}
        end as gate_s
    from availability
    -- nothing is below 0
    where coalesce(commitment_pct, 1) > 0
),

-- so many further seconds of downtime reach each tier; no ticket shares them
tier_crossings as (
    select
        gated.subscription_id, gated.month,
        gated.up_seconds - least(
            gated.gate_s,
            case
                when tiers.tier = 1 and gated.is_commitment_first_bound then gated.gate_s
                else {{ int_divide(
                    'tiers.below_numerator * gated.base_seconds'
                    ~ ' - case when tiers.is_inclusive then 0 else 1 end',
                    'tiers.below_denominator'
                ) }}
            end
        ) as seconds_left,
        least(
            {{ tier_bound_pct(
                'tiers', 'gated.is_commitment_first_bound', 'gated.commitment_pct'
            ) }},
            gated.commitment_pct
        ) as bound_pct
    from gated
    inner join {{ source('inputs', 'availability_tiers') }} as tiers
        on
            gated.terms_id = tiers.terms_id
            and (tiers.below_numerator > 0 or tiers.is_inclusive)
    where gated.commitment_pct is not null
),

-- the figures as soon as there is a credit, or as they are; and the steps that count then
begun as (
    select
        subscription_id, month, events, terms_id, lifecycle, days, credit_form,
        is_commitment_first_bound, is_first_tier_inclusive, step_numerator, step_denominator,
        step_s, is_begun_step_counted, credit_factor, is_credit_in_days,
        covered_seconds, total_seconds, base_seconds,
        commitment_pct, commitment_numerator, commitment_denominator, credit_now, credit_beside,
        least(up_seconds, gate_s) as up_seconds,
        taken_seconds + greatest(0, up_seconds - gate_s) as taken_seconds,
        greatest(0, up_seconds - gate_s) as seconds_left
    from gated
    where credit_form <> 'tiers'
),

stepped as (
    {{ availability_credit('begun', ['subscription_id', 'month', 'events']) }}
),

-- how many steps, or seconds that are refunded, exceed the credit as it is: where other events
-- count for more (C3) it may take several
needed as (
    select
        *,
        {{ int_divide(
            'greatest(0, credit_now - credit_beside)',
            billionths('credit_factor')
            ~ " * case when credit_form = 'refund' or is_credit_in_days then 100 else 1 end"
        ) }} as enough
    from stepped
),

-- as many steps as have begun or are whole before the one that raises it
next_steps as (
    select *, greatest(steps, enough) as steps_before
    from needed
),

-- the downtime until then, counted from the first credit on
to_go as (
    select
        *,
        case credit_form
            when 'steps_of_downtime'
                then
                    steps_before * step_s
                    + case when is_begun_step_counted then 1 else step_s end - taken_seconds
            when 'refund' then greatest(taken_seconds, enough) + 1 - taken_seconds
        end as step_left,
        -- of points: the bound that is passed, or reached, as a ratio
        {{ wide('commitment_numerator') }} * step_denominator
        - {{ wide('steps_before + case when is_begun_step_counted then 0 else 1 end') }}
        * commitment_denominator * step_numerator as bound_part,
        {{ wide('commitment_denominator') }} * step_denominator as bound_whole
    from next_steps
),

step_crossings as (
    select subscription_id, month, seconds_left, commitment_pct as bound_pct
    from begun
    union all
    select
        subscription_id, month, cast(seconds_left + step_left as bigint) as seconds_left,
        cast(null as decimal(18, 9)) as bound_pct
    from to_go
    where credit_form <> 'steps_of_pct'
    union all
    select
        subscription_id, month,
        seconds_left + up_seconds - cast(
            {{ int_divide(
                'bound_part * base_seconds - case when is_begun_step_counted then 1 else 0 end',
                'bound_whole'
            ) }} as bigint
        ) as seconds_left,
        {{ percentage('bound_part', 'bound_whole') }} as bound_pct
    from to_go
    where
        credit_form = 'steps_of_pct'
        and bound_part >= case when is_begun_step_counted then 1 else 0 end
),

crossings as (
    select * from tier_crossings
    union all
    select * from step_crossings
),

ahead as (
    select subscription_id, month, seconds_left, min(bound_pct) as below_pct
    from crossings
    where seconds_left > 0
    group by subscription_id, month, seconds_left
),

-- the figures by then, with all downtime and without the shared
figures_ahead as (
    select
        ahead.seconds_left, availability.subscription_id, availability.month, availability.events,
        availability.terms_id, availability.lifecycle, availability.days, availability.credit_form,
        availability.is_commitment_first_bound, availability.is_first_tier_inclusive,
        availability.step_numerator, availability.step_denominator, availability.step_s,
        availability.is_begun_step_counted, availability.credit_factor,
        availability.is_credit_in_days, availability.covered_seconds, availability.total_seconds,
        availability.base_seconds, availability.commitment_pct, availability.commitment_numerator,
        availability.commitment_denominator,
        availability.up_seconds - ahead.seconds_left as up_seconds,
        availability.taken_seconds + ahead.seconds_left as taken_seconds
    from ahead
    inner join availability
        on ahead.subscription_id = availability.subscription_id and ahead.month = availability.month
),

credited as (
    {{ availability_credit(
        'figures_ahead', ['subscription_id', 'month', 'events', 'seconds_left']
    ) }}
),

reached as (
    select
        credited.subscription_id, credited.month, credited.seconds_left, ahead.below_pct,
        max(case when credited.events = 'all' then credited.credit end) as availability_credit,
        max(case when credited.events = 'unshared' then credited.credit end)
            as availability_unshared
    from credited
    inner join ahead
        on
            credited.subscription_id = ahead.subscription_id
            and credited.month = ahead.month
            and credited.seconds_left = ahead.seconds_left
    group by
        credited.subscription_id, credited.month, credited.seconds_left, ahead.below_pct
),

-- the credit for resolution stays as it is
parts as (
    select
        reached.*, credits.is_shared, credits.resolution_credit, credits.resolution_unshared,
        credits.cap, credits.credit_scale, credits.credit as credit_now
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
            {{ clock_seconds(
                'covered.service_hours_calendar', 'first_part', 'covered.from_s', 'last_part',
                'covered.end_s'
            ) }}
        ) as covered_seconds_left
    from (
        select
            spans.subscription_id, spans.month, spans.service_hours_calendar, spans.end_s,
            greatest(spans.start_s, run.as_of_s) as from_s
        from {{ ref('int_covered') }} as spans
        cross join {{ source('inputs', 'run') }} as run
        where spans.end_s > run.as_of_s
    ) as covered
    {{ clock_part('covered.service_hours_calendar', 'first_part', 'covered.from_s') }}
    {{ clock_part('covered.service_hours_calendar', 'last_part', 'covered.end_s') }}
    group by covered.subscription_id, covered.month
),

current_rows as (
    select
        credits.*, figures.downtime_seconds,
        next_rise.below_pct, next_rise.seconds_left, next_rise.credit as next_credit,
        coalesce(remaining.covered_seconds_left, 0) as covered_seconds_left,
        case
            when next_rise.credit is not null
                then {{ share_of_fee(
                    'credits.fee_minor', 'next_rise.credit', 'next_rise.credit_scale'
                ) }}
        end as next_share_minor
    from {{ ref('int_credits') }} as credits
    inner join {{ ref('int_measured_as') }} as alike
        on credits.subscription_id = alike.subscription_id and credits.month = alike.month
    inner join {{ ref('int_month_availability') }} as figures
        on
            alike.measured_as = figures.subscription_id
            and alike.month = figures.month
            and figures.scenario_id = 0
            and figures.events = 'all'
    left join rises as next_rise
        on
            credits.subscription_id = next_rise.subscription_id
            and credits.month = next_rise.month
            and next_rise.sequence = 1
    left join remaining
        on credits.subscription_id = remaining.subscription_id and credits.month = remaining.month
    -- only of what we may owe (C8)
    where credits.scenario_id = 0 and not credits.is_final and credits.party = 'provider'
),

priced as (
    select
        current_rows.*,
        case
            when current_rows.next_share_minor is not null
                then {{ limited_amount(
                    'current_rows.next_share_minor', 'current_rows.most_minor', 'current_rows',
                    'current_rows.is_minimum_raised'
                ) }}
        end as next_minor
    from current_rows
)

select
    subscription_id, customer_id, contract_id, service_id, region, period_kind, month, currency,
    {{ money('fee_minor', 'minor_digits') }} as monthly_fee,
    downtime_seconds,
    {{ credit_pct_of('credit', 'credit_scale') }} as credit_pct,
    {{ money('credit_minor', 'minor_digits') }} as credit_amount,
    cast(below_pct as decimal(18, 6)) as next_below_pct,
    seconds_left,
    seconds_left <= covered_seconds_left as is_within_reach,
    case
        when next_credit is not null then {{ credit_pct_of('next_credit', 'credit_scale') }}
    end as next_credit_pct,
    {{ money('next_minor', 'minor_digits') }} as next_credit_amount,
    {{ money('next_minor - credit_minor', 'minor_digits') }} as additional_amount,
    reasons
from priced
