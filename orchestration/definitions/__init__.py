"""Dagster: a run of the warehouse as an asset graph, with its checks, job, schedule and sensor.

Nothing but Dagster belongs here: what a run does is in `orchestration/pipeline`. Importing it does
no work: `defs` is called by whoever loads it. `component` offers the same to other projects.
"""

from pathlib import Path
from tempfile import TemporaryDirectory

import dagster as dg

from makegood.ingestion.connect.settings import HOURLY
from makegood.ingestion.strict_yaml import InvalidDocument
from makegood.orchestration.definitions.assets import warehouse_assets
from makegood.orchestration.definitions.jobs import JOB, publish_job
from makegood.orchestration.definitions.resources import PUBLICATION, Deployment, opener
from makegood.orchestration.definitions.schedules import daily
from makegood.orchestration.definitions.sensors import on_delivery
from makegood.orchestration.definitions.sources import (
    pull_job,
    refused_asset,
    regularly,
    settings_of,
    source_assets,
)
from makegood.orchestration.pipeline.project import parsed

__all__ = ["JOB", "PUBLICATION", "Deployment", "build", "defs"]


def build(deployment: Deployment) -> dg.Definitions:
    """The definitions of one warehouse, which can be merged with those of other projects."""
    with TemporaryDirectory() as scratch:
        manifest = parsed(Path(scratch))
    refused: InvalidDocument | None = None
    try:
        connect = settings_of(deployment)
    except InvalidDocument as error:
        # a file that is edited while the server runs must not take the warehouse with it
        connect, refused = None, error
    assets = warehouse_assets(manifest, deployment, connect)
    job = publish_job(assets, deployment)
    sources = source_assets(connect, deployment) if connect else []
    if refused:
        sources = [refused_asset(refused, deployment)]
    pull = pull_job(sources, deployment) if sources else None
    return dg.Definitions(
        assets=[assets, *sources],
        jobs=[job, *([pull] if pull else [])],
        schedules=[
            daily(job, deployment),
            *([regularly(pull, connect.cron if connect else HOURLY, deployment)] if pull else []),
        ],
        sensors=[on_delivery(job, deployment)],
        resources={deployment.named("run"): opener(deployment)},
    )


def alone(deployment: Deployment) -> dg.Definitions:
    """The definitions of a code location that has nothing else."""
    only = dg.Definitions(
        # that of Dagster would let a request name a folder; nothing passes through it
        resources={"io_manager": dg.mem_io_manager},
        executor=dg.in_process_executor,
    )
    return dg.Definitions.merge(build(deployment), only)


@dg.definitions
def defs() -> dg.Definitions:
    """What `makegood orchestrator` serves."""
    return alone(Deployment.configured())
