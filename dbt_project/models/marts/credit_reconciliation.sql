-- what is ours to claim is in own_claims (C8)
with issued as (
    select
        subscription_id, month, currency, terms_id, cap_pct,
        cast(-sum(amount_minor) as bigint) as issued_minor,
        max(case when is_early then 1 else 0 end) = 1 as is_early
    from {{ ref('int_issued_lines') }}
    where party = 'provider'
    group by subscription_id, month, currency, terms_id, cap_pct
),

-- payable once the period is over and, where it has to be requested, it was (C5)
due as (
    select
        credits.subscription_id, credits.month, credits.currency, credits.payable_minor,
        claims.as_of_day,
        case
            when claims.claim_status = 'requested' and claims.requested_on > claims.last_day
                then claims.requested_on
            else {{ plus_days('claims.last_day', 1) }}
        end as due_since
    from {{ ref('int_credits') }} as credits
    inner join {{ ref('int_claims') }} as claims
        on credits.subscription_id = claims.subscription_id and credits.month = claims.month
    where
        credits.party = 'provider'
        and credits.scenario_id = 0
        and credits.currency is not null
        and credits.payable_minor <> 0
),

settled as (
    select
        coalesce(due.subscription_id, issued.subscription_id) as subscription_id,
        coalesce(due.month, issued.month) as month,
        coalesce(due.currency, issued.currency) as currency,
        issued.terms_id, issued.cap_pct, due.due_since, due.as_of_day,
        coalesce(due.payable_minor, 0) as due_minor,
        coalesce(issued.issued_minor, 0) as issued_minor,
        coalesce(issued.is_early, false) as is_early
    from due
    full outer join issued
        on
            due.subscription_id = issued.subscription_id
            and due.month = issued.month
            and due.currency = issued.currency
),

capped as (
    select
        settled.*, currencies.minor_digits,
        -- where no credits are promised, every credit is above the cap
        least(
            {{ share_of_fee('fees.fee_minor', billionths('coalesce(settled.cap_pct, 0)'), 1) }},
            coalesce(amounts.cap_minor, {{ most_minor() }})
        ) as cap_minor
    from settled
    inner join {{ source('inputs', 'currencies') }} as currencies
        on settled.currency = currencies.currency
    left join {{ source('inputs', 'credit_amounts') }} as amounts
        on settled.terms_id = amounts.terms_id and settled.currency = amounts.currency
    left join {{ ref('int_month_fees') }} as fees
        on
            settled.subscription_id = fees.subscription_id
            and settled.month = fees.month
            and settled.currency = fees.currency
)

select
    subscription_id, month, currency,
    {{ money('due_minor', 'minor_digits') }} as due_amount,
    {{ money('issued_minor', 'minor_digits') }} as issued_amount,
    {{ money('due_minor - issued_minor', 'minor_digits') }} as difference,
    concat_ws(
        ',',
        case when issued_minor > cap_minor then 'above_cap' end,
        case when issued_minor > 0 and due_minor = 0 then 'not_due' end,
        case when is_early then 'not_future' end
    ) as flags,
    due_since,
    cast({{ days_between('due_since', 'as_of_day') }} as bigint) as days_due
from capped
