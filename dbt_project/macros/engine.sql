{#- What differs between engines, behind dispatch. Inside models instants are BIGINT epoch seconds and ratios are integers. -#}

{#- Integer division rounded down, for numerators that are not negative. -#}
{% macro int_divide(numerator, denominator) -%} {{ return(adapter.dispatch('int_divide')(numerator, denominator)) }} {%- endmacro %}
{% macro default__int_divide(numerator, denominator) -%} (({{ numerator }}) // ({{ denominator }})) {%- endmacro %}
{% macro spark__int_divide(numerator, denominator) -%} (({{ numerator }}) div ({{ denominator }})) {%- endmacro %}

{#- Epoch seconds as the instant that marts show. -#}
{% macro instant(seconds) -%} {{ return(adapter.dispatch('instant')(seconds)) }} {%- endmacro %}
{% macro default__instant(seconds) -%} to_timestamp({{ seconds }}) {%- endmacro %}
{% macro spark__instant(seconds) -%} timestamp_seconds({{ seconds }}) {%- endmacro %}

{#- A row's columns as JSON text, as it is kept for people to read. -#}
{% macro json_of(columns) -%} {{ return(adapter.dispatch('json_of')(columns)) }} {%- endmacro %}
{% macro default__json_of(columns) -%} to_json({{ '{' }}{% for c in columns %}'{{ c }}': {{ c }}{{ ', ' if not loop.last }}{% endfor %}{{ '}' }})::varchar {%- endmacro %}
{% macro spark__json_of(columns) -%} to_json(struct({{ columns | join(', ') }})) {%- endmacro %}
