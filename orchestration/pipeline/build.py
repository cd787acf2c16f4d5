"""The models: what they read is laid out, they are built and tested, and what failed is named."""

import shutil
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from makegood.dashboards.figures.style import counted
from makegood.ingestion import describe
from makegood.ingestion.contracts import tables as terms
from makegood.ingestion.contracts.amendments import resolve
from makegood.ingestion.contracts.model import Contract
from makegood.ingestion.feeds.specs import feeds
from makegood.ingestion.landing import probes
from makegood.ingestion.landing.land import CHECKS, Landed
from makegood.ingestion.pace import Pace
from makegood.ingestion.sql import quoted
from makegood.orchestration.pipeline.project import (
    PUBLISHED,
    DataTest,
    TransformFailed,
    comments,
    compiled,
    options,
    parsed,
)
from makegood.orchestration.settings import NO_TELEMETRY, Limits, Spark, set_environment
from makegood.orchestration.spark import build as on_spark
from makegood.orchestration.spark import cluster


@dataclass(frozen=True)
class TestResult:
    """A test of dbt, of data or (`is_unit`) of a model on made-up rows: what it is about, and
    whether it holds."""

    name: str
    model: str | None
    passed: bool
    is_error: bool
    message: str
    description: str
    is_unit: bool = False
    # rows that break it, and how long it took
    failures: int = 0
    seconds: float = 0.0


@dataclass(frozen=True)
class Built:
    """The results of the tests, the statements that describe what is published, and the seconds
    that each model took, by its name."""

    tests: list[TestResult]
    comments: list[str]
    seconds: dict[str, float]


# how DuckDB begins its message where neither memory nor the disk that it spills to suffice
OUT_OF_MEMORY = "Out of Memory Error"


def needs_more_memory(what: str, memory: str) -> str:
    """What to say where `what` needs more than the memory that a run may use."""
    return (
        f"{what} needs more memory than --memory {memory} allows, also with what it wrote to disk; "
        "give the run more, as in --memory 8GB, or fewer --threads, each of which needs its own"
    )


