{%- set keys = ['ticket_id', 'support_policy_id'] -%}

-- the severity that events set at each instant: of several the last counts (K3)
with set_by_events as (
    select ticket_id, at_s, severity
    from (
        select
            ticket_id, at_s, severity,
            row_number() over (partition by ticket_id, at_s order by sequence desc) as from_last
        from {{ ref('int_ticket_timeline') }}
        where severity is not null
    ) as ranked
    where from_last = 1
),

-- outside production never above the ceiling (K3)
in_force as (
    select
        policies.ticket_id, policies.support_policy_id, set_by_events.at_s as start_s,
        case
            when
                policies.environment <> 'production'
                and coalesce(own.severity_rank, {{ no_rank() }}) < ceiling.severity_rank
                then ceiling.severity
            else set_by_events.severity
        end as severity
    from {{ ref('int_ticket_policies') }} as policies
    inner join set_by_events on policies.ticket_id = set_by_events.ticket_id
    inner join {{ source('inputs', 'support_policies') }} as described
        on policies.support_policy_id = described.support_policy_id
    left join {{ source('inputs', 'support_policy_severities') }} as own
        on
            policies.support_policy_id = own.support_policy_id
            and set_by_events.severity = own.severity
    left join {{ source('inputs', 'support_policy_severities') }} as ceiling
        on
            policies.support_policy_id = ceiling.support_policy_id
            and described.non_production_max = ceiling.severity
),

spans as (
    {{ states('in_force', keys, 'severity') }}
)

select
    spans.ticket_id, spans.support_policy_id, spans.start_s,
    coalesce(spans.end_s, {{ never_s() }}) as end_s, spans.state as severity,
    -- a severity that these terms no longer have is below all others
    coalesce(ranks.severity_rank, {{ no_rank() }}) as severity_rank
from spans
left join {{ source('inputs', 'support_policy_severities') }} as ranks
    on spans.support_policy_id = ranks.support_policy_id and spans.state = ranks.severity
