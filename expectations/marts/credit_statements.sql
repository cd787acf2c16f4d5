-- a row per statement of the last publication (C7): as it was issued, as it is kept now, and what
-- the credit says that still shows this version; as text, in which decimals are exact
with issued as (
    select *, statement(statements_before) as stated
    from work.inputs.statements_before
),

kept as (
    select *, statement(credit_statements) as stated
    from marts.credit_statements
),

shown as (
    select *, statement(credits) as stated
    from marts.credits
)

select
    issued.subscription_id,
    strftime(issued.month, '%Y-%m') as month,
    coalesce(issued.currency, '') as currency,
    issued.statement_version as version,
    issued.stated as issued,
    coalesce(kept.stated, 'nothing') as kept,
    coalesce(shown.stated, issued.stated) as shown
from issued
left join kept
    on
        issued.subscription_id = kept.subscription_id
        and issued.month = kept.month
        and issued.currency is not distinct from kept.currency
        and issued.statement_version = kept.statement_version
left join shown
    on
        issued.subscription_id = shown.subscription_id
        and issued.month = shown.month
        and issued.currency is not distinct from shown.currency
        and issued.statement_version = shown.statement_version
