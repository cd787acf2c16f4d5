-- each event, in the order of its ticket's timeline (K1), and what it leaves in force until the
-- next
with ordered as (
    select
        *,
        -- 9 before 10: of equal instants the shorter id comes first
        row_number() over (
            partition by ticket_id
            order by occurred_at_s, occurred_at_us, length(event_id), event_id
        ) as sequence
    from {{ ref('stg_ticket_events') }}
),

-- where the last of each kind of event so far is
marked as (
    select
        *,
        max(case when event in ('resolved', 'closed') then sequence else 0 end)
            over so_far as last_resolved,
        max(case when event = 'reopened' then sequence else 0 end) over so_far as last_reopened,
        max(case when event = 'paused' then sequence else 0 end) over so_far as last_paused,
        max(case when event in ('resumed', 'reopened') then sequence else 0 end)
            over so_far as last_resumed,
        max(case when event = 'reopened' then sequence else 0 end)
            over (partition by ticket_id) as final_reopened,
        lead(occurred_at_s) over (partition by ticket_id order by sequence) as next_s
    from ordered
    window so_far as (
        partition by ticket_id order by sequence
        rows between unbounded preceding and current row
    )
)

select
    ticket_id, event_id, sequence, event, severity, resolution_kind, occurred_at_s as at_s,
    occurred_at_us as at_us, next_s,
    last_resolved > last_reopened as is_resolved,
    last_paused > last_resumed as is_paused,
    -- the first of these stops the clock: closing is resolving, and nothing reopens it (K5)
    event in ('resolved', 'closed') and sequence > final_reopened as is_final,
    _delivery_id, _line
from marked
