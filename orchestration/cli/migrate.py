"""`makegood migrate`."""

from pathlib import Path
from typing import Annotated

import typer

from makegood.orchestration.cli.common import (
    AlertSettings,
    Contracts,
    Memory,
    Threads,
    Warehouse,
    exit_status,
    limits_and_instant,
    progress_shown,
    require_folder,
)


def migrate(
    landing: Annotated[
        Path,
        typer.Option(help="Folder with every file ever delivered, under any path: DIR/<feed>/…"),
    ],
    warehouse: Warehouse,
    contracts: Contracts = None,
    as_of: Annotated[
        str | None,
        typer.Option(help="As for `run`; default: that of what is published."),
    ] = None,
    threads: Threads = None,
    memory: Memory = None,
    alerts: AlertSettings = None,
) -> None:
    """Convert a warehouse of an earlier layout: land all delivered files again, and publish.

    Statements, alerts, the usual values of feeds and the history of runs are kept.

    Exit 0: published, or there is nothing to do. 1: failed, also if delivered files are missing.
    2 and 3: as for `run`. In all but the first case what was published before stays published.
    """
    limits, at = limits_and_instant(threads, memory, as_of)
    for option, folder in (("--warehouse", warehouse), ("--landing", landing)):
        require_folder(option, folder)

    from makegood.ingestion.contracts.loader import FOLDER
    from makegood.orchestration.output.summary import summary
    from makegood.orchestration.pipeline.migrate import migrate as land_anew
    from makegood.orchestration.pipeline.run import Request
    from makegood.orchestration.warehouse.publication import LAYOUT

    with exit_status(warehouse), progress_shown() as progress:
        summary_or_none = land_anew(
            warehouse,
            lambda published: Request(
                landing, warehouse, contracts or FOLDER, at or published, limits, alerts
            ),
            lambda run: (
                f"landed again in layout {LAYOUT}: {run.landed.deliveries.height} deliveries\n"
                f"{summary(run)}"
            ),
            progress,
        )
    typer.echo(
        summary_or_none
        or f"nothing to do: {warehouse} has the current layout ({LAYOUT}), "
        "or nothing is published in it"
    )
