{{ config(materialized='view') }}

-- by the terms of the month's first day (T5, T6)
select
    subscriptions.subscription_id, subscriptions.customer_id, subscriptions.contract_id,
    subscriptions.service_id, subscriptions.region,
    subscriptions.product_category, subscriptions.lifecycle, subscriptions.as_of_day,
    months.month, months.last_day, months.start_s, months.end_s, months.is_final,
    terms.terms_id, terms.has_credits, terms.included_minutes
from {{ ref('int_subscriptions') }} as subscriptions
inner join {{ source('inputs', 'months') }} as months
    on subscriptions.contract_id = months.contract_id
inner join {{ ref('int_subscription_terms') }} as agreed
    on
        subscriptions.subscription_id = agreed.subscription_id
        and months.month >= agreed.valid_from
        and months.month < agreed.valid_until
inner join {{ source('inputs', 'terms') }} as terms on agreed.terms_id = terms.terms_id
where agreed.scenario_id = 0 and months.has_begun
