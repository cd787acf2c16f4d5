"""A warehouse folder: what is published, what has landed, and the one step by which a run replaces both.

published        -> publications/<run>, a link; replacing it is the only step by which anything counts
publications/<run>/makegood.duckdb, parquet/, data_docs/
state/<run>/     copies of what the next run needs to know of a publication, should that be damaged
landed/          what feeds became, immutable; counts if a publication names it
building/        what the run at work has made so far; leftovers are removed by the next run
runs/            what became of each run, also of those that were blocked, failed or killed
lock             held by the run at work

Each folder of a publication and of its state has a manifest.json: the SHA-256 of each file in it.
"""

import json
import os
import shlex
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import duckdb
import filelock
import polars as pl

from makegood.ingestion.landing.land import (
    DELIVERIES,
    FILES,
    SERIES,
    Landed,
    fingerprint,
    leftovers,
    remove,
    synced,
)
from makegood.ingestion.landing.profiles import PROFILES
from makegood.ingestion.sql import quoted

# old publications stay for readers that have just followed the link, and to fall back on or go back to
KEPT_PUBLICATIONS = 3
# how what has landed is laid out; a warehouse of another layout can be read, but not continued.
# 1: version 0.4.0. 2: checks and events of tickets keep fractions of a second
LAYOUT = 2
DATABASE = "makegood.duckdb"
MANIFEST = "manifest.json"
# marks what has been linked, in its folder and beside the copies of its state
PUBLISHED = "published"


class Busy(RuntimeError):
    """Another run is at work on this warehouse."""


class Damaged(RuntimeError):
    """What the warehouse keeps is damaged, and can't be repaired from what is at hand."""


class OtherLayout(RuntimeError):
    """The warehouse is of an earlier layout than this version writes: it can be read and migrated."""


class LaterLayout(OtherLayout):
    """The warehouse was written by a newer version, and nothing of it may be touched."""


# what the next run needs to know of a publication, and the names of its copies
STATE = {
    "state.layout": "layout.parquet",
    "state.deliveries": "deliveries.parquet",
    "state.files": "files.parquet",
    "state.series": "series.parquet",
    "quality.feed_profiles": "feed_profiles.parquet",
    "quality.runs": "runs.parquet",
    "quality.withdrawn_statements": "withdrawn_statements.parquet",
    "marts.credit_statements": "credit_statements.parquet",
}

RUNS: dict[str, Any] = {
    "run_number": pl.Int64,
    "run_id": pl.String,
    "status": pl.String,
    "as_of": pl.Datetime("us", "UTC"),
    "finished_at": pl.Datetime("us", "UTC"),
    "seconds": pl.Float64,
    "files_read": pl.Int64,
    "rows_read": pl.Int64,
    "rows_rejected": pl.Int64,
}
ROLLED_BACK = "rolled back"

_PERCENTAGE, _MONEY = pl.Decimal(18, 6), pl.Decimal(18, 3)
# statements that a rollback took back (C7): as they were, when, and which run had issued them
WITHDRAWN: dict[str, Any] = {
    "subscription_id": pl.String,
    "month": pl.Date,
    "currency": pl.String,
    "statement_version": pl.Int64,
    "monthly_fee": _MONEY,
    "availability_pct": _PERCENTAGE,
    "availability_credit_pct": _PERCENTAGE,
    "resolution_credit_pct": _PERCENTAGE,
    "combined_pct": _PERCENTAGE,
    "combination": pl.String,
    "credit_pct": _PERCENTAGE,
    "credit_amount": _MONEY,
    "issued_at": pl.Datetime("us", "UTC"),
    "changed": pl.String,
    "is_current": pl.Boolean,
    "withdrawn_at": pl.Datetime("us", "UTC"),
    "issued_run_id": pl.String,
}


def damage(folder: Path) -> dict[str, str]:
    """The files of a folder that are not as its manifest says, and what is wrong with each; empty if it is whole."""
    try:
        seals = {
            str(name): str(seal)
            for name, seal in json.loads((folder / MANIFEST).read_bytes()).items()
        }
    except (OSError, ValueError, AttributeError) as error:
        return {MANIFEST: f"can't be read: {error}"}
    found = {}
    for name, seal in seals.items():
        try:
            if fingerprint(folder / name) != seal:
                found[name] = "is not what was published"
        except OSError as error:
            found[name] = f"can't be read: {error.strerror}"
    return found


