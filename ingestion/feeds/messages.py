"""What is wrong with a value, in words: the value, the form that is wanted with an example, and
what may have been meant.

Words are made for rows that are rejected alone. Nothing here decides whether a value is taken, and
what may have been meant is never put in its place.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from functools import cache, lru_cache
from typing import TypeVar

from iso4217 import Currency

from makegood.ingestion.feeds.specs import Column
from makegood.ingestion.nearest import Candidates
from makegood.ingestion.zones import ABBREVIATIONS, names
from makegood.ingestion.zones import zone as named_zone

LONGEST = 80
EXAMPLES = {
    "ts": "an instant, as in 2026-06-01T00:00:00Z",
    "date": "a date, as in 2026-06-30",
    "double": "a number, as in 12.5",
    "int": "a whole number, as in 90",
    "decimal": "an amount, as in 1234.56",
    "boolean": "true or false",
}
MOST_AMOUNT_DIGITS = 15

Words = TypeVar("Words", bound=Callable[..., str])


def _kept(words: Words) -> Words:
    """Remembers its last results: one fault often fills a file."""
    return lru_cache(1 << 12)(words)  # type: ignore[return-value]


def shown(text: str | None) -> str:
    """A value as messages show it: in quotes, what doesn't show in it spelt out, and cut where it
    is long."""
    text = text or ""
    plain = "".join(
        c if c.isprintable() else c.encode("unicode_escape").decode() for c in text[:LONGEST]
    )
    return f"'{plain}'" if len(text) <= LONGEST else f"'{plain}…'"


# ---------------------------------------------------------------- any column


def missing(column: Column, lookalike: str | None) -> str:
    """`lookalike`: a field of the row that looks like the column."""
    if lookalike:
        return (
            f"{column.name} is missing: {shown(lookalike)} looks like it, and has to be named "
            f"{column.name}"
        )
    wanted = (
        f"one of {', '.join(column.values)}"
        if column.values
        else EXAMPLES.get(column.type, "a text")
    )
    return f"{column.name} is missing: every row needs {wanted}"


@_kept
def not_listed(text: str, values: tuple[str, ...]) -> str:
    return f"{shown(text)} is not one of {', '.join(values)}" + _write(text, Candidates(values))


def below(text: str, minimum: int) -> str:
    return f"{shown(text)} is below {minimum}, the least that it may be"


def above(text: str, maximum: int) -> str:
    return f"{shown(text)} is above {maximum}, the most that it may be"


def placeholder(text: str, name: str) -> str:
    return (
        f"{shown(text)} means 'none' in many exports: leave {name} empty where there is "
        "none, or write the real one"
    )


def inexact_text(text: str, name: str) -> str:
    return (
        f"{shown(text)} is a floating-point number, in which ids lose zeros and digits: export "
        f"{name} as text, as in '0004711'"
    )


@_kept
def boolean(text: str) -> str:
    meant = dict.fromkeys(("yes", "y", "t", "1"), "true") | dict.fromkeys(
        ("no", "n", "f", "0"), "false"
    )
    word = meant.get(text.strip().lower()) or Candidates(["true", "false"]).nearest(text)
    return f"{shown(text)} is neither true nor false" + (f": write {word}" if word else "")


def _write(text: str, candidates: Candidates) -> str:
    same = candidates.same(text)
    near = candidates.nearest(text)
    return f": write {same}" if same else f": the nearest is {near}" if near else ""


# ---------------------------------------------------------------- dates and instants

# the day before a spreadsheet's first, and a database's zero
_EMPTY_DAYS = ("1900-01-00", "0000-00-00")


@_kept
def not_a_date(text: str) -> str:
    plain = _folded(text)
    if plain[:10] in _EMPTY_DAYS:
        return (
            f"{shown(text)} is what some programs write for an empty date: leave the field empty "
            "where there is none"
        )
    if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", plain) and not _days(plain):
        return f"{shown(text)} is not a day of the calendar: write one that is, as in 2026-06-30"
    day_of = re.fullmatch(r"(.+?)[Tt ] ?[0-9]{1,2}:[0-9]{2}.*", plain)
    days = _days(day_of[1] if day_of else plain)
    if not days and re.fullmatch(r"[0-9]{5}", plain) and 20_000 <= int(plain) <= 80_000:
        day = date(1899, 12, 30) + timedelta(int(plain))
        return (
            f"{shown(text)} is not a date but, it seems, a spreadsheet's number of one: write {day}"
        )
    if not days:
        return f"{shown(text)} is not a date: write it as in 2026-06-30"
    return f"{shown(text)} is not a date: write {_either([*map(str, days)], _IF_MONTH_FIRST)}"


def not_midnight(text: str) -> str:
    """Of a Parquet TIMESTAMP in a column of dates."""
    return (
        f"{shown(text)} is not midnight, and a date has no time: export it as DATE, or as text as "
        f"in {text[:10]}"
    )


def zoned_date(text: str) -> str:
    """Of a Parquet TIMESTAMP with time zone in a column of dates."""
    return (
        f"{shown(text)} is an instant, whose date depends on the zone: export it as DATE, or as "
        f"text as in {text[:10]}"
    )


_INSTANT = "2026-06-01T00:00:00Z"
_OR_DECLARE = "or leave it out and declare the zone in feeds.yaml"
_OFFSET = re.compile(r"[+-]([01]?[0-9]|2[0-3])(:?[0-5][0-9])?")
_WELL_FORMED = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ]([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9]([.,][0-9]+)?)?"
    r"([Zz]| UTC| ?[+-][0-9]{2}(:?[0-9]{2})?)?"
)


@_kept
def not_an_instant(text: str) -> str:
    """Of what is neither an instant with an offset nor a local time."""
    plain = _folded(text)
    begin = f"{shown(text)} is not an instant"
    parts = re.fullmatch(
        r"(.+?)[Tt ] ?([0-9]{1,2}):([0-9]{2})(?::([0-9]{2})(?:[.,]([0-9]+))?)?(.*)", plain
    )
    if not parts:
        number = re.fullmatch(r"([0-9]{10})([0-9]{3}|[0-9]{6}|[0-9]{9})?(?:\.[0-9]+)?", plain)
        at = datetime.fromtimestamp(int(number[1]), UTC) if number else None
        if at and 2000 <= at.year < 2100:
            return f"{begin} but, it seems, a Unix time: write {at:%Y-%m-%dT%H:%M:%SZ}"
        if midnights := [f"{day}T00:00:00Z" for day in _days(plain)]:
            return (
                f"{begin}, since it has no time: write it as in "
                f"{_either(midnights, _IF_MONTH_FIRST)}"
            )
        return f"{begin}: write it as in {_INSTANT}"
    day_text, hour, minute, second, fraction, tail = parts.groups(default="")
    days = _days(day_text)
    if not days and re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", day_text):
        return (
            f"{begin}, since {day_text} is not a day of the calendar: write one that is, as in "
            f"{_INSTANT}"
        )
    tail = tail.strip()
    if half := re.fullmatch(r"([AaPp])\.?[Mm]\.?(.*)", tail):
        hour = f"{int(hour) % 12 + 12 * (half[1] in 'Pp')}"
        tail = half[2].strip()
    times = [*_times(days, int(hour), int(minute), int(second or 0), fraction)]
    like = times[0] if times else _INSTANT.removesuffix("Z")
    zone = re.fullmatch(r"([+-][0-9]{2}:?[0-9]{2}|Z)?\[?([A-Za-z][A-Za-z0-9_+/-]*)\]?", tail)
    if zone and zone[1]:
        # its region beside the offset
        tail = zone[1]
    elif zone and zone[2].upper() in ("Z", "UTC", "UT", "GMT", "ZULU"):
        tail = "Z"
    elif zone and (short := ABBREVIATIONS.get(zone[2].upper())):
        begin += f", since '{zone[2]}' is an abbreviation that several zones share"
        return (
            f"{begin}: write the offset, as in {like}{short.offset}, {_OR_DECLARE}, as in "
            f"{short.region}"
        )
    elif zone and zone[2] in names():
        begin += ", since it names a zone instead of an offset"
        return f"{begin}: write the offset, as in {like}Z, {_OR_DECLARE}, as in {zone[2]}"
    if tail not in ("", "Z") and not _OFFSET.fullmatch(tail):
        begin += f", since {shown(tail)} is not an offset"
        return f"{begin}: write one as in {like}+02:00, or Z for UTC"
    if _WELL_FORMED.fullmatch(text) and times:
        return f"{begin} of the years 1 to 9999: write one that is, as in {_INSTANT}"
    # the hour of an offset has two digits
    offset = re.sub(r"^([+-])([0-9])(?=$|:)", r"\g<1>0\2", tail)
    written = [f"{moment}{offset or 'Z'}" for moment in times]
    return f"{begin}: write it as in {_either(written, _IF_MONTH_FIRST) if written else _INSTANT}"


def no_offset(text: str, feed: str) -> str:
    begin = f"{shown(text)} has no offset, and the feed declares no time zone"
    wanted = f"write the offset, as in {_INSTANT} or 2026-06-01T02:00:00+02:00"
    return (
        f"{begin}: {wanted}, or declare the zone in feeds.yaml, as in {feed}: {{time_zone: "
        f"Europe/Warsaw}}"
    )


def skipped(text: str, local_s: int, zone: str) -> str:
    before, after = _offsets(local_s, zone)
    return (
        f"{shown(text)} does not exist in {zone}, where the clocks skip it: write an offset, as "
        f"in {before} or {after}"
    )


def repeated(text: str, local_s: int, zone: str) -> str:
    first, second = _offsets(local_s, zone)
    begin = f"{shown(text)} is two instants in {zone}, where the clocks repeat it"
    return f"{begin}: write the offset, {first} for the first or {second} for the second"


def _offsets(local_s: int, zone: str) -> tuple[str, str]:
    """A local time that a change of clocks skips or repeats, with the offset before the change and
    with that after it."""
    naive = datetime.fromtimestamp(local_s, UTC).replace(tzinfo=None)
    before, after = (
        naive.replace(tzinfo=named_zone(zone), fold=fold).isoformat() for fold in (0, 1)
    )
    return before, after


def _folded(text: str) -> str:
    """Without blanks around it and signs that don't show, in plain digits and signs."""
    plain = unicodedata.normalize("NFKC", text[:LONGEST])
    plain = "".join(str(unicodedata.decimal(c, c)) for c in plain if c.isprintable())
    return plain.replace("\N{MINUS SIGN}", "-").strip()


