"""How much of a Parquet file is unpacked at once, from the headers of its pages: Arrow has no limit for it, and what the footer claims
can't be relied on.

Footer and headers are read here, by the few fields that matter: asked for its metadata, pyarrow aborts the process over some broken ones.
"""

import io
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow.compute as pc
import pyarrow.parquet as pq

from makegood.ingestion.limits import (
    LARGEST_PAGES,
    LONGEST_FOOTER,
    MIB,
    MOST_NESTED_VALUES,
    MOST_ROWS,
    SHORT_DICTIONARY,
    UNPACKED_BYTES,
    WIDEST_BATCH,
)
from makegood.ingestion.readers import BATCH_ROWS, UnreadableFile

# the structs of the Parquet format, by the numbers of the fields that are kept
_META, _TYPE, _PATH, _LENGTH, _FIRST_DATA, _FIRST_DICTIONARY = 3, 1, 3, 7, 9, 11
_COLUMNS, _ROWS = 1, 3
_GROUPS = 4
_FOOTER: Any = {
    _GROUPS: {
        _COLUMNS: {
            _META: {
                _TYPE: True,
                _PATH: True,
                _LENGTH: True,
                _FIRST_DATA: True,
                _FIRST_DICTIONARY: True,
            }
        },
        _ROWS: True,
    }
}
_UNPACKED, _PACKED, _DATA, _DICTIONARY, _DATA_V2, _VALUES = 2, 3, 5, 7, 8, 1
_PAGE: Any = {
    _UNPACKED: True,
    _PACKED: True,
    _DATA: {_VALUES: True},
    _DICTIONARY: {_VALUES: True},
    _DATA_V2: {_VALUES: True},
}
_BYTE_ARRAY, _FIXED = 6, 7


@dataclass(frozen=True)
class Group:
    """A row group: its rows, and how many of them may be read at once."""

    rows: int
    at_once: int


def groups(path: Path) -> list[Group]:
    """The row groups of a file. Raises UnreadableFile where even few of their rows would take too much memory."""
    with path.open("rb") as stream:
        found = _footer(stream)
        if sum(rows for _, rows in found) > MOST_ROWS:
            raise UnreadableFile(f"claims to hold over {MOST_ROWS} rows")
        return [
            Group(rows, _rows_at_once(path, stream, number, columns, rows))
            for number, (columns, rows) in enumerate(found)
        ]


