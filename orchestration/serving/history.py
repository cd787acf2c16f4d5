"""What Dagster keeps about runs, in <warehouse>/orchestrator, and for how long."""

from datetime import datetime, timedelta
from pathlib import Path

import dagster as dg
from dagster import DagsterRunStatus as Status

KEPT_DAYS = 90

SETTINGS = f"""\
# written anew at each start
telemetry: {{enabled: false}}
nux: {{enabled: false}}
# runs of one warehouse wait for each other in a queue
concurrency: {{runs: {{max_concurrent_runs: 1}}}}
# in days; the sensor looks twice a minute, and nearly always has nothing to do
retention:
  schedule: {{purge_after_days: {KEPT_DAYS}}}
  sensor:
    purge_after_days: {{skipped: 1, started: 1, success: {KEPT_DAYS}, failure: {KEPT_DAYS}}}
"""

FINISHED = [Status.SUCCESS, Status.FAILURE, Status.CANCELED]
# what is queued is begun by the next server
INTERRUPTED = [Status.NOT_STARTED, Status.STARTING, Status.STARTED, Status.CANCELING]


def settle(instance: dg.DagsterInstance) -> None:
    """Fails the runs that ended together with an earlier server: they would hold up the queue.
    Only while no server is at work."""
    for run in instance.get_runs(dg.RunsFilter(statuses=INTERRUPTED)):
        instance.report_run_failed(run, "it ended without a word, together with the orchestrator")


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
