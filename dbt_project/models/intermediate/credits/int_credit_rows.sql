-- every month with a span or a fee, once a currency; without a fee line once, without a currency
with months as (
    select months.*
    from {{ ref('int_subscription_months') }} as months
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
)

select
    months.subscription_id, months.customer_id, months.contract_id, months.service_id,
    months.region, months.lifecycle,
    months.month, months.is_final, months.terms_id,
    fees.currency, currencies.minor_digits,
    coalesce(fees.fee_minor, 0) as fee_minor
from months
left join {{ ref('int_month_fees') }} as fees
    on months.subscription_id = fees.subscription_id and months.month = fees.month
left join {{ source('inputs', 'currencies') }} as currencies on fees.currency = currencies.currency
