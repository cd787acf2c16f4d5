-- exclusions that acted in the month of a subscription, by the contract as it is
select
    readings.subscription_id, readings.month, exclusions.exclusion_id, exclusions.kind, exclusions.component_id, exclusions.customer_id,
    {{ instant('exclusions.start_s') }} as started_at,
    {{ instant('exclusions.end_s') }} as ended_at,
    deliveries.path as file, landed._line as line
from {{ ref('int_month_readings') }} as readings
inner join {{ ref('int_exclusions') }} as exclusions
    on
        readings.method_id = exclusions.method_id
        and exclusions.start_s < readings.end_s
        and exclusions.end_s > readings.start_s
        and (exclusions.service_id is null or exclusions.service_id = readings.service_id)
        and (exclusions.region is null or exclusions.region = readings.region)
        and (exclusions.customer_id is null or exclusions.customer_id = readings.customer_id)
left join {{ ref('int_components') }} as components on exclusions.component_id = components.component_id
inner join {{ ref('stg_exclusions') }} as landed on exclusions.exclusion_id = landed.exclusion_id
{{ delivery_of('landed') }}
where
    readings.reading_id = 0
    and (
        exclusions.component_id is null
        or (components.service_id = readings.service_id and components.region = readings.region)
    )
