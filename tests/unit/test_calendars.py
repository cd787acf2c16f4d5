"""Periods, holidays and business time (T2, T4)."""

import itertools
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from makegood.ingestion.contracts.calendars import (
    DAY,
    CalendarPart,
    calendar_parts,
    is_holiday,
    local_date,
    open_spans,
    period_start,
    periods,
    start_of_day,
)
from makegood.ingestion.contracts.model import Calendar
from makegood.ingestion.zones import zone as named_zone

AMSTERDAM = "Europe/Amsterdam"
WEEK = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def easter(year: int) -> date:
    """Gauss's rule, as anonymous gave it in 1876."""
    a, b, c = year % 19, year // 100, year % 100
    d, e = b // 4, b % 4
    g = (8 * b + 13) // 25
    h = (19 * a + b - d - g + 15) % 30
    j, k = c // 4, c % 4
    m = (a + 11 * h) // 319
    r = (2 * e + 2 * j - k - h + m + 32) % 7
    n = (h - m + r + 90) // 25
    return date(year, n, (h - m + r + n + 19) % 32)


@pytest.mark.parametrize("year", range(2024, 2041))
def test_general_dutch_holidays_are_those_of_the_rule(year: int) -> None:
    sunday = easter(year)
    kings_day = date(year, 4, 27)
    expected = {
        date(year, 1, 1),
        date(year, 12, 25),
        date(year, 12, 26),
        kings_day if kings_day.weekday() != 6 else date(year, 4, 26),
    }
    expected |= {sunday + timedelta(days=n) for n in (-2, 1, 39, 50)}
    expected |= {date(year, 5, 5)} if year % 5 == 0 else set()
    assert {
        d
        for d in (date(year, 1, 1) + timedelta(days=n) for n in range(366))
        if d.year == year and is_holiday(d, "NL")
    } == expected


def test_polish_holidays_have_christmas_eve_since_2025() -> None:
    assert [is_holiday(date(year, 12, 24), "PL") for year in (2024, 2025, 2026)] == [
        False,
        True,
        True,
    ]
    assert not is_holiday(date(2026, 12, 24), "none")


def test_a_subdivision_has_its_own_holidays() -> None:
    """As the pinned library gives them: Massachusetts has Patriots' Day, and no day in place of a
    Fourth of July on a Saturday."""
    days = (date(2026, 4, 20), date(2026, 7, 3), date(2026, 7, 4))
    assert [is_holiday(day, "US") for day in days] == [False, True, True]
    assert [is_holiday(day, "US-MA") for day in days] == [True, False, True]


def test_periods_follow_daylight_saving() -> None:
    lengths = {
        str(p.start): p.end_s - p.start_s
        for p in periods("month", "Europe/Amsterdam", date(2026, 1, 1), date(2026, 12, 1))
    }
    assert lengths["2026-03-01"] == 31 * DAY - 3600
    assert lengths["2026-10-01"] == 31 * DAY + 3600
    assert lengths["2026-02-01"] == 28 * DAY
    quarters = periods("quarter", "UTC", date(2026, 1, 2), date(2026, 12, 31))
    assert [str(p.start) for p in quarters] == ["2026-04-01", "2026-07-01", "2026-10-01"], (
        "only those whose first day is in the span"
    )
    years = periods("year", AMSTERDAM, date(2026, 1, 1), date(2028, 12, 31))
    assert [(str(p.start), p.end_s - p.start_s) for p in years] == [
        ("2026-01-01", 365 * DAY),
        ("2027-01-01", 365 * DAY),
        ("2028-01-01", 366 * DAY),
    ]


@pytest.mark.parametrize(
    ("kind", "day", "first"),
    [
        ("month", date(2026, 6, 30), date(2026, 6, 1)),
        ("quarter", date(2026, 6, 30), date(2026, 4, 1)),
        ("quarter", date(2026, 7, 1), date(2026, 7, 1)),
        ("quarter", date(2026, 12, 31), date(2026, 10, 1)),
        ("year", date(2026, 12, 31), date(2026, 1, 1)),
    ],
)
def test_the_period_that_a_day_is_in(kind: str, day: date, first: date) -> None:
    assert period_start(kind, day) == first


def test_periods_follow_each_other_without_a_gap() -> None:
    for zone in ("America/Santiago", "Asia/Kolkata", "Australia/Lord_Howe", "Africa/Cairo"):
        found = periods("month", zone, date(2024, 1, 1), date(2030, 12, 1))
        assert all(a.end_s == b.start_s for a, b in itertools.pairwise(found))


@pytest.mark.parametrize("day", [date(2026, 4, 5), date(2026, 9, 6)])
def test_a_day_starts_where_clocks_change_at_midnight(day: date) -> None:
    # in Chile Saturday ends with an hour that comes twice in April, and Sunday starts at 01:00 in
    # September
    zone = ZoneInfo("America/Santiago")
    start = start_of_day(day, zone)
    assert local_date(start, zone) == day
    assert local_date(start - 1, zone) == day - timedelta(days=1)


def calendar(zone: str = AMSTERDAM, **terms: Any) -> Calendar:
    return Calendar.model_validate({"time_zone": zone, **terms})


