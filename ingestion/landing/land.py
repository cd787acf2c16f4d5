"""Landing: new files of a landing folder become typed, immutable Parquet below
`<warehouse>/landed`.

A file is known by its path and content, per feed; only new deliveries are read (`discovery`). What
a run writes counts once the run is published: `Landed` (what has landed so far, in which files) is
part of the publication, and files that no publication names are leftovers. So a blocked or killed
run lands nothing.
"""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Literal

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import BaseModel, ConfigDict, RootModel, StringConstraints, model_validator

from makegood.ingestion.feeds.specs import Feed, feeds
from makegood.ingestion.feeds.typing import DELETED, REJECTED, typed
from makegood.ingestion.files import sha256_of
from makegood.ingestion.landing.delivered import DeliveredChecks
from makegood.ingestion.landing.discovery import NewFile, discover
from makegood.ingestion.landing.shape import Shape
from makegood.ingestion.limits import MIB, REJECTED_BYTES
from makegood.ingestion.nearest import nearest
from makegood.ingestion.pace import Pace
from makegood.ingestion.readers import UnreadableFile, finish, readers, suffix
from makegood.ingestion.strict_yaml import Document
from makegood.ingestion.values import DecimalValue, Percentage, Zone

CHECKS = "checks"
DEFAULT_MAX_REJECTED_PCT = Decimal(5)
# the rule of a file that is rejected whole, in the list of rejected rows
FILE_RULE = "file"
# what a blocked run says of the rejected rows of a feed
MOST_FAULTS, LONGEST_REASON = 3, 400

DELIVERIES = {
    "delivery_id": pl.Int64,
    "feed": pl.String,
    "path": pl.String,
    "sha256": pl.String,
    "run_id": pl.String,
    "size_bytes": pl.Int64,
    "rows_read": pl.Int64,
    "rows_landed": pl.Int64,
    "rows_rejected": pl.Int64,
    # what the file looks like, as JSON (`shape`)
    "unknown_columns": pl.String,
    "empty_columns": pl.String,
    "amounts": pl.String,
}
FILES = {
    "kind": pl.String,
    "feed": pl.String,
    "month": pl.String,
    "path": pl.String,
    "gap_limit_s": pl.Int64,
    "sha256": pl.String,
}
SERIES = {"series_id": pl.Int64, "component_id": pl.String, "location": pl.String}


@dataclass(frozen=True)
class Landed:
    """What has landed: `deliveries` (a row a file that was read), `files` (what they became, paths
    below the store), `series` (the number of each component and location)."""

    deliveries: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=DELIVERIES))
    files: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=FILES))
    series: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=SERIES))

    @property
    def next_delivery(self) -> int:
        """The number of the file that is delivered next."""
        return int(self.deliveries["delivery_id"].max() or 0) + 1  # type: ignore[arg-type]

    def paths(self, kind: str, feed: str | None = None, month: str | None = None) -> list[str]:
        chosen = self.files.filter(pl.col("kind") == kind)
        if feed is not None:
            chosen = chosen.filter(pl.col("feed") == feed)
        if month is not None:
            chosen = chosen.filter(pl.col("month") == month)
        return sorted(chosen["path"])


class Bounds(BaseModel):
    """What a feed says otherwise of one of the expectations that compare it with its own past."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    at_least: DecimalValue | None = None
    at_most: DecimalValue | None = None
    severity: Literal["block", "warn", "off"] | None = None


class FeedSettings(BaseModel):
    """What `<landing>/feeds.yaml` may say of a feed. `cadence`: how often it is delivered, such as
    `1d`; if it says nothing, as it was so far."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    time_zone: Zone | None = None
    max_rejected_pct: Percentage = DEFAULT_MAX_REJECTED_PCT
    cadence: Annotated[str, StringConstraints(pattern=r"^[1-9][0-9]{0,4}[smhd]$")] | None = None
    expectations: dict[str, Bounds] = {}

    def in_words(self) -> str:
        """Which settings differ from the usual ones, in words; empty if none does."""
        limit = (
            [f"max_rejected_pct {self.max_rejected_pct}"]
            if self.max_rejected_pct != DEFAULT_MAX_REJECTED_PCT
            else []
        )
        bounds = [
            f"{name} "
            + ", ".join(
                f"{key} {value}" for key, value in own.model_dump().items() if value is not None
            )
            for name, own in self.expectations.items()
        ]
        return "; ".join(limit + bounds)

    @property
    def cadence_s(self) -> int | None:
        return (
            int(self.cadence[:-1]) * {"s": 1, "m": 60, "h": 3600, "d": 86_400}[self.cadence[-1]]
            if self.cadence
            else None
        )


