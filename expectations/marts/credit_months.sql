-- a row per subscription, month and currency that has to have a credit, with the one that it has
with months as (
    select subscription_id, month, last_day
    from work.intermediate.int_subscription_periods
    where has_credits
),

due as (
    select distinct fees.subscription_id, fees.month, fees.currency
    from marts.credit_fee_lines as fees
    inner join months on fees.subscription_id = months.subscription_id and fees.month = months.month
    union all
    -- in any currency, or in none
    select distinct months.subscription_id, months.month, null as currency
    from months
    inner join marts.subscription_spans as spans
        on
            months.subscription_id = spans.subscription_id
            and spans.valid_from <= months.last_day
            and (spans.last_day is null or spans.last_day >= months.month)
)

select
    due.subscription_id,
    strftime(due.month, '%Y-%m') as month,
    coalesce(due.currency, '') as currency,
    min(credits.subscription_id) as credit
from due
-- what we owe, or claims of our own
left join (
    from marts.credits
    union all
    from marts.own_claims
) as credits
    on
        due.subscription_id = credits.subscription_id
        and due.month = credits.month
        and (due.currency is null or due.currency = credits.currency)
group by due.subscription_id, due.month, due.currency
