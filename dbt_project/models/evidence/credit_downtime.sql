select
    subscription_id, month, availability_policy_id, customer_scope, service_id, region,
    {{ instant('start_s') }} as started_at,
    {{ instant('end_s') }} as ended_at,
    end_s - start_s as downtime_seconds,
    seconds as counted_seconds,
    is_shared, incident_id
from {{ ref('int_credit_downtime') }}
