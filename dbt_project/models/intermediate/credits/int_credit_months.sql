select months.*
from {{ ref('int_subscription_periods') }} as months
where
    months.has_credits
    and (
        exists (
            select 1
            from {{ ref('int_month_spans') }} as spans
            where spans.subscription_id = months.subscription_id and spans.month = months.month
        )
        or exists (
            select 1
            from {{ ref('int_month_fees') }} as fees
            where fees.subscription_id = months.subscription_id and fees.month = months.month
        )
    )
