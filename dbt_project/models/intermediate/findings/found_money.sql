with lines as (
    select
        lines.*,
        row_number() over (
            partition by lines.subscription_id order by lines.period_start, lines.line_id
        ) as sequence
    from {{ ref('stg_invoice_lines') }} as lines
    inner join {{ ref('stg_invoices') }} as invoices on lines.invoice_id = invoices.invoice_id
    where invoices.status in ('issued', 'paid')
),

found as (
    select
        'paid_before_issued' as kind, 'invoices' as feed, invoice_id as key,
        _delivery_id as delivery_id, _line as line,
        'invoice ' || invoice_id || ' was paid on ' || cast(paid_on as string)
        || ', before it was issued on ' || cast(issued_on as string) as seen
    from {{ ref('stg_invoices') }}
    where paid_on < issued_on
    union all
    select
        'positive_credit' as kind, 'invoice_lines' as feed, line_id as key,
        _delivery_id as delivery_id, _line as line,
        'credit line ' || line_id || ' of ' || coalesce(subscription_id, 'no subscription')
        || ' is positive: it charges' as seen
    from lines
    where line_kind = 'credit' and amount_minor > 0
    union all
    select
        'overlap_of_a_day' as kind, 'invoice_lines' as feed, former.line_id as key,
        former._delivery_id as delivery_id, former._line as line,
        'lines ' || former.line_id || ' and ' || latter.line_id || ' of ' || former.subscription_id
        || ' share one day, '
        || cast(former.period_end as string) as seen
    from lines as former
    inner join lines as latter
        on
            former.subscription_id = latter.subscription_id
            and former.line_kind = latter.line_kind
            and former.currency = latter.currency
            and former.period_end = latter.period_start
    where
        former.line_kind in ('recurring', 'usage')
        and former.period_start < former.period_end
        and latter.period_start < latter.period_end
        and former.amount_minor > 0
        and latter.amount_minor > 0
    union all
    -- service credits are for whole months; what was paid back for part of one is a refund
    select
        'refund_as_credit' as kind, 'invoice_lines' as feed, credits.line_id as key,
        credits._delivery_id as delivery_id, credits._line as line,
        'credit line ' || credits.line_id || ' of ' || credits.subscription_id
        || ' is for part of a month ('
        || cast(credits.period_start as string) || ' to ' || cast(credits.period_end as string)
        || ') on an invoice that also charges for it: it looks like a refund for a change of plan'
            as seen
    from lines as credits
    where
        credits.line_kind = 'credit'
        and credits.amount_minor < 0
        and (
            credits.period_start <> {{ first_of_month('credits.period_start') }}
            or credits.period_end <> {{ last_of_month('credits.period_end') }}
        )
        and exists (
            select 1
            from lines as charged
            where
                charged.invoice_id = credits.invoice_id
                and charged.subscription_id = credits.subscription_id
                and charged.line_kind in ('recurring', 'usage')
                and charged.amount_minor > 0
        )
)

select *, 1 as row_count
from found
