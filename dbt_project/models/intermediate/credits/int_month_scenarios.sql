-- each month that is measured for subscriptions with credits, by each scenario of the contract
select
    months.subscription_id, months.month, months.customer_id, months.contract_id, months.service_id,
    months.region,
    months.product_category, months.lifecycle, months.start_s, months.end_s, months.is_final,
    {{ days_between('months.month', 'months.last_day') }} + 1 as days,
    terms.service_hours_calendar,
    agreed.scenario_id,
    terms.terms_id, terms.availability_policy_id, terms.support_policy_id, terms.excluded_time,
    terms.total_time, terms.cap_pct,
    terms.is_commitment_first_bound, terms.is_first_tier_inclusive, terms.credit_form,
    terms.step_numerator, terms.step_denominator, terms.step_s, terms.is_begun_step_counted,
    terms.credit_factor, terms.is_credit_in_days, terms.is_minimum_raised, terms.is_due_date_mean,
    terms.max_missed_numerator, terms.max_missed_denominator,
    terms.is_mean_over_population, terms.is_whole_percent, terms.link_within_s,
    coalesce(scopes.customer_scope, '') as customer_scope, policies.observed_as
from {{ ref('int_measured_as') }} as measured
inner join {{ ref('int_credit_months') }} as months
    on measured.measured_as = months.subscription_id and measured.month = months.month
inner join {{ ref('int_subscription_terms') }} as agreed
    on
        months.subscription_id = agreed.subscription_id
        and months.month >= agreed.valid_from
        and months.month < agreed.valid_until
inner join {{ source('inputs', 'terms') }} as terms on agreed.terms_id = terms.terms_id
inner join {{ source('inputs', 'availability_policies') }} as policies
    on terms.availability_policy_id = policies.availability_policy_id
left join {{ ref('int_availability_scopes') }} as scopes
    on
        terms.availability_policy_id = scopes.availability_policy_id
        and months.service_id = scopes.service_id
        and months.region = scopes.region
        and months.customer_id = scopes.customer_scope
where measured.subscription_id = measured.measured_as and terms.has_credits
