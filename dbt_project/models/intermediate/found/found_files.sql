{%- set keyed = feeds() -%}

-- deliveries that something in force comes from
with in_force as (
    {%- for feed in keyed %}
    select distinct latest._delivery_id as delivery_id from ({{ latest_rows(feed) }}) as latest
    union all
    {%- endfor %}
    select max(delivery_id) as delivery_id
    from {{ source('landed', 'deliveries') }}
    where feed = 'checks'
    group by path
)

select deliveries.delivery_id, deliveries.feed, deliveries.path, deliveries.unknown_columns, deliveries.empty_columns, deliveries.amounts
from {{ source('landed', 'deliveries') }} as deliveries
inner join in_force on deliveries.delivery_id = in_force.delivery_id
