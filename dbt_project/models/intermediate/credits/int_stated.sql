-- the contract as it is, in the figures that are shown
select
    subscription_id, customer_id, contract_id, service_id, region, month, currency, is_final,
    {{ money('fee_minor', 'minor_digits') }} as monthly_fee,
    {{ month_availability_pct() }} as availability_pct,
    cast(availability_credit as decimal(18, 6)) as availability_credit_pct,
    cast(resolution_credit as decimal(18, 6)) as resolution_credit_pct,
    cast(combined_credit as decimal(18, 6)) as combined_pct,
    combination,
    cast(credit as decimal(18, 6)) as credit_pct,
    {{ money('credit_minor', 'minor_digits') }} as credit_amount,
    reasons, claim_status, claim_deadline, requested_on,
    {{ money('payable_minor', 'minor_digits') }} as payable_amount
from {{ ref('int_credits') }}
where scenario_id = 0
