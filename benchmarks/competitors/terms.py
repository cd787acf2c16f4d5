"""What the contracts of the library ask for, as plain rows, read without Makegood's own code.

The competitors can do what these contracts and the feeds of `makegood sample` of a chosen size
need, and no more: one version of each contract and no amendment; quorum by majority; exclusions by
kind, service and region, cut before the threshold; production components that are always active;
tickets that are counted, whose pauses begin and end in turn within their clock, and that nobody
reopens.
"""

from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import holidays
import yaml

FOLDER = Path(__file__).parents[2] / "ingestion" / "contracts" / "library"
MONTHS = {"month": 1, "quarter": 3, "year": 12}
STALE_AFTER_S = 600
# before which no sample feed has an event
FIRST_DAY = date(2026, 5, 1)
Rows = list[dict[str, Any]]


def contracts() -> Rows:
    """A row a contract: its id, the keys that availability needs, `kinds` of exclusions, `terms`.

    Raises ValueError where a contract asks for what the competitors can't do.
    """
    rows = []
    for path in sorted(FOLDER.glob("*.yaml")):
        contract = yaml.safe_load(path.read_text())
        if len(contract["versions"]) != 1 or contract["amendments"]:
            raise ValueError(f"{path.name}: competitors read one version and no amendment")
        terms = contract["versions"][0]["terms"]
        fixed = {
            "quorum": (terms["monitoring"]["quorum"], "majority"),
            "stale_after_s": (terms["monitoring"]["stale_after_s"], STALE_AFTER_S),
            "unavailable_states": (terms["availability"]["unavailable_states"], ["down"]),
            "unknown_counts_as": (terms["availability"]["unknown_counts_as"], "available"),
            "exclusions_apply": (terms["downtime"]["exclusions_apply"], "before_threshold"),
        }
        for key, (value, known) in fixed.items():
            if value != known:
                raise ValueError(f"{path.name}: {key} is {value}; competitors know {known} alone")
        rows.append(
            {
                "contract_id": contract["contract_id"],
                "zone": contract["time_zone"],
                "effective_from": contract["versions"][0]["effective_from"],
                "period": terms["availability"]["period"],
                "min_consecutive_s": terms["downtime"]["min_consecutive_s"],
                # time that is excluded is no part of the period (A4)
                "is_taken_off": terms["availability"]["excluded_time"] == "windows",
                "kinds": terms["exclusions"]["kinds"],
                "terms": terms,
            }
        )
    return rows


def periods(as_of: datetime) -> Rows:
    """The periods of each contract up to `as_of`, in epoch seconds (T2)."""
    rows = []
    for contract in contracts():
        zone, months = ZoneInfo(contract["zone"]), MONTHS[contract["period"]]
        first = contract["effective_from"]
        while (start_s := _midnight(first, zone)) <= as_of.timestamp():
            after = _later(first, months)
            rows.append(
                {
                    "contract_id": contract["contract_id"],
                    "period_start": first,
                    "start_s": start_s,
                    "end_s": _midnight(after, zone),
                }
            )
            first = after
    return rows


def kinds() -> Rows:
    """The kinds of exclusions that each contract applies (X1)."""
    return [
        {"contract_id": contract["contract_id"], "kind": kind}
        for contract in contracts()
        for kind in contract["kinds"]
    ]


def rules() -> Rows:
    """A row a contract, of plain values only."""
    names = ("contract_id", "min_consecutive_s", "is_taken_off")
    return [{name: contract[name] for name in names} for contract in contracts()]


def clocks() -> Rows:
    """The target of resolution of each contract and severity, in seconds, and its clock (K5)."""
    return [
        {
            "contract_id": contract["contract_id"],
            "severity": severity,
            "target_s": _duration(term["target"]),
            "is_24x7": term["clock"] == "24x7",
        }
        for contract in contracts()
        for severity, term in contract["terms"].get("resolution", {}).items()
        if isinstance(term, dict)
    ]


def working_days(since: date, until: date) -> tuple[str, Rows]:
    """The one calendar of days that targets of resolution go by: its time zone, and the days of two
    dates, both included, with the open seconds before each (T4).

    Raises ValueError where the contracts have several, or one of hours.
    """
    named = {
        name: contract["terms"]["calendars"][name]
        for contract in contracts()
        for term in contract["terms"].get("resolution", {}).values()
        if isinstance(term, dict) and (name := term["clock"]) != "24x7"
    }
    ((name, calendar),) = named.items()
    if set(calendar) - {"time_zone", "holidays", "add", "remove"} or calendar["add"]:
        raise ValueError(f"{name}: competitors know working days alone")
    zone = ZoneInfo(calendar["time_zone"])
    closed = holidays.country_holidays(
        calendar["holidays"], years=range(since.year, until.year + 1)
    )
    rows, open_before = [], 0
    for number in range((until - since).days + 1):
        day = since + timedelta(days=number)
        start_s, end_s = _midnight(day, zone), _midnight(day + timedelta(days=1), zone)
        is_open = day.weekday() < 5 and day not in closed
        rows.append(
            {"day": day, "start_s": start_s, "open_before": open_before, "is_open": is_open}
        )
        open_before += (end_s - start_s) * is_open
    return calendar["time_zone"], rows


def open_seconds(days: Rows, at_s: int) -> int:
    """Where an instant lies on the calendar of `working_days`."""
    day = max((row for row in days if row["start_s"] <= at_s), key=lambda row: row["start_s"])
    return int(day["open_before"] + (at_s - day["start_s"]) * day["is_open"])


def _duration(text: str) -> int:
    number, unit = int(text.rstrip("smhdb")), text.lstrip("0123456789")
    return number * {"s": 1, "m": 60, "h": 3600, "d": 86_400, "bd": 86_400}[unit]


def instant(text: str) -> datetime:
    """The instant that a command line names, such as 2026-06-04T00:00:00Z."""
    return datetime.fromisoformat(text).astimezone(UTC)


def _later(first: date, months: int) -> date:
    number = first.year * 12 + first.month - 1 + months
    return date(number // 12, number % 12 + 1, 1)


def _midnight(day: date, zone: ZoneInfo) -> int:
    return int(datetime.combine(day, time(), zone).timestamp())
