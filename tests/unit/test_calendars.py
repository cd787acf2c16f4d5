"""Periods, holidays and business time (T2, T4)."""

import itertools
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from makegood.ingestion.contracts.calendars import (
    DAY,
    CalendarDay,
    calendar_days,
    is_holiday,
    local_date,
    periods,
    start_of_day,
)
from makegood.ingestion.contracts.model import BusinessDays, BusinessHours

NL = BusinessHours(
    time_zone="Europe/Amsterdam",
    days=["mon", "tue", "wed", "thu", "fri"],
    opens="08:30",
    closes="17:00",
    holidays="NL",
)
PL = BusinessDays(time_zone="Europe/Warsaw", holidays="PL")


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


def open_until(days: dict[int, CalendarDay], at: int) -> int:
    day = days[at // DAY]
    second = at % DAY

    def part(a: int, b: int) -> int:
        return max(0, min(b, second) - a)

    return (
        day.open_seconds_before
        + part(day.from_1_s, day.until_1_s)
        + part(day.from_2_s, day.until_2_s)
    )


CALENDARS = {
    "NL": NL,
    "PL": PL,
    "Lord Howe": BusinessHours(
        time_zone="Australia/Lord_Howe",
        days=["sun", "mon"],
        opens="00:30",
        closes="23:30",
        holidays="none",
        add=["2026-07-06"],
    ),
    "until midnight": BusinessHours(
        time_zone="Europe/Amsterdam",
        days=["sat", "sun"],
        opens="18:00",
        closes="24:00",
        holidays="none",
    ),
    "Kolkata": BusinessHours(
        time_zone="Asia/Kolkata",
        days=["mon", "sat"],
        opens="09:00",
        closes="17:30",
        holidays="none",
    ),
}
ROWS = {name: {d.utc_day: d for d in calendar_days(c, 2026, 2027)} for name, c in CALENDARS.items()}


@given(
    st.sampled_from(sorted(CALENDARS)),
    st.datetimes(datetime(2026, 1, 3), datetime(2027, 12, 20)),
    st.integers(0, 12 * 24),
)
def test_open_seconds_are_those_of_a_walk_by_minutes(
    name: str, start: datetime, hours: int
) -> None:
    calendar = CALENDARS[name]
    zone = ZoneInfo(calendar.time_zone)
    since = int(start.replace(second=0, microsecond=0, tzinfo=ZoneInfo("UTC")).timestamp())
    walked = 0
    for at in range(since, since + hours * 3600, 900):
        local = datetime.fromtimestamp(at, zone)
        if isinstance(calendar, BusinessHours):
            weekday = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")[
                local.weekday()
            ] in calendar.days
            # all openings and steps lie on quarters of an hour, up to the minutes of the start
            is_open = (
                weekday
                and local.date() not in calendar.add
                and not is_holiday(local.date(), calendar.holidays)
            )
            for minute in range(at, min(at + 900, since + hours * 3600), 60):
                now = datetime.fromtimestamp(minute, zone)
                same_day = now.date() == local.date()
                day_open = (
                    is_open
                    if same_day
                    else ("mon", "tue", "wed", "thu", "fri", "sat", "sun")[now.weekday()]
                    in calendar.days
                    and now.date() not in calendar.add
                    and not is_holiday(now.date(), calendar.holidays)
                )
                walked += (
                    60
                    if day_open
                    and calendar.opens
                    <= now.time()
                    < (calendar.closes if calendar.closes != time() else time.max)
                    else 0
                )
        else:
            for minute in range(at, min(at + 900, since + hours * 3600), 60):
                now = datetime.fromtimestamp(minute, zone)
                walked += (
                    60 if now.weekday() < 5 and not is_holiday(now.date(), calendar.holidays) else 0
                )
    assert open_until(ROWS[name], since + hours * 3600) - open_until(ROWS[name], since) == walked


def test_days_that_clocks_make_longer_count_their_real_seconds() -> None:
    always = BusinessHours(
        time_zone="Europe/Amsterdam",
        days=["sat", "sun"],
        opens="00:00",
        closes="23:59",
        holidays="none",
    )
    rows = {d.utc_day: d for d in calendar_days(always, 2026, 2026)}
    saturday = int(datetime.combine(date(2026, 10, 24), time(12), ZoneInfo("UTC")).timestamp())
    # half of Saturday's rest, and Sunday 25 October of 25 hours, each less its last minute
    assert open_until(rows, saturday + 2 * DAY) - open_until(rows, saturday) == (10 * 3600 - 60) + (
        25 * 3600 - 60
    )
