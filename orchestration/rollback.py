"""Going back to an earlier publication that is still kept, so that a run with a wrong `as_of` can be undone.

What is gone back to is published once more, as a copy and under a number of its own: nothing that was published changes, and the newest
publication is the one in force. Statements that were issued since are kept as withdrawn, and their versions are never used again (C7).
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

from dashboards.words import money
from ingestion.mending import at_hand
from orchestration import alerting
from orchestration.alert_settings import settings_of
from orchestration.alerts import Outcome
from orchestration.warehouse import DATABASE, MANIFEST, PUBLISHED, ROLLED_BACK, RUNS, WITHDRAWN, Publication, Warehouse, copy_state, new_run_id

_STATEMENT = ["subscription_id", "month", "currency", "statement_version"]


class NothingToGoBackTo(RuntimeError):
    """No earlier publication is kept that could be gone back to."""


class NotKept(ValueError):
    """The run that was named published nothing that can be gone back to."""


class Overtaken(RuntimeError):
    """Another run has published since the plan was made."""


@dataclass(frozen=True)
class Plan:
    """From which publication to which; nothing has been done yet."""

    last: Publication
    target: Publication

    @cached_property
    def withdrawn(self) -> pl.DataFrame:
        """The statements that were issued since, as `WITHDRAWN` without the instant."""
        since = pl.DataFrame(self.last.statements(), schema={name: WITHDRAWN[name] for name in WITHDRAWN if name not in _ADDED})
        since = since.join(pl.DataFrame(self.target.statements(), schema=since.schema), on=_STATEMENT, how="anti", nulls_equal=True).sort(_STATEMENT)
        issuers = [self._issuer(statement) for statement in since.to_dicts()]
        return since.with_columns(pl.Series("issued_run_id", issuers, pl.String))

    def _issuer(self, statement: dict[str, Any]) -> str | None:
        """The run that issued a statement: the first with its `as_of` that holds it."""
        key = tuple(statement[name] for name in _STATEMENT)
        return next((run_id for run_id, as_of, held in self._since if as_of == statement["issued_at"] and (held is None or key in held)), None)

    @cached_property
    def _since(self) -> list[tuple[str, datetime, set[tuple[Any, ...]] | None]]:
        """The runs since: id, `as_of`, and which statements they hold, where they are still kept."""
        folder, found = self.last.folder.parent, []
        for run in self.last.runs().filter(pl.col("run_number") > self.target.run()["run_number"]).to_dicts():
            held = None
            publication = Publication(folder / run["run_id"], self.last.copies.parent / run["run_id"])
            if publication.has_state:
                held = {tuple(statement[name] for name in _STATEMENT) for statement in publication.statements()}
            found.append((run["run_id"], run["as_of"], held))
        return found

    @cached_property
    def undone(self) -> pl.DataFrame:
        """The deliveries that landed since (`landing.DELIVERIES`): they count as not delivered, and are read again by the next run."""
        return self.last.landed().deliveries.join(self.target.landed().deliveries, on=["run_id", "delivery_id"], how="anti").sort("delivery_id")

    def in_words(self, landing: Path | None) -> list[str]:
        """What going back means, a line each. `landing`: where deliveries are looked for that have to be read again."""
        lines = [f"back from {_named(self.last)}", f"to        {_named(self.target)}", ""]
        lines.append("statements that are withdrawn (kept in quality.withdrawn_statements; their versions are not used again)")
        lines += [
            f"  {s['subscription_id']:<16} {s['month']:%Y-%m} {money(s['credit_amount'], s['currency']):>18}, version {s['statement_version']}, "
            f"issued by run {s['issued_run_id'] or 'unknown'}"
            for s in self.withdrawn.to_dicts()
        ] or ["  none"]
        lines += ["", "deliveries that are undone (the next run reads them again)"]
        lines += [f"  {path}" for path in self.undone["path"]] or ["  none"]
        if landing and not self.undone.is_empty():
            gone = at_hand(landing, self.undone.to_dicts())[1]
            lines += ["", f"of these, no longer below {landing} (put them back before the next run, or their rows are missing)"]
            lines += [f"  {file}" for file in gone] or ["  none"]
        elif not self.undone.is_empty():
            lines.append("all of them must lie in the landing folder then; name it with --landing to see which do not")
        return lines


_ADDED = {"withdrawn_at", "issued_run_id"}


def _named(publication: Publication) -> str:
    run = publication.run()
    return f"run {run['run_id']}, as of {run['as_of']:%Y-%m-%dT%H:%M:%SZ}"


def plan(root: Path, run_id: str | None) -> Plan:
    """What going back would do, to the publication of a run or to the newest that can be gone back to. Raises Busy, Damaged, OtherLayout,
    NothingToGoBackTo, NotKept."""
    warehouse = Warehouse(root)
    with warehouse.locked():
        warehouse.check_layout()
        last, earlier = warehouse.last(), warehouse.earlier()
    if last is None:
        raise NothingToGoBackTo(f"nothing is published in {root} yet: there is nothing to go back from")
    if not earlier:
        raise NothingToGoBackTo(f"{root} keeps no earlier publication that can be gone back to: restore a backup of before")
    target = next((p for p in earlier if run_id in (None, p.folder.name)), None)
    if target is None:
        can_be = "\n".join(f"  {_named(p)}" for p in earlier)
        raise NotKept(f"--to {run_id}: there is no publication of that run to go back to; name one of these:\n{can_be}")
    return Plan(last, target)


def roll_back(root: Path, planned: Plan, alerts: Path | None = None) -> Publication:
    """Publishes the target of a plan once more, and what was withdrawn with it. Raises InvalidDocument (alerts.yaml), Busy, Damaged, Overtaken."""
    warehouse, told = Warehouse(root), settings_of(root, alerts)
    with warehouse.locked():
        last = warehouse.last()
        if last is None or last.folder != planned.last.folder:
            raise Overtaken("another run has published meanwhile: look again at what going back would mean")
        started, number = datetime.now(UTC), warehouse.next_number()
        run_id = new_run_id(number)
        killed = warehouse.clear()
        warehouse.record_killed(killed)
        folder = warehouse.building / run_id
        target: dict[str, Any] = planned.target.run()
        row = {"run_number": number, "run_id": run_id, "status": ROLLED_BACK, "as_of": target["as_of"], "finished_at": started}
        row |= {"seconds": 0.0, "files_read": 0, "rows_read": 0, "rows_rejected": 0}
        withdrawn = planned.withdrawn.with_columns(pl.lit(started, WITHDRAWN["withdrawn_at"]).alias("withdrawn_at")).select(WITHDRAWN.keys())
        try:
            built = folder / "publication"
            shutil.copytree(planned.target.folder, built, ignore=shutil.ignore_patterns(MANIFEST, PUBLISHED))
            (built / DATABASE).chmod(0o644)
            with duckdb.connect(str(built / DATABASE)) as con:
                con.execute("set TimeZone = 'UTC'; delete from quality.withdrawn_statements")
                _add(con, "quality.withdrawn_statements", pl.concat([last.withdrawn(), withdrawn]))
                _add(con, "quality.runs", pl.DataFrame([row], schema=RUNS))
                copy_state(con, folder / "state")
            published = warehouse.publish(built, folder / "state", run_id)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        reason = (
            f"from {_named(planned.last)}, to {_named(planned.target)}: "
            f"{withdrawn.height} statements are withdrawn, {planned.undone.height} deliveries are read again by the next run"
        )
        with suppress(OSError):
            warehouse.record(run_id, row | {"rolled_back_from": planned.last.folder.name, "rolled_back_to": planned.target.folder.name, "reasons": [reason]})
        alerting.after_run(warehouse, told, Outcome(run_id, "rolled back", target["as_of"], (reason,), killed=tuple(killed)), started)
    return published


def _add(con: duckdb.DuckDBPyConnection, table: str, rows: pl.DataFrame) -> None:
    # tables stay, with the comments on their columns
    con.register("frame", rows.to_arrow())
    con.execute(f"insert into {table} by name select * from frame")
    con.unregister("frame")
