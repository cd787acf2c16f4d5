-- how long the clock of the target runs between neighbouring events (T4, K5)
select
    segments.ticket_id, segments.support_policy_id, segments.is_own, segments.sequence,
    segments.start_s, segments.end_s, segments.is_on_clock,
    case
        when segments.is_on_clock
            then
                {{ clock_at('targets.resolution_calendar', 'last_day', 'segments.end_s') }}
                - {{ clock_at('targets.resolution_calendar', 'first_day', 'segments.start_s') }}
        else 0
    end as elapsed_s
from {{ ref('int_ticket_segments') }} as segments
inner join {{ ref('int_ticket_targets') }} as targets
    on
        segments.ticket_id = targets.ticket_id
        and segments.support_policy_id = targets.support_policy_id
{{ clock_part('targets.resolution_calendar', 'first_day', 'segments.start_s') }}
{{ clock_part('targets.resolution_calendar', 'last_day', 'segments.end_s') }}
