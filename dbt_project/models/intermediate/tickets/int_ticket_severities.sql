{%- set keys = ['ticket_id', 'desk_id'] -%}

-- what was said at each instant; the last word counts (K3)
with said as (
    select ticket_id, at_s, severity
    from (
        select
            ticket_id, at_s, severity, row_number() over (partition by ticket_id, at_s order by place desc) as from_last
        from {{ ref('int_ticket_timeline') }}
        where severity is not null
    ) as ranked
    where from_last = 1
),

-- outside production never above the ceiling (K3)
in_force as (
    select
        desks.ticket_id, desks.desk_id, said.at_s as start_s,
        case
            when desks.environment <> 'production' and coalesce(own.severity_rank, {{ no_rank() }}) < ceiling.severity_rank
                then ceiling.severity
            else said.severity
        end as severity
    from {{ ref('int_ticket_desks') }} as desks
    inner join said on desks.ticket_id = said.ticket_id
    inner join {{ source('inputs', 'desks') }} as described on desks.desk_id = described.desk_id
    left join {{ source('inputs', 'desk_severities') }} as own on desks.desk_id = own.desk_id and said.severity = own.severity
    left join {{ source('inputs', 'desk_severities') }} as ceiling
        on desks.desk_id = ceiling.desk_id and described.non_production_max = ceiling.severity
),

spans as (
    {{ states('in_force', keys, 'severity') }}
)

select
    spans.ticket_id, spans.desk_id, spans.start_s, coalesce(spans.end_s, {{ never_s() }}) as end_s, spans.state as severity,
    -- a severity that these terms no longer have is below all others
    coalesce(ranks.severity_rank, {{ no_rank() }}) as severity_rank
from spans
left join {{ source('inputs', 'desk_severities') }} as ranks on spans.desk_id = ranks.desk_id and spans.state = ranks.severity
