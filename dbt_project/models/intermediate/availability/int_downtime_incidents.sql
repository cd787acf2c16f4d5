-- the records that make an interval what it is
with named as (
    select
        downtime.availability_policy_id, downtime.customer_scope, downtime.service_id, downtime.region, downtime.start_s, records.incident_id,
        row_number() over (
            partition by downtime.availability_policy_id, downtime.customer_scope, downtime.service_id, downtime.region, downtime.start_s
            order by records.start_s, records.outage_id
        ) as sequence
    from {{ ref('int_downtime') }} as downtime
    inner join {{ ref('int_down_records') }} as records
        on
            downtime.availability_policy_id = records.availability_policy_id
            and downtime.service_id = records.service_id
            and downtime.region = records.region
            and downtime.start_s < records.end_s
            and downtime.end_s > records.start_s
    where records.incident_id is not null
)

select availability_policy_id, customer_scope, service_id, region, start_s, incident_id
from named
where sequence = 1
