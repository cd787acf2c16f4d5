{%- set promises = {
    'response': {
        'clock': 'responses', 'stop': 'responded_s',
        'severities': [
            'response_severity as severity', 'response_highest_severity as highest_severity',
            'response_stop_severity as stop_severity',
        ],
    },
    'resolution': {
        'clock': 'resolutions', 'stop': 'stopped_s',
        'severities': ['severity', 'highest_severity', 'stop_severity'],
    },
} -%}

-- few warehouses have any, so nothing else is looked at before
with heard as (
    select tickets.*
    from {{ ref('stg_tickets') }} as tickets
    where tickets.source_response_met is not null or tickets.source_resolution_met is not null
),

told as (
    select
        lives.ticket_id, lives.subscription_id, lives.contract_id, lives.month, lives.status,
        lives.support_policy_id, lives.received_s, lives.classified_s, lives.clock_start_s,
        lives.responded_s, lives.stopped_s,
        lives.response_due_s, lives.resolution_due_s,
        heard.source_response_met, heard.source_resolution_met, heard._delivery_id, heard._line
    from heard
    inner join {{ ref('int_tickets') }} as lives on heard.ticket_id = lives.ticket_id
    where lives.status <> 'rejected'
)

{% for promise, ours in promises.items() %}
select
    told.ticket_id, '{{ promise }}' as promise, told.source_{{ promise }}_met as source_met,
    told.subscription_id, told.contract_id, told.month, told.status, told.support_policy_id,
    told.received_s, told.classified_s, told.clock_start_s, told.{{ ours.stop }} as stop_s,
    told.{{ promise }}_due_s as due_s,
    coalesce(described.is_due_date_target, false) as is_due_date_target,
    coalesce(described.pause_counts, false) as pause_counts,
    {%- for severity in ours.severities %}
    targets.{{ severity }},
    {%- endfor %}
    targets.initial_severity, targets.last_severity, targets.{{ promise }}_calendar as calendar_id,
    {{ ours.clock }}.target_s, {{ ours.clock }}.elapsed_s,
    case when told.status = 'counted' then {{ ours.clock }}.outcome end as outcome,
    told._delivery_id, told._line
from told
left join {{ ref('int_ticket_targets') }} as targets
    on
        told.ticket_id = targets.ticket_id
        and told.support_policy_id = targets.support_policy_id
left join {{ source('inputs', 'support_policies') }} as described
    on told.support_policy_id = described.support_policy_id
{%- if promise == 'response' %}
left join {{ ref('int_responses') }} as responses on told.ticket_id = responses.ticket_id
{%- else %}
left join {{ ref('int_resolutions') }} as resolutions
    on told.ticket_id = resolutions.ticket_id and resolutions.is_own
{%- endif %}
where told.source_{{ promise }}_met is not null
{{ 'union all' if not loop.last }}
{% endfor %}
