"""A run: land, validate, transform, audit, publish. Dagster and the command line both do it by
these steps."""

import shutil
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import duckdb
import polars as pl

from makegood.dashboards.exports.files import without_formulas
from makegood.dashboards.figures.operations import RunRecord
from makegood.dashboards.figures.style import timestamp
from makegood.expectations import data_docs
from makegood.expectations.protocol import ExpectationResult
from makegood.ingestion.contracts import tables as terms
from makegood.ingestion.contracts.loader import load_folder
from makegood.ingestion.contracts.model import Contract
from makegood.ingestion.feeds.specs import feeds
from makegood.ingestion.landing import land as landing
from makegood.ingestion.landing import probes as checks
from makegood.ingestion.landing import profiles
from makegood.ingestion.landing import repair as landed_repair
from makegood.ingestion.landing.land import Landed, Reading
from makegood.ingestion.sql import quoted
from makegood.ingestion.strict_yaml import InvalidDocument
from makegood.orchestration.alerts import store as alerting
from makegood.orchestration.alerts.kinds import Outcome
from makegood.orchestration.alerts.settings import Settings, settings_of
from makegood.orchestration.pipeline import build as transform
from makegood.orchestration.pipeline import findings, kept_work
from makegood.orchestration.pipeline.figures import figure_suites
from makegood.orchestration.pipeline.thresholds import check_settings
from makegood.orchestration.pipeline.validation import Validation, feed_suites
from makegood.orchestration.settings import Limits, Spark
from makegood.orchestration.spark import cluster
from makegood.orchestration.warehouse.publication import (
    DATABASE,
    LAYOUT,
    RUNS,
    WITHDRAWN,
    Publication,
    copy_state,
    frames_of,
)
from makegood.orchestration.warehouse.store import (
    Busy,
    Damaged,
    LaterLayout,
    OtherLayout,
    Warehouse,
    new_run_id,
)

Progress = Callable[[str], None]


class BadArguments(ValueError):
    """What was asked for can't be done as it was asked (exit 2)."""


class Blocked(RuntimeError):
    """The feeds may not be published (exit 3); `reasons` says why."""

    def __init__(self, reasons: list[str]) -> None:
        super().__init__("\n".join(reasons))
        self.reasons = reasons


class AuditFailed(RuntimeError):
    """What was built contradicts itself; it is not published (exit 1). `reasons` says where."""

    def __init__(self, reasons: list[str]) -> None:
        super().__init__(
            "what was built does not add up and is not published:\n" + "\n".join(reasons)
        )
        self.reasons = reasons


class OutOfMemory(RuntimeError):
    """Neither the memory that the run may use nor the disk it spills to suffices (exit 1)."""


