"""A component: a warehouse of makegood as one YAML file in another Dagster project.

Nothing but the file's keys belongs here; the definitions are those that makegood serves itself.
`docs/dagster.md` shows a file.
"""

from pathlib import Path

import dagster as dg
from pydantic import Field

from makegood.ingestion.contracts.loader import FOLDER
from makegood.orchestration.definitions import Deployment, build
from makegood.orchestration.settings import Limits, default_limits


class WarehouseComponent(dg.Component, dg.Model, dg.Resolvable):  # type: ignore[misc]
    """A warehouse with its feeds, models, checks, job, schedule and sensor."""

    landing: str = Field(
        description="Folder of delivered feeds; relative paths are those of the project."
    )
    warehouse: str = Field(description="Folder that holds everything makegood keeps.")
    contracts: str | None = Field(
        default=None, description="Folder of contracts (YAML); those that come with makegood."
    )
    alerts: str | None = Field(
        default=None, description="Who is alerted; the warehouse's own alerts.yaml."
    )
    connect: str | None = Field(
        default=None, description="What is pulled from which systems: a connect.yaml; nothing."
    )
    name: str = Field(
        default="makegood",
        pattern="^[a-z][a-z0-9_]*$",
        description="Begins the keys of the assets, and the names of the job and all else.",
    )
    threads: int = Field(
        default_factory=lambda: default_limits().threads, description="Threads of a run."
    )
    memory: str = Field(
        default_factory=lambda: default_limits().memory, description="Memory of a run, as in 8GB."
    )

    def build_defs(self, context: dg.ComponentLoadContext) -> dg.Definitions:
        """The definitions. Raises ValueError for a number of threads or a size of memory that
        can't be taken."""

        def path(text: str) -> Path:
            return (context.project_root / text).absolute()

        return build(
            Deployment(
                landing=path(self.landing),
                warehouse=path(self.warehouse),
                contracts=path(self.contracts) if self.contracts else FOLDER,
                alerts=path(self.alerts) if self.alerts else None,
                limits=Limits(self.threads, self.memory),
                name=self.name,
                connect=path(self.connect) if self.connect else None,
            )
        )
