"""Landing a warehouse of an earlier layout anew: all its deliveries, from the delivered files.

It is a run that reads what has been delivered instead of what is new. Statements, alerts, profiles
of feeds and the history of runs go on; what was published stays as it was until the new publication
takes its place.
"""

from collections.abc import Callable
from dataclasses import fields, replace
from datetime import datetime
from itertools import groupby
from pathlib import Path

import polars as pl

from makegood.ingestion.landing import land as landing
from makegood.ingestion.landing import probes as checks
from makegood.ingestion.landing import repair as landed_repair
from makegood.ingestion.landing.discovery import NewFile
from makegood.ingestion.landing.land import FeedReading, Landed, Reading
from makegood.orchestration.pipeline.run import Progress, Request, Run, opened, steps
from makegood.orchestration.warehouse.publication import LAYOUT
from makegood.orchestration.warehouse.store import Warehouse


class FilesGone(RuntimeError):
    """Delivered files are no longer there, so that what they brought can't be landed anew."""


class Migration(Run):
    """A run that lands all deliveries anew."""

    @staticmethod
    def check_layout(warehouse: Warehouse) -> None:
        """An earlier layout is what it is for."""

    @property
    def first_read(self) -> int:
        return 1

    def read(self) -> Reading:
        """Reads all deliveries anew, in their order and under their numbers. Raises FilesGone."""
        assert self.before is not None
        self.landed_before = self.before.landed()
        deliveries = self.landed_before.deliveries.sort("delivery_id")
        files = _files(self.request.landing, deliveries, self.warehouse.inbox)
        rejected = pl.DataFrame(schema=landing.REJECTED_ROWS)
        whole = Reading(Landed(), {name: FeedReading() for name in self.settings}, rejected, [])
        # run by run: limits on what a run may hold in memory were kept by each of them
        by_run = groupby(deliveries.select("run_id", "delivery_id").iter_rows(), lambda d: d[0])
        for run_id, numbers in by_run:
            self._land_again(whole, run_id, {number: files[number] for _, number in numbers})
        whole.warnings = whole.undelivered()
        return whole

    def _land_again(self, whole: Reading, run_id: str, files: dict[int, NewFile]) -> None:
        """Lands what a run had read, and adds it to `whole`."""
        store, work = self.warehouse.landed, self.folder / run_id
        work.mkdir()
        # under names of their own: files of the earlier layout stay while a publication names them
        name = f"{run_id}-layout{LAYOUT}"
        part = landing.land(files, store, work, name, self.settings, self.progress)
        delivered = part.landed.deliveries.with_columns(pl.lit(run_id).alias("run_id"))
        landed = replace(
            whole.landed,
            deliveries=pl.concat([whole.landed.deliveries, delivered]),
            files=pl.concat([whole.landed.files, part.landed.files]),
        )
        with self._connected() as con:
            whole.landed, _ = checks.land(con, store, work, name, landed, self.progress)
        whole.rejected = pl.concat([whole.rejected, part.rejected])
        whole.feeds = {feed: _sum(read, part.feeds[feed]) for feed, read in whole.feeds.items()}


def _files(folder: Path, deliveries: pl.DataFrame, inbox: Path) -> dict[int, NewFile]:
    """The files of deliveries by their numbers; raises FilesGone."""
    files, gone = landed_repair.at_hand(folder, deliveries.to_dicts(), inbox)
    if gone:
        share = f"{len(gone)} of {deliveries.height} delivered files"
        first = f"{share} are no longer below {folder}: put them back, with the content they had"
        raise FilesGone("\n".join([first, *gone]))
    return files


def _sum(one: FeedReading, other: FeedReading) -> FeedReading:
    values = {f.name: getattr(one, f.name) + getattr(other, f.name) for f in fields(one)}
    return FeedReading(**values)


def migrate(
    root: Path,
    request: Callable[[datetime], Request],
    tell: Callable[[Run], str],
    progress: Progress = lambda message: None,
) -> str | None:
    """Lands the warehouse anew in the present layout and publishes it. Gives what `tell` makes of
    the run; None where the warehouse is of that layout, or nothing is published in it.

    `request`: what is asked for, given the `as_of` of what is published. Raises what a run raises,
    FilesGone and LaterLayout."""
    warehouse = Warehouse(root)
    last = warehouse.last()
    if last is None or last.layout == LAYOUT:
        return None
    if last.layout > LAYOUT:
        warehouse.check_layout()
    asked = request(last.run()["as_of"])
    # before the warehouse is held: where files are gone, nothing at all changes
    _files(asked.landing, last.landed().deliveries, warehouse.inbox)
    with opened(asked, progress, Migration) as run:
        steps(run)
        return tell(run)
