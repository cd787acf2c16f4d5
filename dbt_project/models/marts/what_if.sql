with amounts as (
    select * from {{ ref('int_credits') }} where currency is not null
),

own as (
    select
        contract_id, month, currency, minor_digits,
        sum(credit_minor) as credit_minor, sum(payable_minor) as payable_minor
    from amounts
    where scenario_id = 0
    group by contract_id, month, currency, minor_digits
),

-- in rows that a scenario has none of, it makes no difference
differences as (
    select
        others.contract_id, others.scenario_id, others.month, others.currency,
        sum(others.credit_minor - amounts.credit_minor) as credit_minor,
        sum(others.payable_minor - amounts.payable_minor) as payable_minor
    from amounts as others
    inner join amounts
        on
            others.subscription_id = amounts.subscription_id
            and others.month = amounts.month
            and others.currency = amounts.currency
            and amounts.scenario_id = 0
    where others.scenario_id <> 0
    group by others.contract_id, others.scenario_id, others.month, others.currency
),

priced as (
    select
        own.*, scenarios.policy_key, scenarios.value,
        coalesce(differences.credit_minor, 0) as credit_difference_minor,
        coalesce(differences.payable_minor, 0) as payable_difference_minor
    from own
    inner join {{ source('inputs', 'scenarios') }} as scenarios
        on own.contract_id = scenarios.contract_id and scenarios.scenario_id <> 0
    left join differences
        on
            own.contract_id = differences.contract_id
            and scenarios.scenario_id = differences.scenario_id
            and own.month = differences.month
            and own.currency = differences.currency
)

-- what each other scenario of a contract is worth, one at a time
select
    contract_id, policy_key, value, month, currency,
    {{ money('credit_minor + credit_difference_minor', 'minor_digits') }} as credit_amount,
    {{ money('payable_minor + payable_difference_minor', 'minor_digits') }} as payable_amount,
    {{ money('credit_difference_minor', 'minor_digits') }} as credit_difference,
    {{ money('payable_difference_minor', 'minor_digits') }} as payable_difference
from priced
