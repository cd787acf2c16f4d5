"""CSV: UTF-8, a header, commas; an empty field is null. Rows of another width are refused, the others read."""

import codecs
import csv
import io
import re
import sys
from collections import deque
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.csv

from makegood.ingestion.feeds.specs import Feed
from makegood.ingestion.limits import LONGEST_HEADER, LONGEST_ROW, REJECTED_BYTES
from makegood.ingestion.readers import (
    LINE,
    Batch,
    Refused,
    UnreadableFile,
    column_names,
    streams,
    with_extra,
)

SUFFIXES = (".csv", ".csv.gz", ".csv.zst")

# the first character that is no byte
_NUL = "\u0100"
_END = re.compile(rb"\r\n|\n|\r")


def batches(path: Path, feed: Feed) -> Iterator[Batch]:
    """The rows in batches of about 4 MB of text, all columns as text."""
    # the limit is one of the whole process
    csv.field_size_limit(LONGEST_ROW)
    try:
        with streams.counted(path) as stream:
            records = _records(stream)
            header_lines, raw = next(records, (1, []))
            names = column_names(feed, _header(raw, feed))
            has_rows = next(records, None) is not None
        is_plain = _is_plain(path)
        if has_rows:
            yield from _rows(path, feed, names, header_lines, is_plain)
    except (pa.ArrowException, OSError, EOFError) as error:
        raise UnreadableFile(f"can't be read as CSV: {error}") from error


def _header(raw: list[str], feed: Feed) -> list[str]:
    """The names of the columns, from one byte a character."""
    if sum(map(len, raw)) + len(raw) > LONGEST_HEADER:
        raise UnreadableFile(f"has a header of over {LONGEST_HEADER >> 20} MiB", 1)
    try:
        names = [name.encode("latin-1").decode("utf-8") for name in raw]
    except UnicodeDecodeError as error:
        raise UnreadableFile("its header is not UTF-8: export the file as UTF-8", 1) from error
    if any("\0" in name for name in names):
        raise UnreadableFile("its header holds NUL bytes: export the file as UTF-8", 1)
    if not any(names):
        raise UnreadableFile(
            f"has no header: the first line names the columns, as in {','.join(feed.required_columns)}",
            1,
        )
    return names


def _records(stream: io.BufferedReader) -> Iterator[tuple[int, list[str]]]:
    """The last line and the fields, one byte a character, of each record. Raises UnreadableFile where a quote is opened and not
    closed as it must be, since what follows could be anything, and where a row is too long."""
    if stream.peek(3).startswith(codecs.BOM_UTF8):
        stream.read(len(codecs.BOM_UTF8))
    text = io.TextIOWrapper(stream, encoding="latin-1", newline="")
    line, length = 1, 0

    def lines() -> Iterator[str]:
        nonlocal length
        while found := text.readline(LONGEST_ROW + 1):
            length += len(found)
            if length > LONGEST_ROW:
                raise _too_long(line)
            yield found

    reader = csv.reader(lines(), strict=True)
    try:
        for fields in reader:
            yield reader.line_num, fields
            line, length = reader.line_num + 1, 0
    except csv.Error as error:
        why = f"has a quote that is not closed as it must be, in the row of this line ({error}): write a quote inside a field twice"
        raise UnreadableFile(why, line) from error


def _too_long(line: int | None = None) -> UnreadableFile:
    return UnreadableFile(f"has a row of over {LONGEST_ROW >> 20} MiB", line)


def _is_plain(path: Path) -> bool:
    """Whether Arrow can read the file as it is. Raises UnreadableFile for what `_records` would; without quotes a row is a line, and many
    times quicker to check."""
    is_plain, has_quotes = True, False
    decoder = codecs.getincrementaldecoder("utf-8")()
    with streams.counted(path) as stream:
        line, length = 1, 0
        while block := stream.read(LONGEST_ROW):
            try:
                decoder.decode(block)
                is_plain = is_plain and b"\0" not in block
            except UnicodeDecodeError:
                is_plain = False
            has_quotes = has_quotes or b'"' in block
            if has_quotes:
                continue
            first = _END.search(block)
            length += first.start() if first else len(block)
            if length > LONGEST_ROW:
                raise _too_long(line)
            if first:
                length = len(block) - 1 - max(block.rfind(b"\n"), block.rfind(b"\r"))
            line += _ends(block)
    is_plain = is_plain and not decoder.getstate()[0]
    if has_quotes:
        with streams.counted(path) as stream:
            for _ in _records(stream):
                pass
    return is_plain


