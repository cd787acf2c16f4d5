"""dbt's own unit tests of the models, and that the whole project builds on empty feeds."""

import shutil
from datetime import date
from pathlib import Path

import duckdb
import pytest
import yaml

from makegood.ingestion.contracts.loader import load_folder
from makegood.ingestion.contracts.tables import instant, tables
from makegood.ingestion.landing.land import Landed
from makegood.ingestion.sample import write as write_sample
from makegood.orchestration.pipeline import build
from makegood.orchestration.pipeline import run as line
from makegood.orchestration.pipeline.project import compiled
from makegood.orchestration.settings import DBT_PROJECT, Limits
from tests.conftest import CONTRACTS, Published, light

MODELS = DBT_PROJECT / "models"


@pytest.mark.long
def test_unit_tests_of_the_models_pass_and_empty_feeds_build(tmp_path: Path) -> None:
    inputs = tables(load_folder(CONTRACTS), instant("2026-08-01T00:00:00Z"))
    build.lay_out(tmp_path / "work.duckdb", tmp_path, Landed(), inputs)
    results = build.build_selected(
        tmp_path / "work.duckdb", tmp_path / "makegood.duckdb", tmp_path, Limits(), unit_tests=True
    ).tests
    assert [r.message for r in results if not r.passed] == []
    # none that is written beside a model may be left out
    written = [
        test["name"]
        for file in MODELS.rglob("*.yml")
        for test in yaml.safe_load(file.read_text()).get("unit_tests", [])
    ]
    assert sorted(r.name for r in results if r.is_unit) == sorted(written)


@pytest.mark.long
def test_dbt_itself_builds_the_same(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    light(monkeypatch)
    feeds = tmp_path / "landing"
    write_sample(feeds, "small", 1, faults=True)
    at = instant("2026-08-15T00:00:00Z")
    built = {}
    with line.opened(line.Request(feeds, tmp_path / "warehouse", CONTRACTS, at)) as run:
        run.land()
        run.lay_out()
        for way in (build.build, build.build_selected):
            folder = tmp_path / way.__name__
            folder.mkdir()
            shutil.copyfile(run.work, folder / "work.duckdb")
            done = way(folder / "work.duckdb", folder / "makegood.duckdb", folder, Limits())
            built[way.__name__] = folder
            assert all(test.passed for test in done.tests)
            built[way.__name__, "tests"] = sorted(test.name for test in done.tests)
    assert built["build", "tests"] == built["build_selected", "tests"]
    for database in ("work", "makegood"):
        with duckdb.connect() as con:
            for name in ("build", "build_selected"):
                con.execute(f"attach '{built[name]}/{database}.duckdb' as {name} (read_only)")
            tables = con.execute(
                "select schema_name || '.' || table_name, database_name from duckdb_tables() "
                "where schema_name not in ('landed', 'inputs') order by all"
            ).fetchall()
            names = [name for name, way in tables if way == "build"]
            assert names
            assert names == [name for name, way in tables if way == "build_selected"]
            for name in names:
                rows = [
                    con.execute(f"from {way}.{name} order by all").fetchall()
                    for way in ("build", "build_selected")
                ]
                assert rows[0] == rows[1], name


def test_what_is_published_has_the_types_it_is_described_with(
    sample: Published, tmp_path: Path
) -> None:
    """What another engine builds is brought to these types."""
    described = {
        (model.name, column): dtype
        for model in compiled(tmp_path).models
        for column, dtype in model.columns.items()
    }
    found = sample.query(
        "select schema_name, table_name, column_name, data_type from duckdb_columns() "
        "where schema_name in ('marts', 'quality')"
    )
    short = {"timestamp with time zone": "timestamptz"}
    types = {
        (row["table_name"], row["column_name"]): short.get(t := row["data_type"].lower(), t)
        for row in found
    }
    # what a run adds itself is not built by models
    assert {key: types.get(key) for key in described} == described
    of_marts = {(r["table_name"], r["column_name"]) for r in found if r["schema_name"] == "marts"}
    assert of_marts <= described.keys()


def test_every_mart_has_its_key_beside_it() -> None:
    without = {
        model["name"]
        for folder in ("marts", "evidence")
        for file in (MODELS / folder).glob("*.yml")
        for model in yaml.safe_load(file.read_text())["models"]
        if not any("unique_key" in test for test in model.get("data_tests", []))
    }
    # a line of a file that was delivered twice, under the same name, may be missing twice
    assert without == {"evidence_gaps"}


def test_keys_that_repeat_or_have_a_null_are_found(tmp_path: Path) -> None:
    (found,) = [test.sql for test in compiled(tmp_path).tests if test.name == "credits_key"]
    with duckdb.connect() as con:
        con.execute("""
            attach ':memory:' as makegood;
            create schema makegood.marts;
            create table makegood.marts.credits as
            from (values
                ('twice', date '2026-06-01', 'EUR'), ('twice', date '2026-06-01', 'EUR'),
                ('twice', date '2026-07-01', 'EUR'), ('twice', date '2026-06-01', 'USD'),
                ('without', date '2026-06-01', null), (null, date '2026-06-01', 'EUR'),
                ('no_fee', date '2026-06-01', null), ('no_fee', date '2026-06-01', null)
            ) as rows (subscription_id, month, currency)
        """)
        assert sorted(con.execute(found).fetchall(), key=str) == [
            ("no_fee", date(2026, 6, 1), None, 2),
            ("twice", date(2026, 6, 1), "EUR", 2),
            (None, date(2026, 6, 1), "EUR", 1),
        ]
