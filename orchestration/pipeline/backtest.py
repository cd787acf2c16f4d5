"""A backtest: what a warehouse's history would have cost under proposed contracts.

It builds on what the last publication has landed, as of the same instant, in a folder of its own
that is removed at the end. It does not hold the warehouse, so that a run can go on at the same
time: it keeps what it reads under names of its own. Nothing is published, and no run is recorded.
"""

import secrets
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

import duckdb
import filelock
import polars as pl

from makegood.dashboards.access.reader import Row
from makegood.dashboards.figures import backtests
from makegood.dashboards.figures.backtests import Backtest
from makegood.ingestion.contracts import tables as terms
from makegood.ingestion.contracts.loader import load_folder
from makegood.ingestion.contracts.model import Contract, Version
from makegood.ingestion.contracts.scenarios import Scenarios, alternatives
from makegood.ingestion.files import write_whole
from makegood.ingestion.landing import probes
from makegood.ingestion.landing.land import Landed, damaged
from makegood.ingestion.nearest import nearest
from makegood.ingestion.sql import quoted
from makegood.orchestration.pipeline import build as transform
from makegood.orchestration.pipeline import kept_work
from makegood.orchestration.pipeline.run import AuditFailed, BadArguments, Progress
from makegood.orchestration.settings import Limits
from makegood.orchestration.warehouse.publication import DATABASE, MANIFEST, Publication
from makegood.orchestration.warehouse.store import Damaged, OtherLayout, Warehouse

# where a backtest works, below the folder in which backtests are kept
_WORK = ".at-work-"
# beside the database that is built: the publication that it starts from
_PUBLISHED = "published"


@dataclass(frozen=True)
class Agreement:
    """A published contract. `since`: the date on which its first version begins; None where no
    term of it is in force."""

    name: str
    time_zone: str
    since: date | None


@contextmanager
def replayed(
    warehouse: Path,
    contracts: list[Contract],
    limits: Limits,
    progress: Progress = lambda message: None,
    scenarios: Callable[[Contract], Scenarios] = alternatives,
) -> Iterator[Path]:
    """The database with the marts as they would be had these contracts been in force, for as long
    as the context lasts. `published/makegood.duckdb` beside it is what it is to be compared with.

    A contract that begins later than the published one of its id is replayed from that one's
    beginning. No statement has been issued before (C7). `scenarios`: what the mart what_if
    evaluates. Raises BadArguments, InvalidDocument (terms in force that contradict each other),
    OtherLayout, Damaged, TransformFailed, AuditFailed."""
    place = Warehouse(warehouse)
    _published(place)
    with _folder(place.root) as folder:
        progress("linking what has landed")
        start, landed = _taken(place, folder)
        known, as_of = agreements(start.database), start.run()["as_of"]
        store, work = folder / "landed", folder / kept_work.WORK
        progress("resolving contracts")
        everyone = [_in_force_since(c, known.get(c.contract_id)) for c in contracts]
        everyone += _others(contracts, known, as_of.date())
        with transform.connected(limits, folder) as con:
            _refuse_unknown(con, warehouse, store, landed, contracts)
            # spans that are too coarse for a proposal are made anew, of the checks that have landed
            limit = transform.gap_limit_s(everyone)
            if (landed.files["gap_limit_s"] > limit).any():
                landed = probes.compact(con, store, folder, "backtest", landed, limit, progress)
            parties = transform.parties_of(con, store, landed)
            last_due_year = transform.last_due_year(con, store, landed)
        inputs = terms.tables(everyone, as_of, parties, scenarios, last_due_year)
        transform.lay_out(work, store, landed, inputs)
        built = transform.build(work, folder / DATABASE, folder, limits, progress)
        if broken := transform.failed(built.tests):
            raise AuditFailed(broken)
        yield folder / DATABASE


