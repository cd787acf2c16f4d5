select subscription_id, month, currency, cast(sum(part_minor) as bigint) as fee_minor
from {{ ref('int_fee_proration') }}
group by subscription_id, month, currency
