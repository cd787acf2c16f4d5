-- credits that were issued, in the month that they are for, whichever that is (C6)
with credits as (
    select
        lines.line_id, lines.invoice_id, lines.subscription_id, lines.period_start,
        lines.amount_minor, lines.currency,
        lines.issued_on, contracts.party, lines._delivery_id, lines._line,
        {{ first_of_period('lines.period_start', 'contracts.credit_period_kind') }} as month,
        coalesce(
            {{ first_of_period('lines.issued_on', 'contracts.credit_period_kind') }}
            <= {{ first_of_period('lines.period_start', 'contracts.credit_period_kind') }},
            false
        ) as is_early
    from {{ ref('int_billed_lines') }} as lines
    inner join {{ source('inputs', 'contracts') }} as contracts
        on lines.contract_id = contracts.contract_id
    where lines.line_kind = 'credit'
)

-- before the first version nothing was agreed: no cap
select
    credits.line_id, credits.invoice_id, credits.subscription_id, credits.period_start,
    credits.amount_minor,
    credits.currency, credits.issued_on, credits.month, terms.terms_id, terms.cap_pct,
    credits.is_early, credits.party,
    credits._delivery_id, credits._line
from credits
left join {{ ref('int_subscription_terms') }} as agreed
    on
        credits.subscription_id = agreed.subscription_id
        and credits.month >= agreed.valid_from
        and credits.month < agreed.valid_until
        and agreed.scenario_id = 0
left join {{ source('inputs', 'terms') }} as terms on agreed.terms_id = terms.terms_id