_MONTH_NAMES = ("%d %B %Y", "%d %b %Y", "%B %d %Y", "%b %d %Y", "%d-%b-%Y", "%d-%b-%y")


@lru_cache(1 << 12)
def _days(text: str) -> tuple[date, ...]:
    """The days that a text may mean: of 01/06/2026 the first of June, then the sixth of January."""
    text = text.strip()
    if year_first := re.fullmatch(r"([0-9]{4})([-/.]?)([0-9]{1,2})\2([0-9]{1,2})", text):
        return (*_day(year_first[1], year_first[3], year_first[4]),)
    if year_last := re.fullmatch(r"([0-9]{1,2})([-/.])([0-9]{1,2})\2([0-9]{4})", text):
        first, second, year = year_last[1], year_last[3], year_last[4]
        return (*dict.fromkeys([*_day(year, second, first), *_day(year, first, second)]),)
    for form in _MONTH_NAMES if re.search("[A-Za-z]", text) else ():
        with suppress(ValueError):
            return (datetime.strptime(text.replace(",", ""), form).replace(tzinfo=UTC).date(),)
    return ()


def _day(year: str, month: str, day: str) -> Iterator[date]:
    with suppress(ValueError):
        yield date(int(year), int(month), int(day))


def _times(
    days: Iterable[date], hour: int, minute: int, second: int, fraction: str
) -> Iterator[str]:
    """Local times in the form that is wanted; 24:00 is the next day's 00:00, and the 60th second
    the 59th."""
    for day in days:
        with suppress(ValueError, OverflowError):
            if (hour, minute, second) == (24, 0, 0):
                yield f"{day + timedelta(days=1)}T00:00:00"
            else:
                moment = time(hour, minute, 59 if second == 60 else second).isoformat()
                yield f"{day}T{moment}" + (f".{fraction}" if fraction else "")


