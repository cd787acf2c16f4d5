"""Time zones and calendars resolved into plain seconds, so that no model converts a time zone (T2,
T4).

All of it comes from the pinned `tzdata` and `holidays` packages, never from an engine's own tables.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

import holidays

from makegood.ingestion.contracts.model import BusinessDays, BusinessHours
from makegood.ingestion.zones import zone as named_zone

DAY = 86_400
_EPOCH = date(1970, 1, 1)
_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def epoch_seconds(day: date, at: time, zone: ZoneInfo) -> int:
    """The instant of a local time of day: the first if it is repeated, that of the change of clocks
    if it is skipped."""
    return int(datetime.combine(day, at, zone).timestamp())


def start_of_day(day: date, zone: ZoneInfo) -> int:
    """The first instant of a local date; where clocks skip midnight, that of their change."""
    return epoch_seconds(day, time(), zone)


def local_date(instant_s: int, zone: ZoneInfo) -> date:
    return datetime.fromtimestamp(instant_s, zone).date()


@dataclass(frozen=True)
class Period:
    """A month or quarter of local days `[start, end)`, `[start_s, end_s)` in epoch seconds (T2)."""

    start: date
    end: date
    start_s: int
    end_s: int


def periods(kind: str, zone_name: str, first: date, last: date) -> list[Period]:
    """The periods (`month`, `quarter`) whose first day is in `[first, last]`."""
    zone, months = named_zone(zone_name), {"month": 1, "quarter": 3}[kind]
    result: list[Period] = []
    index = (first.year * 12 + first.month - 1) // months * months
    while True:
        start, end = (date(i // 12, i % 12 + 1, 1) for i in (index, index + months))
        if start > last:
            return result
        if start >= first:
            result.append(Period(start, end, start_of_day(start, zone), start_of_day(end, zone)))
        index += months


def is_holiday(day: date, country: str) -> bool:
    """Whether a day is a general holiday of an ISO country (T4)."""
    return country != "none" and day in _holidays(country, day.year)


@cache
def _holidays(country: str, year: int) -> frozenset[date]:
    named = holidays.country_holidays(
        country, years=year, language="en_US" if country == "NL" else None
    )
    # the two Sundays are in the library's list, not in that of T4
    dropped = {"Easter Sunday", "Pentecost"} if country == "NL" else set()
    return frozenset(day for day, name in named.items() if day.year == year and name not in dropped)


Calendar = BusinessHours | BusinessDays


def open_spans(calendar: Calendar, first: date, last: date) -> Iterator[tuple[int, int]]:
    """The open spans `[from_s, until_s)` of the local days `[first, last]`, in order (T4)."""
    zone = named_zone(calendar.time_zone)
    days = calendar.days if isinstance(calendar, BusinessHours) else _WEEKDAYS[:5]
    open_weekdays = {_WEEKDAYS.index(d) for d in days}
    added, removed = set(calendar.add), set(calendar.remove)
    for ordinal in range(first.toordinal(), last.toordinal() + 1):
        day = date.fromordinal(ordinal)
        is_off = day in added or (is_holiday(day, calendar.holidays) and day not in removed)
        if day.weekday() not in open_weekdays or is_off:
            continue
        if isinstance(calendar, BusinessHours):
            closes = (
                epoch_seconds(day, calendar.closes, zone)
                if calendar.closes != time()
                else start_of_day(day + timedelta(days=1), zone)
            )
            yield epoch_seconds(day, calendar.opens, zone), closes
        else:
            yield start_of_day(day, zone), start_of_day(day + timedelta(days=1), zone)


class CalendarDay(NamedTuple):
    """Open seconds before a UTC day and the at most two open spans inside it, in seconds of that
    day."""

    utc_day: int
    open_seconds_before: int
    from_1_s: int
    until_1_s: int
    from_2_s: int
    until_2_s: int


def calendar_days(calendar: Calendar, first_year: int, last_year: int) -> list[CalendarDay]:
    """A row per UTC day, so that the open seconds up to an instant are one look-up by its day
    (T4)."""
    first, last = date(first_year, 1, 1), date(last_year, 12, 31)
    pieces: dict[int, list[tuple[int, int]]] = {}
    for start, end in open_spans(calendar, first - timedelta(days=2), last + timedelta(days=2)):
        while start < end:
            day = start // DAY
            until = min(end, (day + 1) * DAY)
            spans = pieces.setdefault(day, [])
            if spans and spans[-1][1] == start - day * DAY:
                spans[-1] = (spans[-1][0], until - day * DAY)
            else:
                spans.append((start - day * DAY, until - day * DAY))
            start = until
    result, before = [], 0
    for day in range((first - _EPOCH).days, (last - _EPOCH).days + 1):
        spans = pieces.get(day, [])
        if len(spans) > 2:
            raise ValueError(
                f"a calendar in {calendar.time_zone} opens more than twice on UTC day {day}"
            )
        (a, b), (c, d) = [*spans, (0, 0), (0, 0)][:2]
        result.append(CalendarDay(day, before, a, b, c, d))
        before += b - a + d - c
    return result
