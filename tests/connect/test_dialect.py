"""How exports write times and numbers: read as described, or not at all."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from makegood.ingestion.connect.dialect import Dialect
from makegood.ingestion.connect.system import Unmapped


def _dialect(**said: object) -> Dialect:
    return Dialect.model_validate(said)


@pytest.mark.parametrize(
    ("said", "text", "expected"),
    [
        ({}, "1234.50", "1234.50"),
        ({}, " -0.5 ", "-0.5"),
        ({}, "+7", "7"),
        ({}, "12345678901234567890.123456789", "12345678901234567890.123456789"),
        ({"decimal": ","}, "1234,50", "1234.50"),
        ({"decimal": ",", "thousands": "."}, "1.234.567,50", "1234567.50"),
        ({"decimal": ",", "thousands": "."}, "1234,50", "1234.50"),
        ({"thousands": ","}, "-1,234", "-1234"),
        ({"thousands": "'"}, "1'234.50", "1234.50"),
        ({"decimal": ",", "thousands": " "}, "1\N{NARROW NO-BREAK SPACE}234,5", "1234.5"),
        ({"decimal": ",", "thousands": " "}, "1 234\N{NO-BREAK SPACE}567", "1234567"),
        # as some systems write what is owed
        ({"decimal": ","}, "12,50-", "-12.50"),
    ],
)
def test_a_number_of_the_form_is_exact(said: dict[str, str], text: str, expected: str) -> None:
    assert _dialect(**said).amount(text) == expected


@pytest.mark.parametrize(
    ("said", "text"),
    [
        ({}, "1234,50"),
        ({}, "1,234.50"),
        ({}, "1 234"),
        ({}, "1e3"),
        ({}, "€ 5"),
        ({}, ".5"),
        ({}, "5."),
        ({}, "-5-"),
        ({}, "1_000"),
        ({}, "١٢"),
        ({"decimal": ","}, "1.234"),
        ({"decimal": ",", "thousands": "."}, "12.34"),
        ({"decimal": ",", "thousands": "."}, "1.2345,0"),
        ({"decimal": ",", "thousands": "."}, "1234.567,0"),
        ({"decimal": ",", "thousands": "."}, "1,234,567"),
    ],
)
def test_a_number_of_another_form_is_not_read(said: dict[str, str], text: str) -> None:
    with pytest.raises(Unmapped, match="is not a number of the form 1"):
        _dialect(**said).amount(text)


@given(st.decimals(allow_nan=False, allow_infinity=False, places=2))
def test_numbers_come_back_as_they_were_written(number: Decimal) -> None:
    text = f"{number:,.2f}".translate(str.maketrans(",.", ".,"))

    assert Decimal(_dialect(decimal=",", thousands=".").amount(text)) == number


def test_numbers_of_json_stay_as_they_are() -> None:
    assert _dialect(decimal=",").amount(Decimal("1.50")) == Decimal("1.50")
    assert _dialect(decimal=",").amount(7) == 7
    with pytest.raises(Unmapped):
        _dialect().amount(True)


def test_several_forms_of_times_are_tried() -> None:
    dialect = _dialect(time_form=["%d/%m/%Y %H:%M", "%d/%m/%Y"], time_zone="Europe/Amsterdam")

    assert dialect.time("01/06/2026 08:30") == "2026-06-01T08:30:00+02:00"
    assert dialect.time("01/06/2026") == "2026-06-01"
    with pytest.raises(Unmapped, match="is not of the forms %d/%m/%Y %H:%M, %d/%m/%Y"):
        dialect.time("2026-06-01")


def test_a_time_that_could_be_two_is_not_read() -> None:
    dialect = _dialect(time_form=["%d/%m/%Y", "%m/%d/%Y"])

    assert dialect.time("31/12/2026") == "2026-12-31"
    # both say the same
    assert dialect.time("06/06/2026") == "2026-06-06"
    with pytest.raises(Unmapped, match="is 2026-06-01 or 2026-01-06, by %d/%m/%Y or %m/%d/%Y"):
        dialect.time("01/06/2026")


def test_unix_times_may_be_numbers() -> None:
    assert _dialect(time_form="unix").time(1_780_300_800) == "2026-06-01T08:00:00Z"
    assert _dialect(time_form="unix_ms").time("1780300800500") == "2026-06-01T08:00:00.5Z"


def test_one_dialect_over_another_says_what_it_says() -> None:
    common = _dialect(separator=";", decimal=",", empty=["?"])
    own = _dialect(separator=",", time_zone="UTC")

    assert own.over(common) == _dialect(separator=",", decimal=",", empty=["?"], time_zone="UTC")


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"separator": ";;"}, "';;' can't separate fields: it is one sign"),
        ({"separator": '"'}, "can't separate fields"),
        ({"encoding": "rot13"}, "is not an encoding"),
        ({"time_form": ["%d/%m/%Y", "%H:%M"]}, "needs a year"),
        ({"time_form": "%Y-%m"}, "needs a year, a month and a day"),
        ({"time_form": "%d/%m/%Y %"}, "is not a form of times"),
        ({"time_zone": "Europe/Amsterdm"}, "Europe/Amsterdam, the nearest"),
        ({"decimal": ";"}, "'.' or ','"),
        ({"decimal": ",", "thousands": ","}, "could be read in two ways"),
        ({"thousands": "0"}, "'0' can't part thousands"),
        ({"skip_lines": -1}, "greater than or equal to 0"),
        ({"quote": "'"}, "not permitted"),
    ],
)
def test_a_dialect_that_cannot_be_is_refused(said: dict[str, object], why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        _dialect(**said)
