-- the contract as it is, in the figures that are shown
select
    subscription_id, customer_id, contract_id, party, service_id, region, period_kind, month,
    last_day, currency, is_final,
    {{ money('fee_minor', 'minor_digits') }} as monthly_fee,
    {{ month_availability_pct() }} as availability_pct,
    {{ credit_pct_of('availability_credit', 'credit_scale') }} as availability_credit_pct,
    {{ credit_pct_of('resolution_credit', 'credit_scale') }} as resolution_credit_pct,
    {{ credit_pct_of('combined_credit', 'credit_scale') }} as combined_pct,
    combination,
    {{ credit_pct_of('credit', 'credit_scale') }} as credit_pct,
    {{ money('share_minor', 'minor_digits') }} as share_amount,
    {{ money('credit_minor', 'minor_digits') }} as credit_amount,
    reasons, claim_status, claim_deadline, requested_on,
    {{ money('payable_minor', 'minor_digits') }} as payable_amount
from {{ ref('int_credits') }}
where scenario_id = 0