class LandingSettings(RootModel[dict[str, FeedSettings]]):
    """`<landing>/feeds.yaml`."""

    @model_validator(mode="after")
    def _known_feeds(self) -> "LandingSettings":
        unknown = sorted(self.root.keys() - feeds().keys())
        if unknown:
            near = {name: nearest(name, feeds()) for name in unknown}
            unknown = [
                f"{name} is not a feed" + (f" (the nearest is {near[name]})" if near[name] else "")
                for name in unknown
            ]
            raise ValueError(f"{', '.join(unknown)}; the feeds are {', '.join(sorted(feeds()))}")
        return self


def feed_settings(landing: Path) -> dict[str, FeedSettings]:
    """The settings of each feed, from `feeds.yaml` where there is one; raises InvalidDocument."""
    path = landing / "feeds.yaml"
    named = Document(path).validated(LandingSettings).root if path.exists() else {}
    return {name: named.get(name, FeedSettings()) for name in feeds()}


@dataclass
class FeedReading:
    """What a run read of a feed; `bytes_rejected`: what its rejected rows take in memory;
    `files_refused`: path and why."""

    rows_read: int = 0
    rows_rejected: int = 0
    bytes_rejected: int = 0
    files_read: int = 0
    files_refused: list[tuple[str, str]] = field(default_factory=list)


@dataclass
class Reading:
    """What a run read: per feed; `rejected` rows with feed, path and delivery; `warnings` for
    people."""

    landed: Landed
    feeds: dict[str, FeedReading]
    rejected: pl.DataFrame
    warnings: list[str]

    def blocked_by(self, settings: dict[str, FeedSettings]) -> list[str]:
        """Why this may not be published, a reason a line: of each feed whose limit is passed, then
        its commonest faults. Empty if it may."""
        reasons = []
        lines = dict(
            self.rejected.filter(pl.col("rule") == FILE_RULE).select("path", "line").iter_rows()
        )
        for name, reading in self.feeds.items():
            for path, why in reading.files_refused:
                at = f" (line {lines[path]})" if lines.get(path) else ""
                reasons.append(f"{path} is rejected whole{at}: {why}")
            limit = settings[name].max_rejected_pct
            if reading.rows_rejected * 100 > reading.rows_read * limit:
                reasons.append(
                    f"{name}: {reading.rows_rejected} of {reading.rows_read} rows are rejected, "
                    f"more than {limit} %"
                )
                reasons += self._commonest(name)
        missing = [
            name
            for name, feed in feeds().items()
            if feed.required == "always" and not self._has(name)
        ]
        if missing:
            reasons.append(f"nothing has been delivered of {', '.join(missing)}")
        monitoring = [
            name for name, feed in feeds().items() if feed.required == "one_of_monitoring"
        ]
        if not any(self._has(name) for name in monitoring):
            reasons.append(f"nothing has been delivered of {' or '.join(sorted(monitoring))}")
        return reasons

    def _commonest(self, feed: str) -> Iterator[str]:
        """The commonest faults of a feed's rejected rows, by rule and column: how many, the first
        of them, and what to write."""
        rows = self.rejected.filter((pl.col("feed") == feed) & (pl.col("rule") != FILE_RULE)).sort(
            "delivery_id", "line"
        )
        faults = rows.group_by("rule", "column_name", maintain_order=True).agg(
            pl.len().alias("count"), pl.first("path", "line", "reason")
        )
        faults = faults.sort("count", descending=True, maintain_order=True)
        for _, column, count, path, line, reason in faults.head(MOST_FAULTS).iter_rows():
            reason = reason if len(reason) <= LONGEST_REASON else reason[:LONGEST_REASON] + " …"
            yield (
                f"  {_rows(count)}{f', {column}' if column else ''}: {reason} (first in {path}, "
                f"line {line})"
            )
        others = faults[MOST_FAULTS:]
        if others.height:
            yield f"  {_rows(int(others['count'].sum()))} for other reasons"

    def undelivered(self) -> list[str]:
        """A warning for each feed of which there is nothing."""
        return [
            f"{name}: nothing has been delivered; it counts as empty"
            for name in feeds()
            if not self._has(name)
        ]

    def _has(self, feed: str) -> bool:
        return not self.landed.deliveries.filter(pl.col("feed") == feed).is_empty()


