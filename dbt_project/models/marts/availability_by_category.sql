with figures as (
    select
        availability.*,
        availability.total_seconds - availability.excluded_seconds as base_seconds,
        availability.status = 'fully_excluded' as is_excluded
    from {{ ref('availability') }} as availability
    inner join {{ ref('stg_services') }} as services
        on availability.service_id = services.service_id
    inner join {{ ref('int_terms') }} as terms
        on
            availability.contract_id = terms.contract_id
            and availability.contract_version = terms.contract_version
    where
        services.lifecycle = 'ga'
        and terms.has_category_commitments
        and availability.product_category is not null
),

-- the worst by the exact ratio, not by the percentage that is shown; one that is fully excluded
-- only
-- where all are (A4, A6)
ranked as (
    select
        *,
        row_number() over (
            partition by contract_id, product_category, period_start
            order by
                is_excluded, {{ ratio_order('downtime_seconds', 'greatest(base_seconds, 1)') }},
                service_id, region
        ) as sequence
    from figures
)

select
    contract_id, product_category, period_kind, period_start, availability_pct, commitment_pct,
    is_met,
    case when not is_excluded then service_id end as worst_service_id,
    case when not is_excluded then region end as worst_region,
    status
from ranked
where sequence = 1
