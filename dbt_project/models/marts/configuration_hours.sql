with included as (
    select
        months.subscription_id, months.month, months.as_of_day, months.last_day,
        months.included_minutes,
        exists(
            select 1
            from {{ ref('int_spans') }} as spans
            inner join {{ source('inputs', 'term_lists') }} as plans
                on spans.support_plan = plans.value and plans.policy_key = 'credits.support_plans'
            where
                spans.subscription_id = months.subscription_id
                and spans.kind = 'paid'
                and spans.status = 'active'
                and plans.terms_id = months.terms_id
                and greatest(spans.start_s, months.start_s) < least(spans.end_s, months.end_s)
        ) as is_covered
    from {{ ref('int_subscription_months') }} as months
    where months.included_minutes is not null
),

used as (
    select included.subscription_id, included.month, cast(sum(hours.minutes) as bigint) as minutes
    from included
    inner join {{ ref('stg_support_hours') }} as hours
        on
            included.subscription_id = hours.subscription_id
            and hours.worked_on >= included.month
            and hours.worked_on <= included.last_day
            and hours.worked_on <= included.as_of_day
    group by included.subscription_id, included.month
),

counted as (
    select
        included.subscription_id, included.month,
        case when included.is_covered then included.included_minutes else 0 end as included_minutes,
        coalesce(used.minutes, 0) as used_minutes
    from included
    left join used
        on included.subscription_id = used.subscription_id and included.month = used.month
    where included.is_covered or used.minutes > 0
)

select
    subscription_id, month, included_minutes, used_minutes,
    greatest(0, included_minutes - used_minutes) as remaining_minutes,
    greatest(0, used_minutes - included_minutes) as over_minutes
from counted
