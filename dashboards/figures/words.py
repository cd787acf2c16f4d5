"""Names that feeds deliver, as text for pages, reports and terminals, and codes of the marts in
words; an unlisted code has its underscores as spaces."""

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


_REASONS = {
    "no_fee": "no fee is invoiced for the {period}",
    "not_ga": "the service is not generally available (beta, preview or early access)",
    "not_paid": "the subscription is a trial or an evaluation",
    "not_subscribed": "the subscription was not in force",
    "overdue": "an invoice was overdue",
    "plan_without_credits": "the support plan has no service credits",
    "suspended": "the subscription was suspended",
    "environment": "the environment is not covered",
}


def words(code: str | None) -> str:
    """A code as words: third_party is third party."""
    return "–" if code is None else code.replace("_", " ")


def sentence_case(text: str) -> str:
    return text[:1].upper() + text[1:]


def reason(code: str | None, period: str = "month") -> str:
    """A reason in words. `period`: month, quarter or year."""
    return words(code) if code not in _REASONS else _REASONS[code].format(period=period)


def reasons(codes: str, period: str) -> str:
    """Comma-joined codes as a list in words. `period`: month, quarter or year."""
    return listed([reason(code, period) for code in codes.split(",")])


def listed(parts: list[str]) -> str:
    """a, b and c."""
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
