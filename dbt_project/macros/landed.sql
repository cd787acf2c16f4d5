{#- The rows of a keyed feed in force: the latest delivery of each key, unless it deletes it. -#}
{% macro latest_rows(feed) -%}
    select * from {{ ref('stg_latest_' ~ feed) }} where not is_deleted
{%- endmacro %}

{#-
The latest delivery of each key of a feed. Few keys are delivered twice, and only those are put in
order.
-#}
{% macro latest_deliveries(feed) -%}
    {%- set key = feeds()[feed]['key'] -%}
    {%- set columns = feeds()[feed]['columns'] + ['_delivery_id', '_line'] -%}
    with repeated as (
        select {{ key | join(', ') }}
        from {{ source('landed', feed) }}
        group by {{ key | join(', ') }}
        having count(*) > 1
    ),

    ranked as (
        select
            landed.*,
            row_number() over (
                partition by landed.{{ key | join(', landed.') }}
                order by landed._delivery_id desc, landed._line desc
            ) as _recency
        from {{ source('landed', feed) }} as landed
        inner join repeated on {{ equal_in(key, 'landed', 'repeated') }}
    )

    select {{ columns | join(', ') }}
    from {{ source('landed', feed) }} as landed
    where not exists (select 1 from repeated where {{ equal_in(key, 'landed', 'repeated') }})
    union all
    select {{ columns | join(', ') }}
    from ranked
    where _recency = 1
{%- endmacro %}

{#- Two relations have the same values in some columns. -#}
{% macro equal_in(columns, one, other) -%}
    {%- for column in columns -%}
    {{ one }}.{{ column }} = {{ other }}.{{ column }}{{ ' and ' if not loop.last }}
    {%- endfor -%}
{%- endmacro %}

{#-
Whether what a value refers to, as `latest.component_id` to `components`, is in force: a row waits
while anything that it refers to is not.
-#}
{% macro is_in_force(value, referred) -%}
    exists (
        select 1
        {%- if referred == 'contracts' %}
        from {{ source('inputs', 'contracts') }} as referred
        where referred.contract_id = {{ value }}
        {%- else %}
        from {{ ref('stg_' ~ referred) }} as referred
        where referred.{{ feeds()[referred]['key'][0] }} = {{ value }}
        {%- endif %}
    )
{%- endmacro %}

{#- The rows of a keyed feed that are in force and wait for nothing. -#}
{% macro arrived_rows(feed) -%}
    select latest.*
    from ({{ latest_rows(feed) }}) as latest
    where
        true
        {%- for column, referred in feeds()[feed]['references'].items() %}
        and (latest.{{ column }} is null or {{ is_in_force('latest.' ~ column, referred) }})
        {%- endfor %}
{%- endmacro %}

{#- Joins the delivery of a row, for the file that it came in. -#}
{% macro delivery_of(row, as='deliveries') -%}
    inner join {{ source('landed', 'deliveries') }} as {{ as }}
        on {{ row }}._delivery_id = {{ as }}.delivery_id
{%- endmacro %}
