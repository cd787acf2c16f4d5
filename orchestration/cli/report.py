"""`makegood report`."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from makegood.dashboards.figures.style import counted
from makegood.orchestration.cli.common import (
    BAD_ARGUMENTS,
    FAILED,
    Month,
    Warehouse,
    fail,
    first_of,
    progress_shown,
    show,
)


class ReportFormat(StrEnum):
    pdf = "pdf"
    html = "html"
    xlsx = "xlsx"


def report(
    warehouse: Warehouse,
    month: Month,
    out: Annotated[
        Path,
        typer.Option(help="File to write: .pdf, .html or .xlsx. With --all: a folder."),
    ],
    subscription: Annotated[str | None, typer.Option(help="Id of the subscription.")] = None,
    every: Annotated[
        bool, typer.Option("--all", help="A report for every subscription with one for that month.")
    ] = False,
    format: Annotated[
        ReportFormat | None,
        typer.Option("--format", help="With --all: format of the files; default: pdf."),
    ] = None,
    branding: Annotated[
        Path | None,
        typer.Option(help="Who sends it; default: branding.yaml in the warehouse."),
    ] = None,
    reference: Annotated[
        str | None, typer.Option(help="With --subscription: the customer's own reference.")
    ] = None,
    with_lists: Annotated[
        bool,
        typer.Option("--lists", help="Beside each report, its downtime and tickets as .xlsx."),
    ] = False,
) -> None:
    """Write a customer's SLA report on a subscription and period, or one for every subscription.

    Exit 0: written. 1: there is no such report, or one could not be written. 2: bad arguments.
    """

    from makegood.dashboards.reports import FORMATS
    from makegood.dashboards.reports.branding import LONGEST_REFERENCE
    from makegood.ingestion.strict_yaml import InvalidDocument
    from makegood.orchestration.output.branding import branding_of
    from makegood.orchestration.output.explain import NotFound
    from makegood.orchestration.output.reports import Wish, write_all, write_one

    first = first_of(month)
    if every == (subscription is not None):
        raise fail(
            BAD_ARGUMENTS,
            "choose one: --subscription ID for one report, or --all for every subscription",
        )
    suffix = out.suffix.lower().removeprefix(".")
    if every and (out.is_file() or (suffix in FORMATS and not out.is_dir())):
        raise fail(
            BAD_ARGUMENTS,
            f"--out {out} is a file: --all writes one file per subscription and needs a folder",
        )
    if not every and (out.is_dir() or suffix not in FORMATS):
        raise fail(BAD_ARGUMENTS, f"--out {out} must be a file that ends in .pdf, .html or .xlsx")
    if not every and format is not None and format != suffix:
        raise fail(
            BAD_ARGUMENTS,
            f"--format {format.value} contradicts the suffix of --out {out}: leave out --format",
        )
    if every and reference is not None:
        raise fail(BAD_ARGUMENTS, "--reference is one customer's: it needs --subscription ID")
    if reference is not None and len(reference) > LONGEST_REFERENCE:
        raise fail(BAD_ARGUMENTS, f"--reference has over {LONGEST_REFERENCE} characters")
    kind = next(f for f in FORMATS if f == (format.value if format else "pdf" if every else suffix))
    try:
        wish = Wish(kind, branding_of(warehouse, branding), reference or "", with_lists)
        with progress_shown() as progress:
            if subscription is None:
                written, failed = write_all(warehouse, first, out, wish, progress)
            else:
                written, failed = write_one(warehouse, subscription, first, out, wish), []
    except InvalidDocument as error:
        raise fail(BAD_ARGUMENTS, str(error)) from error
    except NotFound as error:
        raise fail(FAILED, str(error)) from error
    except OSError as error:
        raise fail(FAILED, f"could not write to {out}: {error.strerror or error}") from error
    show(written)
    if failed:
        raise fail(
            FAILED, "\n".join([f"{counted(len(failed), 'report')} could not be written", *failed])
        )
