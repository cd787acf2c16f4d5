-- by the terms that judge each period (T5); one of a customer acts in that customer's figures alone
-- (A5)
with acting as (
    select
        periods.contract_id, periods.period_start, exclusions.exclusion_id, exclusions.kind,
        exclusions.component_id,
        exclusions.service_id, exclusions.region, exclusions.start_s, exclusions.end_s
    from {{ source('inputs', 'periods') }} as periods
    inner join {{ ref('int_terms') }} as terms on periods.terms_id = terms.terms_id
    inner join {{ ref('int_exclusions') }} as exclusions
        on
            terms.availability_policy_id = exclusions.availability_policy_id
            and exclusions.start_s < periods.end_s
            and exclusions.end_s > periods.start_s
    where exclusions.customer_id is null and exclusions.start_s < exclusions.end_s
)

select
    figures.contract_id, figures.service_id, figures.region, figures.period_kind,
    figures.period_start,
    acting.exclusion_id, acting.kind, acting.component_id,
    {{ instant('acting.start_s') }} as started_at,
    {{ instant('acting.end_s') }} as ended_at
from {{ ref('int_regional_periods') }} as figures
inner join acting
    on
        figures.contract_id = acting.contract_id
        and figures.period_start = acting.period_start
        and (acting.service_id is null or acting.service_id = figures.service_id)
        and (acting.region is null or acting.region = figures.region)
left join {{ ref('int_components') }} as components on acting.component_id = components.component_id
where
    acting.component_id is null
    or (components.service_id = figures.service_id and components.region = figures.region)
