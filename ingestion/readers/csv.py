"""CSV: UTF-8, with a header, separated by commas; an empty field is null. Rows with more or fewer
fields than the header are refused, the others are read.

Python's own reader decides what a row is. Where each line is one, which is so in most large files,
Arrow finds the same rows many times faster.
"""

import codecs
import csv
import io
import itertools
import re
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import polars as pl
import pyarrow as pa
import pyarrow.csv

from makegood.ingestion.feeds.specs import Feed
from makegood.ingestion.limits import (
    BATCH_BYTES,
    LONGEST_HEADER,
    LONGEST_ROW,
    MIB,
    REJECTED_BYTES,
)
from makegood.ingestion.readers import (
    BATCH_ROWS,
    LINE,
    Batch,
    Refused,
    UnreadableFile,
    column_names,
    streams,
    with_extra,
)

SUFFIXES = (".csv", ".csv.gz", ".csv.zst")

_END = re.compile(rb"[\r\n]")
# a quote, NUL, or a line that ends where it begins
_ODD = (b'"', b"\0", b"\n\n", b"\n\r", b"\r\r")


class _Record(NamedTuple):
    """A row as written, each byte as a character: the number of its first line, its fields, and
    the text of its lines, which is valid until the next row is read."""

    line: int
    fields: list[str]
    lines: list[str]


def batches(path: Path, feed: Feed) -> Iterator[Batch]:
    """The rows in batches, all columns as text."""
    # this limit holds for the whole process
    csv.field_size_limit(LONGEST_ROW)
    try:
        with streams.counted(path) as stream:
            records = _records(stream)
            header = next(records, _Record(1, [], []))
            names = column_names(feed, _header(header.fields, feed))
            if first := next(records, None):
                yield from (
                    _by_line(path, feed, names)
                    if _is_plain(path)
                    else _by_record(itertools.chain([first], records), feed, names)
                )
    except (pa.ArrowException, OSError, EOFError) as error:
        raise UnreadableFile(f"can't be read as CSV: {error}") from error


def _header(raw: list[str], feed: Feed) -> list[str]:
    """The names of the columns. `raw`: each byte as a character."""
    if sum(map(len, raw)) + len(raw) > LONGEST_HEADER:
        raise UnreadableFile(f"has a header of over {LONGEST_HEADER // MIB} MiB", 1)
    try:
        names = [_text(name) for name in raw]
    except UnicodeDecodeError as error:
        raise UnreadableFile("its header is not UTF-8: export the file as UTF-8", 1) from error
    if any("\0" in name for name in names):
        raise UnreadableFile("its header holds NUL bytes: export the file as UTF-8", 1)
    if not any(names):
        wanted = ",".join(feed.required_columns)
        raise UnreadableFile(f"has no header: the first line names the columns, as in {wanted}", 1)
    return names


def _records(stream: io.BufferedReader) -> Iterator[_Record]:
    """All rows; one without fields is an empty line. Raises UnreadableFile if a row is too long, or
    if a quote is not closed properly, since anything could follow it."""
    if stream.peek(3).startswith(codecs.BOM_UTF8):
        stream.read(len(codecs.BOM_UTF8))
    text = io.TextIOWrapper(stream, encoding="latin-1", newline="")
    line, length = 1, 0
    taken: list[str] = []

    def lines() -> Iterator[str]:
        nonlocal length
        while found := text.readline(LONGEST_ROW + 1):
            taken.append(found)
            length += len(found)
            if length > LONGEST_ROW:
                raise UnreadableFile(f"has a row of over {LONGEST_ROW // MIB} MiB", line)
            yield found

    reader = csv.reader(lines(), strict=True)
    try:
        for fields in reader:
            yield _Record(line, fields, taken)
            taken.clear()
            line, length = reader.line_num + 1, 0
    except csv.Error as error:
        why = (
            "has a quote that is not closed as it must be, in the row of this line "
            f"({error}): write a quote inside a field twice"
        )
        raise UnreadableFile(why, line) from error


def _text(raw: str) -> str:
    """The text of which these are the bytes. Raises UnicodeDecodeError if it is not UTF-8."""
    return raw if raw.isascii() else raw.encode("latin-1").decode("utf-8")


# ---------------------------------------------------------------- each line is a row


