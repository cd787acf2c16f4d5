-- the severities in force at the start of the clock, at its stop, and the highest in between (K3)
with met as (
    select
        desks.ticket_id, desks.desk_id,
        max(case when spans.start_s <= desks.clock_start_s then spans.severity end) as initial,
        max(case when spans.start_s <= desks.response_end_s and spans.end_s > desks.response_end_s then spans.severity end) as at_response,
        max(case when spans.start_s <= desks.end_s and spans.end_s > desks.end_s then spans.severity end) as at_stop,
        min(case when spans.start_s <= desks.response_end_s then spans.severity_rank end) as highest_rank_to_response,
        min(case when spans.start_s <= desks.end_s then spans.severity_rank end) as highest_rank
    from {{ ref('int_ticket_desks') }} as desks
    inner join {{ ref('int_ticket_severities') }} as spans
        on
            desks.ticket_id = spans.ticket_id
            and desks.desk_id = spans.desk_id
            and spans.end_s > desks.clock_start_s
    group by desks.ticket_id, desks.desk_id
),

chosen as (
    select
        met.ticket_id, met.desk_id,
        coalesce(highest.severity, met.initial) as highest_severity,
        case desks.basis
            when 'initial' then met.initial
            when 'highest' then coalesce(highest_to_response.severity, met.initial)
            else met.at_response
        end as response_severity,
        case desks.basis
            when 'initial' then met.initial
            when 'highest' then coalesce(highest.severity, met.initial)
            else met.at_stop
        end as severity
    from met
    inner join {{ source('inputs', 'desks') }} as desks on met.desk_id = desks.desk_id
    left join {{ source('inputs', 'desk_severities') }} as highest
        on met.desk_id = highest.desk_id and met.highest_rank = highest.severity_rank
    left join {{ source('inputs', 'desk_severities') }} as highest_to_response
        on met.desk_id = highest_to_response.desk_id and met.highest_rank_to_response = highest_to_response.severity_rank
)

select
    chosen.*,
    response.target_s as response_target_s, response.calendar_id as response_calendar,
    resolution.target_s as resolution_target_s, resolution.calendar_id as resolution_calendar
from chosen
left join {{ source('inputs', 'targets') }} as response
    on chosen.desk_id = response.desk_id and response.promise = 'response' and chosen.response_severity = response.severity
left join {{ source('inputs', 'targets') }} as resolution
    on chosen.desk_id = resolution.desk_id and resolution.promise = 'resolution' and chosen.severity = resolution.severity
