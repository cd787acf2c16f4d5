{#-
The timelines of tickets (K1): each event, in order, and what it leaves in force until the next.
`events`: a relation with the columns of stg_ticket_events, and of `keys`, of which each has a
timeline of its own. `is_closed`: closed and not reopened; what only resolves leaves it as it is.
-#}
{% macro ticket_timeline(events, keys=['ticket_id']) -%}
    {%- set in_order -%}
    partition by {{ keys | join(', ') }}
    -- 9 before 10: of equal instants the shorter id comes first
    order by occurred_at_s, occurred_at_us, length(event_id), event_id
    {%- endset -%}
    select
        {{ keys | join(', ') }}, event_id,
        row_number() over in_order as sequence,
        event, severity, resolution_kind, occurred_at_s as at_s, occurred_at_us as at_us,
        lead(occurred_at_s) over in_order as next_s,
        coalesce({{ last_known(
            "case when event in ('resolved', 'closed', 'reopened') then event <> 'reopened' end",
            'so_far'
        ) }}, false) as is_resolved,
        coalesce({{ last_known(
            "case when event in ('closed', 'reopened') then event = 'closed' end", 'so_far'
        ) }}, false) as is_closed,
        coalesce({{ last_known(
            "case when event in ('paused', 'resumed', 'reopened') then event = 'paused' end",
            'so_far'
        ) }}, false) as is_paused,
        -- the first of these stops the clock: closing is resolving, and nothing reopens it (K5)
        event in ('resolved', 'closed')
        and coalesce(max(case when event = 'reopened' then 1 else 0 end) over ahead, 0) = 0
            as is_final,
        _delivery_id, _line
    from {{ events }}
    window
        in_order as ({{ in_order }}),
        so_far as ({{ in_order }} rows between unbounded preceding and current row),
        ahead as ({{ in_order }} rows between 1 following and unbounded following)
{%- endmacro %}

{#-
Whether an outcome is the ticket system's verdict, or the opposite of it, as 1 or 0; a pending one,
or none, is neither.
-#}
{% macro agrees(outcome, source_met) -%}
    case
        when {{ outcome }} = case when {{ source_met }} then 'met' else 'missed' end then 1 else 0
    end
{%- endmacro %}
{% macro differs(outcome, source_met) -%}
    case
        when {{ outcome }} = case when {{ source_met }} then 'missed' else 'met' end then 1 else 0
    end
{%- endmacro %}
