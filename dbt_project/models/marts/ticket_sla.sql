with joined as (
    select
        tickets.*, run.as_of_s,
        -- what is known of a ticket without a clock is only that it is there (K2)
        tickets.status in ('counted', 'excluded') and tickets.classified_s is not null as has_clock,
        tickets.status = 'counted' as is_counted
    from {{ ref('int_tickets') }} as tickets
    cross join {{ source('inputs', 'run') }} as run
    where tickets.status <> 'rejected'
),

gaps as (
    select ticket_id, cast(count(*) as bigint) as incomplete_rows
    from {{ ref('int_evidence_gaps') }}
    where figure = 'ticket_sla'
    group by ticket_id
)

select
    joined.ticket_id, joined.subscription_id, joined.contract_id, joined.ticket_type,
    joined.subject, joined.incident_id,
    resolutions.severity, joined.month, joined.is_month_final,
    {{ instant('joined.received_s') }} as received_at,
    case when joined.has_clock then {{ instant('joined.clock_start_s') }} end as clock_started_at,
    case when joined.has_clock then {{ instant('joined.responded_s') }} end as responded_at,
    case when joined.has_clock then {{ instant('joined.stopped_s') }} end as resolved_at,
    responses.severity as response_severity,
    responses.target_s as response_target_s,
    responses.elapsed_s as response_elapsed_s,
    case when joined.is_counted then responses.outcome end as response_outcome,
    case when joined.is_counted then updates.missed end as updates_missed,
    case
        when not joined.is_counted or updates.missed is null then null
        when updates.missed > 0 then 'missed'
        when joined.stopped_s is null then 'pending'
        else 'met'
    end as update_outcome,
    resolutions.target_s as resolution_target_s,
    coalesce(resolutions.is_resolution_due_date, false) as is_resolution_due_date,
    resolutions.elapsed_s as resolution_elapsed_s,
    case when joined.is_counted then resolutions.outcome end as resolution_outcome,
    case
        when joined.is_counted
            then {{ delay_pct('resolutions.elapsed_s', 'resolutions.target_s') }}
    end as delay_pct,
    joined.status,
    case when joined.status = 'excluded' then joined.reason end as reason,
    joined.terms_id,
    gaps.ticket_id is not null as is_incomplete,
    coalesce(gaps.incomplete_rows, 0) as incomplete_rows
from joined
left join gaps on joined.ticket_id = gaps.ticket_id
left join {{ ref('int_resolutions') }} as resolutions
    on
        joined.ticket_id = resolutions.ticket_id
        and resolutions.is_own
        and joined.has_clock
left join {{ ref('int_responses') }} as responses
    on joined.ticket_id = responses.ticket_id and joined.has_clock
left join {{ ref('int_updates') }} as updates
    on joined.ticket_id = updates.ticket_id and joined.has_clock
