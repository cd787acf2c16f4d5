"""Instants as systems write them: their order, their offsets, and what is no instant."""

from datetime import UTC, datetime, timedelta
from fractions import Fraction
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from makegood.ingestion.connect.instants import from_epoch, from_form, has_offset, moment, utc
from makegood.ingestion.connect.system import Unmapped
from makegood.ingestion.feeds.specs import feeds
from makegood.ingestion.feeds.typing import typed
from makegood.ingestion.readers import EXTRA, LINE, Batch

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_offsets = st.sampled_from(["", "Z", " UTC", "z", "+02:00", "-0530", " +14:00", "-03"])
_fractions = st.text("0123456789", max_size=12)


def _true(at: datetime, fraction: str, offset: str) -> Fraction:
    """Seconds since 1970, worked out by another way."""
    sign = -1 if "-" in offset else 1
    digits = "".join(c for c in offset if c.isdigit()).ljust(4, "0")
    shift = sign * (int(digits[:2]) * 3600 + int(digits[2:]) * 60)
    whole = (at - EPOCH) // timedelta(seconds=1) - shift
    return whole + (Fraction(int(fraction), 10 ** len(fraction)) if fraction else 0)


@st.composite
def _instants(draw: st.DrawFn) -> tuple[str, Fraction]:
    near = draw(
        st.sampled_from([datetime(2026, 6, 1, tzinfo=UTC), datetime(1969, 12, 31, tzinfo=UTC)])
    )
    at = near + timedelta(seconds=draw(st.integers(0, 100_000)))
    fraction, offset = draw(_fractions), draw(_offsets)
    mark = draw(st.sampled_from("T t"))
    text = at.strftime(f"%Y-%m-%d{mark}%H:%M:%S") + (f".{fraction}" if fraction else "") + offset
    return text, _true(at, fraction, offset)


@given(_instants(), _instants())
def test_moments_order_as_the_instants_do(a: tuple[str, Fraction], b: tuple[str, Fraction]) -> None:
    assert (moment(a[0]) < moment(b[0])) == (a[1] < b[1])
    assert (moment(a[0]) == moment(b[0])) == (a[1] == b[1])


@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        ("2026-06-01T00:00:00.05Z", "2026-06-01T00:00:00.5Z"),
        ("2026-06-01T00:00:00.5Z", "2026-06-01T00:00:00.51Z"),
        ("2026-06-01T00:00:00.499999999Z", "2026-06-01T00:00:00.5Z"),
        ("2026-06-01T00:00:00Z", "2026-06-01T00:00:00.000000001Z"),
        ("2026-06-01T02:00:00+02:00", "2026-06-01T00:00:01Z"),
        ("1969-12-31T23:59:59.9Z", "1970-01-01T00:00:00Z"),
        ("2026-06-01T08:30Z", "2026-06-01T08:30:00.1Z"),
    ],
)
def test_an_earlier_moment_is_less(earlier: str, later: str) -> None:
    assert moment(earlier) < moment(later)


def test_zeros_at_the_end_of_a_fraction_change_nothing() -> None:
    assert moment("2026-06-01T00:00:00.50Z") == moment("2026-06-01T00:00:00,5Z")
    assert moment("2026-06-01T00:00:00.000Z") == moment("2026-06-01T02:00:00+0200")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2026-06-01",
        "2026-06-01Z",
        "2026-02-30T00:00:00Z",
        "2026-06-01T24:00:00Z",
        "2026-06-01T08:60:00Z",
        "2026-06-01T08:30:60Z",
        "2026-06-01T08:30:00+99:00",
        "2026-06-01T08:30:00Z ",
        "2026-06-01T8:30:00Z",
        "0000-01-01T00:00:00Z",
        "01/06/2026 08:30",
        "٢٠٢٦-06-01T08:30:00Z",
    ],
)
def test_what_is_no_instant_is_unmapped(text: str) -> None:
    with pytest.raises(Unmapped, match="is not an instant"):
        moment(text)


