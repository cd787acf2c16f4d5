with shared as (
    select ticket_id, subscription_id, month, min(start_s) as start_s, min(linked_by) as linked_by
    from {{ ref('int_shared_events') }}
    where scenario_id = 0
    group by ticket_id, subscription_id, month
)

select
    incidents.subscription_id, incidents.month, incidents.ticket_id, incidents.severity,
    {{ instant('incidents.received_s') }} as received_at,
    incidents.target_s, documents.document as target_document,
    resolutions.is_resolution_due_date as is_due_date, incidents.elapsed_s,
    case when incidents.is_missed then 'missed' else 'met' end as outcome,
    {{ delay_pct('incidents.elapsed_s', 'incidents.target_s') }} as delay_pct,
    shared.linked_by,
    {{ instant('shared.start_s') }} as shared_downtime_started_at,
    deliveries.path as file, tickets._line as line
from {{ ref('int_eligible_incidents') }} as incidents
inner join {{ ref('stg_tickets') }} as tickets on incidents.ticket_id = tickets.ticket_id
inner join {{ ref('int_tickets') }} as timed on incidents.ticket_id = timed.ticket_id
inner join {{ ref('int_resolutions') }} as resolutions
    on incidents.ticket_id = resolutions.ticket_id and resolutions.is_own
{{ delivery_of('tickets') }}
-- what was agreed on the day of receipt, which need not be that of the month (T6)
left join {{ source('inputs', 'term_values') }} as documents
    on
        timed.terms_id = documents.terms_id
        and documents.policy_key = case
            when resolutions.is_resolution_due_date then 'tickets.due_dates'
            else 'resolution.' || incidents.severity || '.target'
        end
left join shared
    on
        incidents.ticket_id = shared.ticket_id
        and incidents.subscription_id = shared.subscription_id
        and incidents.month = shared.month
where incidents.scenario_id = 0
