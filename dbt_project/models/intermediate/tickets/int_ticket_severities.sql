{%- set keys = ['ticket_id', 'support_policy_id'] -%}

-- what was said at each instant; the last word counts (K3)
with said as (
    select ticket_id, at_s, severity
    from (
        select
            ticket_id, at_s, severity, row_number() over (partition by ticket_id, at_s order by sequence desc) as from_last
        from {{ ref('int_ticket_timeline') }}
        where severity is not null
    ) as ranked
    where from_last = 1
),

-- outside production never above the ceiling (K3)
in_force as (
    select
        support_policies.ticket_id, support_policies.support_policy_id, said.at_s as start_s,
        case
            when support_policies.environment <> 'production' and coalesce(own.severity_rank, {{ no_rank() }}) < ceiling.severity_rank
                then ceiling.severity
            else said.severity
        end as severity
    from {{ ref('int_ticket_policies') }} as support_policies
    inner join said on support_policies.ticket_id = said.ticket_id
    inner join {{ source('inputs', 'support_policies') }} as described on support_policies.support_policy_id = described.support_policy_id
    left join {{ source('inputs', 'support_policy_severities') }} as own on support_policies.support_policy_id = own.support_policy_id and said.severity = own.severity
    left join {{ source('inputs', 'support_policy_severities') }} as ceiling
        on support_policies.support_policy_id = ceiling.support_policy_id and described.non_production_max = ceiling.severity
),

spans as (
    {{ states('in_force', keys, 'severity') }}
)

select
    spans.ticket_id, spans.support_policy_id, spans.start_s, coalesce(spans.end_s, {{ never_s() }}) as end_s, spans.state as severity,
    -- a severity that these terms no longer have is below all others
    coalesce(ranks.severity_rank, {{ no_rank() }}) as severity_rank
from spans
left join {{ source('inputs', 'support_policy_severities') }} as ranks on spans.support_policy_id = ranks.support_policy_id and spans.state = ranks.severity