@dataclass(frozen=True)
class Publication:
    """A published state of the warehouse. `copies`: the folder with copies of STATE."""

    folder: Path
    copies: Path

    @property
    def database(self) -> Path:
        return self.folder / DATABASE

    def connect(self) -> duckdb.DuckDBPyConnection:
        return duckdb.connect(str(self.database), read_only=True)

    @cached_property
    def damage(self) -> dict[str, str]:
        return damage(self.folder)

    @property
    def is_readable(self) -> bool:
        """Whether its database is whole."""
        return not self.damage.keys() & {DATABASE, MANIFEST}

    @property
    def has_state(self) -> bool:
        """Whether the next run can build on it."""
        return self.is_readable or not damage(self.copies)

    def _state(self) -> duckdb.DuckDBPyConnection:
        """A connection to the tables of STATE."""
        if self.is_readable:
            con = self.connect()
        else:
            con = duckdb.connect(":memory:")
            con.execute("create schema state; create schema quality; create schema marts")
            for table, copy in STATE.items():
                # an earlier layout has fewer of them
                if (self.copies / copy).exists():
                    con.execute(f"create view {table} as from '{quoted(self.copies / copy)}'")
        con.execute("set TimeZone = 'UTC'")
        return con

    def _rows(self, table: str, schema: dict[str, Any]) -> pl.DataFrame:
        """A table of STATE; what an earlier layout has not is empty."""
        with self._state() as con:
            known = con.execute(
                "select table_schema || '.' || table_name from information_schema.tables"
            ).fetchall()
            if (table,) not in known:
                return pl.DataFrame(schema=schema)
            found = con.sql(f"select * from {table} order by all").pl()
        return (
            found.with_columns(
                pl.lit(None).alias(name) for name in schema if name not in found.columns
            )
            .select(*schema)
            .cast(schema)
        )

    @cached_property
    def layout(self) -> int:
        """How what has landed is laid out, see LAYOUT."""
        return int(next(iter(self._rows("state.layout", {"version": pl.Int64})["version"]), 1))

    def runs(self) -> pl.DataFrame:
        """`quality.runs`: a row for each run that led to it, this one last; those that a rollback
        has undone are not among them."""
        return self._rows("quality.runs", RUNS)

    def run(self) -> dict[str, Any]:
        """The row of `quality.runs` of the run that published it."""
        return self.runs().to_dicts()[-1]

    def withdrawn(self) -> pl.DataFrame:
        """The statements that were withdrawn so far (`WITHDRAWN`); their versions are never used
        again (C7)."""
        return self._rows("quality.withdrawn_statements", WITHDRAWN)

    def statements(self) -> list[dict[str, Any]]:
        """The credit statements that have been issued so far (C7)."""
        with self._state() as con:
            return con.sql("select * from marts.credit_statements").pl().to_dicts()

    def profiles(self) -> pl.DataFrame:
        """What feeds looked like so far (`profiles.PROFILES`)."""
        return self._rows("quality.feed_profiles", PROFILES)

    def landed(self) -> Landed:
        return Landed(
            self._rows("state.deliveries", DELIVERIES),
            self._rows("state.files", FILES),
            self._rows("state.series", SERIES),
        )


