"""`makegood run`."""

from collections.abc import Callable
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

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

if TYPE_CHECKING:
    from makegood.orchestration.pipeline.run import Request


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
    from makegood.orchestration.pipeline.run import Request

    request = Request(
        landing,
        warehouse,
        contracts or FOLDER,
        at or datetime.now(UTC).replace(microsecond=0),
        limits,
        alerts,
        keep_work,
    )
    with exit_status(warehouse), progress_shown(quiet) as progress:
        published = _publish(request, progress)
    if not quiet:
        typer.echo(published)


def _publish(request: "Request", progress: Callable[[str], None]) -> str:
    """Runs Dagster's job in this process, over a run that is held here."""
    from makegood.orchestration.output.summary import summary
    from makegood.orchestration.pipeline.run import opened

    with opened(request, progress) as run:
        import dagster as dg

        from makegood.orchestration import definitions

        job = definitions.build(definitions.held(run)).resolve_job_def(definitions.JOB)
        with dg.DagsterInstance.ephemeral(settings={"telemetry": {"enabled": False}}) as instance:
            quiet = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
            try:
                job.execute_in_process(instance=instance, run_config=quiet)
            except Exception:
                # what a step raised, not what Dagster makes of it
                if run.failure is not None:
                    raise run.failure from None
                raise
        return summary(run)