@given(_instants())
def test_an_instant_is_one_that_feeds_take(instant: tuple[str, Fraction]) -> None:
    text, seconds = instant
    feed = feeds()["ticket_events"]
    row = {"event_id": "1", "ticket_id": "1", "event": "closed", "occurred_at": utc(text)}
    frame = pl.DataFrame([row | {LINE: 1}]).with_columns(pl.lit(None, pl.String).alias(EXTRA))

    rows = typed(Batch(frame), feed).rows.to_dicts()

    assert [(r["occurred_at_s"], r["occurred_at_us"]) for r in rows] == [
        (seconds // 1, (seconds % 1) * 10**6 // 1)
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-06-01T08:30:00", "2026-06-01T08:30:00Z"),
        ("2026-06-01 08:30:00.5", "2026-06-01 08:30:00.5Z"),
        ("2026-06-01T08:30:00+02:00", "2026-06-01T08:30:00+02:00"),
        ("2026-06-01T08:30:00 UTC", "2026-06-01T08:30:00 UTC"),
        ("2026-06-01", "2026-06-01"),
        ("soon", "soon"),
    ],
)
def test_times_that_are_known_to_be_utc_say_so(text: str, expected: str) -> None:
    assert utc(text) == expected
    assert has_offset(utc(text)) == has_offset(expected)


# ---------------------------------------------------------------- Unix times


@pytest.mark.parametrize(
    ("value", "per_second", "expected"),
    [
        (1_780_300_800, 1, "2026-06-01T08:00:00Z"),
        ("1780300800", 1, "2026-06-01T08:00:00Z"),
        ("1780300800.25", 1, "2026-06-01T08:00:00.25Z"),
        (1_780_300_800_123, 1_000, "2026-06-01T08:00:00.123Z"),
        (1_780_300_800_000_001, 10**6, "2026-06-01T08:00:00.000001Z"),
        (1_780_300_800_000_000_001, 10**9, "2026-06-01T08:00:00.000000001Z"),
        ("1.7803008E+9", 1, "2026-06-01T08:00:00Z"),
        ("1780300800.12345678901234567891", 1, "2026-06-01T08:00:00.12345678901234567891Z"),
        (0, 1, "1970-01-01T00:00:00Z"),
        (-1, 1_000, "1969-12-31T23:59:59.999Z"),
        (-62_135_596_800, 1, "0001-01-01T00:00:00Z"),
    ],
)
def test_unix_times_keep_all_their_digits(value: int | str, per_second: int, expected: str) -> None:
    assert from_epoch(value, per_second) == expected


@given(st.integers(-(10**15), 10**17), st.sampled_from([10**3, 10**6, 10**9]))
def test_unix_times_are_exact(value: int, per_second: int) -> None:
    if not -62_135_596_800 <= value // per_second <= 253_402_300_799:
        with pytest.raises(Unmapped):
            from_epoch(value, per_second)
        return

    seconds, digits = moment(from_epoch(value, per_second))

    fraction = Fraction(int(digits or 0), 10 ** len(digits))
    assert seconds + fraction == Fraction(value, per_second)


@pytest.mark.parametrize(
    "value", ["", "soon", "NaN", "Infinity", "1_000", "1e999999999", True, "2026-06-01", 10**30]
)
def test_what_is_no_unix_time_is_unmapped(value: int | str) -> None:
    with pytest.raises(Unmapped, match="is not a Unix time: the form is 1780300800000"):
        from_epoch(value, 1_000)


# ---------------------------------------------------------------- forms of exports


