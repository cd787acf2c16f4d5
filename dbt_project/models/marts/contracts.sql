select contract_id, contract_name, time_zone, credit_period_kind, party
from {{ source('inputs', 'contracts') }}
