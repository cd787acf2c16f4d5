{#-
c(n) = floor(amount × n ÷ days + ½), in minor units (E3). `whole` is amount ÷ days, floored, so that
no product outgrows 64 bits: what is left of the amount is less than the days.
-#}
{% macro cumulative_share(amount, whole, n, days) -%}
    {%- set rest = amount ~ ' - ' ~ whole ~ ' * ' ~ days -%}
    (
        {{ whole }} * {{ n }}
        + {{ int_divide('2 * (' ~ rest ~ ') * ' ~ n ~ ' + ' ~ days, '2 * ' ~ days) }}
    )
{%- endmacro %}

{#- Beyond every amount that feeds can name, in minor units. -#}
{% macro most_minor() -%} 1000000000000000000 {%- endmacro %}

{#- Minor units as money of three decimals. -#}
{% macro money(minor, digits) -%}
    cast(
        cast(
            ({{ minor }})
            * case {{ digits }} when 0 then 1000 when 1 then 100 when 2 then 10 else 1 end
            as decimal(18, 0)
        ) * cast(0.001 as decimal(4, 3)) as decimal(18, 3)
    )
{%- endmacro %}
