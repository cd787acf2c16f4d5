"""Going back to an earlier publication, so that a run with a wrong `as_of` can be undone.

What is gone back to is published once more, as a copy under a number of its own: nothing that was
published changes, and the newest publication is the one in force. Statements that were issued since
are kept as withdrawn, and their versions are never used again (C7).
"""

import shutil
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from makegood.dashboards.figures.operations import RunRecord
from makegood.dashboards.figures.style import money, timestamp
from makegood.ingestion.landing.repair import at_hand
from makegood.orchestration.alerts import store as alerting
from makegood.orchestration.alerts.kinds import Outcome
from makegood.orchestration.alerts.settings import settings_of
from makegood.orchestration.warehouse.publication import (
    DATABASE,
    MANIFEST,
    PUBLISHED,
    RUNS,
    WITHDRAWN,
    Publication,
    copy_state,
)
from makegood.orchestration.warehouse.store import ROLLED_BACK, Warehouse, new_run_id

_KEY = ["subscription_id", "month", "currency", "statement_version"]
# columns of WITHDRAWN that a statement has
_STATEMENT = {k: v for k, v in WITHDRAWN.items() if k not in ("withdrawn_at", "issued_run_id")}


class NothingToGoBackTo(RuntimeError):
    """No earlier publication is kept that could be gone back to."""


class NotKept(ValueError):
    """The run that was named has no publication that can be gone back to."""


class Overtaken(RuntimeError):
    """Another run has published since the plan was made."""


@dataclass(frozen=True)
class Plan:
    """From which publication to which; nothing has been done yet."""

    last: Publication
    target: Publication

    @cached_property
    def withdrawn(self) -> pl.DataFrame:
        """The statements that were issued since: columns of `WITHDRAWN` without `withdrawn_at`."""
        now, then = _statements(self.last), _statements(self.target)
        since = now.join(then, on=_KEY, how="anti", nulls_equal=True).sort(_KEY)
        issuers = [self._issuer(statement) for statement in since.to_dicts()]
        return since.with_columns(pl.Series("issued_run_id", issuers, pl.String))

    def _issuer(self, statement: dict[str, Any]) -> str | None:
        """The run that issued a statement: the first with its `as_of` that holds it."""
        for run_id, as_of, held in self._since:
            if as_of == statement["issued_at"] and (held is None or _key(statement) in held):
                return run_id
        return None

    @cached_property
    def _since(self) -> list[tuple[str, datetime, set[tuple[Any, ...]] | None]]:
        """The runs since: id, `as_of`, and the statements they hold if they are still kept."""
        found = []
        is_later = pl.col("run_number") > self.target.run()["run_number"]
        runs = self.last.runs().filter(is_later, pl.col("status") != ROLLED_BACK)
        for run_id, as_of in runs.select("run_id", "as_of").iter_rows():
            folders = (self.last.folder, self.last.copies)
            publication = Publication(*(folder.parent / run_id for folder in folders))
            held = set(map(_key, publication.statements())) if publication.has_state else None
            found.append((run_id, as_of, held))
        return found

    @cached_property
    def undone(self) -> pl.DataFrame:
        """What was delivered since (`landing.DELIVERIES`): the next run reads it again."""
        now, then = (publication.landed().deliveries for publication in (self.last, self.target))
        return now.join(then, on=["run_id", "delivery_id"], how="anti").sort("delivery_id")

    def in_words(self, landing: Path | None) -> list[str]:
        """What going back would do, a line each. `landing`: where files are looked for that have
        to be read again."""
        lines = [f"back from {_named(self.last)}", f"to        {_named(self.target)}", ""]
        lines += [
            "statements that are withdrawn; quality.withdrawn_statements keeps them",
            *(map(_listed, self.withdrawn.to_dicts()) if self.withdrawn.height else ["  none"]),
            "",
            "deliveries that are undone (the next run reads them again)",
            *([f"  {path}" for path in self.undone["path"]] or ["  none"]),
        ]
        if self.undone.is_empty():
            return lines
        if landing is None:
            return [
                *lines,
                "their files must be in the landing folder then: --landing DIR says which are not",
            ]
        inbox = Warehouse(self.last.folder.parents[1]).inbox
        gone = at_hand(landing, self.undone.to_dicts(), inbox)[1]
        return [
            *lines,
            "",
            f"of these no longer below {landing} (put them back, or their rows will be missing)",
            *([f"  {file}" for file in gone] or ["  none"]),
        ]


