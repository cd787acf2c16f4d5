-- the periods that are not over, and how they end if the rest is as what has passed
with current_periods as (
    select
        figures.contract_id, figures.service_id, figures.region, figures.period_kind,
        figures.period_start, figures.starts_at, figures.ends_at, figures.total_seconds,
        figures.budget_seconds, figures.downtime_seconds,
        figures.budget_remaining_seconds,
        -- what of the period that counts has passed (A3)
        cast(
            {{ clock_seconds(
                'terms.service_hours_calendar', 'first_part', 'periods.start_s', 'this_part',
                'run.as_of_s'
            ) }} as bigint
        ) as elapsed_seconds
    from {{ ref('availability') }} as figures
    inner join {{ source('inputs', 'periods') }} as periods
        on
            figures.contract_id = periods.contract_id
            and figures.period_start = periods.period_start
    inner join {{ ref('int_terms') }} as terms on periods.terms_id = terms.terms_id
    cross join {{ source('inputs', 'run') }} as run
    {{ clock_part('terms.service_hours_calendar', 'first_part', 'periods.start_s') }}
    {{ clock_part('terms.service_hours_calendar', 'this_part', 'run.as_of_s') }}
    where figures.status = 'provisional' and figures.budget_seconds is not null
),

projected as (
    select
        *,
        case
            when elapsed_seconds > 0
                then {{ int_divide(
                    '2 * downtime_seconds * total_seconds + elapsed_seconds', '2 * elapsed_seconds'
                ) }}
        end as projected_downtime_seconds,
        -- the consumed share of the budget over the elapsed share of the period
        case
            when budget_seconds > 0 and elapsed_seconds > 0
                then {{ ratio(
                    wide('downtime_seconds') ~ ' * total_seconds',
                    wide('budget_seconds') ~ ' * elapsed_seconds'
                ) }}
        end as burn_rate
    from current_periods
)

select
    contract_id, service_id, region, period_kind, period_start, starts_at, ends_at,
    elapsed_seconds, total_seconds, budget_seconds, downtime_seconds, budget_remaining_seconds,
    burn_rate, projected_downtime_seconds,
    budget_seconds - projected_downtime_seconds as projected_remaining_seconds,
    case
        when budget_remaining_seconds < 0 then 'exhausted'
        when budget_seconds < projected_downtime_seconds then 'at_risk'
        else 'on_track'
    end as budget_status
from projected
