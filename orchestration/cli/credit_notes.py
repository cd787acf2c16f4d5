"""`makegood credit-notes`."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from makegood.orchestration.cli.common import (
    BAD_ARGUMENTS,
    FAILED,
    Warehouse,
    fail,
    first_of,
    require_folder,
    show,
)


class NoteFormat(StrEnum):
    csv = "csv"
    xlsx = "xlsx"
    jsonl = "jsonl"


def credit_notes(
    warehouse: Warehouse,
    month: Annotated[
        str,
        typer.Option("--month", help="Month in which the credited periods end (example: 2026-06)."),
    ],
    out: Annotated[
        Path | None, typer.Option(help="File for the lines: .csv, .xlsx or .jsonl.")
    ] = None,
    format: Annotated[
        NoteFormat | None,
        typer.Option("--format", help="Format of the file; default: by its suffix."),
    ] = None,
    limit: Annotated[
        list[str] | None,
        typer.Option(help="Amount above which a credit needs approval (EUR=500); repeatable."),
    ] = None,
    approve: Annotated[
        list[str] | None,
        typer.Option(
            metavar="SUBSCRIPTION",
            help="Issue the credits of this subscription that need approval; repeatable.",
        ),
    ] = None,
    again: Annotated[
        bool, typer.Option("--again", help="Write the last batch of the month again, as it is.")
    ] = False,
    batch_number: Annotated[
        int | None,
        typer.Option("--batch", metavar="N", min=1, help="With --again: this batch of the month."),
    ] = None,
    close: Annotated[
        list[str] | None,
        typer.Option(
            metavar="LINE_ID",
            help="Only this: no invoice will have this line of a batch; repeatable, for good.",
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what a batch would hold, and keep nothing.")
    ] = False,
) -> None:
    """Make the month's batch of credit notes: what is due and neither issued nor in a batch.

    A batch is kept in the warehouse under a number, and never changes. Its file has the form of the
    feed invoice_lines: fill in invoice_id, and deliver it with the other feeds.

    Exit 0: made, shown, written again or closed. 1: failed. 2: bad arguments, a month that is not
    over, or nothing new to issue.
    """
    first = first_of(month)
    require_folder("--warehouse", warehouse)
    kind = _kind(out, format)
    if again and (limit or approve or dry_run):
        raise fail(
            BAD_ARGUMENTS,
            "--again writes a batch as it is: leave --limit, --approve and --dry-run out",
        )
    if close and (out or limit or approve or again or dry_run):
        raise fail(BAD_ARGUMENTS, "--close makes and writes no batch: leave other options out")
    if again and not out:
        raise fail(BAD_ARGUMENTS, "--again writes a file: name it (example: --out notes.csv)")
    if batch_number and not again:
        raise fail(BAD_ARGUMENTS, "--batch names the batch that --again writes: give --again, too")
    if dry_run and out:
        raise fail(BAD_ARGUMENTS, "--dry-run writes nothing: leave out --out")
    if out and out.exists() and not again:
        raise fail(BAD_ARGUMENTS, f"--out {out} is there already: name another file")

    from makegood.dashboards.exports.excel import TooLarge
    from makegood.orchestration.output import credit_notes as output
    from makegood.orchestration.output.explain import NotFound

    try:
        limits = output.parse_limits(limit or [])
    except ValueError as error:
        raise fail(BAD_ARGUMENTS, str(error)) from error
    asked = output.Asked(warehouse, first, limits, frozenset(approve or []))
    is_kept = False
    try:
        if close:
            show(output.close(warehouse, first, close))
            return
        if again:
            batch = output.again(warehouse, first, batch_number)
            lines = output.of_batch(batch)
        else:
            planned = output.plan(asked) if dry_run else output.make(asked)
            is_kept = not dry_run
            batch, lines = planned.batch, output.in_words(asked, planned, is_kept)
        show(lines)
        if is_kept:
            show(["", f"kept as batch {batch.number} in {warehouse}, for the page Credit notes"])
        if out and kind:
            show([output.write(batch, out, kind)])
    except output.Refused as error:
        raise fail(BAD_ARGUMENTS, str(error)) from error
    except (NotFound, TooLarge, RuntimeError, OSError) as error:
        what = f"{error.strerror}: {error.filename}" if isinstance(error, OSError) else str(error)
        then = f"\nbatch {batch.number} is kept: write it with --again" if is_kept else ""
        is_there = isinstance(error, FileExistsError)
        raise fail(BAD_ARGUMENTS if is_there else FAILED, what + then) from error


def _kind(out: Path | None, chosen: NoteFormat | None) -> str | None:
    """The format of the file; refuses one that can't be written."""
    if out is None:
        if chosen:
            raise fail(BAD_ARGUMENTS, f"--format {chosen.value} needs a file: --out FILE")
        return None
    suffix = out.suffix.lower().removeprefix(".")
    known = [kind.value for kind in NoteFormat]
    if out.is_dir() or not (chosen or suffix in known):
        raise fail(BAD_ARGUMENTS, f"--out {out} must be a file that ends in .csv, .xlsx or .jsonl")
    if chosen and suffix in known and chosen != suffix:
        raise fail(
            BAD_ARGUMENTS,
            f"--format {chosen.value} contradicts the suffix of --out {out}: leave out --format",
        )
    if not out.absolute().parent.is_dir():
        raise fail(BAD_ARGUMENTS, f"--out {out}: {out.parent} is not a folder")
    return chosen.value if chosen else suffix
