"""`makegood status`."""

import typer

from makegood.orchestration.cli.common import Warehouse, require_folder


def status(warehouse: Warehouse) -> None:
    """Say what is published, since when, from which files, which alerts are open, and what became of the last runs."""
    from makegood.orchestration.output.status import describe

    require_folder("--warehouse", warehouse)
    typer.echo(describe(warehouse))
