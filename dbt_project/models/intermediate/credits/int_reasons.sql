-- why a month can't be credited: every reason that holds (E1, E2, E4), by currency where it is
-- about money
with rows_of as (
    select * from {{ ref('int_credit_rows') }}
),

uncovered as (
    select rows_of.*
    from rows_of
    where not exists (
        select 1
        from {{ ref('int_covered') }} as covered
        where covered.subscription_id = rows_of.subscription_id and covered.month = rows_of.month
    )
),

spans as (
    select
        uncovered.subscription_id, uncovered.month, uncovered.currency, spans.kind, spans.status,
        spans.has_plan
    from uncovered
    left join {{ ref('int_month_spans') }} as spans
        on uncovered.subscription_id = spans.subscription_id and uncovered.month = spans.month
),

reasons as (
    select
        subscription_id, month, currency, 'not_subscribed' as reason
    from spans where kind is null
    union all
    select subscription_id, month, currency, 'not_paid' as reason from spans where kind <> 'paid'
    union all
    select
        subscription_id, month, currency, 'suspended' as reason
    from spans where status <> 'active'
    union all
    select
        subscription_id, month, currency, 'plan_without_credits' as reason
    from spans where not has_plan
    union all
    select rows_of.subscription_id, rows_of.month, rows_of.currency, 'overdue' as reason
    from rows_of
    inner join {{ ref('int_overdue_invoices') }} as overdue
        on rows_of.subscription_id = overdue.subscription_id and rows_of.month = overdue.month
    union all
    select subscription_id, month, currency, 'no_fee' as reason from rows_of where fee_minor <= 0
    union all
    select subscription_id, month, currency, 'not_ga' as reason from rows_of where lifecycle <> 'ga'
)

select subscription_id, month, coalesce(currency, '') as currency, {{ joined('reason') }} as reasons
from reasons
group by subscription_id, month, coalesce(currency, '')
