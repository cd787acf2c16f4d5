with requests as (
    select requests.subscription_id, requests.month, min(requests.requested_on) as requested_on
    from {{ ref('stg_credit_requests') }} as requests
    inner join {{ ref('int_subscriptions') }} as subscriptions
        on requests.subscription_id = subscriptions.subscription_id
    where requests.requested_on <= subscriptions.as_of_day
    group by requests.subscription_id, requests.month
),

dated as (
    select
        months.subscription_id, months.month, months.customer_id, months.is_final, months.as_of_day,
        requests.requested_on,
        {{ plus_days('months.last_day', 'terms.claim_days') }} as claim_deadline
    from {{ ref('int_credit_months') }} as months
    inner join {{ source('inputs', 'terms') }} as terms on months.terms_id = terms.terms_id
    left join requests
        on months.subscription_id = requests.subscription_id and months.month = requests.month
)

select
    subscription_id, month, customer_id, as_of_day, claim_deadline, requested_on,
    case
        when not is_final then 'accruing'
        when requested_on <= claim_deadline then 'requested'
        when requested_on > claim_deadline then 'late'
        when as_of_day <= claim_deadline then 'claimable'
        else 'waived'
    end as claim_status,
    -- the day on which the customer has to be current (E2)
    coalesce(requested_on, least(as_of_day, claim_deadline)) as current_on
from dated
