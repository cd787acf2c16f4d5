with first_terms as (
    select availability_policy_id, min(valid_from_s) as valid_from_s
    from {{ source('inputs', 'availability_policy_maintenance') }}
    group by availability_policy_id
),

applicable as (
    select policies.availability_policy_id, exclusions.exclusion_id
    from {{ ref('stg_exclusions') }} as exclusions
    inner join {{ source('inputs', 'availability_policy_kinds') }} as policies
        on exclusions.kind = policies.kind
    where exclusions.kind not in ('scheduled_maintenance', 'emergency_maintenance')
    union all
    -- before the first version there was no promise of notice to keep (X3)
    select policies.availability_policy_id, exclusions.exclusion_id
    from {{ ref('stg_exclusions') }} as exclusions
    inner join {{ source('inputs', 'availability_policy_kinds') }} as policies
        on exclusions.kind = policies.kind
    inner join first_terms on policies.availability_policy_id = first_terms.availability_policy_id
    where
        exclusions.starts_at_s < first_terms.valid_from_s
        and (
            exclusions.kind = 'emergency_maintenance'
            or (
                exclusions.kind = 'scheduled_maintenance'
                and exclusions.announced_at_s < exclusions.starts_at_s
            )
        )
    union all
    -- by what was agreed on the local date on which it started (T5)
    select policies.availability_policy_id, exclusions.exclusion_id
    from {{ ref('stg_exclusions') }} as exclusions
    inner join {{ source('inputs', 'availability_policy_maintenance') }} as policies
        on
            exclusions.starts_at_s >= policies.valid_from_s
            and exclusions.starts_at_s < policies.valid_until_s
    inner join {{ source('inputs', 'maintenance') }} as maintenance
        on policies.maintenance_id = maintenance.maintenance_id
    inner join {{ ref('int_maintenance_notice') }} as notice
        on
            exclusions.exclusion_id = notice.exclusion_id
            and policies.maintenance_id = notice.maintenance_id
    where
        (exclusions.kind = 'emergency_maintenance' and maintenance.takes_emergency)
        or (
            exclusions.kind = 'scheduled_maintenance'
            and maintenance.takes_scheduled
            -- announced before it began, and in time where the policy asks for it (X3)
            and exclusions.announced_at_s < exclusions.starts_at_s
            and (not maintenance.is_notice_required or coalesce(notice.is_met, true))
        )
)

select
    applicable.availability_policy_id, exclusions.exclusion_id, exclusions.kind,
    exclusions.service_id,
    exclusions.region, exclusions.component_id, exclusions.customer_id,
    exclusions.starts_at_s as start_s, exclusions.ends_at_s as end_s
from applicable
inner join {{ ref('stg_exclusions') }} as exclusions
    on applicable.exclusion_id = exclusions.exclusion_id
