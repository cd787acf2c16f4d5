{{ config(materialized='view') }}

-- covered time (E1), and the seconds of it that count (A3)
select
    spans.subscription_id, spans.month, spans.start_s, spans.end_s, spans.service_hours_calendar,
    cast(spans.end_s - spans.start_s as bigint) as seconds,
    cast(
        {{ clock_seconds(
            'spans.service_hours_calendar', 'first_part', 'spans.start_s', 'last_part',
            'spans.end_s'
        ) }} as bigint
    ) as open_seconds
from {{ ref('int_month_spans') }} as spans
{{ clock_part('spans.service_hours_calendar', 'first_part', 'spans.start_s') }}
{{ clock_part('spans.service_hours_calendar', 'last_part', 'spans.end_s') }}
where spans.is_covered and spans.start_s < spans.end_s
