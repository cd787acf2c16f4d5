{%- set start_s = 'segments.start_s' -%}
{%- set end_s = 'segments.end_s' -%}

-- the time between neighbouring events that is on the clock of the variant
with cut as (
    select
        variants.ticket_id, variants.promise, variants.variant, variants.calendar_id,
        variants.to_minute,
        greatest(timeline.at_s, variants.start_s) as start_s,
        least(coalesce(timeline.next_s, variants.end_s), variants.end_s) as end_s
    from {{ ref('int_opinion_variants') }} as variants
    inner join {{ ref('int_opinion_timeline') }} as timeline
        on
            variants.ticket_id = timeline.ticket_id
            and variants.has_set_aside = timeline.has_set_aside
    where
        (variants.counts_pauses or not timeline.is_paused)
        and not case variants.off_while
            when 'resolved' then timeline.is_resolved
            when 'closed' then timeline.is_closed
            else false
        end
),

segments as (
    select
        ticket_id, promise, variant, calendar_id,
        case when to_minute then 60 * {{ int_divide('start_s', '60') }} else start_s end as start_s,
        case when to_minute then 60 * {{ int_divide('end_s', '60') }} else end_s end as end_s
    from cut
    where start_s < end_s
),

elapsed as (
    select
        segments.ticket_id, segments.promise, segments.variant,
        sum({{ clock_seconds('segments.calendar_id', 'first_day', start_s, 'last_day', end_s) }})
            as elapsed_s
    from segments
    {{ clock_part('segments.calendar_id', 'first_day', start_s) }}
    {{ clock_part('segments.calendar_id', 'last_day', end_s) }}
    group by segments.ticket_id, segments.promise, segments.variant
),

-- a due date is an instant as well
from_start_to_due as (
    select
        ticket_id, promise, variant, reason, stop_s, elapsed_to_minute, is_strict, calendar_id,
        promised_s,
        case when to_minute then 60 * {{ int_divide('start_s', '60') }} else start_s end as start_s,
        case when to_minute then 60 * {{ int_divide('due_s', '60') }} else due_s end as due_s
    from {{ ref('int_opinion_variants') }}
),

-- a due date takes the place of the target (K7)
promised as (
    select
        variants.ticket_id, variants.promise, variants.variant, variants.reason, variants.stop_s,
        variants.elapsed_to_minute, variants.is_strict,
        cast(coalesce(elapsed.elapsed_s, 0) as bigint) as elapsed_s,
        case
            when variants.due_s is null then variants.promised_s
            when variants.due_s <= variants.start_s then 0
            else {{ clock_seconds(
                'variants.calendar_id', 'start_day', 'variants.start_s',
                'due_day', due_on_clock('variants.due_s', 'variants.calendar_id')
            ) }}
        end as target_s
    from from_start_to_due as variants
    left join elapsed
        on
            variants.ticket_id = elapsed.ticket_id
            and variants.promise = elapsed.promise
            and variants.variant = elapsed.variant
    {{ clock_part('variants.calendar_id', 'start_day', 'variants.start_s') }}
    {{ clock_part(
        'variants.calendar_id', 'due_day', due_on_clock('variants.due_s', 'variants.calendar_id')
    ) }}
),

measured as (
    select
        ticket_id, promise, variant, reason, stop_s,
        case
            when elapsed_to_minute then 60 * {{ int_divide('elapsed_s', '60') }} else elapsed_s
        end as elapsed_s,
        -- in time only before the target: as if it were a second less
        case when is_strict then target_s - 1 else target_s end as target_s
    from promised
)

select
    ticket_id, promise, variant, reason, elapsed_s, target_s,
    {{ outcome('elapsed_s', 'target_s', 'stop_s') }} as outcome
from measured
