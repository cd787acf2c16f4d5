"""`makegood backtest`."""

from pathlib import Path
from typing import Annotated

import typer

from makegood.orchestration.cli.common import (
    BAD_ARGUMENTS,
    Memory,
    Threads,
    Warehouse,
    exit_status,
    fail,
    limits_and_instant,
    progress_shown,
    require_folder,
    show,
)


def backtest(
    warehouse: Warehouse,
    contracts: Annotated[
        Path,
        typer.Option("--contracts", metavar="DIR", help="Folder of the proposed contracts (YAML)."),
    ],
    out: Annotated[
        Path | None,
        typer.Option(help="File for the rows of the comparison: .csv, .json, .xlsx or .parquet."),
    ] = None,
    threads: Threads = None,
    memory: Memory = None,
) -> None:
    """Replay a warehouse's history under proposed contracts: what would have been owed.

    Shows it beside what is published, by period and cause, and keeps the comparison for the page
    Backtests. Publishes nothing. A proposal takes the place of the contract with its contract_id.

    Exit 0: compared. 1: failed. 2: bad arguments, a refused contract, or nothing published yet.
    """
    limits, _ = limits_and_instant(threads, memory, None)

    from makegood.orchestration.output import backtests as output
    from makegood.orchestration.pipeline import backtest as pipeline

    require_folder("--contracts", contracts)
    if out and (out.is_dir() or output.suffix(out) not in output.FORMATS):
        listed = ", ".join(f".{kind}" for kind in output.FORMATS)
        raise fail(
            BAD_ARGUMENTS,
            f"--out {out} must be a file that ends in one of {listed} (example: backtest.csv)",
        )
    with exit_status(warehouse), progress_shown() as progress:
        about, rows = pipeline.backtest(warehouse, contracts, limits, progress)
        written = output.write(out, about, rows) if out else None
    show(
        [
            *output.in_words(about, rows),
            "",
            f"kept as backtest {about.backtest_id} in {warehouse}, for the page Backtests",
            *([written] if written else []),
        ]
    )