_IF_MONTH_FIRST = "if its month comes first"
_IF_DECIMAL = "if that is its decimal sign"


def _either(readings: list[str], of_second: str) -> str:
    return readings[0] if len(readings) == 1 else f"{readings[0]}, or {readings[1]} {of_second}"


# ---------------------------------------------------------------- numbers


@_kept
def not_an_amount(text: str) -> str:
    plain = _folded(text)
    meant = [*_numbers(plain)]
    if meant and all(
        len(number.lstrip("+-").partition(".")[0]) > MOST_AMOUNT_DIGITS for number in meant
    ):
        return (
            f"{shown(text)} has more than {MOST_AMOUNT_DIGITS} digits before the point, the most "
            "that an amount may have"
        )
    if not meant:
        return f"{shown(text)} is not an amount: write it as in 1234.56"
    has_more = plain[0] not in "+-.(0123456789" or plain[-1] not in "-.)0123456789"
    aside = ", and the currency in its own column" if has_more else ""
    return f"{shown(text)} is not an amount: write {_either(meant, _IF_DECIMAL)}{aside}"


@_kept
def not_a_number(text: str) -> str:
    plain = _folded(text)
    if plain.lower().lstrip("+-") in ("nan", "inf", "infinity", "null", "none", "n/a", "na", "-"):
        return (
            f"{shown(text)} is not a number: leave it empty where there is none, or write it as "
            "in 12.5"
        )
    if re.fullmatch(r"[+-]?[0-9.]+[eE]\+?[0-9]+", plain):
        return f"{shown(text)} is too large a number: write it as in 12.5"
    meant = [number for number in _numbers(plain) if len(number) <= LONGEST]
    wanted = _either(meant, _IF_DECIMAL) if meant and meant != [text] else "it as in 12.5"
    return f"{shown(text)} is not a number: write {wanted}"


