"""What the blocks of the first screen are made of: lines of text with a tone and a link."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum


class Tone(StrEnum):
    """How a line is to be taken; the worst first. Only KEPT is shown as good news."""

    MISSED = "missed"
    AT_RISK = "at risk"
    THIN = "thin evidence"
    NO_DATA = "no data"
    KEPT = "kept"
    NEUTRAL = "neutral"

    @property
    def rank(self) -> int:
        """Its place in lists: misses come first."""
        return list(Tone).index(self)


@dataclass(frozen=True)
class Link:
    """A page with its filters: the list behind a line or a number."""

    page: str
    query: Mapping[str, str | Sequence[str]]


@dataclass(frozen=True)
class Line:
    """A sentence. `link`: the list behind it."""

    text: str
    tone: Tone = Tone.NEUTRAL
    link: Link | None = None


# so many names stand in a sentence
_NAMED = 2


def listed(names: Sequence[str]) -> str:
    """Names in a sentence: a, b and 3 more."""
    if len(names) <= _NAMED + 1:
        return ", ".join(names)
    return f"{', '.join(names[:_NAMED])} and {len(names) - _NAMED} more"
