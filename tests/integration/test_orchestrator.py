"""Dagster: the same run as an asset graph, its checks, sensor and schedule."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
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
from makegood.expectations.protocol import FIGURES, VOLUME, ExpectationResult, Severity
from makegood.orchestration import definitions
from makegood.orchestration.definitions import resources, sensors
from makegood.orchestration.definitions.resources import Deployment
from makegood.orchestration.pipeline import project as dbt_project
from makegood.orchestration.pipeline import run as line
from makegood.orchestration.serving import deliveries, history
from makegood.orchestration.serving.deliveries import LONGEST_PAUSE_SECONDS, OUTCOME, PAUSE_SECONDS
from tests.conftest import Published, _NoWorker, light, some_of, write_landing
from tests.integration.test_landing import AS_OF, deliver, world


@pytest.fixture
def defs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dg.Definitions:
    write_landing(tmp_path / "landing", world())
    monkeypatch.setenv("MAKEGOOD_LANDING", str(tmp_path / "landing"))
    monkeypatch.setenv("MAKEGOOD_WAREHOUSE", str(tmp_path / "warehouse"))
    light(monkeypatch)
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


@pytest.mark.long
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
        for as_of, error in wrong.items():
            run = launched(defs, instance, as_of=as_of)
            (failure,) = instance.all_logs(run.run_id, of_type=dg.DagsterEventType.PIPELINE_FAILURE)
            assert run.tags[OUTCOME] == deliveries.AS_OF_REFUSED
            assert error in failure.dagster_event.job_failure_data.error.to_string()
    assert len(Published(tmp_path / "warehouse").query("select * from quality.runs")) == 1


@pytest.mark.long
def test_a_run_waits_for_the_one_at_work(
    defs: dg.Definitions, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """It goes on when the warehouse is free, and is as of then."""
    instants = [datetime(2026, 7, 10, 5, tzinfo=UTC), datetime(2026, 7, 10, 6, tzinfo=UTC)]
    monkeypatch.setattr(resources, "datetime", SimpleNamespace(now=lambda zone: instants.pop(0)))
    (tmp_path / "warehouse").mkdir()
    at_work = filelock.FileLock(tmp_path / "warehouse" / "lock")
    waits = []

    def let_go(seconds: float) -> None:
        waits.append(seconds)
        at_work.release()

    monkeypatch.setattr(resources, "time", SimpleNamespace(sleep=let_go))
    with at_work, dg.DagsterInstance.ephemeral() as instance:
        run = launched(defs, instance)
    assert waits == [resources.LOOK_SECONDS]
    assert (run.status, run.tags[OUTCOME]) == (dg.DagsterRunStatus.SUCCESS, "published")
    (row,) = Published(tmp_path / "warehouse").query("select as_of from quality.runs")
    assert row["as_of"] == datetime(2026, 7, 10, 6, tzinfo=UTC)


# ---------------------------------------------------------------- selections


def key(name: str) -> dg.AssetKey:
    return dg.AssetKey(name.split("/"))


@dataclass(frozen=True)
class Done:
    """A run of a part of the job: how it ended, and what it left in Dagster."""

    status: str
    outcome: str
    error: str
    # metadata by asset, and by asset and check
    made: dict[str, dict[str, object]]
    checked: dict[tuple[str, str], dg.AssetCheckEvaluation]


def selected(
    defs: dg.Definitions, instance: dg.DagsterInstance, *names: str, **config: str
) -> Done:
    """The job over these assets alone; none: over all."""
    job = defs.resolve_job_def(definitions.JOB)
    done = job.execute_in_process(
        instance=instance,
        run_config={"resources": {"run": {"config": config}}},
        asset_selection=[key(name) for name in names] or None,
        raise_on_error=False,
    )
    run = instance.get_run_by_id(done.run_id)
    assert run is not None
    errors = [
        event.step_failure_data.error.to_string()
        for event in done.all_events
        if event.event_type_value == "STEP_FAILURE"
    ]
    made = {
        event.step_materialization_data.materialization.asset_key.to_user_string(): {
            name: value.value
            for name, value in event.step_materialization_data.materialization.metadata.items()
        }
        for event in done.all_events
        if event.event_type_value == "ASSET_MATERIALIZATION"
    }
    checked = {
        (found.asset_key.to_user_string(), found.check_name): found
        for event in done.all_events
        if event.event_type_value == "ASSET_CHECK_EVALUATION"
        for found in [event.asset_check_evaluation_data]
    }
    return Done(run.status.value, run.tags[OUTCOME], "".join(errors), made, checked)


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as made:
        yield made


MODEL_TEST = ("marts/downtime_by_period", "downtime_adds_up")


@pytest.mark.long
def test_each_event_has_its_numbers(
    defs: dg.Definitions, instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    """The publication alone runs everything; what it changes is counted against the one before."""
    first = selected(defs, instance, as_of=AS_OF)
    again = {**world()["outages"][1], "outage_id": "o-2"}
    again |= {"started_at": "2026-06-12T00:00:00Z", "ended_at": "2026-06-12T01:00:00Z"}
    deliver(tmp_path / "landing", "more.csv", "outages", [again])
    second = selected(defs, instance, "publication/makegood", as_of=AS_OF)
    assert (first.outcome, second.outcome) == ("published", "published")
    downtime = second.made["marts/downtime"]
    assert downtime["rows changed by"] == 1
    assert downtime["rows before"] == first.made["marts/downtime"]["dagster/row_count"]
    published = Published(tmp_path / "warehouse")
    marts = {f"marts/{name}": len(rows) for name, rows in published.all_marts().items()}
    assert {n: second.made[n]["dagster/row_count"] for n in marts} == marts
    # these are in no publication, the first has none before it
    numbers = {"dagster/row_count", "seconds"}
    assert second.made["intermediate/int_downtime"].keys() == numbers
    assert first.made["marts/downtime"].keys() == numbers
    assert second.made["feeds/outages"] == {"files read": 1, "rows read": 1, "rows rejected": 0}
    test = second.checked[MODEL_TEST]
    assert {n: v.value for n, v in test.metadata.items() if n != "seconds"} == {"failing rows": 0}
    # what was not selected has its events all the same: it was made
    assert second.made.keys() == first.made.keys()
    assert second.checked.keys() == first.checked.keys()


@pytest.mark.long
def test_months_of_checks_are_named(
    defs: dg.Definitions, instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    """A month is backfilled by delivering it: no other month is written."""
    for name, days in (("a", ("2026-05-31", "2026-06-30")), ("b", ("2026-05-30",))):
        rows = [
            {"checked_at": f"{day}T12:00:00Z", "component_id": "c", "location": "x", "status": "up"}
            for day in days
        ]
        deliver(tmp_path / "landing", f"{name}.csv", "checks", rows)
        done = selected(defs, instance, as_of=AS_OF)
        months = sorted({day[:7] for day in days})
        assert done.made["feeds/checks"]["months landed"] == ", ".join(months)


REFUSED = {
    "feeds/services": "feeds/services can't be materialized without publication/makegood",
    "marts/credits": "nothing has been published in ",
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_can_not_be_run_is_refused_before_anything_is_opened(
    defs: dg.Definitions, instance: dg.DagsterInstance, tmp_path: Path, name: str
) -> None:
    done = selected(defs, instance, name)
    assert (done.status, done.outcome) == ("FAILURE", deliveries.SELECTION_REFUSED)
    assert REFUSED[name] in done.error
    assert "publication/makegood" in done.error
    assert "launch the job publish" in done.error
    assert not (tmp_path / "warehouse").exists()


@pytest.mark.long
def test_models_are_tried_on_what_is_published(
    defs: dg.Definitions, instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    selected(defs, instance, as_of=AS_OF)
    warehouse = line.Warehouse(tmp_path / "warehouse")
    before = (warehouse.recorded(), Published(warehouse.root).database, alert_store(warehouse.root))
    # it is not read: a trial has what the publication has
    again = {**world()["outages"][1], "outage_id": "o-2"}
    again |= {"started_at": "2026-06-12T00:00:00Z", "ended_at": "2026-06-12T01:00:00Z"}
    deliver(tmp_path / "landing", "more.csv", "outages", [again])
    done = selected(defs, instance, "intermediate/int_downtime")
    assert (done.status, done.outcome) == ("SUCCESS", deliveries.TRIED)
    # it and what is below it; not what it reads, nor what is beside it
    assert {"intermediate/int_downtime", "marts/downtime", "marts/credits"} <= done.made.keys()
    assert not {"staging/stg_outages", "marts/contracts", "publication/makegood"} & done.made.keys()
    marts = {name: found for name, found in done.made.items() if name.startswith("marts/")}
    assert {found["rows changed by"] for found in marts.values()} == {0}
    assert {(f["published"], f["as of"]) for f in done.made.values()} == {
        (False, "2026-07-10T00:00:00+00:00")
    }
    assert done.checked[MODEL_TEST].passed
    # expectations belong to whole runs
    assert not {FIGURES, VOLUME} & {check for _, check in done.checked}
    after = (warehouse.recorded(), Published(warehouse.root).database, alert_store(warehouse.root))
    assert after == before
    assert list(warehouse.building.glob("*")) == []


def test_a_killed_trial_does_not_count_as_a_killed_run(tmp_path: Path) -> None:
    warehouse = line.Warehouse(tmp_path / "warehouse")
    for name in ("trial-1", "00000001-run"):
        (warehouse.building / name).mkdir(parents=True)
    with warehouse.locked():
        assert warehouse.clear() == ["00000001-run"]
    assert not warehouse.building.exists()


FEED = ExpectationResult("services", VOLUME, "expect_x", None, "block", True, "", "rows")
MART = replace(FEED, feed="", suite=FIGURES, mart="credits")
# an expectation that fails, the check it is part of, its severity, and how the run ends
FAILING: dict[str, tuple[ExpectationResult, tuple[str, str], Severity, str]] = {
    "a feed blocks": (FEED, ("feeds/services", VOLUME), "block", "blocked"),
    "a feed warns": (FEED, ("feeds/services", VOLUME), "warn", "published"),
    "a mart blocks": (MART, ("marts/credits", FIGURES), "block", "failed"),
}


@pytest.mark.parametrize("what", some_of(FAILING, "a feed blocks"))
def test_an_expectation_that_blocks_is_a_blocking_check(
    defs: dg.Definitions,
    instance: dg.DagsterInstance,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    what: str,
) -> None:
    met, check, severity, outcome = FAILING[what]
    failed = replace(met, success=False, severity=severity, detail="1 of 1 rows")
    monkeypatch.setattr(_NoWorker, "results", lambda self: [failed, met])
    done = selected(defs, instance, as_of=AS_OF)
    found = done.checked[check]
    assert not found.passed
    assert found.blocking
    assert {n: v.value for n, v in found.metadata.items()} == {
        "expectations": 2,
        "failed": 1,
        "failed and blocking": int(severity == "block"),
        "details": "rows: 1 of 1 rows",
    }
    assert found.severity.value == ("ERROR" if severity == "block" else "WARN")
    assert (done.status, done.outcome) == ("SUCCESS" if severity == "warn" else "FAILURE", outcome)
    assert (tmp_path / "warehouse" / "published").exists() == (severity == "warn")
    # what is below a feed that blocks was not made
    groups = {name.split("/")[0] for name in done.made}
    assert groups >= {"feeds"}
    assert ("marts" in groups) == (outcome != "blocked")
    assert ("publication" in groups) == (outcome == "published")


@pytest.mark.long
@pytest.mark.parametrize("severity", ["error", "warn"])
def test_a_failing_test_of_dbt_fails_the_check_of_its_model(
    defs: dg.Definitions,
    instance: dg.DagsterInstance,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    severity: str,
) -> None:
    project = tmp_path / "dbt"
    shutil.copytree(
        dbt_project.DBT_PROJECT, project, ignore=shutil.ignore_patterns("target", "*.py")
    )
    (project / "tests" / "no_services.sql").write_text(
        f"{{{{ config(severity='{severity}') }}}} select * from {{{{ ref('last_seen') }}}}"
    )
    monkeypatch.setattr(dbt_project, "DBT_PROJECT", project)
    monkeypatch.setattr(dbt_project, "CACHE", tmp_path / "cache")
    done = selected(definitions.defs(), instance, as_of=AS_OF)
    found = done.checked["marts/last_seen", "no_services"]
    assert (found.passed, found.blocking) == (False, severity == "error")
    assert found.severity.value == severity.upper()
    assert found.metadata["failing rows"].value == 1
    assert done.made["marts/last_seen"]["dagster/row_count"] == 1
    assert done.outcome == ("failed" if severity == "error" else "published")
    assert ("publication/makegood" in done.made) == (severity == "warn")


# ---------------------------------------------------------------- the sensor


@dg.op
def ends(context: dg.OpExecutionContext) -> None:
    if "fails" in context.run.tags:
        raise RuntimeError("as it should")


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
        deployment = Deployment(self.landing, self.landing.parent / "warehouse", self.contracts)
        found = sensors.on_delivery(stand_in, deployment).evaluate_tick(context)
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
        record = self.instance.get_run_record_by_id(done.run_id)
        assert record is not None
        assert record.end_time is not None
        self.at = record.end_time

    def begins(self, status: dg.DagsterRunStatus) -> None:
        begun(self.instance, status)

    def delivers(self, name: str) -> None:
        (self.landing / name).write_text(name)


@pytest.fixture
def sensor(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Sensor]:
    for folder in ("landing", "contracts"):
        (tmp_path / folder).mkdir()
    with dg.DagsterInstance.ephemeral() as instance:
        made = Sensor(instance, tmp_path / "landing", tmp_path / "contracts")
        monkeypatch.setattr(sensors, "time", SimpleNamespace(time=lambda: made.at))
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
            sensor.looks() == f"the last run was {outcome}: "
            "it is tried again when what is delivered or configured changes"
        )
    (sensor.contracts / "c.yaml").write_text("repaired")
    assert sensor.settles() == ""
    sensor.ends(outcome)
    assert sensor.looks().startswith(f"the last run was {outcome}")
    (sensor.landing / "a").unlink()
    assert sensor.settles() == ""


def test_a_new_contract_waits_for_the_daily_run(sensor: Sensor) -> None:
    """Contracts are seldom repaired in one step; where the daily run was refused, it is enough."""
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


def test_a_run_of_a_part_says_nothing_about_what_is_delivered() -> None:
    part, publication = key("marts/credits"), definitions.PUBLICATION
    check = dg.AssetCheckKey(part, "credits_are_possible")
    runs = [
        (dg.DagsterRun("publish"), True),
        (dg.DagsterRun("publish", asset_selection=frozenset({part, publication})), True),
        (dg.DagsterRun("publish", asset_selection=frozenset({part})), False),
        (dg.DagsterRun("publish", asset_check_selection=frozenset({check})), False),
    ]
    assert [sensors.publishes(run, publication) for run, _ in runs] == [so for _, so in runs]


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
    history.configure(tmp_path)
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
    interrupted = history.interrupted(home)
    # one whose status changes before it is settled
    again = begun(home, status.STARTING)
    (stale,) = (run for run in history.interrupted(home) if run.run_id == again)
    home.report_run_canceled(stale)
    history.settle(home, [*interrupted, stale])
    found = statuses(home)
    assert found[again] == status.CANCELED
    assert [found[made[s]] for s in (status.STARTED, status.STARTING, status.CANCELING)] == [
        status.FAILURE
    ] * 3
    assert [found[made[s]] for s in (status.QUEUED, status.SUCCESS)] == [
        status.QUEUED,
        status.SUCCESS,
    ]


def test_the_settings_of_dagster_are_taken(home: dg.DagsterInstance) -> None:
    assert not home.telemetry_enabled
    queue = home.get_concurrency_config().run_queue_config
    assert queue is not None
    assert queue.max_concurrent_runs == 1
    # runs outlast a code server that is starting anew
    assert queue.max_user_code_failure_retries * queue.user_code_failure_retry_delay == 150
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
    code = """import sys, makegood.orchestration.definitions.component
slow = ('dbt', 'great_expectations', 'streamlit')
assert not [m for m in sys.modules if m.split('.')[0] in slow]"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "MAKEGOOD_LANDING": "/nowhere"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_dagster_takes_the_definitions_for_valid(tmp_path: Path) -> None:
    words = ["-m", "dagster", "definitions", "validate", "-m", "makegood.orchestration.definitions"]
    done = subprocess.run(
        [sys.executable, *words],
        cwd=tmp_path,
        env={**os.environ, "DAGSTER_HOME": str(tmp_path), "DAGSTER_DISABLE_TELEMETRY": "yes"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
