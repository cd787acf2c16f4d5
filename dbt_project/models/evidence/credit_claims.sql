-- requests that have been made by as_of; the earliest is the one that counts (C5)
select
    requests.subscription_id, claims.month, requests.month as requested_month,
    requests.request_id, requests.requested_on,
    requests.requested_on = claims.requested_on as is_earliest,
    deliveries.path as file, requests._line as line
from {{ ref('stg_credit_requests') }} as requests
inner join {{ ref('int_claims') }} as claims
    on
        requests.subscription_id = claims.subscription_id
        and requests.month >= claims.month
        and requests.month <= claims.last_day
{{ delivery_of('requests') }}
where requests.requested_on <= claims.as_of_day