def spans(hours: Calendar, first: date, last: date) -> list[tuple[str, str]]:
    """The open spans that start on some days, in UTC."""

    def clock(at: int) -> str:
        return datetime.fromtimestamp(at, UTC).strftime("%d %H:%M")

    return [(clock(start), clock(end)) for start, end in open_spans(hours, first, last)]


def open_until(parts: list[CalendarPart], at: int) -> int:
    """The look-up that models make (macros/calendars.sql)."""
    day, second = divmod(at, DAY)
    (part,) = [p for p in parts if p.utc_day == day and p.part_from_s <= second < p.part_until_s]
    return part.open_seconds_before + max(0, min(part.closes_s, second) - part.opens_s)


def test_a_lunch_break_is_closed() -> None:
    hours = calendar("UTC", hours={"mon": ["13:00-17:00", "08:30-12:00"], "fri": ["09:00-24:00"]})
    # Monday 1 June to Monday 8 June 2026
    assert spans(hours, date(2026, 6, 1), date(2026, 6, 8)) == [
        ("01 08:30", "01 12:00"),
        ("01 13:00", "01 17:00"),
        ("05 09:00", "06 00:00"),
        ("08 08:30", "08 12:00"),
        ("08 13:00", "08 17:00"),
    ]
    parts = calendar_parts(hours, 2026, 2026)
    noon = int(datetime(2026, 6, 1, 12, tzinfo=UTC).timestamp())
    assert open_until(parts, noon + 3600) == open_until(parts, noon)
    assert open_until(parts, noon) - open_until(parts, noon - 1) == 1
    assert open_until(parts, noon + 3601) - open_until(parts, noon + 3600) == 1


def test_a_night_belongs_to_the_day_it_starts_on() -> None:
    """King's Day, Monday 27 April 2026, takes out the night that starts on it, with its morning
    after, and not the night before."""
    nights = calendar(hours={day: ["22:00-06:00"] for day in ("sun", "mon", "tue")}, holidays="NL")
    assert spans(nights, date(2026, 4, 26), date(2026, 4, 28)) == [
        ("26 20:00", "27 04:00"),
        ("28 20:00", "29 04:00"),
    ]


def test_dates_are_added_to_the_holidays_and_removed_from_them() -> None:
    days = {
        "days": ["sun", "mon", "tue"],
        "holidays": "NL",
        "add": [date(2026, 4, 28)],
        "remove": [date(2026, 4, 27)],
    }
    assert spans(calendar(**days), date(2026, 4, 26), date(2026, 4, 28)) == [
        ("25 22:00", "26 22:00"),
        ("26 22:00", "27 22:00"),
    ]


def test_a_week_of_one_span_a_day_is_the_same_in_both_forms() -> None:
    short = calendar(days=["mon", "sat"], opens="08:30", closes="24:00")
    long = calendar(hours={"mon": ["08:30-24:00"], "sat": ["08:30-24:00"], "sun": []})
    assert calendar_parts(short, 2026, 2026) == calendar_parts(long, 2026, 2026)


def test_a_clock_of_days_is_open_from_monday_to_friday() -> None:
    assert spans(calendar("UTC"), date(2026, 6, 5), date(2026, 6, 8)) == [
        ("05 00:00", "06 00:00"),
        ("08 00:00", "09 00:00"),
    ]


@pytest.mark.parametrize(
    ("hours", "expected"),
    [
        # clocks go from 02:00 to 03:00, which is 01:00 UTC: what is skipped is read by the offset
        # before, so that 02:30 is 01:30 UTC
        (["02:30-04:00"], [("29 01:30", "29 02:00")]),
        (["01:00-02:30"], [("29 00:00", "29 01:30")]),
        (["02:15-02:45"], [("29 01:15", "29 01:45")]),
        # an edge that is pushed past the end of its span leaves nothing of it
        (["02:15-03:00", "03:00-04:00"], [("29 01:00", "29 02:00")]),
        # what two spans cover after the change counts once
        (["01:00-02:45", "03:00-04:00"], [("29 00:00", "29 01:45"), ("29 01:45", "29 02:00")]),
    ],
)
def test_an_edge_that_clocks_skip(hours: list[str], expected: list[tuple[str, str]]) -> None:
    day = date(2026, 3, 29)
    assert spans(calendar(hours={"sun": hours}), day, day) == expected


@pytest.mark.parametrize(
    ("hours", "expected"),
    [
        # clocks go from 03:00 to 02:00, which is 01:00 UTC: of what is repeated the first counts
        (["02:30-04:00"], [("25 00:30", "25 03:00")]),
        (["01:00-02:30"], [("24 23:00", "25 00:30")]),
        (["02:15-02:45"], [("25 00:15", "25 00:45")]),
        (["00:00-24:00"], [("24 22:00", "25 23:00")]),
    ],
)
def test_an_edge_that_clocks_repeat(hours: list[str], expected: list[tuple[str, str]]) -> None:
    day = date(2026, 10, 25)
    assert spans(calendar(hours={"sun": hours}), day, day) == expected


