select
    latest.line_id, latest.invoice_id, latest.subscription_id, latest.line_kind, latest.period_start,
    latest.period_end, latest.amount_minor, latest.currency, latest._delivery_id, latest._line
from ({{ latest_rows('invoice_lines') }}) as latest
inner join {{ ref('stg_invoices') }} as invoices on latest.invoice_id = invoices.invoice_id
where
    latest.subscription_id is null
    or exists (select 1 from {{ ref('stg_subscriptions') }} as s where s.subscription_id = latest.subscription_id)
