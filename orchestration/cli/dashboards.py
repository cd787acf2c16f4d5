"""`makegood dashboards`."""

from pathlib import Path
from typing import Annotated

import typer

from makegood.orchestration.cli.common import BAD_ARGUMENTS, Warehouse, fail, show


def dashboards(
    warehouse: Warehouse,
    port: Annotated[int, typer.Option(help="Port to listen on.")] = 8501,
    address: Annotated[
        str,
        typer.Option(help="Address to listen on; another than this machine's own needs sign-in."),
    ] = "127.0.0.1",
    access: Annotated[
        Path | None,
        typer.Option(
            "--access",
            help="File that says who may see what; default: access.yaml in the warehouse.",
        ),
    ] = None,
) -> None:
    """Serve the dashboards over what is published: on this machine, or to those who sign in (docs/access.md).

    Says first whether people have to sign in. Exit 2: others could reach them, and nobody would have to sign in; or the file that says who may see what was
    refused or is not there.
    """
    from makegood.ingestion.strict_yaml import InvalidDocument
    from makegood.orchestration.serving.access_settings import SETTINGS, settings_of
    from makegood.orchestration.serving.serve import Unguarded, who_gets_in
    from makegood.orchestration.serving.serve import dashboards as serve
    from makegood.orchestration.warehouse.store import Warehouse as Folder

    current = Folder(warehouse).current()
    if current and current.has_state and (layout := Folder(warehouse).other_layout(current)):
        show([*layout, "until then pages that need more than it has can't be shown"])
    try:
        found = settings_of(warehouse, access)
        typer.echo(who_gets_in(port, address, found))
        serve(warehouse, port, address, found)
    except InvalidDocument as error:
        raise fail(BAD_ARGUMENTS, str(error)) from error
    except Unguarded as error:
        advice = f"say in {access or warehouse / SETTINGS} how people sign in (docs/access.md), or leave out --address: only this machine is served then"
        raise fail(BAD_ARGUMENTS, f"{error}\n{advice}") from error
