-- rows that are set aside and that a credit lacks; it lacks those of its region's availability, too
with gaps as (
    select subscription_id, period_start as month, cast(count(*) as bigint) as incomplete_rows
    from {{ ref('int_evidence_gaps') }}
    where figure = 'credits'
    group by subscription_id, period_start
)

select
    stated.subscription_id, stated.customer_id, stated.contract_id, stated.party, stated.service_id,
    stated.region, stated.period_kind, stated.month, stated.last_day,
    stated.currency, stated.monthly_fee, stated.availability_pct, stated.availability_credit_pct,
    stated.resolution_credit_pct,
    stated.combined_pct, stated.combination, stated.credit_pct, stated.share_amount,
    stated.credit_amount,
    stated.reasons, stated.claim_status,
    stated.claim_deadline, stated.requested_on, stated.payable_amount,
    coalesce(availability.low_coverage, true) as low_coverage,
    statements.statement_version,
    case when stated.is_final then 'final' else 'provisional' end as status,
    -- what the amount amounts to, by reasons and claim
    case
        when stated.credit_amount = 0 then 'none'
        when stated.reasons <> '' then 'not_eligible'
        when stated.claim_status in ('requested', 'automatic') then 'payable'
        when stated.claim_status = 'claimable' then 'claimable'
        when stated.claim_status = 'accruing' then 'at_stake'
        else 'lapsed'
    end as exposure,
    case
        when stated.claim_status = 'claimable'
            then cast(
                {{ days_between('contracts.as_of_day', 'stated.claim_deadline') }} as bigint
            )
    end as days_left,
    coalesce(gaps.incomplete_rows, 0) + coalesce(availability.incomplete_rows, 0) > 0
        as is_incomplete,
    coalesce(gaps.incomplete_rows, 0) + coalesce(availability.incomplete_rows, 0)
        as incomplete_rows
from {{ ref('int_stated') }} as stated
left join gaps on stated.subscription_id = gaps.subscription_id and stated.month = gaps.month
left join {{ ref('availability') }} as availability
    on
        stated.contract_id = availability.contract_id
        and stated.service_id = availability.service_id
        and stated.region = availability.region
        and stated.month = availability.period_start
left join {{ ref('credit_statements') }} as statements
    on
        stated.subscription_id = statements.subscription_id
        and stated.month = statements.month
        and coalesce(stated.currency, '') = coalesce(statements.currency, '')
        and statements.is_current
inner join {{ source('inputs', 'contracts') }} as contracts
    on stated.contract_id = contracts.contract_id
