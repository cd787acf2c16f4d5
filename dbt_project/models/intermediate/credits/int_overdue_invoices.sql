with positive as (
    select distinct invoice_id
    from (
        select invoice_id, currency, sum(amount_minor) as amount_minor
        from {{ ref('stg_invoice_lines') }}
        group by invoice_id, currency
    ) as sums
    where amount_minor > 0
)

select
    claims.subscription_id, claims.month, invoices.invoice_id, invoices.due_on, claims.current_on,
    case when invoices.paid_on <= claims.as_of_day then invoices.paid_on end as paid_on,
    invoices._delivery_id, invoices._line
from {{ ref('int_claims') }} as claims
inner join {{ ref('stg_invoices') }} as invoices on claims.customer_id = invoices.customer_id
inner join positive on invoices.invoice_id = positive.invoice_id
where
    invoices.status in ('issued', 'paid')
    and (invoices.issued_on is null or invoices.issued_on <= claims.as_of_day)
    and invoices.due_on < claims.current_on
    -- paid later than as_of reads as not paid (T3), and as_of is never before the day in question
    and (invoices.paid_on is null or invoices.paid_on > claims.current_on)
