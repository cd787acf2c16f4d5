{%- set keyed = feeds() -%}
{%- set ids = [
    'component_id', 'service_id', 'region', 'customer_id', 'subscription_id', 'ticket_id',
    'invoice_id', 'line_kind',
] -%}
{%- set instants = {
    'checks': ('checked_at_s', 'checked_at_s'),
    'outages': ('started_at_s', 'ended_at_s'),
    'components': ('active_from_s', 'active_to_s'),
    'exclusions': ('starts_at_s', 'ends_at_s'),
    'ticket_events': ('occurred_at_s', 'occurred_at_s'),
} -%}
{%- set days = {
    'subscriptions': ('valid_from', 'valid_to'),
    'invoice_lines': ('period_start', 'period_end'),
    'credit_requests': ('month', 'month'),
    'invoices': ('issued_on', none),
} -%}
{#-
An invoice matters from the month that it was issued or due in, the earlier of the two; without a
due date in all months (E2).
-#}
{%- set issued, due = json_value('named', 'issued_on'), json_value('named', 'due_on') -%}

-- rows that could not be typed; the latest of a key, unless a sound row of that key came after it
with typed as (
    select *
    from {{ ref('int_set_aside') }}
    where not is_judged and named is not null
),

{% for feed, described in keyed.items() -%}
keys_of_{{ feed }} as (
    select
        *,
        row_number() over (
            partition by {{ described['key'] | join(', ') }} order by delivery_id desc, line desc
        ) as recency
    from (
        select
            feed, delivery_id, line
            {%- for column in described['key'] %},
            {{ json_value('named', column) }} as {{ column }}
            {%- endfor %}
        from typed
        where feed = '{{ feed }}'
    ) as named
),

{% endfor -%}
mended as (
    {%- for feed, described in keyed.items() %}
    select faults.feed, faults.delivery_id, faults.line
    from keys_of_{{ feed }} as faults
    where
        {{ described['key'] | join(' is not null and ') }} is not null
        and (
            faults.recency > 1
            or exists (
                select 1
                from {{ source('landed', feed) }} as sound
                where
                    {%- for column in described['key'] %}
                    cast(sound.{{ column }} as string) = faults.{{ column }} and
                    {%- endfor %}
                    (
                        sound._delivery_id > faults.delivery_id
                        or (sound._delivery_id = faults.delivery_id and sound._line > faults.line)
                    )
            )
        )
    union all
    -- without a key that can be read: once its path has been delivered again
    select faults.feed, faults.delivery_id, faults.line
    from keys_of_{{ feed }} as faults
    inner join {{ source('landed', 'deliveries') }} as own on faults.delivery_id = own.delivery_id
    inner join {{ source('landed', 'deliveries') }} as later
        on own.feed = later.feed and own.path = later.path and own.delivery_id < later.delivery_id
    where {{ described['key'] | join(' is null or ') }} is null
    union all
    {%- endfor %}
    select typed.feed, typed.delivery_id, typed.line
    from typed
    inner join {{ source('landed', 'deliveries') }} as own on typed.delivery_id = own.delivery_id
    inner join {{ source('landed', 'deliveries') }} as later
        on own.feed = later.feed and own.path = later.path and own.delivery_id < later.delivery_id
    where typed.feed = 'checks'
),

-- a check of an unknown component is of no figure
relevant as (
    select set_aside.*
    from {{ ref('int_set_aside') }} as set_aside
    where
        set_aside.named is not null
        and not (set_aside.feed = 'checks' and set_aside.is_judged)
        and not exists (
            select 1
            from mended
            where
                set_aside.feed = mended.feed
                and set_aside.delivery_id = mended.delivery_id
                and set_aside.line = mended.line
        )
),

read as (
    select
        feed, delivery_id, file, line, status, rule, column_name, reason
        {%- for id in ids %},
        {{ json_value('named', id) }} as {{ id }}
        {%- endfor %},
        case feed
            {%- for feed, (start, end) in instants.items() %}
            when '{{ feed }}' then {{ json_value('named', start) }}
            {%- endfor %}
        end as start_text,
        case feed
            {%- for feed, (start, end) in instants.items() %}
            when '{{ feed }}' then {{ json_value('named', end) }}
            {%- endfor %}
        end as end_text,
        case feed
            when 'invoices'
                then case
                    when {{ due }} is not null
                        then least(coalesce({{ issued }}, {{ due }}), {{ due }})
                end
            {%- for feed, (start, end) in days.items() if feed != 'invoices' %}
            when '{{ feed }}' then {{ json_value('named', start) }}
            {%- endfor %}
        end as start_day_text,
        case feed
            {%- for feed, (start, end) in days.items() if end %}
            when '{{ feed }}' then {{ json_value('named', end) }}
            {%- endfor %}
        end as end_day_text
    from relevant
)

-- where a time can't be read it may be any
select
    feed, delivery_id, file, line, status, rule, column_name, reason
    {%- for id in ids %}, {{ id }}{% endfor %},
    coalesce(cast(start_text as bigint), {{ always_s() }}) as start_s,
    case
        when feed in ('checks', 'ticket_events')
            then coalesce(cast(end_text as bigint) + 1, {{ never_s() }})
        else coalesce(cast(end_text as bigint), {{ never_s() }})
    end as end_s,
    cast(start_text as bigint) as read_s,
    coalesce(
        case
            when feed in ('invoices', 'credit_requests')
                then {{ first_of_month('cast(start_day_text as date)') }}
            else cast(start_day_text as date)
        end,
        cast('0001-01-01' as date)
    ) as first_day,
    coalesce(cast(end_day_text as date), cast('9999-12-31' as date)) as last_day
from read
