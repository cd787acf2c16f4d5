-- a row per statement of the last publication (C7): as it was issued, as it is kept now, and what
-- the credit says that still shows this version; as text, in which decimals are exact
select
    issued.subscription_id,
    strftime(issued.month, '%Y-%m') as month,
    coalesce(issued.currency, '') as currency,
    issued.statement_version as version,
    statement(issued) as issued,
    case when kept.subscription_id is null then 'nothing' else statement(kept) end as kept,
    case
        when shown.subscription_id is null then statement(issued)
        else statement(shown)
    end as shown
from work.inputs.statements_before as issued
left join marts.credit_statements as kept
    on
        issued.subscription_id = kept.subscription_id
        and issued.month = kept.month
        and issued.currency is not distinct from kept.currency
        and issued.statement_version = kept.statement_version
left join marts.credits as shown
    on
        issued.subscription_id = shown.subscription_id
        and issued.month = shown.month
        and issued.currency is not distinct from shown.currency
        and issued.statement_version = shown.statement_version
