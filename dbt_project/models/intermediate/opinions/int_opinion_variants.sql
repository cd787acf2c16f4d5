{#-
Each variant is ours with one thing changed: its reason, what it changes, and where it differs from
ours at all. Those without a reason change several: they explain no verdict, and show only by which
clock the ticket system may go.
-#}
{%- set is_closed_apart = "ours.promise = 'resolution' and ours.has_closing" -%}
{%- set variants = [
    {'variant': 'as_ours', 'reason': none},
    {
        'variant': 'pauses', 'reason': 'pause_not_counted', 'where': 'ours.has_pause',
        'counts_pauses': 'not ours.counts_pauses',
    },
    {
        'variant': 'start_received', 'reason': 'clock_start',
        'where': 'ours.received_s < ours.start_s', 'start_s': 'ours.received_s',
    },
    {
        'variant': 'start_classified', 'reason': 'clock_start',
        'where': 'ours.classified_s < ours.start_s', 'start_s': 'ours.classified_s',
    },
    {
        'variant': 'stop_responded', 'reason': 'clock_stop',
        'where': "ours.promise = 'response' and ours.has_answering "
            ~ 'and ours.first_responded_s is distinct from ours.stop_s',
        'stop_s': 'ours.first_responded_s',
    },
    {
        'variant': 'stop_closed', 'reason': 'clock_stop',
        'where': is_closed_apart
            ~ ' and (ours.closed_s is distinct from ours.stop_s or ours.has_reopened)',
        'stop_s': 'ours.closed_s', 'off_while': "'closed'",
    },
    {
        'variant': 'stop_first_resolved', 'reason': 'reopened',
        'where': "ours.promise = 'resolution' and ours.has_reopened",
        'stop_s': 'ours.first_resolved_s',
    },
    {
        'variant': 'resolved_counts', 'reason': 'reopened',
        'where': "ours.promise = 'resolution' and ours.has_reopened", 'off_while': "'never'",
    },
    {
        'variant': 'set_aside', 'reason': 'rejected_event', 'where': 'ours.has_events_aside',
        'stop_s': 'ours.aside_stop_s', 'has_set_aside': 'true',
    },
    {
        'variant': 'calendar_24x7', 'reason': 'calendar', 'where': 'ours.calendar_id is not null',
        'calendar_id': 'cast(null as string)',
    },
    {
        'variant': 'instants_to_minute', 'reason': 'rounding',
        'where': 'abs(ours.elapsed_s - ours.target_s) < 3600', 'to_minute': 'true',
    },
    {
        'variant': 'elapsed_to_minute', 'reason': 'rounding',
        'where': 'ours.elapsed_s > ours.target_s and ours.elapsed_s - ours.target_s < 60',
        'elapsed_to_minute': 'true',
    },
    {
        'variant': 'before_target', 'reason': 'rounding',
        'where': 'ours.elapsed_s = ours.target_s', 'is_strict': 'true',
    },
    {
        'variant': 'due_date', 'reason': 'due_date',
        'where': 'ours.ticket_due_s is not null and not ours.is_due_date_target',
        'due_s': 'ours.ticket_due_s',
    },
    {
        'variant': 'target', 'reason': 'due_date',
        'where': 'ours.due_s is not null and ours.promised_s is not null',
        'due_s': 'cast(null as bigint)',
    },
    {
        'variant': 'closed_pauses', 'reason': none, 'where': is_closed_apart,
        'stop_s': 'ours.closed_s', 'off_while': "'closed'",
        'counts_pauses': 'not ours.counts_pauses',
    },
    {
        'variant': 'closed_24x7', 'reason': none,
        'where': is_closed_apart ~ ' and ours.calendar_id is not null',
        'stop_s': 'ours.closed_s', 'off_while': "'closed'", 'calendar_id': 'cast(null as string)',
    },
    {
        'variant': 'pauses_24x7', 'reason': none,
        'where': "ours.promise = 'resolution' and ours.calendar_id is not null",
        'counts_pauses': 'not ours.counts_pauses', 'calendar_id': 'cast(null as string)',
    },
    {
        'variant': 'closed_pauses_24x7', 'reason': none,
        'where': is_closed_apart ~ ' and ours.calendar_id is not null',
        'stop_s': 'ours.closed_s', 'off_while': "'closed'",
        'counts_pauses': 'not ours.counts_pauses', 'calendar_id': 'cast(null as string)',
    },
] -%}

-- the events that decide when clocks start and stop, by each of a ticket's timelines
with lives as (
    select
        ticket_id, has_set_aside,
        min(case when event = 'responded' then at_s end) as first_responded_s,
        min(case when event in ('responded', 'resolved', 'closed') then at_s end) as responded_s,
        min(case when event in ('resolved', 'closed') then at_s end) as first_resolved_s,
        min(case when is_final then at_s end) as stopped_s,
        min(case when is_final and event = 'closed' then at_s end) as closed_s,
        max(case when event = 'paused' then 1 else 0 end) = 1 as has_pause,
        max(case when event = 'reopened' then 1 else 0 end) = 1 as has_reopened
    from {{ ref('int_opinion_timeline') }}
    group by ticket_id, has_set_aside
),

ours as (
    select
        opinions.ticket_id, opinions.promise, opinions.contract_id, opinions.support_policy_id,
        opinions.received_s, opinions.classified_s,
        opinions.clock_start_s as start_s, opinions.stop_s, opinions.calendar_id,
        opinions.severity, opinions.initial_severity, opinions.highest_severity,
        opinions.stop_severity, opinions.last_severity,
        opinions.elapsed_s, opinions.target_s, targets.target_s as promised_s,
        opinions.due_s as ticket_due_s, opinions.is_due_date_target,
        case when opinions.is_due_date_target then opinions.due_s end as due_s,
        -- nothing pauses a response (K4)
        opinions.promise = 'response' or opinions.pause_counts as counts_pauses,
        case opinions.promise when 'response' then 'never' else 'resolved' end as off_while,
        false as has_set_aside, false as to_minute, false as elapsed_to_minute, false as is_strict,
        -- an export may lack the events that close or answer tickets: what is never told stops no
        -- clock
        2 * sum(case when lives.closed_s is not null then 1 else 0 end) over of_contract
        > sum(case when lives.stopped_s is not null then 1 else 0 end) over of_contract
            as has_closing,
        2 * sum(case when lives.first_responded_s is not null then 1 else 0 end) over of_contract
        > sum(case when lives.responded_s is not null then 1 else 0 end) over of_contract
            as has_answering,
        lives.first_responded_s, lives.first_resolved_s, lives.closed_s, lives.has_pause,
        lives.has_reopened, lives_aside.ticket_id is not null as has_events_aside,
        case opinions.promise
            when 'response' then lives_aside.responded_s else lives_aside.stopped_s
        end as aside_stop_s
    from {{ ref('int_opinions') }} as opinions
    left join {{ source('inputs', 'targets') }} as targets
        on
            opinions.support_policy_id = targets.support_policy_id
            and opinions.promise = targets.target_kind
            and opinions.severity = targets.severity
    inner join lives on opinions.ticket_id = lives.ticket_id and not lives.has_set_aside
    left join lives as lives_aside
        on opinions.ticket_id = lives_aside.ticket_id and lives_aside.has_set_aside
    where opinions.status = 'counted'
    window of_contract as (partition by opinions.contract_id, opinions.promise)
),

changed as (
    {%- for change in variants %}
    select
        ours.ticket_id, ours.promise, '{{ change.variant }}' as variant,
        {{ "'" ~ change.reason ~ "'" if change.reason else 'cast(null as string)' }} as reason,
        ours.severity,
        {%- for column in [
            'start_s', 'stop_s', 'calendar_id', 'promised_s', 'due_s', 'counts_pauses', 'off_while',
            'has_set_aside', 'to_minute', 'elapsed_to_minute', 'is_strict',
        ] %}
        {{ change[column] or 'ours.' ~ column }} as {{ column }}{{ ',' if not loop.last }}
        {%- endfor %}
    from ours
    where {{ change.where or 'true' }}
    {{ 'union all' if not loop.last }}
    {%- endfor %}
),

-- the other calendars of the same terms
calendars as (
    select distinct support_policy_id, calendar_id
    from {{ source('inputs', 'targets') }}
    where calendar_id is not null
),

numbered_calendars as (
    select
        support_policy_id, calendar_id,
        row_number() over (partition by support_policy_id order by calendar_id) as number
    from calendars
),

on_calendars as (
    select
        ours.ticket_id, ours.promise, 'calendar_' || calendars.number as variant,
        'calendar' as reason, ours.severity, ours.start_s, ours.stop_s, calendars.calendar_id,
        ours.promised_s, ours.due_s, ours.counts_pauses, ours.off_while, ours.has_set_aside,
        ours.to_minute, ours.elapsed_to_minute, ours.is_strict
    from ours
    inner join numbered_calendars as calendars
        on ours.support_policy_id = calendars.support_policy_id
    where ours.calendar_id is null or ours.calendar_id <> calendars.calendar_id
),

-- the target and the calendar of the severity that was in force at another time
severities as (
    {%- for time in ['initial', 'highest', 'stop', 'last'] %}
    select
        ours.ticket_id, ours.promise, 'severity_{{ time }}' as variant,
        ours.{{ time }}_severity as severity
    from ours
    where ours.{{ time }}_severity <> ours.severity
    {{ 'union all' if not loop.last }}
    {%- endfor %}
),

at_severities as (
    select
        ours.ticket_id, ours.promise, severities.variant, 'severity_at_another_time' as reason,
        severities.severity, ours.start_s, ours.stop_s, targets.calendar_id,
        targets.target_s as promised_s, ours.due_s, ours.counts_pauses, ours.off_while,
        ours.has_set_aside, ours.to_minute, ours.elapsed_to_minute, ours.is_strict
    from ours
    inner join severities
        on ours.ticket_id = severities.ticket_id and ours.promise = severities.promise
    left join {{ source('inputs', 'targets') }} as targets
        on
            ours.support_policy_id = targets.support_policy_id
            and ours.promise = targets.target_kind
            and severities.severity = targets.severity
),

-- what was delivered as the due date before
earlier_dues as (
    select distinct
        opinions.ticket_id, opinions.promise, opinions.due_s,
        case opinions.promise
            when 'response' then earlier.response_due_at_s
            else earlier.resolution_due_at_s
        end as earlier_due_s
    from {{ ref('int_opinions') }} as opinions
    inner join {{ source('landed', 'tickets') }} as earlier
        on
            opinions.ticket_id = earlier.ticket_id
            and (
                earlier._delivery_id < opinions._delivery_id
                or (
                    earlier._delivery_id = opinions._delivery_id and earlier._line < opinions._line
                )
            )
    where not earlier.is_deleted
),

at_earlier_dues as (
    select
        ours.ticket_id, ours.promise,
        'due_date_' || row_number() over (
            partition by ours.ticket_id, ours.promise order by dues.earlier_due_s
        ) as variant,
        'due_date_edited' as reason, ours.severity, ours.start_s, ours.stop_s, ours.calendar_id,
        ours.promised_s, dues.earlier_due_s as due_s, ours.counts_pauses, ours.off_while,
        ours.has_set_aside, ours.to_minute, ours.elapsed_to_minute, ours.is_strict
    from ours
    inner join earlier_dues as dues
        on ours.ticket_id = dues.ticket_id and ours.promise = dues.promise
    where
        dues.earlier_due_s is not null
        and (dues.due_s is null or dues.earlier_due_s <> dues.due_s)
),

variants as (
    {%- for relation in ['changed', 'on_calendars', 'at_severities', 'at_earlier_dues'] %}
    select * from {{ relation }}
    {{ 'union all' if not loop.last }}
    {%- endfor %}
)

select
    variants.*,
    -- what stops before the clock starts stops with it; what is open is looked at as of now (K3)
    greatest(variants.start_s, coalesce(variants.stop_s, run.as_of_s)) as end_s
from variants
cross join {{ source('inputs', 'run') }} as run
