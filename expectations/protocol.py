"""What goes in and what comes out, as plain data."""

from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

import polars as pl

Severity = Literal["block", "warn"]


@dataclass(frozen=True)
class ColumnExpected:
    """A landed column: `values` and `minimum` where there are any."""

    name: str
    required: bool
    values: list[Any] | None = None
    minimum: int | None = None


@dataclass(frozen=True)
class FeedExpected:
    """A feed to validate. `rows`: a Parquet file of its landed rows, None where there are too many to look at one by one;
    `profile`: a Parquet file of one row that sums them up: rows_landed, rows_read, rows_rejected,
    rejected_pct, and for each column nulls_<column> and outside_<column>."""

    feed: str
    columns: list[ColumnExpected]
    rows: str | None
    profile: str
    max_rejected_pct: float


@dataclass(frozen=True)
class HistoryExpected:
    """An expectation of `thresholds.yaml` over the measures of feeds. `frame`: a Parquet file of a row per measure, with feed, subject, `deviation`,
    the number that is bounded, and `said`, what is said of it if it is out of bounds."""

    name: str
    frame: str
    at_least: float | None
    at_most: float | None
    severity: Severity
    means: str
    action: str


@dataclass(frozen=True)
class CheckResult:
    """What became of an expectation. `severity`: `block` keeps a run from being published, `warn` does not. In the suite `history`: its `name` in
    thresholds.yaml, the `subject` (a column, a currency …), what a failure `means` for figures, and what to do (`action`)."""

    feed: str
    suite: str
    expectation: str
    column_name: str | None
    severity: Severity
    success: bool
    detail: str
    name: str = ""
    subject: str = ""
    means: str = ""
    action: str = ""

    SCHEMA: ClassVar[dict[str, Any]] = {
        "feed": pl.String,
        "suite": pl.String,
        "expectation": pl.String,
        "column_name": pl.String,
        "severity": pl.String,
        "success": pl.Boolean,
        "detail": pl.String,
        "name": pl.String,
        "subject": pl.String,
        "means": pl.String,
        "action": pl.String,
    }


@dataclass(frozen=True)
class Job:
    """All feeds of a run."""

    feeds: list[FeedExpected] = field(default_factory=list)
    history: list[HistoryExpected] = field(default_factory=list)


def job_from(data: dict[str, Any]) -> Job:
    """A job as it comes over the wire."""
    feeds = [
        FeedExpected(**{**f, "columns": [ColumnExpected(**c) for c in f["columns"]]})
        for f in data["feeds"]
    ]
    return Job(feeds, [HistoryExpected(**h) for h in data["history"]])
