with open_tickets as (
    select tickets.*, run.as_of_s
    from {{ ref('int_tickets') }} as tickets
    cross join {{ source('inputs', 'run') }} as run
    where tickets.status = 'counted' and tickets.stopped_s is null
),

last_gaps as (
    select ticket_id, max(gap) as gap
    from {{ ref('int_update_gaps') }}
    group by ticket_id
),

measured as (
    select
        open_tickets.*, resolutions.severity as target_severity, gaps.severity,
        resolutions.target_s as resolution_target_s, resolutions.elapsed_s as resolution_elapsed_s,
        gaps.cadence_s as update_cadence_s,
        case when gaps.cadence_s is not null then gaps.elapsed_s end as update_elapsed_s,
        gaps.start_s as last_update_s,
        timeline.is_paused,
        responses.target_s as response_target_s, responses.elapsed_s as response_elapsed_s
    from open_tickets
    inner join {{ ref('int_resolutions') }} as resolutions on open_tickets.ticket_id = resolutions.ticket_id and resolutions.is_own
    inner join {{ ref('int_responses') }} as responses on open_tickets.ticket_id = responses.ticket_id
    inner join last_gaps on open_tickets.ticket_id = last_gaps.ticket_id
    inner join {{ ref('int_update_gaps') }} as gaps on last_gaps.ticket_id = gaps.ticket_id and last_gaps.gap = gaps.gap
    inner join {{ ref('int_ticket_timeline') }} as timeline on open_tickets.ticket_id = timeline.ticket_id and timeline.next_s is null
),

{%- set targets = {'resolution_elapsed_s': 'resolution_target_s', 'update_elapsed_s': 'update_cadence_s'} %}
{%- set levels = {3: (2, 1), 2: (1, 1), 1: (3, 4)} %}

-- at risk: three quarters of a target are used; breached: more than all; then more than twice
pressed as (
    select
        *,
        case
            {%- for target_status, (one, of) in levels.items() %}
            when
                {%- for used, target in targets.items() %}
                {{ 'or ' if not loop.first }}{{ of }} * {{ used }} {{ '>=' if target_status == 1 else '>' }} {{ one }} * {{ target }}
                {%- endfor %}
                then {{ target_status }}
            {%- endfor %}
            else 0
        end as target_status
    from measured
),

path_lengths as (
    select terms_id, max(sequence) as steps
    from {{ source('inputs', 'term_lists') }}
    where policy_key = 'escalation.path'
    group by terms_id
)

select
    pressed.ticket_id, pressed.subscription_id, pressed.contract_id, pressed.ticket_type, pressed.environment, pressed.severity,
    {{ instant('pressed.received_s') }} as received_at,
    {{ instant('pressed.clock_start_s') }} as clock_started_at,
    {{ instant('pressed.responded_s') }} as responded_at,
    pressed.is_paused,
    case when pressed.responded_s is null then pressed.response_target_s - pressed.response_elapsed_s end as response_remaining_s,
    pressed.target_severity, pressed.resolution_target_s, pressed.resolution_elapsed_s,
    pressed.resolution_target_s - pressed.resolution_elapsed_s as resolution_remaining_s,
    {{ instant('pressed.last_update_s') }} as last_update_at,
    pressed.update_cadence_s,
    pressed.update_cadence_s - pressed.update_elapsed_s as update_remaining_s,
    case pressed.target_status when 0 then 'on_track' when 1 then 'at_risk' else 'breached' end as target_status,
    -- who holds the ticket is the first of the path; at risk is the second's, breached the third's, twice the target the last's (Z5)
    case when path_lengths.steps is not null then least(pressed.target_status + 1, path_lengths.steps) end as escalation_step,
    path.value as escalate_to,
    case
        when clocks.target_kind is not null
            then coalesce(
                clocks.calendar_id is null
                or {{ clock_at('clocks.calendar_id', 'next_day', '(pressed.as_of_s + 1)') }}
                > {{ clock_at('clocks.calendar_id', 'this_day', 'pressed.as_of_s') }},
                false
            )
    end as is_escalation_open
from pressed
left join path_lengths on pressed.terms_id = path_lengths.terms_id
left join {{ source('inputs', 'term_lists') }} as path
    on
        pressed.terms_id = path.terms_id
        and path.policy_key = 'escalation.path'
        and path.sequence = least(pressed.target_status + 1, path_lengths.steps)
left join {{ source('inputs', 'targets') }} as clocks
    on pressed.support_policy_id = clocks.support_policy_id and clocks.target_kind = 'escalation' and pressed.severity = clocks.severity
{{ clock_days('clocks.calendar_id', 'this_day', 'pressed.as_of_s') }}
{{ clock_days('clocks.calendar_id', 'next_day', '(pressed.as_of_s + 1)') }}
