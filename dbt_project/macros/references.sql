{#- The columns of a feed's row (alias `waiting`) that refer to something that has not arrived, comma-joined; '' if none. -#}
{% macro missing_references(feed) -%}
    concat_ws(
        ', '
        {%- for column, referred in feeds()[feed]['references'].items() %},
        case
            when waiting.{{ column }} is not null and not exists (
                select 1
                {%- if referred == 'contracts' %}
                from {{ source('inputs', 'contracts') }} as referred
                where referred.contract_id = waiting.{{ column }}
                {%- else %}
                from {{ ref('stg_' ~ referred) }} as referred
                where referred.{{ feeds()[referred]['key'][0] }} = waiting.{{ column }}
                {%- endif %}
            ) then '{{ column }}'
        end
        {%- endfor %}
    )
{%- endmacro %}
{#- A feed's key as one value that can be counted. -#}
{% macro row_key(feed) -%} {{ json_of(feeds()[feed]['key']) }} {%- endmacro %}
