"""`makegood sample`."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from makegood.orchestration.cli.common import BAD_ARGUMENTS, fail, progress_shown


class Size(StrEnum):
    small = "small"
    month = "month"
    year = "year"


def sample(
    out: Annotated[
        Path, typer.Option(help="Folder to write the feeds into; must be empty or missing.")
    ],
    size: Annotated[
        Size,
        typer.Option(
            help="small: 75 days of checks every five minutes; month, year: every minute. "
            "All start on 2026-06-01."
        ),
    ] = Size.small,
    seed: Annotated[int, typer.Option(help="The same seed writes the same feeds.")] = 1,
    faults: Annotated[
        bool, typer.Option("--faults", help="Plant bad rows, and list them.")
    ] = False,
) -> None:
    """Write sample feeds: realistic, clean, or with faults planted."""
    from makegood.ingestion.sample import write

    if out.exists() and any(out.iterdir()):
        raise fail(BAD_ARGUMENTS, f"--out {out} is not empty")
    with progress_shown() as progress:
        written = write(out, size.value, seed, faults, progress)
    typer.echo("\n".join(written))
