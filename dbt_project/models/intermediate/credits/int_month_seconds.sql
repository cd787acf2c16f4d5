with measured as (
    select distinct
        subscription_id, month, observed_as, customer_scope, service_id, region, start_s, end_s,
        service_hours_calendar
    from {{ ref('int_month_scenarios') }}
),

windows as (
    select
        availability_policy_id, customer_scope, service_id, region, start_s, end_s,
        'windows' as excluded_time
    from {{ ref('int_excluded') }}
    union all
    select
        availability_policy_id, customer_scope, service_id, region, start_s, end_s,
        'unavailable_only' as excluded_time
    from {{ ref('int_excluded_unavailable') }}
),

-- the time that counts: all of the month, or its covered time (A5)
bases as (
    select
        subscription_id, month, observed_as, customer_scope, service_id, region, start_s, end_s,
        service_hours_calendar, 'calendar' as total_time
    from measured
    union all
    select
        measured.subscription_id, measured.month, measured.observed_as, measured.customer_scope,
        measured.service_id, measured.region, covered.start_s, covered.end_s,
        measured.service_hours_calendar, 'covered' as total_time
    from measured
    inner join {{ ref('int_covered') }} as covered
        on measured.subscription_id = covered.subscription_id and measured.month = covered.month
),

-- what may leave the denominator (A4)
pieces as (
    select
        bases.subscription_id, bases.month, bases.observed_as, windows.excluded_time,
        bases.total_time, bases.service_hours_calendar,
        greatest(windows.start_s, bases.start_s) as start_s,
        least(windows.end_s, bases.end_s) as end_s
    from bases
    inner join windows
        on
            {{ observed_in('bases', 'windows') }}
            and bases.start_s < windows.end_s
            and bases.end_s > windows.start_s
),

excluded as (
    select
        pieces.subscription_id, pieces.month, pieces.observed_as, pieces.excluded_time,
        pieces.total_time,
        sum({{ clock_seconds(
            'pieces.service_hours_calendar', 'first_part', 'pieces.start_s', 'last_part',
            'pieces.end_s'
        ) }}) as seconds
    from pieces
    {{ clock_part('pieces.service_hours_calendar', 'first_part', 'pieces.start_s') }}
    {{ clock_part('pieces.service_hours_calendar', 'last_part', 'pieces.end_s') }}
    group by
        pieces.subscription_id, pieces.month, pieces.observed_as, pieces.excluded_time,
        pieces.total_time
),

downtime as (
    select subscription_id, month, availability_policy_id, sum(seconds) as seconds
    from {{ ref('int_month_downtime') }}
    group by subscription_id, month, availability_policy_id
),

covered as (
    select
        subscription_id, month, sum(seconds) as seconds, sum(open_seconds) as open_seconds
    from {{ ref('int_covered') }}
    group by subscription_id, month
)

select
    scenarios.subscription_id, scenarios.month, scenarios.scenario_id,
    cast(coalesce(covered.seconds, 0) as bigint) as covered_seconds,
    cast(
        case scenarios.total_time
            when 'covered' then coalesce(covered.open_seconds, 0)
            else {{ clock_seconds(
                'scenarios.service_hours_calendar', 'first_part', 'scenarios.start_s',
                'last_part', 'scenarios.end_s'
            ) }}
        end as bigint
    ) as total_seconds,
    cast(
        case scenarios.excluded_time when 'ignored' then 0 else coalesce(excluded.seconds, 0) end
        as bigint
    ) as excluded_seconds,
    cast(coalesce(downtime.seconds, 0) as bigint) as downtime_seconds
from {{ ref('int_month_scenarios') }} as scenarios
left join covered
    on scenarios.subscription_id = covered.subscription_id and scenarios.month = covered.month
left join excluded
    on
        scenarios.subscription_id = excluded.subscription_id
        and scenarios.month = excluded.month
        and scenarios.observed_as = excluded.observed_as
        and scenarios.excluded_time = excluded.excluded_time
        and scenarios.total_time = excluded.total_time
left join downtime
    on
        scenarios.subscription_id = downtime.subscription_id
        and scenarios.month = downtime.month
        and scenarios.availability_policy_id = downtime.availability_policy_id
{{ clock_part('scenarios.service_hours_calendar', 'first_part', 'scenarios.start_s') }}
{{ clock_part('scenarios.service_hours_calendar', 'last_part', 'scenarios.end_s') }}
