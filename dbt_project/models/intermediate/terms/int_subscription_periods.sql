{{ config(materialized='view') }}

-- the periods for which credits are given, each by the terms of its first day (T5, T6)
select
    subscriptions.subscription_id, subscriptions.customer_id, subscriptions.contract_id,
    subscriptions.service_id, subscriptions.region,
    subscriptions.product_category, subscriptions.lifecycle, subscriptions.as_of_day,
    periods.period_kind, periods.month, periods.last_day, periods.start_s, periods.end_s,
    periods.is_final,
    terms.terms_id, terms.has_credits, terms.service_hours_calendar
from {{ ref('int_subscriptions') }} as subscriptions
inner join {{ source('inputs', 'credit_periods') }} as periods
    on subscriptions.contract_id = periods.contract_id
inner join {{ ref('int_subscription_terms') }} as agreed
    on
        subscriptions.subscription_id = agreed.subscription_id
        and periods.month >= agreed.valid_from
        and periods.month < agreed.valid_until
inner join {{ source('inputs', 'terms') }} as terms on agreed.terms_id = terms.terms_id
where agreed.scenario_id = 0 and periods.has_begun
