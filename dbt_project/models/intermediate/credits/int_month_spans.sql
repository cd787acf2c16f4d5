with touched as (
    select
        months.subscription_id, months.month, months.has_credits, months.service_hours_calendar,
        spans.support_plan, spans.kind,
        spans.status,
        spans.valid_from, spans.valid_until,
        greatest(spans.start_s, months.start_s) as start_s,
        least(spans.end_s, months.end_s) as end_s,
        plans.value is not null as has_plan,
        spans._delivery_id, spans._line
    from {{ ref('int_subscription_periods') }} as months
    inner join {{ ref('int_spans') }} as spans
        on
            months.subscription_id = spans.subscription_id
            and spans.start_s < months.end_s
            and spans.end_s > months.start_s
    left join {{ source('inputs', 'term_lists') }} as plans
        on
            months.terms_id = plans.terms_id
            and plans.policy_key = 'credits.support_plans'
            and plans.value = spans.support_plan
)

select *, kind = 'paid' and status = 'active' and has_plan as is_covered
from touched
