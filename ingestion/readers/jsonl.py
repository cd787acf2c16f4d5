"""JSON lines: one object a line. A missing field is null, an empty line is skipped, and a line
that is not a JSON object is refused."""

import codecs
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa

from makegood.ingestion.feeds.specs import Feed
from makegood.ingestion.limits import BATCH_BYTES, LONGEST_ROW, MIB
from makegood.ingestion.readers import (
    BATCH_ROWS,
    EXTRA,
    LINE,
    Batch,
    Refused,
    UnreadableFile,
    known_columns,
    streams,
)

SUFFIXES = (".jsonl", ".jsonl.gz", ".jsonl.zst")

_READ = 4 * MIB


def batches(path: Path, feed: Feed) -> Iterator[Batch]:
    """The rows in batches of at most 65,536, all values as the text written in the file."""
    try:
        columns: dict[str, list[str | None]] = {c: [] for c in [*known_columns(feed), EXTRA]}
        lines: list[int] = []
        refused: list[Refused] = []
        size = 0
        for number, line in _lines(path):
            size += len(line)
            try:
                row = _row(line, feed)
                lines.append(number)
                for name, values in columns.items():
                    values.append(row.get(name))
            except ValueError as error:
                refused.append(
                    Refused(
                        number,
                        f"is not a JSON object: {error}",
                        line.decode("utf-8", errors="backslashreplace"),
                    )
                )
            if len(lines) + len(refused) == BATCH_ROWS or size > BATCH_BYTES:
                yield _batch(columns, lines, refused)
                columns, lines, refused, size = {c: [] for c in columns}, [], [], 0
        yield _batch(columns, lines, refused)
    except (pa.ArrowException, OSError, EOFError) as error:
        raise UnreadableFile(f"can't be read: {error}") from error


def _batch(columns: dict[str, list[str | None]], lines: list[int], refused: list[Refused]) -> Batch:
    data = {name: pl.Series(values, dtype=pl.String) for name, values in columns.items()}
    return Batch(pl.DataFrame(data | {LINE: pl.Series(lines, dtype=pl.Int64)}), refused)


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    with streams.counted(path) as stream:
        number, rest = 0, b""
        while block := stream.read(_READ):
            *whole, rest = (rest + block).split(b"\n")
            for line in whole:
                number += 1
                yield from _content(number, line)
            if len(rest) > LONGEST_ROW:
                break
        yield from _content(number + 1, rest)


def _content(number: int, line: bytes) -> Iterator[tuple[int, bytes]]:
    if len(line) > LONGEST_ROW:
        raise UnreadableFile(f"has a line of over {LONGEST_ROW >> 20} MiB", number)
    if number == 1:
        line = line.removeprefix(codecs.BOM_UTF8)
    if line.strip():
        yield number, line


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON: write null")


def _row(line: bytes, feed: Feed) -> dict[str, str | None]:
    try:
        found = _DECODER.decode(line.decode("utf-8"))
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
    if b"\\ud" in line.lower():
        try:
            json.dumps(found, default=str, ensure_ascii=False).encode()
        except UnicodeEncodeError as error:
            raise ValueError("it holds half a character (a lone surrogate)") from error
    if not isinstance(found, dict):
        raise ValueError(
            f"it is {_KINDS[type(found)]}, and a row is an object, "
            f'as in {{"{known_columns(feed)[0]}": "…"}}'
        )
    known = known_columns(feed)
    row = {name: _text(found.pop(name, None), name) for name in known}
    row[EXTRA] = json.dumps(found, default=str, ensure_ascii=False) if found else None
    return row


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key is in it twice")
    return found


class _Number(str):
    """A number as it is written."""

    __slots__ = ()


_KINDS = {
    dict: "an object",
    list: "a list",
    str: "a text",
    _Number: "a number",
    bool: "a boolean",
    type(None): "null",
}

# numbers stay the text that is written: an amount is exact
_DECODER = json.JSONDecoder(
    parse_float=_Number, parse_int=_Number, parse_constant=_no_constant, object_pairs_hook=_object
)


def _text(value: Any, name: str) -> str | None:
    if value is None or value == "":
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict | list):
        raise ValueError(f"{name} holds {_KINDS[type(value)]}: write a text or a number")
    return str(value)
