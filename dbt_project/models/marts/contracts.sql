select contract_id, contract_name, time_zone
from {{ source('inputs', 'contracts') }}
