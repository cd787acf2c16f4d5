{%- set week_s = 7 * 86400 -%}

with records as (
    select
        *, ended_at_s - started_at_s as length_s,
        row_number() over (order by ended_at_s - started_at_s) as sequence,
        count(*) over () as records
    from {{ ref('stg_outages') }}
    where state in ('down', 'degraded') and not is_open
),

-- the lower median of records that have ended, where there are enough of them to call one usual
usual as (
    select max(length_s) as length_s
    from records
    where 2 * sequence <= records + 1 and records >= 20
),

exclusions as (
    select latest.*, run.as_of_s
    from ({{ latest_rows('exclusions') }}) as latest
    inner join {{ ref('stg_exclusions') }} as known on latest.exclusion_id = known.exclusion_id
    cross join {{ source('inputs', 'run') }} as run
),

-- events of one instant whose order decides what follows, and how long it decides it
ties as (
    select distinct
        first.ticket_id, first.sequence, first.at_s,
        first.severity is not null as is_about_severity
    from {{ ref('int_ticket_timeline') }} as first
    inner join {{ ref('int_ticket_timeline') }} as second
        on
            first.ticket_id = second.ticket_id
            and first.at_s = second.at_s
            and first.at_us = second.at_us
            and first.sequence < second.sequence
    where
        (first.event in ('resolved', 'closed', 'paused') and second.event = 'reopened')
        or (first.event = 'reopened' and second.event in ('resolved', 'closed', 'paused'))
        or (first.event = 'paused' and second.event = 'resumed')
        or (first.event = 'resumed' and second.event = 'paused')
        or (
            first.severity is not null
            and second.severity is not null
            and first.severity <> second.severity
        )
),

decided as (
    select
        ties.ticket_id,
        max(case when ties.is_about_severity then 1 else 0 end) as is_about_severity,
        sum(coalesce(following.at_s, policies.end_s) - ties.at_s) as most_s
    from ties
    inner join {{ ref('int_ticket_policies') }} as policies
        on ties.ticket_id = policies.ticket_id and policies.is_own
    left join (
        select tied.ticket_id, tied.sequence, min(later.at_s) as at_s
        from ties as tied
        inner join {{ ref('int_ticket_timeline') }} as later
            on
                tied.ticket_id = later.ticket_id
                and tied.at_s < later.at_s
                and later.event in ('paused', 'resumed', 'reopened', 'resolved', 'closed')
        group by tied.ticket_id, tied.sequence
    ) as following on ties.ticket_id = following.ticket_id and ties.sequence = following.sequence
    group by ties.ticket_id
),

found as (
    select
        'open_record' as kind, 'outages' as feed, outages.outage_id as key,
        outages._delivery_id as delivery_id, outages._line as line,
        outages.outage_id || ' has called ' || outages.component_id || ' ' || outages.state
        || ' for '
        || {{ int_divide('outages.ended_at_s - outages.started_at_s', 86400) }}
        || ' days and has no end' as seen
    from {{ ref('stg_outages') }} as outages
    where
        outages.state in ('down', 'degraded')
        and outages.is_open
        and outages.ended_at_s - outages.started_at_s > {{ week_s }}
    union all
    select
        'long_record' as kind, 'outages' as feed, records.outage_id as key,
        records._delivery_id as delivery_id, records._line as line,
        records.outage_id || ' calls ' || records.component_id || ' ' || records.state || ' for '
        || {{ int_divide('records.length_s', 86400) }} || ' days '
        || {{ int_divide(
            'records.length_s - 86400 * ' ~ int_divide('records.length_s', 86400), 3600
        ) }} || ' hours'
        || case
            when records.length_s <= {{ week_s }} then ', over 200 times as long as is usual'
            else ''
        end as seen
    from records
    left join usual on usual.length_s > 0
    where
        records.length_s > {{ week_s }}
        or (records.length_s > 86400 and records.length_s > 200 * usual.length_s)
    union all
    select
        'record_without_length' as kind, 'outages' as feed, outage_id as key,
        _delivery_id as delivery_id, _line as line,
        outage_id || ' starts and ends in the same second' as seen
    from {{ ref('stg_outages') }}
    where not is_open and started_at_s = ended_at_s and state <> 'up'
    union all
    select
        'exclusion_without_scope' as kind, 'exclusions' as feed, exclusion_id as key,
        _delivery_id as delivery_id, _line as line,
        exclusion_id || ' (' || kind || ') names no service, region, component or customer: '
        || 'it excludes everywhere, for everyone' as seen
    from exclusions
    where service_id is null and region is null and component_id is null and customer_id is null
    union all
    select
        'exclusion_without_end' as kind, 'exclusions' as feed, exclusion_id as key,
        _delivery_id as delivery_id, _line as line,
        exclusion_id || ' (' || kind
        || ') has no end: it excludes until someone ends it, so far for '
        || {{ int_divide('as_of_s - starts_at_s', 86400) }} || ' days' as seen
    from exclusions
    where ends_at_s is null and as_of_s - starts_at_s > 86400
    union all
    select
        'exclusion_of_a_whole_period' as kind, 'exclusions' as feed, exclusions.exclusion_id as key,
        exclusions._delivery_id as delivery_id, exclusions._line as line,
        exclusions.exclusion_id || ' (' || exclusions.kind || ') covers '
        || count(distinct periods.period_start) || ' whole '
        || max(periods.period_kind)
        || case when count(distinct periods.period_start) > 1 then 's' else '' end || ' of '
        || periods.contract_id as seen
    from exclusions
    inner join {{ source('inputs', 'periods') }} as periods
        on
            exclusions.starts_at_s <= periods.start_s
            and coalesce(exclusions.ends_at_s, exclusions.as_of_s) >= periods.end_s
            and exclusions.ends_at_s is not null
    group by
        exclusions.exclusion_id, exclusions.kind, exclusions._delivery_id, exclusions._line,
        periods.contract_id
    union all
    select
        'resolved_before_received' as kind, 'tickets' as feed, lives.ticket_id as key,
        tickets._delivery_id as delivery_id,
        tickets._line as line,
        'ticket ' || lives.ticket_id || ' was resolved or closed before it was received' as seen
    from {{ ref('int_tickets') }} as lives
    inner join {{ ref('stg_tickets') }} as tickets on lives.ticket_id = tickets.ticket_id
    where lives.stopped_s < lives.received_s
    union all
    select
        'order_by_id' as kind, 'tickets' as feed, lives.ticket_id as key,
        tickets._delivery_id as delivery_id, tickets._line as line,
        'ticket ' || lives.ticket_id
        || ' has events of one instant, and whether it was resolved in time can hang on their '
        || 'order: it is that of their ids' as seen
    from {{ ref('int_tickets') }} as lives
    inner join decided on lives.ticket_id = decided.ticket_id
    inner join {{ ref('stg_tickets') }} as tickets on lives.ticket_id = tickets.ticket_id
    inner join {{ ref('int_resolutions') }} as resolutions
        on lives.ticket_id = resolutions.ticket_id and resolutions.is_own
    where
        lives.status = 'counted'
        and (
            decided.is_about_severity = 1
            or (
                resolutions.outcome in ('met', 'pending')
                and resolutions.elapsed_s + decided.most_s > resolutions.target_s
            )
            or (
                resolutions.outcome = 'missed'
                and resolutions.elapsed_s - decided.most_s <= resolutions.target_s
            )
        )
)

select *, 1 as row_count
from found
