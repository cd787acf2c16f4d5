-- by each scenario
with shares as (
    select
        credit_rows.*, credits.scenario_id, credits.availability_credit, credits.resolution_credit,
        credits.combination, credits.combined_credit, credits.cap, credits.credit_scale,
        credits.is_minimum_raised, credits.terms_id as scenario_terms_id,
        credits.credit, credits.covered_seconds, credits.base_seconds,
        credits.up_seconds,
        coalesce(reasons.reasons, '') as reasons, claims.claim_status, claims.claim_deadline,
        claims.requested_on,
        {{ share_of_fee('credit_rows.fee_minor', 'credits.credit', 'credits.credit_scale') }}
            as share_minor,
        {{ share_of_fee('credit_rows.fee_minor', 'credits.cap', 'credits.credit_scale') }}
            as most_minor
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
),

amounts as (
    select
        shares.*, amounts.cap_minor, amounts.minimum_minor,
        {{ limited_amount(
            'shares.share_minor', 'shares.most_minor', 'amounts', 'shares.is_minimum_raised'
        ) }} as credit_minor
    from shares
    left join {{ source('inputs', 'credit_amounts') }} as amounts
        on shares.scenario_terms_id = amounts.terms_id and shares.currency = amounts.currency
)

select
    *,
    case
        when reasons = '' and claim_status in ('requested', 'automatic') then credit_minor else 0
    end as payable_minor
from amounts
