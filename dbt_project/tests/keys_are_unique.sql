-- a mart has one row per key
{%- set keys = {
    'availability': ['contract_id', 'service_id', 'region', 'period_start'],
    'availability_by_category': ['contract_id', 'product_category', 'period_start'],
    'downtime': ['contract_id', 'service_id', 'region', 'started_at'],
    'downtime_by_period': ['contract_id', 'service_id', 'region', 'period_start', 'started_at'],
    'maintenance_notice': ['exclusion_id', 'contract_id'],
} %}

{%- for mart, key in keys.items() %}
select '{{ mart }}' as mart, count(*) as keys_that_repeat
from (
    select 1 as one
    from {{ ref(mart) }}
    group by {{ key | join(', ') }}
    having count(*) > 1
) as repeated
having count(*) > 0
{{ 'union all' if not loop.last }}
{%- endfor %}
