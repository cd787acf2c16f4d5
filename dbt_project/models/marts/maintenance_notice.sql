-- by the contract as it is, on the local date on which the work began (T5)
with promised as (
    select exclusions.*, spans.contract_id, policies.maintenance_id
    from {{ ref('stg_exclusions') }} as exclusions
    inner join {{ source('inputs', 'term_spans') }} as spans
        on
            exclusions.starts_at_s >= spans.valid_from_s
            and exclusions.starts_at_s < spans.valid_until_s
    inner join {{ source('inputs', 'terms') }} as terms on spans.terms_id = terms.terms_id
    inner join {{ source('inputs', 'availability_policy_maintenance') }} as policies
        on
            terms.availability_policy_id = policies.availability_policy_id
            and exclusions.starts_at_s >= policies.valid_from_s
            and exclusions.starts_at_s < policies.valid_until_s
    where spans.scenario_id = 0 and spans.subscription_id is null
)

select
    notice.exclusion_id, promised.contract_id, notice.kind, notice.notice_seconds,
    notice.notice_required_seconds,
    notice.is_met as notice_met, notice.length_seconds, notice.is_over_length as over_length,
    notice.business_hours_seconds,
    -- a component is of one service and region
    coalesce(promised.service_id, scope.service_id) as service_id,
    coalesce(promised.region, scope.region) as region,
    promised.component_id, promised.customer_id, promised.change_type,
    {{ instant('promised.starts_at_s') }} as starts_at,
    {{ instant('promised.ends_at_s') }} as ends_at,
    {{ instant('promised.announced_at_s') }} as announced_at
from promised
inner join {{ ref('int_maintenance_notice') }} as notice
    on
        promised.exclusion_id = notice.exclusion_id
        and promised.maintenance_id = notice.maintenance_id
left join {{ ref('stg_components') }} as scope on promised.component_id = scope.component_id
where exists (
    select 1
    from {{ ref('int_components') }} as components
    where
        promised.contract_id = components.contract_id
        and (promised.service_id is null or promised.service_id = components.service_id)
        and (promised.region is null or promised.region = components.region)
        and (promised.component_id is null or promised.component_id = components.component_id)
)
