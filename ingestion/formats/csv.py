"""CSV: UTF-8, a header, commas; an empty field is null. Rows of another width are refused, the others read."""

import csv
import io
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.csv

from ingestion.feeds import Feed
from ingestion.formats import LINE, Batch, Refused, UnreadableFile, column_names, streams, with_extra

SUFFIXES = (".csv", ".csv.gz", ".csv.zst")

_BLOCK = 4 << 20
_HEADER = 1 << 20


def batches(path: Path, feed: Feed) -> Iterator[Batch]:
    """The rows in batches of about 4 MB of text, all columns as text."""
    try:
        header, header_lines, has_rows = _header(path)
        names = column_names(feed, header)
        _check_quotes(path)
        if has_rows:
            yield from _rows(path, feed, names, header_lines)
    except (pa.ArrowException, OSError, EOFError) as error:
        raise UnreadableFile(f"can't be read as CSV: {error}") from error


def _header(path: Path) -> tuple[list[str], int, bool]:
    """The names of the columns, the lines they take, and whether anything follows."""
    with streams.opened(path) as stream:
        start = stream.read(_HEADER)
    # one byte a character, so that any bytes can be cut into records
    reader = csv.reader(io.StringIO(start.removeprefix(b"\xef\xbb\xbf").decode("latin-1"), newline=""))
    try:
        raw = next(reader, [])
        lines = reader.line_num
        names = [name.encode("latin-1").decode("utf-8") for name in raw]
    except csv.Error as error:
        raise UnreadableFile(f"its header can't be read: {error}", 1) from error
    except UnicodeDecodeError as error:
        raise UnreadableFile("its header is not UTF-8", 1) from error
    if not any(names):
        raise UnreadableFile("has no header", 1)
    return names, lines, len(start) == _HEADER or next(reader, None) is not None


def _check_quotes(path: Path) -> None:
    """Raises UnreadableFile where a quote is opened and not closed as it must be: what follows could be anything."""
    with streams.opened(path) as stream:
        has_quotes = any(b'"' in block for block in iter(lambda: stream.read(_BLOCK), b""))
    if not has_quotes:
        return
    csv.field_size_limit(1 << 30)
    with streams.opened(path) as stream:
        reader = csv.reader(io.TextIOWrapper(io.BufferedReader(stream), encoding="latin-1", newline=""), strict=True)
        line = 1
        try:
            for _ in reader:
                line = reader.line_num + 1
        except csv.Error as error:
            raise UnreadableFile(f"has a quote that is not closed as it must be, in the row of this line ({error})", line) from error


def _rows(path: Path, feed: Feed, header: list[str], header_lines: int) -> Iterator[Batch]:
    odd: list[tuple[int, int, str]] = []

    def on_odd_row(row: pa.csv.InvalidRow) -> str:
        odd.append((row.number, row.actual_columns, row.text or ""))
        return "skip"

    with streams.opened(path) as stream:
        reader = pa.csv.open_csv(
            stream,
            read_options=pa.csv.ReadOptions(use_threads=False, block_size=_BLOCK, column_names=header, skip_rows_after_names=1),
            parse_options=pa.csv.ParseOptions(newlines_in_values=True, ignore_empty_lines=False, invalid_row_handler=on_odd_row),
            # bytes, so that text that isn't UTF-8 costs its row and not the file
            convert_options=pa.csv.ConvertOptions(column_types=dict.fromkeys(header, pa.binary()), check_utf8=False, strings_can_be_null=False),
        )
        # rows are numbered as in the file, the header being 1; lines run ahead of rows by the line ends inside quotes
        row, ahead = 2, header_lines - 1
        for chunk in reader:
            rows = pl.DataFrame(pl.from_arrow(pa.Table.from_batches([chunk])))
            numbers: list[int] = []
            odd_here: list[tuple[int, int, str]] = []
            odd.sort()
            while len(numbers) < rows.height:
                if odd and odd[0][0] == row:
                    odd_here.append(odd.pop(0))
                else:
                    numbers.append(row)
                row += 1
            lines, odd_lines, ahead = _lines(rows, numbers, odd_here, ahead)
            yield _batch(rows.with_columns(pl.Series(LINE, lines, pl.Int64)), feed, _odd(odd_here, odd_lines, len(header)), path)
        if odd:
            odd.sort()
            _, odd_lines, _ = _lines(None, [], odd, ahead)
            nothing = pl.DataFrame(schema=dict.fromkeys(header, pl.String) | {LINE: pl.Int64})
            yield Batch(with_extra(nothing, feed), _odd(odd, odd_lines, len(header)))


def _lines(rows: pl.DataFrame | None, numbers: list[int], odd: list[tuple[int, int, str]], ahead: int) -> tuple[list[int], list[int], int]:
    """The first lines of the rows and of the odd ones, and how far lines are ahead of rows after them."""
    ends = [0] * len(numbers)
    if rows is not None and rows.select(pl.any_horizontal(pl.all().bin.contains(pl.lit(b"\n")).any())).item():
        ends = [sum(value.count(b"\n") for value in values) for values in rows.iter_rows()]
    odd_ends = [text.count("\n") for _, _, text in odd]
    if not any(ends) and not any(odd_ends):
        return [n + ahead for n in numbers], [n + ahead for n, _, _ in odd], ahead
    first: dict[int, int] = {}
    for number, inner in sorted([*zip(numbers, ends, strict=True), *zip((n for n, _, _ in odd), odd_ends, strict=True)]):
        first[number] = number + ahead
        ahead += inner
    return [first[n] for n in numbers], [first[n] for n, _, _ in odd], ahead


def _batch(rows: pl.DataFrame, feed: Feed, refused: list[Refused], path: Path) -> Batch:
    columns = [c for c in rows.columns if c != LINE]
    is_empty = rows.select(pl.all_horizontal(pl.col(c).bin.size() == 0 for c in columns)).to_series()
    if is_empty.any():
        # an empty line is no row, but a line of nothing than commas is one
        blank = _blank_lines(path, set(rows.filter(is_empty)[LINE]))
        rows = rows.filter(~pl.col(LINE).is_in(blank))
    try:
        text = rows.cast({pl.Binary: pl.String})
    except pl.exceptions.ComputeError:
        is_text = pl.Series([all(_is_utf8(v) for v in values[:-1]) for values in rows.iter_rows()], dtype=pl.Boolean)
        for *values, at in rows.filter(~is_text).iter_rows():
            refused.append(Refused(at, "is not UTF-8", ",".join(v.decode("utf-8", errors="backslashreplace") for v in values)))
        text = rows.filter(is_text).cast({pl.Binary: pl.String})
    empty_is_null = text.with_columns(pl.when(pl.col(c) != "").then(pl.col(c)).alias(c) for c in columns)
    return Batch(with_extra(empty_is_null, feed), refused)


def _odd(odd: list[tuple[int, int, str]], lines: list[int], expected: int) -> list[Refused]:
    return [
        Refused(line, f"has {width} fields, the header has {expected}", text) for (_, width, text), line in zip(odd, lines, strict=True) if text.strip("\r\n")
    ]


def _blank_lines(path: Path, wanted: set[int]) -> list[int]:
    """Which of the lines hold nothing at all."""
    found, number = [], 0
    with streams.opened(path) as stream:
        for line in io.BufferedReader(stream):
            number += 1
            if number in wanted and not line.strip(b"\r\n"):
                found.append(number)
    return found


def _is_utf8(value: bytes) -> bool:
    try:
        value.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
