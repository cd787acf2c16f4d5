with contracts_of as (
    select distinct subscriptions.subscription_id, services.contract_id
    from {{ ref('stg_subscriptions') }} as subscriptions
    inner join {{ ref('stg_services') }} as services
        on subscriptions.service_id = services.service_id
),

occurred as (
    select
        arrived.*, contracts_of.contract_id,
        arrived.event in ('classified', 'severity_changed') as carries_severity
    from ({{ arrived_rows('ticket_events') }}) as arrived
    inner join {{ ref('stg_tickets') }} as tickets on arrived.ticket_id = tickets.ticket_id
    inner join contracts_of on tickets.subscription_id = contracts_of.subscription_id
    cross join {{ source('inputs', 'run') }} as run
    where arrived.occurred_at_s <= run.as_of_s
)

select
    occurred.event_id, occurred.ticket_id, occurred.contract_id,
    occurred.occurred_at_s, occurred.occurred_at_us, occurred.event,
    case when occurred.carries_severity then occurred.severity end as severity,
    occurred.resolution_kind, occurred._delivery_id, occurred._line,
    -- a severity that no version of the contract knows makes no event (K1)
    occurred.carries_severity
    and not exists (
        select 1
        from {{ source('inputs', 'severities') }} as severities
        where
            severities.contract_id = occurred.contract_id
            and severities.severity = occurred.severity
    ) as has_unknown_severity
from occurred
