{#- The rows of a keyed feed in force: the latest delivery of each key, unless it deletes it. -#}
{% macro latest_rows(feed) -%}
    select *
    from ({{ latest_deliveries(feed) }}) as ranked
    where _recency = 1 and not is_deleted
{%- endmacro %}

{#- The rows of a keyed feed as delivered; the latest of each key has `_recency` 1. -#}
{% macro latest_deliveries(feed) -%}
    select
        *,
        row_number() over (
            partition by {{ feeds()[feed]['key'] | join(', ') }}
            order by _delivery_id desc, _line desc
        ) as _recency
    from {{ source('landed', feed) }}
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

{#- A feed's key as one value that can be counted. -#}
{% macro row_key(feed) -%} {{ json_of(feeds()[feed]['key']) }} {%- endmacro %}
