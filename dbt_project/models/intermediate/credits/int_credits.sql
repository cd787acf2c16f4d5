-- by each scenario
with amounts as (
    select
        credit_rows.*, credits.scenario_id, credits.availability_credit, credits.resolution_credit,
        credits.combination, credits.combined_credit,
        credits.cap_pct, credits.credit, credits.covered_seconds, credits.base_seconds,
        credits.up_seconds,
        coalesce(reasons.reasons, '') as reasons, claims.claim_status, claims.claim_deadline,
        claims.requested_on,
        {{ share_of_fee('credit_rows.fee_minor', 'credits.credit') }} as credit_minor
    from {{ ref('int_credit_rows') }} as credit_rows
    inner join {{ ref('int_month_credits') }} as credits
        on
            credit_rows.subscription_id = credits.subscription_id
            and credit_rows.month = credits.month
    inner join {{ ref('int_claims') }} as claims
        on credit_rows.subscription_id = claims.subscription_id and credit_rows.month = claims.month
    left join {{ ref('int_reasons') }} as reasons
        on
            credit_rows.subscription_id = reasons.subscription_id
            and credit_rows.month = reasons.month
            and coalesce(credit_rows.currency, '') = reasons.currency
)

select
    *,
    case when reasons = '' and claim_status = 'requested' then credit_minor else 0 end
        as payable_minor
from amounts
