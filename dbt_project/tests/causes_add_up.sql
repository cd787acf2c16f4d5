-- conservation: what a credit was for adds up to it, to the minor unit, and nothing else has causes
with causes as (
    select subscription_id, month, currency, sum(amount) as amount, min(amount) as least_amount
    from {{ ref('credit_causes') }}
    group by subscription_id, month, currency
)

select credits.subscription_id, credits.month, credits.currency, credits.credit_amount, causes.amount
from {{ ref('credits') }} as credits
full outer join causes
    on
        credits.subscription_id = causes.subscription_id
        and credits.month = causes.month
        and credits.currency = causes.currency
where coalesce(credits.credit_amount, 0) <> coalesce(causes.amount, 0) or causes.least_amount < 0
