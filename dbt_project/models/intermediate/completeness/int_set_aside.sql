{%- set keyed = feeds() -%}

-- what could not be typed, or breaks a rule by itself: found when it is read
with rejected as (
    select
        feed, delivery_id, path as file, line, 'rejected' as status, rule, column_name, reason,
        named, raw
    from {{ source('landed', 'rejected_rows') }}
),

-- what refers to something that is not in force: judged anew on each run
waiting as (
    select
        feed, delivery_id, line, 'waiting' as status, 'reference' as rule,
        {{ joined('column_name') }} as column_name,
        'it waits: ' || {{ joined('sentence') }}
        || '; it comes in by itself once that is delivered' as reason,
        max(raw) as raw
    from (
        select
            *,
            column_name || ' ' || value || case state
                when 'unknown' then ' matches nothing that was delivered in ' || referred
                when 'deleted' then ' was deleted from ' || referred
                else
                    ' was delivered in ' || referred
                    || ', where its row itself waits or was rejected'
            end as sentence
        from {{ ref('int_waiting_references') }}
    ) as named
    group by feed, delivery_id, line
),

-- spans of a subscription that change whose it is, of what or where (E1): judged anew on each run
changed_spans as (
    select
        'subscriptions' as feed, _delivery_id as delivery_id, _line as line, 'rejected' as status,
        'E1' as rule, differs_in as column_name,
        'differs from the earliest span of ' || subscription_id
        || ': a subscription keeps its customer, service and region' as reason,
        {{ json_of(keyed['subscriptions'].columns) }} as raw
    from {{ ref('stg_arrived_subscriptions') }}
    where differs_in is not null
),

-- tickets that were received more than once, or not yet, with their events (K1)
lives as (
    select
        ticket_id,
        status,
        'ticket ' || ticket_id || case status
            when 'waiting' then ' has no event received; it comes in by itself once it has'
            else ' has ' || receipts || ' events received: a ticket is received once'
        end as reason
    from {{ ref('int_ticket_receipts') }}
    where status <> 'received'
),

broken_lives as (
    {%- for feed in ['tickets', 'ticket_events'] %}
    select
        '{{ feed }}' as feed, latest._delivery_id as delivery_id, latest._line as line,
        lives.status, 'K1' as rule,
        'ticket_id' as column_name, lives.reason,
        {{ json_of(keyed[feed].columns, 'latest') }} as raw
    from ({{ latest_rows(feed) }}) as latest
    inner join lives on latest.ticket_id = lives.ticket_id
    {{ 'union all' if not loop.last }}
    {%- endfor %}
),

-- events with a severity that their contract does not know (K1); the ticket stays
unknown_severities as (
    select
        'ticket_events' as feed, arrived._delivery_id as delivery_id, arrived._line as line,
        'rejected' as status, 'K1' as rule, 'severity' as column_name,
        arrived.severity || ' is not a severity of ' || arrived.contract_id as reason,
        {{ json_of(keyed['ticket_events'].columns, 'latest') }} as raw
    from {{ ref('stg_arrived_ticket_events') }} as arrived
    inner join ({{ latest_rows('ticket_events') }}) as latest on arrived.event_id = latest.event_id
    left join lives on arrived.ticket_id = lives.ticket_id
    where arrived.has_unknown_severity and lives.ticket_id is null
),

-- amounts so large that their sums would not fit into any mart (E3): judged anew on each run
too_large as (
    select
        'invoice_lines' as feed, arrived._delivery_id as delivery_id, arrived._line as line,
        'rejected' as status, 'sum' as rule,
        'amount' as column_name,
        'all amounts in ' || arrived.currency
        || ' together have more than 15 digits before the point, which is more than a mart '
        || 'can hold; the largest are left out: write the amount in units of '
        || 'the currency, as in 1234.56' as reason,
        {{ json_of(keyed['invoice_lines'].columns, 'latest') }} as raw
    from {{ ref('stg_arrived_invoice_lines') }} as arrived
    inner join ({{ latest_rows('invoice_lines') }}) as latest on arrived.line_id = latest.line_id
    where arrived.is_too_large
),

judged as (
    {%- for found in [
        'waiting', 'changed_spans', 'broken_lives', 'unknown_severities', 'too_large',
    ] %}
    select feed, delivery_id, line, status, rule, column_name, reason, raw from {{ found }}
    {{ 'union all' if not loop.last }}
    {%- endfor %}
)

select
    feed, delivery_id, file, line, status, rule, column_name, reason, named, raw, false as is_judged
from rejected
union all
select
    judged.feed, judged.delivery_id, deliveries.path as file, judged.line, judged.status,
    judged.rule, judged.column_name,
    judged.reason, judged.raw as named, judged.raw, true as is_judged
from judged
inner join {{ source('landed', 'deliveries') }} as deliveries
    on judged.delivery_id = deliveries.delivery_id
