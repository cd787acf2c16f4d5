with maintenance as (
    select
        exclusions.exclusion_id, spans.contract_id,
        case
            when exclusions.kind = 'emergency_maintenance' then true
            else
                coalesce(exclusions.announced_at_s < exclusions.starts_at_s, false)
                and (not terms.is_notice_required or coalesce(notice.is_met, true))
        end as excludes
    from {{ ref('stg_exclusions') }} as exclusions
    -- the version in force on the local date on which it starts (T5)
    inner join {{ source('inputs', 'term_spans') }} as spans
        on exclusions.starts_at_s >= spans.valid_from_s and exclusions.starts_at_s < spans.valid_until_s
    inner join {{ source('inputs', 'terms') }} as terms on spans.terms_id = terms.terms_id
    inner join {{ source('inputs', 'exclusion_kinds') }} as kinds
        on spans.terms_id = kinds.terms_id and exclusions.kind = kinds.kind
    left join {{ ref('int_maintenance_notice') }} as notice
        on exclusions.exclusion_id = notice.exclusion_id and spans.terms_id = notice.terms_id
    where spans.subscription_id is null and exclusions.kind in ('scheduled_maintenance', 'emergency_maintenance')
),

applicable as (
    select terms.terms_id, terms.contract_id, exclusions.exclusion_id
    from {{ ref('stg_exclusions') }} as exclusions
    inner join {{ source('inputs', 'exclusion_kinds') }} as kinds on exclusions.kind = kinds.kind
    inner join {{ ref('int_terms') }} as terms on kinds.terms_id = terms.terms_id
    where exclusions.kind not in ('scheduled_maintenance', 'emergency_maintenance')
    union all
    select terms.terms_id, terms.contract_id, maintenance.exclusion_id
    from maintenance
    inner join {{ ref('int_terms') }} as terms on maintenance.contract_id = terms.contract_id
    where maintenance.excludes
)

select
    applicable.terms_id, applicable.contract_id, exclusions.exclusion_id, exclusions.kind, exclusions.service_id,
    exclusions.region, exclusions.component_id, exclusions.customer_id,
    exclusions.starts_at_s as start_s, exclusions.ends_at_s as end_s
from applicable
inner join {{ ref('stg_exclusions') }} as exclusions on applicable.exclusion_id = exclusions.exclusion_id
