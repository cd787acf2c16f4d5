"""Values and words of others, as people read them: on pages, in reports, on terminals."""

import re
import unicodedata
from datetime import UTC, datetime
from decimal import Decimal

from iso4217 import Currency

_SIGNS = re.compile(r"([\\`*_{}\[\]()<>#+\-.!|~$:&])")


def plain(text: str) -> str:
    """A name or id from a feed where Streamlit reads Markdown: shown as it is written, with no link, picture or HTML made of it."""
    return _SIGNS.sub(r"\\\1", " ".join(text.split()))


def decimals(currency: str) -> int:
    """How many decimals amounts of a currency have (ISO 4217)."""
    return Currency(currency).exponent or 0


def money(amount: Decimal, currency: str | None) -> str:
    """An amount with as many decimals as its currency has."""
    if currency is None:
        return f"{amount.normalize():f}"
    return f"{amount.quantize(Decimal(1).scaleb(-decimals(currency)))} {currency}"


def duration(seconds: int | None) -> str:
    """Seconds as people read them: 1 h 02 min 03 s; a minus where a budget is exhausted, a dash for none."""
    if seconds is None:
        return "–"
    sign, rest = ("−" if seconds < 0 else ""), abs(seconds)
    hours, rest = divmod(rest, 3600)
    minutes, rest = divmod(rest, 60)
    if hours:
        return f"{sign}{hours} h {minutes:02d} min {rest:02d} s"
    return f"{sign}{minutes} min {rest:02d} s" if minutes else f"{sign}{rest} s"


def percentage(value: Decimal | None) -> str:
    """Per cent with the decimals that say something: 99.9 %; a dash for none."""
    return "–" if value is None else f"{value.normalize():f} %".replace("-", "−")


def instant(at: datetime | None) -> str:
    """An instant in UTC, which the words around it say: 2026-06-05 15:30:27; a dash for none."""
    return "–" if at is None else f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S}"


def printable(line: str) -> str:
    """A line for a terminal: what would move the cursor, break the line or turn it around is written out."""
    return "".join(
        c.encode("unicode_escape").decode() if unicodedata.category(c) in _UNPRINTABLE else c
        for c in line
    )


_UNPRINTABLE = {"Cc", "Cf", "Co", "Cs", "Zl", "Zp"}
