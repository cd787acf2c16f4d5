-- the instants of updates to the customer, and those at which the severity changes (K6)
with instants as (
    select ticket_id, at_s
    from {{ ref('int_ticket_timeline') }}
    where event in ('responded', 'status_updated', 'resolved', 'closed', 'reopened')
    union
    select severities.ticket_id, severities.start_s as at_s
    from {{ ref('int_ticket_severities') }} as severities
    inner join {{ ref('int_ticket_policies') }} as policies
        on
            severities.ticket_id = policies.ticket_id
            and severities.support_policy_id = policies.support_policy_id
            and policies.is_own
),

-- a ticket that stops where its clock starts is one gap of no length
segments as (
    select ticket_id, support_policy_id, start_s, end_s, is_on_clock
    from {{ ref('int_ticket_segments') }}
    where is_own
    union all
    select ticket_id, support_policy_id, clock_start_s as start_s, end_s, false as is_on_clock
    from {{ ref('int_ticket_policies') }}
    where is_own and clock_start_s = end_s
),

numbered as (
    select
        segments.ticket_id, segments.support_policy_id, segments.start_s, segments.end_s,
        segments.is_on_clock, severities.severity,
        sum(case when instants.at_s is not null then 1 else 0 end) over (
            partition by segments.ticket_id order by segments.start_s
            rows between unbounded preceding and current row
        ) as gap
    from segments
    inner join {{ ref('int_ticket_severities') }} as severities
        on
            segments.ticket_id = severities.ticket_id
            and segments.support_policy_id = severities.support_policy_id
            and segments.start_s >= severities.start_s
            and segments.start_s < severities.end_s
    left join instants
        on segments.ticket_id = instants.ticket_id and segments.start_s = instants.at_s
)

-- each gap on the clock of its severity, without what is off the clock
select
    numbered.ticket_id, numbered.gap, numbered.severity, targets.target_s as cadence_s,
    min(numbered.start_s) as start_s, max(numbered.end_s) as end_s,
    cast(sum(case
        when numbered.is_on_clock
            then
                {{ clock_at('targets.calendar_id', 'last_day', 'numbered.end_s') }}
                - {{ clock_at('targets.calendar_id', 'first_day', 'numbered.start_s') }}
        else 0
    end) as bigint) as elapsed_s
from numbered
left join {{ source('inputs', 'targets') }} as targets
    on
        numbered.support_policy_id = targets.support_policy_id
        and targets.target_kind = 'updates'
        and numbered.severity = targets.severity
{{ clock_part('targets.calendar_id', 'first_day', 'numbered.start_s') }}
{{ clock_part('targets.calendar_id', 'last_day', 'numbered.end_s') }}
group by numbered.ticket_id, numbered.gap, numbered.severity, targets.target_s
