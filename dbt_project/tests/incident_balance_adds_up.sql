-- conservation: by currency, what incidents are owed for adds up to credits, and what can be claimed
-- for them, or is lost, to own_claims (C9)
with parts as (
    select currency, owed_amount as owed, claimable_amount + lost_amount as claims
    from {{ ref('incident_balance') }}
    union all
    select currency, -credit_amount as owed, 0 as claims
    from {{ ref('credits') }}
    where currency is not null
    union all
    select currency, 0 as owed, -credit_amount as claims
    from {{ ref('own_claims') }}
    where currency is not null
)

select currency, sum(owed) as owed, sum(claims) as claims
from parts
group by currency
having sum(owed) <> 0 or sum(claims) <> 0
