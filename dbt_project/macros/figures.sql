{#-
A ratio of integers with six decimals, rounded half away from zero; for display only (A6). `part` is
not negative.
-#}
{% macro ratio(part, whole) -%}
    {%- set millionths = int_divide(
        '2000000 * (' ~ part ~ ') + (' ~ whole ~ ')', '2 * (' ~ whole ~ ')'
    ) -%}
    cast(
        cast({{ millionths }} as decimal(18, 0)) * cast(0.000001 as decimal(6, 6)) as decimal(18, 6)
    )
{%- endmacro %}

{#- A ratio of integers as a percentage of six decimals, rounded half away from zero (A6). -#}
{% macro percentage(part, whole) -%} {{ ratio('100 * (' ~ part ~ ')', whole) }} {%- endmacro %}

{#-
The place, from 1, of a percentile among `places` values in ascending order by nearest rank: the
first that at least `share` per cent of them don't exceed. `share`: a whole number of per cent.
-#}
{% macro nearest_rank(share, places) -%}
    {{ int_divide(share ~ ' * ' ~ places ~ ' + 99', 100) }}
{%- endmacro %}

{#-
A subscription's availability in a month (A5, A6): null without covered time, and where all of it is
excluded. `figures`: the alias of a relation with the seconds of int_month_availability.
-#}
{% macro month_availability_pct(figures=none) -%}
    {%- set of = figures ~ '.' if figures else '' -%}
    case
        when {{ of }}covered_seconds > 0 and {{ of }}base_seconds > 0
            then {{ percentage(of ~ 'up_seconds', of ~ 'base_seconds') }}
    end
{%- endmacro %}

{#- Before and after all instants that feeds can name. -#}
{% macro always_s() -%} -62135596800 {%- endmacro %}
{% macro never_s() -%} 253402300800 {%- endmacro %}

{#-
Sorts by a ratio of integers, the greatest first, exactly: its first seven decimals, then the next
nine. Two different ratios with denominators below 2^25 seconds (a year) differ by more than the
sixteenth decimal.
-#}
{% macro ratio_order(part, whole) -%}
    {%- set first = int_divide('10000000 * (' ~ part ~ ')', whole) -%}
    {%- set rest = '10000000 * (' ~ part ~ ') - (' ~ whole ~ ') * ' ~ first -%}
    {{ first }} desc,
    {{ int_divide('1000000000 * (' ~ rest ~ ')', whole) }} desc
{%- endmacro %}

{#- Below every severity that terms know. -#}
{% macro no_rank() -%} 1000000 {%- endmacro %}

{#-
The outcome of a promise (K7): null without a target, missed once past it, else met if the clock
stopped, and pending while it has not.
-#}
{% macro outcome(elapsed_s, target_s, stopped_s) -%}
    case
        when {{ target_s }} is null then null
        when {{ elapsed_s }} > {{ target_s }} then 'missed'
        when {{ stopped_s }} is null then 'pending'
        else 'met'
    end
{%- endmacro %}

{#- How late a missed promise is, in per cent of its target; one of nothing is 100 % late (K7). -#}
{% macro delay_pct(elapsed_s, target_s) -%}
    case
        when {{ target_s }} is null then null
        when {{ elapsed_s }} <= {{ target_s }} then cast(0 as decimal(18, 6))
        when {{ target_s }} = 0 then cast(100 as decimal(18, 6))
        else {{ percentage(elapsed_s ~ ' - ' ~ target_s, target_s) }}
    end
{%- endmacro %}

{#- The last day of a span of dates that ends before `until`; null where it is open. -#}
{% macro last_day_of(until) -%}
    case when {{ until }} < cast('9999-12-31' as date) then {{ plus_days(until, -1) }} end
{%- endmacro %}

{#- The first day of the period (`month`, `quarter`, `year`) that a date is in. -#}
{% macro first_of_period(day, period_kind) -%}
    case {{ period_kind }}
        when 'quarter' then cast(date_trunc('quarter', {{ day }}) as date)
        when 'year' then cast(date_trunc('year', {{ day }}) as date)
        else {{ first_of_month(day) }}
    end
{%- endmacro %}
