with contracts_of as (
    select distinct subscriptions.subscription_id, services.contract_id
    from {{ ref('stg_subscriptions') }} as subscriptions
    inner join {{ ref('stg_services') }} as services on subscriptions.service_id = services.service_id
)

select
    latest.event_id, latest.ticket_id, latest.occurred_at_s, latest.occurred_at_us, latest.event,
    case when latest.event in ('classified', 'severity_changed') then latest.severity end as severity,
    latest.resolution_kind, latest._delivery_id, latest._line
from ({{ latest_rows('ticket_events') }}) as latest
inner join {{ ref('stg_tickets') }} as tickets on latest.ticket_id = tickets.ticket_id
inner join contracts_of on tickets.subscription_id = contracts_of.subscription_id
left join {{ source('inputs', 'severities') }} as severities
    on contracts_of.contract_id = severities.contract_id and latest.severity = severities.severity
cross join {{ source('inputs', 'run') }} as run
where
    latest.occurred_at_s <= run.as_of_s
    -- a severity that no version of the contract knows makes no event (K1)
    and (latest.event not in ('classified', 'severity_changed') or severities.severity is not null)
