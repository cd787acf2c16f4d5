-- conservation: what a credit was for adds up to it, to the minor unit, and nothing else has any
with attribution as (
    select subscription_id, month, currency, sum(amount) as amount, min(amount) as least_amount
    from {{ ref('credit_attribution') }}
    group by subscription_id, month, currency
)

select
    credits.subscription_id, credits.month, credits.currency, credits.credit_amount,
    attribution.amount
from {{ ref('credits') }} as credits
full outer join attribution
    on
        credits.subscription_id = attribution.subscription_id
        and credits.month = attribution.month
        and credits.currency = attribution.currency
where
    coalesce(credits.credit_amount, 0) <> coalesce(attribution.amount, 0)
    or attribution.least_amount < 0