def _statements(publication: Publication) -> pl.DataFrame:
    return pl.DataFrame(publication.statements(), schema=_STATEMENT)


def _key(statement: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(statement[name] for name in _KEY)


def _listed(statement: dict[str, Any]) -> str:
    amount = money(statement["credit_amount"], statement["currency"])
    return (
        f"  {statement['subscription_id']:<16} {statement['month']:%Y-%m} {amount:>18}, "
        f"version {statement['statement_version']}, "
        f"issued by run {statement['issued_run_id'] or 'unknown'}"
    )


def _named(publication: Publication) -> str:
    run = publication.run()
    return f"run {run['run_id']}, as of {timestamp(run['as_of'])}"


def plan(root: Path, run_id: str | None) -> Plan:
    """What going back would do, to the publication of a run or to the newest that there is.

    Raises Busy, Damaged, OtherLayout, NothingToGoBackTo, NotKept."""
    warehouse = Warehouse(root)
    with warehouse.locked():
        warehouse.check_layout()
        last, earlier = warehouse.last(), warehouse.earlier()
    if last is None:
        raise NothingToGoBackTo(f"nothing is published in {root} yet: there is nothing to undo")
    if not earlier:
        raise NothingToGoBackTo(f"{root} keeps no earlier publication: restore a backup instead")
    target = next((p for p in earlier if run_id in (None, p.folder.name)), None)
    if target is None:
        lines = [f"--to {run_id}: that run has no publication to go back to; name one of these"]
        raise NotKept("\n".join([*lines, *(f"  {_named(publication)}" for publication in earlier)]))
    return Plan(last, target)


def roll_back(root: Path, planned: Plan, alerts: Path | None = None) -> Publication:
    """Publishes the target of a plan once more, together with what is withdrawn.

    Raises InvalidDocument (alerts.yaml), Busy, Damaged, Overtaken."""
    warehouse, told = Warehouse(root), settings_of(root, alerts)
    with warehouse.locked():
        last = warehouse.last()
        if last is None or last.folder != planned.last.folder:
            raise Overtaken("another run has published meanwhile: look again at what this undoes")
        now, number = datetime.now(UTC), warehouse.next_number()
        # asked before older publications are removed, which say who issued what
        at = pl.lit(now, WITHDRAWN["withdrawn_at"]).alias("withdrawn_at")
        since = planned.withdrawn.with_columns(at).select(*WITHDRAWN)
        withdrawn = pl.concat([last.withdrawn(), since])
        reason = (
            f"from {_named(planned.last)}, to {_named(planned.target)}: "
            f"{planned.withdrawn.height} statements are withdrawn, "
            f"{planned.undone.height} deliveries are read again by the next run"
        )
        run_id, as_of = new_run_id(number), planned.target.run()["as_of"]
        row = {"run_number": number, "run_id": run_id, "status": ROLLED_BACK, "as_of": as_of}
        row |= {"finished_at": now, "seconds": 0.0}
        row |= {"files_read": 0, "rows_read": 0, "rows_rejected": 0}
        killed = warehouse.clear()
        warehouse.record_killed(killed)
        folder = warehouse.building / run_id
        try:
            _build(planned.target, folder, pl.DataFrame([row], schema=RUNS), withdrawn)
            published = warehouse.publish(folder / "publication", folder / "state", run_id)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        names = {
            "rolled_back_from": planned.last.folder.name,
            "rolled_back_to": planned.target.folder.name,
        }
        with suppress(OSError):
            warehouse.record(RunRecord.model_validate(row | names | {"reasons": [reason]}))
        outcome = Outcome(run_id, "rolled back", as_of, (reason,), killed=tuple(killed))
        alerting.after_run(warehouse, told, outcome, now)
    return published


def _build(target: Publication, folder: Path, run: pl.DataFrame, withdrawn: pl.DataFrame) -> None:
    """Copies a publication below `folder`, adds the run, and replaces what is withdrawn."""
    built = folder / "publication"
    shutil.copytree(target.folder, built, ignore=shutil.ignore_patterns(MANIFEST, PUBLISHED))
    (built / DATABASE).chmod(0o644)
    with duckdb.connect(str(built / DATABASE)) as con:
        con.execute("set TimeZone = 'UTC'; delete from quality.withdrawn_statements")
        # tables stay as they are, with the comments on their columns
        for table, rows in (("withdrawn_statements", withdrawn), ("runs", run)):
            con.register("frame", rows.to_arrow())
            con.execute(f"insert into quality.{table} by name select * from frame")
            con.unregister("frame")
        copy_state(con, folder / "state")
