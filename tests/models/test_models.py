"""dbt's own unit tests of the models and of the interval algebra in them, and that the whole project builds on nothing."""

from pathlib import Path

from makegood.ingestion.contracts import tables as terms
from makegood.ingestion.contracts.loader import load_folder
from makegood.ingestion.contracts.tables import instant
from makegood.ingestion.landing.land import Landed
from makegood.orchestration.pipeline import build as transform
from makegood.orchestration.settings import Limits
from tests.conftest import CONTRACTS


def test_unit_tests_of_the_models_pass_and_empty_feeds_build(tmp_path: Path) -> None:
    inputs = terms.tables(load_folder(CONTRACTS), instant("2026-08-01T00:00:00Z"))
    transform.lay_out(tmp_path / "work.duckdb", tmp_path, Landed(), inputs)
    results = transform.build(
        tmp_path / "work.duckdb", tmp_path / "makegood.duckdb", tmp_path, Limits(), unit_tests=True
    ).tests
    assert [r.message for r in results if not r.passed] == []
    # a model whose unit test is lost would go unnoticed otherwise
    proven = {r.model for r in results if r.is_unit}
    assert proven == {
        "int_component_states", "int_group_states", "int_service_states", "int_availability_scopes", "int_excluded", "int_excluded_unavailable", "int_exclusions",
        "int_downtime", "stg_arrived_invoice_lines", "int_downtime_incidents", "int_downtime_records", "int_commitments", "stg_check_spans", "stg_arrived_subscriptions", "stg_arrived_ticket_events", "int_ticket_receipts", "int_regional_periods", "int_credit_downtime", "int_period_seconds", "int_maintenance_notice", "maintenance_notice", "availability_by_category",
        "int_subscription_terms", "int_spans", "int_month_spans", "int_month_downtime", "int_month_seconds", "int_month_availability",
        "int_tickets", "int_ticket_timeline", "int_ticket_severities", "int_ticket_policies", "int_ticket_targets", "int_ticket_segments",
        "int_resolution_segments", "int_resolutions", "int_responses", "int_update_gaps", "int_updates", "ticket_sla", "open_tickets", "ticket_events",
        "status_page_publication", "int_eligible_incidents", "int_shared_events", "int_resolution_performance", "int_month_credits",
        "int_fee_proration", "int_issued_lines", "int_claims", "int_overdue_invoices", "int_reasons", "int_credits", "credits",
        "credit_statements", "credit_reconciliation", "configuration_hours", "what_if", "subscriptions", "subscription_spans", "coverage_gaps", "exclusions", "credit_headroom", "credit_attribution", "error_budgets",
        "last_seen",
    }  # fmt: skip
