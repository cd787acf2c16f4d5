{%- set keyed = feeds() -%}

-- deliveries that something in force comes from
with in_force as (
    {%- for feed in keyed %}
    select distinct _delivery_id as delivery_id from {{ ref('stg_' ~ feed) }}
    union all
    {%- endfor %}
    select distinct delivery_id from {{ ref('int_set_aside') }} where is_judged
    union all
    select max(delivery_id) as delivery_id
    from {{ source('landed', 'deliveries') }}
    where feed = 'checks'
    group by path
)

select
    deliveries.delivery_id, deliveries.feed, deliveries.path, deliveries.unknown_columns,
    deliveries.empty_columns, deliveries.amounts
from {{ source('landed', 'deliveries') }} as deliveries
inner join in_force on deliveries.delivery_id = in_force.delivery_id
