with shared as (
    select distinct subscription_id, month, start_s
    from {{ ref('int_shared_events') }}
    where scenario_id = 0
)

select
    alike.subscription_id, alike.month, downtime.availability_policy_id,
    downtime.customer_scope, downtime.service_id, downtime.region,
    downtime.start_s, downtime.end_s, downtime.seconds, incidents.incident_id,
    shared.start_s is not null as is_shared
from {{ ref('int_measured_as') }} as alike
inner join {{ ref('int_month_downtime') }} as downtime
    on alike.measured_as = downtime.subscription_id and alike.month = downtime.month
inner join {{ ref('int_month_scenarios') }} as scenarios
    on
        downtime.subscription_id = scenarios.subscription_id
        and downtime.month = scenarios.month
        and downtime.availability_policy_id = scenarios.availability_policy_id
        and scenarios.scenario_id = 0
left join {{ ref('int_downtime_incidents') }} as incidents
    on
        downtime.availability_policy_id = incidents.availability_policy_id
        and downtime.customer_scope = incidents.customer_scope
        and downtime.service_id = incidents.service_id
        and downtime.region = incidents.region
        and downtime.start_s = incidents.start_s
left join shared
    on
        alike.subscription_id = shared.subscription_id
        and alike.month = shared.month
        and downtime.start_s = shared.start_s
