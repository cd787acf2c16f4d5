with measured as (
    select distinct subscription_id, month, method_id, audience, service_id, region, start_s, end_s
    from {{ ref('int_month_readings') }}
),

windows as (
    select method_id, audience, service_id, region, start_s, end_s, 'windows' as excluded_time from {{ ref('int_excluded') }}
    union all
    select method_id, audience, service_id, region, start_s, end_s, 'unavailable_only' as excluded_time
    from {{ ref('int_excluded_unavailable') }}
),

-- what may leave the denominator, of the month and of its covered time (A4, A5)
excluded as (
    select
        measured.subscription_id, measured.month, measured.method_id, windows.excluded_time, 'calendar' as total_time,
        sum({{ seconds_within('windows.start_s', 'windows.end_s', 'measured.start_s', 'measured.end_s') }}) as seconds
    from measured
    inner join windows
        on
            measured.method_id = windows.method_id
            and measured.audience = windows.audience
            and measured.service_id = windows.service_id
            and measured.region = windows.region
    group by measured.subscription_id, measured.month, measured.method_id, windows.excluded_time
    union all
    select
        measured.subscription_id, measured.month, measured.method_id, windows.excluded_time, 'covered' as total_time,
        sum({{ seconds_within('windows.start_s', 'windows.end_s', 'covered.start_s', 'covered.end_s') }}) as seconds
    from measured
    inner join {{ ref('int_covered') }} as covered
        on measured.subscription_id = covered.subscription_id and measured.month = covered.month
    inner join windows
        on
            measured.method_id = windows.method_id
            and measured.audience = windows.audience
            and measured.service_id = windows.service_id
            and measured.region = windows.region
    group by measured.subscription_id, measured.month, measured.method_id, windows.excluded_time
),

downtime as (
    select subscription_id, month, method_id, sum(seconds) as seconds
    from {{ ref('int_month_downtime') }}
    group by subscription_id, month, method_id
),

covered as (
    select subscription_id, month, sum(seconds) as seconds
    from {{ ref('int_covered') }}
    group by subscription_id, month
)

select
    readings.subscription_id, readings.month, readings.reading_id,
    cast(coalesce(covered.seconds, 0) as bigint) as covered_seconds,
    cast(case readings.total_time when 'covered' then coalesce(covered.seconds, 0) else readings.end_s - readings.start_s end as bigint)
        as total_seconds,
    cast(case readings.excluded_time when 'ignored' then 0 else coalesce(excluded.seconds, 0) end as bigint) as excluded_seconds,
    cast(coalesce(downtime.seconds, 0) as bigint) as downtime_seconds
from {{ ref('int_month_readings') }} as readings
left join covered on readings.subscription_id = covered.subscription_id and readings.month = covered.month
left join excluded
    on
        readings.subscription_id = excluded.subscription_id
        and readings.month = excluded.month
        and readings.method_id = excluded.method_id
        and readings.excluded_time = excluded.excluded_time
        and readings.total_time = excluded.total_time
left join downtime
    on
        readings.subscription_id = downtime.subscription_id
        and readings.month = downtime.month
        and readings.method_id = downtime.method_id
