{%- set keyed = feeds() -%}
{%- set referred_feeds = [
    'customers', 'services', 'components', 'invoices', 'subscriptions', 'tickets',
] -%}

-- rows that wait for one that was deleted, and the row that deleted it
with waiting as (
    select referred, value, feed, count(*) as row_count
    from {{ ref('int_waiting_references') }}
    where state = 'deleted'
    group by referred, value, feed
),

counted as (
    select
        referred, value, sum(row_count) as row_count,
        {{ joined("cast(row_count as string) || ' of ' || feed") }} as rows_of_feeds
    from waiting
    group by referred, value
),

deletions as (
    {%- for feed, described in keyed.items() if feed in referred_feeds %}
    select
        '{{ feed }}' as feed, {{ described['key'][0] }} as value, max(_delivery_id) as delivery_id,
        max(_line) as line
    from (
        select
            *,
            row_number() over (
                partition by {{ described['key'][0] }} order by _delivery_id desc, _line desc
            ) as _recency
        from {{ ref('stg_latest_' ~ feed) }}
        where
            {{ described['key'][0] }}
            in (select counted.value from counted where counted.referred = '{{ feed }}')
    ) as ranked
    where _recency = 1 and is_deleted
    group by {{ described['key'][0] }}
    {{ 'union all' if not loop.last }}
    {%- endfor %}
)

select
    'deleted_reference' as kind, counted.referred as feed, counted.value as key,
    deletions.delivery_id, deletions.line,
    counted.value || ' was deleted from ' || counted.referred
    || ', and rows that refer to it wait: ' || counted.rows_of_feeds as seen,
    cast(counted.row_count as bigint) as row_count
from counted
inner join deletions on counted.referred = deletions.feed and counted.value = deletions.value
