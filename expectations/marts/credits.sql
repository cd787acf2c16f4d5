-- a row per credit: its amounts, beside what they may be at most and what they are made of
with attributed as (
    select
        subscription_id, month, currency,
        sum(case when cause = 'downtime' then amount else 0 end) as downtime,
        sum(case when cause = 'downtime' then 0 else amount end) as late_resolution
    from marts.credit_attribution
    group by subscription_id, month, currency
),

prorated as (
    select subscription_id, month, currency, sum(month_amount) as fee
    from marts.credit_fee_lines
    group by subscription_id, month, currency
),

-- the cap in billionths of a per cent, the minor unit of the currency in thousandths
capped as (
    select
        credits.*,
        cast(cast(terms.cap_pct as decimal(38, 9)) * 1000000000 as hugeint) as cap,
        cast(power(10, 3 - coalesce(currencies.minor_digits, 3)) as hugeint) as unit,
        cast(greatest(0, milli(credits.monthly_fee)) as hugeint) as fee
    from marts.credits as credits
    left join marts.credit_steps as steps
        on credits.subscription_id = steps.subscription_id and credits.month = steps.month
    left join work.inputs.terms as terms on steps.terms_id = terms.terms_id
    left join work.inputs.currencies as currencies on credits.currency = currencies.currency
),

-- the fee times the cap, rounded half up to the minor unit (C4)
bounded as (
    select
        *,
        coalesce((2 * (fee // unit) * cap + 100000000000) // 200000000000 * unit, 0) as most,
        reasons = '' and claim_status in ('requested', 'automatic') as is_payable
    from capped
)

select
    bounded.subscription_id,
    strftime(bounded.month, '%Y-%m') as month,
    coalesce(bounded.currency, '') as currency,
    milli(bounded.monthly_fee) as fee_milli,
    milli(coalesce(prorated.fee, 0)) as prorated_milli,
    milli(bounded.credit_amount) as credit_milli,
    cast(bounded.most as bigint) as most_milli,
    -- these add up to nothing
    milli(coalesce(attributed.downtime, 0)) as downtime_milli,
    milli(coalesce(attributed.late_resolution, 0)) as late_resolution_milli,
    -milli(bounded.credit_amount) as less_credit_milli,
    milli(bounded.payable_amount) as payable_milli,
    milli(case when bounded.is_payable then bounded.credit_amount else 0 end) as most_payable_milli,
    -- why nothing is payable, where nothing is
    case
        when bounded.payable_amount <> 0 then 'payable'
        when not bounded.is_payable then coalesce(nullif(bounded.reasons, ''), bounded.claim_status)
        when bounded.credit_amount = 0 then 'no credit'
    end as reason
from bounded
left join attributed
    on
        bounded.subscription_id = attributed.subscription_id
        and bounded.month = attributed.month
        and bounded.currency = attributed.currency
left join prorated
    on
        bounded.subscription_id = prorated.subscription_id
        and bounded.month = prorated.month
        and bounded.currency = prorated.currency
