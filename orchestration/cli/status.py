"""`makegood status`."""

import typer

from makegood.orchestration.cli.common import AsJson, Warehouse, require_folder, show_json


def status(warehouse: Warehouse, as_json: AsJson = False) -> None:
    """Show what is published and since when, its files, open alerts and the last runs."""
    from makegood.orchestration.output.status import describe, status_of

    require_folder("--warehouse", warehouse)
    if as_json:
        show_json(status_of(warehouse).model_dump(mode="json"))
    else:
        typer.echo(describe(warehouse))
