"""Sources: an asset for each system in connect.yaml, and the schedule that pulls them.

They come before the feeds that they deliver to. A pull leaves files in the landing folder, and the
sensor there asks for the run that lands them. How a system is read is in `ingestion/connect`.
"""

from collections.abc import Sequence
from typing import Any

import dagster as dg

from makegood.ingestion.connect.settings import Settings, Source, load
from makegood.ingestion.strict_yaml import InvalidDocument
from makegood.orchestration.definitions.resources import Deployment
from makegood.orchestration.output.connect import pulled_lines
from makegood.orchestration.pipeline.connect import Busy, pull_all
from makegood.orchestration.settings import connect_environment

JOB = "pull"
# what is shown in place of sources
REFUSED = "refused"


def settings_of(deployment: Deployment) -> Settings | None:
    """What is in the deployment's connect.yaml; None if it has none. Raises InvalidDocument."""
    return None if deployment.connect is None else load(deployment.connect)


def key(deployment: Deployment, source: str) -> dg.AssetKey:
    """The key of a source's asset."""
    return deployment.key("sources", source)


def feeding(settings: Settings | None, feed: str) -> list[str]:
    """The sources that deliver to a feed."""
    if settings is None:
        return []
    return [source.name for source in settings.sources.values() if feed in source.system.feeds]


def source_assets(settings: Settings, deployment: Deployment) -> list[dg.AssetsDefinition]:
    """An asset for each source."""
    return [_asset(settings, source, deployment) for source in settings.sources.values()]


def _asset(settings: Settings, source: Source, deployment: Deployment) -> dg.AssetsDefinition:
    @dg.asset(
        key=key(deployment, source.name),
        description=f"{source.system.title}: what is new of it, delivered to the landing folder.",
        group_name=deployment.named("sources"),
        owners=["team:data"],
        kinds={"dlt"} if source.api else {"file"} if source.files else {"table"},
        # one pull at a time, where a deployment limits it to 1
        pool=deployment.named("pull"),
    )
    def pulled(context: dg.AssetExecutionContext) -> dg.MaterializeResult[Any]:
        assert deployment.connect is not None
        try:
            # as it is now: names are mended while the server runs
            now = load(deployment.connect)
            if source.name not in now.sources:
                raise dg.Failure(f"{deployment.connect} no longer has {source.name}: reload")
            with connect_environment():
                done, failures = pull_all(
                    now,
                    [now.sources[source.name]],
                    deployment.landing,
                    deployment.warehouse,
                    context.log.info,
                )
        except (Busy, InvalidDocument) as error:
            raise dg.Failure(str(error)) from error
        for line in (line for found in done for line in pulled_lines(found)):
            context.log.info(line)
        if failures:
            raise dg.Failure("\n".join(failures))
        found = done[-1]
        return dg.MaterializeResult(
            metadata={
                "requests": found.requests,
                "records read": sum(found.read.values()),
                "rows delivered": sum(found.written.values()),
                "records left": len(found.left),
                "values without a name": len(found.unnamed),
            }
        )

    return pulled


def refused_asset(error: InvalidDocument, deployment: Deployment) -> dg.AssetsDefinition:
    """In place of all sources, where connect.yaml can't be used: its pull fails in words, and all
    else goes on."""

    @dg.asset(
        key=key(deployment, REFUSED),
        description=f"{deployment.connect} is refused, and nothing is pulled:\n\n{error}",
        group_name=deployment.named("sources"),
        owners=["team:data"],
        pool=deployment.named("pull"),
    )
    def refused(context: dg.AssetExecutionContext) -> None:
        raise dg.Failure(f"{error}\nWhen it is mended, reload the definitions")

    return refused


def pull_job(assets: Sequence[dg.AssetsDefinition], deployment: Deployment) -> Any:
    """A pull of all sources, one after the other."""
    return dg.define_asset_job(
        deployment.named(JOB),
        selection=dg.AssetSelection.assets(*(key for asset in assets for key in asset.keys)),
        executor_def=dg.in_process_executor,
        description="Read what is new of all sources, and deliver what changed.",
    )


def regularly(job: Any, cron: str, deployment: Deployment) -> dg.ScheduleDefinition:
    """Pulls when connect.yaml says so."""
    return dg.ScheduleDefinition(
        name=deployment.named("pull_regularly"),
        job=job,
        cron_schedule=cron,
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="`cron` of connect.yaml, in UTC.",
    )
