"""Values and words of others, as people read them: on pages, in reports, on terminals."""

import re
import unicodedata
from decimal import Decimal

from iso4217 import Currency

_SIGNS = re.compile(r"([\\`*_{}\[\]()<>#+\-.!|~$:&])")


def plain(text: str) -> str:
    """A name or id from a feed where Streamlit reads Markdown: shown as it is written, with no link, picture or HTML made of it."""
    return _SIGNS.sub(r"\\\1", " ".join(text.split()))


def money(amount: Decimal, currency: str | None) -> str:
    """An amount with as many decimals as its currency has."""
    if currency is None:
        return f"{amount.normalize():f}"
    return f"{amount.quantize(Decimal(1).scaleb(-(Currency(currency).exponent or 0)))} {currency}"


def printable(line: str) -> str:
    """A line for a terminal: what would move the cursor, break the line or turn it around is written out."""
    return "".join(c.encode("unicode_escape").decode() if unicodedata.category(c) in _UNPRINTABLE else c for c in line)


_UNPRINTABLE = {"Cc", "Cf", "Co", "Cs", "Zl", "Zp"}
