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
        typer.Option(
            help="Address to listen on; one that other machines can reach requires sign-in."
        ),
    ] = "127.0.0.1",
    access: Annotated[
        Path | None,
        typer.Option(
            "--access",
            help="Settings of sign-in and access; default: access.yaml in the warehouse.",
        ),
    ] = None,
    branding: Annotated[
        Path | None,
        typer.Option(help="Who sends reports; default: branding.yaml in the warehouse."),
    ] = None,
) -> None:
    """Serve the dashboards: on this machine only, or to people who sign in (docs/access.md).

    First prints who can open them. Exit 2: other machines could reach them without sign-in, or the
    access or branding settings are refused or missing.
    """
    from makegood.ingestion.strict_yaml import InvalidDocument
    from makegood.orchestration.output.branding import branding_of
    from makegood.orchestration.serving.access_settings import SETTINGS, settings_of
    from makegood.orchestration.serving.serve import Unguarded, who_gets_in
    from makegood.orchestration.serving.serve import dashboards as serve
    from makegood.orchestration.warehouse.store import Warehouse as Folder

    current = Folder(warehouse).current()
    if current and current.has_state and (layout := Folder(warehouse).other_layout(current)):
        show([*layout, "until then some pages can't be shown"])
    try:
        found = settings_of(warehouse, access)
        sender = branding_of(warehouse, branding)
        typer.echo(who_gets_in(port, address, found))
        serve(warehouse, port, address, found, sender)
    except InvalidDocument as error:
        raise fail(BAD_ARGUMENTS, str(error)) from error
    except Unguarded as error:
        advice = (
            f"set up sign-in in {access or warehouse / SETTINGS} (docs/access.md), "
            "or leave out --address to serve this machine only"
        )
        raise fail(BAD_ARGUMENTS, f"{error}\n{advice}") from error
