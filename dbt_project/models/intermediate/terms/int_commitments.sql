-- a commitment without a category holds for all of them
select
    terms.terms_id, services.service_id, commitments.commitment_pct,
    commitments.commitment_numerator, commitments.commitment_denominator
from {{ source('inputs', 'commitments') }} as commitments
inner join {{ source('inputs', 'terms') }} as terms on commitments.terms_id = terms.terms_id
inner join {{ ref('stg_services') }} as services
    on
        terms.contract_id = services.contract_id
        and (
            commitments.product_category is null
            or commitments.product_category = services.product_category
        )
where services.lifecycle = 'ga'
