"""Time zones and calendars resolved into plain seconds, so that no model converts a time zone (T2,
T4).

All of it comes from the pinned `tzdata` and `holidays` packages, never from an engine's own tables.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import cache
from itertools import pairwise
from typing import NamedTuple
from zoneinfo import ZoneInfo

import holidays

from makegood.ingestion.contracts.model import Calendar
from makegood.ingestion.zones import zone as named_zone

DAY = 86_400
_EPOCH = date(1970, 1, 1)
_MONTHS = {"month": 1, "quarter": 3, "year": 12}


def epoch_seconds(day: date, minute: int, zone: ZoneInfo) -> int:
    """The instant of a minute of a local date, or of the dates after it from minute 1440 on: the
    first if it is repeated, by the offset before the change of clocks if it is skipped (T4)."""
    days, of_day = divmod(minute, 24 * 60)
    at = time(of_day // 60, of_day % 60)
    return int(datetime.combine(day + timedelta(days=days), at, zone).timestamp())


def start_of_day(day: date, zone: ZoneInfo) -> int:
    """The first instant of a local date; where clocks skip midnight, that of their change."""
    return epoch_seconds(day, 0, zone)


def local_date(instant_s: int, zone: ZoneInfo) -> date:
    return datetime.fromtimestamp(instant_s, zone).date()


@dataclass(frozen=True)
class Period:
    """A month, quarter or year of local days `[start, end)`, `[start_s, end_s)` in epoch seconds
    (T2)."""

    start: date
    end: date
    start_s: int
    end_s: int


def periods(kind: str, zone_name: str, first: date, last: date) -> list[Period]:
    """The periods (`month`, `quarter`, `year`) whose first day is in `[first, last]`."""
    zone, months = named_zone(zone_name), _MONTHS[kind]
    result: list[Period] = []
    index = _index(first, months)
    while True:
        start, end = (date(i // 12, i % 12 + 1, 1) for i in (index, index + months))
        if start > last:
            return result
        if start >= first:
            result.append(Period(start, end, start_of_day(start, zone), start_of_day(end, zone)))
        index += months


def period_start(kind: str, day: date) -> date:
    """The first day of the period (`month`, `quarter`, `year`) that a day is in."""
    index = _index(day, _MONTHS[kind])
    return date(index // 12, index % 12 + 1, 1)


def _index(day: date, months: int) -> int:
    return (day.year * 12 + day.month - 1) // months * months


def is_holiday(day: date, place: str) -> bool:
    """Whether a day is a public holiday of an ISO country or of a subdivision of one (T4)."""
    return place != "none" and day in _holidays(place, day.year)


@cache
def _holidays(place: str, year: int) -> frozenset[date]:
    country, _, subdivision = place.partition("-")
    named = holidays.country_holidays(
        country,
        subdiv=subdivision or None,
        years=year,
        language="en_US" if country == "NL" else None,
    )
    # the two Sundays are in the library's list, not in that of T4
    dropped = {"Easter Sunday", "Pentecost"} if country == "NL" else set()
    return frozenset(day for day, name in named.items() if day.year == year and name not in dropped)


def open_spans(calendar: Calendar, first: date, last: date) -> Iterator[tuple[int, int]]:
    """The open spans `[from_s, until_s)` that start on the local days `[first, last]`, in order and
    apart from each other (T4)."""
    zone, week = named_zone(calendar.time_zone), calendar.week()
    added, removed = set(calendar.add), set(calendar.remove)
    reached = -(2**63)
    for ordinal in range(first.toordinal(), last.toordinal() + 1):
        day = date.fromordinal(ordinal)
        spans = week.get(day.weekday(), [])
        if not spans or day in added:
            continue
        if is_holiday(day, calendar.holidays) and day not in removed:
            continue
        for opens, closes in spans:
            # a change of clocks may push an edge past the next one
            start = max(reached, epoch_seconds(day, opens, zone))
            end = epoch_seconds(day, closes, zone)
            if start < end:
                yield start, end
                reached = end


class CalendarPart(NamedTuple):
    """A part of a UTC day in which a calendar opens at most once; all but the first and last are
    in seconds of that day."""

    utc_day: int
    part_from_s: int
    part_until_s: int
    opens_s: int
    closes_s: int
    open_seconds_before: int


def calendar_parts(calendar: Calendar, first_year: int, last_year: int) -> list[CalendarPart]:
    """The parts of each UTC day, mostly one, so that the open seconds up to an instant are one
    look-up by its day and second (T4)."""
    first, last = date(first_year, 1, 1), date(last_year, 12, 31)
    spans_of: dict[int, list[tuple[int, int]]] = {}
    for start, end in open_spans(calendar, first - timedelta(days=3), last + timedelta(days=2)):
        while start < end:
            day = start // DAY
            until = min(end, (day + 1) * DAY)
            spans = spans_of.setdefault(day, [])
            if spans and spans[-1][1] == start - day * DAY:
                spans[-1] = (spans[-1][0], until - day * DAY)
            else:
                spans.append((start - day * DAY, until - day * DAY))
            start = until
    result, before = [], 0
    for day in range((first - _EPOCH).days, (last - _EPOCH).days + 1):
        spans = spans_of.get(day) or [(0, 0)]
        # each part but the first begins where its span opens
        edges = [0, *(opens for opens, _ in spans[1:]), DAY]
        for (opens, closes), (part, until) in zip(spans, pairwise(edges), strict=True):
            result.append(CalendarPart(day, part, until, opens, closes, before))
            before += closes - opens
    return result