def test_a_night_over_a_change_of_clocks_counts_its_real_seconds() -> None:
    nights = calendar(hours={"sat": ["22:00-06:00"]})
    spring, autumn = date(2026, 3, 28), date(2026, 10, 24)
    for day, hours in ((spring, 7), (autumn, 9)):
        ((start, end),) = open_spans(nights, day, day)
        assert end - start == hours * 3600


def instant(zone: ZoneInfo, wall: datetime) -> int:
    """A wall clock's instant: of two the first, of none by the offset of the day before."""
    offsets = [
        (wall + timedelta(days=days)).replace(tzinfo=UTC).astimezone(zone).utcoffset()
        for days in (-1, 1)
    ]
    found = [
        at
        for offset in offsets
        if offset is not None
        for at in [(wall - offset).replace(tzinfo=UTC)]
        if at.astimezone(zone).replace(tzinfo=None) == wall
    ]
    before = (wall - (offsets[0] or timedelta())).replace(tzinfo=UTC)
    return int(min(found, default=before).timestamp())


def open_minutes(hours: Calendar, first: date, days: int) -> set[int]:
    """The open minutes, in minutes since 1970, of what starts on some local days: each is asked of
    each span of each day."""
    zone = named_zone(hours.time_zone)
    found: set[int] = set()
    for n in range(days):
        day = first + timedelta(days=n)
        holiday = is_holiday(day, hours.holidays) and day not in hours.remove
        if holiday or day in hours.add:
            continue
        midnight = datetime.combine(day, datetime.min.time())
        for opens, closes in (hours.hours or {}).get(WEEK[day.weekday()], []):
            start, end = (instant(zone, midnight + timedelta(minutes=m)) for m in (opens, closes))
            found |= set(range(start // 60, end // 60))
    return found


QUARTERS = 7 * 96


@st.composite
def weeks(draw: st.DrawFn) -> dict[str, list[str]]:
    """Spans on quarters of an hour that may touch, run into the next day, and end the week."""
    edges = sorted(draw(st.lists(st.integers(0, QUARTERS - 1), max_size=24)))
    turned = draw(st.integers(0, QUARTERS - 1))
    hours: dict[str, list[str]] = {}
    for start, end in zip(edges[::2], edges[1::2], strict=False):
        if not 0 < end - start <= 96:
            continue
        day, opens = divmod((start + turned) % QUARTERS, 96)
        closes = (end + turned) % 96
        text = f"{opens // 4:02}:{opens % 4 * 15:02}-{closes // 4:02}:{closes % 4 * 15:02}"
        if closes == 0 and draw(st.booleans()):
            text = text.replace("-00:00", "-24:00")
        hours.setdefault(WEEK[day], []).append(text)
    return hours


@given(
    weeks(),
    st.sampled_from(
        [
            AMSTERDAM,
            "Africa/Casablanca",
            "America/New_York",
            "America/Santiago",
            "Asia/Kolkata",
            "Australia/Lord_Howe",
            "Pacific/Kiritimati",
            "UTC",
        ]
    ),
    st.sampled_from(["none", "NL", "US-MA"]),
    # the weeks in which most clocks change, and others
    st.sampled_from([date(2026, 3, 5), date(2026, 3, 26), date(2026, 4, 2), date(2026, 9, 3)])
    | st.sampled_from([date(2026, 10, 1), date(2026, 10, 22), date(2026, 10, 29)])
    | st.dates(date(2026, 1, 5), date(2026, 12, 15)),
    st.lists(st.integers(0, 9), max_size=2),
)
def test_parts_are_open_in_exactly_the_minutes_of_the_spans(
    hours: dict[str, list[str]], zone: str, place: str, first: date, added: list[int]
) -> None:
    odd = [first + timedelta(days=n) for n in added]
    found = calendar(zone, hours=hours, holidays=place, add=odd, remove=[date(2026, 4, 27)])
    parts = calendar_parts(found, 2026, 2026)
    # the parts of a day are all of it, and the seconds before each are those of all before
    before = 0
    for of_day in (list(g) for _, g in itertools.groupby(parts, lambda p: p.utc_day)):
        assert of_day[0].part_from_s == 0
        assert of_day[-1].part_until_s == DAY
        assert all(a.part_until_s == b.part_from_s for a, b in itertools.pairwise(of_day))
        for part in of_day:
            assert part.part_from_s <= part.opens_s <= part.closes_s <= part.part_until_s
            assert part.open_seconds_before == before
            before += part.closes_s - part.opens_s
    # whole UTC days that local days before and after reach into
    begin = (first - date(1970, 1, 1)).days
    expected = {
        minute
        for minute in open_minutes(found, first - timedelta(days=3), 12)
        if begin <= minute // 1440 < begin + 7
    }
    assert {
        minute
        for part in parts
        if begin <= part.utc_day < begin + 7
        for minute in range(
            (part.utc_day * DAY + part.opens_s) // 60, (part.utc_day * DAY + part.closes_s) // 60
        )
    } == expected
    assert open_until(parts, (begin + 7) * DAY) - open_until(parts, begin * DAY) == 60 * len(
        expected
    )
