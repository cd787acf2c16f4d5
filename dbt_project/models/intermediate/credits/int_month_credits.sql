with shared as (
    select distinct subscription_id, month, scenario_id
    from {{ ref('int_shared_events') }}
),

-- each kind with all events and without the shared ones, never more without than with them
parts as (
    select
        scenarios.subscription_id, scenarios.month, scenarios.scenario_id, scenarios.cap_pct,
        shared.subscription_id is not null as is_shared,
        availability.covered_seconds, availability.base_seconds, availability.up_seconds,
        availability.credit_pct as availability_credit,
        availability_unshared.credit_pct as availability_unshared,
        coalesce(resolution.credit_pct, 0) as resolution_credit,
        least(coalesce(resolution_unshared.credit_pct, 0), coalesce(resolution.credit_pct, 0))
            as resolution_unshared
    from {{ ref('int_month_scenarios') }} as scenarios
    left join {{ ref('int_month_availability') }} as availability
        on
            scenarios.subscription_id = availability.subscription_id
            and scenarios.month = availability.month
            and scenarios.scenario_id = availability.scenario_id
            and availability.events = 'all'
    left join {{ ref('int_month_availability') }} as availability_unshared
        on
            scenarios.subscription_id = availability_unshared.subscription_id
            and scenarios.month = availability_unshared.month
            and scenarios.scenario_id = availability_unshared.scenario_id
            and availability_unshared.events = 'unshared'
    left join {{ ref('int_resolution_performance') }} as resolution
        on
            scenarios.subscription_id = resolution.subscription_id
            and scenarios.month = resolution.month
            and scenarios.scenario_id = resolution.scenario_id
            and resolution.events = 'all'
    left join {{ ref('int_resolution_performance') }} as resolution_unshared
        on
            scenarios.subscription_id = resolution_unshared.subscription_id
            and scenarios.month = resolution_unshared.month
            and scenarios.scenario_id = resolution_unshared.scenario_id
            and resolution_unshared.events = 'unshared'
    left join shared
        on
            scenarios.subscription_id = shared.subscription_id
            and scenarios.month = shared.month
            and scenarios.scenario_id = shared.scenario_id
),

combined as (
    {{ combined_and_capped('parts') }}
)

select *
from combined
