{#-
Clocks (T4): the seconds that a clock has run up to an instant are one look-up, so what it measures
between two instants is a difference. A clock without a calendar is 24x7. `day` is the alias of the
row of the instant's UTC day in inputs.calendar_days, joined by `clock_days`.
-#}
{% macro clock_at(calendar_id, day, at_s) -%}
    {%- set second = second_of_day(at_s) -%}
    case
        when {{ calendar_id }} is null then {{ at_s }}
        else
            {{ day }}.open_seconds_before
            + {{ seconds_within(day ~ '.from_1_s', day ~ '.until_1_s', 0, second) }}
            + {{ seconds_within(day ~ '.from_2_s', day ~ '.until_2_s', 0, second) }}
    end
{%- endmacro %}

{% macro clock_days(calendar_id, day, at_s) -%}
    left join {{ source('inputs', 'calendar_days') }} as {{ day }}
        on
            {{ calendar_id }} = {{ day }}.calendar_id
            and {{ day }}.utc_day = {{ int_divide(at_s, 86400) }}
{%- endmacro %}

{% macro second_of_day(at_s) -%}
    ({{ at_s }} - 86400 * {{ int_divide(at_s, 86400) }})
{%- endmacro %}
