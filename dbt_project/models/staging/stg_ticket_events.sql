{{ config(materialized='view') }}

select
    event_id, ticket_id, occurred_at_s, occurred_at_us, event, severity, resolution_kind,
    _delivery_id, _line
from {{ ref('stg_arrived_ticket_events') }}
where not has_unknown_severity
