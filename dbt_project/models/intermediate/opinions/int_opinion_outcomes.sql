{%- set start_s = 'segments.start_s' -%}
{%- set end_s = 'segments.end_s' -%}

-- the time between neighbouring events that is on the clock of the reading
with cut as (
    select
        readings.ticket_id, readings.promise, readings.reading, readings.calendar_id,
        readings.to_minute,
        greatest(timeline.at_s, readings.start_s) as start_s,
        least(coalesce(timeline.next_s, readings.end_s), readings.end_s) as end_s
    from {{ ref('int_opinion_readings') }} as readings
    inner join {{ ref('int_opinion_timeline') }} as timeline
        on
            readings.ticket_id = timeline.ticket_id
            and readings.has_set_aside = timeline.has_set_aside
    where
        (readings.counts_pauses or not timeline.is_paused)
        and not case readings.off_while
            when 'resolved' then timeline.is_resolved
            when 'closed' then timeline.is_closed
            else false
        end
),

segments as (
    select
        ticket_id, promise, reading, calendar_id,
        case when to_minute then 60 * {{ int_divide('start_s', '60') }} else start_s end as start_s,
        case when to_minute then 60 * {{ int_divide('end_s', '60') }} else end_s end as end_s
    from cut
    where start_s < end_s
),

elapsed as (
    select
        segments.ticket_id, segments.promise, segments.reading,
        sum({{ clock_seconds('segments.calendar_id', 'first_day', start_s, 'last_day', end_s) }})
            as elapsed_s
    from segments
    {{ clock_part('segments.calendar_id', 'first_day', start_s) }}
    {{ clock_part('segments.calendar_id', 'last_day', end_s) }}
    group by segments.ticket_id, segments.promise, segments.reading
),

-- a due date takes the place of the target (K7)
promised as (
    select
        readings.ticket_id, readings.promise, readings.reading, readings.reason, readings.stop_s,
        readings.elapsed_to_minute, readings.is_strict,
        cast(coalesce(elapsed.elapsed_s, 0) as bigint) as elapsed_s,
        case
            when readings.due_s is null then readings.promised_s
            when readings.due_s <= readings.start_s then 0
            else {{ clock_seconds(
                'readings.calendar_id', 'start_day', 'readings.start_s',
                'due_day', due_on_clock('readings.due_s', 'readings.calendar_id')
            ) }}
        end as target_s
    from {{ ref('int_opinion_readings') }} as readings
    left join elapsed
        on
            readings.ticket_id = elapsed.ticket_id
            and readings.promise = elapsed.promise
            and readings.reading = elapsed.reading
    {{ clock_part('readings.calendar_id', 'start_day', 'readings.start_s') }}
    {{ clock_part(
        'readings.calendar_id', 'due_day', due_on_clock('readings.due_s', 'readings.calendar_id')
    ) }}
),

measured as (
    select
        ticket_id, promise, reading, reason, stop_s,
        case
            when elapsed_to_minute then 60 * {{ int_divide('elapsed_s', '60') }} else elapsed_s
        end as elapsed_s,
        -- in time only before the target: as if it were a second less
        case when is_strict then target_s - 1 else target_s end as target_s
    from promised
)

select
    ticket_id, promise, reading, reason, elapsed_s, target_s,
    {{ outcome('elapsed_s', 'target_s', 'stop_s') }} as outcome
from measured
