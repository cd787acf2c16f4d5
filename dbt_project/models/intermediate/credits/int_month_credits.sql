{%- set parts = {'a': 'int_month_availability', 'r': 'int_resolution_performance'} -%}

with shared as (
    select distinct subscription_id, month, scenario_id
    from {{ ref('int_shared_events') }}
),

-- each kind with all events and without the shared ones, never more without than with them
credited as (
    select
        scenarios.subscription_id, scenarios.month, scenarios.scenario_id, scenarios.cap_pct,
        shared.subscription_id is not null as is_shared,
        a_all.covered_seconds, a_all.base_seconds, a_all.up_seconds,
        a_all.credit_pct as availability_credit, a_unshared.credit_pct as availability_unshared,
        coalesce(r_all.credit_pct, 0) as resolution_credit,
        least(coalesce(r_unshared.credit_pct, 0), coalesce(r_all.credit_pct, 0)) as resolution_unshared
    from {{ ref('int_month_scenarios') }} as scenarios
    {%- for alias, model in parts.items() %}
    {%- for events in ['all', 'unshared'] %}
    left join {{ ref(model) }} as {{ alias }}_{{ events }}
        on
            scenarios.subscription_id = {{ alias }}_{{ events }}.subscription_id
            and scenarios.month = {{ alias }}_{{ events }}.month
            and scenarios.scenario_id = {{ alias }}_{{ events }}.scenario_id
            and {{ alias }}_{{ events }}.events = '{{ events }}'
    {%- endfor %}
    {%- endfor %}
    left join shared
        on
            scenarios.subscription_id = shared.subscription_id
            and scenarios.month = shared.month
            and scenarios.scenario_id = shared.scenario_id
),

-- not both for the same event: the better of the two, the first on a tie (C3)
combined as (
    select
        *,
        case
            when not is_shared then 'sum'
            when availability_credit + resolution_unshared >= availability_unshared + resolution_credit then 'availability_first'
            else 'resolution_first'
        end as combination,
        case
            when not is_shared then availability_credit + resolution_credit
            else greatest(availability_credit + resolution_unshared, availability_unshared + resolution_credit)
        end as combined_credit
    from credited
)

select *, least(combined_credit, cap_pct) as credit
from combined
