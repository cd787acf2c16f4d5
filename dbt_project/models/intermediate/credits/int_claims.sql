with requests as (
    select months.subscription_id, months.month, min(requests.requested_on) as requested_on
    from {{ ref('int_credit_months') }} as months
    -- for any month of the period (T5)
    inner join {{ ref('stg_credit_requests') }} as requests
        on
            months.subscription_id = requests.subscription_id
            and requests.month >= months.month
            and requests.month <= months.last_day
    where requests.requested_on <= months.as_of_day
    group by months.subscription_id, months.month
),

dated as (
    select
        months.subscription_id, months.month, months.customer_id, months.is_final, months.as_of_day,
        months.last_day, requests.requested_on, terms.is_claim_required,
        case
            when terms.is_claim_required
                then {{ plus_days(
                    last_of_month(plus_months('months.last_day', 'terms.claim_months')),
                    'terms.claim_days'
                ) }}
        end as claim_deadline
    from {{ ref('int_credit_months') }} as months
    inner join {{ source('inputs', 'terms') }} as terms on months.terms_id = terms.terms_id
    left join requests
        on months.subscription_id = requests.subscription_id and months.month = requests.month
)

select
    subscription_id, month, last_day, customer_id, as_of_day, claim_deadline, requested_on,
    case
        when not is_final then 'accruing'
        when not is_claim_required then 'automatic'
        when requested_on <= claim_deadline then 'requested'
        when requested_on > claim_deadline then 'late'
        when as_of_day <= claim_deadline then 'claimable'
        else 'waived'
    end as claim_status,
    -- the day on which the customer has to be current (E2)
    case
        when not is_claim_required then least(as_of_day, {{ plus_days('last_day', 1) }})
        else coalesce(requested_on, least(as_of_day, claim_deadline))
    end as current_on
from dated
