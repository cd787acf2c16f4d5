"""Instants as systems write them, to the text that feeds take (T1).

Digits are never dropped here, and a time without an offset stays without one unless its zone is
known: which instant it then is, the feed's typing decides.
"""

import re
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from functools import cache, lru_cache

from makegood.ingestion.connect.system import Unmapped
from makegood.ingestion.zones import zone as named_zone

# a date, and perhaps a time, its seconds, their fraction, and the offset, as feeds take them
_ISO = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})"
    r"(?:[Tt ]((?:[01][0-9]|2[0-3]):[0-5][0-9])(?::([0-5][0-9])(?:[.,]([0-9]+))?)?"
    r"(?:( ?[Zz]| UTC)| ?([+-])([01][0-9]|2[0-3]):?([0-5][0-9])?)?)?"
)
_NUMBER = re.compile(r"[+-]?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
# digits of a second's fraction: more are in no Unix time
_DIGITS = 30
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
Moment = tuple[int, str]


@lru_cache(maxsize=2**16)
def moment(text: str) -> Moment:
    """What instants are ordered by: whole seconds since 1970, and the digits of the fraction, which
    order as text once the zeros at their end are gone. A time without an offset is ordered as if it
    were UTC. Raises Unmapped for what can't be read."""
    found = _ISO.fullmatch(text)
    try:
        if not found or not found[2]:
            raise ValueError
        written = datetime.fromisoformat(f"{found[1]}T{found[2]}:{found[3] or '00'}+00:00")
    except ValueError as error:
        raise Unmapped(
            f"{text!r} is not an instant: the form is 2026-06-01T08:30:00Z or with an offset"
        ) from error
    offset = timedelta(hours=int(found[7] or 0), minutes=int(found[8] or 0))
    seconds = (written - _EPOCH) // timedelta(seconds=1)
    shift = offset // timedelta(seconds=1) * (-1 if found[6] == "-" else 1)
    return seconds - shift, (found[4] or "").rstrip("0")


def first_second(day: date) -> int:
    """The Unix time at which a day begins in UTC."""
    return (day - _EPOCH.date()).days * 86_400


def unix_seconds(text: object) -> int:
    """The Unix time of an instant, its fraction cut; for cursors that requests give in seconds.
    Raises Unmapped for what can't be read."""
    return moment(str(text))[0]


def has_offset(text: str) -> bool:
    """Whether an instant as text says which offset it is in."""
    found = _ISO.fullmatch(text)
    return bool(found and (found[5] or found[6]))


def utc(text: str) -> str:
    """An instant that its system writes in UTC without saying so, with its `Z`; others, and dates,
    as they are."""
    found = _ISO.fullmatch(text)
    return f"{text}Z" if found and found[2] and not has_offset(text) else text


def from_epoch(value: int | Decimal | str, per_second: int = 1) -> str:
    """The instant of a Unix time in seconds, or in units of which `per_second` make one
    (milliseconds: 1000), with all its digits. Raises Unmapped for what is not a number."""
    text = str(value).strip()
    try:
        if not _NUMBER.fullmatch(text) or abs((number := Decimal(text)).adjusted()) > _DIGITS:
            raise ValueError
        seconds, rest = divmod(Fraction(number) / per_second, 1)
        digits = rest * 10**_DIGITS
        if digits.denominator != 1:
            raise ValueError
        whole = (_EPOCH + timedelta(seconds=seconds)).replace(tzinfo=None).isoformat()
    except (ArithmeticError, ValueError) as error:
        raise Unmapped(
            f"{value!r} is not a Unix time: the form is {1_780_300_800 * per_second}"
        ) from error
    fraction = f"{int(digits):0{_DIGITS}}".rstrip("0")
    return f"{whole}.{fraction}Z" if fraction else f"{whole}Z"


@lru_cache(maxsize=2**16)
def from_form(text: str, form: str | None, zone: str | None) -> str:
    """A time in the form of an export (`form` as strptime takes it, None: ISO 8601) as text for
    feeds: in the zone, if one is given and the text names no offset itself. Raises Unmapped for
    what can't be read, and for local times that the zone's clocks skip or show twice."""
    if form is None:
        return _from_iso(text, zone)
    try:
        parsed = datetime.strptime(text, form)  # noqa: DTZ007
    except ValueError as error:
        raise Unmapped(f"{text!r} is not of the form {form}") from error
    if not _has_time(form):
        return parsed.date().isoformat()
    fraction = f".{parsed.microsecond:06}".rstrip("0") if parsed.microsecond else ""
    return _written(parsed.replace(microsecond=0), fraction, zone)


def _from_iso(text: str, zone: str | None) -> str:
    found = _ISO.fullmatch(text)
    try:
        if not found:
            raise ValueError
        local = datetime.fromisoformat(f"{found[1]}T{found[2] or '00:00'}:{found[3] or '00'}")
    except ValueError as error:
        raise Unmapped(
            f"{text!r} is not a time: the form is 2026-06-01 08:30:00; another one is written as "
            "`time_form`, as in %d/%m/%Y %H:%M"
        ) from error
    if not found[2] or zone is None or has_offset(text):
        return text
    return _written(local, f".{found[4]}" if found[4] else "", zone)


def _written(local: datetime, fraction: str, zone: str | None) -> str:
    """A time of whole seconds as text, with its own offset or that of the zone."""
    at = local if local.tzinfo or zone is None else _in_zone(local, zone)
    offset = _offset(at) if at.tzinfo else ""
    return f"{local.replace(tzinfo=None).isoformat()}{fraction}{offset}"


@cache
def _has_time(form: str) -> bool:
    return bool(re.search("%[HIcXsT]", form))


def _in_zone(local: datetime, zone: str) -> datetime:
    tz = named_zone(zone)
    try:
        found = {local.replace(tzinfo=tz, fold=fold).astimezone(UTC) for fold in (0, 1)}
        real = [at for at in found if at.astimezone(tz).replace(tzinfo=None) == local]
        if len(real) == 1:
            return real[0].astimezone(tz)
    except OverflowError as error:
        raise Unmapped(f"{local} in {zone} is not of the years 1 to 9999") from error
    what = "show it twice" if real else "skip it"
    raise Unmapped(f"{local} is not one instant in {zone}: clocks {what}")


def _offset(at: datetime) -> str:
    shift = at.utcoffset()
    assert shift is not None
    total = shift // timedelta(seconds=1)
    if total % 60:
        raise Unmapped(f"{at.replace(tzinfo=None)} is before its zone had whole minutes")
    sign, total = ("-", -total) if total < 0 else ("+", total)
    return f"{sign}{total // 3600:02}:{total % 3600 // 60:02}"
