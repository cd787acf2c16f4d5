"""`makegood orchestrator`."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from makegood.orchestration.cli.common import (
    BAD_ARGUMENTS,
    FAILED,
    AlertSettings,
    Contracts,
    Warehouse,
    fail,
)

# the length of a path to a Unix socket, in bytes
LONGEST_SOCKET = 107


def orchestrator(
    landing: Annotated[
        Path, typer.Option(help="Folder of delivered feeds that the sensor watches.")
    ],
    warehouse: Warehouse,
    contracts: Contracts = None,
    port: Annotated[int, typer.Option(help="Port of the pages.")] = 3000,
    address: Annotated[
        str,
        typer.Option(
            help="Address of the pages; one that other machines can reach requires a password."
        ),
    ] = "127.0.0.1",
    alerts: AlertSettings = None,
    connect: Annotated[
        Path | None,
        typer.Option(
            envvar="MAKEGOOD_CONNECT",
            help="A connect.yaml: its sources are pulled regularly; default: none.",
        ),
    ] = None,
    storage: Annotated[
        str | None,
        typer.Option(
            help="Database of PostgreSQL that Dagster keeps its history in, without a password "
            "(example: postgresql://makegood@db.example.com:5432/dagster); default: the warehouse."
        ),
    ] = None,
    only: Annotated[
        Literal["code-server", "daemon", "webserver"] | None,
        typer.Option(help="Serve this part alone; needs --socket and a storage."),
    ] = None,
    socket: Annotated[
        Path | None,
        typer.Option(help="Unix socket by which the parts reach the code server; with --only."),
    ] = None,
) -> None:
    """Serve Dagster, with a sensor on the landing folder and a daily schedule.

    Exit 1: another orchestrator is running on the warehouse or the storage, the port is taken, or
    the storage can't be reached. Exit 2: the storage is refused or its extra is missing, a part
    lacks --socket or a storage, or other machines could reach the pages without a password.
    """
    from makegood.ingestion.contracts.loader import FOLDER
    from makegood.orchestration.serving.serve import ORCHESTRATOR_PASSWORD, Taken, Unguarded
    from makegood.orchestration.serving.serve import orchestrator as serve
    from makegood.orchestration.serving.storage import ADDRESS, EXAMPLE, Refused, Storage
    from makegood.orchestration.serving.storage import Unreachable as Closed

    named = f"--storage {EXAMPLE}"
    try:
        kept_in = Storage.read(storage) if storage else Storage.configured()
        if bool(only) != bool(socket):
            example = f"--only {only or 'daemon'} --socket /run/makegood/code"
            raise fail(BAD_ARGUMENTS, f"--only and --socket belong together (example: {example})")
        if only and not kept_in:
            advice = f"add {named}, or set {ADDRESS}"
            raise fail(BAD_ARGUMENTS, f"--only {only} needs a storage that parts share: {advice}")
        if socket:
            _require_place(socket.absolute())
        serve(
            landing,
            warehouse,
            contracts or FOLDER,
            alerts,
            port=port,
            address=address,
            storage=kept_in,
            only=only,
            at=socket.absolute() if socket else None,
            connect=_readable(connect),
        )
    except Refused as error:
        raise fail(BAD_ARGUMENTS, f"{'--storage' if storage else ADDRESS} {error}") from error
    except Unguarded as error:
        advice = f"set {ORCHESTRATOR_PASSWORD} to a long random one, or leave out --address"
        raise fail(BAD_ARGUMENTS, f"{error}: {advice}") from error
    except (Closed, Taken) as error:
        raise fail(FAILED, str(error)) from error


def _readable(connect: Path | None) -> Path | None:
    """Refuses a connect.yaml that can't be used, before anything is served."""
    from makegood.ingestion.connect.settings import load
    from makegood.ingestion.strict_yaml import InvalidDocument

    if connect:
        try:
            load(connect)
        except InvalidDocument as error:
            raise fail(BAD_ARGUMENTS, str(error)) from error
    return connect


def _require_place(socket: Path) -> None:
    """Refuses a path at which there can be no socket."""
    example = "(example: /run/makegood/code)"
    if not socket.parent.is_dir():
        raise fail(BAD_ARGUMENTS, f"--socket {socket}: {socket.parent} is not a folder {example}")
    if len(bytes(socket)) > LONGEST_SOCKET:
        what = f"has {len(bytes(socket))} bytes, and a socket may have {LONGEST_SOCKET}"
        raise fail(BAD_ARGUMENTS, f"--socket {socket} {what} {example}")
