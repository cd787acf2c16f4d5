"""`makegood doctor`."""

from pathlib import Path
from typing import Annotated

import typer

from makegood.orchestration.cli.common import FAILED, Warehouse, fail, require_folder, show


def doctor(
    warehouse: Warehouse,
    repair: Annotated[
        bool,
        typer.Option(
            "--repair",
            help="Do what is safe: fall back on what is whole, remove leftovers, land damaged files again.",
        ),
    ] = False,
    landing: Annotated[
        Path | None,
        typer.Option(
            help="With --repair: folder of delivered feeds, to land damaged files again from."
        ),
    ] = None,
) -> None:
    """Check a warehouse folder, and repair what can be repaired safely.

    Exit 0: it is whole, or is again. 1: something is left to be done, and it says what.
    """
    from makegood.ingestion.landing.repair import Unrepairable
    from makegood.orchestration.warehouse import doctor as check
    from makegood.orchestration.warehouse.store import Busy, Damaged, OtherLayout

    require_folder("--warehouse", warehouse)
    if repair:
        try:
            show(check.repair(warehouse, landing) or ["nothing had to be repaired"])
        except (Busy, Damaged, OtherLayout, Unrepairable) as error:
            raise fail(FAILED, str(error)) from error
    findings = check.examine(warehouse)
    for finding in findings:
        show([finding.what, f"  {finding.action}"])
    if findings:
        raise typer.Exit(FAILED)
    typer.echo(f"{warehouse} is whole")
