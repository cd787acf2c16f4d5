with regions as (
    select
        regions.contract_id, regions.service_id, regions.region, periods.period_start,
        periods.start_s as period_start_s,
        periods.end_s as period_end_s, terms.availability_policy_id, terms.service_hours_calendar
    from {{ ref('int_service_regions') }} as regions
    inner join {{ source('inputs', 'periods') }} as periods
        on regions.contract_id = periods.contract_id
    inner join {{ ref('int_terms') }} as terms on periods.terms_id = terms.terms_id
),

states as (select * from {{ ref('int_service_states') }}),

observed as (
    {%- for measure, relation in {
        'unavailable': ref('int_unavailable'),
        'excluded': ref('int_excluded'),
        'excluded_unavailable': ref('int_excluded_unavailable'),
        'active': 'states',
        'unknown': "(select * from states where state = 'unknown')",
    }.items() %}
    select
        availability_policy_id, customer_scope, service_id, region, start_s, end_s,
        '{{ measure }}' as measure
    from {{ relation }}{{ ' as unknown' if measure == 'unknown' }}
    {{ 'union all' if not loop.last }}
    {%- endfor %}
),

measured as (
    select
        availability_policy_id, service_id, region, start_s, end_s, 'downtime' as measure
    from {{ ref('int_downtime') }}
    where customer_scope = ''
    union all
    select
        scopes.availability_policy_id, scopes.service_id, scopes.region, observed.start_s,
        observed.end_s, observed.measure
    from {{ ref('int_availability_scopes') }} as scopes
    inner join observed on {{ observed_in('scopes', 'observed') }}
    where scopes.customer_scope = ''
),

-- cut at period ends only here (A3)
cut as (
    select
        regions.contract_id, regions.service_id, regions.region, regions.period_start,
        measured.measure, regions.service_hours_calendar,
        greatest(measured.start_s, regions.period_start_s) as start_s,
        least(measured.end_s, regions.period_end_s) as end_s
    from regions
    inner join measured
        on
            regions.availability_policy_id = measured.availability_policy_id
            and regions.service_id = measured.service_id
            and regions.region = measured.region
            and regions.period_start_s < measured.end_s
            and regions.period_end_s > measured.start_s
),

-- inside the service hours
counted as (
    select
        cut.*,
        {{ clock_seconds(
            'cut.service_hours_calendar', 'first_part', 'cut.start_s', 'last_part', 'cut.end_s'
        ) }} as seconds
    from cut
    {{ clock_part('cut.service_hours_calendar', 'first_part', 'cut.start_s') }}
    {{ clock_part('cut.service_hours_calendar', 'last_part', 'cut.end_s') }}
)

select
    contract_id, service_id, region, period_start,
    cast(sum(case when measure = 'downtime' then seconds else 0 end) as bigint) as downtime_seconds,
    cast(sum(case when measure = 'unavailable' then seconds else 0 end) as bigint)
        as unavailable_seconds,
    cast(sum(case when measure = 'excluded' then seconds else 0 end) as bigint) as excluded_seconds,
    cast(sum(case when measure = 'excluded_unavailable' then seconds else 0 end) as bigint)
        as excluded_unavailable_seconds,
    cast(sum(case when measure = 'active' then seconds else 0 end) as bigint) as active_seconds,
    cast(sum(case when measure = 'unknown' then seconds else 0 end) as bigint) as unknown_seconds
from counted
group by contract_id, service_id, region, period_start
