"""The expectations that compare a feed with its own past: `expectations/thresholds.yaml`, and the
bounds that a feed sets for itself."""

from collections.abc import Iterator
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any, Literal

import polars as pl
from pydantic import BaseModel, ConfigDict

from makegood.ingestion.landing.land import FeedSettings
from makegood.ingestion.nearest import nearest
from makegood.ingestion.strict_yaml import Document, InvalidDocument
from makegood.ingestion.values import DecimalValue
from makegood.orchestration.settings import PROJECT

FILE = PROJECT / "expectations" / "thresholds.yaml"


class Threshold(BaseModel):
    """An expectation; its fields are explained at the top of the file."""

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
    """All of them, as the file has them."""
    return Document(FILE).validated(_Thresholds).expectations


def check_settings(landing: Path, settings: dict[str, FeedSettings]) -> None:
    """Raises InvalidDocument where a feed sets bounds for an expectation that does not exist."""
    known = {t.name for t in thresholds()}
    named = {(feed, name) for feed, s in settings.items() for name in s.expectations}
    unknown = sorted((feed, name) for feed, name in named if name not in known)
    if unknown:
        path = landing / "feeds.yaml"
        listed = ", ".join(sorted(known))
        raise InvalidDocument(
            [
                f"{path}: {feed}.expectations.{name}: there is no such expectation"
                + (f" (the nearest is {near})" if (near := nearest(name, known)) else "")
                + f"; there are {listed}"
                for feed, name in unknown
            ]
        )


def judged(
    compared: pl.DataFrame, settings: dict[str, FeedSettings]
) -> Iterator[tuple[Threshold, pl.DataFrame]]:
    """For each expectation and set of bounds the measures (`profiles.compared`) that it applies to,
    with the `least` and `most` that each may be, in its own unit; null where nothing bounds it."""
    for threshold in thresholds():
        chosen = compared.filter(
            pl.col("measure") == threshold.measure,
            pl.col(threshold.compare).is_not_null(),
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
                least, most = (_bound(bounded, at) for at in (bounded.at_least, bounded.at_most))
                yield bounded, rows.with_columns(least.alias("least"), most.alias("most"))


def _bound(threshold: Threshold, at: Decimal | None) -> pl.Expr:
    """A bound in the unit of the measure, from what is usual where it is compared with that."""
    bound = pl.lit(None if at is None else float(at), pl.Float64)
    by = {"value": bound, "ratio": bound * pl.col("usual"), "difference": bound + pl.col("usual")}
    return by[threshold.compare]


def _with(threshold: Threshold, own: dict[str, object]) -> Threshold:
    return threshold.model_copy(
        update={key: value for key, value in own.items() if value is not None}
    )


def in_words(threshold: Threshold, row: dict[str, Any]) -> str:
    """What to say of a measure (a row of `judged`) that is out of bounds."""
    return threshold.says.format(**row, change="appeared" if row["value"] else "vanished")
