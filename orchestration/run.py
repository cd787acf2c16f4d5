"""A run: land, validate, transform, audit, publish. Dagster and the command line both do it by these steps."""

import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from expectations.protocol import CheckResult
from ingestion import checks, landing, terms
from ingestion.contracts import Contract, Terms, load_folder, resolve
from ingestion.landing import Landed, Reading
from ingestion.sql import quoted
from orchestration import transform
from orchestration.settings import Limits
from orchestration.validation import Validation
from orchestration.warehouse import DATABASE, Publication, Warehouse, frames_of, new_run_id

Progress = Callable[[str], None]


class BadArguments(ValueError):
    """What was asked for can't be done as it was asked (exit 2)."""


class Blocked(RuntimeError):
    """The feeds may not be published (exit 3); `reasons` says why."""

    def __init__(self, reasons: list[str]) -> None:
        super().__init__("\n".join(reasons))
        self.reasons = reasons


class AuditFailed(RuntimeError):
    """What was built contradicts itself; it is not published (exit 1)."""


@dataclass(frozen=True)
class Request:
    """What a run is asked to do. `as_of`: aware, in UTC, whole seconds."""

    landing: Path
    warehouse: Path
    contracts: Path
    as_of: datetime
    limits: Limits = field(default_factory=Limits)


