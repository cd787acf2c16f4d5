{%- set in_order -%}
    partition by ticket_id
    -- 9 before 10: of equal instants the shorter id comes first
    order by occurred_at_s, occurred_at_us, length(event_id), event_id
{%- endset -%}

-- each event, in the order of its ticket's timeline (K1), and what it leaves in force until the
-- next
select
    ticket_id, event_id,
    row_number() over in_order as sequence,
    event, severity, resolution_kind, occurred_at_s as at_s, occurred_at_us as at_us,
    lead(occurred_at_s) over in_order as next_s,
    coalesce({{ last_known(
        "case when event in ('resolved', 'closed', 'reopened') then event <> 'reopened' end",
        'so_far'
    ) }}, false) as is_resolved,
    coalesce({{ last_known(
        "case when event in ('paused', 'resumed', 'reopened') then event = 'paused' end",
        'so_far'
    ) }}, false) as is_paused,
    -- the first of these stops the clock: closing is resolving, and nothing reopens it (K5)
    event in ('resolved', 'closed')
    and coalesce(max(case when event = 'reopened' then 1 else 0 end) over ahead, 0) = 0
        as is_final,
    _delivery_id, _line
from {{ ref('stg_ticket_events') }}
window
    in_order as ({{ in_order }}),
    so_far as ({{ in_order }} rows between unbounded preceding and current row),
    ahead as ({{ in_order }} rows between 1 following and unbounded following)
