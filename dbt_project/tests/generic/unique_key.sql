{#- A row per key: finds keys that repeat, and those with a null in a column not in `nullable`. -#}
{% test unique_key(model, columns, nullable=[]) %}
    select {{ columns | join(', ') }}, count(*) as rows_with_it
    from {{ model }}
    group by {{ columns | join(', ') }}
    having
        count(*) > 1
        {%- for column in columns if column not in nullable %}
        or {{ column }} is null
        {%- endfor %}
{% endtest %}
