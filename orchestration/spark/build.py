"""The models on Spark: what they read is named, they are built and tested, and what is published is
brought into the database that a run publishes.

Landed files are read where they are. Each model is a folder of Parquet files below `storage`, or,
where it only passes on what others hold, a view. Tables of a few rows that are not files go there
as files first.
"""

import os
import re
import time
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path

import duckdb

from makegood.ingestion.pace import Pace
from makegood.ingestion.sql import quoted
from makegood.orchestration.pipeline.project import (
    PUBLISHED,
    DataTest,
    Model,
    Project,
    TransformFailed,
)
from makegood.orchestration.settings import Limits
from makegood.orchestration.spark.cluster import Cluster, Rows, StatementFailed

# types of DuckDB in which tables are laid out, as Spark calls them
TYPES = {
    "BIGINT": "bigint",
    "INTEGER": "int",
    # Spark has no small integers without a sign
    "UTINYINT": "smallint",
    "HUGEINT": "decimal(38,0)",
    "DOUBLE": "double",
    "BOOLEAN": "boolean",
    "DATE": "date",
    "TIMESTAMP WITH TIME ZONE": "timestamp",
    "VARCHAR": "string",
}
# types in which Spark may hand over what is published as the first: the same values
SAME_VALUES = {"BIGINT": {"INTEGER", "SMALLINT", "TINYINT"}}


@dataclass(frozen=True)
class Places:
    """Where things are. work: the database that says what the models read. target: the database
    that a run publishes. folder: one that all of Spark and this process share, for what this
    process reads or writes. storage: a folder or URL of Spark alone, for the rest."""

    work: Path
    target: Path
    folder: Path
    storage: str


@dataclass(frozen=True)
class Answer:
    """The rows that break each test, by its name, and the seconds of each model."""

    failures: dict[str, int]
    seconds: dict[str, float]


def build(
    cluster: Cluster,
    project: Project,
    files: dict[str, list[Path]],
    places: Places,
    limits: Limits,
    progress: Callable[[str], None],
) -> Answer:
    """Builds and tests all models. `files`: the landed files of each table in schema `landed` that
    consists of files. Raises TransformFailed."""
    places.folder.mkdir(parents=True, exist_ok=True)
    _require_shared(cluster, places.folder)
    progress("laying out what the models read on Spark")
    _lay_out(cluster, files, places)
    seconds = _models(cluster, project.models, places, progress)
    progress("testing what was built")
    failures = _tests(cluster, project.tests)
    progress("bringing back what is published")
    _bring_back(project.models, places, limits)
    return Answer(failures, seconds)


def _run(cluster: Cluster, sql: str, what: str) -> Rows:
    try:
        return cluster.execute(sql)
    except StatementFailed as error:
        raise TransformFailed(f"the models could not be built:\n{what}: {error}") from error


def _require_shared(cluster: Cluster, folder: Path) -> None:
    """Raises TransformFailed where Spark's workers write elsewhere than this process reads: each
    would see a part, and nothing would say so."""
    rows = 64
    probe = folder / "probe"
    make = (
        f"insert overwrite directory '{_literal(probe)}' using parquet "
        f"select /*+ repartition({rows // 2}) */ id from range({rows})"
    )
    _run(cluster, make, f"a trial file in {folder}")
    found = sorted(probe.glob("*.parquet")) if probe.is_dir() else []
    count = 0
    if found:
        with duckdb.connect() as con:
            count = con.execute(f"select count(*) from {_parquet(probe)}").fetchall()[0][0]
    if count != rows:
        raise TransformFailed(
            f"what Spark writes into {folder} is not all there: the warehouse must lie on storage "
            "that this machine and every worker see under the same path (docs/scale.md)"
        )


def _lay_out(cluster: Cluster, files: dict[str, list[Path]], places: Places) -> None:
    with duckdb.connect(str(places.work), read_only=True) as con:
        tables = con.execute(
            "select table_schema, table_name, list((column_name, data_type) order by "
            "ordinal_position) from information_schema.columns where table_schema in ('landed', "
            "'inputs') group by all order by all"
        ).fetchall()
        for schema, table, columns in tables:
            paths = files.get(table, []) if schema == "landed" else []
            if not paths:
                path = places.folder / schema / f"{table}.parquet"
                path.parent.mkdir(exist_ok=True)
                con.execute(f"copy {schema}.{table} to '{quoted(path)}' (format parquet)")
                paths = [path]
            described = ", ".join(f"`{name}` {_type(dtype)}" for name, dtype in columns)
            view = (
                f"create temporary view {_flat(schema, table)} ({described}) using parquet "
                f"options (path '{_glob(paths)}')"
            )
            _run(cluster, view, f"{schema}.{table}")


def _type(of_duckdb: str) -> str:
    return of_duckdb.lower() if of_duckdb.startswith("DECIMAL") else TYPES[of_duckdb]


def _models(
    cluster: Cluster, models: list[Model], places: Places, progress: Callable[[str], None]
) -> dict[str, float]:
    """Builds the models, each as soon as what it reads is there; the seconds that each took."""
    names = {model.relation for model in models}
    missing = {m.relation: set(_relations(m.sql)) & names for m in models}
    by_relation = {model.relation: model for model in models}
    seconds: dict[str, float] = {}
    running: dict[Future[float], str] = {}
    pace = Pace(progress, len(models))
    with ThreadPoolExecutor(cluster.most_at_once) as pool:
        try:
            while missing or running:
                for relation in [r for r, needed in missing.items() if not needed]:
                    del missing[relation]
                    work = pool.submit(_model, cluster, by_relation[relation], places)
                    running[work] = relation
                done, _ = wait(running, return_when=FIRST_COMPLETED)
                for work in done:
                    relation = running.pop(work)
                    seconds[by_relation[relation].name] = work.result()
                    for needed in missing.values():
                        needed.discard(relation)
                pace.done = len(seconds)
                pace.say(f"building models on Spark, {pace.done} of {pace.whole} are built")
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return seconds


