-- the counted tickets with an outcome, each at the severity of the promise's own clock (K3, Z6)
with promises as (
    select
        ticket_id, subscription_id, month, 'response' as promise, response_severity as severity,
        response_outcome as outcome, cast(null as decimal(18, 6)) as delay_pct
    from {{ ref('ticket_sla') }}
    where response_outcome is not null
    union all
    select
        ticket_id, subscription_id, month, 'updates' as promise, severity,
        update_outcome as outcome, cast(null as decimal(18, 6)) as delay_pct
    from {{ ref('ticket_sla') }}
    where update_outcome is not null
    union all
    select
        ticket_id, subscription_id, month, 'resolution' as promise, severity,
        resolution_outcome as outcome, delay_pct
    from {{ ref('ticket_sla') }}
    where resolution_outcome is not null
),

counted as (
    select
        subscriptions.contract_id, subscriptions.service_id, subscriptions.region, promises.month,
        promises.severity, promises.promise,
        cast(sum(case when promises.outcome = 'met' then 1 else 0 end) as bigint) as met,
        cast(sum(case when promises.outcome = 'missed' then 1 else 0 end) as bigint) as missed,
        cast(sum(case when promises.outcome = 'pending' then 1 else 0 end) as bigint) as pending,
        sum(
            case when promises.outcome = 'missed' then {{ millionths('promises.delay_pct') }} end
        ) as delay_millionths
    from promises
    inner join {{ ref('int_subscriptions') }} as subscriptions
        on promises.subscription_id = subscriptions.subscription_id
    group by
        subscriptions.contract_id, subscriptions.service_id, subscriptions.region, promises.month,
        promises.severity, promises.promise
),

-- the goal is of resolutions alone, by the contract's own terms
aimed as (
    select
        counted.*, counted.met + counted.missed as cases, months.goal_pct, months.goal_numerator,
        months.goal_denominator
    from counted
    left join {{ source('inputs', 'months') }} as months
        on
            counted.contract_id = months.contract_id
            and counted.month = months.month
            and counted.promise = 'resolution'
)

select
    contract_id, service_id, region, month, severity, promise, met, missed, pending,
    case when cases > 0 then {{ percentage('met', 'cases') }} end as met_pct,
    cast(goal_pct as decimal(18, 6)) as goal_pct,
    case when cases > 0 then met * goal_denominator >= goal_numerator * cases end as is_reached,
    case
        when promise = 'resolution' and missed > 0
            then {{ ratio('delay_millionths', '1000000 * missed') }}
    end as average_delay_pct
from aimed
