{%- set shares = {'median': 50, 'p90': 90, 'p95': 95} -%}

-- whether a ticket was ever resolved, and reopened after that; closing is resolving (K5)
with lives as (
    select
        ticket_id,
        min(case when event in ('resolved', 'closed') then sequence end) as resolved_sequence,
        max(case when event = 'reopened' then sequence end) as reopened_sequence
    from {{ ref('int_ticket_timeline') }}
    group by ticket_id
),

-- each counted ticket at the severity and on the clock of the target (K3-K5); one without a target
-- for its resolution is not timed, but can be reopened
timed as (
    select
        ticket_id, subscription_id, month, 'response' as target, response_severity as severity,
        response_elapsed_s as elapsed_s, responded_at is not null as is_stopped
    from {{ ref('ticket_sla') }}
    where status = 'counted' and response_elapsed_s is not null
    union all
    select
        ticket_id, subscription_id, month, 'resolution' as target, severity,
        resolution_elapsed_s as elapsed_s,
        resolution_elapsed_s is not null and resolved_at is not null as is_stopped
    from {{ ref('ticket_sla') }}
    where status = 'counted'
),

placed as (
    select
        subscriptions.contract_id, subscriptions.service_id, subscriptions.region, timed.month,
        timed.severity, timed.target, timed.elapsed_s, timed.is_stopped,
        lives.resolved_sequence is not null as is_resolved,
        coalesce(lives.reopened_sequence > lives.resolved_sequence, false) as is_reopened,
        row_number() over (
            partition by
                subscriptions.contract_id, subscriptions.service_id, subscriptions.region,
                timed.month, timed.severity, timed.target, timed.is_stopped
            order by timed.elapsed_s, timed.ticket_id
        ) as place,
        count(*) over (
            partition by
                subscriptions.contract_id, subscriptions.service_id, subscriptions.region,
                timed.month, timed.severity, timed.target, timed.is_stopped
        ) as places
    from timed
    inner join {{ ref('int_subscriptions') }} as subscriptions
        on timed.subscription_id = subscriptions.subscription_id
    inner join lives on timed.ticket_id = lives.ticket_id
),

summed as (
    select
        contract_id, service_id, region, month, severity, target,
        cast(sum(case when is_stopped then 1 else 0 end) as bigint) as stopped,
        cast(
            sum(case when elapsed_s is not null and not is_stopped then 1 else 0 end) as bigint
        ) as still_open,
        cast(sum(case when is_stopped then elapsed_s else 0 end) as bigint) as total_seconds,
        {%- for name, share in shares.items() %}
        max(
            case
                when is_stopped and place = {{ nearest_rank(share, 'places') }} then elapsed_s
            end
        ) as {{ name }}_seconds,
        {%- endfor %}
        cast(sum(case when is_resolved then 1 else 0 end) as bigint) as resolved,
        cast(sum(case when is_reopened then 1 else 0 end) as bigint) as reopened
    from placed
    group by contract_id, service_id, region, month, severity, target
)

select
    contract_id, service_id, region, month, severity, target, stopped, still_open, total_seconds,
    {%- for name in shares %}
    {{ name }}_seconds,
    {%- endfor %}
    case when stopped > 0 then {{ ratio(wide('total_seconds'), 'stopped') }} end as mean_seconds,
    case when target = 'resolution' then resolved end as resolved,
    case when target = 'resolution' then reopened end as reopened,
    case
        when target = 'resolution' and resolved > 0 then {{ percentage('reopened', 'resolved') }}
    end as reopened_pct
from summed