@dataclass(frozen=True)
class Request:
    """What a run is asked to do. `as_of`: aware, in UTC, whole seconds."""

    landing: Path
    warehouse: Path
    contracts: Path
    as_of: datetime
    limits: Limits = field(default_factory=Limits)
    # who receives alerts; None: the warehouse's own alerts.yaml, if there is one
    alerts: Path | None = None
    # where to leave what the models read and built, for work on them with dbt; None: nowhere
    keep_work: Path | None = None
    # where the models run; None: in this process, on DuckDB
    spark: Spark | None = None


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
    killed: list[str]
    repaired: list[str]
    started: float = field(default_factory=time.monotonic)
    reading: Reading | None = None
    landed_before: Landed = field(default_factory=Landed)
    landed: Landed = field(default_factory=Landed)
    expected: list[ExpectationResult] = field(default_factory=list)
    profiles: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=profiles.PROFILES))
    compared: pl.DataFrame = field(default_factory=pl.DataFrame)
    tests: list[transform.TestResult] = field(default_factory=list)
    comments: list[str] = field(default_factory=list)
    # that each model took, by its name
    seconds: dict[str, float] = field(default_factory=dict)
    findings: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=findings.FINDINGS))
    published: Publication | None = None
    failure: BaseException | None = None
    # what the run is at, in words
    doing: str = "the run"

    def __post_init__(self) -> None:
        tell = self.progress

        def told(message: str) -> None:
            self.doing = message
            tell(message)

        self.progress = told

    @property
    def database(self) -> Path:
        """The database that is being built."""
        return self.folder / "publication" / DATABASE

    @property
    def work(self) -> Path:
        """The database that the models read."""
        return (self.request.keep_work or self.folder) / kept_work.WORK

    @property
    def store(self) -> Path:
        """The folder of the landed files that the models read."""
        kept = self.request.keep_work
        return kept_work.landed(kept) if kept else self.warehouse.landed

    @staticmethod
    def check_layout(warehouse: Warehouse) -> None:
        """Raises OtherLayout where the run can't continue what is published."""
        warehouse.check_layout()

    @property
    def first_read(self) -> int:
        """The number of the first delivery that the run has read."""
        return self.landed_before.next_delivery

    def read(self) -> Reading:
        """Reads what is new."""
        with self._connected() as con:
            before = self.before.landed() if self.before else Landed()
            self.landed_before, repaired = landed_repair.repair_landed(
                con,
                self.request.landing,
                self.warehouse.landed,
                self.folder,
                before,
                self.settings,
                self.warehouse.inbox,
            )
            self.repaired += repaired
        return landing.read(
            self.request.landing,
            self.warehouse.landed,
            self.folder,
            self.run_id,
            self.landed_before,
            self.settings,
            self.progress,
            self.warehouse.inbox,
        )

    def land(self) -> Reading:
        """Reads what is new and lands it; raises Blocked if it may not be published."""
        reading = self.read()
        self.reading, self.landed = reading, reading.landed
        reasons = reading.blocked_by(self.settings)
        if reasons:
            raise Blocked(reasons)
        with self._connected() as con:
            # a span may not bridge a gap that any contract would call unknown (M1)
            limit = transform.gap_limit_s(self.contracts)
            landed = checks.compact(
                con,
                self.warehouse.landed,
                self.folder,
                self.run_id,
                reading.landed,
                limit,
                self.progress,
            )
        self.landed = landing.with_checksums(self.warehouse.landed, landed)
        return reading

    def months_landed(self) -> list[str]:
        """The months of which this run has written checks."""
        new = self.landed.files.join(self.landed_before.files, on="path", how="anti")
        return new.filter(pl.col("kind") == "checks")["month"].unique().sort().to_list()

    def lay_out(self) -> None:
        """Lays out what the models and the expectations read."""
        self.lay_out_models()
        before = self.before.profiles() if self.before else pl.DataFrame(schema=profiles.PROFILES)
        as_of_s = int(self.request.as_of.timestamp())
        with duckdb.connect(str(self.work), read_only=True) as con:
            now = profiles.measured(con, self.landed_before.next_delivery, self.number, as_of_s)
        self.profiles = pl.concat([before.filter(pl.col("measure") != profiles.SILENCE), now])
        self.compared = profiles.compared(now, before, self.settings, as_of_s)
        self.validation.begin(feed_suites(self.work, self.folder, self.settings, self.compared))

    def lay_out_models(self) -> None:
        """Lays out what the models read."""
        self.progress("resolving contracts")
        with self._connected() as con:
            delivered = con, self.warehouse.landed, self.landed
            parties = transform.parties_of(*delivered)
            last_due_year = transform.last_due_year(*delivered)
        inputs = terms.tables(
            self.contracts, self.request.as_of, parties, last_due_year=last_due_year
        )
        inputs["statements_before"] = self.before.statements() if self.before else []
        inputs["withdrawn_statements"] = self.before.withdrawn().to_dicts() if self.before else []
        if self.request.keep_work:
            kept_work.prepare(self.request.keep_work, self.warehouse.landed, self.landed)
        transform.lay_out(self.work, self.store, self.landed, inputs)

    def transform(self) -> None:
        """Builds and tests the models."""
        self.build()
        self.validation.begin(figure_suites(self.work, self.database, self.folder))
        self.progress("looking for what has no effect")
        self.findings = findings.collected(self.database, self.work, self.contracts, self.settings)

    def build(self, select: Iterable[str] = ()) -> None:
        """Builds and tests the models, or those that dbt's `select` chooses."""
        self.database.parent.mkdir(parents=True, exist_ok=True)
        limits = self.request.limits
        try:
            places = self.work, self.database, self.folder
            chosen = list(select)
            if chosen:
                built = transform.build_selected(*places, limits, self.progress, select=chosen)
            elif spark := self.request.spark:
                files = transform.files_of(self.store, self.landed)
                built = transform.build_on_spark(spark, *places, files, limits, self.progress)
            else:
                built = transform.build(*places, limits, self.progress)
        finally:
            # a model that fails is what it is kept for
            if self.request.keep_work and self.database.exists():
                shutil.copyfile(self.database, self.request.keep_work / DATABASE)
        self.tests, self.comments, self.seconds = built.tests, built.comments, built.seconds

    def validated(self) -> list[ExpectationResult]:
        """The results of the expectations over what was landed and what was built."""
        if not self.expected:
            self.progress("waiting for the expectations")
            self.expected = self.validation.results()
        return self.expected

    def audit(self) -> None:
        """Raises Blocked where a feed may not be published, and AuditFailed where a mart may not:
        by an expectation that blocks, or a test of dbt."""
        self.audit_feeds()
        self.audit_marts()

    def _blocking(self) -> list[ExpectationResult]:
        return [r for r in self.validated() if not r.success and r.severity == "block"]

    def audit_feeds(self) -> None:
        """Raises Blocked where an expectation over a feed blocks."""
        blocked = [f"{r.feed}: {said(r)}" for r in self._blocking() if r.feed]
        if blocked:
            raise Blocked(blocked)

    def audit_marts(self) -> None:
        """Raises AuditFailed where an expectation over a mart blocks, or a test has failed."""
        failed = [f"{r.mart}: {said(r)}" for r in self._blocking() if r.mart]
        failed += self.failed_tests()
        if failed:
            raise AuditFailed(failed)

    def failed_tests(self) -> list[str]:
        """The tests of dbt that keep this from being published, and what each found."""
        return transform.failed(self.tests)

    def publish(self) -> Publication:
        """Adds the state and quality tables, exports the marts, and makes all of it what is
        published."""
        self.progress("publishing")
        parquet = self.database.parent / "parquet"
        parquet.mkdir()
        history = self.before.runs() if self.before else pl.DataFrame(schema=RUNS)
        with duckdb.connect(
            str(self.database), config={"threads": self.request.limits.threads}
        ) as con:
            con.execute(
                "create schema if not exists state; create schema if not exists quality; set "
                "TimeZone = 'UTC'"
            )
            tables = {f"state.{name}": frame for name, frame in frames_of(self.landed).items()}
            tables["quality.check_results"] = pl.DataFrame(
                [vars(r) for r in self.expected], schema=ExpectationResult.SCHEMA, orient="row"
            )
            tables["quality.feed_profiles"] = self.profiles
            tables["quality.findings"] = self.findings
            tables["quality.warnings"] = self._warnings(con)
            tables["quality.runs"] = pl.concat(
                [history, pl.DataFrame([self._row("published")], schema=RUNS)]
            )
            tables["quality.withdrawn_statements"] = (
                self.before.withdrawn() if self.before else pl.DataFrame(schema=WITHDRAWN)
            )
            tables["state.layout"] = pl.DataFrame({"version": [LAYOUT]})
            for name, frame in tables.items():
                con.register("frame", frame.to_arrow())
                con.execute(f"create table {name} as select * from frame")
                con.unregister("frame")
            con.execute(";".join(["begin", *self.comments, "commit"]))
            state = self.folder / "state"
            copy_state(con, state)
            for (mart,) in con.execute(
                "select table_name from information_schema.tables where table_schema = 'marts' "
                "order by 1"
            ).fetchall():
                target = parquet / f"{mart}.parquet"
                # in an order of its own: the same figures are the same bytes
                con.execute(
                    f"copy (select * from marts.{mart} order by all) to '{quoted(target)}' "
                    "(format parquet, compression zstd)"
                )
        self.data_docs(self.database.parent / "data_docs")
        known = set(self.landed_before.files["path"])
        new = [path for path in self.landed.files["path"] if path not in known]
        self.published = self.warehouse.publish(self.database.parent, state, self.run_id, new)
        return self.published

    def data_docs(self, folder: Path, reasons: Sequence[str] = ()) -> None:
        """Writes the pages on what was expected of feeds and marts, as far as this run came."""
        pages = []
        rejected = (
            self.reading.rejected if self.reading else pl.DataFrame(schema=landing.REJECTED_ROWS)
        )
        for feed in feeds().values():
            found = self.reading.feeds[feed.feed] if self.reading else landing.FeedReading()
            pages.append(
                data_docs.FeedPage(
                    feed.feed,
                    feed.description,
                    found.rows_read,
                    found.rows_rejected,
                    found.files_refused,
                    [r for r in self.expected if r.feed == feed.feed],
                    self.compared.filter(pl.col("feed") == feed.feed).to_dicts()
                    if self.compared.width
                    else [],
                    rejected.filter(pl.col("feed") == feed.feed)
                    .head(data_docs.MOST_ROWS)
                    .to_dicts(),
                    [
                        g.in_words()
                        for g in findings.grouped(self.findings.filter(pl.col("feed") == feed.feed))
                    ],
                )
            )
        data_docs.write(
            folder,
            f"run {self.run_id}, as of {timestamp(self.request.as_of)}",
            reasons,
            pages,
            [r for r in self.expected if r.mart],
        )

    def new_rows_set_aside(self) -> tuple[int, int]:
        """Of the rows that this run has read: how many wait, and how many were rejected for what
        other rows say."""
        with duckdb.connect(str(self.work), read_only=True) as con:
            rows = con.execute(
                """select count(*) filter (where status = 'waiting'),
                   count(*) filter (where status = 'rejected')
                   from intermediate.int_set_aside where is_judged and delivery_id >= ?""",
                [self.first_read],
            ).fetchall()
        return int(rows[0][0]), int(rows[0][1])

    @contextmanager
    def step(self) -> Iterator[None]:
        """Notes what a step raises: an orchestrator closes a run without saying why."""
        try:
            yield
        except duckdb.OutOfMemoryException as error:
            self.failure = OutOfMemory(
                transform.needs_more_memory(self.doing, self.request.limits.memory)
            )
            raise self.failure from error
        except BaseException as error:
            self.failure = error
            raise

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
        found: list[tuple[str, str]] = con.execute(
            "select about, warning from quality.monitoring_warnings order by all"
        ).fetchall()
        found += [("landing", w) for w in (self.reading.warnings if self.reading else [])]
        found += [("warehouse", w) for w in self.repaired]
        # who delivers may write it: what it loosens is shown
        found += [
            ("feeds.yaml", f"{feed} has settings of its own: {settings.in_words()}")
            for feed, settings in self.settings.items()
            if settings.in_words()
        ]
        found += [
            (r.feed or r.mart, said(r))
            for r in self.expected
            if not r.success and r.severity == "warn"
        ]
        found += [
            (t.model or "models", t.description or t.name)
            for t in self.tests
            if not t.passed and not t.is_error
        ]
        return pl.DataFrame(found, schema={"about": pl.String, "warning": pl.String}, orient="row")

    def _connected(self) -> AbstractContextManager[duckdb.DuckDBPyConnection]:
        return transform.connected(self.request.limits, self.folder)

    def outcome(self) -> Outcome:
        """How the run ended."""
        status: Literal["published", "blocked", "failed"] = (
            "published"
            if self.published
            else "blocked"
            if isinstance(self.failure, Blocked)
            else "failed"
        )
        reasons = (
            self.failure.reasons
            if isinstance(self.failure, Blocked)
            else [f"{type(self.failure).__name__}: {self.failure}"]
            if self.failure
            else []
        )
        has_rows = (
            not self.published and self.reading is not None and not self.reading.rejected.is_empty()
        )
        rejected_rows = (
            str(self.warehouse.runs / f"{self.run_id}-rejected_rows.csv") if has_rows else None
        )
        return Outcome(
            self.run_id,
            status,
            self.request.as_of,
            tuple(reasons),
            rejected_rows,
            tuple(self.killed),
            tuple(self.repaired),
        )

    def record(self, outcome: Outcome) -> None:
        """Records how the run ended; rejected rows of a run that published nothing are kept
        beside it, to be repaired."""
        kept = self._row(outcome.status) | {
            "landing": self.request.landing,
            "reasons": outcome.reasons,
        }
        self.warehouse.runs.mkdir(parents=True, exist_ok=True)
        if outcome.status == "failed" and self.failure:
            kept["traceback"] = traceback.format_exception(self.failure)
        if outcome.rejected_rows and self.reading:
            without_formulas(self.reading.rejected).write_csv(outcome.rejected_rows)
            kept["rejected_rows"] = outcome.rejected_rows
        if isinstance(self.failure, Blocked | AuditFailed):
            folder = self.warehouse.runs / f"{self.run_id}-data_docs"
            self.data_docs(folder, self.failure.reasons)
            kept["data_docs"] = folder / "index.html"
        self.warehouse.record(RunRecord.model_validate(kept))


