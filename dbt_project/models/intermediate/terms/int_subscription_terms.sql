-- the party's own where an amendment names it, else the contract's (T6)
select
    subscriptions.subscription_id, spans.scenario_id, spans.valid_from, spans.valid_until,
    spans.valid_from_s, spans.valid_until_s,
    spans.terms_id, true as is_own
from {{ ref('int_subscriptions') }} as subscriptions
inner join {{ source('inputs', 'term_spans') }} as spans
    on
        subscriptions.contract_id = spans.contract_id
        and subscriptions.subscription_id = spans.subscription_id
        and subscriptions.customer_id = spans.customer_id
union all
select
    subscriptions.subscription_id, spans.scenario_id, spans.valid_from, spans.valid_until,
    spans.valid_from_s, spans.valid_until_s,
    spans.terms_id, false as is_own
from {{ ref('int_subscriptions') }} as subscriptions
inner join {{ source('inputs', 'term_spans') }} as spans
    on subscriptions.contract_id = spans.contract_id
where
    spans.subscription_id is null
    and not exists (
        select 1
        from {{ source('inputs', 'term_spans') }} as own
        where
            own.contract_id = subscriptions.contract_id
            and own.subscription_id = subscriptions.subscription_id
            and own.customer_id = subscriptions.customer_id
    )
