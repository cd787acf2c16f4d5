"""What Dagster keeps about runs, in <warehouse>/orchestrator or in PostgreSQL, and for how long."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import yaml
from dagster import DagsterRunStatus as Status

from makegood.ingestion.files import write_whole
from makegood.orchestration.serving.storage import Storage

KEPT_DAYS = 90

SETTINGS: dict[str, Any] = {
    "telemetry": {"enabled": False},
    "nux": {"enabled": False},
    # runs of one warehouse wait for each other in a queue, which the daemon works off
    "run_coordinator": {
        "module": "dagster",
        "class": "QueuedRunCoordinator",
        # a run whose code server is starting anew is launched again, not failed
        "config": {"max_user_code_failure_retries": 10, "user_code_failure_retry_delay": 15},
    },
    "concurrency": {"runs": {"max_concurrent_runs": 1}},
    # each in a process of its own beside the code server
    "run_launcher": {"module": "dagster", "class": "DefaultRunLauncher"},
    # in days; the sensor looks twice a minute, and nearly always has nothing to do
    "retention": {
        "schedule": {"purge_after_days": KEPT_DAYS},
        "sensor": {
            "purge_after_days": {
                "skipped": 1,
                "started": 1,
                "success": KEPT_DAYS,
                "failure": KEPT_DAYS,
            }
        },
    },
}

FINISHED = [Status.SUCCESS, Status.FAILURE, Status.CANCELED]
# what is queued is begun by the next server
INTERRUPTED = [Status.NOT_STARTED, Status.STARTING, Status.STARTED, Status.CANCELING]


def configure(home: Path, storage: Storage | None = None) -> None:
    """Writes Dagster's settings into its folder, anew at each start; by default everything is kept
    in that folder."""
    chosen = {**SETTINGS, "storage": storage.settings()} if storage else SETTINGS
    text = "# written anew at each start\n" + yaml.safe_dump(chosen, sort_keys=False)
    # parts of a server that share the folder write the same, possibly at once
    write_whole(home / "dagster.yaml", text)


def interrupted(instance: dg.DagsterInstance) -> list[dg.DagsterRun]:
    """The runs that ended together with an earlier server. Only while no code server is at work."""
    return instance.get_runs(dg.RunsFilter(statuses=INTERRUPTED))


def settle(instance: dg.DagsterInstance, runs: Iterable[dg.DagsterRun]) -> None:
    """Fails runs that were interrupted: they would hold up the queue. Those whose status has since
    changed are left alone: a daemon may have queued a run again that it could not launch."""
    for run in runs:
        found = instance.get_run_by_id(run.run_id)
        if found and found.status == run.status:
            instance.report_run_failed(
                found, "it ended without a word, together with the orchestrator"
            )


def forget(instance: dg.DagsterInstance, now: datetime) -> int:
    """Deletes finished runs from more than KEPT_DAYS ago with all that Dagster keeps about them;
    returns how many. What makegood itself keeps about runs stays. `now`: aware."""
    before = now - timedelta(days=KEPT_DAYS)
    runs = instance.get_runs(dg.RunsFilter(statuses=FINISHED, created_before=before))
    for run in runs:
        instance.delete_run(run.run_id)
        instance.compute_log_manager.delete_logs(prefix=[run.run_id])
        # the events of each run are in a file of their own, which Dagster empties and leaves
        for file in Path(instance.root_directory, "history", "runs").glob(f"{run.run_id}.db*"):
            file.unlink(missing_ok=True)
    return len(runs)
