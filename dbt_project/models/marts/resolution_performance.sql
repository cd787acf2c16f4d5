select
    performance.subscription_id, performance.month, performance.incidents, performance.missed,
    {{ percentage('performance.missed', 'performance.incidents') }} as missed_pct,
    case
        when performance.missed > 0
            then {{ percentage(wide('performance.delay_parts'), 'performance.whole_parts') }}
    end as average_delay_pct,
    performance.is_triggered,
    cast(performance.credit_pct as decimal(18, 6)) as credit_pct
from {{ ref('int_resolution_performance') }} as performance
where performance.events = 'all' and performance.scenario_id = 0