def _is_plain(path: Path) -> bool:
    """Whether each line is a row that Arrow reads as Python does: there are no quotes, NUL bytes
    or empty lines, all is UTF-8, and no line is too long."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    length, last = 0, b""
    with streams.counted(path) as stream:
        while block := stream.read(LONGEST_ROW):
            try:
                decoder.decode(block)
            except UnicodeDecodeError:
                return False
            first = _END.search(block)
            length += first.start() if first else len(block)
            seen = last + block
            if length > LONGEST_ROW or any(piece in seen for piece in _ODD):
                return False
            if first:
                length = len(block) - 1 - max(block.rfind(b"\n"), block.rfind(b"\r"))
            last = block[-1:]
    return not decoder.getstate()[0]


def _by_line(path: Path, feed: Feed, names: list[str]) -> Iterator[Batch]:
    """The rows of a plain file, read by Arrow in batches of about 4 MiB of text."""
    odd: deque[Refused] = deque()
    odd_bytes = 0

    def on_odd_row(row: pa.csv.InvalidRow) -> str:
        nonlocal odd_bytes
        raw = row.text or ""
        odd.append(Refused(row.number, _other_width(row.actual_columns, len(names)), raw))
        odd_bytes += len(raw)
        return "skip" if odd_bytes <= REJECTED_BYTES else "error"

    try:
        with streams.opened(path) as stream:
            reader = pa.csv.open_csv(
                stream,
                read_options=pa.csv.ReadOptions(
                    use_threads=False,
                    block_size=LONGEST_ROW,
                    column_names=names,
                    skip_rows_after_names=1,
                ),
                parse_options=pa.csv.ParseOptions(
                    quote_char=False, ignore_empty_lines=False, invalid_row_handler=on_odd_row
                ),
                convert_options=pa.csv.ConvertOptions(
                    column_types=dict.fromkeys(names, pa.string()),
                    check_utf8=False,
                    strings_can_be_null=False,
                ),
            )
            line = 2
            for chunk in reader:
                rows = pl.DataFrame(pl.from_arrow(pa.Table.from_batches([chunk])))
                lines: list[int] = []
                refused: list[Refused] = []
                while len(lines) < rows.height:
                    if odd and odd[0].line == line:
                        refused.append(odd.popleft())
                        line += 1
                    else:
                        until = line + rows.height - len(lines)
                        until = min(until, odd[0].line) if odd else until
                        lines += range(line, until)
                        line = until
                yield _batch(rows.with_columns(pl.Series(LINE, lines, pl.Int64)), feed, refused)
            yield _batch(_frame([], names), feed, [*odd])
    except pa.ArrowInvalid as error:
        if odd_bytes > REJECTED_BYTES:
            most = REJECTED_BYTES // MIB
            raise UnreadableFile(
                f"has rows of another width than its header, over {most} MiB of them"
            ) from error
        raise


# ---------------------------------------------------------------- all other files


def _by_record(records: Iterator[_Record], feed: Feed, names: list[str]) -> Iterator[Batch]:
    """The rows of any file, read by Python."""
    rows: list[tuple[int | str, ...]] = []
    refused: list[Refused] = []
    size = 0
    for line, fields, lines in records:
        if not fields:
            continue
        why = None
        if len(fields) != len(names):
            why = _other_width(len(fields), len(names))
        elif not "".join(fields).isascii():
            try:
                fields = [_text(field) for field in fields]
            except UnicodeDecodeError:
                why = "is not UTF-8: export the file as UTF-8"
        if why:
            raw = "".join(lines).rstrip("\r\n").encode("latin-1")
            refused.append(Refused(line, why, raw.decode(errors="backslashreplace")))
        else:
            rows.append((*fields, line))
        size += sum(map(len, lines))
        if len(rows) + len(refused) == BATCH_ROWS or size > BATCH_BYTES:
            yield _batch(_frame(rows, names), feed, refused)
            rows, refused, size = [], [], 0
    yield _batch(_frame(rows, names), feed, refused)


def _frame(rows: list[tuple[int | str, ...]], names: list[str]) -> pl.DataFrame:
    """Rows, each its fields and its line, as columns."""
    kinds = dict.fromkeys(names, pl.String) | {LINE: pl.Int64}
    # several times faster than from rows
    columns = enumerate(kinds.items())
    return pl.DataFrame(
        [pl.Series(name, [r[at] for r in rows], kind) for at, (name, kind) in columns]
    )


# ---------------------------------------------------------------- both


def _batch(rows: pl.DataFrame, feed: Feed, refused: list[Refused]) -> Batch:
    texts = pl.exclude(LINE)
    return Batch(with_extra(rows.with_columns(pl.when(texts != "").then(texts)), feed), refused)


def _other_width(width: int, expected: int) -> str:
    if width > expected:
        remedy = "put a field that holds commas in double quotes"
    else:
        remedy = "write all of them, empty ones too"
    return f"has {width} field{'s' if width > 1 else ''}, the header has {expected}: {remedy}"
