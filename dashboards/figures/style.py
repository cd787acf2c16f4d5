"""How figures are shown: amounts, durations, percentages, counts and dates, the same everywhere.

Pages, charts, reports, proofs, alerts and terminals use these functions and have none of their own.
What is shown is text; files keep the exact values.
"""

import re
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

from iso4217 import Currency

# where there is nothing to show
NONE = "–"
_MINUS = "−"


def _sign(is_negative: bool) -> str:
    return _MINUS if is_negative else ""


# ---------------------------------------------------------------- amounts


def decimals(currency: str) -> int:
    """How many decimals amounts of a currency have (ISO 4217). Raises ValueError."""
    return Currency(currency).exponent or 0


def money(value: Decimal | None, currency: str | None, *, code: bool = True) -> str:
    """An amount: 1,234.50 EUR, −12 JPY. It has the decimals of its currency, and more only where
    it is finer; it is never rounded. A dash for None.

    `currency`: ISO 4217; None without a fee. `code`: False where a column beside it has the
    currency."""
    if value is None:
        return NONE
    finest = -int(value.normalize().as_tuple().exponent)
    least = decimals(currency) if currency else 0
    shown = f"{_sign(value < 0)}{abs(value):,.{max(least, finest, 0)}f}"
    return f"{shown} {currency}" if currency and code else shown


# ---------------------------------------------------------------- percentages

# of a figure that is measured; more where they decide
_LEAST, _MOST = 2, 6
_ALL, _NOTHING = Decimal(100), Decimal(0)


def percentage(value: Decimal | None, *bounds: Decimal | None, is_below: bool | None = None) -> str:
    """A measured percentage: 99.93 %. A dash for None.

    It has two decimals, and more where with two it would be on another side of a bound than it is:
    99.8999 % beside a commitment of 99.9 %. A figure that is not 0 or 100 never reads as 0 or 100.

    `bounds`: what it is compared with. `is_below`: the verdict on the first one by the exact
    figure, of which `value` may have been rounded; where its decimals don't show it, a sign does:
    < 99.9 %."""
    if value is None:
        return NONE
    first, *others = bounds or (None,)
    if first is not None and is_below is not None and (value < first) != is_below:
        return f"{'<' if is_below else '≥'} {agreed_pct(first)}"
    compared = [bound for bound in (first, *others, _NOTHING, _ALL) if bound is not None]
    return f"{_shortest(value, compared)} %"


def _shortest(value: Decimal, bounds: list[Decimal]) -> str:
    """As few decimals, from two on, as leave the value on its side of each bound."""
    own = -int(value.normalize().as_tuple().exponent)
    for places in range(_LEAST, max(own, _LEAST) + 1):
        rounded = value.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)
        if all(_side(rounded, bound) == _side(value, bound) for bound in bounds):
            break
    return f"{_sign(value < 0)}{abs(rounded):.{places}f}"


def _side(value: Decimal | int, bound: Decimal | int) -> int:
    return (value > bound) - (value < bound)


def exact_pct(value: Decimal | None) -> str:
    """A measured percentage with all decimals that it was published with: 99.925926 %."""
    if value is None:
        return NONE
    own = min(max(-int(value.normalize().as_tuple().exponent), _LEAST), _MOST)
    return f"{_sign(value < 0)}{abs(value):.{own}f} %"


def agreed_pct(value: Decimal | str | None) -> str:
    """A percentage that a contract sets, as it is written: 99.9 %, 10 %. A dash for None."""
    return NONE if value is None else f"{Decimal(value).normalize():f} %".replace("-", _MINUS)


def ratio(value: Decimal | None, *bounds: Decimal) -> str:
    """A ratio: 1.54, and 1.004 beside a bound of 1, as percentages. A dash for None."""
    return NONE if value is None else _shortest(value, list(bounds))


def share_of(part: int, whole: int, goal: Decimal | None = None) -> str:
    """A share in per cent with two decimals, and more where it would otherwise seem to reach a goal
    that it misses, or to be all, or none, of the whole. `whole`: not 0."""
    share = Fraction(100 * part, whole)
    bounds = [Fraction(bound) for bound in (0, 100, *(() if goal is None else (goal,)))]
    # counts of a mart have at most 19 digits
    for places in range(_LEAST, 40):
        shown = _rounded(share, places)
        if all((Fraction(shown) < b) == (share < b) for b in bounds) and (shown > 0) == (part > 0):
            break
    return f"{shown:f} %"


def _rounded(share: Fraction, places: int) -> Decimal:
    """Half away from zero. `share`: not negative."""
    scaled = (2 * share.numerator * 10**places + share.denominator) // (2 * share.denominator)
    return Decimal(scaled).scaleb(-places)


