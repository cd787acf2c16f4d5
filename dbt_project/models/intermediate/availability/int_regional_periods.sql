-- from the period of the first check or record on, where a component is active at all (A9)
select
    regions.contract_id, regions.service_id, regions.region, regions.product_category,
    periods.period_kind, periods.period_start, periods.start_s, periods.end_s, periods.is_final,
    periods.terms_id, terms.service_hours_calendar,
    -- all of it, or the open part (A3)
    cast(
        {{ clock_seconds(
            'terms.service_hours_calendar', 'first_part', 'periods.start_s', 'last_part',
            'periods.end_s'
        ) }} as bigint
    ) as total_seconds
from {{ ref('int_service_regions') }} as regions
inner join {{ source('inputs', 'periods') }} as periods
    on regions.contract_id = periods.contract_id and regions.first_seen_s < periods.end_s
inner join {{ ref('int_terms') }} as terms on periods.terms_id = terms.terms_id
{{ clock_part('terms.service_hours_calendar', 'first_part', 'periods.start_s') }}
{{ clock_part('terms.service_hours_calendar', 'last_part', 'periods.end_s') }}
where
    exists (
        select 1
        from {{ ref('int_components') }} as components
        where
            components.service_id = regions.service_id
            and components.region = regions.region
            and components.active_from_s < periods.end_s
            and components.active_to_s > periods.start_s
            and components.active_from_s < components.active_to_s
    )
