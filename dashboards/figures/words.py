"""Names that feeds deliver, as text for pages, reports and terminals."""

import re
import unicodedata

_SIGNS = re.compile(r"([\\`*_{}\[\]()<>#+\-.!|~$:&])")


def plain(text: str) -> str:
    """A name or id from a feed, escaped for Markdown: no link, picture or HTML is made of it."""
    return _SIGNS.sub(r"\\\1", " ".join(text.split()))


def printable(line: str) -> str:
    """A line for a terminal: characters that move the cursor, break the line or reverse it are
    escaped."""
    return "".join(
        c.encode("unicode_escape").decode() if unicodedata.category(c) in _UNPRINTABLE else c
        for c in line
    )


_UNPRINTABLE = {"Cc", "Cf", "Co", "Cs", "Zl", "Zp"}
