"""A warehouse folder: what is published and landed, and the one step by which a run replaces both.

published        -> publications/<run>, a link: replacing it is what publishes
publications/<run>/makegood.duckdb, parquet/, data_docs/
state/<run>/     copies of what the next run needs to know of a publication, should that be damaged
landed/          what feeds became, immutable; counts if a publication names it
building/        what the run at work has made so far; leftovers are removed by the next run
runs/            how each run ended, also those that were blocked, failed or killed
connect/         records of systems that are pulled, under a lock of their own
backtests/       what proposed contracts would have cost; a backtest works there, without the lock
credit_notes/    batches of credit notes, under a lock of their own; nothing else touches them
credit_notes.last  the number of the last batch, by which a lost one is noticed
inbox/           requests for credits that customers made on the pages; landed like deliveries
lock             held by the run at work

Each folder of a publication and of its state has a manifest.json: the SHA-256 of each file in it.
"""

import os
import shlex
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

import filelock

from makegood.dashboards.figures import operations
from makegood.dashboards.figures.operations import UNREADABLE, RunRecord
from makegood.ingestion.files import DRAFTS, synced, write_whole
from makegood.ingestion.landing.land import leftovers, remove
from makegood.orchestration.warehouse.publication import (
    LAYOUT,
    PUBLISHED,
    Publication,
    write_manifest,
)

# old publications stay for readers that have just followed the link, and for rollbacks
KEPT_PUBLICATIONS = 3
ROLLED_BACK = "rolled back"


class Busy(RuntimeError):
    """Another run is using this warehouse."""


class Damaged(RuntimeError):
    """What the warehouse keeps is damaged, and can't be repaired from what is at hand."""


class OtherLayout(RuntimeError):
    """The warehouse has an earlier layout than this version writes: it can be read and migrated."""


class LaterLayout(OtherLayout):
    """The warehouse was written by a newer version, and nothing of it may be touched."""


