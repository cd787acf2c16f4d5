-- lines of subscriptions on invoices that count: issued or paid, and issued by the contract's local
-- date of as_of (T3, E3)
select
    lines.line_id, lines.invoice_id, lines.subscription_id, subscriptions.contract_id,
    lines.line_kind, lines.period_start, lines.period_end,
    lines.amount_minor, lines.currency, invoices.issued_on, lines._delivery_id, lines._line
from {{ ref('stg_invoice_lines') }} as lines
inner join {{ ref('stg_invoices') }} as invoices on lines.invoice_id = invoices.invoice_id
inner join {{ ref('int_subscriptions') }} as subscriptions
    on lines.subscription_id = subscriptions.subscription_id
where
    invoices.status in ('issued', 'paid')
    and (invoices.issued_on is null or invoices.issued_on <= subscriptions.as_of_day)
