"""Parquet: values of the file's own types, rows numbered from 1."""

from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from makegood.ingestion.feeds.specs import Feed
from makegood.ingestion.limits import LONGEST_ROW, MIB, SHORT_ROW
from makegood.ingestion.readers import (
    LINE,
    Batch,
    UnreadableFile,
    column_names,
    known_columns,
    parquet_pages,
    streams,
    with_extra,
)

SUFFIXES = (".parquet",)


def batches(path: Path, feed: Feed) -> Iterator[Batch]:
    """The rows in batches of at most 65,536."""
    try:
        with pq.ParquetFile(path, pre_buffer=False, buffer_size=MIB) as file:
            names = column_names(feed, file.schema_arrow.names, line=None)
            known = dict.fromkeys(known_columns(feed), "text") | {
                c.name: c.type for c in feed.columns
            }
            row, until, allowance = 1, 1, streams.Allowance(path)
            for number, group in enumerate(parquet_pages.groups(path)):
                for chunk in file.iter_batches(batch_size=group.at_once, row_groups=[number]):
                    # many short rows pack well
                    allowance.take(max(0, chunk.nbytes - SHORT_ROW * chunk.num_rows))
                    columns = [
                        _plain(column, name, known.get(name), row)
                        for name, column in zip(names, chunk.columns, strict=True)
                    ]
                    rows = pl.DataFrame(pl.from_arrow(pa.table(columns, names=names)))
                    yield Batch(
                        with_extra(
                            rows.with_columns(pl.int_range(row, row + rows.height).alias(LINE)),
                            feed,
                        )
                    )
                    row += rows.height
                until += group.rows
                if row != until:
                    # pages that say too little: Arrow ends without a word
                    raise UnreadableFile(
                        f"can't be read as Parquet: of {until - 1} rows {row - 1} come out"
                    )
    except UnreadableFile:
        raise
    except (
        pa.ArrowException,
        OSError,
        EOFError,
        ValueError,
        LookupError,
        TypeError,
        MemoryError,
    ) as error:
        raise UnreadableFile(f"can't be read as Parquet: {error}") from error


def _plain(column: pa.Array, name: str, known_as: str | None, row: int) -> pa.Array:
    """The column as one of the types that rows are typed from; `known_as`: its type in the feed. What an extra column holds becomes
    text. Raises ArrowInvalid for text that is not UTF-8."""
    column.validate(full=True)
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    kind = column.type
    far = _far(column)
    if far is not None:
        if known_as == "date" and pa.types.is_timestamp(kind) and kind.tz is None:
            return _dates(column, far)
        return pc.if_else(far, _numbers(column).cast(pa.string()), column.cast(pa.string()))
    if pa.types.is_timestamp(kind):
        # the instants are the same in every zone
        return column.cast(pa.timestamp(kind.unit, "UTC")) if kind.tz else column
    if pa.types.is_decimal(kind) and not pa.types.is_decimal128(kind):
        return column.cast(pa.string())
    if any(is_kind(kind) for is_kind in _PLAIN):
        return column
    if known_as:
        raise UnreadableFile(
            f"its column {name} holds {kind}, which is neither text nor a number, date or time"
        )
    pieces = (
        [column]
        if column.nbytes <= LONGEST_ROW
        else [column.slice(place, 1) for place in range(len(column))]
    )
    values: list[object] = []
    for piece in pieces:
        if piece.nbytes > LONGEST_ROW:
            raise UnreadableFile(f"has a row of over {LONGEST_ROW // MIB} MiB", row + len(values))
        try:
            values += piece.to_pylist()
        except (ValueError, OverflowError):
            # beyond what Python's own types hold
            values += [str(piece.slice(place, 1)) for place in range(len(piece))]
    return pa.array([None if value is None else str(value) for value in values], pa.string())


# the years 1 to 9999, which nanoseconds never leave
_FIRST_DAY, _LAST_DAY = -719_162, 2_932_896
_PER_DAY = {"s": 86_400, "ms": 86_400 * 10**3, "us": 86_400 * 10**6}


def _far(column: pa.Array) -> pa.Array | None:
    """Which values are days beyond all calendars, if any: they stay the numbers that they are, since Polars panics when it has to spell
    them out."""
    kind = column.type
    per_day = (
        _PER_DAY.get(kind.unit)
        if pa.types.is_timestamp(kind)
        else 1
        if pa.types.is_date32(kind)
        else None
    )
    if per_day is None:
        return None
    numbers = _numbers(column)
    far = pc.or_(
        pc.less(numbers, _FIRST_DAY * per_day), pc.greater_equal(numbers, (_LAST_DAY + 1) * per_day)
    )
    return far if pc.any(far).as_py() else None


def _dates(column: pa.Array, far: pa.Array) -> pa.Array:
    """Times without zone as text, at midnight as the date that they are; far ones as numbers."""
    day = column.cast(pa.date32(), safe=False)
    is_midnight = pc.equal(day.cast(column.type), column)
    return pc.if_else(
        far,
        _numbers(column).cast(pa.string()),
        pc.if_else(is_midnight, day.cast(pa.string()), column.cast(pa.string())),
    )


def _numbers(column: pa.Array) -> pa.Array:
    return column.cast(pa.int64() if pa.types.is_timestamp(column.type) else pa.int32())


_PLAIN = (
    pa.types.is_null,
    pa.types.is_boolean,
    pa.types.is_integer,
    pa.types.is_floating,
    pa.types.is_decimal128,
    pa.types.is_string,
    pa.types.is_large_string,
    pa.types.is_string_view,
    pa.types.is_date,
)