@_kept
def not_whole(text: str) -> str:
    parts = [number.partition(".") for number in _numbers(_folded(text)) if len(number) <= LONGEST]
    meant = [whole for whole, _, decimals in parts if not decimals.strip("0")]
    return f"{shown(text)} is not a whole number: write {meant[0] if meant else 'it as in 90'}"


def inexact_amount(text: str) -> str:
    return (
        f"{shown(text)} is a floating-point number, which is not exact: export the column as "
        "DECIMAL, or as text as in 1234.56"
    )


def _numbers(text: str) -> Iterator[str]:
    """The numbers that a text may mean, in plain digits with a point: of 1,234 the whole number,
    then that with three decimals."""
    # what surrounds it is a currency or a unit; accountants write brackets, and some programs
    # the sign behind it
    inner = re.sub(r"^[^0-9+\-.,()]+|[^0-9\-.,()]+$", "", text).strip()
    bracketed = re.fullmatch(r"\((.+)\)|([0-9].*)-", inner)
    if bracketed:
        inner = "-" + (bracketed[1] or bracketed[2])
    inner = re.sub(r"^([+-]) +", r"\1", inner)
    inner = re.sub(r"(?<=[0-9])[ '’_](?=[0-9]{3}(?![0-9]))", "", inner)
    sign = inner[:1] if inner[:1] in ("+", "-") else ""
    number = inner.removeprefix(sign)
    minus = sign.replace("+", "")
    if re.fullmatch(r"[0-9]{1,3}([.,])[0-9]{3}(?:\1[0-9]{3})*", number):
        mark = "," if "," in number else "."
        if mark == "." and number.count(".") == 1:
            yield minus + number
            return
        yield minus + number.replace(mark, "")
        if number.count(mark) == 1:
            yield minus + number.replace(mark, ".")
    elif re.fullmatch(r"[0-9]{1,3}(?:,[0-9]{3})+\.[0-9]*", number):
        yield minus + number.replace(",", "").rstrip(".")
    elif re.fullmatch(r"[0-9]{1,3}(?:\.[0-9]{3})+,[0-9]*", number):
        yield minus + number.replace(".", "").replace(",", ".").rstrip(".")
    elif re.fullmatch(r"[0-9]+[.,]?[0-9]*|[.,][0-9]+", number):
        whole, _, decimals = number.replace(",", ".").partition(".")
        yield f"{minus}{whole or '0'}" + (f".{decimals}" if decimals else "")
    elif re.fullmatch(r"[0-9]+(\.[0-9]+)?[eE][+-]?[0-9]{1,2}", number):
        with suppress(InvalidOperation):
            yield minus + f"{Decimal(number):f}"


