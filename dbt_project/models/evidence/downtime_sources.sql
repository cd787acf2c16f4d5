-- intervals that credits of the contract as it is rest on, and those of the regional figures
with intervals as (
    select distinct
        downtime.availability_policy_id, downtime.customer_scope, downtime.service_id,
        downtime.region, downtime.start_s, downtime.end_s
    from {{ ref('int_downtime') }} as downtime
    where
        downtime.availability_policy_id in (
            select terms.availability_policy_id
            from {{ source('inputs', 'terms') }} as terms
            inner join {{ source('inputs', 'term_spans') }} as spans
                on terms.terms_id = spans.terms_id
            where spans.scenario_id = 0
        )
),

-- runs of results that say so, from one sequence
spans as (
    select
        intervals.availability_policy_id, intervals.customer_scope, intervals.service_id,
        intervals.region, intervals.start_s,
        spans.component_id, spans.series_id, spans.state, spans.first_s, spans.last_s
    from intervals
    inner join {{ source('inputs', 'availability_policies') }} as availability_policies
        on intervals.availability_policy_id = availability_policies.availability_policy_id
    inner join {{ ref('int_components') }} as components
        on intervals.service_id = components.service_id and intervals.region = components.region
    inner join {{ ref('stg_check_spans') }} as spans
        on
            components.component_id = spans.component_id
            and spans.first_s < intervals.end_s
            and {{ held_until('spans', 'availability_policies.stale_after_s') }} > intervals.start_s
            and (
                spans.state = {{ state_code('down') }}
                or (
                    spans.state = {{ state_code('degraded') }}
                    and availability_policies.is_degraded_unavailable
                )
            )
),

ends as (
    select series_id, first_s as checked_at_s, state from spans
    union
    select series_id, last_s as checked_at_s, state from spans
),

-- the landed rows at both ends of a run: those that count in their second (M1), of equal ones the
-- first
lines_of as (
    select series_id, checked_at_s, state, _delivery_id, _line
    from (
        select
            checks.series_id, checks.checked_at_s, checks.state, checks._delivery_id, checks._line,
            row_number() over (
                partition by checks.series_id, checks.checked_at_s, checks.state
                order by checks.checked_at_us desc, checks._delivery_id asc, checks._line asc
            ) as sequence
        from ends
        inner join {{ source('landed', 'checks') }} as checks
            on
                ends.series_id = checks.series_id
                and ends.checked_at_s = checks.checked_at_s
                and ends.state = checks.state
    ) as ranked
    where sequence = 1
)

select
    intervals.availability_policy_id, intervals.customer_scope, intervals.service_id,
    intervals.region,
    {{ instant('intervals.start_s') }} as started_at,
    case when records.exclusion_id is null then 'outages' else 'exclusions' end as feed,
    records.component_id, records.outage_id, records.exclusion_id,
    cast(null as string) as location, records.state,
    {{ instant('records.record_start_s') }} as source_from,
    {{ instant('records.record_end_s') }} as source_until,
    records.incident_id, deliveries.path as file, records._line as line,
    cast(null as string) as last_file, cast(null as bigint) as last_line
from intervals
inner join {{ ref('int_downtime_records') }} as records
    on
        intervals.availability_policy_id = records.availability_policy_id
        and intervals.customer_scope = records.customer_scope
        and intervals.service_id = records.service_id
        and intervals.region = records.region
        and intervals.start_s = records.start_s
{{ delivery_of('records') }}
union all
select
    spans.availability_policy_id, spans.customer_scope, spans.service_id, spans.region,
    {{ instant('spans.start_s') }} as started_at,
    'checks' as feed, spans.component_id, cast(null as string) as outage_id,
    cast(null as string) as exclusion_id, series.location,
    case spans.state when {{ state_code('down') }} then 'down' else 'degraded' end as state,
    {{ instant('spans.first_s') }} as source_from,
    {{ instant('spans.last_s') }} as source_until,
    cast(null as string) as incident_id,
    first_deliveries.path as file, first_lines._line as line, last_deliveries.path as last_file,
    last_lines._line as last_line
from spans
inner join {{ source('landed', 'check_series') }} as series on spans.series_id = series.series_id
inner join lines_of as first_lines
    on
        spans.series_id = first_lines.series_id
        and spans.first_s = first_lines.checked_at_s
        and spans.state = first_lines.state
inner join lines_of as last_lines
    on
        spans.series_id = last_lines.series_id
        and spans.last_s = last_lines.checked_at_s
        and spans.state = last_lines.state
{{ delivery_of('first_lines', 'first_deliveries') }}
{{ delivery_of('last_lines', 'last_deliveries') }}
