"""`makegood contracts`."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from makegood.orchestration.cli.common import (
    BAD_ARGUMENTS,
    Memory,
    Threads,
    exit_status,
    fail,
    limits_and_instant,
    progress_shown,
    require_folder,
    show,
)


def contracts(
    check: Annotated[
        Path,
        typer.Option("--check", metavar="DIR", help="Folder of contracts (YAML) to load."),
    ],
    warehouse: Annotated[
        Path | None,
        typer.Option(
            "--warehouse",
            help="Warehouse on whose history to price each scenario, and whose feeds to look "
            "through for terms that nothing triggers.",
        ),
    ] = None,
    threads: Threads = None,
    memory: Memory = None,
) -> None:
    """Load every contract of a folder as a run would, and list what is refused; of those that load,
    list what can be read in two ways, contradicts itself or has no effect.

    Nothing is published. With `--warehouse`, each scenario says what it would have added to credits
    on that history, by currency, and how much of it would be payable.

    Exit 0: all load; one line for each contract, then the findings, each with its file and line.
    2: at least one is refused; each finding has its file and line.
    """
    from makegood.ingestion.contracts.loader import load_documents
    from makegood.ingestion.strict_yaml import InvalidDocument
    from makegood.orchestration.output import contract_check

    require_folder("--check", check)
    try:
        loaded = load_documents(check)
    except InvalidDocument as error:
        raise fail(BAD_ARGUMENTS, str(error)) from error
    show(
        f"{contract.contract_id}: {contract.name}, {_counted(contract.versions, 'version')}, "
        f"{_counted(contract.amendments or [], 'amendment')}"
        for _, contract in loaded
    )
    found = list(contract_check.shown(loaded))
    if warehouse:
        limits, _ = limits_and_instant(threads, memory, None)
        with exit_status(warehouse), progress_shown() as progress:
            found = contract_check.on_history(loaded, warehouse, limits, progress)
    if found:
        show(["", *found])


def _counted(items: Sequence[object], noun: str) -> str:
    return f"{len(items)} {noun}" + "s" * (len(items) != 1)
