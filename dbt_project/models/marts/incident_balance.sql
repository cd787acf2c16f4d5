-- what each incident costs: what we owe for it, and what the providers behind it owe us (C9)
with shares as (
    select
        attribution.incident_id, attribution.currency, attribution.amount,
        case
            when attribution.party = 'provider' then 'owed'
            when claims.exposure in ('not_eligible', 'lapsed') then 'lost'
            else 'claimable'
        end as side
    from {{ ref('int_attribution') }} as attribution
    left join {{ ref('own_claims') }} as claims
        on
            attribution.subscription_id = claims.subscription_id
            and attribution.month = claims.month
            and attribution.currency = claims.currency
),

added as (
    select
        incident_id, currency,
        sum(case when side = 'owed' then amount else 0 end) as owed,
        sum(case when side = 'claimable' then amount else 0 end) as claimable,
        sum(case when side = 'lost' then amount else 0 end) as lost
    from shares
    group by incident_id, currency
)

select
    incident_id, currency,
    cast(owed as decimal(18, 3)) as owed_amount,
    cast(claimable as decimal(18, 3)) as claimable_amount,
    cast(lost as decimal(18, 3)) as lost_amount,
    cast(owed - claimable as decimal(18, 3)) as net_amount
from added
