with lines as (
    select *, {{ days_between('period_start', 'period_end') }} + 1 as days
    from {{ ref('int_billed_lines') }}
    where line_kind in ('recurring', 'usage')
),

-- the days of the line before the month, and up to its end
counted as (
    select
        lines.*, months.month,
        case when lines.amount_minor < 0 then -1 else 1 end as sign,
        {{ int_divide('abs(lines.amount_minor)', 'lines.days') }} as whole_minor,
        greatest(0, {{ days_between('lines.period_start', 'months.month') }}) as days_before,
        least(lines.days, {{ days_between('lines.period_start', 'months.last_day') }} + 1)
            as days_until
    from lines
    inner join {{ source('inputs', 'credit_periods') }} as months
        on
            lines.contract_id = months.contract_id
            and lines.period_start <= months.last_day
            and lines.period_end >= months.month
    inner join {{ ref('int_subscription_terms') }} as agreed
        on
            lines.subscription_id = agreed.subscription_id
            and months.month >= agreed.valid_from
            and months.month < agreed.valid_until
            and agreed.scenario_id = 0
    inner join {{ source('inputs', 'term_lists') }} as kinds
        on
            agreed.terms_id = kinds.terms_id
            and kinds.policy_key = 'credits.fee_kinds'
            and kinds.value = lines.line_kind
)

-- the month's part is the difference of two rounded cumulative shares, so that parts add up to the
-- line (E3)
select
    line_id, invoice_id, subscription_id, line_kind, period_start, period_end, month, currency,
    amount_minor, days, days_before, days_until,
    cast(sign * (
        {{ cumulative_share('abs(amount_minor)', 'whole_minor', 'days_until', 'days') }}
        - {{ cumulative_share('abs(amount_minor)', 'whole_minor', 'days_before', 'days') }}
    ) as bigint) as part_minor,
    _delivery_id, _line
from counted