def _rows(count: int) -> str:
    return f"{count} row{'s' if count > 1 else ''}"


REJECTED_ROWS = {"feed": pl.String, "delivery_id": pl.Int64, "path": pl.String} | REJECTED


def read(
    landing: Path,
    store: Path,
    work: Path,
    run_id: str,
    before: Landed,
    settings: dict[str, FeedSettings],
    progress: Callable[[str], None] = lambda message: None,
    inbox: Path | None = None,
) -> Reading:
    """Reads what is new in `landing` and `inbox`. Keyed feeds and rejected rows land below `store`;
    checks are left below `work`, for `probes.compact`. Nothing of it counts until the result's
    `landed` is published."""
    new, warnings = discover(
        landing,
        before.deliveries.sort("delivery_id").select("feed", "path", "sha256").iter_rows(),
        inbox,
    )
    # files count by feed, then path
    in_order = [file for feed in feeds().values() for file in new if file.feed is feed]
    reading = land(
        dict(enumerate(in_order, before.next_delivery)), store, work, run_id, settings, progress
    )
    reading.warnings = warnings
    reading.landed = Landed(
        pl.concat([before.deliveries, reading.landed.deliveries]),
        pl.concat([before.files, reading.landed.files]),
        before.series,
    )
    reading.warnings += reading.undelivered()
    return reading


def land(
    deliveries: dict[int, NewFile],
    store: Path,
    work: Path,
    run_id: str,
    settings: dict[str, FeedSettings],
    progress: Callable[[str], None] = lambda message: None,
) -> Reading:
    """Reads files, by the number of their delivery, as `read` does; the same files and numbers land
    as the same bytes."""
    reading = Reading(
        Landed(), {name: FeedReading() for name in feeds()}, pl.DataFrame(schema=REJECTED_ROWS), []
    )
    rows: list[dict[str, object]] = []
    files: list[dict[str, object]] = []
    rejected: list[pl.DataFrame] = []
    pace = Pace(progress, sum(file.size for file in deliveries.values()))
    try:
        for feed in feeds().values():
            target = store / feed.feed / f"{run_id}.parquet"
            with (
                DeliveredChecks(work / CHECKS) if feed.feed == CHECKS else _Writer(target)
            ) as writer:
                for delivery_id, file in deliveries.items():
                    if file.feed is feed:
                        delivery = _read_file(
                            file,
                            delivery_id,
                            settings[feed.feed].time_zone,
                            writer,
                            rejected,
                            reading.feeds[feed.feed],
                            pace,
                        )
                        pace.done += file.size
                        rows.append(delivery | {"run_id": run_id})
                if writer.rows and feed.feed != CHECKS:
                    files.append(
                        {"kind": "rows", "feed": feed.feed, "path": f"{feed.feed}/{run_id}.parquet"}
                    )
    finally:
        finish()
    if rejected:
        reading.rejected = pl.concat(rejected)
        target = store / "_rejected" / f"{run_id}.parquet"
        target.parent.mkdir(parents=True, exist_ok=True)
        reading.rejected.write_parquet(target, compression="zstd")
        files.append({"kind": "rejected", "path": f"_rejected/{run_id}.parquet"})
    reading.landed = Landed(
        pl.DataFrame(rows, schema=DELIVERIES), pl.DataFrame(files, schema=FILES)
    )
    return reading


_CHANGED = "changed while it was read"