@pytest.mark.parametrize(
    ("text", "form", "zone", "expected"),
    [
        ("01/06/2026 08:30", "%d/%m/%Y %H:%M", None, "2026-06-01T08:30:00"),
        ("01/06/2026 08:30", "%d/%m/%Y %H:%M", "Europe/Amsterdam", "2026-06-01T08:30:00+02:00"),
        ("01/12/2026 08:30", "%d/%m/%Y %H:%M", "Europe/Amsterdam", "2026-12-01T08:30:00+01:00"),
        ("06/01/26 8:30 PM", "%m/%d/%y %I:%M %p", "UTC", "2026-06-01T20:30:00+00:00"),
        ("1 Jun 2026 08:30:01.250", "%d %b %Y %H:%M:%S.%f", "UTC", "2026-06-01T08:30:01.25+00:00"),
        ("01.06.2026 08:30 -0330", "%d.%m.%Y %H:%M %z", "Asia/Tokyo", "2026-06-01T08:30:00-03:30"),
        ("01.06.2026", "%d.%m.%Y", "Asia/Tokyo", "2026-06-01"),
        ("01.06.2026 0:00", "%d.%m.%Y 0:00", "Asia/Tokyo", "2026-06-01"),
        ("2026-06-01 08:30:00.1234567", None, "UTC", "2026-06-01T08:30:00.1234567+00:00"),
        ("2026-06-01 08:30", None, "Asia/Kolkata", "2026-06-01T08:30:00+05:30"),
        ("2026-06-01 08:30", None, None, "2026-06-01 08:30"),
        ("2026-06-01T08:30:00Z", None, "Asia/Tokyo", "2026-06-01T08:30:00Z"),
        ("2026-06-01", None, "Asia/Tokyo", "2026-06-01"),
        ("0026-06-01", "%Y-%m-%d", None, "0026-06-01"),
        ("0026-06-01 10:00", "%Y-%m-%d %H:%M", None, "0026-06-01T10:00:00"),
        ("0001-01-01 00:00:00", None, "UTC", "0001-01-01T00:00:00+00:00"),
        # the hour that Amsterdam skips ends at three, and the one that it shows twice begins at two
        ("2026-03-29 01:59:59", None, "Europe/Amsterdam", "2026-03-29T01:59:59+01:00"),
        ("2026-03-29 03:00:00", None, "Europe/Amsterdam", "2026-03-29T03:00:00+02:00"),
        ("2026-10-25 01:59:59", None, "Europe/Amsterdam", "2026-10-25T01:59:59+02:00"),
        ("2026-10-25 03:00:00", None, "Europe/Amsterdam", "2026-10-25T03:00:00+01:00"),
    ],
)
def test_a_time_in_the_form_of_an_export(
    text: str, form: str | None, zone: str | None, expected: str
) -> None:
    assert from_form(text, form, zone) == expected


@pytest.mark.parametrize(
    ("text", "form", "zone", "why"),
    [
        ("2026-03-29 02:30:00", None, "Europe/Amsterdam", "clocks skip it"),
        ("2026-03-29 02:00:00", None, "Europe/Amsterdam", "clocks skip it"),
        ("2026-10-25 02:00:00", None, "Europe/Amsterdam", "clocks show it twice"),
        ("25/10/2026 02:59", "%d/%m/%Y %H:%M", "Europe/Amsterdam", "clocks show it twice"),
        ("2026-13-01 10:00", None, "UTC", "is not a time: the form is"),
        ("2026-13-01T10:00:00Z", None, "UTC", "is not a time: the form is"),
        ("2026-02-29", None, None, "is not a time: the form is"),
        ("01/06/2026", None, None, "as `time_form`, as in"),
        ("31/06/2026", "%d/%m/%Y", None, "is not of the form %d/%m/%Y"),
        ("01/06/2026 08:30 x", "%d/%m/%Y %H:%M", None, "is not of the form"),
        ("0001-01-01 00:00:00", None, "Asia/Tokyo", "is not of the years"),
        ("9999-12-31 23:00:00", None, "America/New_York", "is not of the years"),
        ("1850-01-01 00:00:00", None, "Europe/Amsterdam", "whole minutes"),
    ],
)
def test_a_time_that_is_not_one_instant_is_unmapped(
    text: str, form: str | None, zone: str | None, why: str
) -> None:
    with pytest.raises(Unmapped, match=why):
        from_form(text, form, zone)


@given(
    st.datetimes(datetime(1990, 1, 1), datetime(2030, 1, 1)),
    st.sampled_from(["Europe/Amsterdam", "America/New_York", "Australia/Lord_Howe", "UTC"]),
)
def test_a_local_time_is_the_one_instant_that_shows_it(local: datetime, zone: str) -> None:
    # every whole second of twenty-six hours around it that the zone's clocks show so
    tz = ZoneInfo(zone)
    guess = local.replace(microsecond=0, tzinfo=UTC)
    shown = {
        at
        for minutes in range(-14 * 60, 14 * 60 + 1, 15)
        if (at := guess + timedelta(minutes=minutes)).astimezone(tz).replace(tzinfo=None)
        == local.replace(microsecond=0)
    }

    try:
        text = from_form(f"{local.replace(microsecond=0)}", None, zone)
    except Unmapped:
        assert len(shown) != 1
    else:
        assert {datetime.fromisoformat(text)} == shown
