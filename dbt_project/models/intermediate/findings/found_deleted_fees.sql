{%- set ids = ['invoice_id', 'subscription_id', 'line_kind', 'currency'] -%}

-- fee lines that wait, and all that they belong to
with lines as (
    select
        delivery_id, line, cast({{ json_value('named', 'amount_minor') }} as bigint) as amount_minor
        {%- for id in ids %},
        {{ json_value('named', id) }} as {{ id }}
        {%- endfor %}
    from {{ ref('int_set_aside') }}
    where feed = 'invoice_lines' and status = 'waiting'
),

belonging as (
    select lines.*, lines.invoice_id as value from lines
    union all
    select lines.*, lines.subscription_id as value from lines
    union all
    select lines.*, invoices.customer_id as value
    from lines
    inner join ({{ latest_rows('invoices') }}) as invoices on lines.invoice_id = invoices.invoice_id
    {%- for id in ['customer_id', 'service_id'] %}
    union all
    select lines.*, subscriptions.{{ id }} as value
    from lines
    inner join (
        select
            distinct latest.subscription_id, latest.{{ id }}
        from ({{ latest_rows('subscriptions') }}) as latest
    ) as subscriptions on lines.subscription_id = subscriptions.subscription_id
    {%- endfor %}
)

select
    fees.value, fees.currency, currencies.minor_digits,
    sum({{ wide('fees.amount_minor') }}) as amount_minor
from (
    select distinct delivery_id, line, value, currency, amount_minor
    from belonging
    where line_kind in ('recurring', 'usage')
) as fees
inner join {{ source('inputs', 'currencies') }} as currencies on fees.currency = currencies.currency
where fees.value in (select deletions.key from {{ ref('found_deletions') }} as deletions)
group by fees.value, fees.currency, currencies.minor_digits
