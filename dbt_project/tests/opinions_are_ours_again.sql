-- what variants are made of gives our own figures where nothing is changed: only then does a change
-- explain anything (K2-K7)
select
    opinions.ticket_id, opinions.promise, opinions.elapsed_s, opinions.target_s, opinions.outcome,
    variants.elapsed_s as elapsed_again_s, variants.target_s as target_again_s,
    variants.outcome as outcome_again
from {{ ref('int_opinions') }} as opinions
left join {{ ref('int_opinion_outcomes') }} as variants
    on
        opinions.ticket_id = variants.ticket_id
        and opinions.promise = variants.promise
        and variants.variant = 'as_ours'
where
    opinions.status = 'counted'
    and (
        variants.variant is null
        or (opinions.target_s is not null and opinions.elapsed_s <> variants.elapsed_s)
        or opinions.target_s is distinct from variants.target_s
        or opinions.outcome is distinct from variants.outcome
    )
