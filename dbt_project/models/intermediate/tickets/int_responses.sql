with measured as (
    select
        policies.ticket_id, policies.responded_s, targets.response_severity as severity,
        targets.response_target_s as target_s,
        case
            when targets.response_target_s is not null
                then
                    {{ clock_at(
                        'targets.response_calendar', 'last_day', 'policies.response_end_s'
                    ) }}
                    - {{ clock_at(
                        'targets.response_calendar', 'first_day', 'policies.clock_start_s'
                    ) }}
        end as elapsed_s
    from {{ ref('int_ticket_policies') }} as policies
    inner join {{ ref('int_ticket_targets') }} as targets
        on
            policies.ticket_id = targets.ticket_id
            and policies.support_policy_id = targets.support_policy_id
    {{ clock_part('targets.response_calendar', 'first_day', 'policies.clock_start_s') }}
    {{ clock_part('targets.response_calendar', 'last_day', 'policies.response_end_s') }}
    where policies.is_own
)

select *, {{ outcome('elapsed_s', 'target_s', 'responded_s') }} as outcome
from measured
