with arrived as (
    select
        line_id, invoice_id, subscription_id, line_kind, period_start, period_end, amount_minor,
        currency, _delivery_id, _line, {{ wide('abs(amount_minor)') }} as size_minor
    from ({{ arrived_rows('invoice_lines') }}) as latest
),

-- currencies in which all amounts together are more than a mart can hold: 15 digits before the
-- point
heavy as (
    select sums.currency, {{ wide('1000000000000000') }} * power_of_ten.factor as limit_minor
    from (select currency, sum(size_minor) as size_minor from arrived group by currency) as sums
    inner join {{ source('inputs', 'currencies') }} as currencies
        on sums.currency = currencies.currency
    inner join (
        select 0 as digits, 1 as factor
        union all
        select 1 as digits, 10 as factor
        union all
        select 2 as digits, 100 as factor
        union all
        select 3 as digits, 1000 as factor
    ) as power_of_ten on currencies.minor_digits = power_of_ten.digits
    where sums.size_minor >= {{ wide('1000000000000000') }} * power_of_ten.factor
),

-- the largest of them are left out, equal ones together, so that whatever is added up of the rest
-- fits
weighed as (
    select
        arrived.line_id, heavy.limit_minor,
        sum(arrived.size_minor) over (
            partition by arrived.currency order by arrived.size_minor
            range between unbounded preceding and current row
        ) as up_to_minor
    from arrived
    inner join heavy on arrived.currency = heavy.currency
)

select
    arrived.line_id, arrived.invoice_id, arrived.subscription_id, arrived.line_kind,
    arrived.period_start, arrived.period_end, arrived.amount_minor, arrived.currency,
    arrived._delivery_id, arrived._line,
    coalesce(weighed.up_to_minor >= weighed.limit_minor, false) as is_too_large
from arrived
left join weighed on arrived.line_id = weighed.line_id
