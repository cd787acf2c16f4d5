"""Backtests as a warehouse keeps them, `backtests/<id>.parquet`, and their figures.

The format is described here and nowhere else: orchestration writes it, pages and commands read it.
"""

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl
from pydantic import AwareDatetime, BaseModel, ValidationError

from makegood.dashboards.access.reader import Row
from makegood.dashboards.figures.queries import period
from makegood.dashboards.figures.style import thousands

FOLDER = "backtests"
# in the metadata of the file
_ABOUT = "backtest"

# what is compared -> the column of credits, or the cause, that it is
AMOUNTS = {
    "credit": "credit_amount",
    "payable": "payable_amount",
    "downtime": "downtime",
    "late_resolution": "late_resolution",
}
CAUSES = ("downtime", "late_resolution")

_MONEY = pl.Decimal(18, 3)
# a row per subscription, period and currency. Amounts are null on the side that has no such period,
# because the contract's periods are others there
ROWS: dict[str, Any] = {
    "contract_id": pl.String,
    "customer_id": pl.String,
    "customer_name": pl.String,
    "subscription_id": pl.String,
    "service_id": pl.String,
    "region": pl.String,
    "period_kind": pl.String,
    "month": pl.Date,
    "last_day": pl.Date,
    "currency": pl.String,
    **{f"{side}_{amount}": _MONEY for amount in AMOUNTS for side in ("published", "proposed")},
    # final or provisional (T3); evidence of either side
    "status": pl.String,
    "is_incomplete": pl.Boolean,
    "low_coverage": pl.Boolean,
}
DESCRIPTIONS = {
    "month": "First local day of the contract's month, quarter or year (T2, T5).",
    "last_day": "Last local day of that period.",
    "published_credit": "Credit as published (C4); empty where only the proposal has the period.",
    "proposed_credit": "Credit under the proposal (C4); empty where it has no such period.",
    "published_payable": "Of the published credit what is payable (C5).",
    "proposed_payable": "Of the proposed credit what is payable, by the requests made (C5).",
    "published_downtime": "Of the published credit what is for downtime.",
    "proposed_downtime": "Of the proposed credit what is for downtime.",
    "published_late_resolution": "Of the published credit what is for late resolutions.",
    "proposed_late_resolution": "Of the proposed credit what is for late resolutions.",
    "status": "final or provisional (T3).",
    "is_incomplete": "Whether rejected or waiting rows are missing from it.",
    "low_coverage": "Whether it rests on too little monitoring data (M6).",
}


class Backtest(BaseModel):
    """What a backtest is about. `run_id`, `as_of`: of the publication that it is compared with;
    `contracts`: the folder of the proposals; `notes`: sentences on what can be compared."""

    backtest_id: str
    made_at: AwareDatetime
    as_of: AwareDatetime
    run_id: str
    contracts: Path
    contract_ids: list[str]
    notes: list[str]


def file_of(warehouse: Path, backtest_id: str) -> Path:
    """The file of a backtest."""
    return warehouse / FOLDER / f"{backtest_id}.parquet"


def as_file(about: Backtest, rows: pl.DataFrame) -> bytes:
    """The content of the file of a backtest."""
    out = io.BytesIO()
    rows.write_parquet(out, compression="zstd", metadata={_ABOUT: about.model_dump_json()})
    return out.getvalue()


def kept(warehouse: Path) -> tuple[list[Backtest], list[str]]:
    """The kept backtests, the latest first, and the names of files that can't be read."""
    found, unreadable = [], []
    for path in sorted((warehouse / FOLDER).glob("*.parquet"), reverse=True):
        try:
            about = pl.read_parquet_metadata(path)[_ABOUT]
            found.append(Backtest.model_validate_json(about))
        except (OSError, KeyError, ValidationError, pl.exceptions.PolarsError):
            unreadable.append(path.name)
    return found, unreadable


def rows_of(warehouse: Path, about: Backtest) -> pl.DataFrame:
    """The rows of a kept backtest (ROWS)."""
    return pl.read_parquet(file_of(warehouse, about.backtest_id))


def by_period(rows: pl.DataFrame) -> list[Row]:
    """Credits and payable amounts by contract, period and currency; a side without the period has
    null."""
    summed = (
        rows.group_by("contract_id", "month", "period_kind", "currency")
        .agg(
            *_sums("credit", "payable"),
            (pl.col("status") == "provisional").any().alias("is_provisional"),
            pl.col("is_incomplete").sum().alias("incomplete"),
            pl.col("low_coverage").sum().alias("thin"),
        )
        .sort("contract_id", "period_kind", "month", "currency")
    )
    return _compared(summed, "credit", "payable")


def by_cause(rows: pl.DataFrame) -> list[Row]:
    """What credits are for (`cause`), by contract, period and currency, where there are any."""
    keys = ("contract_id", "period_kind", "month", "currency")
    summed = rows.group_by(keys).agg(_sums(*CAUSES)).sort(keys)
    found = [
        {
            **{key: row[key] for key in (*keys, "period")},
            "cause": cause,
            **{side: row[f"{side}_{cause}"] for side in ("published", "proposed", "difference")},
        }
        for row in _compared(summed, *CAUSES)
        for cause in CAUSES
    ]
    return [row for row in found if row["published"] or row["proposed"]]


def totals(rows: pl.DataFrame, *by: str) -> list[Row]:
    """Credits and payable amounts of all periods by currency and `by`; of each currency the largest
    differences first."""
    filled = rows.with_columns(
        pl.col(f"{side}_{amount}").fill_null(0)
        for amount in AMOUNTS
        for side in ("published", "proposed")
    )
    summed = filled.group_by(*by, "currency").agg(_sums("credit", "payable"))
    return sorted(
        _compared(summed, "credit", "payable"),
        key=lambda row: (
            row["currency"],
            -abs(row["difference_credit"]),
            -abs(row["difference_payable"]),
            *(str(row[key]) for key in by),
        ),
    )


def _sums(*amounts: str) -> list[pl.Expr]:
    """Sums of both sides, null where all are."""
    columns = [f"{side}_{amount}" for amount in amounts for side in ("published", "proposed")]
    return [pl.when(pl.col(c).count() > 0).then(pl.col(c).sum()).alias(c) for c in columns]


def _compared(summed: pl.DataFrame, *amounts: str) -> list[Row]:
    """Rows with the difference of each amount, and the period in words where there is one."""
    found = summed.with_columns(
        (pl.col(f"proposed_{amount}") - pl.col(f"published_{amount}")).alias(f"difference_{amount}")
        for amount in amounts
    ).to_dicts()
    return [_with_period(row) if "month" in row else row for row in found]


def _with_period(row: Mapping[str, Any]) -> Row:
    return {**row, "period": period({**row, "period_start": row["month"]})}


def remarks(row: Row) -> str:
    """What there is to know of a period's evidence, in words; empty if nothing. `row`: of
    `by_period`."""
    found = ["still in progress"] if row["is_provisional"] else []
    found += [f"{thousands(row['incomplete'])} on incomplete data"] if row["incomplete"] else []
    found += [f"{thousands(row['thin'])} on thin evidence"] if row["thin"] else []
    return ", ".join(found)
