"""Pulling sources for a warehouse: one pull at a time, and what each did, kept for others to see.

Does not belong here: how a system is read (`ingestion/connect`).
"""

import json
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import filelock

from makegood.ingestion.connect import pull as pulling
from makegood.ingestion.connect.deliver import KEPT, Runs, disagreements
from makegood.ingestion.connect.pull import Progress, Pulled
from makegood.ingestion.connect.settings import Settings, Source
from makegood.ingestion.connect.system import Unreadable
from makegood.ingestion.files import write_whole
from makegood.orchestration.settings import environment_of
from makegood.orchestration.warehouse.store import Warehouse

FOLDER = "connect"


class Busy(RuntimeError):
    """Another pull is at work on the warehouse."""


def pull_all(
    settings: Settings,
    sources: Iterable[Source],
    landing: Path,
    warehouse: Path,
    progress: Progress,
    from_start: bool = False,
) -> tuple[list[Pulled], list[str]]:
    """Pulls sources one after the other: what each did, and why others failed, which changes
    nothing for those that did not. `from_start`: APIs are read from their start again. Raises
    Busy."""
    folder = warehouse / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    landing.mkdir(parents=True, exist_ok=True)
    done: list[Pulled] = []
    failures: list[str] = []
    try:
        with filelock.FileLock(folder / ".lock", timeout=0):
            runs = Runs(landed_files(warehouse), Warehouse(warehouse).is_at_work)
            # where there were some, they are taken back
            if settings.rows or (folder / "rows").is_dir():
                try:
                    done.append(pulling.own_rows(settings, landing, folder, runs))
                except Unreadable as error:
                    failures.append(f"rows: {error}")
            for source in sources:

                def named(step: str, name: str = source.name) -> None:
                    progress(f"{name}: {step}")

                try:
                    pulled = pulling.pull(
                        settings,
                        source,
                        landing,
                        folder,
                        environment_of(source.variables),
                        named,
                        from_start,
                        runs,
                    )
                except Unreadable as error:
                    failures.append(f"{source.name}: {error}")
                else:
                    _keep_left(folder / source.name, pulled)
                    done.append(pulled)
            known = [name for name in ("rows", *settings.sources) if (folder / name).is_dir()]
            if done:
                # one that is damaged was named as it was pulled
                with suppress(Unreadable):
                    done[-1].notes.update(disagreements(folder, known))
                done[-1].notes.update(
                    f"{name} is not in connect.yaml any more: what it delivered stays in force"
                    for name in sorted(path.parent.name for path in folder.glob(f"*/{KEPT}"))
                    if name not in known
                )
    except filelock.Timeout as error:
        raise Busy(f"another pull is at work on {warehouse}: pull again when it is done") from error
    return done, failures


def landed_files(warehouse: Path) -> frozenset[str]:
    """The files that runs have landed, as paths below the landing folder."""
    current = Warehouse(warehouse).current()
    if current is None or not current.has_state:
        return frozenset()
    return frozenset(current.landed().deliveries["path"])


def left_file(folder: Path) -> Path:
    """Where a source's pull names all that it left."""
    return folder / "left.jsonl"


def _keep_left(folder: Path, pulled: Pulled) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    lines = [
        json.dumps({"what": left.what, "where": left.where, "why": left.why}, ensure_ascii=False)
        for left in pulled.left
    ]
    write_whole(left_file(folder), "".join(f"{line}\n" for line in lines))
