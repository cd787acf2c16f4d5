-- the tickets to judge again: those that count, and of which the ticket system has a verdict
with judged as (
    select distinct ticket_id
    from {{ ref('int_opinions') }}
    where status = 'counted'
),

-- events that were set aside and not delivered anew, as far as they could be typed
aside as (
    select
        faults.ticket_id, {{ json_value('set_aside.named', 'event_id') }} as event_id,
        faults.read_s as occurred_at_s,
        cast(
            coalesce({{ json_value('set_aside.named', 'occurred_at_us') }}, '0') as bigint
        ) as occurred_at_us,
        {{ json_value('set_aside.named', 'event') }} as event,
        set_aside.delivery_id as _delivery_id, set_aside.line as _line
    from judged
    inner join {{ ref('int_evidence_faults') }} as faults
        on judged.ticket_id = faults.ticket_id and faults.feed = 'ticket_events'
    inner join {{ ref('int_set_aside') }} as set_aside
        on
            faults.feed = set_aside.feed
            and faults.delivery_id = set_aside.delivery_id
            and faults.line = set_aside.line
    cross join {{ source('inputs', 'run') }} as run
    where
        {{ json_value('set_aside.named', 'event_id') }} is not null
        and faults.read_s <= run.as_of_s
        -- a severity that the contract does not know has no target to judge by
        and {{ json_value('set_aside.named', 'event') }} in (
            'responded', 'status_updated', 'paused', 'resumed', 'resolved', 'reopened', 'closed'
        )
),

concerned as (select distinct ticket_id from aside),

-- in force, and once more for those tickets of which events were set aside, in their place
in_force as (
    select events.*
    from {{ ref('stg_ticket_events') }} as events
    inner join judged on events.ticket_id = judged.ticket_id
)

select
    ticket_id, event_id, occurred_at_s, occurred_at_us, event, severity, resolution_kind,
    false as has_set_aside, _delivery_id, _line
from in_force
union all
select
    in_force.ticket_id, in_force.event_id, in_force.occurred_at_s, in_force.occurred_at_us,
    in_force.event, in_force.severity, in_force.resolution_kind, true as has_set_aside,
    in_force._delivery_id, in_force._line
from in_force
inner join concerned on in_force.ticket_id = concerned.ticket_id
where not exists (select 1 from aside where in_force.event_id = aside.event_id)
union all
select
    ticket_id, event_id, occurred_at_s, occurred_at_us, event, cast(null as string) as severity,
    cast(null as string) as resolution_kind, true as has_set_aside, _delivery_id, _line
from aside
