-- each month of a subscription with credits, by each reading of its contract
select
    months.subscription_id, months.month, months.customer_id, months.contract_id, months.service_id, months.region,
    months.product_category, months.lifecycle, months.start_s, months.end_s, months.is_final, agreed.reading_id,
    terms.terms_id, terms.method_id, terms.desk_id, terms.excluded_time, terms.total_time, terms.cap_pct,
    terms.is_commitment_first_bound, terms.max_missed_numerator, terms.max_missed_denominator,
    terms.is_mean_over_population, terms.is_whole_percent, terms.link_within_s,
    coalesce(views.audience, '') as audience
from {{ ref('int_subscription_months') }} as months
inner join {{ ref('int_subscription_terms') }} as agreed
    on
        months.subscription_id = agreed.subscription_id
        and months.month >= agreed.valid_from
        and months.month < agreed.valid_until
inner join {{ source('inputs', 'terms') }} as terms on agreed.terms_id = terms.terms_id
left join {{ ref('int_views') }} as views
    on
        terms.method_id = views.method_id
        and months.service_id = views.service_id
        and months.region = views.region
        and months.customer_id = views.audience
where terms.has_credits