# ---------------------------------------------------------------- durations

_UNITS = (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1))


def duration(seconds: int | None, *bounds: int | None, in_hours: bool = False) -> str:
    """A length of time by its two largest units: 1 d 14 h, 7 h 55 min, 12 min 05 s. A dash for
    None.

    What is smaller is dropped, so that it never reads as longer than it is; but not where it would
    then be on another side of a bound, as 1 d 14 h 00 min 30 s is beside a bound of 1 d 14 h.

    `bounds`: seconds that it is compared with. `in_hours`: without days, for time on a clock that
    stops, such as business hours, whose days have other lengths."""
    if seconds is None:
        return NONE
    parts = _parts(abs(seconds), in_hours)
    compared = [bound for bound in bounds if bound is not None]
    for shown in (parts[:most] for most in range(2, len(parts))):
        kept = sum(number * length for number, _, length in shown)
        kept = -kept if seconds < 0 else kept
        if all(_side(kept, bound) == _side(seconds, bound) for bound in compared):
            return _sign(seconds < 0) + _joined(shown)
    return exact_duration(seconds, in_hours=in_hours)


def exact_duration(seconds: int | None, *, in_hours: bool = False) -> str:
    """A length of time to the second: 7 h 55 min 03 s, 1 d 14 h. A dash for None.

    Where a figure decides something, and wherever a reader calculates with it."""
    if seconds is None:
        return NONE
    return _sign(seconds < 0) + _joined(_parts(abs(seconds), in_hours))


def to_the_second(seconds: int | None) -> str:
    """A length of time exactly, in units and in seconds: 7 h 55 min 03 s (28,503 s)."""
    if seconds is None or abs(seconds) < 60:
        return in_seconds(seconds)
    return f"{exact_duration(seconds)} ({in_seconds(seconds)})"


def in_seconds(number: int | None) -> str:
    """A length of time in seconds: 28,503 s. A dash for None."""
    return NONE if number is None else f"{thousands(number)} s"


def _parts(seconds: int, in_hours: bool) -> list[tuple[int, str, int]]:
    """Number, unit and its seconds, from the largest unit that fits down to seconds."""
    found: list[tuple[int, str, int]] = []
    rest = seconds
    for unit, length in _UNITS[in_hours:]:
        number, rest = divmod(rest, length)
        if number or found or unit == "s":
            found.append((number, unit, length))
    return found


def _joined(parts: list[tuple[int, str, int]]) -> str:
    """The parts in words, without zeros at the end."""
    last = max((place for place, (number, _, _) in enumerate(parts) if number), default=0)
    words = [
        f"{number:02d} {unit}" if place else f"{number:,} {unit}"
        for place, (number, unit, _) in enumerate(parts[: last + 1])
    ]
    return " ".join(words)


_PART = re.compile(r"([0-9]+)(bd|[smhd])")
_WORDS = {"s": "second", "m": "minute", "h": "hour", "d": "day", "bd": "business day"}


def agreed_duration(length: str) -> str:
    """A duration as contracts write it, in words: 8h30m is 8 hours 30 minutes."""
    return " ".join(counted(int(n), _WORDS[unit]) for n, unit in _PART.findall(length))


# ---------------------------------------------------------------- counts


def thousands(number: int | None) -> str:
    """A number of things: 1,234. A dash for None."""
    return NONE if number is None else f"{_sign(number < 0)}{abs(number):,}"


def counted(number: int, one: str, many: str | None = None) -> str:
    """A number of things with their name: 1 row, 1,234 rows. `many`: the plural, if not with s."""
    return f"{thousands(number)} {one if number == 1 else many or one + 's'}"


# ---------------------------------------------------------------- dates


def day(value: date | None) -> str:
    """A date: 2026-06-05. A dash for None."""
    return NONE if value is None else f"{value:%Y-%m-%d}"


def instant(at: datetime | None) -> str:
    """An instant in UTC: 2026-06-05 15:30:27; a dash for None. Its label says that it is UTC."""
    return NONE if at is None else f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S}"


def timestamp(at: datetime) -> str:
    """An instant in UTC for files, programs and terminals, where it can be copied into a command:
    2026-06-05T15:30:27Z."""
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def age(seconds: int) -> str:
    """How long ago, in the largest unit that fits: 3 days ago."""
    minutes = max(0, seconds) // 60
    for unit, length in (("day", 1440), ("hour", 60), ("minute", 1)):
        if minutes >= length:
            return f"{counted(minutes // length, unit)} ago"
    return "just now"
