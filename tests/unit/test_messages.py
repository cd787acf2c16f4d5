"""What is said of a rejected value. Which values are rejected is in test_typed.py, and each message
in its row in test_bad_rows.py."""

import re
from collections.abc import Callable
from datetime import date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from makegood.ingestion.feeds import messages
from makegood.ingestion.zones import ABBREVIATIONS
from tests.integration.test_fuzz import a_date, a_decimal, a_double, an_instant, an_int


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("up", "'up'"),
        ("up\u200b", "'up\\u200b'"),
        ("a\nb\tc\x1b[2J", "'a\\nb\\tc\\x1b[2J'"),
        ("\u202eabc", "'\\u202eabc'"),
        ("größe", "'größe'"),
        ("x" * 80, f"'{'x' * 80}'"),
        ("x" * 81, f"'{'x' * 80}…'"),
    ],
)
def test_a_value_is_shown_whole_short_and_without_what_does_not_show(text: str, shown: str) -> None:
    assert messages.shown(text) == shown
    assert messages.not_listed(text, ("a", "b")).startswith(f"{shown} is not one of a, b")


@pytest.mark.parametrize(
    ("words", "text", "said"),
    [
        (messages.not_a_date, "06.06.2026", "write 2026-06-06"),
        (messages.not_a_date, "13/06/2026", "write 2026-06-13"),
        (messages.not_a_date, "06/13/2026", "write 2026-06-13"),
        (messages.not_a_date, "1 June 2026", "write 2026-06-01"),
        (messages.not_a_date, "Jun 1, 2026", "write 2026-06-01"),
        (messages.not_a_date, "2026/06/01", "write 2026-06-01"),
        (
            messages.not_a_date,
            "1900-01-00",
            "is what some programs write for an empty date: leave the field empty",
        ),
        (
            messages.not_a_date,
            "0000-00-00",
            "is what some programs write for an empty date: leave the field empty",
        ),
        (messages.not_a_date, "32/13/2026", "write it as in 2026-06-30"),
        (messages.not_an_instant, "2026-06-01T9:05:00+2", "write it as in 2026-06-01T09:05:00+02"),
        (
            messages.not_an_instant,
            "2026-06-01T00:00:00+02:00[Europe/Warsaw]",
            "write it as in 2026-06-01T00:00:00+02:00",
        ),
        (messages.not_an_instant, "06/13/2026 12:30 AM", "write it as in 2026-06-13T00:30:00Z"),
        (messages.not_an_instant, "06/13/2026 12:30:00 pm", "write it as in 2026-06-13T12:30:00Z"),
        (
            messages.not_an_instant,
            "2026-06-01T00:00:00.5 PST",
            "as in 2026-06-01T00:00:00.5-08:00, or",
        ),
        (messages.not_an_instant, "2026-06-01T00:00:00 XYZ", "since 'XYZ' is not an offset"),
        (messages.not_an_instant, "1780272000123", "write 2026-06-01T00:00:00Z"),
        (messages.not_an_instant, "4611686018427387904", "write it as in 2026-06-01T00:00:00Z"),
        (
            messages.not_an_instant,
            "9999-12-31T23:59:59",
            "is not an instant of the years 1 to 9999",
        ),
        (messages.not_an_amount, "1'000.00", "write 1000.00"),
        (messages.not_an_amount, "1.234.567", "write 1234567"),
        (messages.not_an_amount, "−5.00", "write -5.00"),
        (messages.not_an_amount, "12.50-", "write -12.50"),
        (messages.not_an_amount, "$1,234.5", "write 1234.5, and the currency in its own column"),
        (messages.not_an_amount, "twelve", "write it as in 1234.56"),
        (messages.not_a_number, "12ms", "write 12"),
        (messages.not_whole, "90 min", "write 90"),
        (messages.not_a_currency, "Pounds", "ISO 4217 has GBP"),
        (messages.not_a_currency, " eur", "write EUR"),
        (messages.not_a_currency, "UDS", "the nearest is USD"),
        (messages.not_a_currency, "¥", "write the code, as in JPY or CNY"),
        (messages.not_a_currency, "12", "write one as in EUR"),
        (messages.boolean, "Y", "write true"),
        (messages.boolean, "fasle", "write false"),
    ],
)
def test_what_may_have_been_meant_is_what_to_write(
    words: Callable[[str], str], text: str, said: str
) -> None:
    assert said in words(text)


def test_the_nearest_value_is_named_as_what_to_write_only_if_it_is_the_same() -> None:
    states = ("down", "degraded", "up")
    assert messages.not_listed("Down", states).endswith(": write down")
    assert messages.not_listed("dоwn", states).endswith(": write down"), (
        "one of its letters is Cyrillic"
    )
    assert messages.not_listed("degrade", states).endswith(": the nearest is degraded")
    assert messages.not_listed("broken", states).endswith("is not one of down, degraded, up")


