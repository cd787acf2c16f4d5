"""What `makegood run --keep-work DIR` leaves for work on the models with dbt.

work.duckdb      what the models read (schemas `landed`, `inputs`), and the throw-away tables
makegood.duckdb  the marts as the run built them, also where it then failed
landed/          the landed files that work.duckdb reads: it needs neither warehouse nor run

dbt_project/profiles.yml reads the folder; CONTRIBUTING.md shows how.
"""

import os
import shutil
from collections.abc import Iterable
from pathlib import Path

from makegood.ingestion.landing.land import Landed
from makegood.orchestration.warehouse.publication import DATABASE

WORK = "work.duckdb"


def refusal(folder: Path) -> str | None:
    """Why nothing can be kept in this folder; None where it is new, empty or of an earlier run."""
    if folder.exists() and not folder.is_dir():
        return "is a file: name a folder, for example build/work"
    if folder.is_dir() and any(folder.iterdir()) and not (folder / WORK).exists():
        return f"is not empty and holds no {WORK} of an earlier run: name a new folder"
    return None


def landed(folder: Path) -> Path:
    """Where the landed files are kept."""
    return folder.absolute() / "landed"


def prepare(folder: Path, store: Path, files: Landed) -> None:
    """Clears what an earlier run kept, and keeps the landed files."""
    for database in (WORK, DATABASE):
        for path in folder.glob(f"{database}*"):
            path.unlink()
    kept = landed(folder)
    shutil.rmtree(kept, ignore_errors=True)
    keep(store, files.files["path"], kept)
    folder.mkdir(parents=True, exist_ok=True)


def keep(store: Path, names: Iterable[str], folder: Path) -> None:
    """Keeps files that never change: below `folder` they stay, also when those below `store` are
    removed. `names`: paths below both. Raises FileNotFoundError."""
    for name in names:
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            # a second name costs no space
            os.link(store / name, target)
        except OSError:
            shutil.copyfile(store / name, target)