@dataclass
class Run:
    """A run that holds its warehouse, from `opened` on."""

    request: Request
    warehouse: Warehouse
    number: int
    run_id: str
    folder: Path
    before: Publication | None
    contracts: list[Contract]
    settings: dict[str, landing.FeedSettings]
    validation: Validation
    progress: Progress
    started: float = field(default_factory=time.monotonic)
    reading: Reading | None = None
    landed_before: Landed = field(default_factory=Landed)
    landed: Landed = field(default_factory=Landed)
    checks: list[CheckResult] = field(default_factory=list)
    tests: list[transform.TestResult] = field(default_factory=list)
    published: Publication | None = None
    failure: BaseException | None = None

    @property
    def database(self) -> Path:
        """The database that is being built."""
        return self.folder / "publication" / DATABASE

    @property
    def work(self) -> Path:
        return self.folder / "work.duckdb"

    def land(self) -> Reading:
        """Reads what is new; raises Blocked if it may not be published."""
        self.landed_before = self.before.landed() if self.before else Landed()
        reading = landing.read(self.request.landing, self.warehouse.landed, self.folder, self.run_id, self.landed_before, self.settings, self.progress)
        self.reading, self.landed = reading, reading.landed
        reasons = reading.blocked_by(self.settings)
        if reasons:
            raise Blocked(reasons)
        with self._connected() as con:
            # a span may not bridge a gap that any contract would call unknown (M1)
            limit = min(v.monitoring.stale_after_s for v in self._terms())
            self.landed = checks.compact(con, self.warehouse.landed, self.folder, self.run_id, reading.landed, limit, self.progress)
        return reading

    def _terms(self) -> Iterator[Terms]:
        for contract in self.contracts:
            for version in contract.versions:
                resolved = resolve(contract, version.effective_from)
                assert resolved is not None
                yield resolved.terms

    def lay_out(self) -> None:
        """Lays out what the models and the expectations read."""
        self.progress("resolving contracts")
        inputs = terms.tables(self.contracts, self.request.as_of, self._parties())
        inputs["statements_before"] = self.before.statements() if self.before else []
        transform.lay_out(self.work, self.warehouse.landed, self.landed, inputs)
        self.validation.begin(self.work, self.folder, self.reading, self.settings)

    def _parties(self) -> list[terms.Party]:
        """Every subscription under every contract that was ever delivered; the models pick those in force."""
        paths = {feed: [str(self.warehouse.landed / p) for p in self.landed.paths("rows", feed)] for feed in ("subscriptions", "services")}
        if not all(paths.values()):
            return []
        with self._connected() as con:
            rows = con.execute(
                """select distinct services.contract_id, subscriptions.customer_id, subscriptions.subscription_id
                   from read_parquet($subscriptions) as subscriptions
                   inner join read_parquet($services) as services on subscriptions.service_id = services.service_id
                   where subscriptions.customer_id is not null and services.contract_id is not null""",
                paths,
            ).fetchall()
        return [terms.Party(*row) for row in rows]

    def transform(self) -> None:
        """Builds and tests the models."""
        self.database.parent.mkdir(parents=True, exist_ok=True)
        self.tests = transform.build(self.work, self.database, self.folder, self.request.limits, self.progress)

    def validated(self) -> list[CheckResult]:
        """What the expectations say of what was landed."""
        if not self.checks:
            self.progress("waiting for the expectations")
            self.checks = self.validation.results()
        return self.checks

    def audit(self) -> None:
        """Raises Blocked or AuditFailed where expectations or tests say that this may not be published."""
        results = self.validated()
        blocking = [f"{c.feed}: {c.expectation} of {c.column_name}: {c.detail}" for c in results if not c.success and c.severity == "block"]
        if blocking:
            raise Blocked(blocking)
        failed = [f"{t.name}: {t.message}" for t in self.tests if not t.passed and t.is_error]
        if failed:
            raise AuditFailed("what was built does not add up and is not published:\n" + "\n".join(failed))

    def publish(self) -> Publication:
        """Adds the state and quality tables, exports the marts, and makes all of it what is published."""
        self.progress("publishing")
        parquet = self.database.parent / "parquet"
        parquet.mkdir()
        history = self._runs_before()
        with duckdb.connect(str(self.database), config={"threads": self.request.limits.threads}) as con:
            con.execute("create schema if not exists state; create schema if not exists quality; set TimeZone = 'UTC'")
            tables = {f"state.{name}": frame for name, frame in frames_of(self.landed).items()}
            tables["quality.check_results"] = pl.DataFrame([vars(c) for c in self.checks], schema=CheckResult.SCHEMA, orient="row")
            tables["quality.warnings"] = self._warnings(con)
            tables["quality.runs"] = pl.concat([history, pl.DataFrame([self._row("published")], schema=RUNS)])
            for name, frame in tables.items():
                con.register("frame", frame.to_arrow())
                con.execute(f"create table {name} as select * from frame")
                con.unregister("frame")
            for (mart,) in con.execute("select table_name from information_schema.tables where table_schema = 'marts' order by 1").fetchall():
                target = parquet / f"{mart}.parquet"
                con.execute(f"copy (select * from marts.{mart}) to '{quoted(target)}' (format parquet, compression zstd)")
        known = set(self.landed_before.files["path"])
        new = [path for path in self.landed.files["path"] if path not in known]
        self.published = self.warehouse.publish(self.database.parent, self.run_id, new)
        return self.published

    @contextmanager
    def step(self) -> Iterator[None]:
        """Notes what a step raises: an orchestrator closes a run without saying why."""
        try:
            yield
        except BaseException as error:
            self.failure = error
            raise

    def _runs_before(self) -> pl.DataFrame:
        if self.before is None:
            return pl.DataFrame(schema=RUNS)
        with self.before.connect() as con:
            con.execute("set TimeZone = 'UTC'")
            return con.sql("select * from quality.runs").pl().cast(RUNS)

    def _row(self, status: str) -> dict[str, Any]:
        reading = self.reading.feeds.values() if self.reading else []
        return {
            "run_number": self.number,
            "run_id": self.run_id,
            "status": status,
            "as_of": self.request.as_of,
            "finished_at": datetime.now(self.request.as_of.tzinfo),
            "seconds": round(time.monotonic() - self.started, 1),
            "files_read": sum(r.files_read for r in reading),
            "rows_read": sum(r.rows_read for r in reading),
            "rows_rejected": sum(r.rows_rejected for r in reading),
        }

    def _warnings(self, con: duckdb.DuckDBPyConnection) -> pl.DataFrame:
        found: list[tuple[str, str]] = con.execute("select about, warning from quality.monitoring_warnings order by all").fetchall()
        found += [("landing", w) for w in (self.reading.warnings if self.reading else [])]
        found += [(c.feed, f"{c.expectation}: {c.detail}") for c in self.checks if not c.success and c.severity == "warn"]
        found += [(t.model or "models", t.description or t.name) for t in self.tests if not t.passed and not t.is_error]
        return pl.DataFrame(found, schema={"about": pl.String, "warning": pl.String}, orient="row")

    @contextmanager
    def _connected(self) -> Iterator[duckdb.DuckDBPyConnection]:
        limits = self.request.limits
        config = {"threads": limits.threads, "memory_limit": limits.memory, "temp_directory": str(self.folder / "spill")}
        with duckdb.connect(":memory:", config=config) as con:
            yield con

    def record(self) -> None:
        """Keeps what became of the run; rejected rows of a run that published nothing are kept beside it, to be mended."""
        status = "published" if self.published else "blocked" if isinstance(self.failure, Blocked) else "failed"
        reasons = self.failure.reasons if isinstance(self.failure, Blocked) else [f"{type(self.failure).__name__}: {self.failure}"] if self.failure else []
        outcome = self._row(status) | {"landing": self.request.landing, "reasons": reasons}
        if not self.published and self.reading is not None and not self.reading.rejected.is_empty():
            self.warehouse.runs.mkdir(parents=True, exist_ok=True)
            path = self.warehouse.runs / f"{self.run_id}-rejected_rows.csv"
            self.reading.rejected.write_csv(path)
            outcome["rejected_rows"] = str(path)
        self.warehouse.record(self.run_id, outcome)


