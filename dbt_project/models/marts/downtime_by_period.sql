select
    periods.contract_id, downtime.service_id, downtime.region, periods.period_kind,
    periods.period_start,
    {{ instant('downtime.start_s') }} as started_at,
    {{ instant('downtime.end_s') }} as ended_at,
    cast({{ seconds_within(
        'downtime.start_s', 'downtime.end_s', 'periods.start_s', 'periods.end_s'
    ) }} as bigint) as downtime_seconds
from {{ ref('int_downtime') }} as downtime
inner join {{ source('inputs', 'periods') }} as periods
    on downtime.start_s < periods.end_s and downtime.end_s > periods.start_s
inner join {{ ref('int_terms') }} as terms
    on
        periods.terms_id = terms.terms_id
        and downtime.availability_policy_id = terms.availability_policy_id
where downtime.customer_scope = ''
