{#- Open seconds of a calendar up to an instant: `day` is the row of inputs.calendar_days of the instant's UTC day (T4). -#}
{% macro open_seconds_until(day, at_s) -%}
    {{ day }}.open_seconds_before
    + {{ seconds_within(day ~ '.from_1_s', day ~ '.until_1_s', 0, second_of_day(at_s)) }}
    + {{ seconds_within(day ~ '.from_2_s', day ~ '.until_2_s', 0, second_of_day(at_s)) }}
{%- endmacro %}

{% macro utc_day(at_s) -%} {{ int_divide(at_s, 86400) }} {%- endmacro %}

{% macro second_of_day(at_s) -%} ({{ at_s }} - 86400 * {{ utc_day(at_s) }}) {%- endmacro %}
