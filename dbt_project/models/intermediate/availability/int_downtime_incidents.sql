-- the first record of an interval that names an incident
with named as (
    select
        availability_policy_id, customer_scope, service_id, region, start_s, incident_id,
        row_number() over (
            partition by availability_policy_id, customer_scope, service_id, region, start_s
            order by record_start_s, coalesce(outage_id, exclusion_id), incident_id
        ) as sequence
    from {{ ref('int_downtime_records') }}
    where incident_id is not null
)

select availability_policy_id, customer_scope, service_id, region, start_s, incident_id
from named
where sequence = 1
