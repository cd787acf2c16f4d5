with figures as (
    select
        availability.*,
        availability.total_seconds - availability.excluded_seconds as base_seconds
    from {{ ref('availability') }} as availability
    inner join {{ ref('stg_services') }} as services on availability.service_id = services.service_id
    inner join {{ ref('int_terms') }} as terms
        on availability.contract_id = terms.contract_id and availability.contract_version = terms.contract_version
    where
        services.lifecycle = 'ga'
        and terms.has_category_commitments
        and availability.product_category is not null
        and availability.status <> 'fully_excluded'
),

-- the worst by the exact ratio, not by the percentage that is shown (A4, A6)
ranked as (
    select
        *,
        row_number() over (
            partition by contract_id, product_category, period_start
            order by {{ ratio_order('downtime_seconds', 'base_seconds') }}, service_id, region
        ) as place
    from figures
)

select
    contract_id, product_category, period_kind, period_start, availability_pct, commitment_pct, is_met,
    service_id as worst_service_id, region as worst_region, status
from ranked
where place = 1