def _rows_at_once(
    path: Path, stream: BinaryIO, group: int, columns: list[dict[int, Any]], rows: int
) -> int:
    pages_bytes = width = 0
    for column in columns:
        name = b".".join(column[_PATH]).decode("utf-8", errors="backslashreplace")
        largest = values = value_bytes = 0
        for page in _pages(stream, column, name):
            largest = max(largest, page[_UNPACKED])
            data, dictionary = page.get(_DATA) or page.get(_DATA_V2), page.get(_DICTIONARY)
            if data:
                values += data[_VALUES]
                value_bytes = max(value_bytes, page[_UNPACKED] // max(data[_VALUES], 1))
            elif dictionary and column[_TYPE] == _FIXED:
                value_bytes = max(value_bytes, page[_UNPACKED] // max(dictionary[_VALUES], 1))
            elif dictionary and column[_TYPE] == _BYTE_ARRAY:
                value_bytes = max(
                    value_bytes,
                    page[_UNPACKED]
                    if page[_UNPACKED] <= SHORT_DICTIONARY
                    else _longest(path, group, name),
                )
        if column[_TYPE] not in (_BYTE_ARRAY, _FIXED):
            value_bytes = 12
        if len(column[_PATH]) > 1 and (
            values > max(rows, MOST_NESTED_VALUES) or values * value_bytes > UNPACKED_BYTES
        ):
            raise UnreadableFile(
                f"its column {name} holds {values} values in {rows} rows, which is too much"
            )
        pages_bytes += largest
        width += value_bytes
    if pages_bytes > LARGEST_PAGES:
        raise UnreadableFile(
            f"has pages of over {LARGEST_PAGES // MIB} MiB, which are unpacked at once"
        )
    return max(1, min(BATCH_ROWS, WIDEST_BATCH // max(width, 1)))


def _longest(path: Path, group: int, column: str) -> int:
    """The length of the longest value in the dictionary of a column: one row may hold any of them."""
    with pq.ParquetFile(path, read_dictionary=[column], pre_buffer=False, buffer_size=MIB) as file:
        for chunk in file.iter_batches(
            batch_size=1, row_groups=[group], columns=[column], use_threads=False
        ):
            values = chunk.column(0)
            while hasattr(values, "values"):
                values = values.values
            if hasattr(values, "dictionary"):
                return pc.max(pc.binary_length(values.dictionary)).as_py() or 0
            break
    return 0


def _footer(stream: BinaryIO) -> list[tuple[list[dict[int, Any]], int]]:
    """The columns and the number of rows of each row group."""
    try:
        end = stream.seek(-8, io.SEEK_END)
        size = int.from_bytes(stream.read(4), "little")
        if size > LONGEST_FOOTER:
            raise ValueError(f"it is over {LONGEST_FOOTER // MIB} MiB long")
        stream.seek(end - size)
        found = _value(io.BytesIO(stream.read(size)), _STRUCT, _FOOTER)
        return [
            ([column[_META] for column in group[_COLUMNS]], int(group[_ROWS]))
            for group in found.get(_GROUPS, [])
        ]
    except _BROKEN as error:
        raise UnreadableFile(f"can't be read as Parquet: its footer is broken ({error})") from error


def _pages(stream: BinaryIO, column: dict[int, Any], name: str) -> Iterator[dict[int, Any]]:
    """The headers of the pages of a column of a row group."""
    try:
        # a column without rows has no pages
        at = min(
            (
                offset
                for offset in (column.get(_FIRST_DICTIONARY), column.get(_FIRST_DATA))
                if offset
            ),
            default=0,
        )
        end, size = at + column[_LENGTH], stream.seek(0, io.SEEK_END)
        while at < end:
            stream.seek(at)
            page = _value(stream, _STRUCT, _PAGE)
            at = stream.tell() + page[_PACKED]
            if page[_PACKED] < 0 or page[_UNPACKED] < 0 or at > size:
                # Arrow makes room for what a header says before it looks
                raise ValueError("it leads out of the file")
            yield page
    except _BROKEN as error:
        raise UnreadableFile(
            f"can't be read as Parquet: a page of {name} has no header ({error})"
        ) from error


# ---------------------------------------------------------------- Thrift's compact protocol

_STRUCT = 12
_BROKEN = (OSError, ValueError, LookupError, TypeError, RecursionError)


def _value(stream: BinaryIO, kind: int, kept: Any) -> Any:
    """A value of a kind. Of a struct, the fields that `kept` names (to True, or to what is kept of them); what is not kept is passed over."""
    match kind:
        case 1 | 2:
            return kind == 1
        case 3:
            return stream.read(1)[0]
        case 4 | 5 | 6:
            number = _unsigned(stream)
            return (number >> 1) ^ -(number & 1)
        case 7:
            return stream.read(8)[7]
        case 8:
            length = _unsigned(stream)
            return stream.read(length) if kept else stream.seek(length, io.SEEK_CUR)
        case 9 | 10:
            head = stream.read(1)[0]
            size = _unsigned(stream) if head >> 4 == 15 else head >> 4
            # here a boolean is a byte
            items = (_value(stream, max(head & 15, 3), kept) for _ in range(size))
            return list(items) if kept else deque(items, maxlen=0)
        case 12:
            found, number = {}, 0
            while head := stream.read(1)[0]:
                number = number + (head >> 4) if head >> 4 else _value(stream, 4, True)
                of_field = kept.get(number) if isinstance(kept, dict) else None
                value = _value(stream, head & 15, of_field)
                if of_field:
                    found[number] = value
            return found
    raise ValueError(f"a value of kind {kind}")


def _unsigned(stream: BinaryIO) -> int:
    value = 0
    for shift in range(0, 70, 7):
        byte = stream.read(1)[0]
        value |= (byte & 127) << shift
        if byte < 128:
            return value
    raise ValueError("a number of over 64 bits")
