"""The checks that a run has read, on their way into the compact layout: numbers in place of names,
month by month, in the order in which they were read.

Texts are looked up once a batch, so that sorting and all that follows handles numbers alone.
Nothing here outlives a run.
"""

from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from makegood.ingestion.limits import MIB

# the higher the worse: the worst of several checks at one instant is the greatest (M1)
STATES = {"unknown": 0, "up": 1, "degraded": 2, "down": 3}

# rows and bytes that are looked up and written at a time
_MOST_ROWS, _MOST_BYTES = 1 << 19, 128 * MIB
# files that are open at a time; months beyond them get several files
_MOST_FILES = 100
# a code is the number of the component times this, and the number of the location
_LOCATIONS = 1 << 31
_STATES = pl.Enum(list(STATES))


class DeliveredChecks:
    """Takes typed checks; `series.parquet` and `<month>/<number>.parquet` are made below `folder`
    when the first rows come.

    series: component_id, location, and the `code` that they have here. A month: code,
    checked_at_s, checked_at_us, state (of STATES), latency_ms, _delivery_id, _line, _extra."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.rows = 0
        self._names = {"component_id": _Numbered(), "location": _Numbered()}
        self._codes = pl.Series("code", dtype=pl.Int64)
        self._waiting: list[pl.DataFrame] = []
        self._files: dict[str, pq.ParquetWriter] = {}
        self._written = 0

    def write(self, rows: pl.DataFrame) -> None:
        """Takes rows as the feed lands them, with `_delivery_id`."""
        if rows.height:
            self.rows += rows.height
            self._waiting.append(rows)
            count = sum(frame.height for frame in self._waiting)
            size = sum(frame.estimated_size() for frame in self._waiting)
            if count >= _MOST_ROWS or size >= _MOST_BYTES:
                self._flush()

    def __enter__(self) -> "DeliveredChecks":
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            if kind is None and self.rows:
                self._flush()
                self._series().write_parquet(self.folder / "series.parquet")
        finally:
            self._close()

    def _flush(self) -> None:
        if not self._waiting:
            return
        rows = self._coded(pl.concat(self._waiting))
        self._waiting = []
        for month, of_month in _by_month(rows):
            table = of_month.to_arrow(compat_level=pl.CompatLevel.oldest())
            if month not in self._files:
                self._files[month] = self._opened(month, table)
            self._files[month].write_table(table)

    def _coded(self, rows: pl.DataFrame) -> pl.DataFrame:
        codes = [self._names[name].codes(rows[name]) for name in self._names]
        component, location = (pl.lit(code) for code in codes)
        coded = rows.select(
            (component * _LOCATIONS + location).alias("code"),
            "checked_at_s",
            pl.col("checked_at_us").cast(pl.Int32),
            pl.col("status").cast(_STATES).to_physical().cast(pl.UInt8).alias("state"),
            "latency_ms",
            "_delivery_id",
            "_line",
            "_extra",
        )
        self._codes = pl.concat([self._codes, coded["code"].unique()]).unique()
        return coded

    def _series(self) -> pl.DataFrame:
        numbers = {"component_id": self._codes // _LOCATIONS, "location": self._codes % _LOCATIONS}
        named = {name: self._names[name].named(number) for name, number in numbers.items()}
        return pl.DataFrame({"code": self._codes, **named})

    def _opened(self, month: str, table: pa.Table) -> pq.ParquetWriter:
        if len(self._files) >= _MOST_FILES:
            self._close()
        self._written += 1
        path = self.folder / month / f"{self._written:06}.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        # with its statistics DuckDB sorts in a third of the time: keys of few bytes
        return pq.ParquetWriter(path, table.schema, compression="lz4", use_dictionary=False)

    def _close(self) -> None:
        for file in self._files.values():
            file.close()
        self._files = {}


def months_of(folder: Path) -> dict[str, list[Path]]:
    """The files of each month below the folder of DeliveredChecks, as `2026-06`."""
    found: dict[str, list[Path]] = {}
    for path in sorted(folder.glob("*/*.parquet")):
        found.setdefault(path.parent.name, []).append(path)
    return found


class _Numbered:
    """Numbers texts in the order in which they come."""

    def __init__(self) -> None:
        self._texts = pl.Series(dtype=pl.String)

    def codes(self, texts: pl.Series) -> pl.Series:
        """The number of each text."""
        found = texts.cast(pl.Enum(self._texts), strict=False)
        if found.null_count():
            new = texts.filter(found.is_null()).unique(maintain_order=True)
            self._texts = pl.concat([self._texts, new.alias("")])
            found = texts.cast(pl.Enum(self._texts))
        return found.to_physical().cast(pl.Int64)

    def named(self, numbers: pl.Series) -> pl.Series:
        return self._texts.gather(numbers)


def _by_month(rows: pl.DataFrame) -> Iterator[tuple[str, pl.DataFrame]]:
    """The rows of each month (UTC), in their order."""
    seconds = pl.col("checked_at_s")
    number = _month(seconds)
    first, last = (
        rows.select(first=seconds.min(), last=seconds.max())
        .select(_month(pl.col("first", "last")))
        .row(0)
    )
    if first == last:
        yield _name(first), rows
        return
    parts = rows.with_columns(number.alias("month")).partition_by(
        "month", as_dict=True, include_key=False, maintain_order=True
    )
    for (month,), part in sorted(parts.items()):
        yield _name(month), part


def _month(seconds: pl.Expr) -> pl.Expr:
    day = (seconds * 1_000_000).cast(pl.Datetime("us"))
    return day.dt.year().cast(pl.Int32) * 12 + day.dt.month().cast(pl.Int32) - 1


def _name(number: int) -> str:
    return f"{number // 12:04}-{number % 12 + 1:02}"
