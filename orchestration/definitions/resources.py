"""Resources: the folders that the definitions are about, and how the warehouse is opened for a run.

What a person may choose when launching (`as_of`, and nothing else) is the configuration of the
resource; folders are fixed when the definitions are loaded, so that no request can name others.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

import dagster as dg

from makegood.dashboards.figures.style import timestamp
from makegood.ingestion.contracts import loader as contracts
from makegood.ingestion.contracts.tables import instant
from makegood.orchestration import settings
from makegood.orchestration.alerts.settings import SETTINGS as ALERTS
from makegood.orchestration.pipeline import run as pipeline
from makegood.orchestration.pipeline import trial
from makegood.orchestration.pipeline.run import BadArguments, Progress, Request, Run
from makegood.orchestration.serving import deliveries
from makegood.orchestration.settings import Limits
from makegood.orchestration.warehouse.store import Busy, Warehouse

# how often a run looks whether the warehouse is free
LOOK_SECONDS = 2
PUBLICATION = dg.AssetKey(["publication", "makegood"])


@dataclass(frozen=True)
class Deployment:
    """A warehouse and what its runs read. `name` sets it apart among the definitions of another
    project: it begins the keys of its assets and the names of all else; empty: nothing does."""

    landing: Path
    warehouse: Path
    contracts: Path
    # None: alerts.yaml in the warehouse
    alerts: Path | None = None
    limits: Limits = field(default_factory=settings.default_limits)
    name: str = ""
    # where the models run; None: in the run's own process, on DuckDB
    spark: settings.Spark | None = None
    # what is pulled from where; None: nothing
    connect: Path | None = None

    @classmethod
    def configured(cls) -> Self:
        """That of the environment, as `makegood orchestrator` sets it. Raises ValueError."""
        alerts = settings.environment("MAKEGOOD_ALERTS")
        connect = settings.environment("MAKEGOOD_CONNECT")
        return cls(
            Path(settings.environment("MAKEGOOD_LANDING") or "landing"),
            Path(settings.environment("MAKEGOOD_WAREHOUSE") or "warehouse"),
            Path(settings.environment("MAKEGOOD_CONTRACTS") or contracts.FOLDER),
            Path(alerts) if alerts else None,
            settings.configured_limits(),
            spark=settings.configured_spark(),
            connect=Path(connect) if connect else None,
        )

    def key(self, *path: str) -> dg.AssetKey:
        return dg.AssetKey([*([self.name] if self.name else []), *path])

    @property
    def publication(self) -> dg.AssetKey:
        return self.key(*PUBLICATION.path)

    def named(self, what: str) -> str:
        return f"{self.name}_{what}" if self.name else what

    def seen(self) -> deliveries.Seen:
        """What a run would read now."""
        alerts = self.alerts or self.warehouse / ALERTS
        inbox = Warehouse(self.warehouse).inbox
        return deliveries.Seen.now(self.landing, inbox, self.contracts, alerts)

    def opened(self, as_of: str, progress: Progress) -> AbstractContextManager[Run]:
        """A run that lands and publishes. Waits while another one has the warehouse."""
        return _waited_for(
            # anew each time: a run that has waited is as of the end of its wait
            lambda: pipeline.opened(self._request(as_of), progress),
            progress,
        )

    def tried(self, as_of: str, progress: Progress) -> AbstractContextManager[Run]:
        """A trial on the last publication, as of the same instant where none is given."""
        return _waited_for(
            lambda: trial.opened(self._request(as_of), progress, is_as_published=not as_of),
            progress,
        )

    def _request(self, text: str) -> Request:
        now = datetime.now(UTC).replace(microsecond=0)
        form = timestamp(now)
        try:
            as_of = instant(text) if text else now
        except ValueError as error:
            raise BadArguments(f"as_of can't be read ({error}): write it as {form}") from error
        if as_of > now:
            advice = f"give an instant up to now, as {form}, or none"
            raise BadArguments(f"as_of {text} is in the future: {advice}")
        return Request(
            self.landing,
            self.warehouse,
            self.contracts,
            as_of,
            self.limits,
            alerts=self.alerts,
            spark=self.spark,
        )


@contextmanager
def _waited_for(
    attempt: Callable[[], AbstractContextManager[Run]], progress: Progress
) -> Iterator[Run]:
    is_waiting = False
    while True:
        with ExitStack() as stack:
            try:
                run = stack.enter_context(attempt())
            except Busy:
                if not is_waiting:
                    progress("another run is at work on this warehouse: this one waits for it")
                is_waiting = True
            else:
                yield run
                return
        time.sleep(LOOK_SECONDS)


@dataclass(frozen=True)
class Opener:
    """A deployment, and the instant that was asked for."""

    deployment: Deployment
    as_of: str

    def opened(self, progress: Progress) -> AbstractContextManager[Run]:
        return self.deployment.opened(self.as_of, progress)

    def tried(self, progress: Progress) -> AbstractContextManager[Run]:
        return self.deployment.tried(self.as_of, progress)


def opener(deployment: Deployment) -> dg.ResourceDefinition:
    """The resource of the assets. It opens nothing by itself."""
    as_of = dg.Field(
        str,
        default_value="",
        description="Evaluate everything as of this instant, up to now; empty: now.",
    )

    @dg.resource(config_schema={"as_of": as_of}, description="How the warehouse is opened.")
    def made(context: dg.InitResourceContext) -> Opener:
        return Opener(deployment, context.resource_config["as_of"])

    return made
