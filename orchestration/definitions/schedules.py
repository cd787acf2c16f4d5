"""Schedules: the daily run, without which nothing would lapse or become final on a quiet day."""

from datetime import UTC
from typing import Any

import dagster as dg

from makegood.orchestration.definitions.resources import Deployment


def daily(job: Any, deployment: Deployment) -> dg.ScheduleDefinition:
    """A run each day at 05:00 UTC, as of that instant, however late it begins."""

    @dg.schedule(
        name=deployment.named("daily"),
        job=job,
        cron_schedule="0 5 * * *",
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="Once a day, as of the minute it is due.",
    )
    def made(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
        at = context.scheduled_execution_time.astimezone(UTC).isoformat()
        config = {"resources": {deployment.named("run"): {"config": {"as_of": at}}}}
        return dg.RunRequest(run_key=at, run_config=config)

    return made