@pytest.mark.parametrize(
    ("text", "abbreviation"),
    [
        (f"2026-06-01 10:00:00 {name}", name)
        for name in sorted(ABBREVIATIONS)
        if name not in ("GMT", "UCT")
    ],
)
def test_every_abbreviation_is_told_with_an_offset_and_a_region(
    text: str, abbreviation: str
) -> None:
    said = messages.not_an_instant(text)
    assert f"'{abbreviation}' is an abbreviation that several zones share" in said
    assert (
        f"write the offset, as in 2026-06-01T10:00:00{ABBREVIATIONS[abbreviation].offset}" in said
    )
    assert said.endswith(f"as in {ABBREVIATIONS[abbreviation].region}")


def test_clocks_that_repeat_or_skip_half_an_hour() -> None:
    """Lord Howe changes by half an hour."""
    repeated = datetime(2026, 4, 5, 1, 45)
    skipped = datetime(2026, 10, 4, 2, 15)
    epoch = datetime(1970, 1, 1)
    assert (
        "2026-04-05T01:45:00+11:00 for the first or 2026-04-05T01:45:00+10:30 for the second"
        in messages.repeated(
            str(repeated), (repeated - epoch) // timedelta(seconds=1), "Australia/Lord_Howe"
        )
    )
    assert "as in 2026-10-04T02:15:00+10:30 or 2026-10-04T02:15:00+11:00" in messages.skipped(
        str(skipped), (skipped - epoch) // timedelta(seconds=1), "Australia/Lord_Howe"
    )


TAKEN: list[tuple[Callable[[str], str], Callable[[str], object]]] = [
    (messages.not_a_date, a_date),
    (messages.not_an_instant, lambda text: an_instant(text, None)),
    (messages.not_an_amount, a_decimal),
    (messages.not_a_number, a_double),
    (messages.not_whole, an_int),
]
pieces = st.sampled_from(
    [
        "0",
        "1",
        "9",
        "12",
        "31",
        "2026",
        "1900",
        "0001",
        "9999",
        "06",
        "24",
        "60",
        "-",
        "/",
        ".",
        ",",
        ":",
        "T",
        " ",
        "Z",
        "UTC",
        "EST",
        "AM",
        "pm",
        "+02:00",
        "-0330",
        "[Europe/Warsaw]",
        "Europe/Warsaw",
        "Jun",
        "June",
        "(",
        ")",
        "€",
        "EUR",
        "e3",
        "E-2",
        "\u00a0",
        "\u200b",
        "٣",
        "½",
        "−",
        "'",
        "_",
        "000",
        "1780272000",
    ]
)
texts = (
    st.text(max_size=30)
    | st.lists(pieces, max_size=10).map("".join)
    | st.builds(
        "{}{}{}{}".format,
        st.dates().map(lambda day: f"{day:%d/%m/%Y}")
        | st.dates(date(1, 1, 1), date(9999, 12, 31)).map(str),
        st.sampled_from([" ", "T"]),
        st.sampled_from(["00:00", "24:00:00", "23:59:60", "9:05", "10:00:00.5", "99:99:99"]),
        st.sampled_from(["", " AM", "PM", "Z", " EST", " Europe/Warsaw", "+2", "+99:00", "[X]"]),
    )
    | st.decimals(allow_nan=True).map(lambda number: f"{number:,}")
)


@given(texts, st.sampled_from(TAKEN))
@example("9999-12-31T24:00:00Z", TAKEN[1])
@example("1234567890123456,5", TAKEN[2])
@example("1e-99", TAKEN[3])
def test_what_is_to_be_written_would_be_taken(
    text: str, case: tuple[Callable[[str], str], Callable[[str], object]]
) -> None:
    """Whatever the text, a message begins with it, and what it says to write is a value of that
    type."""
    words, taken = case
    said = words(text)
    assert said.startswith(messages.shown(text))
    if "more than 15 digits" in said or "leave the field empty" in said:
        return
    readings = re.findall(
        r"(?:write|as in|, or) (?:it as in |one as in )?([-0-9][^ ,]*)",
        said.removeprefix(messages.shown(text)),
    )
    assert readings, said
    assert all(taken(reading) is not None for reading in readings), said
    assert all(not reading.endswith(".") for reading in readings)


@given(
    st.text(max_size=8),
    st.lists(st.sampled_from(["down", "up", "größe", "4711", "a b"]), max_size=5),
)
def test_no_text_breaks_a_message(text: str, values: list[str]) -> None:
    for said in (
        messages.not_listed(text, tuple(values)),
        messages.boolean(text),
        messages.not_a_currency(text),
        messages.placeholder(text, "c"),
    ):
        assert said.startswith(messages.shown(text))
        assert said.isprintable()


def test_examples_of_amounts_fit_the_currency() -> None:
    for code, wanted in (("JPY", 0), ("EUR", 2), ("KWD", 3)):
        found = re.search(r"as in ([0-9.]+)", messages.too_fine("0.00001", code))
        assert found
        assert -int(Decimal(found[1]).as_tuple().exponent) == wanted
