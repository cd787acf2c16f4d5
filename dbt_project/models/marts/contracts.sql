select contract_id, contract_name, time_zone, credit_period_kind
from {{ source('inputs', 'contracts') }}
