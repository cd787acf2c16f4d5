{{ config(materialized='view') }}

select subscription_id, month, start_s, end_s, cast(end_s - start_s as bigint) as seconds
from {{ ref('int_month_spans') }}
where is_covered and start_s < end_s
