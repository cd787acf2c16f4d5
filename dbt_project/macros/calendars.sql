{#-
Clocks (T4): the seconds that a clock has run up to an instant are one look-up, so what it measures
between two instants is a difference. A clock without a calendar is 24x7. `part` is the alias of the
row of inputs.calendar_parts that the instant lies in, joined by `clock_part`.
-#}
{% macro clock_at(calendar_id, part, at_s) -%}
    case
        when {{ calendar_id }} is null then {{ at_s }}
        else
            {{ part }}.open_seconds_before
            + {{ seconds_within(part ~ '.opens_s', part ~ '.closes_s', 0, second_of_day(at_s)) }}
    end
{%- endmacro %}

{% macro clock_part(calendar_id, part, at_s) -%}
    left join {{ source('inputs', 'calendar_parts') }} as {{ part }}
        on
            {{ calendar_id }} = {{ part }}.calendar_id
            and {{ part }}.utc_day = {{ int_divide(at_s, 86400) }}
            and {{ part }}.part_from_s <= {{ second_of_day(at_s) }}
            and {{ part }}.part_until_s > {{ second_of_day(at_s) }}
{%- endmacro %}

{#- The seconds that a clock runs between two instants. -#}
{% macro clock_seconds(calendar_id, from_part, from_s, until_part, until_s) -%}
    {{ clock_at(calendar_id, until_part, until_s) }}
    - {{ clock_at(calendar_id, from_part, from_s) }}
{%- endmacro %}

{% macro second_of_day(at_s) -%}
    ({{ at_s }} - 86400 * {{ int_divide(at_s, 86400) }})
{%- endmacro %}

{#- A due date, on a calendar at the latest its end (K7). -#}
{% macro due_on_clock(due_s, calendar_id) -%}
    case
        when {{ calendar_id }} is null then {{ due_s }}
        else least({{ due_s }}, {{ calendars_end_s() }})
    end
{%- endmacro %}

{#- The last second of the years that agreements may have. -#}
{% macro calendars_end_s() -%} 7258118399 {%- endmacro %}
