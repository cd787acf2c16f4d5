with gaps as (
    select gaps.*
    from {{ ref('int_evidence_gaps') }} as gaps
    where
        (
            gaps.figure = 'availability'
            and exists (
                select 1
                from {{ ref('availability') }} as figures
                where
                    figures.contract_id = gaps.contract_id
                    and figures.service_id = gaps.service_id
                    and figures.region = gaps.region
                    and figures.period_start = gaps.period_start
            )
        )
        or gaps.figure = 'ticket_sla'
        or (
            gaps.figure = 'credits'
            and exists (
                select 1
                from {{ ref('int_credit_rows') }} as figures
                where
                    figures.subscription_id = gaps.subscription_id
                    and figures.month = gaps.period_start
            )
        )
)

select
    gaps.figure, gaps.contract_id, gaps.service_id, gaps.region, gaps.subscription_id,
    gaps.ticket_id, gaps.period_start,
    gaps.feed, faults.file, gaps.line, faults.status, faults.rule, faults.column_name,
    faults.reason,
    case gaps.feed
        when 'ticket_events' then 'an event of a ticket'
        when 'tickets' then 'a ticket'
        when 'invoices' then 'an invoice of the customer'
        when 'invoice_lines' then 'an invoice line'
        when 'credit_requests' then 'a request for the credit'
        when 'subscriptions' then 'a span of the subscription'
        when 'checks' then 'a check of a component'
        when 'outages' then 'an outage record of a component'
        when 'components' then 'the description of a component'
        when 'exclusions' then 'an exclusion'
        else 'the description of the service'
    end
    || case faults.status
        when 'waiting' then ' is waiting for another row'
        else ' was rejected'
    end as sentence
from gaps
inner join {{ ref('int_evidence_faults') }} as faults
    on gaps.feed = faults.feed and gaps.delivery_id = faults.delivery_id and gaps.line = faults.line
