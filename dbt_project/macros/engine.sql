{#-
What differs between engines, behind dispatch. Inside models instants are BIGINT epoch seconds and
ratios are integers.
-#}

{#- Integer division rounded down, for numerators that are not negative. -#}
{% macro int_divide(numerator, denominator) -%}
    {{ return(adapter.dispatch('int_divide')(numerator, denominator)) }}
{%- endmacro %}
{% macro default__int_divide(numerator, denominator) -%}
    (({{ numerator }}) // ({{ denominator }}))
{%- endmacro %}
{% macro spark__int_divide(numerator, denominator) -%}
    (({{ numerator }}) div ({{ denominator }}))
{%- endmacro %}

{#- Epoch seconds as the instant that marts show. -#}
{% macro instant(seconds) -%} {{ return(adapter.dispatch('instant')(seconds)) }} {%- endmacro %}
{% macro default__instant(seconds) -%} to_timestamp({{ seconds }}) {%- endmacro %}
{% macro spark__instant(seconds) -%} timestamp_seconds({{ seconds }}) {%- endmacro %}

{#- A row's columns as JSON text, as it is kept for people to read. -#}
{% macro json_of(columns, relation=none) -%}
    {%- set of = (relation ~ '.') if relation else '' -%}
    {{ return(adapter.dispatch('json_of')(columns, of)) }}
{%- endmacro %}
{% macro default__json_of(columns, of) -%}
    to_json({{ '{' }}
    {%- for c in columns %}'{{ c }}': {{ of }}{{ c }}{{ ', ' if not loop.last }}{% endfor -%}
    {{ '}' }})::varchar
{%- endmacro %}
{% macro spark__json_of(columns, of) -%}
    to_json(struct(
    {%- for c in columns %}{{ of }}{{ c }}{{ ', ' if not loop.last }}{% endfor -%}
    ), map('ignoreNullFields', 'false'))
{%- endmacro %}

{#- The text of a key in a JSON object; null where there is none. -#}
{% macro json_value(json, key) -%}
    {{ return(adapter.dispatch('json_value')(json, key)) }}
{%- endmacro %}
{% macro default__json_value(json, key) -%}
    json_extract_string({{ json }}, '$.{{ key }}')
{%- endmacro %}
{% macro spark__json_value(json, key) -%} get_json_object({{ json }}, '$.{{ key }}') {%- endmacro %}

{#- Dates. -#}
{% macro plus_days(day, days) -%}
    {{ return(adapter.dispatch('plus_days')(day, days)) }}
{%- endmacro %}
{% macro default__plus_days(day, days) -%}
    cast({{ day }} + cast({{ days }} as integer) as date)
{%- endmacro %}
{% macro spark__plus_days(day, days) -%}
    date_add({{ day }}, cast({{ days }} as int))
{%- endmacro %}

{% macro plus_months(day, months) -%}
    {{ return(adapter.dispatch('plus_months')(day, months)) }}
{%- endmacro %}
{% macro default__plus_months(day, months) -%}
    cast({{ day }} + to_months(cast({{ months }} as integer)) as date)
{%- endmacro %}
{% macro spark__plus_months(day, months) -%}
    add_months({{ day }}, cast({{ months }} as int))
{%- endmacro %}

{#- The first and the last day of a date's month. -#}
{% macro first_of_month(day) -%} cast(date_trunc('month', {{ day }}) as date) {%- endmacro %}
{% macro last_of_month(day) -%} last_day({{ day }}) {%- endmacro %}

{#- The days from one date to another. -#}
{% macro days_between(first, last) -%}
    {{ return(adapter.dispatch('days_between')(first, last)) }}
{%- endmacro %}
{% macro default__days_between(first, last) -%}
    (cast({{ last }} as date) - cast({{ first }} as date))
{%- endmacro %}
{% macro spark__days_between(first, last) -%} datediff({{ last }}, {{ first }}) {%- endmacro %}

{#- An integer with room for the product of two others. -#}
{% macro wide(number) -%} {{ return(adapter.dispatch('wide')(number)) }} {%- endmacro %}
{% macro default__wide(number) -%} cast({{ number }} as hugeint) {%- endmacro %}
{% macro spark__wide(number) -%} cast({{ number }} as decimal(38, 0)) {%- endmacro %}

{#- The distinct texts of a group by code point, comma-joined; null where there is none. -#}
{% macro joined(text) -%} {{ return(adapter.dispatch('joined')(text)) }} {%- endmacro %}
{% macro default__joined(text) -%}
    string_agg(distinct {{ text }}, ',' order by {{ text }})
{%- endmacro %}
{% macro spark__joined(text) -%}
    nullif(array_join(array_sort(collect_set({{ text }})), ','), '')
{%- endmacro %}

{#- The last value of a window's rows that is not null. -#}
{% macro last_known(value, window) -%}
    {{ return(adapter.dispatch('last_known')(value, window)) }}
{%- endmacro %}
{% macro default__last_known(value, window) -%}
    last_value({{ value }} ignore nulls) over {{ window }}
{%- endmacro %}
{% macro spark__last_known(value, window) -%}
    last_value({{ value }}) ignore nulls over {{ window }}
{%- endmacro %}

{#- In a select list: a row for each integer from the first to the last. -#}
{% macro each_of(first, last) -%}
    {{ return(adapter.dispatch('each_of')(first, last)) }}
{%- endmacro %}
{% macro default__each_of(first, last) -%}
    unnest(generate_series({{ first }}, {{ last }}))
{%- endmacro %}
{% macro spark__each_of(first, last) -%} explode(sequence({{ first }}, {{ last }})) {%- endmacro %}

{#-
A table, made in one statement. Each run builds into databases of its own that nobody reads yet, so
nothing has to be built aside, renamed and dropped, as dbt's own `table` does: with about 120 models
that takes a third more processor time than the whole build does without it.
-#}
{% materialization new_table, adapter='duckdb' %}
    {%- set target = this.incorporate(type='table') -%}
    {%- call statement('main') -%}
        create or replace table {{ target }} as ({{ sql }})
    {%- endcall -%}
    {%- do adapter.commit() -%}
    {{ return({'relations': [target]}) }}
{% endmaterialization %}