class Warehouse:
    """A warehouse folder, which need not exist yet."""

    def __init__(self, root: Path) -> None:
        self.root = root.absolute()
        self.landed = self.root / "landed"
        self.publications = self.root / "publications"
        self.building = self.root / "building"
        self.runs = self.root / "runs"
        self.state = self.root / "state"
        self.link = self.root / "published"
        self._looked_at: dict[str, Publication] = {}

    def check_layout(self) -> None:
        """Raises OtherLayout or LaterLayout where what was published last can't be continued; and
        Damaged."""
        last = self.last()
        if last and (told := self.other_layout(last)):
            raise (OtherLayout if last.layout < LAYOUT else LaterLayout)("\n".join(told))

    def other_layout(self, publication: Publication) -> tuple[str, str] | None:
        """What is to be said, and what to do, where a publication is of another layout than LAYOUT."""
        root = shlex.quote(str(self.root))
        if publication.layout < LAYOUT:
            return (
                f"{self.root} is of an earlier layout ({publication.layout}, and this version writes {LAYOUT}): "
                "what is published can be read, but no run can continue it",
                f"land everything anew: makegood migrate --warehouse {root} --landing DIR (statements, alerts and the history of runs are kept)",
            )
        if publication.layout > LAYOUT:
            return (
                f"{self.root} was written by a newer makegood (layout {publication.layout}, and this version knows {LAYOUT})",
                "install that version or a later one",
            )
        return None

    def current(self) -> Publication | None:
        """What is published; None before the first publication."""
        return (
            self._publication(self.link.resolve().name)
            if self.link.is_symlink() and self.link.is_dir()
            else None
        )

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Holds the warehouse for one run; raises Busy. A killed run lets go by itself."""
        self.root.mkdir(parents=True, exist_ok=True)
        try:
            with filelock.FileLock(self.root / "lock", timeout=0):
                yield
        except filelock.Timeout as error:
            raise Busy(
                f"another run is at work on {self.root}: wait for it, then run again"
            ) from error

    def last(self) -> Publication | None:
        """What was published last, by its database or by the copies of its state; None before the first. Raises Damaged where neither is
        whole."""
        if self.link.exists() and not self.link.is_symlink():
            raise Damaged(
                f"{self.link} is a folder and no link: a backup must be copied and restored with its links, as cp -a does"
            )
        linked = Path(os.readlink(self.link)).name if self.link.is_symlink() else ""
        made = sorted(
            {p.name for folder in (self.publications, self.state) for p in folder.glob("*")},
            reverse=True,
        )
        # one that was neither linked nor marked is that of a run that was killed before it published
        published = [name for name in made if name <= linked or self._is_marked(name)]
        if not published:
            if len(made) > 1:
                raise Damaged(
                    f"{self.link} and all marks of what was published are gone: restore a backup of {self.root}"
                )
            return None
        newest = self._publication(published[0])
        if not newest.has_state:
            # building on an older one would forget rows that have landed and statements that were issued since
            raise Damaged(
                f"what was published is damaged, and so are the copies of its state in {newest.copies}: restore a backup of {self.root}\n"
                + "\n".join(
                    f"{newest.folder / name} {what}" for name, what in newest.damage.items()
                )
            )
        return newest

    def _is_marked(self, version: str) -> bool:
        return any(
            (folder / version / PUBLISHED).exists() for folder in (self.publications, self.state)
        )

    def _mark(self, version: str) -> None:
        """Marks what has been linked; what can't be marked now is by the next run."""
        for folder in (self.publications / version, self.state / version):
            with suppress(OSError):
                (folder / PUBLISHED).touch()
                synced(folder)

    def repair(self) -> list[str]:
        """Leads readers to the newest publication that is whole, where the published one is not; says what was wrong and done. Only with
        the lock held."""
        current, last = self.current(), self.last()
        if current:
            self._mark(current.folder.name)
        if last is None or (current and current.folder == last.folder and not current.damage):
            return []
        found = [f"{last.folder / name} {what}" for name, what in last.damage.items()]
        if current is None or not current.is_readable:
            # one that was rolled back may not come back by itself
            led_to_it = set(last.runs()["run_id"])
            names = sorted(
                (p.name for p in self.publications.glob("*") if p.name in led_to_it), reverse=True
            )
            whole = next((name for name in names if self._publication(name).is_readable), None)
            if whole:
                self._point_to(whole)
                found.append(f"{self.link} leads to run {whole}, the last that is whole")
        return found

    def clear(self) -> list[str]:
        """Removes what killed or failed runs left, and says which runs were killed before they published. Only with the lock held."""
        # a number and a time: what a trial has left is no run
        runs = self.building.glob("[0-9]*")
        killed = sorted(p.name for p in runs if not self._is_marked(p.name))
        shutil.rmtree(self.building, ignore_errors=True)
        kept = self.kept()
        names = {p.folder.name for p in kept}
        remove(
            p
            for folder in (self.publications, self.state)
            for p in folder.glob("*")
            if p.name not in names
        )
        remove(leftovers(self.landed, [p.landed() for p in kept]))
        remove(self.root.glob(".published-*"))
        return killed

    def kept(self) -> list[Publication]:
        """What readers, the next run and a rollback may need: the last publication, and those
        before it that are whole."""
        last, current = self.last(), self.current()
        if last is None:
            return []
        older = sorted(
            (p.name for p in self.publications.glob("*") if p.name < last.folder.name), reverse=True
        )
        whole = (
            p
            for p in map(self._publication, older)
            if p.is_readable and (current is None or p.folder != current.folder)
        )
        kept = [last, *([current] if current and current.folder != last.folder else []), *whole]
        return kept[:KEPT_PUBLICATIONS]

    def still_there(self) -> list[Publication]:
        """Publications that have their folders, also those that the next run removes. Raises
        Damaged."""
        last = self.last()
        names = [p.name for p in self.publications.glob("*") if last and p.name <= last.folder.name]
        return [p for p in map(self._publication, names) if p.has_state]

    def earlier(self) -> list[Publication]:
        """What can be gone back to, the newest first: publications that led to the last one, and
        are kept, whole and of this layout. Raises Damaged."""
        last = self.last()
        if last is None:
            return []
        runs = last.runs().to_dicts()
        # what was rolled back to is no other state than the last
        while runs[-1]["status"] == ROLLED_BACK:
            runs.pop()
        led_to_it = {run["run_id"] for run in runs[:-1]}
        return [
            p
            for p in self.kept()
            if p.folder.name in led_to_it and not p.damage and p.layout == LAYOUT
        ]

    def publish(
        self, built: Path, state: Path, version: str, landed: Iterable[str] = ()
    ) -> Publication:
        """Makes the built folder what is published, in one atomic step; it is on disk before it counts, and so are the copies of its
        `state` and the files it has `landed`, paths below the landed folder."""
        new = [self.landed / name for name in landed]
        for file in new:
            synced(file)
        for folder in {
            parent for file in new for parent in file.parents if parent.is_relative_to(self.landed)
        }:
            synced(folder)
        for made, folder in ((state, self.state), (built, self.publications)):
            folder.mkdir(exist_ok=True)
            files = sorted(p for p in made.rglob("*") if p.is_file())
            (made / MANIFEST).write_text(
                json.dumps(
                    {p.relative_to(made).as_posix(): fingerprint(p) for p in files}, indent=1
                )
                + "\n"
            )
            for path in [*files, made / MANIFEST]:
                path.chmod(0o444)
                synced(path)
            for path in [*(p for p in made.rglob("*") if p.is_dir()), made]:
                synced(path)
            made.rename(folder / version)
            synced(folder)
        self._point_to(version)
        self._mark(version)
        self._looked_at.pop(version, None)
        return self._publication(version)

    def _publication(self, version: str) -> Publication:
        # the same object each time: it is looked at for damage once
        return self._looked_at.setdefault(
            version, Publication(self.publications / version, self.state / version)
        )

    def _point_to(self, version: str) -> None:
        link = self.root / f".published-{version}"
        link.unlink(missing_ok=True)
        link.symlink_to(Path("publications") / version)
        os.replace(link, self.link)
        # it counts from here on: nothing that follows may call it a failure
        with suppress(OSError):
            synced(self.root)

    def record(self, run_id: str, outcome: dict[str, object]) -> None:
        """Keeps what became of a run, also where it published nothing."""
        self.runs.mkdir(parents=True, exist_ok=True)
        path = self.runs / f"{run_id}.json"
        draft = path.with_suffix(".draft")
        draft.write_text(json.dumps(outcome, indent=2, default=str) + "\n")
        os.replace(draft, path)

    def record_killed(self, run_ids: Iterable[str]) -> None:
        """Keeps that runs were killed: they could not say so themselves."""
        for run_id in run_ids:
            if run_id[:8].isdigit() and not (self.runs / f"{run_id}.json").exists():
                reasons = ["it ended without a word: it was killed, or the machine went down"]
                self.record(
                    run_id,
                    {"run_id": run_id, "status": "killed", "as_of": None, "reasons": reasons},
                )

    def recorded(self) -> list[dict[str, Any]]:
        """What became of the runs, the oldest first; a record that can't be read counts as none."""
        records = []
        for path in sorted(self.runs.glob("*.json")):
            with suppress(OSError, ValueError):
                record = json.loads(path.read_bytes())
                if (
                    isinstance(record, dict)
                    and {"run_id", "status", "as_of", "reasons"} <= record.keys()
                ):
                    records.append(record)
        return records

    def unreadable_records(self) -> list[Path]:
        """Records of runs that `recorded` passes over."""
        readable = {record["run_id"] for record in self.recorded()}
        return [path for path in sorted(self.runs.glob("*.json")) if path.stem not in readable]

    def next_number(self) -> int:
        """A number above those of all runs that left a trace, whatever the clock says."""
        names = [
            p.name
            for folder in (self.publications, self.state, self.runs, self.building)
            for p in folder.glob("*")
        ]
        return 1 + max((int(n[:8]) for n in names if n[:8].isdigit()), default=0)


def new_run_id(number: int) -> str:
    """Sorts by the number of the run; the time keeps the files of a killed run apart from those of the next."""
    return f"{number:08d}-{datetime.now(UTC):%Y%m%dT%H%M%S%f}"


def frames_of(landed: Landed) -> dict[str, pl.DataFrame]:
    """The tables of the schema `state`."""
    return {"deliveries": landed.deliveries, "files": landed.files, "series": landed.series}


def copy_state(con: duckdb.DuckDBPyConnection, folder: Path) -> None:
    """Makes a folder with copies of STATE."""
    folder.mkdir()
    for table, copy in STATE.items():
        con.execute(f"copy {table} to '{quoted(folder / copy)}' (format parquet, compression zstd)")