RUNS: dict[str, Any] = {
    "run_number": pl.Int64,
    "run_id": pl.String,
    "status": pl.String,
    "as_of": pl.Datetime("us", "UTC"),
    "finished_at": pl.Datetime("us", "UTC"),
    "seconds": pl.Float64,
    "files_read": pl.Int64,
    "rows_read": pl.Int64,
    "rows_rejected": pl.Int64,
}


@contextmanager
def opened(request: Request, progress: Progress = lambda message: None) -> Iterator[Run]:
    """The warehouse held for a run; whatever is raised is recorded, and leaves what is published as it was.

    Raises BadArguments, InvalidDocument (contracts, feeds.yaml), Busy."""
    if not request.landing.is_dir():
        raise BadArguments(f"--landing {request.landing} is no folder")
    if not request.contracts.is_dir():
        raise BadArguments(f"--contracts {request.contracts} is no folder")
    contracts = load_folder(request.contracts)
    settings = landing.feed_settings(request.landing)
    validation = Validation()
    warehouse = Warehouse(request.warehouse)
    with warehouse.locked():
        before = warehouse.current()
        last = before.run() if before else None
        if last and request.as_of < last["as_of"]:  # type: ignore[operator]
            raise BadArguments(f"--as-of {request.as_of.isoformat()} is before {last['as_of'].isoformat()}, as of which this warehouse is published (T3)")  # type: ignore[attr-defined]
        warehouse.clear()
        number = 1 + (int(last["run_number"]) if last else 0)  # type: ignore[call-overload]
        run_id = new_run_id(number)
        folder = warehouse.building / run_id
        folder.mkdir(parents=True)
        validation.start()
        run = Run(request, warehouse, number, run_id, folder, before, contracts, settings, validation, progress)
        try:
            with run.step():
                yield run
        finally:
            run.record()
            validation.stop()
            shutil.rmtree(folder, ignore_errors=True)


def steps(run: Run) -> Publication:
    """All steps of a run, in order."""
    run.land()
    run.lay_out()
    run.transform()
    run.audit()
    return run.publish()
