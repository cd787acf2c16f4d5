-- a mart has one row per key
{%- set keys = {
    'availability': ['contract_id', 'service_id', 'region', 'period_start'],
    'availability_by_category': ['contract_id', 'product_category', 'period_start'],
    'downtime': ['contract_id', 'service_id', 'region', 'started_at'],
    'downtime_by_period': ['contract_id', 'service_id', 'region', 'period_start', 'started_at'],
    'maintenance_notice': ['exclusion_id', 'contract_id'],
    'ticket_sla': ['ticket_id'],
    'open_tickets': ['ticket_id'],
    'status_page_publication': ['ticket_id'],
    'resolution_performance': ['subscription_id', 'month'],
    'credits': ['subscription_id', 'month', 'currency'],
    'credit_statements': ['subscription_id', 'month', 'currency', 'statement_version'],
    'credit_reconciliation': ['subscription_id', 'month', 'currency'],
    'configuration_hours': ['subscription_id', 'month'],
    'what_if': ['contract_id', 'policy_key', 'value', 'month', 'currency'],
    'contracts': ['contract_id'],
    'subscriptions': ['subscription_id'],
    'subscription_spans': ['subscription_id', 'valid_from'],
    'error_budgets': ['contract_id', 'service_id', 'region'],
    'coverage_gaps': ['contract_id', 'service_id', 'region', 'period_start', 'started_at'],
    'last_seen': ['contract_id', 'service_id', 'region'],
    'exclusions': ['contract_id', 'service_id', 'region', 'period_start', 'exclusion_id'],
    'credit_headroom': ['subscription_id', 'month', 'currency'],
    'credit_attribution': ['subscription_id', 'month', 'currency', 'cause', 'started_at', 'ticket_id'],
    'agreed_terms': ['terms_id', 'policy_key'],
    'credit_steps': ['subscription_id', 'month'],
    'credit_downtime': ['subscription_id', 'month', 'started_at'],
    'credit_tickets': ['ticket_id'],
    'ticket_events': ['event_id'],
    'credit_spans': ['subscription_id', 'month', 'valid_from'],
    'credit_fee_lines': ['line_id', 'month'],
    'credit_issued_lines': ['line_id'],
    'credit_claims': ['request_id'],
    'credit_overdue_invoices': ['subscription_id', 'month', 'invoice_id'],
    'credit_exclusions': ['subscription_id', 'month', 'exclusion_id'],
    'downtime_sources': ['availability_policy_id', 'customer_scope', 'started_at', 'feed', 'component_id', 'outage_id', 'location', 'source_from'],
} %}

{%- for mart, key in keys.items() %}
select '{{ mart }}' as mart, count(*) as keys_that_repeat
from (
    select 1 as one
    from {{ ref(mart) }}
    group by {{ key | join(', ') }}
    having count(*) > 1
) as repeated
having count(*) > 0
{{ 'union all' if not loop.last }}
{%- endfor %}
