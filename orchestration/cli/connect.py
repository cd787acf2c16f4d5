"""`makegood connect`."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from makegood.orchestration.cli.common import (
    BAD_ARGUMENTS,
    FAILED,
    AsJson,
    Warehouse,
    fail,
    progress_shown,
    show,
    show_json,
)

if TYPE_CHECKING:
    from makegood.ingestion.connect.pull import Pulled
    from makegood.ingestion.connect.settings import Settings, Source

CONFIG = Path("connect.yaml")

connect = typer.Typer(
    no_args_is_help=True,
    help="Read the systems that you have: their APIs, exports, or tables of other tools.",
    context_settings={"help_option_names": ["-h", "--help"]},
)

Config = Annotated[
    Path, typer.Option("--config", help="The file that says what is read, and its few names.")
]
Only = Annotated[
    list[str] | None, typer.Argument(metavar="SOURCE", help="Only these sources; default: all.")
]


@connect.command("list")
def list_systems() -> None:
    """List the systems that can be read, and how."""
    from makegood.orchestration.output.connect import systems_table

    show(systems_table())


@connect.command()
def init(
    system: Annotated[str, typer.Argument(help="A system, as `makegood connect list` names it.")],
    config: Config = CONFIG,
    name: Annotated[
        str | None, typer.Option(help="The source's name; default: that of the system.")
    ] = None,
) -> None:
    """Write connect.yaml with the few names to fill in, or add a system to it.

    Exit 2: the system is unknown, or the file has a source of that name.
    """
    from makegood.ingestion.connect.systems import systems
    from makegood.ingestion.nearest import nearest_or_all
    from makegood.orchestration.output.connect import with_source

    if system not in systems():
        hint = nearest_or_all(system, systems())
        raise fail(BAD_ARGUMENTS, f"{system} is not a system that can be read: {hint}")
    try:
        lines = with_source(config, systems()[system], name or system)
    except ValueError as error:
        raise fail(BAD_ARGUMENTS, str(error)) from error
    show(lines)


@connect.command()
def check(sources: Only = None, config: Config = CONFIG, as_json: AsJson = False) -> None:
    """Try the credentials, read the first page, and show what would be mapped and what would not.

    Of files and tables everything is read. Nothing is kept or delivered. Exit 1: a source can't be
    read. Exit 2: connect.yaml is refused.
    """
    from makegood.ingestion.connect import pull as pulling
    from makegood.orchestration.output.connect import checked_lines, described, failed
    from makegood.orchestration.settings import connect_environment, environment_of

    settings, chosen = _chosen(config, sources)
    found: list[Pulled] = []
    failures: list[str] = []
    if settings.rows and not sources:
        found.append(pulling.check_own_rows(settings))
    with connect_environment(), progress_shown() as progress:
        for source in chosen:
            with _told(failures, source.name):
                found.append(
                    pulling.check(settings, source, environment_of(source.variables), progress)
                )
    if as_json:
        show_json([*map(described, found), *failed(failures)])
    else:
        show(line for pulled in found for line in checked_lines(pulled, settings))
    if failures:
        raise fail(FAILED, "\n".join(failures))


@connect.command()
def pull(
    landing: Annotated[Path, typer.Option(help="Folder of delivered feeds, to add to.")],
    warehouse: Warehouse,
    sources: Only = None,
    config: Config = CONFIG,
    from_start: Annotated[
        bool,
        typer.Option("--from-start", help="Read everything again, not only what is new."),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Read what is new, and deliver what changed to the landing folder.

    A pull that was ended goes on where it was. `makegood run` lands what was delivered. Exit 1: a
    source can't be read; the others are delivered. Exit 2: connect.yaml is refused.
    """
    from makegood.orchestration.output.connect import described, failed, pulled_lines
    from makegood.orchestration.pipeline.connect import Busy, pull_all
    from makegood.orchestration.settings import connect_environment

    settings, chosen = _chosen(config, sources)
    try:
        with connect_environment(), progress_shown() as progress:
            found, failures = pull_all(settings, chosen, landing, warehouse, progress, from_start)
    except (Busy, OSError) as error:
        raise fail(FAILED, str(error)) from error
    if as_json:
        show_json([*map(described, found), *failed(failures)])
    else:
        show(line for pulled in found for line in pulled_lines(pulled))
    if failures:
        raise fail(FAILED, "\n".join(failures))


def _chosen(config: Path, names: list[str] | None) -> "tuple[Settings, list[Source]]":
    from makegood.ingestion.connect.settings import load
    from makegood.ingestion.nearest import nearest
    from makegood.ingestion.strict_yaml import InvalidDocument

    if not config.is_file():
        raise fail(
            BAD_ARGUMENTS, f"--config {config} is not a file: `makegood connect init` writes one"
        )
    try:
        settings = load(config)
    except InvalidDocument as error:
        raise fail(BAD_ARGUMENTS, str(error)) from error
    for name in names or ():
        if name not in settings.sources:
            near = nearest(name, settings.sources)
            known = ", ".join(settings.sources)
            hint = f"the nearest is {near}" if near else f"it has {known}"
            raise fail(BAD_ARGUMENTS, f"{config} has no source {name}: {hint}")
    return settings, [s for s in settings.sources.values() if not names or s.name in names]


@contextmanager
def _told(failures: list[str], name: str) -> Iterator[None]:
    from makegood.ingestion.connect.system import Unreadable

    try:
        yield
    except Unreadable as error:
        failures.append(f"{name}: {error}")
