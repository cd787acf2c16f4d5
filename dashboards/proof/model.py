"""A proof as data: numbered steps, each with its sentences and the rows that support them."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from makegood.dashboards.access.reader import Row
from makegood.dashboards.figures.style import timestamp
from makegood.dashboards.proof import text


class NotFound(ValueError):
    """The publication has no such credit; the message names the ones it has."""


@dataclass
class Step:
    """One step of a proof. `rows`: what the sentences follow from, each with file and line.

    `rule`: the ids of its rules; `clause`: where the contract says so, None if it does not say.
    """

    title: str
    rule: str
    clause: str | None
    sentences: list[str]
    rows: list[Row] = field(default_factory=list)

    @property
    def basis(self) -> str:
        """The clause, where the contract has one, and the rules: rule M6; rules A5, A6."""
        rules = "rules" if "," in self.rule or "-" in self.rule else "rule"
        return ", ".join(filter(None, [self.clause, f"{rules} {self.rule}"]))


@dataclass
class Proof:
    """The proof of a subscription's credit in a period. `period_kind`: month, quarter or year;
    `month`: its first day; `result`: what comes out, in two sentences; `derivation`: the same as a
    calculation of at most five lines."""

    subscription_id: str
    period_kind: str
    month: date
    as_of: datetime
    contract_id: str
    contract_version: date
    result: list[str]
    derivation: list[Step]
    steps: list[Step]

    def as_data(self) -> Row:
        """Values for JSON: instants and dates in ISO 8601, amounts and percentages as text."""
        return _plain(asdict(self))

    def as_text(self) -> str:
        """The proof in words, with the rows below each step."""
        return text.of(self)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_plain(v) for v in value]
    if isinstance(value, datetime):
        return timestamp(value)
    if isinstance(value, Decimal | date):
        return str(value)
    return value