def said(result: ExpectationResult) -> str:
    """A failed expectation in a line, with what to do."""
    return f"{result.detail}. {result.action}"


@contextmanager
def opened(
    request: Request, progress: Progress = lambda message: None, kind: type[Run] = Run
) -> Iterator[Run]:
    """The warehouse held for a run; whatever is raised is recorded, and leaves what is published as
    it was.

    Raises BadArguments, InvalidDocument (contracts, feeds.yaml, alerts.yaml), Busy, Damaged,
    OtherLayout, Unavailable (Spark).
    """
    if not request.landing.is_dir():
        raise BadArguments(f"--landing {request.landing} is not a folder")
    if not request.contracts.is_dir():
        raise BadArguments(f"--contracts {request.contracts} is not a folder")
    if request.keep_work and (reason := kept_work.refusal(request.keep_work)):
        raise BadArguments(f"--keep-work {request.keep_work} {reason}")
    if request.spark:
        if request.keep_work:
            raise BadArguments("--keep-work keeps what DuckDB builds: leave --target spark out")
        cluster.require(request.spark)
    told = settings_of(request.warehouse, request.alerts)
    warehouse = Warehouse(request.warehouse)
    try:
        contracts = load_folder(request.contracts)
        settings = landing.feed_settings(request.landing)
        check_settings(request.landing, settings)
    except InvalidDocument as error:
        _tell_of_refusal(
            warehouse, told, Outcome("not begun", "refused", request.as_of, tuple(error.findings))
        )
        raise
    try:
        with warehouse.locked():
            kind.check_layout(warehouse)
            repaired = warehouse.repair()
    except LaterLayout:
        raise
    except (Damaged, OtherLayout) as error:
        _tell_of_refusal(
            warehouse, told, Outcome("not begun", "failed", request.as_of, (str(error),))
        )
        raise
    validation = Validation()
    with warehouse.locked():
        before = warehouse.last()
        if before:
            check_as_of(request.as_of, before)
        number = warehouse.next_number()
        run_id = new_run_id(number)
        killed = warehouse.clear()
        warehouse.record_killed(killed)
        folder = warehouse.building / run_id
        folder.mkdir(parents=True)
        validation.start()
        run = kind(
            request,
            warehouse,
            number,
            run_id,
            folder,
            before,
            contracts,
            settings,
            validation,
            progress,
            killed,
            repaired,
        )
        try:
            with run.step():
                yield run
        finally:
            validation.stop()
            shutil.rmtree(folder, ignore_errors=True)
            outcome = run.outcome()
            # a disk that is full must not hide why the run failed
            with suppress(OSError):
                run.record(outcome)
            progress("telling what there is to tell")
            alerting.after_run(warehouse, told, outcome, datetime.now(UTC))
            # a damaged publication must not hide it, either: the next run says so
            with suppress(Exception):
                if run.published is None:
                    warehouse.sweep()


def check_as_of(as_of: datetime, before: Publication) -> None:
    """Raises BadArguments where a run would be as of an instant before what is published (T3)."""
    published = before.run()["as_of"]
    if as_of < published:
        raise BadArguments(
            f"--as-of {as_of.isoformat()} is before {published.isoformat()}, "
            "as of which this warehouse is published (T3)"
        )


def _tell_of_refusal(warehouse: Warehouse, told: Settings, outcome: Outcome) -> None:
    """A run that could not begin: at night nobody reads what it says."""
    if warehouse.root.is_dir():
        with suppress(Busy, OSError), warehouse.locked():
            alerting.after_run(warehouse, told, outcome, datetime.now(UTC))


def steps(run: Run) -> Publication:
    """All steps of a run, in order."""
    run.land()
    run.lay_out()
    run.transform()
    run.audit()
    return run.publish()
