"""Sensors: the one that watches the landing folder. When it asks for a run is decided in
`orchestration/serving/deliveries`."""

import time
from typing import Any

import dagster as dg

from makegood.orchestration.definitions.resources import Deployment
from makegood.orchestration.serving import deliveries


def on_delivery(job: Any, deployment: Deployment) -> dg.SensorDefinition:
    """Asks for a run when a delivery is complete, and for another where one has failed."""

    @dg.sensor(
        name=deployment.named("on_delivery"),
        job=job,
        minimum_interval_seconds=30,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="When what is delivered has changed and then stayed the same for one look; "
        "again when a run published nothing and another one may.",
    )
    def made(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        if not deployment.landing.is_dir():
            return dg.SensorResult(skip_reason=f"{deployment.landing} is not a folder")
        cursor = deliveries.Cursor.read(context.cursor)
        ours = dg.RunsFilter(job_name=job.name)
        records = context.instance.get_run_records(ours, limit=deliveries.LOOKED_BACK)
        # a run of a part of the job says nothing about what is delivered
        runs = [r for r in records if publishes(r.dagster_run, deployment.publication)]
        cursor, reason = deliveries.decide(deployment.seen(), cursor, runs, time.time())
        if reason:
            return dg.SensorResult(skip_reason=reason, cursor=str(cursor))
        # without a key: what was delivered before may be delivered again
        return dg.SensorResult(run_requests=[dg.RunRequest()], cursor=str(cursor))

    return made


def publishes(run: dg.DagsterRun, publication: dg.AssetKey) -> bool:
    """Whether a run of the job is one of the whole, by what was selected."""
    assets, checks = run.asset_selection or set(), run.asset_check_selection or set()
    return publication in assets or not (assets or checks)
