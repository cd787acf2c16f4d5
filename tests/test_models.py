"""dbt's own unit tests of the models and of the interval algebra in them, and that the whole project builds on nothing."""

from pathlib import Path

from ingestion import terms
from ingestion.contracts import load_folder
from ingestion.landing import Landed
from ingestion.terms import instant
from orchestration import transform
from orchestration.settings import Limits
from tests.conftest import CONTRACTS


def test_unit_tests_of_the_models_pass_and_empty_feeds_build(tmp_path: Path) -> None:
    inputs = terms.tables(load_folder(CONTRACTS), instant("2026-08-01T00:00:00Z"))
    transform.lay_out(tmp_path / "work.duckdb", tmp_path, Landed(), inputs)
    results = transform.build(tmp_path / "work.duckdb", tmp_path / "makegood.duckdb", tmp_path, Limits(), unit_tests=True)
    assert [r.message for r in results if not r.passed] == []
    # a model whose unit test is lost would go unnoticed otherwise
    proven = {r.model for r in results if r.is_unit}
    assert proven == {
        "int_component_states", "int_group_states", "int_service_states", "int_excluded", "int_downtime", "int_period_seconds", "int_maintenance_notice",
        "availability_by_category",
    }  # fmt: skip
