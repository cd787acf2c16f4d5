select
    latest.service_id, latest.name, latest.contract_id, latest.product_category, latest.lifecycle,
    latest._delivery_id, latest._line
from ({{ latest_rows('services') }}) as latest
inner join {{ source('inputs', 'contracts') }} as contracts on latest.contract_id = contracts.contract_id
