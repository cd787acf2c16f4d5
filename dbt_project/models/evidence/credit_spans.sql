select
    spans.subscription_id, spans.month, spans.valid_from,
    {{ last_day_of('spans.valid_until') }} as last_day,
    spans.support_plan, spans.kind, spans.status, spans.is_covered,
    case when spans.is_covered then cast(spans.end_s - spans.start_s as bigint) else 0 end
        as covered_seconds,
    deliveries.path as file, spans._line as line
from {{ ref('int_month_spans') }} as spans
{{ delivery_of('spans') }}
where spans.has_credits