def backtest(
    warehouse: Path, folder: Path, limits: Limits, progress: Progress = lambda message: None
) -> tuple[Backtest, pl.DataFrame]:
    """Replays a warehouse under the contracts of a folder, and keeps the result below the
    warehouse: what it is about, and its rows (`backtests.ROWS`). Raises what `replayed` does."""
    contracts = load_folder(folder)
    with replayed(warehouse, contracts, limits, progress, lambda contract: []) as built:
        progress("comparing")
        before = built.parent / _PUBLISHED / DATABASE
        rows, notes = _compared(before, built, contracts)
        run = Publication(before.parent, before.parent).run()
    made_at = datetime.now(UTC)
    about = Backtest(
        backtest_id=f"{made_at:%Y%m%dT%H%M%S%f}",
        made_at=made_at,
        as_of=run["as_of"],
        run_id=run["run_id"],
        contracts=folder.absolute(),
        contract_ids=[contract.contract_id for contract in contracts],
        notes=notes,
    )
    write_whole(backtests.file_of(warehouse, about.backtest_id), backtests.as_file(about, rows))
    return about, rows


def agreements(database: Path) -> dict[str, Agreement]:
    """The contracts of a published database by their ids. Raises BadArguments where an earlier
    version built it."""
    with duckdb.connect(str(database), read_only=True) as con, _present_marts():
        found = con.execute(
            """select contract_id, min(contract_name), min(time_zone),
               min(contract_version)
               from marts.contracts left join marts.agreed_terms using (contract_id)
               group by contract_id order by contract_id"""
        ).fetchall()
    return {contract_id: Agreement(*of) for contract_id, *of in found}


# ---------------------------------------------------------------- what is read


def _published(warehouse: Warehouse) -> Publication:
    """What is published in a warehouse; raises BadArguments if nothing is."""
    current = warehouse.current()
    if current is None:
        raise BadArguments(
            f"--warehouse {warehouse.root}: nothing is published there yet: `makegood run` first"
        )
    return current


@contextmanager
def _folder(root: Path) -> Iterator[Path]:
    """A folder to work in, which is removed at the end, with those of backtests that were
    killed."""
    kept = root / backtests.FOLDER
    kept.mkdir(exist_ok=True)
    for lock in kept.glob(f"{_WORK}*.lock"):
        try:
            with filelock.FileLock(lock, timeout=0):
                shutil.rmtree(lock.with_suffix(""), ignore_errors=True)
                lock.unlink(missing_ok=True)
        except filelock.Timeout:
            continue
    folder = kept / f"{_WORK}{secrets.token_hex(8)}"
    lock = folder.with_suffix(".lock")
    with filelock.FileLock(lock):
        try:
            folder.mkdir()
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)
            lock.unlink(missing_ok=True)


def _taken(warehouse: Warehouse, folder: Path) -> tuple[Publication, Landed]:
    """The publication and the landed files that it names, kept below `folder`. Raises BadArguments,
    OtherLayout, Damaged."""
    while True:
        current = _published(warehouse)
        start = Publication(folder / _PUBLISHED, folder / _PUBLISHED)
        try:
            kept_work.keep(current.folder, [DATABASE, MANIFEST], start.folder)
            if not start.is_readable:
                raise Damaged(
                    f"what is published in {warehouse.root} is damaged: run again to build it from "
                    "what has landed"
                )
            if other := warehouse.other_layout(start):
                raise OtherLayout("\n".join(other))
            landed = start.landed()
            kept_work.keep(warehouse.landed, landed.files["path"], folder / "landed")
        except FileNotFoundError as error:
            # runs have published since, and removed it
            if _published(warehouse).folder != current.folder:
                shutil.rmtree(start.folder, ignore_errors=True)
                shutil.rmtree(folder / "landed", ignore_errors=True)
                continue
            raise Damaged(_gone(str(error.filename))) from error
        if bad := damaged(folder / "landed", landed):
            raise Damaged("\n".join(_gone(str(warehouse.landed / path)) for path in bad))
        return start, landed


