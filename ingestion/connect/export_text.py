"""The rows in the text of an export, each with its line: CSV, and JSON as a list or as lines.

Does not belong here: which export it is, and how its values are written.
"""

import csv
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple, NoReturn

from makegood.ingestion.connect.system import Value, whole_signs
from makegood.ingestion.limits import LONGEST_ROW, MIB

# bytes that an encoding doesn't know become these, which no text holds
BAD = 0xDC00
BAD_BYTE = re.compile(f"[{chr(BAD)}-{chr(BAD + 0xFF)}]")
_BLANKS = re.compile(r"[ \t\r\n]*")


class Broken(ValueError):
    """A file that can't be used from this line on; all of it is refused."""

    def __init__(self, why: str, line: int) -> None:
        super().__init__(why)
        self.line = line


class Line(NamedTuple):
    """A row and the line that it begins in; or why there is none."""

    line: int
    row: Mapping[str, Value] | None
    why: str = ""


def bad_byte(mark: str, encoding: str) -> str:
    """What is wrong with a byte that stands as a mark of `BAD`."""
    return (
        f"the byte 0x{ord(mark) - BAD:02x}, which is not {encoding}: say which `encoding` the "
        "file is in, as in cp1252"
    )


class Lines:
    """A text's lines, each with its end, the number of the next one, and where it begins."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at, self.line = 0, 1
        self._ends = re.compile(r"\r\n|\n|\r")

    def __iter__(self) -> "Lines":
        return self

    def __next__(self) -> str:
        if self.at >= len(self.text):
            raise StopIteration
        end = self._ends.search(self.text, self.at)
        until = end.end() if end else len(self.text)
        found = self.text[self.at : until]
        if len(found) > LONGEST_ROW:
            raise Broken(f"has a line of over {LONGEST_ROW // MIB} MiB", self.line)
        self.at = until
        self.line += 1
        return found


def csv_records(lines: Lines, separator: str) -> Iterator[tuple[int, list[str]]]:
    """All rows and the lines they begin in; one without fields is an empty line. A quote that is
    not closed properly makes the file unreadable, since anything could follow it."""
    csv.field_size_limit(LONGEST_ROW)
    reader = csv.reader(lines, delimiter=separator, strict=True)
    line = lines.line
    try:
        for fields in reader:
            yield line, fields
            line = lines.line
    except csv.Error as error:
        why = "is never closed" if "unexpected end" in str(error) else "is not closed as it must be"
        raise Broken(
            f"has a quote that {why}, in the row of this line: the file is cut off, or is still "
            "being written, or a quote inside a field is not written twice",
            line,
        ) from error


# ---------------------------------------------------------------- JSON, with the line of each row


def _constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a number")


def _distinct(pairs: list[tuple[str, Value]]) -> dict[str, Value]:
    made = dict(pairs)
    if len(made) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"has the field {twice!r} twice")
    return made


_DECODER = json.JSONDecoder(
    parse_float=Decimal, parse_constant=_constant, object_pairs_hook=_distinct
)
# to find a row's end where what it holds is refused
_LENIENT = json.JSONDecoder(parse_float=str, parse_int=str)


def after_blanks(text: str, at: int) -> int:
    """Where the next sign of JSON is, from here on."""
    found = _BLANKS.match(text, at)
    assert found
    return found.end()


def is_one(text: str, at: int) -> bool:
    """Whether the value that begins here is all there is. Raises JSONDecodeError if it has no
    end."""
    _, end = _LENIENT.raw_decode(text, at)
    return after_blanks(text, end) == len(text)


def items(text: str, at: int) -> Iterator[Line]:
    """The rows of the list that begins here."""
    line, counted = 1, 0
    at = after_blanks(text, at + 1)
    is_first = True
    while True:
        if text[at : at + 1] == "]" and is_first:
            return
        line += text.count("\n", counted, at)
        counted = at
        _, end = _LENIENT.raw_decode(text, at)
        yield row_of(text[at:end], line)
        is_first = False
        at = after_blanks(text, end)
        match text[at : at + 1]:
            case "]":
                return
            case ",":
                at = after_blanks(text, at + 1)
            case _:
                raise json.JSONDecodeError("a comma or the list's end is missing", text, at)


def found_list(text: str, at: int, path: Sequence[str]) -> int | None:
    """Where the list at a path begins, in the object that begins here; None if there is none."""
    if text[at : at + 1] != "{" or not path:
        return at if text[at : at + 1] == "[" and not path else None
    at = after_blanks(text, at + 1)
    while text[at : at + 1] != "}":
        key, at = _LENIENT.raw_decode(text, at)
        at = after_blanks(text, at)
        if text[at : at + 1] != ":":
            raise json.JSONDecodeError("a colon is missing", text, at)
        at = after_blanks(text, at + 1)
        if key == path[0]:
            return found_list(text, at, path[1:])
        _, at = _LENIENT.raw_decode(text, at)
        at = after_blanks(text, at)
        if text[at : at + 1] == ",":
            at = after_blanks(text, at + 1)
    return None


def json_lines(text: str) -> Iterator[Line]:
    """The rows of a text with an object in each line."""
    lines = Lines(text)
    while lines.at < len(text):
        line = lines.line
        raw = next(lines)
        if raw.strip():
            row = row_of(raw, line)
            if row.row is None and lines.at == len(text) and not raw.endswith(("\n", "\r")):
                raise Broken(f"ends in the middle of a row, which {row.why}: is it whole?", line)
            yield row


def row_of(raw: str, line: int) -> Line:
    """The object that is written here."""
    if bad := BAD_BYTE.search(raw):
        return Line(line, None, f"has {bad_byte(bad[0], 'of its encoding')}")
    try:
        value = _DECODER.decode(raw)
    except (ValueError, RecursionError) as error:
        return Line(line, None, f"is not JSON that can be read: {error}")
    if not isinstance(value, dict):
        return Line(line, None, 'is not an object, as in {"id": 1}')
    return Line(line, whole_signs(value))
