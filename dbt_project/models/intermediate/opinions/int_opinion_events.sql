-- the tickets to judge again: those that count, and of which the ticket system has a verdict
with judged as (
    select distinct ticket_id
    from {{ ref('int_opinions') }}
    where status = 'counted'
),

-- events that were set aside, with what could be typed of them
set_aside as (
    select
        {{ json_value('rows_aside.named', 'ticket_id') }} as ticket_id,
        coalesce(
            {{ json_value('rows_aside.named', 'event_id') }},
            rows_aside.delivery_id || ':' || rows_aside.line
        ) as event_id,
        cast({{ json_value('rows_aside.named', 'occurred_at_s') }} as bigint) as occurred_at_s,
        cast(
            coalesce({{ json_value('rows_aside.named', 'occurred_at_us') }}, '0') as bigint
        ) as occurred_at_us,
        {{ json_value('rows_aside.named', 'event') }} as event,
        rows_aside.delivery_id as _delivery_id, rows_aside.line as _line
    from {{ ref('int_set_aside') }} as rows_aside
    where rows_aside.feed = 'ticket_events'
),

-- a later delivery of the same event is the one that counts
aside as (
    select ticket_id, event_id, occurred_at_s, occurred_at_us, event, _delivery_id, _line
    from (
        select
            set_aside.*,
            row_number() over (
                partition by set_aside.event_id
                order by set_aside._delivery_id desc, set_aside._line desc
            ) as from_last
        from set_aside
        inner join judged on set_aside.ticket_id = judged.ticket_id
        cross join {{ source('inputs', 'run') }} as run
        left join {{ ref('stg_latest_ticket_events') }} as latest
            on
                set_aside.event_id = latest.event_id
                and (
                    latest._delivery_id > set_aside._delivery_id
                    or (
                        latest._delivery_id = set_aside._delivery_id
                        and latest._line > set_aside._line
                    )
                )
        where
            latest.event_id is null
            and set_aside.occurred_at_s <= run.as_of_s
            -- a severity that the contract does not know has no target to judge by
            and set_aside.event in (
                'responded', 'status_updated', 'paused', 'resumed', 'resolved', 'reopened', 'closed'
            )
    ) as ranked
    where from_last = 1
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