# ---------------------------------------------------------------- money (E3)


@cache
def minor_digits() -> dict[str, int | None]:
    """ISO 4217: code -> decimals of its minor unit, None where it has none."""
    return {c.code: c.exponent for c in Currency}


@cache
def _codes() -> Candidates:
    return Candidates(minor_digits())


# what is written for a currency though ISO 4217 has a code for it; a sign that several share names
# an example
_SIGNS = {
    "$": "the code, as in USD",
    "¥": "the code, as in JPY or CNY",
    "kr": "the code, as in SEK",
    "€": "EUR",
    "£": "GBP",
    "₹": "INR",
    "zł": "PLN",
    "US$": "USD",
}
_NAMES = {
    "DOLLAR": "USD",
    "FR": "CHF",
    "NIS": "ILS",
    "NTD": "TWD",
    "POUND": "GBP",
    "RMB": "CNY",
    "SFR": "CHF",
    "STG": "GBP",
    "UKP": "GBP",
    "YEN": "JPY",
    "YUAN": "CNY",
}


@_kept
def not_a_currency(text: str) -> str:
    begin = f"{shown(text)} is not an ISO 4217 code"
    plain = _folded(text)
    if sign := _SIGNS.get(plain):
        return f"{begin}: write {sign}"
    if name := _NAMES.get(plain.upper().rstrip(".S")):
        return f"{begin}: ISO 4217 has {name}"
    return begin + (_write(text, _codes()) or ": write one as in EUR")


def no_minor_unit(code: str) -> str:
    return (
        f"{shown(code)} has no minor unit in which an amount is exact: write the currency that is "
        "paid in, as in EUR"
    )


def too_many_decimals(code: str) -> str:
    return (
        f"{shown(code)} has more than three decimals, the most that an amount may have: write the "
        "currency that is paid in, as in EUR"
    )


def too_fine(text: str, code: str) -> str:
    digits = minor_digits().get(code) or 0
    example = f"{Decimal('1234.567'):.{digits}f}"
    wanted = (
        f"at most {digits} decimals, as in {example}" if digits else f"no decimals, as in {example}"
    )
    if re.fullmatch(r"[+-]?[0-9]{1,3}\.[0-9]{3}", text):
        wanted += f", or {text.replace('.', '')} if its point separates thousands"
    return f"{shown(text)} is finer than the minor unit of {shown(code)}: write {wanted}"


# ---------------------------------------------------------------- between columns


def ends_early(end: str, end_text: str, start: str, start_text: str) -> str:
    return (
        f"{end} {shown(end_text)} is before {start} {shown(start_text)}: write an end that is not "
        "before its start"
    )


def missing_when(column: str, when: str, value: str) -> str:
    return f"{column} is missing, but {when} is {shown(value)}, which needs one"


def not_first_day(text: str) -> str:
    return f"{shown(text)} is not the first day of a month: write {text[:8]}01"
