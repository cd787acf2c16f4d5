"""Writes SLA reports as files: one, or one for every subscription of a period."""

import hashlib
import re
from collections import Counter
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from urllib.parse import quote

from makegood.dashboards.access.reader import Reader
from makegood.dashboards.figures.style import counted
from makegood.dashboards.reports import Format, figures, render
from makegood.dashboards.reports.content import report_of
from makegood.ingestion.files import write_whole
from makegood.orchestration.output.explain import NotFound, published

_LONGEST = 100


def write_one(warehouse: Path, subscription_id: str, month: date, out: Path, kind: Format) -> str:
    """Writes the report on a subscription and the period that holds a month; returns a line that
    says where.

    `month`: its first day. Raises NotFound.
    """
    with published(warehouse) as reader:
        _write(out, render(report_of(reader, subscription_id, month), kind))
    return f"wrote {out}"


def write_all(
    warehouse: Path, month: date, folder: Path, kind: Format, progress: Callable[[str], None]
) -> tuple[list[str], list[str]]:
    """Writes a report for every subscription that has a span in its period that holds the month;
    raises NotFound.

    Returns lines that say what was written, and lines that say what failed and why.

    One that fails does not keep the others from being written. `month`: its first day.
    """
    with published(warehouse) as reader:
        names = file_names(figures.subscriptions_of(reader, month), kind)
        if not names:
            raise NotFound(_what_there_is(reader, month))
        written, failed = [], []
        for number, (subscription_id, name) in enumerate(names.items(), 1):
            progress(f"{number} of {len(names)}: {subscription_id}")
            try:
                content = render(report_of(reader, subscription_id, month), kind)
            except Exception as error:
                reason = str(error)
                if not isinstance(error, NotFound):
                    reason = f"{type(error).__name__}: {error}"
                failed.append(f"no report on {subscription_id!r}: {reason}")
                continue
            _write(folder / name, content)
            written.append(f"wrote {folder / name}")
    return [*written, f"{counted(len(written), 'report')} for {month:%Y-%m} in {folder}"], failed


def suggested_month(warehouse: Path, as_of: datetime) -> date:
    """The first day of the latest finished month with reports that are final, or of the current
    month."""
    with published(warehouse) as reader:
        return figures.last_final_month(reader) or as_of.date().replace(day=1)


def file_names(period_of: dict[str, str], kind: Format) -> dict[str, str]:
    """A file name for each id that is safe and unique on any file system, also if it ignores case.

    An id keeps its letters, digits, `_`, `.` and `-`; other characters, and a dot or dash in front,
    are percent-encoded. A name that is changed or cut by that, or that differs from another in case
    alone, ends in `~` and a hash of the id. `period_of`: the code of the period by subscription.
    """
    kept = {i: _quoted(i) for i in period_of}
    alike = Counter(name.casefold() for name in kept.values())
    named = {}
    for subscription_id, name in kept.items():
        if (
            not name
            or name != subscription_id
            or len(name) > _LONGEST
            or alike[name.casefold()] > 1
        ):
            name = f"{name[:_LONGEST]}~{hashlib.sha256(subscription_id.encode()).hexdigest()[:16]}"
        period = period_of[subscription_id].replace(" ", "-")
        named[subscription_id] = f"{name}-{period}.{kind}"
    return named


def _quoted(subscription_id: str) -> str:
    # ~ marks a hash; a leading dot hides a file, a leading dash makes it look like an option
    quoted = quote(subscription_id, safe="").replace("~", "%7E")
    return re.sub(r"^[.-]", lambda found: f"%{ord(found[0]):02X}", quoted)


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
