with cut as (
    select
        periods.contract_id, downtime.service_id, downtime.region, periods.period_kind,
        periods.period_start, terms.service_hours_calendar, downtime.start_s, downtime.end_s,
        greatest(downtime.start_s, periods.start_s) as from_s,
        least(downtime.end_s, periods.end_s) as until_s
    from {{ ref('int_downtime') }} as downtime
    inner join {{ source('inputs', 'periods') }} as periods
        on downtime.start_s < periods.end_s and downtime.end_s > periods.start_s
    inner join {{ ref('int_terms') }} as terms
        on
            periods.terms_id = terms.terms_id
            and downtime.availability_policy_id = terms.availability_policy_id
    where downtime.customer_scope = ''
)

-- the part in service hours (A3)
select
    cut.contract_id, cut.service_id, cut.region, cut.period_kind, cut.period_start,
    {{ instant('cut.start_s') }} as started_at,
    {{ instant('cut.end_s') }} as ended_at,
    cast(
        {{ clock_seconds(
            'cut.service_hours_calendar', 'first_part', 'cut.from_s', 'last_part', 'cut.until_s'
        ) }} as bigint
    ) as downtime_seconds
from cut
{{ clock_part('cut.service_hours_calendar', 'first_part', 'cut.from_s') }}
{{ clock_part('cut.service_hours_calendar', 'last_part', 'cut.until_s') }}
