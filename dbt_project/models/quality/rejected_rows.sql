{%- set keyed = feeds() -%}

-- what could not be typed, or breaks a rule by itself: said once, when it is read
with rejected as (
    select
        feed, delivery_id, path as file, line, 'rejected' as status, rule, column_name, reason, raw
    from {{ source('landed', 'rejected_rows') }}
),

-- what refers to something that has not arrived: judged anew on each run
waiting as (
    {%- for feed, described in keyed.items() if described.references %}
    select
        '{{ feed }}' as feed, waiting._delivery_id as delivery_id, waiting._line as line,
        {{ missing_references(feed) }} as missing,
        {{ json_of(described.columns) }} as raw
    from ({{ latest_rows(feed) }}) as waiting
    where {{ missing_references(feed) }} <> ''
    union all
    {%- endfor %}
    select
        'checks' as feed, checks._delivery_id as delivery_id, checks._line as line,
        'component_id' as missing,
        {{ json_of(['component_id', 'location', 'checked_at_s', 'state', 'latency_ms']) }} as raw
    from {{ source('landed', 'checks') }} as checks
    inner join (
        select series.*
        from {{ source('landed', 'check_series') }} as series
        where not exists (
            select 1 from {{ ref('stg_components') }} as components where components.component_id = series.component_id
        )
    ) as orphans on checks.series_id = orphans.series_id
)

select feed, file, line, status, rule, column_name, reason, raw, delivery_id
from rejected
union all
select
    waiting.feed, deliveries.path as file, waiting.line, 'waiting' as status, 'reference' as rule, waiting.missing as column_name,
    'refers by ' || waiting.missing || ' to something that has not arrived; it comes in by itself once it has' as reason,
    waiting.raw, waiting.delivery_id
from waiting
inner join {{ source('landed', 'deliveries') }} as deliveries on waiting.delivery_id = deliveries.delivery_id
