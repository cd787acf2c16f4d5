select
    lines.subscription_id, lines.month, lines.currency, lines.line_id, lines.invoice_id,
    lines.issued_on, lines.period_start,
    {{ money('lines.amount_minor', 'currencies.minor_digits') }} as amount,
    deliveries.path as file, lines._line as line
from {{ ref('int_issued_lines') }} as lines
inner join {{ source('inputs', 'currencies') }} as currencies
    on lines.currency = currencies.currency
{{ delivery_of('lines') }}