def _model(cluster: Cluster, model: Model, places: Places) -> float:
    since = time.monotonic()
    name, sql, what = _flat(*_named(model.relation)), flat(model.sql), f"the model {model.name}"
    if model.kind == "view" and not model.is_read_back:
        _run(cluster, f"create temporary view {name} as {sql}", what)
    else:
        path = _literal(_path(model, places))
        make = f"insert overwrite directory '{path}' using parquet select * from (\n{sql}\n)"
        _run(cluster, make, what)
        view = f"create temporary view {name} using parquet options (path '{path}')"
        _run(cluster, view, what)
    return time.monotonic() - since


def _tests(cluster: Cluster, tests: list[DataTest]) -> dict[str, int]:
    counts = [
        f"select '{test.name}' as test, count(*) as failures from (\n{flat(test.sql)}\n)"
        for test in tests
    ]
    return dict(_run(cluster, "\nunion all\n".join(counts), "the tests of the models"))


def _path(model: Model, places: Places) -> str:
    schema, name = _named(model.relation)
    root = str(places.folder) if model.is_read_back else places.storage.rstrip("/")
    return f"{root}/{schema}/{name}"


def _bring_back(models: list[Model], places: Places, limits: Limits) -> None:
    """What is published, as tables with the types that it is described with; what else is read
    after a build, as views beside what the models read."""
    config = {"threads": limits.threads, "memory_limit": limits.memory}
    with duckdb.connect(str(places.work), config=config) as con:
        con.execute(f"attach '{quoted(places.target)}' as {PUBLISHED} (storage_version 'v1.0.0')")
        for model in models:
            if not model.is_read_back:
                continue
            schema, name = _named(model.relation)
            rows = _parquet(Path(_path(model, places)))
            found = con.execute(f"select column_name, column_type from (describe from {rows})")
            types = dict(found.fetchall())
            if model.columns:
                if types.keys() != model.columns.keys():
                    odd = ", ".join(sorted(types.keys() ^ model.columns.keys()))
                    raise TransformFailed(f"{model.name}: not both described and there: {odd}")
                kept = ", ".join(_cast(model, name, types) for name in types)
                con.execute(f"create schema if not exists {PUBLISHED}.{schema}")
                con.execute(
                    f"create table {PUBLISHED}.{schema}.{name} as select {kept} from {rows}"
                )
            else:
                wide = (n for n, t in types.items() if t == "DECIMAL(38,0)")
                integers = ", ".join(f'"{n}"::hugeint as "{n}"' for n in wide)
                kept = f"* replace ({integers})" if integers else "*"
                con.execute(f"create view {schema}.{name} as select {kept} from {rows}")


def _cast(model: Model, column: str, types: dict[str, str]) -> str:
    """A column as it is described; raises TransformFailed where that could change a value."""
    found, wanted = types[column], model.columns[column].upper()
    wanted = {"TIMESTAMPTZ": "TIMESTAMP WITH TIME ZONE"}.get(wanted, wanted)
    scale = wanted.partition(",")[2] if wanted.startswith("DECIMAL") else None
    if found != wanted and not (
        found in SAME_VALUES.get(wanted, ())
        or (scale and found.startswith("DECIMAL") and found.partition(",")[2] == scale)
    ):
        raise TransformFailed(
            f"{model.name}.{column} is {found} on Spark, and described as {wanted} in "
            f"dbt_project/models/**/{model.name}.yml"
        )
    return f'cast("{column}" as {wanted}) as "{column}"'


def _parquet(folder: Path) -> str:
    return f"read_parquet('{quoted(folder)}/*.parquet', hive_partitioning = false)"


def flat(sql: str) -> str:
    """SQL in which relations are views of a session, which have no schema."""
    return _RELATION.sub(lambda found: _flat(found[1], found[2]), sql)


def _relations(sql: str) -> list[str]:
    return [found[0] for found in _RELATION.finditer(sql)]


def _named(relation: str) -> tuple[str, str]:
    found = _RELATION.fullmatch(relation)
    assert found, relation
    return found[1], found[2]


def _flat(schema: str, name: str) -> str:
    return f"`{schema}__{name}`"


# as dbt writes relations for Spark; nothing else is written so
_RELATION = re.compile(r"`(\w+)`\.`(\w+)`")


def _literal(path: Path | str) -> str:
    """A path as the inside of a literal of Spark, which takes a backslash for an escape."""
    return str(path).replace("\\", "\\\\").replace("'", "\\'")


def _glob(paths: list[Path]) -> str:
    """Files as one pattern of Hadoop's, as the inside of a literal."""
    folder = os.path.commonpath([path.absolute().parent for path in paths])
    names = [_escaped(str(path.absolute().relative_to(folder))) for path in paths]
    of_files = names[0] if len(names) == 1 else "{" + ",".join(names) + "}"
    return _literal(f"{_escaped(folder)}/{of_files}")


def _escaped(path: str) -> str:
    return re.sub(r"([\\{}\[\]*?,])", r"\\\1", path)
