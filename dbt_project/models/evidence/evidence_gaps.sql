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
from {{ ref('int_evidence_gaps') }} as gaps
inner join {{ ref('int_evidence_faults') }} as faults
    on gaps.feed = faults.feed and gaps.delivery_id = faults.delivery_id and gaps.line = faults.line
