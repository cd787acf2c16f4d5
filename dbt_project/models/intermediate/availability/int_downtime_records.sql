-- the down records of each downtime interval: those that overlap it by a second or more
select
    downtime.availability_policy_id, downtime.customer_scope, downtime.service_id, downtime.region,
    downtime.start_s, downtime.end_s,
    records.outage_id, records.exclusion_id, records.incident_id, records.component_id, records.state,
    records.start_s as record_start_s, records.end_s as record_end_s,
    records._delivery_id, records._line
from {{ ref('int_downtime') }} as downtime
inner join {{ ref('int_down_records') }} as records
    on
        downtime.availability_policy_id = records.availability_policy_id
        and downtime.service_id = records.service_id
        and downtime.region = records.region
        and downtime.start_s < records.end_s
        and downtime.end_s > records.start_s
