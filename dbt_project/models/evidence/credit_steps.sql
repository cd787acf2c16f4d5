{%- set parts = {'available': 'int_month_availability', 'resolved': 'int_resolution_performance'} -%}

select
    scenarios.subscription_id, scenarios.month, scenarios.contract_id, terms.contract_version, scenarios.terms_id, scenarios.availability_policy_id,
    scenarios.customer_scope,
    available_all.total_seconds, available_all.covered_seconds, available_all.excluded_seconds, available_all.base_seconds,
    available_all.downtime_seconds, available_all.up_seconds,
    case
        when available_all.covered_seconds > 0 and available_all.base_seconds > 0
            then {{ percentage('available_all.up_seconds', 'available_all.base_seconds') }}
    end as availability_pct,
    cast(available_all.commitment_pct as decimal(18, 6)) as commitment_pct,
    available_all.is_below_commitment,
    -- the first tier reaches up to the commitment, unless one document sets both (C1)
    cast(
        case
            when below.tier = 1 and scenarios.is_commitment_first_bound then greatest(below.below_pct, available_all.commitment_pct)
            else below.below_pct
        end as decimal(18, 6)
    ) as availability_tier_below_pct,
    cast(available_all.credit_pct as decimal(18, 6)) as availability_credit_pct,
    available_all.shared_seconds,
    cast(available_unshared.credit_pct as decimal(18, 6)) as availability_credit_unshared_pct,
    coalesce(resolved_all.incidents, 0) as incidents,
    coalesce(resolved_all.missed, 0) as missed,
    case when resolved_all.incidents > 0 then {{ percentage('resolved_all.missed', 'resolved_all.incidents') }} end as missed_pct,
    coalesce(resolved_all.is_triggered, false) as is_triggered,
    case
        when resolved_all.missed > 0 then {{ percentage(wide('resolved_all.delay_parts'), 'resolved_all.whole_parts') }}
    end as average_delay_pct,
    resolved_all.tier as resolution_tier,
    cast(late.up_to_pct as decimal(18, 6)) as resolution_tier_up_to_pct,
    cast(credits.resolution_credit as decimal(18, 6)) as resolution_credit_pct,
    coalesce(resolved_unshared.incidents, 0) as incidents_unshared,
    coalesce(resolved_unshared.missed, 0) as missed_unshared,
    cast(credits.resolution_unshared as decimal(18, 6)) as resolution_credit_unshared_pct,
    credits.is_shared,
    cast(credits.availability_credit + credits.resolution_unshared as decimal(18, 6)) as availability_first_pct,
    cast(credits.availability_unshared + credits.resolution_credit as decimal(18, 6)) as resolution_first_pct,
    credits.combination,
    cast(credits.combined_credit as decimal(18, 6)) as combined_pct,
    cast(scenarios.cap_pct as decimal(18, 6)) as cap_pct,
    cast(credits.credit as decimal(18, 6)) as credit_pct,
    claims.current_on
from {{ ref('int_month_scenarios') }} as scenarios
inner join {{ source('inputs', 'terms') }} as terms on scenarios.terms_id = terms.terms_id
inner join {{ ref('int_month_credits') }} as credits
    on scenarios.subscription_id = credits.subscription_id and scenarios.month = credits.month and credits.scenario_id = 0
inner join {{ ref('int_claims') }} as claims on scenarios.subscription_id = claims.subscription_id and scenarios.month = claims.month
{%- for alias, model in parts.items() %}
{%- for events in ['all', 'unshared'] %}
left join {{ ref(model) }} as {{ alias }}_{{ events }}
    on
        scenarios.subscription_id = {{ alias }}_{{ events }}.subscription_id
        and scenarios.month = {{ alias }}_{{ events }}.month
        and {{ alias }}_{{ events }}.scenario_id = 0
        and {{ alias }}_{{ events }}.events = '{{ events }}'
{%- endfor %}
{%- endfor %}
left join {{ source('inputs', 'availability_tiers') }} as below
    on scenarios.terms_id = below.terms_id and available_all.tier = below.tier
left join {{ source('inputs', 'resolution_tiers') }} as late
    on scenarios.terms_id = late.terms_id and resolved_all.tier = late.tier
where
    scenarios.scenario_id = 0
    and exists (
        select 1
        from {{ ref('int_credit_rows') }} as credit_rows
        where credit_rows.subscription_id = scenarios.subscription_id and credit_rows.month = scenarios.month
    )