def _ends(text: bytes) -> int:
    """How many lines end in it: at a line feed, a carriage return, or both."""
    returns = text.count(b"\r")
    return text.count(b"\n") + (returns - text.count(b"\r\n") if returns else 0)


class _Spelt(io.RawIOBase):
    """The file with a character for each byte, and another one for NUL.

    Arrow gives up a file with a row of another width that is not UTF-8; and behind a NUL it overlooks quotes when it looks for where a block's last row
    ends, so that rows swallow others."""

    def __init__(self, path: Path) -> None:
        self._stream = streams.opened(path)

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        return self._stream.read(size // 2).decode("latin-1").replace("\0", _NUL).encode()


def _as_written(text: str | bytes) -> bytes:
    """The bytes of the file that _Spelt made this of."""
    return (text if isinstance(text, str) else text.decode()).replace(_NUL, "\0").encode("latin-1")


def _rows(
    path: Path, feed: Feed, header: list[str], header_lines: int, is_plain: bool
) -> Iterator[Batch]:
    odd: deque[tuple[int, int, str]] = deque()
    odd_bytes = 0

    def on_odd_row(row: pa.csv.InvalidRow) -> str:
        nonlocal odd_bytes
        raw = row.text or ""
        odd.append(
            (
                row.number,
                row.actual_columns,
                raw if is_plain else _as_written(raw).decode("utf-8", errors="backslashreplace"),
            )
        )
        odd_bytes += len(raw)
        return "skip" if odd_bytes <= REJECTED_BYTES else "error"

    try:
        with streams.opened(path) if is_plain else _Spelt(path) as stream:
            reader = pa.csv.open_csv(
                stream,
                read_options=pa.csv.ReadOptions(
                    use_threads=False,
                    block_size=LONGEST_ROW if is_plain else 2 * LONGEST_ROW,
                    column_names=header,
                    skip_rows_after_names=1,
                ),
                parse_options=pa.csv.ParseOptions(
                    newlines_in_values=True,
                    ignore_empty_lines=False,
                    invalid_row_handler=on_odd_row,
                ),
                # bytes, so that text that isn't UTF-8 costs its row and not the file
                convert_options=pa.csv.ConvertOptions(
                    column_types=dict.fromkeys(header, pa.binary()),
                    check_utf8=False,
                    strings_can_be_null=False,
                ),
            )
            # rows are numbered as in the file, the header being 1; lines run ahead of rows by the line ends inside quotes
            row, ahead = 2, header_lines - 1
            blank = _BlankLines(path)
            for chunk in reader:
                rows = pl.DataFrame(pl.from_arrow(pa.Table.from_batches([chunk])))
                if not is_plain:
                    rows = rows.select(
                        pl.Series(c.name, map(_as_written, c), pl.Binary)
                        for c in rows.iter_columns()
                    )
                numbers: list[int] = []
                odd_here: list[tuple[int, int, str]] = []
                while len(numbers) < rows.height:
                    if odd and odd[0][0] == row:
                        odd_here.append(odd.popleft())
                        row += 1
                    else:
                        until = min(
                            odd[0][0] if odd else row + rows.height,
                            row + rows.height - len(numbers),
                        )
                        numbers += range(row, until)
                        row = until
                lines, odd_lines, ahead = _lines(rows, numbers, odd_here, ahead)
                yield _batch(
                    rows.with_columns(pl.Series(LINE, lines, pl.Int64)),
                    feed,
                    _odd(odd_here, odd_lines, len(header)),
                    blank,
                )
            if odd:
                _, odd_lines, _ = _lines(None, [], [*odd], ahead)
                nothing = pl.DataFrame(schema=dict.fromkeys(header, pl.String) | {LINE: pl.Int64})
                yield Batch(with_extra(nothing, feed), _odd([*odd], odd_lines, len(header)))
    except pa.ArrowInvalid as error:
        if odd_bytes > REJECTED_BYTES:
            raise UnreadableFile(
                f"has rows of another width than its header, over {REJECTED_BYTES >> 20} MiB of them"
            ) from error
        raise


def _lines(
    rows: pl.DataFrame | None, numbers: list[int], odd: list[tuple[int, int, str]], ahead: int
) -> tuple[list[int], list[int], int]:
    """The first lines of the rows and of the odd ones, and how far lines are ahead of rows after them."""
    ends = [0] * len(numbers)
    if (
        rows is not None
        and rows.select(
            pl.any_horizontal(pl.all().bin.contains(end).any() for end in (b"\n", b"\r"))
        ).item()
    ):
        ends = [sum(map(_ends, values)) for values in rows.iter_rows()]
    odd_ends = [_ends(text.encode()) for _, _, text in odd]
    if not any(ends) and not any(odd_ends):
        return [n + ahead for n in numbers], [n + ahead for n, _, _ in odd], ahead
    first: dict[int, int] = {}
    for number, inner in sorted(
        [*zip(numbers, ends, strict=True), *zip((n for n, _, _ in odd), odd_ends, strict=True)]
    ):
        first[number] = number + ahead
        ahead += inner
    return [first[n] for n in numbers], [first[n] for n, _, _ in odd], ahead


def _batch(rows: pl.DataFrame, feed: Feed, refused: list[Refused], blank: "_BlankLines") -> Batch:
    columns = [c for c in rows.columns if c != LINE]
    is_empty = rows.select(
        pl.all_horizontal(pl.col(c).bin.size() == 0 for c in columns)
    ).to_series()
    if is_empty.any():
        # an empty line is no row, but a line of nothing but commas is one
        rows = rows.filter(~pl.col(LINE).is_in(blank.among(rows.filter(is_empty)[LINE].to_list())))
    try:
        text = rows.cast({pl.Binary: pl.String})
    except pl.exceptions.ComputeError:
        is_text = pl.Series(
            [all(_is_utf8(v) for v in values[:-1]) for values in rows.iter_rows()], dtype=pl.Boolean
        )
        for *values, at in rows.filter(~is_text).iter_rows():
            refused.append(
                Refused(
                    at,
                    "is not UTF-8: export the file as UTF-8",
                    ",".join(v.decode("utf-8", errors="backslashreplace") for v in values),
                )
            )
        text = rows.filter(is_text).cast({pl.Binary: pl.String})
    empty_is_null = text.with_columns(
        pl.when(pl.col(c) != "").then(pl.col(c)).alias(c) for c in columns
    )
    return Batch(with_extra(empty_is_null, feed), refused)


def _odd(odd: list[tuple[int, int, str]], lines: list[int], expected: int) -> list[Refused]:
    return [
        Refused(line, _other_width(width, expected), text)
        for (_, width, text), line in zip(odd, lines, strict=True)
        if text.strip("\r\n")
    ]


def _other_width(width: int, expected: int) -> str:
    mend = (
        "put a field that holds commas in double quotes"
        if width > expected
        else "write all of them, empty ones too"
    )
    return f"has {width} field{'s' if width > 1 else ''}, the header has {expected}: {mend}"


class _BlankLines:
    """The lines of a file that hold nothing at all, read once and only as far as they are asked for."""

    def __init__(self, path: Path) -> None:
        self._found = self._read(path)
        self._next = 0

    def _read(self, path: Path) -> Iterator[int]:
        with streams.counted(path) as stream:
            for number, line in enumerate(
                io.TextIOWrapper(stream, encoding="latin-1", newline=""), 1
            ):
                if not line.strip("\r\n"):
                    yield number

    def among(self, lines: list[int]) -> list[int]:
        """Which of these lines, in order and after those of the call before, are blank."""
        blank = []
        for line in lines:
            while self._next < line:
                self._next = next(self._found, sys.maxsize)
            if self._next == line:
                blank.append(line)
        return blank


def _is_utf8(value: bytes) -> bool:
    try:
        value.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
