select
    parts.subscription_id, parts.month, parts.currency, parts.line_id, parts.invoice_id,
    parts.line_kind,
    parts.period_start, parts.period_end, parts.days, parts.days_before, parts.days_until,
    {{ money('parts.amount_minor', 'currencies.minor_digits') }} as amount,
    {{ money('parts.part_minor', 'currencies.minor_digits') }} as month_amount,
    deliveries.path as file, parts._line as line
from {{ ref('int_fee_proration') }} as parts
inner join {{ source('inputs', 'currencies') }} as currencies
    on parts.currency = currencies.currency
{{ delivery_of('parts') }}
