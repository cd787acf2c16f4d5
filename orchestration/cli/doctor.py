"""`makegood doctor`."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from makegood.orchestration.cli.common import (
    FAILED,
    AsJson,
    Warehouse,
    fail,
    require_folder,
    show,
    show_json,
)


def doctor(
    warehouse: Warehouse,
    repair: Annotated[
        bool,
        typer.Option(
            "--repair",
            help="Repair what is safe to repair: go back to whole files, remove leftovers, "
            "land damaged files again.",
        ),
    ] = False,
    landing: Annotated[
        Path | None,
        typer.Option(
            help="With --repair: folder of delivered feeds, to land damaged files again from."
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Check a warehouse folder, and repair what can be repaired safely.

    Exit 0: it is whole, or is again. 1: something is left to do; it is printed.
    """
    from makegood.ingestion.landing.repair import Unrepairable
    from makegood.orchestration.warehouse import doctor as check
    from makegood.orchestration.warehouse.store import Busy, Damaged, OtherLayout

    require_folder("--warehouse", warehouse)
    repaired: list[str] = []
    if repair:
        try:
            repaired = check.repair(warehouse, landing)
        except (Busy, Damaged, OtherLayout, Unrepairable) as error:
            raise fail(FAILED, str(error)) from error
        if not as_json:
            show(repaired or ["nothing had to be repaired"])
    findings = check.examine(warehouse)
    if as_json:
        show_json({"repaired": repaired, "findings": [asdict(finding) for finding in findings]})
    for finding in findings if not as_json else []:
        show([finding.what, f"  {finding.action}"])
    if findings:
        raise typer.Exit(FAILED)
    if not as_json:
        typer.echo(f"{warehouse} is whole")
