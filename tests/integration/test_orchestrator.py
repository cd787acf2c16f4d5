"""Dagster: the same run as an asset graph, its checks, sensor and schedule."""

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import dagster as dg
import filelock
import pytest
from dagster._core.definitions.run_request import InstigatorType
from dagster._core.remote_origin import (
    GrpcServerCodeLocationOrigin,
    RemoteJobOrigin,
    RemoteRepositoryOrigin,
)

from makegood.dashboards.figures.operations import alert_store
from makegood.orchestration import definitions
from makegood.orchestration.pipeline import run as line
from makegood.orchestration.serving import deliveries, history
from makegood.orchestration.serving.deliveries import LONGEST_PAUSE_SECONDS, OUTCOME, PAUSE_SECONDS
from tests.conftest import Published, _NoWorker, write_landing
from tests.integration.test_landing import AS_OF, world


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
    assert {n.group_name for n in nodes} == {
        "feeds",
        "staging",
        "intermediate",
        "marts",
        "quality",
        "publication",
    }
    assert [n.key for n in nodes if not n.description or not n.owners] == []


def test_the_graph_leads_from_feeds_to_the_publication(defs: dg.Definitions) -> None:
    graph = defs.resolve_asset_graph()
    seen, todo = set(), [definitions.PUBLICATION]
    while todo:
        key = todo.pop()
        if key not in seen:
            seen.add(key)
            todo += graph.get(key).parent_keys
    assert {k.path[1] for k in seen if k.path[0] == "feeds"} >= {
        "services",
        "components",
        "checks",
        "outages",
        "exclusions",
        "ticket_events",
        "invoice_lines",
    }


def launched(defs: dg.Definitions, instance: dg.DagsterInstance, **config: str) -> dg.DagsterRun:
    """The job, run in this process as it is launched with that configuration of its run."""
    job = defs.resolve_job_def(definitions.JOB)
    done = job.execute_in_process(
        instance=instance,
        run_config={"resources": {"run": {"config": config}}},
        raise_on_error=False,
    )
    run = instance.get_run_by_id(done.run_id)
    assert run is not None
    return run


def test_the_job_publishes_and_records_its_checks(defs: dg.Definitions, tmp_path: Path) -> None:
    job = defs.resolve_job_def(definitions.JOB)
    with dg.DagsterInstance.ephemeral() as instance:
        done = job.execute_in_process(
            instance=instance, run_config={"resources": {"run": {"config": {"as_of": AS_OF}}}}
        )
        checks = done.get_asset_check_evaluations()
    assert done.success
    assert (
        sum(r["downtime_seconds"] for r in Published(tmp_path / "warehouse").mart("availability"))
        == 1800
    )
    names = {c.check_name for c in checks}
    assert names >= {"downtime_adds_up", "feeds_add_up", "volume", "history", "figures"}
    assert all(c.passed for c in checks)


def test_a_failed_job_publishes_nothing_and_lets_go(defs: dg.Definitions, tmp_path: Path) -> None:
    (tmp_path / "landing" / "services" / "rows.csv").unlink()
    with dg.DagsterInstance.ephemeral() as instance:
        run = launched(defs, instance, as_of=AS_OF)
    assert (run.status, run.tags[OUTCOME]) == (dg.DagsterRunStatus.FAILURE, "blocked")
    warehouse = line.Warehouse(tmp_path / "warehouse")
    assert warehouse.current() is None
    assert warehouse.recorded()[-1].status == "blocked"
    assert [e.alert.kind for e in alert_store(warehouse.root).open()] == ["run_blocked"]
    with warehouse.locked():
        pass


@pytest.mark.parametrize(
    "name", ["landing", "warehouse", "contracts", "alerts", "threads", "memory"]
)
def test_no_configuration_of_a_run_names_a_folder(defs: dg.Definitions, name: str) -> None:
    job = defs.resolve_job_def(definitions.JOB)
    with pytest.raises(dg.DagsterInvalidConfigError, match=f'unexpected config entry "{name}"'):
        dg.validate_run_config(job, {"resources": {"run": {"config": {name: "elsewhere"}}}})


