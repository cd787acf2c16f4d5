"""Jobs: the one that lands, builds, audits and publishes. What it does is in the assets."""

from typing import Any

import dagster as dg

from makegood.orchestration.definitions.resources import Deployment

JOB = "publish"


def publish_job(assets: dg.AssetsDefinition, deployment: Deployment) -> Any:
    """The whole of a deployment's assets with their checks."""
    return dg.define_asset_job(
        deployment.named(JOB),
        selection=dg.AssetSelection.assets(*assets.keys),
        executor_def=dg.in_process_executor,
        # the sensor tries again, after a pause and only where that can help: at once, and of what
        # is blocked, a retry would only repeat the alert
        tags={"dagster/max_retries": "0"},
        description="Land, build, audit, publish.",
    )