def _read_file(
    file: NewFile,
    delivery_id: int,
    zone: str | None,
    writer: "_Writer | DeliveredChecks",
    rejected: list[pl.DataFrame],
    reading: FeedReading,
    pace: Pace,
) -> dict[str, object]:
    """Reads one file; a file that breaks off is rejected whole, and what was read of it is taken
    back by blocking the run."""
    rows_read = rows_landed = rows_rejected = 0
    shape = Shape(file.feed)

    def reject(frame: pl.DataFrame) -> None:
        origin = (
            pl.lit(file.feed.feed).alias("feed"),
            pl.lit(delivery_id, pl.Int64).alias("delivery_id"),
            pl.lit(file.path).alias("path"),
        )
        rejected.append(frame.select(*origin, *REJECTED))

    reading.files_read += 1
    pace.say(f"reading {file.path}")
    try:
        if file.refusal:
            raise UnreadableFile(file.refusal)
        if not file.is_as_found():
            raise UnreadableFile(_CHANGED)
        read_batches = readers()[suffix(file.path) or ""]
        for batch in read_batches(file.file, file.feed):
            shape.add(batch)
            result = typed(batch, file.feed, zone)
            rows_read += batch.rows.height + len(batch.refused)
            rows_landed += result.rows.height
            rows_rejected += result.rejected.height
            pace.say(f"reading {file.path}: {rows_read:,} rows")
            if result.rejected.height:
                reject(result.rejected)
            writer.write(
                result.rows.with_columns(pl.lit(delivery_id, pl.Int64).alias("_delivery_id"))
            )
            reading.bytes_rejected += int(result.rejected.estimated_size())
            if reading.bytes_rejected > REJECTED_BYTES:
                raise UnreadableFile(
                    f"brings the rejected rows of {file.feed.feed} to over "
                    f"{REJECTED_BYTES // MIB} MiB"
                )
        if not file.is_as_found():
            raise UnreadableFile(_CHANGED)
    except (
        UnreadableFile,
        pl.exceptions.PolarsError,
        pl.exceptions.PanicException,
        ValueError,
        OverflowError,
        TypeError,
    ) as error:
        # whatever a file does to its reader costs the file, not the run
        if not isinstance(error, UnreadableFile):
            error = UnreadableFile(f"can't be read: {type(error).__name__}: {error}")
        reading.files_refused.append((file.path, str(error)))
        reject(
            pl.DataFrame(
                [(error.line, FILE_RULE, None, f"the file {error}", None, None)],
                schema=REJECTED,
                orient="row",
            )
        )
    reading.rows_read += rows_read
    reading.rows_rejected += rows_rejected
    return {
        "delivery_id": delivery_id,
        "feed": file.feed.feed,
        "path": file.path,
        "sha256": file.sha256,
        "size_bytes": file.size,
        "rows_read": rows_read,
        "rows_landed": rows_landed,
        "rows_rejected": rows_rejected,
    } | shape.as_columns()


class _Writer:
    """A Parquet file that is made when the first rows come."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.rows = 0
        self._file: pq.ParquetWriter | None = None

    def write(self, rows: pl.DataFrame) -> None:
        if rows.is_empty():
            return
        table: pa.Table = rows.to_arrow(compat_level=pl.CompatLevel.oldest())
        if self._file is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._file = pq.ParquetWriter(
                self.path, table.schema, compression="zstd", version="2.6"
            )
        self._file.write_table(table.cast(self._file.schema))
        self.rows += rows.height

    def __enter__(self) -> "_Writer":
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()


def landed_columns(feed: Feed) -> dict[str, str]:
    """The columns of a feed as landed -> SQL type; what the models read as a source."""
    columns = {"_delivery_id": "bigint", "_line": "bigint"}
    for column in feed.columns:
        columns |= column.landed_columns
    if feed.key:
        columns[DELETED] = "boolean"
    return columns | {"_extra": "varchar"}


def with_checksums(store: Path, landed: Landed) -> Landed:
    """The same, with the SHA-256 of each file that has none yet."""
    checksums = [
        sha256 or sha256_of(store / path)
        for path, sha256 in landed.files.select("path", "sha256").iter_rows()
    ]
    files = landed.files.with_columns(pl.Series("sha256", checksums, pl.String))
    return replace(landed, files=files)


def damaged(store: Path, landed: Landed) -> list[str]:
    """The files, paths below the store, that are not there or not as they were landed."""
    return [
        path
        for path, sha256 in landed.files.select("path", "sha256").iter_rows()
        if not (store / path).is_file() or sha256_of(store / path) != sha256
    ]


def leftovers(store: Path, kept: list[Landed]) -> Iterator[Path]:
    """Files below the store that no publication names."""
    named = {store / path for landed in kept for path in landed.files["path"]}
    return (p for p in store.rglob("*.parquet") if p not in named)


def remove(paths: Iterator[Path]) -> None:
    for path in list(paths):
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
