"""What `makegood doctor` finds wrong with a warehouse folder, and what it can safely repair."""

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb

from makegood.dashboards.figures import credit_notes
from makegood.ingestion.landing.land import damaged, feed_settings, leftovers
from makegood.ingestion.landing.repair import repair_landed
from makegood.ingestion.sql import quoted
from makegood.orchestration.warehouse.publication import LAYOUT, Publication, damage
from makegood.orchestration.warehouse.store import Busy, Damaged, Warehouse

# a run that builds beside what is published needs room for as much again
ROOM = 2


@dataclass(frozen=True)
class Finding:
    """Something that is wrong, and what to do about it."""

    what: str
    action: str


def examine(root: Path) -> list[Finding]:
    """All findings; empty if the warehouse is whole. Looks only, also while a run is at work."""
    warehouse = Warehouse(root)
    findings = list(_folder(warehouse))
    publication = warehouse.current()
    if publication:
        for name, what in publication.damage.items():
            findings.append(
                Finding(
                    f"{publication.folder / name} {what}",
                    "run again: it is built again from what has landed",
                )
            )
        for name, what in damage(publication.copies).items():
            findings.append(
                Finding(f"{publication.copies / name} {what}", "run again: the copy is made again")
            )
        other = warehouse.other_layout(publication) if publication.has_state else None
        findings += [Finding(*other)] if other else []
        findings += [] if publication.damage else _contents(warehouse, publication)
    findings += _records(warehouse)
    batches, wrong = credit_notes.kept(warehouse.root)
    if publication and not publication.damage:
        wrong += credit_notes.not_kept(_issued(publication), batches)
    findings += [
        Finding(what, "restore it from a backup: until then no batch of credit notes is made")
        for what in wrong
    ]
    try:
        # a run at work is not a fault: what it has written so far is not a leftover
        with warehouse.locked():
            pass
        findings += _left_behind(warehouse)
    except Busy:
        pass
    except OSError as error:
        findings.append(
            Finding(
                f"{root} can't be written to: {error.strerror}",
                "give the user that runs makegood the right to write there",
            )
        )
    return findings


def _folder(warehouse: Warehouse) -> Iterator[Finding]:
    if warehouse.link.exists() and not warehouse.link.is_symlink():
        yield Finding(
            f"{warehouse.link} is a folder instead of a link",
            "restore the backup again, with its links (example: cp -a)",
        )
    elif any(warehouse.publications.glob("*")) and warehouse.current() is None:
        yield Finding(
            f"{warehouse.link} leads nowhere",
            "run again, or repair: it will lead to the last whole publication",
        )
    size = sum(p.stat().st_size for p in warehouse.link.resolve().rglob("*") if p.is_file())
    free = shutil.disk_usage(warehouse.root).free
    if free < ROOM * size:
        yield Finding(
            f"{free >> 20} MiB are free, a run needs about {ROOM * size >> 20}",
            "make room on the disk",
        )


def _contents(warehouse: Warehouse, publication: Publication) -> Iterator[Finding]:
    """What a reader of the database and of its exports would stumble over."""
    restore = "restore a backup, or deliver everything again into another warehouse"
    try:
        with publication.connect() as con:
            tables = con.execute(
                "select table_schema, table_name from information_schema.tables order by all"
            ).fetchall()
            for schema, table in tables:
                rows = con.execute(
                    f"select count(*) from (select * from {schema}.{table})"
                ).fetchall()[0][0]
                export = publication.folder / "parquet" / f"{table}.parquet"
                if (
                    schema == "marts"
                    and con.execute(f"select count(*) from '{quoted(export)}'").fetchall()[0][0]
                    != rows
                ):
                    yield Finding(f"{export} has other rows than marts.{table}", restore)
        # what has landed in another layout is not read any more
        bad = (
            damaged(warehouse.landed, publication.landed()) if publication.layout == LAYOUT else []
        )
    except duckdb.Error as error:
        yield Finding(f"{publication.database} can't be read: {error}", restore)
        return
    for path in bad:
        yield Finding(
            f"{warehouse.landed / path} is missing or damaged",
            "run again, or repair: it is made again from its deliveries, while they are there",
        )


def _issued(publication: Publication) -> list[str]:
    """The ids of the credits on invoices; none where they can't be read, which is named already."""
    try:
        with publication.connect() as con:
            rows = con.execute("select line_id from marts.credit_issued_lines").fetchall()
    except duckdb.Error:
        return []
    return [line_id for (line_id,) in rows]


def _records(warehouse: Warehouse) -> Iterator[Finding]:
    for path in warehouse.unreadable_records():
        yield Finding(
            f"{path} can't be read: how that run ended is not known",
            "remove it; no figure depends on it",
        )


def _left_behind(warehouse: Warehouse) -> Iterator[Finding]:
    current = warehouse.current()
    later = [
        p for p in warehouse.publications.glob("*") if current and p.name > current.folder.name
    ]
    try:
        there = [*warehouse.kept(), *warehouse.still_there()]
        orphans = list(leftovers(warehouse.landed, [p.landed() for p in there]))
    except (duckdb.Error, Damaged):
        orphans = []  # said of the publication itself
    for path in [
        *warehouse.building.glob("*"),
        *later,
        *warehouse.unfinished(),
        *orphans,
    ]:
        yield Finding(
            f"{path} was left by a run that ended early",
            "nothing: the next run removes it; or repair",
        )


def repair(root: Path, landing: Path | None) -> list[str]:
    """Repairs what is safe, and returns what was done: nothing that was published changes.

    Raises Busy, Damaged, OtherLayout, Unrepairable."""
    warehouse = Warehouse(root)
    with warehouse.locked():
        warehouse.check_layout()
        done = warehouse.repair()
        left = [f.what for f in _left_behind(warehouse)]
        killed = warehouse.clear()
        done += [f"removed: {what}" for what in left]
        warehouse.record_killed(killed)
        last = warehouse.last()
        if last and landing:
            scratch = warehouse.building / f"repair-{os.getpid()}"
            try:
                with duckdb.connect(":memory:") as con:
                    done += repair_landed(
                        con,
                        landing,
                        warehouse.landed,
                        scratch,
                        last.landed(),
                        feed_settings(landing),
                        warehouse.inbox,
                    )[1]
            finally:
                shutil.rmtree(scratch, ignore_errors=True)
        for path in warehouse.unreadable_records():
            path.replace(path.with_suffix(".unreadable"))
            done.append(f"set aside: {path}")
    return done
