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
from makegood.orchestration.settings import Spark, chosen_spark, configured_target


class Target(StrEnum):
    duckdb = "duckdb"
    spark = "spark"


def engine(
    target: Target | None, url: str | None, storage: str | None, conf: list[str]
) -> Spark | None:
    """Where the models run; None: on DuckDB."""
    try:
        target = target or Target(configured_target())
        if target is Target.spark:
            return chosen_spark(url, storage, conf)
    except ValueError as error:
        raise fail(BAD_ARGUMENTS, str(error)) from error
    if url or storage or conf:
        raise fail(BAD_ARGUMENTS, "--spark, --spark-storage, --spark-conf need --target spark")
    return None


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
    target: Annotated[
        Target | None,
        typer.Option(help="Engine that runs the models; default: duckdb, in this process."),
    ] = None,
    spark: Annotated[
        str | None,
        typer.Option(
            help="Where Spark is, with --target spark: a master (spark://host:7077), Spark Connect "
            "(sc://host:15002), a Thrift server (thrift://host:10000); default: local, started "
            "here.",
        ),
    ] = None,
    spark_storage: Annotated[
        str | None,
        typer.Option(
            help="Folder or URL for what Spark writes between models; default: the warehouse."
        ),
    ] = None,
    spark_conf: Annotated[
        list[str] | None,
        typer.Option(help="Setting of Spark (example: spark.executor.memory=8g); repeatable."),
    ] = None,
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
    where = engine(target, spark, spark_storage, spark_conf or [])

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
        where,
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
