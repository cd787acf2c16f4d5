-- the severities in force at the start of the clock, at its stop, and the highest in between (K3)
with met as (
    select
        policies.ticket_id, policies.support_policy_id,
        max(case when spans.start_s <= policies.clock_start_s then spans.severity end) as initial,
        max(case
            when spans.start_s <= policies.response_end_s and spans.end_s > policies.response_end_s
                then spans.severity
        end) as at_response,
        max(case
            when spans.start_s <= policies.end_s and spans.end_s > policies.end_s
                then spans.severity
        end) as at_stop,
        max(case when spans.end_s = {{ never_s() }} then spans.severity end) as last_severity,
        min(case when spans.start_s <= policies.response_end_s then spans.severity_rank end)
            as highest_rank_to_response,
        min(case when spans.start_s <= policies.end_s then spans.severity_rank end) as highest_rank
    from {{ ref('int_ticket_policies') }} as policies
    inner join {{ ref('int_ticket_severities') }} as spans
        on
            policies.ticket_id = spans.ticket_id
            and policies.support_policy_id = spans.support_policy_id
            and spans.end_s > policies.clock_start_s
    group by policies.ticket_id, policies.support_policy_id
),

chosen as (
    select
        met.ticket_id, met.support_policy_id,
        met.initial as initial_severity, met.at_response as response_stop_severity,
        met.at_stop as stop_severity, met.last_severity,
        coalesce(highest.severity, met.initial) as highest_severity,
        coalesce(highest_to_response.severity, met.initial) as response_highest_severity,
        case policies.basis
            when 'initial' then met.initial
            when 'highest' then coalesce(highest_to_response.severity, met.initial)
            else met.at_response
        end as response_severity,
        case policies.basis
            when 'initial' then met.initial
            when 'highest' then coalesce(highest.severity, met.initial)
            else met.at_stop
        end as severity
    from met
    inner join {{ source('inputs', 'support_policies') }} as policies
        on met.support_policy_id = policies.support_policy_id
    left join {{ source('inputs', 'support_policy_severities') }} as highest
        on
            met.support_policy_id = highest.support_policy_id
            and met.highest_rank = highest.severity_rank
    left join {{ source('inputs', 'support_policy_severities') }} as highest_to_response
        on
            met.support_policy_id = highest_to_response.support_policy_id
            and met.highest_rank_to_response = highest_to_response.severity_rank
),

promised as (
    select
        chosen.*, policies.clock_start_s,
        response.target_s as response_promised_s, response.calendar_id as response_calendar,
        resolution.target_s as resolution_promised_s, resolution.calendar_id as resolution_calendar,
        -- the ticket's own due dates, where they take the place of targets (K7)
        case when described.is_due_date_target then policies.response_due_s end as response_due_s,
        case when described.is_due_date_target then policies.resolution_due_s end
            as resolution_due_s
    from chosen
    inner join {{ ref('int_ticket_policies') }} as policies
        on
            chosen.ticket_id = policies.ticket_id
            and chosen.support_policy_id = policies.support_policy_id
    inner join {{ source('inputs', 'support_policies') }} as described
        on chosen.support_policy_id = described.support_policy_id
    left join {{ source('inputs', 'targets') }} as response
        on
            chosen.support_policy_id = response.support_policy_id
            and response.target_kind = 'response'
            and chosen.response_severity = response.severity
    left join {{ source('inputs', 'targets') }} as resolution
        on
            chosen.support_policy_id = resolution.support_policy_id
            and resolution.target_kind = 'resolution'
            and chosen.severity = resolution.severity
)

-- a due date is as many seconds as the clock runs until it, none if it is not after clock start;
-- calendars end with the years that agreements may have
select
    promised.ticket_id, promised.support_policy_id, promised.highest_severity,
    promised.response_highest_severity, promised.initial_severity, promised.response_stop_severity,
    promised.stop_severity, promised.last_severity,
    promised.response_severity, promised.severity, promised.response_calendar,
    promised.resolution_calendar,
    promised.resolution_due_s is not null as is_resolution_due_date,
    {%- for promise in ['response', 'resolution'] %}
    case
        when promised.{{ promise }}_due_s is null then promised.{{ promise }}_promised_s
        when promised.{{ promise }}_due_s <= promised.clock_start_s then 0
        else {{ clock_seconds(
            'promised.' ~ promise ~ '_calendar',
            promise ~ '_start', 'promised.clock_start_s',
            promise ~ '_due', due_on_clock(
                'promised.' ~ promise ~ '_due_s', 'promised.' ~ promise ~ '_calendar'
            )
        ) }}
    end as {{ promise }}_target_s{{ ',' if not loop.last }}
    {%- endfor %}
from promised
{%- for promise in ['response', 'resolution'] %}
{%- set calendar = 'promised.' ~ promise ~ '_calendar' %}
{{ clock_part(calendar, promise ~ '_start', 'promised.clock_start_s') }}
{{ clock_part(
    calendar, promise ~ '_due', due_on_clock('promised.' ~ promise ~ '_due_s', calendar)
) }}
{%- endfor %}
