"""Writes SLA reports as files: one, or one for every subscription of a period."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

from makegood.dashboards.access.reader import Reader
from makegood.dashboards.figures.style import counted
from makegood.dashboards.reports import Format, figures, lists, render
from makegood.dashboards.reports.branding import NEUTRAL, Branding
from makegood.dashboards.reports.content import report_of
from makegood.dashboards.reports.document import Report
from makegood.dashboards.reports.names import file_names, lists_name
from makegood.ingestion.files import write_whole
from makegood.orchestration.output.explain import NotFound, published


@dataclass(frozen=True)
class Wish:
    """What reports are like. `reference`: the customer's own; `has_lists`: with the downtime and
    tickets as a workbook beside each."""

    kind: Format
    branding: Branding = NEUTRAL
    reference: str = ""
    has_lists: bool = False


def write_one(
    warehouse: Path, subscription_id: str, month: date, out: Path, wish: Wish
) -> list[str]:
    """Writes the report on a subscription and the period that holds a month; returns lines that say
    where.

    `month`: its first day. Raises NotFound.
    """
    with published(warehouse) as reader:
        report = report_of(reader, subscription_id, month, wish.branding, wish.reference)
        return _written(report, out, wish)


def write_all(
    warehouse: Path, month: date, folder: Path, wish: Wish, progress: Callable[[str], None]
) -> tuple[list[str], list[str]]:
    """Writes a report for every subscription that has a span in its period that holds the month;
    raises NotFound.

    Returns lines that say what was written, and lines that say what failed and why.

    One that fails does not keep the others from being written. `month`: its first day.
    """
    with published(warehouse) as reader:
        names = file_names(figures.subscriptions_of(reader, month), wish.kind)
        if not names:
            raise NotFound(_what_there_is(reader, month))
        written, failed, made = [], [], 0
        for number, (subscription_id, name) in enumerate(names.items(), 1):
            progress(f"{number} of {len(names)}: {subscription_id}")
            try:
                report = report_of(reader, subscription_id, month, wish.branding)
                content = render(report, wish.kind)
            except Exception as error:
                reason = str(error)
                if not isinstance(error, NotFound):
                    reason = f"{type(error).__name__}: {error}"
                failed.append(f"no report on {subscription_id!r}: {reason}")
                continue
            written += _written(report, folder / name, wish, content)
            made += 1
    return [*written, f"{counted(made, 'report')} for {month:%Y-%m} in {folder}"], failed


def _written(report: Report, out: Path, wish: Wish, content: bytes | None = None) -> list[str]:
    """Writes a report, and its lists if they are wanted and there are any."""
    _write(out, content or render(report, wish.kind))
    lines = [f"wrote {out}"]
    if wish.has_lists and (found := lists(report)):
        beside = out.with_name(lists_name(out.name))
        _write(beside, found)
        lines.append(f"wrote {beside}")
    return lines


def suggested_month(warehouse: Path, as_of: datetime) -> date:
    """The first day of the latest finished month with reports that are final, or of the current
    month."""
    with published(warehouse) as reader:
        return figures.last_final_month(reader) or as_of.date().replace(day=1)


def _what_there_is(reader: Reader, month: date) -> str:
    there = figures.all_periods(reader)
    if not there:
        return "there is no period to report on yet"
    return (
        f"no subscription has a report for {month:%Y-%m}; there are some for {figures.named(there)}"
    )


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, content)
