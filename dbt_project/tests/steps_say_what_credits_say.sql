-- the proof of a credit has the figures of the credit, and there is one for each
select credits.subscription_id, credits.month
from {{ ref('credits') }} as credits
left join {{ ref('credit_steps') }} as steps
    on credits.subscription_id = steps.subscription_id and credits.month = steps.month
where
    steps.subscription_id is null
    or credits.credit_pct <> steps.credit_pct
    or credits.combination <> steps.combination
    or credits.combined_pct <> steps.combined_pct
    or credits.availability_pct is distinct from steps.availability_pct
