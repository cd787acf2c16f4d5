"""A warehouse folder: what is published, what has landed, and the one step by which a run replaces both.

published        -> publications/<version>, a link; replacing it is the only step by which anything counts
publications/<version>/makegood.duckdb, parquet/
landed/          what feeds became, immutable; counts if a publication names it
building/        what the run at work has made so far; leftovers are removed by the next run
runs/            what became of each run, also of those that were blocked or failed
lock             held by the run at work
"""

import json
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import filelock
import polars as pl

from ingestion.landing import DELIVERIES, FILES, SERIES, Landed, leftovers, remove

# an old publication stays for readers that have just followed the link
KEPT_PUBLICATIONS = 2
DATABASE = "makegood.duckdb"


class Busy(RuntimeError):
    """Another run is at work on this warehouse."""


@dataclass(frozen=True)
class Publication:
    """A published state of the warehouse."""

    folder: Path

    @property
    def database(self) -> Path:
        return self.folder / DATABASE

    def connect(self) -> duckdb.DuckDBPyConnection:
        return duckdb.connect(str(self.database), read_only=True)

    def run(self) -> dict[str, object]:
        """The row of `quality.runs` of the run that published it."""
        with self.connect() as con:
            con.execute("set TimeZone = 'UTC'")
            frame = con.sql("select * from quality.runs where status = 'published' order by run_number desc limit 1").pl()
        return frame.to_dicts()[0]

    def statements(self) -> list[dict[str, object]]:
        """The credit statements that have been issued so far (C7)."""
        with self.connect() as con:
            con.execute("set TimeZone = 'UTC'")
            return con.sql("select * from marts.credit_statements").pl().to_dicts()

    def landed(self) -> Landed:
        with self.connect() as con:
            frames = [con.sql(f"select * from state.{name}").pl() for name in ("deliveries", "files", "series")]
        return Landed(*(f.cast(schema) for f, schema in zip(frames, (DELIVERIES, FILES, SERIES), strict=True)))


class Warehouse:
    """A warehouse folder, which need not exist yet."""

    def __init__(self, root: Path) -> None:
        self.root = root.absolute()
        self.landed = self.root / "landed"
        self.publications = self.root / "publications"
        self.building = self.root / "building"
        self.runs = self.root / "runs"
        self.link = self.root / "published"

    def current(self) -> Publication | None:
        """What is published; None before the first publication."""
        return Publication(self.link.resolve()) if (self.link / DATABASE).exists() else None

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Holds the warehouse for one run; raises Busy. A killed run lets go by itself."""
        self.root.mkdir(parents=True, exist_ok=True)
        try:
            with filelock.FileLock(self.root / "lock", timeout=0):
                yield
        except filelock.Timeout as error:
            raise Busy(f"another run is at work on {self.root}: wait for it, then run again") from error

    def clear(self) -> None:
        """Removes what killed or failed runs left. Only with the lock held."""
        shutil.rmtree(self.building, ignore_errors=True)
        kept = self._kept()
        remove(p for p in self.publications.glob("*") if p not in kept)
        landed = [Publication(p).landed() for p in kept]
        remove(leftovers(self.landed, landed))

    def _kept(self) -> list[Path]:
        current = self.current()
        if current is None:
            return []
        older = sorted((p for p in self.publications.glob("*") if p.name < current.folder.name and (p / DATABASE).exists()), reverse=True)
        return [current.folder, *older[: KEPT_PUBLICATIONS - 1]]

    def publish(self, built: Path, version: str, landed: Iterable[str] = ()) -> Publication:
        """Makes the built folder what is published, in one atomic step; it is on disk before it counts, and so are the files it
        has `landed`, paths below the landed folder."""
        new = [self.landed / name for name in landed]
        for file in new:
            _sync(file)
        for folder in {parent for file in new for parent in file.parents if parent.is_relative_to(self.landed)}:
            _sync(folder)
        target = self.publications / version
        self.publications.mkdir(exist_ok=True)
        for path in [p for p in built.rglob("*") if p.is_file()]:
            path.chmod(0o444)
            _sync(path)
        for folder in [*(p for p in built.rglob("*") if p.is_dir()), built]:
            _sync(folder)
        built.rename(target)
        _sync(self.publications)
        link = self.root / f".published-{version}"
        link.unlink(missing_ok=True)
        link.symlink_to(Path("publications") / version)
        os.replace(link, self.link)
        _sync(self.root)
        return Publication(target)

    def record(self, run_id: str, outcome: dict[str, object]) -> None:
        """Keeps what became of a run, also where it published nothing."""
        self.runs.mkdir(parents=True, exist_ok=True)
        path = self.runs / f"{run_id}.json"
        draft = path.with_suffix(".draft")
        draft.write_text(json.dumps(outcome, indent=2, default=str) + "\n")
        os.replace(draft, path)

    def recorded(self) -> list[dict[str, object]]:
        """What became of the runs, the oldest first."""
        return [json.loads(p.read_text()) for p in sorted(self.runs.glob("*.json"))]


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def new_run_id(number: int) -> str:
    """Sorts by the number of the run; the time keeps the files of a killed run apart from those of the next."""
    return f"{number:08d}-{datetime.now(UTC):%Y%m%dT%H%M%S%f}"


def frames_of(landed: Landed) -> dict[str, pl.DataFrame]:
    """The tables of the schema `state`."""
    return {"deliveries": landed.deliveries, "files": landed.files, "series": landed.series}
