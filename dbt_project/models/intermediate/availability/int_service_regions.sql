select
    contract_id, service_id, region, product_category, lifecycle,
    -- least() would be null on some engines where one of the two is
    min(coalesce(least(first_check_s, first_record_s), first_check_s, first_record_s))
        as first_seen_s
from {{ ref('int_components') }}
group by contract_id, service_id, region, product_category, lifecycle
