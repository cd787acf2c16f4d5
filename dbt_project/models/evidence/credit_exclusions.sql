-- exclusions that acted in the month of a subscription, by the contract as it is
select
    alike.subscription_id, alike.month, exclusions.exclusion_id, exclusions.kind,
    exclusions.component_id, exclusions.customer_id,
    {{ instant('exclusions.start_s') }} as started_at,
    {{ instant('exclusions.end_s') }} as ended_at,
    deliveries.path as file, landed._line as line
from {{ ref('int_measured_as') }} as alike
inner join {{ ref('int_month_scenarios') }} as scenarios
    on alike.measured_as = scenarios.subscription_id and alike.month = scenarios.month
inner join {{ ref('int_exclusions') }} as exclusions
    on
        scenarios.availability_policy_id = exclusions.availability_policy_id
        and exclusions.start_s < scenarios.end_s
        and exclusions.end_s > scenarios.start_s
        and (exclusions.service_id is null or exclusions.service_id = scenarios.service_id)
        and (exclusions.region is null or exclusions.region = scenarios.region)
        and (exclusions.customer_id is null or exclusions.customer_id = scenarios.customer_id)
left join {{ ref('int_components') }} as components
    on exclusions.component_id = components.component_id
inner join {{ ref('stg_exclusions') }} as landed on exclusions.exclusion_id = landed.exclusion_id
{{ delivery_of('landed') }}
where
    scenarios.scenario_id = 0
    and (
        exclusions.component_id is null
        or (components.service_id = scenarios.service_id and components.region = scenarios.region)
    )
