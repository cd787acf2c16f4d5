{{ config(materialized='view') }}

select
    line_id, invoice_id, subscription_id, line_kind, period_start, period_end, amount_minor,
    currency, _delivery_id, _line
from {{ ref('stg_arrived_invoice_lines') }}
where not is_too_large
