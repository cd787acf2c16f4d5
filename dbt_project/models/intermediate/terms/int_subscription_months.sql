{{ config(materialized='view') }}

-- calendar months, each by the terms of its first day (T5, T6)
select
    subscriptions.subscription_id, subscriptions.as_of_day, months.month, months.last_day,
    months.start_s, months.end_s, terms.terms_id, terms.included_minutes
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
