with known as (
    select
        spans.subscription_id, subscriptions.contract_id, spans.support_plan, spans.kind,
        spans.status, spans.valid_from,
        -- a span ends at the latest where the next one begins (E1)
        least(
            coalesce(
                {{ plus_days("least(spans.valid_to, cast('9999-12-30' as date))", 1) }},
                cast('9999-12-31' as date)
            ),
            coalesce(
                lead(spans.valid_from) over (
                    partition by spans.subscription_id order by spans.valid_from
                ),
                cast('9999-12-31' as date)
            )
        ) as valid_until,
        spans._delivery_id, spans._line
    from {{ ref('stg_subscriptions') }} as spans
    inner join {{ ref('int_subscriptions') }} as subscriptions
        on spans.subscription_id = subscriptions.subscription_id
    -- what begins later is not there yet (T3)
    where spans.valid_from <= subscriptions.as_of_day
)

-- as instants, inside the days that any figure can be about
select
    known.*, first_days.start_s, last_days.start_s as end_s
from known
inner join {{ source('inputs', 'contracts') }} as contracts
    on known.contract_id = contracts.contract_id
inner join {{ source('inputs', 'local_days') }} as first_days
    on
        known.contract_id = first_days.contract_id
        and first_days.local_day
        = greatest(contracts.first_day, least(contracts.last_day, known.valid_from))
inner join {{ source('inputs', 'local_days') }} as last_days
    on
        known.contract_id = last_days.contract_id
        and last_days.local_day
        = greatest(contracts.first_day, least(contracts.last_day, known.valid_until))
