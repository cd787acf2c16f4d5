{%- set keyed = feeds() -%}
{%- set referred_feeds = [
    'customers', 'services', 'components', 'invoices', 'subscriptions', 'tickets',
] -%}

-- each value of a row in force that refers to something that is not in force
with missing as (
    {%- for feed, described in keyed.items() %}
    {%- for column, referred in described.references.items() %}
    select
        '{{ feed }}' as feed, latest._delivery_id as delivery_id, latest._line as line,
        '{{ column }}' as column_name, '{{ referred }}' as referred, latest.{{ column }} as value,
        {{ json_of(described.columns, 'latest') }} as raw
    from ({{ latest_rows(feed) }}) as latest
    where
        latest.{{ column }} is not null
        and not {{ is_in_force('latest.' ~ column, referred) }}
    union all
    {%- endfor %}
    {%- endfor %}
    select
        'checks' as feed, checks._delivery_id as delivery_id, checks._line as line,
        'component_id' as column_name, 'components' as referred, orphans.component_id as value,
        {{ json_of(['component_id', 'location', 'checked_at_s', 'state', 'latency_ms']) }} as raw
    from {{ source('landed', 'checks') }} as checks
    inner join (
        select series.series_id, series.component_id, series.location
        from {{ source('landed', 'check_series') }} as series
        where not {{ is_in_force('series.component_id', 'components') }}
    ) as orphans on checks.series_id = orphans.series_id
),

delivered as (
    {%- for feed, described in keyed.items() if feed in referred_feeds %}
    select
        '{{ feed }}' as feed, {{ described['key'][0] }} as value,
        max(case when is_deleted then 0 else 1 end) as is_alive
    from {{ ref('stg_latest_' ~ feed) }}
    where
        {{ described['key'][0] }}
        in (select missing.value from missing where missing.referred = '{{ feed }}')
    group by {{ described['key'][0] }}
    {{ 'union all' if not loop.last }}
    {%- endfor %}
)

-- never delivered, deleted, or delivered and itself not in force
select
    missing.feed, missing.delivery_id, missing.line, missing.column_name, missing.referred,
    missing.value, missing.raw,
    case
        when delivered.value is null then 'unknown'
        when delivered.is_alive = 0 then 'deleted'
        else 'set_aside'
    end as state
from missing
left join delivered on missing.referred = delivered.feed and missing.value = delivered.value
