with open_tickets as (
    select tickets.*, run.as_of_s
    from {{ ref('int_tickets') }} as tickets
    cross join {{ source('inputs', 'run') }} as run
    where tickets.status = 'counted' and tickets.stopped_s is null
),

-- the gap that runs since the last update (K6)
running_gaps as (
    select
        gaps.ticket_id, gaps.severity, gaps.cadence_s, gaps.start_s,
        case when gaps.cadence_s is not null then gaps.elapsed_s end as elapsed_s
    from {{ ref('int_update_gaps') }} as gaps
    inner join (
        select last_gap.ticket_id, max(last_gap.gap) as gap
        from {{ ref('int_update_gaps') }} as last_gap
        group by last_gap.ticket_id
    ) as newest on gaps.ticket_id = newest.ticket_id and gaps.gap = newest.gap
),

measured as (
    select
        open_tickets.*, timeline.is_paused,
        responses.target_s as response_target_s, responses.elapsed_s as response_elapsed_s,
        gaps.severity, gaps.start_s as last_update_s,
        gaps.cadence_s as update_cadence_s, gaps.elapsed_s as update_elapsed_s,
        resolutions.severity as target_severity, resolutions.target_s as resolution_target_s,
        resolutions.elapsed_s as resolution_elapsed_s
    from open_tickets
    inner join {{ ref('int_resolutions') }} as resolutions
        on open_tickets.ticket_id = resolutions.ticket_id and resolutions.is_own
    inner join {{ ref('int_responses') }} as responses
        on open_tickets.ticket_id = responses.ticket_id
    inner join running_gaps as gaps on open_tickets.ticket_id = gaps.ticket_id
    inner join {{ ref('int_ticket_timeline') }} as timeline
        on open_tickets.ticket_id = timeline.ticket_id and timeline.next_s is null
),

-- how far the closer of the two targets is used: three quarters, more than all, more than twice
-- (Z5)
pressed as (
    select
        *,
        case
            when
                resolution_elapsed_s > 2 * resolution_target_s
                or update_elapsed_s > 2 * update_cadence_s
                then 3
            when
                resolution_elapsed_s > resolution_target_s
                or update_elapsed_s > update_cadence_s
                then 2
            when
                4 * resolution_elapsed_s >= 3 * resolution_target_s
                or 4 * update_elapsed_s >= 3 * update_cadence_s
                then 1
            else 0
        end as pressure
    from measured
),

path_lengths as (
    select terms_id, max(sequence) as steps
    from {{ source('inputs', 'term_lists') }}
    where policy_key = 'escalation.path'
    group by terms_id
),

-- who holds the ticket is the first of the path; at risk it is the second's, breached the third's,
-- past twice the target the fourth's; a shorter path ends with its last (Z5)
escalated as (
    select pressed.*, least(pressed.pressure + 1, path_lengths.steps) as escalation_step
    from pressed
    inner join path_lengths on pressed.terms_id = path_lengths.terms_id
    union all
    select pressed.*, cast(null as bigint) as escalation_step
    from pressed
    where pressed.terms_id not in (select path_lengths.terms_id from path_lengths)
)

select
    tickets.ticket_id, tickets.subscription_id, tickets.contract_id, tickets.ticket_type,
    tickets.environment, tickets.severity,
    {{ instant('tickets.received_s') }} as received_at,
    {{ instant('tickets.clock_start_s') }} as clock_started_at,
    {{ instant('tickets.responded_s') }} as responded_at,
    tickets.is_paused,
    case
        when tickets.responded_s is null
            then tickets.response_target_s - tickets.response_elapsed_s
    end as response_remaining_s,
    tickets.target_severity, tickets.resolution_target_s, tickets.resolution_elapsed_s,
    tickets.resolution_target_s - tickets.resolution_elapsed_s as resolution_remaining_s,
    {{ instant('tickets.last_update_s') }} as last_update_at,
    tickets.update_cadence_s,
    tickets.update_cadence_s - tickets.update_elapsed_s as update_remaining_s,
    case tickets.pressure
        when 0 then 'on_track'
        when 1 then 'at_risk'
        else 'breached'
    end as target_status,
    tickets.escalation_step, path.value as escalate_to,
    -- whether the clock of the escalation runs in the second of as_of; null without one
    case
        when clocks.target_kind is not null
            then coalesce(
                clocks.calendar_id is null
                or {{ clock_at('clocks.calendar_id', 'next_day', '(tickets.as_of_s + 1)') }}
                > {{ clock_at('clocks.calendar_id', 'this_day', 'tickets.as_of_s') }},
                false
            )
    end as is_escalation_open
from escalated as tickets
left join {{ source('inputs', 'term_lists') }} as path
    on
        tickets.terms_id = path.terms_id
        and path.policy_key = 'escalation.path'
        and tickets.escalation_step = path.sequence
left join {{ source('inputs', 'targets') }} as clocks
    on
        tickets.support_policy_id = clocks.support_policy_id
        and clocks.target_kind = 'escalation'
        and tickets.severity = clocks.severity
{{ clock_part('clocks.calendar_id', 'this_day', 'tickets.as_of_s') }}
{{ clock_part('clocks.calendar_id', 'next_day', '(tickets.as_of_s + 1)') }}
