-- against each promise that was in force somewhere when it began
with promised as (
    select distinct exclusions.exclusion_id, policies.maintenance_id
    from {{ ref('stg_exclusions') }} as exclusions
    inner join {{ source('inputs', 'availability_policy_maintenance') }} as policies
        on
            exclusions.starts_at_s >= policies.valid_from_s
            and exclusions.starts_at_s < policies.valid_until_s
    where exclusions.kind in ('scheduled_maintenance', 'emergency_maintenance')
),

judged as (
    select
        exclusions.*, maintenance.maintenance_id, maintenance.max_length_s,
        maintenance.business_hours_calendar,
        exclusions.starts_at_s - exclusions.announced_at_s as notice_seconds,
        case
            when exclusions.kind = 'emergency_maintenance' then maintenance.emergency_notice_s
            when exclusions.change_type in ('api', 'authentication', 'integration')
                then coalesce(maintenance.change_notice_s, maintenance.scheduled_notice_s)
            else maintenance.scheduled_notice_s
        end as notice_required_seconds
    from promised
    inner join {{ ref('stg_exclusions') }} as exclusions
        on promised.exclusion_id = exclusions.exclusion_id
    inner join {{ source('inputs', 'maintenance') }} as maintenance
        on promised.maintenance_id = maintenance.maintenance_id
)

select
    judged.exclusion_id, judged.maintenance_id, judged.kind, judged.notice_seconds,
    judged.notice_required_seconds,
    case
        when judged.notice_required_seconds is null then null
        else coalesce(judged.notice_seconds >= judged.notice_required_seconds, false)
    end as is_met,
    judged.ends_at_s - judged.starts_at_s as length_seconds,
    case
        when judged.kind = 'scheduled_maintenance'
            then judged.ends_at_s - judged.starts_at_s > judged.max_length_s
    end as is_over_length,
    case
        when judged.business_hours_calendar is not null
            then
                {{ clock_at('judged.business_hours_calendar', 'last_day', 'judged.ends_at_s') }}
                - {{ clock_at(
                    'judged.business_hours_calendar', 'first_day', 'judged.starts_at_s'
                ) }}
    end as business_hours_seconds
from judged
{{ clock_part('judged.business_hours_calendar', 'first_day', 'judged.starts_at_s') }}
{{ clock_part('judged.business_hours_calendar', 'last_day', 'judged.ends_at_s') }}
