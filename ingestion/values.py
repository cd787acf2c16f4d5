"""Values that settings and contracts have in common: decimals, percentages, zones, names.

Does not belong here: what only a contract can hold, and values of feeds."""

from datetime import date
from decimal import Decimal
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field

from makegood.ingestion.limits import YEARS
from makegood.ingestion.zones import zone


def _decimal(value: object) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise ValueError(f"{value!r} is not a decimal number (example: 99.9)")
    number = Decimal(value)
    if -int(number.as_tuple().exponent) > 9:
        raise ValueError(f"{value} has more than nine decimals")
    return number


def _percentage(value: Decimal) -> Decimal:
    if not 0 <= value <= 100:
        raise ValueError(f"{value} is not between 0 and 100")
    return value


def of_known_year(day: date) -> date:
    """A day, or an instant, that agreements may have; raises ValueError."""
    if day.year not in YEARS:
        raise ValueError(f"{day} is not of the years {YEARS.start} to {YEARS.stop - 1}")
    return day


def _zone(value: str) -> str:
    zone(value)
    return value


def distinct(values: list[str]) -> list[str]:
    if len(set(values)) < len(values):
        twice = next(value for value in values if values.count(value) > 1)
        raise ValueError(f"{twice!r} is listed twice: list each value once")
    return values


# titles are the names of types in docs/contracts.md
DecimalValue = Annotated[Decimal, BeforeValidator(_decimal), Field(title="number")]
Percentage = Annotated[DecimalValue, AfterValidator(_percentage), Field(title="percentage")]
Zone = Annotated[str, AfterValidator(_zone), Field(title="time zone")]
Names = Annotated[list[str], AfterValidator(distinct), Field(title="list of names")]
