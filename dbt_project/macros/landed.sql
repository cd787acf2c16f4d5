{#- The rows of a keyed feed that are in force: the latest delivery of each key, if it does not delete it. -#}
{% macro latest_rows(feed) -%}
    select *
    from (
        select
            *, row_number() over (partition by {{ feeds()[feed]['key'] | join(', ') }} order by _delivery_id desc, _line desc) as _recency
        from {{ source('landed', feed) }}
    ) as ranked
    where _recency = 1 and not is_deleted
{%- endmacro %}

{#- Joins the delivery of a row, for the file that it came in. -#}
{% macro delivery_of(row, as='deliveries') -%}
    inner join {{ source('landed', 'deliveries') }} as {{ as }} on {{ row }}._delivery_id = {{ as }}.delivery_id
{%- endmacro %}

{#- A feed's key as one value that can be counted. -#}
{% macro row_key(feed) -%} {{ json_of(feeds()[feed]['key']) }} {%- endmacro %}