class Warehouse:
    """A warehouse folder, which need not exist yet."""

    def __init__(self, root: Path) -> None:
        self.root = root.absolute()
        self.landed = self.root / "landed"
        self.publications = self.root / "publications"
        self.building = self.root / "building"
        self.runs = self.root / operations.RUNS
        self.state = self.root / "state"
        self.link = self.root / "published"
        self.inbox = self.root / "inbox"
        self._looked_at: dict[str, Publication] = {}

    def check_layout(self) -> None:
        """Raises OtherLayout or LaterLayout where what was published last can't be continued; and
        Damaged."""
        last = self.last()
        if last and (other := self.other_layout(last)):
            raise (OtherLayout if last.layout < LAYOUT else LaterLayout)("\n".join(other))

    def other_layout(self, publication: Publication) -> tuple[str, str] | None:
        """What is wrong and what to do, if a publication has another layout than LAYOUT."""
        root = shlex.quote(str(self.root))
        if publication.layout < LAYOUT:
            return (
                f"{self.root} has an earlier layout ({publication.layout}; this version writes "
                f"{LAYOUT}): what is published can be read, but no run can continue it",
                f"land everything again: makegood migrate --warehouse {root} --landing DIR "
                "(statements, alerts and the history of runs are kept)",
            )
        if publication.layout > LAYOUT:
            return (
                f"{self.root} was written by a newer makegood (layout {publication.layout}; "
                f"this version knows {LAYOUT})",
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

    def is_at_work(self) -> bool:
        """Whether a run holds the warehouse."""
        try:
            with self.locked():
                return False
        except Busy:
            return True

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Holds the warehouse for one run; raises Busy. The lock of a killed run is released."""
        self.root.mkdir(parents=True, exist_ok=True)
        try:
            with filelock.FileLock(self.root / "lock", timeout=0):
                yield
        except filelock.Timeout as error:
            raise Busy(
                f"another run is using {self.root}: wait until it ends, then run again"
            ) from error

    def last(self) -> Publication | None:
        """What was published last, by its database or the copies of its state; None before the
        first. Raises Damaged if neither is whole."""
        if self.link.exists() and not self.link.is_symlink():
            raise Damaged(
                f"{self.link} is a folder instead of a link: copy and restore backups with their "
                "links (example: cp -a)"
            )
        linked = Path(os.readlink(self.link)).name if self.link.is_symlink() else ""
        made = sorted(
            {p.name for folder in (self.publications, self.state) for p in folder.glob("*")},
            reverse=True,
        )
        # one that is neither linked nor marked was left by a run that was killed before publishing
        published = [name for name in made if name <= linked or self._is_marked(name)]
        if not published:
            if len(made) > 1:
                raise Damaged(
                    f"{self.link} and all marks of what was published are gone: "
                    f"restore a backup of {self.root}"
                )
            return None
        newest = self._publication(published[0])
        if not newest.has_state:
            # building on an older one would forget rows landed and statements issued since
            raise Damaged(
                f"what was published is damaged, and so are the copies of its state in "
                f"{newest.copies}: restore a backup of {self.root}\n"
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
        """Points the link at the newest whole publication, if the published one is damaged;
        returns what was wrong and what was done. Only with the lock held."""
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
                found.append(f"{self.link} now leads to run {whole}, the last that is whole")
        return found

    def clear(self) -> list[str]:
        """Removes what killed or failed runs left; returns the ids of runs that were killed before
        they published. Only with the lock held."""
        # a number and a time: what a trial has left is not a run
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
        self._sweep(kept)
        remove(self.unfinished())
        return killed

    def sweep(self) -> None:
        """Removes landed files that no publication names. Only with the lock held."""
        self._sweep(self.kept())

    def _sweep(self, kept: list[Publication]) -> None:
        remove(leftovers(self.landed, [p.landed() for p in kept]))

    def unfinished(self) -> Iterator[Path]:
        """What a killed run was writing into the warehouse folder itself."""
        yield from self.root.glob(".published-*")
        for folder in (self.root, self.runs):
            yield from folder.glob(DRAFTS)

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
        """Publishes a built folder in one atomic step.

        It is on disk before that, and so are the copies of its `state` and the files it has
        `landed` (paths below the landed folder).
        """
        new = [self.landed / name for name in landed]
        for file in new:
            synced(file)
        for folder in {
            parent for file in new for parent in file.parents if parent.is_relative_to(self.landed)
        }:
            synced(folder)
        for made, folder in ((state, self.state), (built, self.publications)):
            folder.mkdir(exist_ok=True)
            for path in write_manifest(made):
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

    def record(self, record: RunRecord) -> None:
        """Keeps how a run ended, also where it published nothing."""
        self.runs.mkdir(parents=True, exist_ok=True)
        write_whole(self.runs / record.file_name, record.as_json())

    def record_killed(self, run_ids: Iterable[str]) -> None:
        """Keeps that runs were killed: they could not do so themselves."""
        reasons = ["it was killed, or the machine stopped"]
        for run_id in run_ids:
            record = RunRecord(run_id=run_id, status="killed", as_of=None, reasons=reasons)
            if run_id[:8].isdigit() and not (self.runs / record.file_name).exists():
                self.record(record)

    def recorded(self) -> list[RunRecord]:
        """The records of runs, the oldest first, without those that can't be read."""
        return [run for run in reversed(operations.runs(self.root)) if run.status != UNREADABLE]

    def unreadable_records(self) -> list[Path]:
        """The files of records that `recorded` leaves out."""
        found = reversed(operations.runs(self.root))
        return [self.runs / run.file_name for run in found if run.status == UNREADABLE]

    def next_number(self) -> int:
        """A number above those of all runs that left a trace, whatever the clock says."""
        names = [
            p.name
            for folder in (self.publications, self.state, self.runs, self.building)
            for p in folder.glob("*")
        ]
        return 1 + max((int(n[:8]) for n in names if n[:8].isdigit()), default=0)


def new_run_id(number: int) -> str:
    """An id that sorts by the number of the run; the time keeps it apart from a killed run's."""
    return f"{number:08d}-{datetime.now(UTC):%Y%m%dT%H%M%S%f}"
