{#-
The interval algebra: every rule about time is written in terms of it.

Intervals are half-open, `[start_s, end_s)`, in epoch seconds, per `keys` (a list of columns). A
*timeline* shows from each `start_s` until the next what is in force: `end_s` is the start of the
next row, null in the last row, where nothing is in force any more. It is a sweep over edges: +1
where an interval starts, -1 where it ends, summed up in order of time.
-#}

{#-
The edges of intervals, each adding to `counter` of `counters` while it lasts; empty intervals have
none.
-#}
{% macro edges(relation, keys, counters, counter) -%}
    select
        {{ keys | join(', ') }}, start_s as at_s
        {%- for c in counters %}, {{ 1 if c == counter else 0 }} as {{ c }}{% endfor %}
    from {{ relation }}
    where start_s < end_s
    union all
    select
        {{ keys | join(', ') }}, end_s as at_s
        {%- for c in counters %}, {{ -1 if c == counter else 0 }} as {{ c }}{% endfor %}
    from {{ relation }}
    where start_s < end_s
{%- endmacro %}

{#- The edges of several relations, each a CTE named as its counter. -#}
{% macro edges_of_all(keys, counters) -%}
    {%- for counter in counters %}
    {{ edges(counter, keys, counters, counter) }}
    {{ 'union all' if not loop.last }}
    {%- endfor %}
{%- endmacro %}

{#- The timeline of edges: how many intervals of each counter are in force. -#}
{% macro timeline(edges, keys, counters) -%}
    select
        {{ keys | join(', ') }}, at_s as start_s,
        lead(at_s) over (partition by {{ keys | join(', ') }} order by at_s) as end_s
        {%- for c in counters %},
        sum({{ c }}) over (
            partition by {{ keys | join(', ') }} order by at_s
            rows between unbounded preceding and current row
        ) as {{ c }}
        {%- endfor %}
    from (
        select
            {{ keys | join(', ') }}, at_s
            {%- for c in counters %}, sum({{ c }}) as {{ c }}{% endfor %}
        from {{ edges }}
        group by {{ keys | join(', ') }}, at_s
    ) as net
{%- endmacro %}

{#- A timeline with neighbours of equal `state` made one: rows of keys, start_s, end_s, state. -#}
{% macro states(timeline, keys, state) -%}
    select
        {{ keys | join(', ') }}, start_s,
        lead(start_s) over (partition by {{ keys | join(', ') }} order by start_s) as end_s, state
    from (
        select
            *,
            lag(state) over (
                partition by {{ keys | join(', ') }} order by start_s
            ) as state_before
        from (
            select {{ keys | join(', ') }}, start_s, {{ state }} as state from {{ timeline }}
        ) as named
    ) as compared
    where state_before is null or state_before <> state
{%- endmacro %}

{#- The maximal intervals of a timeline in which a condition holds. -#}
{% macro intervals_where(timeline, keys, condition) -%}
    select {{ keys | join(', ') }}, start_s, end_s
    from (
        {{ states(timeline, keys, 'case when ' ~ condition ~ ' then 1 else 0 end') }}
    ) as flagged
    where state = 1
{%- endmacro %}

{#- Two relations of intervals as one timeline, with counters in_a and in_b. -#}
{% macro overlay(a, b, keys) -%}
    {%- set counters = ['in_a', 'in_b'] -%}
    {%- set of_a, of_b = edges(a, keys, counters, 'in_a'), edges(b, keys, counters, 'in_b') -%}
    {{ timeline('(' ~ of_a ~ ' union all ' ~ of_b ~ ') as both_edges', keys, counters) }}
{%- endmacro %}

{#- The union of intervals as maximal ones: overlap never counts twice, what touches is one. -#}
{% macro union_of(relation, keys) -%}
    {%- set all_edges = '(' ~ edges(relation, keys, ['covers'], 'covers') ~ ') as all_edges' -%}
    {%- set sweep = '(' ~ timeline(all_edges, keys, ['covers']) ~ ') as sweep' -%}
    {{ intervals_where(sweep, keys, 'covers > 0') }}
{%- endmacro %}

{#- The rows of `a` whose keys `b` has (`has` is true) or lacks. -#}
{% macro rows_with_keys_of(a, b, keys, has) -%}
    select {{ keys | join(', ') }}, start_s, end_s
    from {{ a }}
    where
        {{ '' if has else 'not ' }}exists (
            select 1
            from {{ b }}
            where
                true
                {%- for key in keys %}
                and {{ b }}.{{ key }} = {{ a }}.{{ key }}
                {%- endfor %}
        )
{%- endmacro %}

{#- a without b, as maximal intervals. -#}
{% macro difference_of(a, b, keys) -%}
    {{ intervals_where('(' ~ overlay(a, b, keys) ~ ') as sweep', keys, 'in_a > 0 and in_b = 0') }}
{%- endmacro %}

{#- What a and b have in common, as maximal intervals; keys that only one has cost no sweep. -#}
{% macro intersection_of(a, b, keys) -%}
    {%- set of_b = '(' ~ rows_with_keys_of(b, a, keys, true) ~ ') as with_keys_of_a' -%}
    {{ intervals_where(
        '(' ~ overlay(a, of_b, keys) ~ ') as sweep', keys, 'in_a > 0 and in_b > 0'
    ) }}
{%- endmacro %}

{#- The seconds that `[start_s, end_s)` has inside `[from_s, until_s)`; never negative. -#}
{% macro seconds_within(start_s, end_s, from_s, until_s) -%}
    greatest(0, least({{ end_s }}, {{ until_s }}) - greatest({{ start_s }}, {{ from_s }}))
{%- endmacro %}
