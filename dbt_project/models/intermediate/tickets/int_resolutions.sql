with elapsed as (
    select ticket_id, support_policy_id, sum(elapsed_s) as elapsed_s
    from {{ ref('int_resolution_segments') }}
    group by ticket_id, support_policy_id
),

measured as (
    select
        policies.ticket_id, policies.support_policy_id, policies.is_own,
        policies.stopped_s, targets.severity, targets.highest_severity,
        targets.is_resolution_due_date,
        targets.resolution_target_s as target_s,
        case
            when targets.resolution_target_s is not null
                then cast(coalesce(elapsed.elapsed_s, 0) as bigint)
        end as elapsed_s
    from {{ ref('int_ticket_policies') }} as policies
    inner join {{ ref('int_ticket_targets') }} as targets
        on
            policies.ticket_id = targets.ticket_id
            and policies.support_policy_id = targets.support_policy_id
    left join elapsed
        on
            policies.ticket_id = elapsed.ticket_id
            and policies.support_policy_id = elapsed.support_policy_id
)

select *, {{ outcome('elapsed_s', 'target_s', 'stopped_s') }} as outcome
from measured
