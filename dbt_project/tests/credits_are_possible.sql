-- no credit above the cap or the sum of both kinds or below nothing, no amount but that share of
-- the fee, nothing payable beyond the credit or
-- where there are reasons (C3, C4, C5); exactly, by what was worked out, not by what is shown; by
-- every scenario
select subscription_id, month, currency, scenario_id
from {{ ref('int_credits') }}
where
    credit < 0
    or credit > combined_credit
    or credit > cap
    or combined_credit > availability_credit + resolution_credit
    or credit_minor < 0
    -- rounded to the minor unit: at most half of one beside the share
    or abs(
        2 * {{ wide('share_minor') }} * 100000000000 * credit_scale
        - 2 * {{ wide('greatest(fee_minor, 0)') }} * credit
    ) > {{ wide('100000000000') }} * credit_scale
    -- the amounts of the currency
    or credit_minor > cap_minor
    or (minimum_minor is null and credit_minor > share_minor)
    or (
        minimum_minor is not null
        and credit_minor > 0
        and credit_minor < least(minimum_minor, most_minor, coalesce(cap_minor, minimum_minor))
    )
    or payable_minor not in (0, credit_minor)
    or (payable_minor > 0 and (reasons <> '' or claim_status not in ('requested', 'automatic')))
