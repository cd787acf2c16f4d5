with measured as (
    select distinct
        subscription_id, month, availability_policy_id, customer_scope, service_id, region, start_s,
        end_s
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

-- what may leave the denominator, of the month and of its covered time (A4, A5)
excluded as (
    select
        measured.subscription_id, measured.month, measured.availability_policy_id,
        windows.excluded_time, 'calendar' as total_time,
        sum({{ seconds_within(
            'windows.start_s', 'windows.end_s', 'measured.start_s', 'measured.end_s'
        ) }}) as seconds
    from measured
    inner join windows
        on
            measured.availability_policy_id = windows.availability_policy_id
            and measured.customer_scope = windows.customer_scope
            and measured.service_id = windows.service_id
            and measured.region = windows.region
    group by measured.subscription_id, measured.month, measured.availability_policy_id,
    windows.excluded_time
    union all
    select
        measured.subscription_id, measured.month, measured.availability_policy_id,
        windows.excluded_time, 'covered' as total_time,
        sum({{ seconds_within(
            'windows.start_s', 'windows.end_s', 'covered.start_s', 'covered.end_s'
        ) }}) as seconds
    from measured
    inner join {{ ref('int_covered') }} as covered
        on measured.subscription_id = covered.subscription_id and measured.month = covered.month
    inner join windows
        on
            measured.availability_policy_id = windows.availability_policy_id
            and measured.customer_scope = windows.customer_scope
            and measured.service_id = windows.service_id
            and measured.region = windows.region
    group by measured.subscription_id, measured.month, measured.availability_policy_id,
    windows.excluded_time
),

downtime as (
    select subscription_id, month, availability_policy_id, sum(seconds) as seconds
    from {{ ref('int_month_downtime') }}
    group by subscription_id, month, availability_policy_id
),

covered as (
    select subscription_id, month, sum(seconds) as seconds
    from {{ ref('int_covered') }}
    group by subscription_id, month
)

select
    scenarios.subscription_id, scenarios.month, scenarios.scenario_id,
    cast(coalesce(covered.seconds, 0) as bigint) as covered_seconds,
    cast(
        case scenarios.total_time
            when 'covered' then coalesce(covered.seconds, 0)
            else scenarios.end_s - scenarios.start_s
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
        and scenarios.availability_policy_id = excluded.availability_policy_id
        and scenarios.excluded_time = excluded.excluded_time
        and scenarios.total_time = excluded.total_time
left join downtime
    on
        scenarios.subscription_id = downtime.subscription_id
        and scenarios.month = downtime.month
        and scenarios.availability_policy_id = downtime.availability_policy_id
