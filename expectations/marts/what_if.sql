-- a row per alternative, month and currency: its sums, beside those of the contract as it is
with own as (
    select
        contract_id, month, currency, sum(credit_amount) as credit, sum(payable_amount) as payable
    from marts.credits
    group by contract_id, month, currency
)

select
    alternatives.contract_id, alternatives.policy_key, alternatives.value,
    strftime(alternatives.month, '%Y-%m') as month,
    alternatives.currency,
    -- these add up to nothing
    milli(alternatives.credit_difference) as credit_difference_milli,
    milli(coalesce(own.credit, 0)) as credit_milli,
    -milli(alternatives.credit_amount) as less_credit_milli,
    -- and these
    milli(alternatives.payable_difference) as payable_difference_milli,
    milli(coalesce(own.payable, 0)) as payable_milli,
    -milli(alternatives.payable_amount) as less_payable_milli
from marts.what_if as alternatives
left join own
    on
        alternatives.contract_id = own.contract_id
        and alternatives.month = own.month
        and alternatives.currency = own.currency
