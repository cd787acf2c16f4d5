select
    gaps.ticket_id,
    cast(sum(case
        when gaps.elapsed_s > 0 then {{ int_divide('gaps.elapsed_s - 1', 'gaps.cadence_s') }}
        else 0
    end) as bigint) as missed
from {{ ref('int_update_gaps') }} as gaps
where gaps.cadence_s is not null
group by gaps.ticket_id
