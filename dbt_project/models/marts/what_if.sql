with sums as (
    select
        contract_id, scenario_id, month, currency, minor_digits,
        sum(credit_minor) as credit_minor, sum(payable_minor) as payable_minor
    from {{ ref('int_credits') }}
    where currency is not null
    group by contract_id, scenario_id, month, currency, minor_digits
)

-- what each other scenario of a contract is worth, one at a time
select
    sums.contract_id, scenarios.policy_key, scenarios.value, sums.month, sums.currency,
    {{ money('sums.credit_minor', 'sums.minor_digits') }} as credit_amount,
    {{ money('sums.payable_minor', 'sums.minor_digits') }} as payable_amount,
    {{ money('sums.credit_minor - own.credit_minor', 'sums.minor_digits') }} as credit_difference,
    {{ money('sums.payable_minor - own.payable_minor', 'sums.minor_digits') }} as payable_difference
from sums
inner join {{ source('inputs', 'scenarios') }} as scenarios
    on sums.contract_id = scenarios.contract_id and sums.scenario_id = scenarios.scenario_id
inner join sums as own
    on
        sums.contract_id = own.contract_id
        and sums.month = own.month
        and sums.currency = own.currency
        and own.scenario_id = 0
where sums.scenario_id <> 0
