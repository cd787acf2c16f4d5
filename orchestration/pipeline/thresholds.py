"""The expectations that compare a feed with its own past: `expectations/thresholds.yaml`, and what a feed says otherwise."""

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, Literal

import polars as pl
from pydantic import BaseModel, ConfigDict

from makegood.ingestion.landing.land import FeedSettings
from makegood.ingestion.strict_yaml import Document, InvalidDocument
from makegood.ingestion.values import DecimalValue
from makegood.orchestration.settings import PROJECT

FILE = PROJECT / "expectations" / "thresholds.yaml"


class Threshold(BaseModel):
    """An expectation; what its fields mean is said at the top of the file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    measure: str
    compare: Literal["value", "ratio", "difference"]
    at_least: DecimalValue | None = None
    at_most: DecimalValue | None = None
    from_runs: int = 0
    from_rows: int = 0
    severity: Literal["block", "warn", "off"]
    says: str
    means: str
    action: str


class _Thresholds(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    expectations: list[Threshold]


@cache
def thresholds() -> list[Threshold]:
    """All of them, as the file says."""
    return Document(FILE).validated(_Thresholds).expectations


def check_settings(landing: Path, settings: dict[str, FeedSettings]) -> None:
    """Raises InvalidDocument where a feed speaks of an expectation that there is not."""
    known = {t.name for t in thresholds()}
    unknown = sorted(
        f"{feed}.expectations.{name}"
        for feed, s in settings.items()
        for name in s.expectations.keys() - known
    )
    if unknown:
        path = landing / "feeds.yaml"
        raise InvalidDocument(
            [
                f"{path}: {where}: there is no such expectation; there are {', '.join(sorted(known))}"
                for where in unknown
            ]
        )


def judged(
    compared: pl.DataFrame, settings: dict[str, FeedSettings]
) -> Iterator[tuple[Threshold, pl.DataFrame]]:
    """For each expectation and set of bounds the measures (`profiles.compared`) that it applies to, with `deviation`, the number that is bounded."""
    for threshold in thresholds():
        chosen = compared.with_columns(pl.col(threshold.compare).alias("deviation")).filter(
            pl.col("measure") == threshold.measure,
            pl.col("deviation").is_not_null(),
            pl.col("runs") >= threshold.from_runs,
            pl.col("rows") >= threshold.from_rows,
            pl.col("usual_rows").is_null() | (pl.col("usual_rows") >= threshold.from_rows),
        )
        own = {
            feed: s.expectations[threshold.name]
            for feed, s in settings.items()
            if threshold.name in s.expectations
        }
        common = chosen.filter(~pl.col("feed").is_in(list(own)))
        for bounded, rows in [
            (threshold, common),
            *(
                (_with(threshold, b.model_dump()), chosen.filter(pl.col("feed") == f))
                for f, b in own.items()
            ),
        ]:
            if not rows.is_empty() and bounded.severity != "off":
                yield bounded, rows


def _with(threshold: Threshold, own: dict[str, object]) -> Threshold:
    return threshold.model_copy(
        update={key: value for key, value in own.items() if value is not None}
    )


def in_words(threshold: Threshold, row: dict[str, Any]) -> str:
    """What is said of a measure (a row of `judged`) that is out of bounds."""
    return threshold.says.format(**row, change="appeared" if row["value"] else "vanished")