@contextmanager
def connected(limits: Limits, scratch: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A database in memory that keeps to limits, and spills to disk below `scratch`."""
    config = {
        "threads": limits.threads,
        "memory_limit": limits.memory,
        "temp_directory": str(scratch / "spill"),
    }
    with duckdb.connect(":memory:", config=config) as con:
        yield con


def gap_limit_s(contracts: Iterable[Contract]) -> int:
    """The longest gap that spans of checks may bridge: longer ones are unknown to some contract
    (M1)."""
    return min(
        resolved.terms.monitoring.stale_after_s
        for contract in contracts
        for version in contract.versions
        if (resolved := resolve(contract, version.effective_from))
    )


def parties_of(con: duckdb.DuckDBPyConnection, store: Path, landed: Landed) -> list[terms.Party]:
    """Every subscription under every contract that was ever delivered; the models pick those in
    force."""
    files = files_of(store, landed)
    paths = {feed: list(map(str, files[feed])) for feed in ("subscriptions", "services")}
    if not all(paths.values()):
        return []
    rows = con.execute(
        """select distinct services.contract_id, subscriptions.customer_id,
           subscriptions.subscription_id
           from read_parquet($subscriptions) as subscriptions
           inner join read_parquet($services) as services
               on subscriptions.service_id = services.service_id
           where subscriptions.customer_id is not null
               and services.contract_id is not null""",
        paths,
    ).fetchall()
    return [terms.Party(*row) for row in rows]


def last_due_year(con: duckdb.DuckDBPyConnection, store: Path, landed: Landed) -> int:
    """The year of the last due date of a ticket that was ever delivered, or the one after it; 0
    without any."""
    files = list(map(str, files_of(store, landed)["tickets"]))
    if not files:
        return 0
    row = con.execute(
        "select max(greatest(response_due_at_s, resolution_due_at_s)) from read_parquet($1)",
        [files],
    ).fetchone()
    # a year has at least 365 days
    return 0 if row is None or row[0] is None else 1970 + int(row[0]) // (365 * 86_400)


def lay_out(work: Path, store: Path, landed: Landed, inputs: dict[str, terms.Rows]) -> None:
    """Makes the database `work` that the models read: schema `landed` over the landed files, schema
    `inputs` for the rest."""
    with duckdb.connect(str(work)) as con:
        con.execute(
            "create schema landed; create schema inputs; create schema staging; create schema "
            "intermediate"
        )
        described = describe.sources()
        files = files_of(store, landed)
        for name, columns in described.items():
            if name in ("check_series", "deliveries"):
                con.register(
                    "frame",
                    (landed.series if name == "check_series" else landed.deliveries).to_arrow(),
                )
                con.execute(f"create table landed.{name} as select {_casts(columns)} from frame")
                con.unregister("frame")
            elif name == "check_medians":
                con.execute(f"create view landed.{name} as {probes.MEDIANS}")
            elif files[name]:
                listed = ", ".join(f"'{quoted(path)}'" for path in files[name])
                con.execute(
                    f"create view landed.{name} as select {_casts(columns)} from "
                    f"read_parquet([{listed}], union_by_name = true, hive_partitioning = false)"
                )
            else:
                con.execute(f"create table landed.{name} ({_definition(columns)})")
        for name, columns in terms.TABLES.items():
            con.execute(f"create table inputs.{name} ({_definition(columns)})")
            if inputs[name]:
                con.register("frame", _arrow(inputs[name]))
                con.execute(f"insert into inputs.{name} select {_casts(columns)} from frame")
                con.unregister("frame")


def files_of(store: Path, landed: Landed) -> dict[str, list[Path]]:
    """The files of each table in schema `landed` that consists of files."""
    paths = {name: landed.paths("rows", name) for name in feeds()} | {
        CHECKS: landed.paths("checks"),
        "check_spans": landed.paths("spans"),
        "check_intervals": landed.paths("intervals"),
        "rejected_rows": landed.paths("rejected"),
    }
    return {name: [store / path for path in of_table] for name, of_table in paths.items()}


def _casts(columns: dict[str, str]) -> str:
    return ", ".join(f'cast("{name}" as {dtype}) as "{name}"' for name, dtype in columns.items())


def _definition(columns: dict[str, str]) -> str:
    return ", ".join(f'"{name}" {dtype}' for name, dtype in columns.items())


def _arrow(rows: terms.Rows) -> pa.Table:
    # decimals travel as text: their precision differs from row to row
    columns = {name: [row[name] for row in rows] for name in rows[0]}
    return pa.table(
        {
            n: [str(v) if isinstance(v, Decimal) else v for v in values]
            for n, values in columns.items()
        }
    )


def build(
    work: Path,
    target: Path,
    scratch: Path,
    limits: Limits,
    progress: Callable[[str], None] = lambda message: None,
) -> Built:
    """Builds and tests all models, reading `work`, building the database `target`; raises
    TransformFailed."""
    project = compiled(scratch)
    config = {
        "threads": limits.threads,
        "memory_limit": limits.memory,
        "temp_directory": str(scratch / "spill"),
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
    }
    seconds: dict[str, float] = {}
    with duckdb.connect(":memory:", config=config) as con:
        con.execute(f"attach '{quoted(work)}' as work")
        # written so that clients of DuckDB 1.0 and later can read it
        con.execute(f"attach '{quoted(target)}' as {PUBLISHED} (storage_version 'v1.0.0')")
        for schema in sorted({model.schema for model in project.models}):
            con.execute(f"create schema if not exists {schema}")
        pace = Pace(progress, len(project.models))
        for pace.done, model in enumerate(project.models):
            pace.say(f"building {model.name}, {pace.done + 1} of {pace.whole}")
            since = time.monotonic()
            make = f"create {model.kind} {model.relation} as (\n{model.sql}\n)"
            _execute(con, make, f"the model {model.name}", limits)
            seconds[model.name] = time.monotonic() - since
        progress("testing what was built")
        results = [_tested(con, test, limits) for test in project.tests]
    return Built(results, project.comments, seconds)


def build_on_spark(
    spark: Spark,
    work: Path,
    target: Path,
    scratch: Path,
    files: dict[str, list[Path]],
    limits: Limits,
    progress: Callable[[str], None] = lambda message: None,
) -> Built:
    """What `build` does, on Spark. `files`: those of `files_of`. Raises TransformFailed,
    cluster.Unavailable."""
    progress("connecting to Spark")
    size = sum(path.stat().st_size for name in files if name != CHECKS for path in files[name])
    connected = cluster.connected(spark, limits, scratch, size)
    try:
        project = compiled(scratch, "spark")
        shared = scratch / "spark"
        storage = f"{spark.storage.rstrip('/')}/{scratch.name}" if spark.storage else str(shared)
        places = on_spark.Places(work, target, shared, storage)
        answer = on_spark.build(connected, project, files, places, limits, progress)
    finally:
        connected.close()
        # the run's own folder goes with the run; of a URL, this process knows nothing but the name
        if spark.storage and "://" not in storage:
            shutil.rmtree(storage, ignore_errors=True)
    results = [_result(test, answer.failures[test.name], 0.0) for test in project.tests]
    return Built(results, project.comments, answer.seconds)


def failed(tests: Iterable[TestResult]) -> list[str]:
    """The tests that keep what was built from being used, and what each found."""
    return [f"{t.name}: {t.message}" for t in tests if not t.passed and t.is_error]


def _tested(con: duckdb.DuckDBPyConnection, test: DataTest, limits: Limits) -> TestResult:
    since = time.monotonic()
    count = f"select count(*) from (\n{test.sql}\n)"
    failures = int(_execute(con, count, f"the test {test.name}", limits)[0][0])
    return _result(test, failures, time.monotonic() - since)


def _result(test: DataTest, failures: int, seconds: float) -> TestResult:
    broken = f"{counted(failures, 'row')} {'breaks' if failures == 1 else 'break'} it"
    return TestResult(
        test.name,
        test.model,
        not failures,
        test.is_error,
        broken if failures else "",
        test.description,
        failures=failures,
        seconds=seconds,
    )


def _execute(
    con: duckdb.DuckDBPyConnection, sql: str, what: str, limits: Limits
) -> list[tuple[Any, ...]]:
    try:
        return con.execute(sql).fetchall()
    except duckdb.Error as error:
        message = _broken(what, str(error), limits)
        raise TransformFailed(f"the models could not be built:\n{message}") from error


def build_selected(
    work: Path,
    target: Path,
    scratch: Path,
    limits: Limits,
    progress: Callable[[str], None] = lambda message: None,
    unit_tests: bool = False,
    select: Iterable[str] = (),
) -> Built:
    """What `build` does, by dbt itself. `select`: only these, in dbt's words, with the tests of
    which all models are built. `unit_tests`: those of dbt too, which prove the models on made-up
    rows."""
    environment = {
        "MAKEGOOD_WORK": str(work),
        "MAKEGOOD_BUILD": str(target),
        "MAKEGOOD_READ_ONLY": "False",
        "MAKEGOOD_TEMP": str(scratch / "spill"),
        "MAKEGOOD_THREADS": str(limits.threads),
        "MAKEGOOD_MEMORY": limits.memory,
        "MAKEGOOD_DBT_THREADS": str(min(limits.threads, 2)),
    }
    set_environment(NO_TELEMETRY | environment)
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager
    from dbt.cli.main import dbtRunner

    manifest = parsed(scratch)
    runner = dbtRunner(manifest=manifest, callbacks=[lambda event: _tell(event, progress)])
    try:
        left_out = ["exposure"] if unit_tests else ["exposure", "unit_test"]
        chosen = [word for name in select for word in ("--select", name)]
        done = runner.invoke(
            [
                "build",
                *options(scratch),
                *(word for kind in left_out for word in ("--exclude-resource-type", kind)),
                *(["--indirect-selection", "cautious", *chosen] if chosen else []),
            ]
        )
    finally:
        # the next run in this process has other databases
        DuckDBConnectionManager.close_all_connections()
    if done.exception:
        raise TransformFailed(
            f"the models could not be built: {done.exception}"
        ) from done.exception
    results, broken, skipped, seconds = [], [], [], {}
    for result in done.result or []:
        node, status = result.node, str(result.status)
        if status == "skipped":
            skipped.append(f"{node.resource_type} {node.name}: skipped")
        elif node.resource_type in ("test", "unit_test"):
            about = (
                [node.tested_node_unique_id]
                if node.resource_type == "unit_test"
                else node.depends_on.nodes
            )
            model = next((d.split(".")[-1] for d in about if d.startswith("model.")), None)
            is_unit = node.resource_type == "unit_test"
            is_error = is_unit or node.config.severity.lower() == "error"
            results.append(
                TestResult(
                    node.name,
                    model,
                    status == "pass",
                    is_error,
                    result.message or "",
                    node.description or "",
                    is_unit,
                    result.failures or 0,
                    result.execution_time,
                )
            )
            if status == "error":
                broken.append(_broken(f"the test {node.name}", result.message, limits))
        elif status != "success":
            broken.append(_broken(f"the model {node.name}", result.message or status, limits))
        else:
            seconds[node.name] = result.execution_time
    if broken or skipped:
        # models that were skipped need no mention where the cause is named
        raise TransformFailed("the models could not be built:\n" + "\n".join(broken or skipped))
    return Built(results, comments(manifest), seconds)


def _broken(what: str, message: str, limits: Limits) -> str:
    return (
        needs_more_memory(what, limits.memory) if OUT_OF_MEMORY in message else f"{what}: {message}"
    )


def _tell(event: Any, progress: Callable[[str], None]) -> None:
    if event.info.name == "LogStartLine":
        progress(str(event.data.description))
