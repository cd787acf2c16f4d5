"""What commands share: exit statuses, options, refusals and progress."""

import json
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from makegood.dashboards.figures.words import printable

if TYPE_CHECKING:
    from makegood.orchestration.settings import Limits

PUBLISHED, FAILED, BAD_ARGUMENTS, BLOCKED = 0, 1, 2, 3

Warehouse = Annotated[
    Path, typer.Option("--warehouse", help="Folder that holds everything the system keeps.")
]
Contracts = Annotated[
    Path | None,
    typer.Option(
        "--contracts",
        help="Folder of contracts (YAML); default: the two that come with makegood.",
    ),
]
AlertSettings = Annotated[
    Path | None,
    typer.Option(
        "--alerts",
        help="Settings of alerts and their receivers; default: alerts.yaml in the warehouse.",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for other programs.")]
Month = Annotated[
    str, typer.Option("--month", help="A month of the contract's period (example: 2026-07).")
]
Threads = Annotated[
    int | None,
    typer.Option(
        "--threads", help="Threads that the engine may use; default: one per core, at most 4."
    ),
]
Memory = Annotated[
    str | None,
    typer.Option("--memory", help="Memory that the engine may use (example: 8GB); default: 2GB."),
]


def fail(code: int, message: str) -> typer.Exit:
    """Prints what is wrong and returns what to raise, so that the command exits with `code`."""
    typer.echo("makegood: " + "\n".join(map(printable, message.split("\n"))), err=True)
    return typer.Exit(code)


def show(lines: Iterable[str]) -> None:
    """Prints lines, with whatever feeds delivered in them escaped."""
    typer.echo("\n".join(map(printable, lines)))


def show_json(data: Any) -> None:
    """Prints data for other programs. In ASCII: what feeds deliver must not act as commands to a
    terminal."""
    typer.echo(json.dumps(data, indent=2))


def require_folder(option: str, folder: Path) -> None:
    """Refuses an option whose value must be a folder but is not."""
    if not folder.is_dir():
        raise fail(BAD_ARGUMENTS, f"{option} {folder} is not a folder")


def first_of(month: str) -> date:
    """The first day of the month given by `--month`; refuses what is not a month."""
    try:
        return date.fromisoformat(f"{month}-01")
    except ValueError as error:
        raise fail(BAD_ARGUMENTS, f"--month {month!r} is not a month (example: 2026-07)") from error


@contextmanager
def progress_shown(quiet: bool = False) -> Iterator[Callable[[str], None]]:
    """Shows the current step: a live line on a terminal, otherwise nothing."""
    if quiet or not sys.stderr.isatty():
        yield lambda message: None
        return
    from rich.console import Console
    from rich.text import Text

    with Console(stderr=True).status("starting") as status:
        # as text: a name is neither markup nor a command to the terminal
        yield lambda message: status.update(Text(printable(message)))


def limits_and_instant(
    threads: int | None, memory: str | None, as_of: str | None
) -> "tuple[Limits, datetime | None]":
    """The limits of a run and its `--as-of`, from the options; refuses what can't be read."""
    from makegood.ingestion.contracts.tables import instant
    from makegood.orchestration.settings import Limits, default_limits

    try:
        default = default_limits()
        limits = Limits(default.threads if threads is None else threads, memory or default.memory)
        limits.hold()
        return limits, instant(as_of) if as_of else None
    except ValueError as error:
        raise fail(
            BAD_ARGUMENTS, f"--as-of: {error}" if as_of and "--" not in str(error) else str(error)
        ) from error


@contextmanager
def exit_status(warehouse: Path) -> Iterator[None]:
    """Turns the errors of a run that published nothing into a message and an exit status."""
    from makegood.ingestion.strict_yaml import InvalidDocument
    from makegood.orchestration.pipeline.run import BadArguments, Blocked
    from makegood.orchestration.spark.cluster import Unavailable
    from makegood.orchestration.warehouse.store import Busy, OtherLayout

    details = f"{sys.argv[0]} status --warehouse {warehouse}"
    try:
        yield
    except (BadArguments, InvalidDocument, OtherLayout, Unavailable) as error:
        raise fail(BAD_ARGUMENTS, str(error)) from error
    except Blocked as error:
        lines = "\n".join(f"  {reason}" for reason in error.reasons)
        raise fail(
            BLOCKED,
            f"blocked: what is published stays as it was\n{lines}\n"
            f"repair the files and run again; details: {details}",
        ) from error
    except Busy as error:
        raise fail(FAILED, str(error)) from error
    except Exception as error:
        what = (
            str(error)
            if isinstance(error, RuntimeError | OSError)
            else f"{type(error).__name__}: {error}"
        )
        raise fail(
            FAILED,
            f"failed: what is published stays as it was\n{what}\ndetails: {details}",
        ) from error
