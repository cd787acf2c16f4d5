with judged as (
    select
        exclusions.*, spans.contract_id, terms.terms_id, terms.max_length_s, terms.business_hours_calendar,
        exclusions.starts_at_s - exclusions.announced_at_s as notice_seconds,
        case
            when exclusions.kind = 'emergency_maintenance' then terms.emergency_notice_s
            when exclusions.change_type in ('api', 'authentication', 'integration')
                then coalesce(terms.change_notice_s, terms.scheduled_notice_s)
            else terms.scheduled_notice_s
        end as notice_required_seconds
    from {{ ref('stg_exclusions') }} as exclusions
    inner join {{ source('inputs', 'term_spans') }} as spans
        on exclusions.starts_at_s >= spans.valid_from_s and exclusions.starts_at_s < spans.valid_until_s
    inner join {{ source('inputs', 'terms') }} as terms on spans.terms_id = terms.terms_id
    where spans.subscription_id is null and exclusions.kind in ('scheduled_maintenance', 'emergency_maintenance')
),

in_scope as (
    select distinct judged.exclusion_id, judged.contract_id
    from judged
    inner join {{ ref('int_components') }} as components
        on
            judged.contract_id = components.contract_id
            and (judged.service_id is null or judged.service_id = components.service_id)
            and (judged.region is null or judged.region = components.region)
            and (judged.component_id is null or judged.component_id = components.component_id)
)

select
    judged.exclusion_id, judged.contract_id, judged.terms_id, judged.kind, judged.notice_seconds, judged.notice_required_seconds,
    case
        when judged.notice_required_seconds is null then null
        else coalesce(judged.notice_seconds >= judged.notice_required_seconds, false)
    end as is_met,
    judged.ends_at_s - judged.starts_at_s as length_seconds,
    case
        when judged.kind = 'scheduled_maintenance' then judged.ends_at_s - judged.starts_at_s > judged.max_length_s
    end as is_over_length,
    case
        when judged.business_hours_calendar is not null
            then
                ({{ open_seconds_until('last_day', 'judged.ends_at_s') }})
                - ({{ open_seconds_until('first_day', 'judged.starts_at_s') }})
    end as business_hours_seconds
from judged
inner join in_scope on judged.exclusion_id = in_scope.exclusion_id and judged.contract_id = in_scope.contract_id
left join {{ source('inputs', 'calendar_days') }} as first_day
    on
        judged.business_hours_calendar = first_day.calendar_id
        and first_day.utc_day = {{ utc_day('judged.starts_at_s') }}
left join {{ source('inputs', 'calendar_days') }} as last_day
    on
        judged.business_hours_calendar = last_day.calendar_id
        and last_day.utc_day = {{ utc_day('judged.ends_at_s') }}
