"""Parquet: values of the file's own types, rows numbered from 1."""

from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from ingestion.feeds import Feed
from ingestion.formats import BATCH_ROWS, LINE, Batch, UnreadableFile, check_columns, with_extra

SUFFIXES = (".parquet",)


def batches(path: Path, feed: Feed) -> Iterator[Batch]:
    """The rows in batches of at most 65,536."""
    try:
        with pq.ParquetFile(path) as file:
            check_columns(feed, file.schema_arrow.names, line=None)
            row = 1
            for chunk in file.iter_batches(batch_size=BATCH_ROWS):
                rows = pl.DataFrame(pl.from_arrow(pa.Table.from_batches([chunk])))
                # text that is stored as a dictionary is text
                rows = rows.with_columns(pl.selectors.categorical().cast(pl.String))
                yield Batch(with_extra(rows.with_columns(pl.int_range(row, row + rows.height).alias(LINE)), feed))
                row += rows.height
    except (pa.ArrowException, OSError, EOFError) as error:
        raise UnreadableFile(f"can't be read as Parquet: {error}") from error
