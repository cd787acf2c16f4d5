"""How figures are shown: by hand, and for any figure."""

import re
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from makegood.dashboards.figures import style

AMOUNTS = st.decimals(-(10**15), 10**15, places=3)
PERCENTAGES = st.decimals(0, 1000, places=6)
# of contracts, with nine decimals at most
COMMITMENTS = st.decimals(0, 100, places=9)
SECONDS = st.integers(-(10**9), 10**9)
UNITS = {"d": 86_400, "h": 3_600, "min": 60, "s": 1}


def number(text: str) -> Decimal:
    """A shown number as a number."""
    return Decimal(text.replace(",", "").replace("−", "-"))


def seconds(text: str) -> int:
    """A shown duration in seconds."""
    parts = re.findall(r"([0-9,]+) (d|h|min|s)\b", text)
    assert " ".join(map(" ".join, parts)) == text.removeprefix("−")
    total = sum(int(n.replace(",", "")) * UNITS[unit] for n, unit in parts)
    return -total if text.startswith("−") else total


def side(value: Decimal | int, bound: Decimal | int) -> int:
    return (value > bound) - (value < bound)


# ---------------------------------------------------------------- amounts


@pytest.mark.parametrize(
    ("value", "currency", "shown"),
    [
        ("1234.5", "EUR", "1,234.50 EUR"),
        ("-1234567.000", "JPY", "−1,234,567 JPY"),
        ("0.000", "EUR", "0.00 EUR"),
        ("-0.000", "EUR", "0.00 EUR"),
        ("0.005", "KWD", "0.005 KWD"),
        # finer than its currency: shown as it is, not rounded
        ("0.005", "EUR", "0.005 EUR"),
        ("1E+3", "EUR", "1,000.00 EUR"),
        # CLDR gives these none; ISO 4217 does, and they decide how a credit is rounded
        ("1234.567", "IQD", "1,234.567 IQD"),
        ("12.30", "RSD", "12.30 RSD"),
        ("0.000", None, "0"),
    ],
)
def test_amounts(value: str, currency: str | None, shown: str) -> None:
    assert style.money(Decimal(value), currency) == shown


def test_an_amount_beside_its_currency_has_no_code() -> None:
    assert style.money(Decimal("1234.5"), "EUR", code=False) == "1,234.50"
    assert style.money(None, "EUR") == "–"


@given(AMOUNTS, st.sampled_from(["EUR", "JPY", "KWD", "IQD"]))
def test_a_shown_amount_is_the_amount(value: Decimal, currency: str) -> None:
    shown, code = style.money(value, currency).split()
    assert (number(shown), code) == (value, currency)
    assert len(shown.partition(".")[2]) >= style.decimals(currency)


# ---------------------------------------------------------------- percentages


@pytest.mark.parametrize(
    ("value", "bounds", "shown"),
    [
        ("99.926000", ["99.9"], "99.93 %"),
        ("99.9", ["99.9"], "99.90 %"),
        ("99.899900", ["99.9"], "99.8999 %"),
        ("99.900001", ["99.9"], "99.900001 %"),
        # with two decimals below the commitment and above its tier, also where 99.9 decides nothing
        ("99.499900", ["99.9", "99.5"], "99.4999 %"),
        ("99.499900", ["99.9", None], "99.50 %"),
        ("99.950000", ["99.949"], "99.95 %"),
        ("99.945000", ["99.95"], "99.945 %"),
        # all and nothing are never approximate
        ("99.999000", [], "99.999 %"),
        ("0.000400", [], "0.0004 %"),
        ("100.000000", ["99.9"], "100.00 %"),
        ("0", [], "0.00 %"),
        ("62.5", [], "62.50 %"),
        ("-3.254", [], "−3.25 %"),
    ],
)
def test_percentages(value: str, bounds: list[str | None], shown: str) -> None:
    exact = [None if bound is None else Decimal(bound) for bound in bounds]
    assert style.percentage(Decimal(value), *exact) == shown


@pytest.mark.parametrize(
    ("value", "commitment", "is_below", "shown"),
    [
        # rounded to six decimals, a figure can be the commitment that it misses
        ("99.900000", "99.9", True, "< 99.9 %"),
        ("99.900000", "99.9", False, "99.90 %"),
        ("99.999999", "99.9999994", False, "≥ 99.9999994 %"),
        ("99.899900", "99.9", True, "99.8999 %"),
    ],
)
def test_a_verdict_by_the_exact_figure(
    value: str, commitment: str, is_below: bool, shown: str
) -> None:
    assert style.percentage(Decimal(value), Decimal(commitment), is_below=is_below) == shown


