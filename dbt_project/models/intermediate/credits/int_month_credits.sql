with measured as (
    select
        figures.subscription_id as measured_as, figures.month, figures.scenario_id,
        scenarios.terms_id, scenarios.cap_pct, scenarios.is_minimum_raised,
        figures.covered_seconds, figures.base_seconds, figures.up_seconds,
        figures.credit_scale, figures.credit
    from {{ ref('int_month_availability') }} as figures
    inner join {{ ref('int_month_scenarios') }} as scenarios
        on
            figures.subscription_id = scenarios.subscription_id
            and figures.month = scenarios.month
            and figures.scenario_id = scenarios.scenario_id
    where figures.events = 'all'
),

late as (
    select distinct subscription_id, month
    from {{ ref('int_resolution_performance') }}
    where credit_pct > 0
),

-- the contract as it is, and each other scenario by which something else could be owed
judged as (
    select subscription_id, month, measured_as, cast(0 as bigint) as scenario_id
    from {{ ref('int_measured_as') }}
    union
    select alike.subscription_id, alike.month, alike.measured_as, others.scenario_id
    from {{ ref('int_measured_as') }} as alike
    inner join measured as own
        on
            alike.measured_as = own.measured_as
            and alike.month = own.month
            and own.scenario_id = 0
    inner join measured as others
        on
            alike.measured_as = others.measured_as
            and alike.month = others.month
            and (
                others.credit <> own.credit
                or others.credit_scale <> own.credit_scale
                or others.cap_pct <> own.cap_pct
            )
    union
    select alike.subscription_id, alike.month, alike.measured_as, measured.scenario_id
    from {{ ref('int_measured_as') }} as alike
    inner join late
        on alike.subscription_id = late.subscription_id and alike.month = late.month
    inner join measured
        on alike.measured_as = measured.measured_as and alike.month = measured.month
),

shared as (
    select distinct subscription_id, month, scenario_id
    from {{ ref('int_shared_events') }}
),

-- each kind with all events and without the shared ones, never more without than with them
parts as (
    select
        judged.subscription_id, judged.month, judged.scenario_id, judged.measured_as,
        measured.terms_id, measured.cap_pct, measured.is_minimum_raised, measured.credit_scale,
        {{ credit_parts('measured.cap_pct', 'measured.credit_scale') }} as cap,
        shared.subscription_id is not null as is_shared,
        measured.covered_seconds, measured.base_seconds, measured.up_seconds,
        measured.credit as availability_credit,
        coalesce(unshared.credit, measured.credit) as availability_unshared,
        coalesce(unshared.shared_seconds, 0) as shared_seconds,
        {{ credit_parts('coalesce(resolution.credit_pct, 0)', 'measured.credit_scale') }}
            as resolution_credit,
        {{ credit_parts(
            'least(coalesce(resolution_unshared.credit_pct, 0), '
            ~ 'coalesce(resolution.credit_pct, 0))',
            'measured.credit_scale'
        ) }} as resolution_unshared
    from judged
    inner join measured
        on
            judged.measured_as = measured.measured_as
            and judged.month = measured.month
            and judged.scenario_id = measured.scenario_id
    left join {{ ref('int_month_availability') }} as unshared
        on
            judged.subscription_id = unshared.subscription_id
            and judged.month = unshared.month
            and judged.scenario_id = unshared.scenario_id
            and unshared.events = 'unshared'
    left join {{ ref('int_resolution_performance') }} as resolution
        on
            judged.subscription_id = resolution.subscription_id
            and judged.month = resolution.month
            and judged.scenario_id = resolution.scenario_id
            and resolution.events = 'all'
    left join {{ ref('int_resolution_performance') }} as resolution_unshared
        on
            judged.subscription_id = resolution_unshared.subscription_id
            and judged.month = resolution_unshared.month
            and judged.scenario_id = resolution_unshared.scenario_id
            and resolution_unshared.events = 'unshared'
    left join shared
        on
            judged.subscription_id = shared.subscription_id
            and judged.month = shared.month
            and judged.scenario_id = shared.scenario_id
),

combined as (
    {{ combined_and_capped('parts') }}
)

select *
from combined
