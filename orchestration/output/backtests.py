"""What `makegood backtest` shows, and the files that it writes."""

import json
from collections.abc import Mapping, Sequence
from itertools import groupby, islice
from pathlib import Path

import polars as pl

from makegood.dashboards.access.reader import Row
from makegood.dashboards.exports import backtests as exports
from makegood.dashboards.exports import files
from makegood.dashboards.figures import backtests
from makegood.dashboards.figures.backtests import Backtest
from makegood.dashboards.figures.style import counted, money, timestamp
from makegood.ingestion.files import write_whole

# kinds of files of rows by their suffix; JSON beside them
_KINDS = {kind.suffix: kind for kind in files.KINDS.values()}
FORMATS = (*_KINDS, "json")
# subscriptions that are listed of each currency
MOST_CHANGED = 5

# heading (of one or two lines) -> column
_PERIOD = {"contract": "contract_id", "period": "period"}
_AMOUNTS = {
    f"{amount}\n{side}": f"{side}_{amount}"
    for amount in ("credit", "payable")
    for side in ("published", "proposed", "difference")
}


def in_words(about: Backtest, rows: pl.DataFrame) -> list[str]:
    """A backtest for a terminal, a line each."""
    periods = [{**row, "remarks": backtests.remarks(row)} for row in backtests.by_period(rows)]
    changed = [
        row
        for row in backtests.totals(rows, "contract_id", "subscription_id")
        if row["difference_credit"] or row["difference_payable"]
    ]
    # amounts of several currencies have no order
    most = [
        row
        for _, of_currency in groupby(changed, key=lambda row: row["currency"])
        for row in islice(of_currency, MOST_CHANGED)
    ]
    return [
        f"replayed as of {timestamp(about.as_of)}, the instant of what is published "
        f"(run {about.run_id}); nothing was published",
        *(f"note: {note}" for note in about.notes),
        *_table("credits by period", {**_PERIOD, "currency": "currency"}, _AMOUNTS, periods),
        *_table(
            "credits by cause",
            {**_PERIOD, "cause": "cause", "currency": "currency"},
            {side: side for side in ("published", "proposed", "difference")},
            [{**r, "cause": r["cause"].replace("_", " ")} for r in backtests.by_cause(rows)],
        ),
        *_table("totals", {"currency": "currency"}, _AMOUNTS, backtests.totals(rows)),
        *_table(
            f"subscriptions that change most, {len(most)} of {len(changed)}",
            {"contract": "contract_id", "subscription": "subscription_id", "currency": "currency"},
            _AMOUNTS,
            most,
        ),
    ]


def _table(
    title: str, names: Mapping[str, str], amounts: Mapping[str, str], rows: Sequence[Row]
) -> list[str]:
    """A titled table: names on the left, amounts on the right, and remarks where there are any."""
    lines = ["", title]
    if not rows:
        return [*lines, "  none"]
    cells = [
        [
            *(row[column] for column in names.values()),
            # a dash where a side has no such period
            *(money(row[column], row["currency"], code=False) for column in amounts.values()),
        ]
        for row in rows
    ]
    both = zip(*(_in_two(heading) for heading in (*names, *amounts)), strict=True)
    headings = [list(line) for line in both if any(line)]
    widths = [max(map(len, column)) for column in zip(*headings, *cells, strict=True)]
    remarks = [*("" for _ in headings), *(row.get("remarks", "") for row in rows)]
    for line, remark in zip([*headings, *cells], remarks, strict=True):
        padded = [
            cell.ljust(width) if place < len(names) else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(line, widths, strict=True))
        ]
        lines.append("  ".join(["", *padded, remark]).rstrip())
    return lines


def _in_two(heading: str) -> tuple[str, str]:
    """A heading as two lines, the first of which may be empty."""
    first, _, second = heading.rpartition("\n")
    return first, second


def write(out: Path, about: Backtest, rows: pl.DataFrame) -> str:
    """Writes the rows as one of FORMATS, by the suffix of the file; returns a line that says so."""
    kind = _KINDS.get(suffix(out))
    if kind:
        content = kind.make(rows, exports.about(about))
    else:
        found = {"backtest": about.model_dump(mode="json"), "rows": rows.to_dicts()}
        # decimals as text: they are exact
        content = (json.dumps(found, indent=2, default=str) + "\n").encode()
    out.parent.mkdir(parents=True, exist_ok=True)
    write_whole(out, content)
    return f"wrote {counted(rows.height, 'row')} to {out}"


def suffix(out: Path) -> str:
    """The kind of file that a path names, such as `csv`."""
    return out.suffix.lower().removeprefix(".")