@given(PERCENTAGES, st.lists(COMMITMENTS | PERCENTAGES, max_size=3))
def test_a_shown_percentage_is_on_its_side_of_each_bound(
    value: Decimal, bounds: list[Decimal]
) -> None:
    shown = number(style.percentage(value, *bounds).removesuffix(" %"))
    for bound in (*bounds, Decimal(0), Decimal(100)):
        assert side(shown, bound) == side(value, bound)


@given(PERCENTAGES, st.decimals(-1, 1, places=6))
def test_a_close_percentage_reads_otherwise(value: Decimal, apart: Decimal) -> None:
    """Other than its bound, unless it is its bound; and with no more decimals than that takes."""
    bound = value + apart
    text = style.percentage(value, bound).removesuffix(" %")
    assert (number(text) == bound) == (value == bound)
    places = len(text.partition(".")[2])
    assert places >= 2
    if places > 2:
        fewer = round(value, places - 1)
        assert any(side(fewer, b) != side(value, b) for b in (bound, Decimal(0), Decimal(100)))


@given(st.integers(1, 10**8), st.data())
def test_a_shown_availability_agrees_with_the_exact_verdict(
    total: int, data: st.DataObject
) -> None:
    """A figure as marts publish it: rounded to six decimals, judged by its seconds (A6)."""
    up = data.draw(st.integers(0, total))
    commitment = data.draw(st.sampled_from([99, 99.5, 99.9, 99.99, 99.999]).map(str).map(Decimal))
    millionths, rest = divmod(100_000_000 * up, total)
    published = Decimal(millionths + (2 * rest >= total)).scaleb(-6)
    is_below = 100 * up < commitment * total
    shown = style.percentage(published, commitment, is_below=is_below).removesuffix(" %")
    assert (shown.startswith("< ") or number(shown.removeprefix("≥ ")) < commitment) == is_below


def test_percentages_of_contracts_and_of_proofs() -> None:
    assert style.agreed_pct("99.90") == "99.9 %"
    assert style.agreed_pct(Decimal("10.000000")) == "10 %"
    assert style.agreed_pct(Decimal("-2.5")) == "−2.5 %"
    assert style.exact_pct(Decimal("99.925926")) == "99.925926 %"
    assert style.exact_pct(Decimal("99.900000")) == "99.90 %"
    assert style.exact_pct(Decimal("100.000000")) == "100.00 %"
    assert {style.percentage(None, Decimal(99)), style.exact_pct(None)} == {"–"}
    assert style.agreed_pct(None) == "–"


def test_ratios() -> None:
    """A burn rate just above 1 is not 1: the budget runs out."""
    one = Decimal(1)
    rates = {"1.540000": "1.54", "1.004": "1.004", "1": "1.00", "0.999999": "0.999999", "0": "0.00"}
    assert {rate: style.ratio(Decimal(rate), one) for rate in rates} == rates
    assert style.ratio(None) == "–"


# ---------------------------------------------------------------- durations


@pytest.mark.parametrize(
    ("length", "bounds", "shown", "exact"),
    [
        (0, [], "0 s", "0 s"),
        (38 * 3600, [], "1 d 14 h", "1 d 14 h"),
        (336 * 3600, [], "14 d", "14 d"),
        (28_500, [], "7 h 55 min", "7 h 55 min"),
        (28_503, [], "7 h 55 min", "7 h 55 min 03 s"),
        (3_605, [], "1 h", "1 h 00 min 05 s"),
        (725, [], "12 min 05 s", "12 min 05 s"),
        (86_400 + 5 * 3600, [], "1 d 05 h", "1 d 05 h"),
        # dropped, not rounded: a second short of a bound never reaches it
        (38 * 3600 - 30, [38 * 3600], "1 d 13 h", "1 d 13 h 59 min 30 s"),
        (38 * 3600 + 30, [38 * 3600], "1 d 14 h 00 min 30 s", "1 d 14 h 00 min 30 s"),
        (38 * 3600 + 90, [38 * 3600], "1 d 14 h 01 min", "1 d 14 h 01 min 30 s"),
        (3_605, [None, 3_600], "1 h 00 min 05 s", "1 h 00 min 05 s"),
        (-5, [], "−5 s", "−5 s"),
        (-28_503, [-28_500], "−7 h 55 min 03 s", "−7 h 55 min 03 s"),
        (1000 * 86_400, [], "1,000 d", "1,000 d"),
        (None, [1], "–", "–"),
    ],
)
def test_durations(length: int | None, bounds: list[int | None], shown: str, exact: str) -> None:
    assert style.duration(length, *bounds) == shown
    assert style.exact_duration(length) == exact


