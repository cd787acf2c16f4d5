"""A report as plain data: sections of sentences, facts, tables and a timeline, with exact values.

Its content is written in `content`; `pdf`, `html` and `xlsx` render it as a file.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum

from makegood.dashboards.figures.style import (
    agreed_pct,
    exact_duration,
    exact_pct,
    instant,
    money,
    thousands,
)
from makegood.dashboards.figures.words import printable
from makegood.dashboards.reports.branding import NEUTRAL, Branding


@dataclass(frozen=True)
class Money:
    """An amount; `currency`: ISO 4217, None without a fee."""

    amount: Decimal
    currency: str | None


Value = str | int | Decimal | datetime | date | Money | None


class Kind(StrEnum):
    """What a value is. Seconds and minutes are integers, percentages are of type Decimal.

    CLOCK: seconds on a clock that may stop; AGREED: a percentage that the contract sets."""

    TEXT = "text"
    VERDICT = "verdict"
    INSTANT = "instant"
    DAY = "day"
    SECONDS = "seconds"
    CLOCK = "clock"
    MINUTES = "minutes"
    PERCENTAGE = "percentage"
    AGREED = "agreed percentage"
    MONEY = "money"
    COUNT = "count"


# kinds that are aligned to the right
NUMBERS = frozenset(Kind) - {Kind.TEXT, Kind.VERDICT, Kind.INSTANT, Kind.DAY}


# texts are cut at this length: a feed may hold names of millions of characters
LONGEST = 1_000


@dataclass(frozen=True)
class Fact:
    """A named value, with a short note."""

    name: str
    value: Value
    kind: Kind = Kind.TEXT
    note: str = ""


@dataclass(frozen=True)
class Facts:
    """Named values that belong together."""

    caption: str
    facts: tuple[Fact, ...]


@dataclass(frozen=True)
class Column:
    title: str
    kind: Kind = Kind.TEXT


@dataclass(frozen=True)
class Table:
    """A table with at least one row; where there are none, a sentence says so."""

    caption: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Value, ...], ...]


@dataclass(frozen=True)
class Lane:
    """Intervals of one kind on a timeline, `[start, end)`; `key` chooses the colour."""

    key: str
    name: str
    intervals: tuple[tuple[datetime, datetime], ...]


@dataclass(frozen=True)
class Timeline:
    """Intervals of a period, a lane for each kind. `description`: the same in words.

    `known_until`: the instant of the figures; what follows it has not happened yet."""

    caption: str
    description: str
    start: datetime
    end: datetime
    known_until: datetime
    ticks: tuple[tuple[datetime, str], ...]
    lanes: tuple[Lane, ...]


@dataclass(frozen=True)
class Cell:
    """A period of a strip. `state`: met, missed, unseen or none; `is_over`: False so far."""

    name: str
    figure: str
    words: str
    state: str
    is_over: bool = True


@dataclass(frozen=True)
class Strip:
    """Periods side by side, in order. `description`: the same in words."""

    caption: str
    description: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class Section:
    """A heading and its content. `reference`: the clauses of the contract.

    `sheet`: its sheet in a workbook; "" is the sheet of the section around it."""

    title: str
    blocks: tuple["Block", ...]
    sheet: str = ""
    reference: str = ""


Block = str | Facts | Table | Timeline | Section


@dataclass(frozen=True)
class Report:
    """A customer's SLA report on a subscription and a period of its contract (Z4).

    `period`: its code, such as 2026-07. `opening`: what was agreed and whether it was met, and what
    is owed. `notes`: what must not be overlooked. `strip`: the last periods, if there are others.
    """

    title: str
    subtitle: str
    agreement: str
    subscription_id: str
    period: str
    as_of: datetime
    head: Facts
    highlights: tuple[Fact, ...]
    notes: tuple[str, ...]
    sections: tuple[Section, ...]
    opening: tuple[str, ...] = ()
    strip: Strip | None = None
    branding: Branding = NEUTRAL


def shown(value: Value, kind: Kind = Kind.TEXT) -> str:
    """A value in words. A text can neither break the line nor reverse it; None is a dash."""
    match kind, value:
        case _, None:
            return "–"
        case Kind.SECONDS, int(seconds):
            return exact_duration(seconds)
        case Kind.MINUTES, int(minutes):
            return exact_duration(60 * minutes, in_hours=True)
        case Kind.COUNT, int(count):
            return thousands(count)
        case Kind.PERCENTAGE, Decimal():
            return exact_pct(value)
        case Kind.AGREED, Decimal():
            return agreed_pct(value)
        case Kind.CLOCK, int(seconds):
            return exact_duration(seconds, in_hours=True)
        case Kind.INSTANT, datetime():
            return instant(value)
        case Kind.MONEY, Money(amount, currency):
            return money(amount, currency)
        case _:
            return printable(shortened(str(value), LONGEST))


def verdict_class(text: str) -> str:
    """The class of a verdict: only an unqualified `met` is marked as met."""
    return "met" if text == "met" else "missed" if text.partition(",")[0] == "missed" else ""


def shortened(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"


def footer(report: Report) -> str:
    """The line at the foot of each page."""
    agreement, subscription = (
        shortened(report.agreement, 100),
        shortened(report.subscription_id, 100),
    )
    return (
        f"{agreement} · subscription {subscription} · {report.period} · "
        f"figures as of {instant(report.as_of)} UTC"
    )


def walk(blocks: tuple[Block, ...]) -> Iterator[Block]:
    """The blocks, and those of the sections among them, in order."""
    for block in blocks:
        yield block
        if isinstance(block, Section):
            yield from walk(block.blocks)
