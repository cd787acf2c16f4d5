"""Dagster: the same run as an asset graph, its checks, sensor and schedule."""

import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import pytest

from orchestration import definitions
from orchestration import run as line
from orchestration.alerting import kept
from tests.conftest import Published, _NoWorker, write_landing
from tests.test_landing import AS_OF, world


@pytest.fixture
def defs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dg.Definitions:
    write_landing(tmp_path / "landing", world())
    monkeypatch.setenv("MAKEGOOD_LANDING", str(tmp_path / "landing"))
    monkeypatch.setenv("MAKEGOOD_WAREHOUSE", str(tmp_path / "warehouse"))
    monkeypatch.setattr(line, "Validation", _NoWorker)
    return definitions.defs()


def test_every_asset_is_described_owned_and_in_a_group(defs: dg.Definitions) -> None:
    graph = defs.resolve_asset_graph()
    nodes = [graph.get(key) for key in graph.get_all_asset_keys()]
    assert {n.group_name for n in nodes} == {"feeds", "staging", "intermediate", "marts", "quality", "publication"}
    assert [n.key for n in nodes if not n.description or not n.owners] == []


def test_the_graph_leads_from_feeds_to_the_publication(defs: dg.Definitions) -> None:
    graph = defs.resolve_asset_graph()
    seen, todo = set(), [definitions.PUBLICATION]
    while todo:
        key = todo.pop()
        if key not in seen:
            seen.add(key)
            todo += graph.get(key).parent_keys
    assert {k.path[1] for k in seen if k.path[0] == "feeds"} >= {"services", "components", "checks", "outages", "exclusions", "ticket_events", "invoice_lines"}


def test_the_job_publishes_and_records_its_checks(defs: dg.Definitions, tmp_path: Path) -> None:
    job = defs.resolve_job_def(definitions.JOB)
    config = {"landing": str(tmp_path / "landing"), "warehouse": str(tmp_path / "warehouse"), "as_of": AS_OF}
    with dg.DagsterInstance.ephemeral() as instance:
        done = job.execute_in_process(instance=instance, run_config={"resources": {"run": {"config": config}}})
        checks = done.get_asset_check_evaluations()
    assert done.success
    assert sum(r["downtime_seconds"] for r in Published(tmp_path / "warehouse").mart("availability")) == 1800
    assert {c.check_name for c in checks} >= {"downtime_adds_up", "feeds_add_up", "rows", "profile"}
    assert all(c.passed for c in checks)


def test_a_failed_job_publishes_nothing_and_lets_go(defs: dg.Definitions, tmp_path: Path) -> None:
    (tmp_path / "landing" / "services" / "rows.csv").unlink()
    job = defs.resolve_job_def(definitions.JOB)
    config = {"landing": str(tmp_path / "landing"), "warehouse": str(tmp_path / "warehouse"), "as_of": AS_OF}
    with dg.DagsterInstance.ephemeral() as instance:
        done = job.execute_in_process(instance=instance, run_config={"resources": {"run": {"config": config}}}, raise_on_error=False)
    assert not done.success
    warehouse = line.Warehouse(tmp_path / "warehouse")
    assert warehouse.current() is None
    assert warehouse.recorded()[-1]["status"] == "blocked"
    assert [e.alert.kind for e in kept(warehouse.root).open()] == ["run_blocked"]
    with warehouse.locked():
        pass


def test_the_sensor_waits_until_a_delivery_is_complete(defs: dg.Definitions, tmp_path: Path) -> None:
    sensor = defs.resolve_sensor_def("on_delivery")

    def look(cursor: str | None) -> tuple[list[dg.RunRequest], str | None]:
        with dg.DagsterInstance.ephemeral() as instance:
            found = sensor.evaluate_tick(dg.build_sensor_context(instance=instance, cursor=cursor))
        return found.run_requests or [], found.cursor or cursor

    requests, cursor = look(None)
    assert requests == [], "the folder has just been seen"
    requests, cursor = look(cursor)
    assert len(requests) == 1, "it stayed as it is"
    requests, cursor = look(cursor)
    assert requests == []
    (tmp_path / "landing" / "outages" / "more.csv").write_text("outage_id,deleted\nz,true\n")
    requests, cursor = look(cursor)
    assert requests == []
    requests, cursor = look(cursor)
    assert len(requests) == 1


def test_the_schedule_runs_as_of_the_instant_it_is_due(defs: dg.Definitions) -> None:
    schedule = defs.resolve_schedule_def("daily")
    due = datetime(2026, 7, 10, 5, 0, tzinfo=UTC)
    with dg.DagsterInstance.ephemeral() as instance:
        found = schedule.evaluate_tick(dg.build_schedule_context(instance=instance, scheduled_execution_time=due))
    config = found.run_requests[0].run_config["resources"]["run"]["config"]
    assert config["as_of"] == "2026-07-10T05:00:00+00:00"


def test_importing_the_definitions_does_no_work() -> None:
    code = "import sys, orchestration.definitions as d; assert not [m for m in sys.modules if m == 'dbt' or m.startswith(('dbt.', 'great_expectations', 'streamlit'))]"
    done = subprocess.run([sys.executable, "-c", code], env={**os.environ, "MAKEGOOD_LANDING": "/nowhere"}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
