"""What goes in and what comes out, as plain data."""

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import polars as pl

Severity = Literal["block", "warn"]


@dataclass(frozen=True)
class Expected:
    """An expectation over a frame.

    `expect`: a class of great_expectations.expectations, with its `arguments`. `says`: what to say
    of a row that fails, with the frame's columns in braces; of a column that ends in `_milli` or
    `_micro` the name without it gives the decimal, in thousandths or millionths. `means`: what a
    failure means for figures; `action`: what to do."""

    name: str
    expect: str
    arguments: dict[str, Any]
    severity: Severity
    says: str
    means: str
    action: str


@dataclass(frozen=True)
class Suite:
    """Expectations over one `frame`, a Parquet file. `about`: the feed or mart.

    `has_subjects`: the frame has a column `subject`, and each of its rows has a result of its own;
    else each expectation has one."""

    suite: str
    about: str
    frame: str
    expected: list[Expected]
    has_subjects: bool = False


# the suite of a feed beside its past, and that of a mart after it is built
HISTORY, FIGURES = "history", "figures"
# of a feed as a whole
VOLUME = "volume"


@dataclass(frozen=True)
class ExpectationResult:
    """The result of an expectation. `feed` is empty where it is about a `mart`, and the other way
    around. `severity`: `block` keeps a run from being published, `warn` does not. `name` is that
    of thresholds.yaml or marts.yaml; `subject`: of what, as a column or a currency; `detail`: what
    was found, empty where the expectation is met; `means` and `action` as in `Expected`."""

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
    mart: str = ""

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
        "mart": pl.String,
    }


def suites_from(data: list[dict[str, Any]]) -> list[Suite]:
    """Suites as they come over the wire."""
    return [Suite(**s | {"expected": [Expected(**e) for e in s["expected"]]}) for s in data]
