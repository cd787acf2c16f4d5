with shared as (
    select ticket_id, subscription_id, month, min(start_s) as start_s, min(linked_by) as linked_by
    from {{ ref('int_shared_events') }}
    where reading_id = 0
    group by ticket_id, subscription_id, month
)

select
    population.subscription_id, population.month, population.ticket_id, population.severity,
    {{ instant('population.received_s') }} as received_at,
    population.target_s, documents.document as target_document, population.elapsed_s,
    case when population.is_missed then 'missed' else 'met' end as outcome,
    case
        when population.is_missed then {{ percentage('population.elapsed_s - population.target_s', 'population.target_s') }}
        else cast(0 as decimal(18, 6))
    end as delay_pct,
    shared.linked_by,
    {{ instant('shared.start_s') }} as shared_downtime_started_at,
    deliveries.path as file, tickets._line as line
from {{ ref('int_population') }} as population
inner join {{ ref('stg_tickets') }} as tickets on population.ticket_id = tickets.ticket_id
inner join {{ ref('int_tickets') }} as lives on population.ticket_id = lives.ticket_id
{{ delivery_of('tickets') }}
-- what was agreed on the day of receipt, which need not be that of the month (T6)
left join {{ source('inputs', 'term_values') }} as documents
    on lives.terms_id = documents.terms_id and documents.policy_key = 'resolution.' || population.severity || '.target'
left join shared
    on
        population.ticket_id = shared.ticket_id
        and population.subscription_id = shared.subscription_id
        and population.month = shared.month
where population.reading_id = 0
