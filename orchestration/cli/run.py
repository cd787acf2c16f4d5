"""`makegood run`."""

from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from makegood.orchestration.cli.common import (
    BAD_ARGUMENTS,
    AlertSettings,
    Contracts,
    Memory,
    Threads,
    Warehouse,
    exit_status,
    fail,
    limits_and_instant,
    progress_shown,
)


class Target(StrEnum):
    duckdb = "duckdb"
    spark = "spark"


def run(
    landing: Annotated[Path, typer.Option(help="Folder of delivered feeds: DIR/<feed>/…")],
    warehouse: Warehouse,
    contracts: Contracts = None,
    as_of: Annotated[
        str | None,
        typer.Option(
            help="Evaluate everything as of this instant (example: 2026-07-01T00:00:00Z); "
            "default: now."
        ),
    ] = None,
    # hidden until there is a second engine
    target: Annotated[
        Target, typer.Option(help="Engine that runs the models.", hidden=True)
    ] = Target.duckdb,
    threads: Threads = None,
    memory: Memory = None,
    alerts: AlertSettings = None,
    keep_work: Annotated[
        Path | None,
        typer.Option(help="Folder for what the models read and built, to work on them with dbt."),
    ] = None,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="Print errors and warnings only.")
    ] = False,
) -> None:
    """Land new files, validate, transform, audit, publish.

    Exit 0: published. 1: failed. 2: bad arguments, a refused contract, or a warehouse of another
    layout. 3: blocked by data quality. In all but the first case what was published before stays
    published.
    """
    limits, at = limits_and_instant(threads, memory, as_of)
    if target is Target.spark:
        raise fail(BAD_ARGUMENTS, "--target spark is not supported yet; the models run on duckdb")

    from makegood.ingestion.contracts.loader import FOLDER
    from makegood.orchestration.output.summary import summary
    from makegood.orchestration.pipeline.run import Request, opened, steps

    request = Request(
        landing,
        warehouse,
        contracts or FOLDER,
        at or datetime.now(UTC).replace(microsecond=0),
        limits,
        alerts,
        keep_work,
    )
    with (
        exit_status(warehouse),
        progress_shown(quiet) as progress,
        opened(request, progress) as done,
    ):
        steps(done)
        published = summary(done)
    if not quiet:
        typer.echo(published)
