"""dbt's own unit tests of the models, and that the whole project builds on empty feeds."""

from pathlib import Path

import yaml

from makegood.ingestion.contracts import tables as terms
from makegood.ingestion.contracts.loader import load_folder
from makegood.ingestion.contracts.tables import instant
from makegood.ingestion.landing.land import Landed
from makegood.orchestration.pipeline import build as transform
from makegood.orchestration.settings import DBT_PROJECT, Limits
from tests.conftest import CONTRACTS


def test_unit_tests_of_the_models_pass_and_empty_feeds_build(tmp_path: Path) -> None:
    inputs = terms.tables(load_folder(CONTRACTS), instant("2026-08-01T00:00:00Z"))
    transform.lay_out(tmp_path / "work.duckdb", tmp_path, Landed(), inputs)
    results = transform.build(
        tmp_path / "work.duckdb", tmp_path / "makegood.duckdb", tmp_path, Limits(), unit_tests=True
    ).tests
    assert [r.message for r in results if not r.passed] == []
    # none that is written beside a model may be left out
    written = [
        test["name"]
        for file in (DBT_PROJECT / "models").rglob("*.yml")
        for test in yaml.safe_load(file.read_text()).get("unit_tests", [])
    ]
    assert sorted(r.name for r in results if r.is_unit) == sorted(written)
