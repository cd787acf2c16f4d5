-- cut at the ends of periods, by the terms that judge each (A3, M6)
with gaps as (
    select
        periods.contract_id, periods.period_kind, periods.period_start, states.service_id,
        states.region, terms.service_hours_calendar,
        greatest(states.start_s, periods.start_s) as start_s,
        least(states.end_s, periods.end_s) as end_s
    from {{ ref('int_service_states') }} as states
    inner join {{ source('inputs', 'periods') }} as periods
        on states.start_s < periods.end_s and states.end_s > periods.start_s
    inner join {{ ref('int_terms') }} as terms on periods.terms_id = terms.terms_id
    inner join {{ source('inputs', 'availability_policies') }} as policies
        on
            terms.availability_policy_id = policies.availability_policy_id
            and policies.observed_as = states.availability_policy_id
    where states.customer_scope = '' and states.state = 'unknown'
)

select
    gaps.contract_id, gaps.service_id, gaps.region, gaps.period_kind, gaps.period_start,
    {{ instant('gaps.start_s') }} as started_at,
    {{ instant('gaps.end_s') }} as ended_at,
    cast(
        {{ clock_seconds(
            'gaps.service_hours_calendar', 'first_part', 'gaps.start_s', 'last_part', 'gaps.end_s'
        ) }} as bigint
    ) as unknown_seconds
from gaps
inner join {{ ref('int_regional_periods') }} as figures
    on
        gaps.contract_id = figures.contract_id
        and gaps.service_id = figures.service_id
        and gaps.region = figures.region
        and gaps.period_start = figures.period_start
{{ clock_part('gaps.service_hours_calendar', 'first_part', 'gaps.start_s') }}
{{ clock_part('gaps.service_hours_calendar', 'last_part', 'gaps.end_s') }}
