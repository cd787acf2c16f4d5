-- credits that were issued, in the month that they are for, begun or not (C6)
select
    lines.line_id, lines.invoice_id, lines.subscription_id, lines.period_start, lines.amount_minor, lines.currency, lines.issued_on,
    months.month, terms.cap_pct,
    coalesce(lines.issued_on <= months.last_day, false) as is_early,
    lines._delivery_id, lines._line
from {{ ref('int_billed_lines') }} as lines
inner join {{ source('inputs', 'months') }} as months
    on
        lines.contract_id = months.contract_id
        and lines.period_start >= months.month
        and lines.period_start <= months.last_day
inner join {{ ref('int_subscription_terms') }} as agreed
    on
        lines.subscription_id = agreed.subscription_id
        and months.month >= agreed.valid_from
        and months.month < agreed.valid_until
        and agreed.reading_id = 0
inner join {{ source('inputs', 'terms') }} as terms on agreed.terms_id = terms.terms_id
where lines.line_kind = 'credit'
