"""Readers of file formats: one module a format, found by its being in this folder.

A format's module has `SUFFIXES` and `batches(path, feed)`, an iterator of `Batch` in the order of
the file, whose memory does not grow with the file. It raises UnreadableFile if the file as a whole
can't be used. A `finish()` ends what the module keeps running between files. What a value means
does not belong here: that is `feeds.typing`.
"""

import importlib
import pkgutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import ModuleType

import polars as pl

from makegood.ingestion.feeds.messages import shown
from makegood.ingestion.feeds.specs import Column, Feed
from makegood.ingestion.limits import MOST_COLUMNS

LINE = "_line"
EXTRA = "_extra"
BATCH_ROWS = 65_536


class UnreadableFile(ValueError):
    """A file that is rejected whole; `line` where there is one to name."""

    def __init__(self, reason: str, line: int | None = None) -> None:
        super().__init__(reason)
        self.line = line


@dataclass(frozen=True)
class Refused:
    """A row that could not be read: its first line, the reason, and its text as written."""

    line: int
    reason: str
    raw: str


@dataclass(frozen=True)
class Batch:
    """Rows as they were read: the feed's columns that the file has, as text or in the file's own
    types; `_line`, the first line of the row (in Parquet its number, from 1); `_extra`, the other
    columns as JSON text (null if there are none)."""

    rows: pl.DataFrame
    refused: list[Refused] = field(default_factory=list)


Reader = Callable[[Path, Feed], Iterator[Batch]]


@cache
def _modules() -> list[ModuleType]:
    found = [
        importlib.import_module(f"{__name__}.{info.name}")
        for info in pkgutil.iter_modules(__path__)
    ]
    return [module for module in found if hasattr(module, "SUFFIXES")]


@cache
def readers() -> dict[str, Reader]:
    """Reader by suffix, as in `.csv.gz`."""
    return {suffix: module.batches for module in _modules() for suffix in module.SUFFIXES}


def finish() -> None:
    """Ends what readers keep running between files: to be called when all files are read."""
    for module in _modules():
        if hasattr(module, "finish"):
            module.finish()


def suffix(name: str) -> str | None:
    """The suffix of a file name, in any case, if there is a reader for it; else None."""
    return max((s for s in readers() if name.lower().endswith(s)), key=len, default=None)


def column_names(feed: Feed, present: list[str], line: int | None = 1) -> list[str]:
    """The names of a file's columns; extra ones are made distinct. Raises UnreadableFile if a file
    with these columns can't belong to the feed. `line`: that of the header, if there is one."""
    if len(present) > MOST_COLUMNS:
        raise UnreadableFile(
            f"has {len(present)} columns; {MOST_COLUMNS} are the most that are read", line
        )
    known = known_columns(feed)
    doubled = sorted({c for c in known if present.count(c) > 1})
    if doubled:
        raise UnreadableFile(
            f"has the column {', '.join(doubled)} more than once in its header: leave one of them",
            line,
        )
    needed = feed.key if feed.key and "deleted" in present else feed.required_columns
    missing = [c for c in feed.columns if c.name in needed and c.name not in present]
    if missing:
        raise UnreadableFile(
            _lacks(missing, present, [name for name in present if name not in known]), line
        )
    names: dict[str, None] = {}
    for name in present:
        # extra columns may have any name, also twice, or that of a column of ours
        number = 1
        while name in names or (name.startswith("_") and name not in known):
            number += 1
            name = f"{name.lstrip('_').split('#')[0]}#{number}"
        names[name] = None
    return [*names]


def _lacks(missing: list[Column], present: list[str], unknown: list[str]) -> str:
    """Which required columns a file lacks, and which of its own look like them."""
    what = f"lacks the required column {', '.join(c.name for c in missing)}"
    near = [
        f"{shown(name)} looks like {c.name}: name it so"
        for c in missing
        if (name := c.lookalike(unknown))
    ]
    if len(present) == 1 and (
        mark := next((mark for mark in (";", "\t", "|") if mark in present[0]), None)
    ):
        near = [f"its fields seem to be separated by {shown(mark)}: separate them by commas"]
    return "; ".join([what, *near, f"it has {', '.join(present)[:500] or 'none'}"])


def known_columns(feed: Feed) -> list[str]:
    return [c.name for c in feed.columns] + (["deleted"] if feed.key else [])


def with_extra(rows: pl.DataFrame, feed: Feed) -> pl.DataFrame:
    """The rows with the columns that the feed doesn't know folded into `_extra`."""
    known = {*known_columns(feed), LINE}
    extra = [c for c in rows.columns if c not in known]
    if not extra:
        return rows.with_columns(pl.lit(None, pl.String).alias(EXTRA))
    folded = pl.struct(pl.col(c).cast(pl.String, strict=False) for c in extra).struct.json_encode()
    return rows.with_columns(folded.alias(EXTRA)).drop(extra)
