"""What `makegood backtest` shows, and the files that it writes."""

import json
from itertools import groupby, islice
from pathlib import Path

import polars as pl

from makegood.dashboards.exports import backtests as exports
from makegood.dashboards.exports import files
from makegood.dashboards.figures import backtests
from makegood.dashboards.figures.backtests import Backtest
from makegood.dashboards.figures.style import counted, timestamp
from makegood.ingestion.files import write_whole
from makegood.orchestration.output.tables import table

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
        *table("credits by period", {**_PERIOD, "currency": "currency"}, _AMOUNTS, periods),
        *table(
            "credits by cause",
            {**_PERIOD, "cause": "cause", "currency": "currency"},
            {side: side for side in ("published", "proposed", "difference")},
            [{**r, "cause": r["cause"].replace("_", " ")} for r in backtests.by_cause(rows)],
        ),
        *table("totals", {"currency": "currency"}, _AMOUNTS, backtests.totals(rows)),
        *table(
            f"subscriptions that change most, {len(most)} of {len(changed)}",
            {"contract": "contract_id", "subscription": "subscription_id", "currency": "currency"},
            _AMOUNTS,
            most,
        ),
    ]


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
