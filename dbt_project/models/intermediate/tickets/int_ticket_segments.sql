-- the time from clock start to the stop, or to as_of, between neighbouring events
with cut as (
    select
        desks.ticket_id, desks.desk_id, desks.is_own, timeline.place,
        greatest(timeline.at_s, desks.clock_start_s) as start_s,
        least(coalesce(timeline.next_s, desks.end_s), desks.end_s) as end_s,
        not timeline.is_resolved and (not timeline.is_paused or described.pause_counts) as is_on_clock
    from {{ ref('int_ticket_desks') }} as desks
    inner join {{ source('inputs', 'desks') }} as described on desks.desk_id = described.desk_id
    inner join {{ ref('int_ticket_timeline') }} as timeline on desks.ticket_id = timeline.ticket_id
)

select ticket_id, desk_id, is_own, place, start_s, end_s, is_on_clock
from cut
where start_s < end_s
