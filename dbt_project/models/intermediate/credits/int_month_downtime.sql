-- what each way of measuring sees; scenarios that measure alike share it
with measured as (
    select distinct
        subscription_id, month, availability_policy_id, customer_scope, service_id, region, start_s,
        end_s
    from {{ ref('int_month_scenarios') }}
),

pieces as (
    select
        measured.subscription_id, measured.month, measured.availability_policy_id,
        measured.service_id, measured.region, measured.customer_scope,
        downtime.start_s, downtime.end_s, covered.service_hours_calendar,
        greatest(downtime.start_s, covered.start_s) as from_s,
        least(downtime.end_s, covered.end_s) as until_s
    from measured
    inner join {{ ref('int_downtime') }} as downtime
        on
            measured.availability_policy_id = downtime.availability_policy_id
            and measured.customer_scope = downtime.customer_scope
            and measured.service_id = downtime.service_id
            and measured.region = downtime.region
            and measured.start_s < downtime.end_s
            and measured.end_s > downtime.start_s
    inner join {{ ref('int_covered') }} as covered
        on
            measured.subscription_id = covered.subscription_id
            and measured.month = covered.month
            and covered.start_s < downtime.end_s
            and covered.end_s > downtime.start_s
),

taken as (
    select
        pieces.subscription_id, pieces.month, pieces.availability_policy_id, pieces.service_id,
        pieces.region, pieces.customer_scope, pieces.start_s, pieces.end_s,
        cast(
            sum({{ clock_seconds(
                'pieces.service_hours_calendar', 'first_part', 'pieces.from_s', 'last_part',
                'pieces.until_s'
            ) }}) as bigint
        ) as seconds
    from pieces
    {{ clock_part('pieces.service_hours_calendar', 'first_part', 'pieces.from_s') }}
    {{ clock_part('pieces.service_hours_calendar', 'last_part', 'pieces.until_s') }}
    group by
        pieces.subscription_id, pieces.month, pieces.availability_policy_id, pieces.service_id,
        pieces.region, pieces.customer_scope, pieces.start_s, pieces.end_s
)

-- the intervals that take from covered time, uncut, and the seconds that they take, in service
-- hours (A3, A5)
select *
from taken
where seconds > 0
