with starts as (
    select contract_id, min(valid_from_s) as first_s, min(valid_from) as first_day
    from {{ source('inputs', 'term_spans') }}
    where scenario_id = 0 and subscription_id is null
    group by contract_id
),

seen_before as (
    select
        starts.contract_id, starts.first_day, 'checks' as feed, components.component_id as key,
        checks._delivery_id, checks._line
    from {{ source('landed', 'checks') }} as checks
    inner join {{ source('landed', 'check_series') }} as series
        on checks.series_id = series.series_id
    inner join {{ ref('int_components') }} as components
        on series.component_id = components.component_id
    inner join starts on components.contract_id = starts.contract_id
    where checks.checked_at_s < starts.first_s
    union all
    select
        starts.contract_id, starts.first_day, 'outages' as feed, outages.outage_id as key,
        outages._delivery_id, outages._line
    from {{ ref('stg_outages') }} as outages
    inner join {{ ref('int_components') }} as components
        on outages.component_id = components.component_id
    inner join starts on components.contract_id = starts.contract_id
    where outages.ended_at_s <= starts.first_s
    union all
    select
        starts.contract_id, starts.first_day, 'tickets' as feed, tickets.ticket_id as key,
        tickets._delivery_id, tickets._line
    from {{ ref('stg_tickets') }} as tickets
    inner join {{ ref('int_subscriptions') }} as subscriptions
        on tickets.subscription_id = subscriptions.subscription_id
    inner join starts on subscriptions.contract_id = starts.contract_id
    inner join {{ ref('stg_ticket_events') }} as events
        on tickets.ticket_id = events.ticket_id and events.event = 'received'
    where events.occurred_at_s < starts.first_s
    union all
    select
        starts.contract_id, starts.first_day, 'invoice_lines' as feed, lines.line_id as key,
        lines._delivery_id, lines._line
    from {{ ref('int_billed_lines') }} as lines
    inner join starts on lines.contract_id = starts.contract_id
    where lines.line_kind in ('recurring', 'usage') and lines.period_end < starts.first_day
),

counted as (
    select
        contract_id, first_day, feed, min(key) as key, min(_delivery_id) as delivery_id,
        count(*) as row_count
    from seen_before
    group by contract_id, first_day, feed
),

without_figure as (
    select regions.*
    from {{ ref('int_service_regions') }} as regions
    left join {{ ref('int_regional_periods') }} as figures
        on regions.service_id = figures.service_id and regions.region = figures.region
    where figures.service_id is null
)

select
    'before_the_first_version' as kind, counted.feed, counted.contract_id as key,
    counted.delivery_id, min(seen_before._line) as line,
    counted.row_count || ' rows are from before ' || cast(counted.first_day as string) || ', when '
    || counted.contract_id || ' begins: no version judges them' as seen,
    counted.row_count
from counted
inner join seen_before
    on
        counted.contract_id = seen_before.contract_id
        and counted.feed = seen_before.feed
        and counted.delivery_id = seen_before._delivery_id
group by
    counted.feed, counted.contract_id, counted.delivery_id, counted.first_day, counted.row_count
union all
select
    'service_without_figure' as kind, 'components' as feed, regions.service_id as key,
    min(components._delivery_id) as delivery_id,
    min(components._line) as line,
    regions.service_id || ' in ' || regions.region || ' has components and no figure: '
    || case
        when regions.first_seen_s is null then 'no check or record of them was ever delivered'
        else
            'they were seen, but in no period that a version of ' || regions.contract_id
            || ' judges'
    end as seen,
    1 as row_count
from without_figure as regions
inner join {{ ref('stg_components') }} as components
    on
        regions.service_id = components.service_id
        and regions.region = components.region
        and components.environment = 'production'
group by regions.contract_id, regions.service_id, regions.region, regions.first_seen_s
