with measured as (
    select
        desks.ticket_id, desks.responded_s, targets.response_target_s as target_s,
        case
            when targets.response_target_s is not null
                then
                    {{ clock_at('targets.response_calendar', 'last_day', 'desks.response_end_s') }}
                    - {{ clock_at('targets.response_calendar', 'first_day', 'desks.clock_start_s') }}
        end as elapsed_s
    from {{ ref('int_ticket_desks') }} as desks
    inner join {{ ref('int_ticket_targets') }} as targets on desks.ticket_id = targets.ticket_id and desks.desk_id = targets.desk_id
    {{ clock_days('targets.response_calendar', 'first_day', 'desks.clock_start_s') }}
    {{ clock_days('targets.response_calendar', 'last_day', 'desks.response_end_s') }}
    where desks.is_own
)

select *, {{ outcome('elapsed_s', 'target_s', 'responded_s') }} as outcome
from measured
