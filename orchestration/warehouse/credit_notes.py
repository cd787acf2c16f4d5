"""Keeping batches of credit notes: numbers without gaps, contents that never change.

They are beside the publications and under a lock of their own: runs, rollbacks, migrations and
repairs leave them alone, and a batch can be made while a run is at work.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import filelock

from makegood.dashboards.figures.credit_notes import (
    CLOSED,
    FOLDER,
    LAST,
    Batch,
    kept,
    last_number,
    next_number,
)
from makegood.ingestion.files import DRAFTS, synced, write_whole
from makegood.orchestration.warehouse.store import Busy

# another batch takes seconds
_WAIT_SECONDS = 20


class Unsound(RuntimeError):
    """Kept batches are damaged or missing: credits that they hold could be issued twice."""


@contextmanager
def locked(warehouse: Path) -> Iterator[list[Batch]]:
    """The kept batches, held so that no other is made meanwhile. Raises Busy, Unsound."""
    folder = warehouse / FOLDER
    folder.mkdir(exist_ok=True)
    try:
        with filelock.FileLock(folder / "lock", timeout=_WAIT_SECONDS):
            for draft in folder.glob(DRAFTS):
                draft.unlink(missing_ok=True)
            batches = sound(warehouse)
            # one that was kept just before the power went
            _remember(warehouse, batches)
            yield batches
    except filelock.Timeout as error:
        raise Busy(f"another batch of credit notes is being made in {warehouse}") from error


def sound(warehouse: Path) -> list[Batch]:
    """The kept batches in order of their numbers. Raises Unsound."""
    batches, wrong = kept(warehouse)
    refuse(wrong)
    return batches


def refuse(wrong: Sequence[str]) -> None:
    """Raises Unsound if there is anything wrong, a sentence each."""
    if wrong:
        advice = "no batch is made, because credits could be issued twice: restore a backup of it"
        raise Unsound("\n".join([*wrong, advice]))


def keep(warehouse: Path, batch: Batch, batches: Sequence[Batch]) -> None:
    """Keeps a batch beside those that are kept already, as `locked` gave them."""
    assert batch.number == next_number(batches)
    name, content = batch.as_file()
    path = warehouse / FOLDER / name
    write_whole(path, content)
    path.chmod(0o444)
    synced(path.parent)
    _remember(warehouse, [*batches, batch])


def close(warehouse: Path, line_ids: Iterable[str]) -> None:
    """Keeps for good that no invoice will have these lines. Only with the batches locked."""
    folder = warehouse / FOLDER
    for line_id in line_ids:
        path = folder / f"{CLOSED}{line_id}"
        write_whole(path, b"")
        path.chmod(0o444)
    synced(folder)


def _remember(warehouse: Path, batches: Sequence[Batch]) -> None:
    """Keeps the highest number outside the folder."""
    number = next_number(batches) - 1
    if number > last_number(warehouse):
        write_whole(warehouse / LAST, f"{number}\n")
        synced(warehouse)