def _gone(path: str) -> str:
    return f"{path} is missing or damaged: run again, which makes it again from its deliveries"


@contextmanager
def _present_marts() -> Iterator[None]:
    """Raises BadArguments where what is published lacks a mart or a column of this version."""
    try:
        yield
    except (duckdb.BinderException, duckdb.CatalogException) as error:
        raise BadArguments(
            "what is published was built by an earlier version: `makegood run` once, then try "
            f"again ({str(error).splitlines()[0]})"
        ) from error


# ---------------------------------------------------------------- contracts


def _refuse_unknown(
    con: duckdb.DuckDBPyConnection,
    warehouse: Path,
    store: Path,
    landed: Landed,
    contracts: Iterable[Contract],
) -> None:
    """Raises BadArguments where no service that was ever delivered has one of the contracts."""
    files = list(map(str, transform.files_of(store, landed)["services"]))
    query = "select distinct contract_id from read_parquet(?) where contract_id is not null"
    used = sorted(row[0] for row in con.execute(query, [files]).fetchall()) if files else []
    wrong = []
    for contract_id in (c.contract_id for c in contracts if c.contract_id not in used):
        near = nearest(contract_id, used)
        wrong.append(
            f"contract_id {contract_id!r}: no service of {warehouse} is under it"
            + (f"; did you mean {near!r}?" if near else f"; there are {', '.join(used) or 'none'}")
        )
    if wrong:
        raise BadArguments("\n".join(wrong))


def _in_force_since(contract: Contract, published: Agreement | None) -> Contract:
    """A proposal as if its first version had been in force since the published contract began."""
    since = _earlier_start(contract, published)
    if since is None:
        return contract
    first = _first(contract)
    versions = [
        v.model_copy(update={"effective_from": since}) if v is first else v
        for v in contract.versions
    ]
    return contract.model_copy(update={"versions": versions})


def _earlier_start(contract: Contract, published: Agreement | None) -> date | None:
    """The date on which the published contract begins, where that is before the proposal does."""
    since = published.since if published else None
    return since if since and since < _first(contract).effective_from else None


def _first(contract: Contract) -> Version:
    return min(contract.versions, key=lambda version: version.effective_from)


def _others(
    contracts: Iterable[Contract], known: dict[str, Agreement], today: date
) -> list[Contract]:
    """Contracts without terms for those that nothing is proposed for: without them, their rows
    would wait, and with them parts of invoices that decide about other credits (E2)."""
    proposed = {contract.contract_id for contract in contracts}
    return [
        Contract.model_validate(
            {
                "contract_id": contract_id,
                "name": agreement.name,
                "time_zone": agreement.time_zone,
                "versions": [{"effective_from": agreement.since or today, "terms": {}}],
            }
        )
        for contract_id, agreement in known.items()
        if contract_id not in proposed
    ]


# ---------------------------------------------------------------- the comparison

_SIDES = ("published", "proposed")
# each credit with what it is for, of one of the two databases
_CREDITS = """
    select
        credits.*,
        coalesce(causes.downtime, 0) as downtime,
        coalesce(causes.late_resolution, 0) as late_resolution
    from {side}.marts.credits as credits
    left join (
        select
            subscription_id, month, currency,
            sum(amount) filter (cause = 'downtime') as downtime,
            sum(amount) filter (cause = 'late_resolution') as late_resolution
        from {side}.marts.credit_attribution group by all
    ) as causes using (subscription_id, month, currency)
    where list_contains(?, contract_id)
"""
# a credit that one side lacks is 0, except where the two have other periods
_AMOUNT = """
    case
        when {side}.subscription_id is not null then {side}.{column}
        when contract_id not in (select contract_id from periods_differ) then 0
    end::decimal(18, 3) as {side}_{amount}
"""


