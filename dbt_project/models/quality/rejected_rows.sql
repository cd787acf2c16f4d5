select feed, file, line, status, rule, column_name, reason, raw, delivery_id
from {{ ref('int_set_aside') }}
