-- every month once a currency; without a fee line once, without a currency
select
    months.subscription_id, months.customer_id, months.contract_id, months.service_id,
    months.region, months.lifecycle, contracts.party, months.period_kind,
    months.month, months.last_day, months.is_final, months.terms_id,
    fees.currency, currencies.minor_digits,
    coalesce(fees.fee_minor, 0) as fee_minor
from {{ ref('int_credit_months') }} as months
inner join {{ source('inputs', 'contracts') }} as contracts
    on months.contract_id = contracts.contract_id
left join {{ ref('int_month_fees') }} as fees
    on months.subscription_id = fees.subscription_id and months.month = fees.month
left join {{ source('inputs', 'currencies') }} as currencies on fees.currency = currencies.currency