def _compared(
    before: Path, built: Path, contracts: list[Contract]
) -> tuple[pl.DataFrame, list[str]]:
    """The credits of both databases side by side (`backtests.ROWS`), and notes on what can be
    compared."""
    ids = [contract.contract_id for contract in contracts]
    with duckdb.connect(":memory:") as con:
        for side, database in zip(_SIDES, (before, built), strict=True):
            con.execute(f"attach '{quoted(database)}' as {side} (read_only)")
            with _present_marts():
                con.execute(
                    f"create temp table {side}_credits as {_CREDITS.format(side=side)}", [ids]
                )
        con.execute(
            """create temp table covered as
            select side, contract_id, min(period_kind) as period_kind,
                min(month) as first_day, max(last_day) as last_day
            from (
                select 'published' as side, * from published_credits union all by name
                select 'proposed' as side, * from proposed_credits
            ) group by side, contract_id;
            create temp table periods_differ as
            select contract_id from covered group by contract_id
            having count(distinct period_kind) > 1"""
        )
        amounts = ",".join(
            _AMOUNT.format(side=side, column=column, amount=amount)
            for amount, column in backtests.AMOUNTS.items()
            for side in _SIDES
        )
        either = ", ".join(
            f"coalesce(proposed.{c}, published.{c}) as {c}"
            for c in ("customer_id", "service_id", "region", "last_day", "status")
        )
        flags = ", ".join(
            f"coalesce(proposed.{c}, false) or coalesce(published.{c}, false) as {c}"
            for c in ("is_incomplete", "low_coverage")
        )
        rows = con.sql(
            f"""select contract_id, subscription_id, period_kind, month, currency, {either},
                {flags}, {amounts},
                names.customer_name
            from published_credits as published
            full join proposed_credits as proposed
                using (contract_id, subscription_id, period_kind, month, currency)
            left join proposed.marts.subscriptions as names using (subscription_id)
            where currency is not null
            order by contract_id, month, subscription_id, currency"""
        ).pl()
        covered = con.sql("from covered").pl().to_dicts()
    by_side = {(row["side"], row["contract_id"]): row for row in covered}
    notes = list(_notes(contracts, agreements(before), by_side))
    return rows.select(*backtests.ROWS).cast(backtests.ROWS), notes


def _notes(
    contracts: list[Contract], known: dict[str, Agreement], covered: dict[tuple[str, str], Row]
) -> Iterator[str]:
    """Sentences on what can be compared. `covered`: kind and days of the periods that have credits,
    by side and contract."""
    for contract in contracts:
        contract_id = contract.contract_id
        if contract.party == "customer":
            yield f"{contract_id}: we are its customer; claims of our own are not compared"
            continue
        agreement = known.get(contract_id)
        if agreement is None:
            yield f"{contract_id}: is not published yet, so that nothing is owed under it"
        elif since := _earlier_start(contract, agreement):
            yield (
                f"{contract_id}: the proposal begins on {_first(contract).effective_from}; it is "
                f"replayed as if it had been in force since {since}, when the published agreement "
                "began"
            )
        published, proposed = (covered.get((side, contract_id)) for side in _SIDES)
        if proposed is None:
            yield f"{contract_id}: no subscription has a credit under the proposal"
        if published is None and agreement:
            yield f"{contract_id}: no subscription has a credit under the published agreement"
        if not (published and proposed):
            continue
        if published["period_kind"] != proposed["period_kind"]:
            yield (
                f"{contract_id}: credits are published by {published['period_kind']} and proposed "
                f"by {proposed['period_kind']}: each is listed by its own periods, and the totals "
                "are compared"
            )
        if any(published[day] != proposed[day] for day in ("first_day", "last_day")):
            yield (
                f"{contract_id}: the totals are of different days: "
                f"{published['first_day']} to {published['last_day']} as published, "
                f"{proposed['first_day']} to {proposed['last_day']} under the proposal"
            )
    left_out = sorted(known.keys() - {contract.contract_id for contract in contracts})
    if left_out:
        yield f"not compared, because nothing is proposed for them: {', '.join(left_out)}"
