select {{ credit_columns() | join(', ') }}
from {{ ref('int_shown_credits') }}
where party = 'provider'
