"""`makegood contracts`."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from makegood.orchestration.cli.common import BAD_ARGUMENTS, fail, require_folder, show


def contracts(
    check: Annotated[
        Path,
        typer.Option("--check", metavar="DIR", help="Folder of contracts (YAML) to load."),
    ],
) -> None:
    """Load every contract of a folder as a run would, and list what is refused.

    Nothing else is read, and nothing is written.

    Exit 0: all load; one line for each contract. 2: at least one is refused; each finding has its
    file and line.
    """
    from makegood.ingestion.contracts.loader import load_folder
    from makegood.ingestion.strict_yaml import InvalidDocument

    require_folder("--check", check)
    try:
        loaded = load_folder(check)
    except InvalidDocument as error:
        raise fail(BAD_ARGUMENTS, str(error)) from error
    show(
        f"{contract.contract_id}: {contract.name}, {_counted(contract.versions, 'version')}, "
        f"{_counted(contract.amendments or [], 'amendment')}"
        for contract in loaded
    )


def _counted(items: Sequence[object], noun: str) -> str:
    return f"{len(items)} {noun}" + "s" * (len(items) != 1)
