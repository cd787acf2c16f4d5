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
    checks: Annotated[
        int | None,
        typer.Option(min=0, help="Feeds to measure with: about so many checks, instead of --size."),
    ] = None,
    tickets: Annotated[
        int | None, typer.Option(min=0, help="To measure with: tickets of ten events each.")
    ] = None,
    invoice_lines: Annotated[
        int | None, typer.Option(min=0, help="To measure with: about so many invoice lines.")
    ] = None,
    seed: Annotated[int, typer.Option(help="The same seed writes the same feeds.")] = 1,
    faults: Annotated[
        bool, typer.Option("--faults", help="Plant bad rows, and list them.")
    ] = False,
) -> None:
    """Write sample feeds: realistic, clean, or with faults planted."""
    from makegood.ingestion import sample_scale
    from makegood.ingestion.sample import write

    if out.exists() and any(out.iterdir()):
        raise fail(BAD_ARGUMENTS, f"--out {out} is not empty")
    asked = {"checks": checks, "tickets": tickets, "invoice_lines": invoice_lines}
    scale = sample_scale.Scale(**{name: number or 0 for name, number in asked.items()})
    is_scaled = any(number is not None for number in asked.values())
    if is_scaled and (faults or size is not Size.small):
        raise fail(
            BAD_ARGUMENTS, "--size and --faults do not go with --checks, --tickets, --invoice-lines"
        )
    with progress_shown() as progress:
        written = (
            sample_scale.write(out, scale, seed, progress)
            if is_scaled
            else write(out, size.value, seed, faults, progress)
        )
    typer.echo("\n".join(written))
