with elapsed as (
    select ticket_id, desk_id, sum(elapsed_s) as elapsed_s
    from {{ ref('int_resolution_segments') }}
    group by ticket_id, desk_id
),

measured as (
    select
        desks.ticket_id, desks.desk_id, desks.is_own, desks.stopped_s, targets.severity, targets.highest_severity,
        targets.resolution_target_s as target_s,
        case when targets.resolution_target_s is not null then cast(coalesce(elapsed.elapsed_s, 0) as bigint) end as elapsed_s
    from {{ ref('int_ticket_desks') }} as desks
    inner join {{ ref('int_ticket_targets') }} as targets on desks.ticket_id = targets.ticket_id and desks.desk_id = targets.desk_id
    left join elapsed on desks.ticket_id = elapsed.ticket_id and desks.desk_id = elapsed.desk_id
)

select *, {{ outcome('elapsed_s', 'target_s', 'stopped_s') }} as outcome
from measured
