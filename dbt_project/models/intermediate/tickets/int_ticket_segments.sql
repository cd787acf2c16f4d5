-- the time from clock start to the stop, or to as_of, between neighbouring events
with cut as (
    select
        policies.ticket_id, policies.support_policy_id, policies.is_own,
        timeline.sequence,
        greatest(timeline.at_s, policies.clock_start_s) as start_s,
        least(coalesce(timeline.next_s, policies.end_s), policies.end_s) as end_s,
        not timeline.is_resolved
        and (not timeline.is_paused or described.pause_counts) as is_on_clock
    from {{ ref('int_ticket_policies') }} as policies
    inner join {{ source('inputs', 'support_policies') }} as described
        on policies.support_policy_id = described.support_policy_id
    inner join {{ ref('int_ticket_timeline') }} as timeline
        on policies.ticket_id = timeline.ticket_id
)

select ticket_id, support_policy_id, is_own, sequence, start_s, end_s, is_on_clock
from cut
where start_s < end_s
