"""Periods of contracts, months, quarters and years: their names, and their ends by the clock of
each contract (T2, T3, T5)."""

from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from makegood.dashboards.access.reader import Reader

# months in a period of each kind; the kinds are the words for them, too
MONTHS_IN = {"month": 1, "quarter": 3, "year": 12}
# what the fee of a period is called
FEES = {"month": "monthly fee", "quarter": "quarterly fee", "year": "yearly fee"}
_MONTHS = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]


def start(kind: str, day: date) -> date:
    """The first day of the period that holds a day."""
    return date(day.year, day.month - (day.month - 1) % MONTHS_IN[kind], 1)


def following(kind: str, first: date) -> date:
    """The first day of the next period. `first`: the first day of one."""
    months = first.month - 1 + MONTHS_IN[kind]
    return date(first.year + months // 12, months % 12 + 1, 1)


def before(kind: str, first: date) -> date:
    """The first day of the period before. `first`: the first day of one."""
    return start(kind, first - timedelta(days=1))


def closing(kind: str, first: date) -> date:
    """The first day of the month in which a period ends. `first`: the first day of the period."""
    return (following(kind, first) - timedelta(days=1)).replace(day=1)


def name(kind: str, first: date) -> str:
    """A period in a sentence: July 2026, July to September 2026, 2026; in English everywhere."""
    if kind == "year":
        return str(first.year)
    last = _MONTHS[first.month + MONTHS_IN[kind] - 2]
    months = last if kind == "month" else f"{_MONTHS[first.month - 1]} to {last}"
    return f"{months} {first.year}"


def during(named: str) -> str:
    """When, by the name of a period: in July 2026, from July to September 2026, in 2026."""
    return f"from {named}" if " to " in named else f"in {named}"


def code(kind: str, first: date) -> str:
    """A period in tables and file names, in order of time: 2026-07, 2026 Q3, 2026."""
    match kind:
        case "month":
            return f"{first:%Y-%m}"
        case "quarter":
            return f"{first:%Y} Q{(first.month + 2) // 3}"
        case _:
            return f"{first:%Y}"


def credited(row: Mapping[str, Any]) -> str:
    """The code of the period of a credit. `row`: with `month` and, unless a publication of an
    older version lacks it, `period_kind`."""
    return code(row.get("period_kind") or "month", row["month"])


def heading(rows: Iterable[Mapping[str, Any]]) -> str:
    """The heading of the periods of rows: Month, Quarter, Year, or Period where they differ."""
    kinds = {row.get("period_kind") or "month" for row in rows}
    return kinds.pop().capitalize() if len(kinds) == 1 else "Period"


def days(reader: Reader) -> dict[str, date]:
    """The local date of the figures' instant, by contract id."""
    return {
        row["contract_id"]: reader.as_of.astimezone(ZoneInfo(row["time_zone"])).date()
        for row in reader.rows("select contract_id, time_zone from marts.contracts")
    }


def kinds(reader: Reader) -> dict[str, str]:
    """The period for which each contract gives credits and reports, by contract id (T5)."""
    return {
        row["contract_id"]: kind_of(row) for row in reader.rows("select * from marts.contracts")
    }


def kind_of(contract: Mapping[str, Any]) -> str:
    """The same of one contract; publications of older versions know months alone."""
    return str(contract.get("credit_period_kind", "month"))


def is_over(ends_at: datetime, as_of: datetime) -> bool:
    """Whether a period is over (T3). Marts say so of what has a figure; reports also cover periods
    that have none."""
    return ends_at <= as_of


def has_ended(kind: str, first: date, today: date) -> bool:
    """Whether a period is over on a local date (T3). `first`: the first day of the period."""
    return following(kind, first) <= today


def midnight(day: date, zone: ZoneInfo) -> datetime:
    """The instant at which a local day begins (T2)."""
    return datetime(day.year, day.month, day.day, tzinfo=zone)
