{%- set keyed = feeds() -%}

-- every row that was delivered is somewhere: rejected, replaced by a later one, deleted, waiting or
-- in force
with delivered as (
    select
        feed, sum(rows_read) as rows_read, sum(rows_rejected) as rows_rejected,
        sum(rows_landed) as rows_landed
    from {{ source('landed', 'deliveries') }}
    group by feed
),

-- what has landed and still is in no mart; what was rejected when it was read has not landed
set_aside as (
    select
        feed,
        sum(case when status = 'waiting' then 1 else 0 end) as rows_waiting,
        sum(case when status = 'rejected' and is_judged then 1 else 0 end) as rows_judged_out
    from {{ ref('int_set_aside') }}
    group by feed
),

in_force as (
    {%- for feed in keyed %}
    select
        '{{ feed }}' as feed,
        (select count(*) from {{ source('landed', feed) }}) as rows_found,
        count(*) as keys_found,
        count(case when not is_deleted then 1 end) as rows_latest
    from {{ ref('stg_latest_' ~ feed) }}
    union all
    {%- endfor %}
    select 'checks' as feed, count(*) as rows_found, null as keys_found, count(*) as rows_latest
    from {{ source('landed', 'checks') }}
)

select
    in_force.feed,
    cast(coalesce(delivered.rows_read, 0) as bigint) as rows_read,
    cast(coalesce(delivered.rows_rejected, 0) as bigint) as rows_rejected,
    cast(coalesce(delivered.rows_landed, 0) as bigint) as rows_landed,
    in_force.rows_found - coalesce(in_force.keys_found, in_force.rows_found) as rows_replaced,
    coalesce(in_force.keys_found, in_force.rows_found) - in_force.rows_latest as rows_deleted,
    cast(coalesce(set_aside.rows_waiting, 0) as bigint) as rows_waiting,
    cast(coalesce(set_aside.rows_judged_out, 0) as bigint) as rows_judged_out,
    cast(
        in_force.rows_latest
        - coalesce(set_aside.rows_waiting, 0)
        - coalesce(set_aside.rows_judged_out, 0) as bigint
    ) as rows_in_force
from in_force
left join delivered on in_force.feed = delivered.feed
left join set_aside on in_force.feed = set_aside.feed
