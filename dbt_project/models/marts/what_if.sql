with sums as (
    select
        contract_id, reading_id, month, currency, minor_digits,
        sum(credit_minor) as credit_minor, sum(payable_minor) as payable_minor
    from {{ ref('int_credits') }}
    where currency is not null
    group by contract_id, reading_id, month, currency, minor_digits
)

-- what each other reading of a contract is worth, one at a time
select
    sums.contract_id, readings.policy_key, readings.value, sums.month, sums.currency,
    {{ money('sums.credit_minor', 'sums.minor_digits') }} as credit_amount,
    {{ money('sums.payable_minor', 'sums.minor_digits') }} as payable_amount,
    {{ money('sums.credit_minor - own.credit_minor', 'sums.minor_digits') }} as credit_difference,
    {{ money('sums.payable_minor - own.payable_minor', 'sums.minor_digits') }} as payable_difference
from sums
inner join {{ source('inputs', 'readings') }} as readings
    on sums.contract_id = readings.contract_id and sums.reading_id = readings.reading_id
inner join sums as own
    on
        sums.contract_id = own.contract_id
        and sums.month = own.month
        and sums.currency = own.currency
        and own.reading_id = 0
where sums.reading_id <> 0