def test_an_as_of_that_can_not_be_published_is_refused(
    defs: dg.Definitions, tmp_path: Path
) -> None:
    wrong = {
        "2199-01-01T00:00:00Z": "as_of 2199-01-01T00:00:00Z is in the future",
        "2026-07-09T23:59:59Z": "is before 2026-07-10T00:00:00",
        "yesterday": "as_of can't be read (Invalid isoformat string: 'yesterday'): write it as 2",
    }
    with dg.DagsterInstance.ephemeral() as instance:
        assert launched(defs, instance, as_of=AS_OF).is_success
        for as_of, said in wrong.items():
            run = launched(defs, instance, as_of=as_of)
            (failure,) = instance.all_logs(run.run_id, of_type=dg.DagsterEventType.PIPELINE_FAILURE)
            assert run.tags[OUTCOME] == deliveries.AS_OF_REFUSED
            assert said in failure.dagster_event.job_failure_data.error.to_string()
    assert len(Published(tmp_path / "warehouse").query("select * from quality.runs")) == 1


def test_a_run_waits_for_the_one_at_work(
    defs: dg.Definitions, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """It goes on when the warehouse is free, and is as of then."""
    instants = [datetime(2026, 7, 10, 5, tzinfo=UTC), datetime(2026, 7, 10, 6, tzinfo=UTC)]
    monkeypatch.setattr(definitions, "datetime", SimpleNamespace(now=lambda zone: instants.pop(0)))
    (tmp_path / "warehouse").mkdir()
    at_work = filelock.FileLock(tmp_path / "warehouse" / "lock")
    waits = []

    def let_go(seconds: float) -> None:
        waits.append(seconds)
        at_work.release()

    monkeypatch.setattr(definitions, "time", SimpleNamespace(sleep=let_go))
    with at_work, dg.DagsterInstance.ephemeral() as instance:
        run = launched(defs, instance)
    assert waits == [definitions.LOOK_SECONDS]
    assert (run.status, run.tags[OUTCOME]) == (dg.DagsterRunStatus.SUCCESS, "published")
    (row,) = Published(tmp_path / "warehouse").query("select as_of from quality.runs")
    assert row["as_of"] == datetime(2026, 7, 10, 6, tzinfo=UTC)


@dg.op
def ends(context: dg.OpExecutionContext) -> None:
    if "fails" in context.run.tags:
        raise RuntimeError("as it was told")


@dg.job(name=definitions.JOB)
def stand_in() -> None:
    ends()


def begun(instance: dg.DagsterInstance, status: dg.DagsterRunStatus) -> str:
    """The id of a run that has come as far as that."""
    # Dagster queues nothing without knowing where its code is
    location = GrpcServerCodeLocationOrigin(host="localhost", port=1, location_name="nowhere")
    origin = RemoteJobOrigin(RemoteRepositoryOrigin(location, "__repository__"), definitions.JOB)
    return instance.create_run_for_job(
        stand_in,
        status=status,
        remote_job_origin=origin,
        job_code_origin=dg.reconstructable(stand_in).get_python_origin(),
    ).run_id


@dataclass
class Sensor:
    """The sensor with what it remembers, over runs that are made to end one way or another."""

    instance: dg.DagsterInstance
    landing: Path
    contracts: Path
    cursor: str | None = None
    at: float = 0.0

    def looks(self) -> str:
        """Why it asked for no run; empty: it asked for one."""
        context = dg.build_sensor_context(instance=self.instance, cursor=self.cursor)
        found = definitions._on_delivery(stand_in).evaluate_tick(context)
        self.cursor = found.cursor or self.cursor
        assert [request.run_key for request in found.run_requests or []] == (
            [] if found.skip_message else [None]
        )
        return found.skip_message or ""

    def settles(self) -> str:
        """What it says when it has seen twice what there is."""
        self.looks()
        return self.looks()

    def ends(self, outcome: str) -> None:
        """A run ends as of now; `killed`: without a word."""
        tags = {} if outcome == "published" else {"fails": ""}
        tags |= {} if outcome == "killed" else {OUTCOME: outcome}
        done = stand_in.execute_in_process(instance=self.instance, tags=tags, raise_on_error=False)
        self.at = self.instance.get_run_record_by_id(done.run_id).end_time  # type: ignore[union-attr,assignment]

    def begins(self, status: dg.DagsterRunStatus) -> None:
        begun(self.instance, status)

    def delivers(self, name: str) -> None:
        (self.landing / name).write_text(name)


@pytest.fixture
def sensor(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Sensor]:
    for folder in ("landing", "contracts"):
        (tmp_path / folder).mkdir()
        monkeypatch.setenv(f"MAKEGOOD_{folder.upper()}", str(tmp_path / folder))
    monkeypatch.setenv("MAKEGOOD_WAREHOUSE", str(tmp_path / "warehouse"))
    with dg.DagsterInstance.ephemeral() as instance:
        made = Sensor(instance, tmp_path / "landing", tmp_path / "contracts")
        monkeypatch.setattr(definitions, "time", SimpleNamespace(time=lambda: made.at))
        yield made


NOTHING_NEW = "nothing new has been delivered"


def test_the_sensor_waits_until_a_delivery_is_complete(sensor: Sensor) -> None:
    sensor.delivers("a")
    assert "is changing" in sensor.looks(), "the folder has just been seen"
    assert sensor.looks() == "", "it stayed as it is"
    sensor.ends("published")
    assert sensor.looks() == NOTHING_NEW
    sensor.delivers("b")
    assert "is changing" in sensor.looks()
    sensor.delivers("c")
    assert "is changing" in sensor.looks()
    assert sensor.looks() == ""


def test_a_folder_that_returns_to_an_earlier_state_is_looked_at_again(sensor: Sensor) -> None:
    sensor.delivers("a")
    assert sensor.settles() == ""
    sensor.ends("published")
    (sensor.landing / "a").rename(sensor.landing / "b")
    assert sensor.settles() == ""
    sensor.ends("published")
    (sensor.landing / "b").rename(sensor.landing / "a")
    assert sensor.settles() == ""


@pytest.mark.parametrize("outcome", ["blocked", "refused"])
def test_what_is_blocked_or_refused_is_tried_again_when_something_changes(
    sensor: Sensor, outcome: str
) -> None:
    sensor.delivers("a")
    assert sensor.settles() == ""
    sensor.ends(outcome)
    sensor.at += 10 * LONGEST_PAUSE_SECONDS
    for _ in range(3):
        assert (
            sensor.looks()
            == f"the last run was {outcome}: it is tried again when what is delivered or configured changes"
        )
    (sensor.contracts / "c.yaml").write_text("repaired")
    assert sensor.settles() == ""
    sensor.ends(outcome)
    assert sensor.looks().startswith(f"the last run was {outcome}")
    (sensor.landing / "a").unlink()
    assert sensor.settles() == ""


def test_a_new_contract_waits_for_the_daily_run(sensor: Sensor) -> None:
    """Nobody mends contracts in one stroke; but where the daily run was refused, mending them is enough."""
    assert sensor.settles() == ""
    sensor.ends("published")
    (sensor.contracts / "c.yaml").write_text("half")
    assert sensor.settles() == NOTHING_NEW
    sensor.ends("refused")
    assert sensor.looks().startswith("the last run was refused")
    (sensor.contracts / "c.yaml").write_text("whole")
    assert sensor.settles() == ""


@pytest.mark.parametrize("outcome", ["failed", "killed"])
def test_what_failed_is_tried_again_after_a_pause_that_grows(sensor: Sensor, outcome: str) -> None:
    sensor.delivers("a")
    assert sensor.settles() == ""
    for pause in (PAUSE_SECONDS, 2 * PAUSE_SECONDS, 4 * PAUSE_SECONDS):
        sensor.ends(outcome)
        sensor.at += pause - 1
        assert sensor.looks().startswith("the last run failed: it is tried again in ")
        sensor.at += 1
        assert sensor.looks() == ""
    sensor.ends("published")
    sensor.at += LONGEST_PAUSE_SECONDS
    assert sensor.looks() == NOTHING_NEW
    sensor.ends(outcome)
    sensor.at += PAUSE_SECONDS
    assert sensor.looks() == "", "a success begins the pauses anew"


def test_pauses_end_at_a_day(sensor: Sensor) -> None:
    assert sensor.settles() == ""
    for _ in range(deliveries.LOOKED_BACK + 2):
        sensor.ends("failed")
    sensor.at += LONGEST_PAUSE_SECONDS - 1
    assert sensor.looks() != ""
    sensor.at += 1
    assert sensor.looks() == ""


def test_a_run_as_of_an_instant_that_was_refused_hides_nothing(sensor: Sensor) -> None:
    assert sensor.settles() == ""
    sensor.ends("failed")
    failed_at = sensor.at
    sensor.ends(deliveries.AS_OF_REFUSED)
    sensor.at = failed_at + PAUSE_SECONDS
    assert sensor.looks() == ""


def test_what_somebody_ended_by_hand_is_left_alone(sensor: Sensor) -> None:
    assert sensor.settles() == ""
    sensor.begins(dg.DagsterRunStatus.CANCELED)
    sensor.at += LONGEST_PAUSE_SECONDS
    assert sensor.looks() == NOTHING_NEW


def test_a_run_at_work_may_have_missed_a_delivery_and_one_in_the_queue_has_not(
    sensor: Sensor,
) -> None:
    assert sensor.settles() == ""
    sensor.begins(dg.DagsterRunStatus.STARTED)
    assert sensor.looks() == "a run is at work"
    sensor.delivers("a")
    assert sensor.settles() == ""
    sensor.begins(dg.DagsterRunStatus.QUEUED)
    sensor.delivers("b")
    assert sensor.settles() == "a run is queued, and will read what there is"


@pytest.mark.parametrize("cursor", ["", "x", f"{'a' * 64} {'b' * 64}", "a b c"])
def test_a_cursor_of_another_version_is_none(sensor: Sensor, cursor: str) -> None:
    sensor.cursor = cursor
    assert "is changing" in sensor.looks()
    assert sensor.looks() == ""


def test_the_sensor_waits_for_its_folder(sensor: Sensor) -> None:
    sensor.landing.rmdir()
    assert sensor.looks() == f"{sensor.landing} is not a folder"


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    """What Dagster keeps on disk, with the settings of the orchestrator."""
    (tmp_path / "dagster.yaml").write_text(history.SETTINGS)
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    with dg.DagsterInstance.get() as instance:
        yield instance


def statuses(instance: dg.DagsterInstance) -> dict[str, dg.DagsterRunStatus]:
    return {run.run_id: run.status for run in instance.get_runs()}


def test_runs_are_forgotten_with_all_they_left(home: dg.DagsterInstance, tmp_path: Path) -> None:
    done = [
        stand_in.execute_in_process(instance=home, tags=tags, raise_on_error=False).run_id
        for tags in ({}, {"fails": ""})
    ]
    waiting = begun(home, dg.DagsterRunStatus.QUEUED)

    def left(run_id: str) -> list[Path]:
        return [path for path in tmp_path.rglob("*") if run_id in path.as_posix()]

    now = datetime.now(UTC)
    assert history.forget(home, now + timedelta(days=history.KEPT_DAYS - 1)) == 0
    assert all(left(run_id) for run_id in done)
    assert history.forget(home, now + timedelta(days=history.KEPT_DAYS + 1)) == 2
    assert [left(run_id) for run_id in done] == [[], []]
    assert statuses(home) == {waiting: dg.DagsterRunStatus.QUEUED}


def test_runs_that_ended_with_their_server_hold_up_nothing(home: dg.DagsterInstance) -> None:
    status = dg.DagsterRunStatus
    made = {
        s: begun(home, s)
        for s in (status.STARTED, status.STARTING, status.CANCELING, status.QUEUED, status.SUCCESS)
    }
    history.settle(home)
    found = statuses(home)
    assert [found[made[s]] for s in (status.STARTED, status.STARTING, status.CANCELING)] == [
        status.FAILURE
    ] * 3
    assert [found[made[s]] for s in (status.QUEUED, status.SUCCESS)] == [
        status.QUEUED,
        status.SUCCESS,
    ]


def test_the_settings_of_dagster_are_taken(home: dg.DagsterInstance) -> None:
    assert not home.telemetry_enabled
    assert home.get_concurrency_config().run_queue_config.max_concurrent_runs == 1  # type: ignore[union-attr]
    days = {
        kind.value: {
            status.value: n for status, n in home.get_tick_retention_settings(kind).items()
        }
        for kind in (InstigatorType.SENSOR, InstigatorType.SCHEDULE)
    }
    kept = history.KEPT_DAYS
    assert days["SENSOR"] == {"SKIPPED": 1, "STARTED": 1, "SUCCESS": kept, "FAILURE": kept}
    assert set(days["SCHEDULE"].values()) == {kept}


def test_the_schedule_runs_as_of_the_instant_it_is_due(defs: dg.Definitions) -> None:
    schedule = defs.resolve_schedule_def("daily")
    due = datetime(2026, 7, 10, 5, 0, tzinfo=UTC)
    with dg.DagsterInstance.ephemeral() as instance:
        found = schedule.evaluate_tick(
            dg.build_schedule_context(instance=instance, scheduled_execution_time=due)
        )
    config = found.run_requests[0].run_config["resources"]["run"]["config"]
    assert config["as_of"] == "2026-07-10T05:00:00+00:00"


def test_importing_the_definitions_does_no_work() -> None:
    code = "import sys, makegood.orchestration.definitions as d; assert not [m for m in sys.modules if m == 'dbt' or m.startswith(('dbt.', 'great_expectations', 'streamlit'))]"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "MAKEGOOD_LANDING": "/nowhere"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