def test_time_on_a_clock_that_stops_has_no_days() -> None:
    assert style.duration(336 * 3600 + 60, in_hours=True) == "336 h 01 min"
    assert style.exact_duration(-24 * 3600, in_hours=True) == "−24 h"
    assert style.in_seconds(1_209_600) == "1,209,600 s"
    assert style.in_seconds(None) == "–"
    assert style.to_the_second(28_503) == "7 h 55 min 03 s (28,503 s)"
    assert style.to_the_second(59) == "59 s"
    assert style.to_the_second(None) == "–"


@given(SECONDS, st.lists(SECONDS, max_size=2), st.booleans())
def test_a_shown_duration_is_on_its_side_of_each_bound(
    length: int, bounds: list[int], in_hours: bool
) -> None:
    shown = seconds(style.duration(length, *bounds, in_hours=in_hours))
    assert abs(shown) <= abs(length)
    assert [side(shown, b) for b in (0, *bounds)] == [side(length, b) for b in (0, *bounds)]


@given(SECONDS, st.integers(-120, 120))
def test_a_close_duration_reads_otherwise(length: int, apart: int) -> None:
    bound = length + apart
    assert (seconds(style.duration(length, bound)) == bound) == (length == bound)


@given(SECONDS, st.booleans())
def test_an_exact_duration_keeps_every_second(length: int, in_hours: bool) -> None:
    text = style.exact_duration(length, in_hours=in_hours)
    assert seconds(text) == length
    assert (" d" in text) == (not in_hours and abs(length) >= 86_400)
    # below the largest unit no part is as long as the next one
    parts = [(int(n.replace(",", "")), unit) for n, unit in re.findall(r"([0-9,]+) (\w+)", text)]
    assert all(n < {"h": 24, "min": 60, "s": 60}[unit] for n, unit in parts[1:])


@given(SECONDS)
def test_a_short_duration_has_two_units(length: int) -> None:
    parts = style.duration(length).split()
    assert len(parts) <= 4
    # what is dropped is less than one of the last unit that may be shown
    largest = next((u for u in UNITS.values() if abs(length) >= u), 1)
    least = {86_400: 3_600, 3_600: 60, 60: 1, 1: 1}[largest]
    assert abs(length) - abs(seconds(style.duration(length))) < least


def test_durations_of_contracts() -> None:
    assert style.agreed_duration("8h30m") == "8 hours 30 minutes"
    assert style.agreed_duration("1bd") == "1 business day"


# ---------------------------------------------------------------- counts and dates


def test_counts() -> None:
    assert style.counted(1, "credit") == "1 credit"
    assert style.counted(0, "row") == "0 rows"
    assert style.counted(1234, "row") == "1,234 rows"
    assert style.counted(2, "query", "queries") == "2 queries"
    assert [style.thousands(n) for n in (1_234_567, -1_000, None)] == ["1,234,567", "−1,000", "–"]


def test_dates() -> None:
    at = datetime(2026, 6, 5, 17, 30, 27, tzinfo=timezone(timedelta(hours=2)))
    assert style.instant(at) == "2026-06-05 15:30:27"
    assert style.timestamp(at) == "2026-06-05T15:30:27Z"
    assert style.day(date(2026, 6, 5)) == "2026-06-05"
    assert {style.day(None), style.instant(None)} == {"–"}
    assert style.instant(datetime(2026, 1, 1, tzinfo=UTC)) == "2026-01-01 00:00:00"


def test_ages() -> None:
    ages = {-5: "just now", 59: "just now", 60: "1 minute ago", 7_199: "1 hour ago"}
    ages |= {86_400: "1 day ago", 3 * 86_400 - 1: "2 days ago"}
    assert {seconds_: style.age(seconds_) for seconds_ in ages} == ages
