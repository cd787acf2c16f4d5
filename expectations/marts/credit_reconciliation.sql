-- a row per subscription, month and currency with anything payable or issued
with payable as (
    select subscription_id, month, currency, sum(payable_amount) as amount
    from marts.credits
    where payable_amount <> 0
    group by subscription_id, month, currency
),

issued as (
    select lines.subscription_id, lines.month, lines.currency, -sum(lines.amount) as amount
    from marts.credit_issued_lines as lines
    inner join marts.subscriptions as subscriptions
        on lines.subscription_id = subscriptions.subscription_id
    inner join marts.contracts as contracts
        on subscriptions.contract_id = contracts.contract_id
    -- what providers have credited to us is no credit of ours
    where contracts.party = 'provider'
    group by lines.subscription_id, lines.month, lines.currency
),

keys as (
    select subscription_id, month, currency from marts.credit_reconciliation
    union
    select subscription_id, month, currency from payable
    union
    select subscription_id, month, currency from issued
)

select
    keys.subscription_id,
    strftime(keys.month, '%Y-%m') as month,
    keys.currency,
    milli(coalesce(found.due_amount, 0)) as due_milli,
    milli(coalesce(payable.amount, 0)) as payable_milli,
    milli(coalesce(found.issued_amount, 0)) as issued_milli,
    milli(coalesce(issued.amount, 0)) as issued_lines_milli,
    -- these add up to nothing
    milli(coalesce(found.difference, 0)) as difference_milli,
    -milli(coalesce(found.due_amount, 0)) as less_due_milli
from keys
left join marts.credit_reconciliation as found
    on
        keys.subscription_id = found.subscription_id
        and keys.month = found.month
        and keys.currency = found.currency
left join payable
    on
        keys.subscription_id = payable.subscription_id
        and keys.month = payable.month
        and keys.currency = payable.currency
left join issued
    on
        keys.subscription_id = issued.subscription_id
        and keys.month = issued.month
        and keys.currency = issued.currency
