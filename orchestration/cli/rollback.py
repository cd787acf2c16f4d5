"""`makegood rollback`."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from makegood.dashboards.figures.style import timestamp
from makegood.orchestration.cli.common import (
    BAD_ARGUMENTS,
    FAILED,
    AlertSettings,
    Warehouse,
    exit_status,
    fail,
    require_folder,
    show,
)


def rollback(
    warehouse: Warehouse,
    to: Annotated[
        str | None,
        typer.Option(help="Id of the run to go back to; default: the newest that `status` lists."),
    ] = None,
    landing: Annotated[
        Path | None,
        typer.Option(help="Folder of delivered feeds: deliveries missing from it are listed."),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Go back without asking.")] = False,
    alerts: AlertSettings = None,
) -> None:
    """Go back to an earlier publication that is still kept, as after a run with a wrong --as-of.

    First lists which statements are withdrawn and which deliveries are undone, then asks.

    Exit 0: gone back. 1: there is nothing to go back to, the answer was no, or it failed. 2: bad
    arguments, a warehouse of another layout, or neither --yes nor a terminal to ask on. In all but
    the first case what is published stays as it was.
    """
    require_folder("--warehouse", warehouse)
    if landing:
        require_folder("--landing", landing)

    from makegood.orchestration.pipeline.rollback import NotKept, plan, roll_back
    from makegood.orchestration.warehouse.store import OtherLayout

    try:
        planned = plan(warehouse, to)
        lines = planned.in_words(landing)
    except (NotKept, OtherLayout) as error:
        raise fail(BAD_ARGUMENTS, str(error)) from error
    except (RuntimeError, OSError) as error:
        raise fail(FAILED, str(error)) from error
    show(lines)
    if not yes and not sys.stdin.isatty():
        raise fail(
            BAD_ARGUMENTS,
            "nothing was changed: no terminal to confirm on; add --yes to go back without asking",
        )
    if not yes and not typer.confirm("go back?"):
        raise fail(FAILED, "nothing was changed")
    with exit_status(warehouse):
        published = roll_back(warehouse, planned, alerts).run()
    typer.echo(f"gone back: run {published['run_id']}, as of {timestamp(published['as_of'])}")
