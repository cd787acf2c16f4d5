with shared as (
    select distinct subscription_id, month, start_s
    from {{ ref('int_shared_events') }}
    where reading_id = 0
)

select
    downtime.subscription_id, downtime.month, downtime.method_id, downtime.audience, downtime.service_id, downtime.region,
    downtime.start_s, downtime.end_s, downtime.seconds, incidents.incident_id,
    shared.start_s is not null as is_shared
from {{ ref('int_month_downtime') }} as downtime
inner join {{ ref('int_month_readings') }} as readings
    on
        downtime.subscription_id = readings.subscription_id
        and downtime.month = readings.month
        and downtime.method_id = readings.method_id
        and readings.reading_id = 0
left join {{ ref('int_downtime_incidents') }} as incidents
    on
        downtime.method_id = incidents.method_id
        and downtime.audience = incidents.audience
        and downtime.service_id = incidents.service_id
        and downtime.region = incidents.region
        and downtime.start_s = incidents.start_s
left join shared
    on downtime.subscription_id = shared.subscription_id and downtime.month = shared.month and downtime.start_s = shared.start_s
