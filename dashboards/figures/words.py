"""Values, and names that feeds deliver, as text for pages, reports and terminals."""

import re
import unicodedata
from datetime import UTC, datetime
from decimal import Decimal

from iso4217 import Currency

_SIGNS = re.compile(r"([\\`*_{}\[\]()<>#+\-.!|~$:&])")


def plain(text: str) -> str:
    """A name or id from a feed, escaped for Markdown: no link, picture or HTML is made of it."""
    return _SIGNS.sub(r"\\\1", " ".join(text.split()))


def decimals(currency: str) -> int:
    """How many decimals amounts of a currency have (ISO 4217). Raises ValueError."""
    return Currency(currency).exponent or 0


def money(amount: Decimal, currency: str | None) -> str:
    """An amount with as many decimals as its currency has."""
    if currency is None:
        return f"{amount.normalize():f}"
    return f"{amount.quantize(Decimal(1).scaleb(-decimals(currency)))} {currency}"


def counted(number: int, noun: str) -> str:
    """A number of things: 1 row, 1,234 rows."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def duration(seconds: int | None) -> str:
    """Seconds in words: 1 h 02 min 03 s, with a minus below zero; a dash for None."""
    if seconds is None:
        return "–"
    sign, rest = ("−" if seconds < 0 else ""), abs(seconds)
    hours, rest = divmod(rest, 3600)
    minutes, rest = divmod(rest, 60)
    if hours:
        return f"{sign}{hours} h {minutes:02d} min {rest:02d} s"
    return f"{sign}{minutes} min {rest:02d} s" if minutes else f"{sign}{rest} s"


_PART = re.compile(r"([0-9]+)(bd|[smhd])")
_UNITS = {"s": "second", "m": "minute", "h": "hour", "d": "day", "bd": "business day"}


def agreed_length(length: str) -> str:
    """A duration as contracts write it, in words: 8h30m is 8 hours 30 minutes."""
    return " ".join(counted(int(n), _UNITS[unit]) for n, unit in _PART.findall(length))


def percentage(value: Decimal | None) -> str:
    """Per cent without trailing zeros: 99.9 %; a dash for None."""
    return "–" if value is None else f"{value.normalize():f} %".replace("-", "−")


def instant(at: datetime | None) -> str:
    """An instant in UTC: 2026-06-05 15:30:27; a dash for None. Its label says that it is UTC."""
    return "–" if at is None else f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S}"


def timestamp(at: datetime) -> str:
    """An instant in UTC for files and programs: 2026-06-05T15:30:27Z."""
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def printable(line: str) -> str:
    """A line for a terminal: characters that move the cursor, break the line or reverse it are
    escaped."""
    return "".join(
        c.encode("unicode_escape").decode() if unicodedata.category(c) in _UNPRINTABLE else c
        for c in line
    )


_UNPRINTABLE = {"Cc", "Cf", "Co", "Cs", "Zl", "Zp"}
