"""Parquet: values of the file's own types, rows numbered from 1."""

from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from ingestion.feeds import Feed
from ingestion.formats import BATCH_ROWS, LINE, Batch, UnreadableFile, column_names, known_columns, with_extra

SUFFIXES = (".parquet",)


def batches(path: Path, feed: Feed) -> Iterator[Batch]:
    """The rows in batches of at most 65,536."""
    try:
        with pq.ParquetFile(path) as file:
            names = column_names(feed, file.schema_arrow.names, line=None)
            known = set(known_columns(feed))
            row = 1
            for chunk in file.iter_batches(batch_size=BATCH_ROWS):
                columns = [_plain(column, name, name in known) for name, column in zip(names, chunk.columns, strict=True)]
                rows = pl.DataFrame(pl.from_arrow(pa.table(columns, names=names)))
                yield Batch(with_extra(rows.with_columns(pl.int_range(row, row + rows.height).alias(LINE)), feed))
                row += rows.height
    except (pa.ArrowException, OSError, EOFError) as error:
        raise UnreadableFile(f"can't be read as Parquet: {error}") from error


def _plain(column: pa.Array, name: str, is_known: bool) -> pa.Array:
    """The column as one of the types that rows are typed from; what an extra column holds becomes text."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        column = column.dictionary_decode()
        kind = column.type
    if pa.types.is_timestamp(kind):
        # the instants are the same in every zone
        return column.cast(pa.timestamp(kind.unit, "UTC")) if kind.tz else column
    if pa.types.is_decimal256(kind):
        return column.cast(pa.string())
    if any(is_kind(kind) for is_kind in _PLAIN):
        return column
    if is_known:
        raise UnreadableFile(f"its column {name} holds {kind}, which is no text, number, date or time")
    return pa.array([None if value is None else str(value) for value in column.to_pylist()], pa.string())


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
