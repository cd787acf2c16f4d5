"""What a value nearly is: the nearest match that a message names beside a value that fits nothing.

Nothing is ever taken for its nearest match: it only tells people what may have been meant.
"""

import re
import unicodedata
from bisect import bisect_left
from collections.abc import Callable, Iterable
from decimal import Decimal
from difflib import SequenceMatcher
from functools import cached_property

# slips of the pen are looked for among so few candidates, and in texts no longer than that
MOST_COMPARED = 1_000
LONGEST_COMPARED = 100
# how alike two texts are (difflib's ratio): a letter of three may be another one
ALIKE = 0.66

# letters of other scripts that look like Latin ones, and the many dashes and minus signs
_LATIN = str.maketrans(
    "АВЕКМНОРСТУХІЈЅаеорсухіјѕԁΑΒΕΖΗΙΚΜΝΟΡΤΥΧοιν‐‑‒–—−",
    "ABEKMHOPCTYXIJSaeopcyxijsdABEZHIKMNOPTYXoiv------",
)
_DIGITS_FOR_LETTERS = str.maketrans("oil", "011")
_LEADING_ZEROS = re.compile(r"(?<![0-9.,])0+(?=[0-9])")
_WHOLE = re.compile(r"([0-9]+)[.,]0+")
_POWER = re.compile(r"([0-9]{1,20})(?:[.,]([0-9]{1,20}))?[eE]\+?([0-9]{1,2})")
# a spreadsheet keeps fifteen digits of a number and writes zeros for the others
_CUT = re.compile(r"[0-9]{15}0{1,25}")


def nearest(value: str, candidates: Iterable[str], alike: float = ALIKE) -> str | None:
    """The candidate that `value` most probably should have been; None if none is near. For many
    values, keep a `Candidates`."""
    return Candidates(candidates).nearest(value, alike)


def nearest_or_all(value: str, candidates: Iterable[str]) -> str:
    """In words: which candidate it should probably have been, or, where none is near, all."""
    known = list(candidates)
    near = nearest(value, known)
    return f"the nearest is {near}" if near else f"known are {', '.join(known)}"


class Candidates:
    """Texts of which others are near matches. Each look-up is quick however many they are; what it
    needs is laid out at the first."""

    def __init__(self, values: Iterable[str]) -> None:
        self._values = sorted(set(values))
        self._forms: dict[Callable[[str], str], dict[str, str]] = {}

    def same(self, value: str) -> str | None:
        """The candidate that differs in how it is written only: in blanks, signs that don't show,
        capitals, letters that look like others, leading zeros, punctuation, or in what a
        spreadsheet makes of a number (`4711.0`, `9.9E+15`)."""
        for form in (plain, _alike, _bare):
            key = form(value)
            if key and (found := self._by_form(form).get(key)):
                return found
        return self._number(value)

    def nearest(self, value: str, alike: float = ALIKE) -> str | None:
        """As `same`; else, of few candidates, the one most alike. Digits tell ids apart, and are
        never a slip of the pen."""
        return self.same(value) or self._most_alike(value, alike)

    def _by_form(self, form: Callable[[str], str]) -> dict[str, str]:
        if form not in self._forms:
            found: dict[str, str] = {}
            for value in self._values:
                found.setdefault(form(value), value)
            self._forms[form] = found
        return self._forms[form]

    @cached_property
    def _numbers(self) -> list[tuple[int, str]]:
        return sorted(
            (int(value), value)
            for value in self._values
            if re.fullmatch(r"[0-9]{1,40}", value, re.ASCII)
        )

    def _number(self, value: str) -> str | None:
        """The candidate whose digits a spreadsheet has rounded to this number; of several the
        closest."""
        text = plain(value)
        power = _POWER.fullmatch(text)
        if power:
            number = int(Decimal(f"{power[1]}.{power[2] or 0}e{power[3]}"))
            half = 10 ** max(0, int(power[3]) - len(power[2] or "")) // 2
        elif _CUT.fullmatch(text):
            number, half = int(text), 10 ** (len(text) - 15)
        else:
            return None
        # a double of more digits is not exact either
        half = max(half, number >> 52)
        first = bisect_left(self._numbers, (number - half, ""))
        near = self._numbers[first : bisect_left(self._numbers, (number + half + 1, ""))]
        return min(near, key=lambda found: abs(found[0] - number), default=(0, None))[1]

    def _most_alike(self, value: str, alike: float) -> str | None:
        text = plain(value)
        if len(self._values) > MOST_COMPARED or not 1 < len(text) <= LONGEST_COMPARED:
            return None
        matcher = SequenceMatcher(autojunk=False)
        matcher.set_seq2(text)
        best: tuple[float, bool, str] | None = None
        for candidate in self._values:
            other = plain(candidate)
            matcher.set_seq1(other)
            if (
                _digits(other) != _digits(text)
                or matcher.quick_ratio() < alike
                or (ratio := matcher.ratio()) < alike
            ):
                continue
            # of equals the one that only swaps letters
            if best is None or (ratio, sorted(other) == sorted(text)) > best[:2]:
                best = ratio, sorted(other) == sorted(text), candidate
        return best[2] if best else None


def plain(text: str) -> str:
    """Without blanks and signs that don't show, in small letters; wide and composed characters as
    plain ones."""
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
    return "".join(c for c in text if c.isprintable() and not c.isspace()).casefold()


def _alike(text: str) -> str:
    """As `plain`, letters as the Latin ones that they look like, without accents, leading zeros and
    the `.0` of a number."""
    if not text.isascii():
        parts = unicodedata.normalize("NFKD", text.translate(_LATIN))
        text = "".join(c for c in parts if not unicodedata.combining(c)).translate(_LATIN)
    text = plain(text)
    whole = _WHOLE.fullmatch(text)
    return _LEADING_ZEROS.sub("", whole[1] if whole else text)


def _bare(text: str) -> str:
    """As `_alike`, letters and digits alone, and the letters that look like a digit as that
    digit."""
    return "".join(
        c
        for c in _LEADING_ZEROS.sub("", _alike(text).translate(_DIGITS_FOR_LETTERS))
        if c.isalnum()
    )


def _digits(text: str) -> str:
    return "".join(c for c in text if c.isdigit())
