-- rejected for what other rows say
with severities as (
    select
        subscriptions.contract_id, {{ json_value('set_aside.named', 'severity') }} as severity,
        set_aside.delivery_id, set_aside.line
    from {{ ref('int_set_aside') }} as set_aside
    inner join {{ ref('stg_tickets') }} as tickets
        on {{ json_value('set_aside.named', 'ticket_id') }} = tickets.ticket_id
    inner join {{ ref('int_subscriptions') }} as subscriptions
        on tickets.subscription_id = subscriptions.subscription_id
    where set_aside.is_judged and set_aside.rule = 'K1' and set_aside.column_name = 'severity'
),

known as (
    select subscriptions.contract_id, count(*) as row_count
    from {{ ref('stg_ticket_events') }} as events
    inner join {{ ref('stg_tickets') }} as tickets on events.ticket_id = tickets.ticket_id
    inner join {{ ref('int_subscriptions') }} as subscriptions
        on tickets.subscription_id = subscriptions.subscription_id
    where events.severity is not null
    group by subscriptions.contract_id
),

unknown as (
    select contract_id, count(*) as row_count
    from severities
    group by contract_id
),

-- a ticket that was received twice, judged with its first receipt
twice as (
    select
        lives.ticket_id, tickets._delivery_id as delivery_id, tickets._line as line,
        coalesce(responses.outcome = 'missed', false)
        or coalesce(resolutions.outcome = 'missed', false) as is_late
    from {{ ref('int_tickets') }} as lives
    inner join {{ ref('stg_tickets') }} as tickets on lives.ticket_id = tickets.ticket_id
    left join {{ ref('int_resolutions') }} as resolutions
        on lives.ticket_id = resolutions.ticket_id and resolutions.is_own
    left join {{ ref('int_responses') }} as responses on lives.ticket_id = responses.ticket_id
    where lives.status = 'rejected'
),

tickets as (select cast(count(*) as bigint) as of_rows from {{ ref('stg_tickets') }})

select
    'unknown_severity' as kind, 'ticket_events' as feed, severities.severity as key,
    min(severities.delivery_id) as delivery_id, min(severities.line) as line,
    severities.severity || ' is not a severity of ' || severities.contract_id as seen,
    severities.severity as value, severities.contract_id as candidates,
    count(*) as row_count, max(unknown.row_count + coalesce(known.row_count, 0)) as of_rows
from severities
inner join unknown on severities.contract_id = unknown.contract_id
left join known on severities.contract_id = known.contract_id
group by severities.severity, severities.contract_id
union all
select
    case
        when twice.is_late then 'received_twice_and_late'
        else 'received_twice'
    end as kind, 'tickets' as feed, twice.ticket_id as key,
    twice.delivery_id, twice.line,
    'ticket ' || twice.ticket_id || ' was received more than once and is in no figure'
    || case when twice.is_late then '; by its first receipt it would be late' else '' end as seen,
    cast(null as string) as value, cast(null as string) as candidates, 1 as row_count,
    tickets.of_rows
from twice
cross join tickets
union all
select
    'never_received' as kind, 'tickets' as feed, receipts.ticket_id as key,
    receipts._delivery_id as delivery_id, receipts._line as line,
    'ticket ' || receipts.ticket_id || ' has no event received and is in no figure' as seen,
    cast(null as string) as value, cast(null as string) as candidates, 1 as row_count,
    tickets.of_rows
from {{ ref('int_ticket_receipts') }} as receipts
cross join tickets
where receipts.status = 'waiting'
union all
select
    case rule when 'E1' then 'changed_span' else 'amounts_too_large' end as kind, feed,
    coalesce(
        {{ json_value('named', 'line_id') }}, {{ json_value('named', 'subscription_id') }}
    ) as key,
    delivery_id, line,
    reason as seen, cast(null as string) as value, cast(null as string) as candidates,
    1 as row_count, cast(null as bigint) as of_rows
from {{ ref('int_set_aside') }}
where is_judged and rule in ('E1', 'sum')
