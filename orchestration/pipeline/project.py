"""The dbt project as a run needs it: parsed once, compiled once, kept by what its files hold.

dbt says what the models are, in which order they run, and what their SQL is on the engine that is
the target. A run then needs the engine alone: on feeds of a few rows, dbt's own work was four
fifths of a build.
"""

import hashlib
import json
import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from graphlib import TopologicalSorter
from importlib.metadata import version
from pathlib import Path
from typing import Any

from makegood.ingestion.files import write_whole
from makegood.ingestion.sql import quoted
from makegood.orchestration.settings import CACHE, DBT_PROJECT, NO_TELEMETRY, set_environment

# projects in the cache: that of this installation, and of a few others
MOST_KEPT = 8
# the database that is published, as dbt_project.yml calls it
PUBLISHED = "makegood"
PUBLISHED_SCHEMAS = ("marts", "quality")


class TransformFailed(RuntimeError):
    """A model or test that could not run; the message names it."""


@dataclass(frozen=True)
class Model:
    """A model: `relation` is the table or view (`kind`) that its `sql` makes, both quoted for the
    engine. `columns`: the types of what is published, by column. `is_read_back`: this process reads
    it after the build."""

    name: str
    kind: str
    relation: str
    schema: str
    sql: str
    columns: dict[str, str]
    is_read_back: bool


@dataclass(frozen=True)
class DataTest:
    """A test of dbt on data: `sql` selects the rows that break it; `model` is what it is about."""

    name: str
    model: str | None
    is_error: bool
    description: str
    sql: str


@dataclass(frozen=True)
class Project:
    """The models, each after those that it reads; the tests of their data; the statements that
    describe what is published."""

    models: list[Model]
    tests: list[DataTest]
    comments: list[str]


# the engines that models are compiled for, and what compiles them
ENGINES = {"duckdb": "dbt-duckdb", "spark": "dbt-spark"}


def options(scratch: Path, engine: str = "duckdb") -> list[str]:
    """The options of each dbt call."""
    folders = [
        "--target",
        engine,
        "--project-dir",
        str(DBT_PROJECT),
        "--profiles-dir",
        str(DBT_PROJECT),
        "--target-path",
        str(scratch / "dbt"),
        "--log-path",
        str(scratch / "dbt"),
    ]
    return [
        *folders,
        "--quiet",
        "--no-write-json",
        "--no-version-check",
        "--no-use-colors",
        "--log-level-file",
        "none",
    ]


def parsed(scratch: Path, engine: str = "duckdb") -> Any:
    """The parsed project (dbt's manifest), from the cache if it is there for exactly these files.
    Raises TransformFailed."""

    def make() -> bytes:
        from dbt.cli.main import dbtRunner

        done = dbtRunner().invoke(["parse", *options(scratch, engine), "--no-partial-parse"])
        if done.exception or not done.success:
            raise TransformFailed(f"the dbt project can't be parsed: {done.exception}")
        shutil.rmtree(scratch / "dbt", ignore_errors=True)
        packed: bytes = done.result.to_msgpack()
        return packed

    kept = _kept("manifest", engine, "msgpack", make)
    # dbt takes seconds to import
    from dbt.contracts.graph.manifest import Manifest

    return Manifest.from_msgpack(kept)


def compiled(scratch: Path, engine: str = "duckdb") -> Project:
    """The project compiled for an engine, from the cache if it is there for exactly these files.
    Raises TransformFailed."""
    found = json.loads(
        _kept(
            "compiled",
            engine,
            "json",
            lambda: json.dumps(asdict(_compiled(scratch, engine))).encode(),
        )
    )
    return Project(
        [Model(**model) for model in found["models"]],
        [DataTest(**test) for test in found["tests"]],
        found["comments"],
    )


def _compiled(scratch: Path, engine: str) -> Project:
    from dbt.cli.main import dbtRunner

    nowhere = {"MAKEGOOD_WORK": ":memory:", "MAKEGOOD_BUILD": ":memory:"}
    set_environment(NO_TELEMETRY | nowhere)
    manifest = parsed(scratch, engine)
    words = ["compile", *options(scratch, engine), "--no-introspect", "--no-populate-cache"]
    done = dbtRunner(manifest=manifest).invoke(words)
    if done.exception or not done.success:
        broken = [f"{r.node.name}: {r.message}" for r in done.result or [] if r.status == "error"]
        raise TransformFailed(
            f"the dbt project can't be compiled: {done.exception or '; '.join(broken)}"
        )
    shutil.rmtree(scratch / "dbt", ignore_errors=True)
    nodes = {result.node.unique_id: result.node for result in done.result}
    ahead = {i: set(node.depends_on.nodes) & nodes.keys() for i, node in nodes.items()}
    in_order = [nodes[i] for i in TopologicalSorter(ahead).static_order()]
    return Project(
        [_model(node) for node in in_order if node.resource_type == "model"],
        [_test(node) for node in in_order if node.resource_type == "test"],
        comments(manifest),
    )


def _model(node: Any) -> Model:
    return Model(
        node.name,
        "view" if node.config.materialized == "view" else "table",
        node.relation_name,
        f'"{node.database}"."{node.schema}"',
        node.compiled_code,
        {c.name: c.data_type for c in node.columns.values() if c.data_type},
        node.schema in PUBLISHED_SCHEMAS or bool(node.config.meta.get("read_back")),
    )


def _test(node: Any) -> DataTest:
    about = next((d for d in node.depends_on.nodes if d.startswith("model.")), None)
    return DataTest(
        node.name,
        about.split(".")[-1] if about else None,
        node.config.severity.lower() == "error",
        node.description or "",
        node.compiled_code,
    )


def comments(manifest: Any) -> list[str]:
    """The descriptions of what is published as comments of the database: any SQL client shows
    them."""
    described = [n for n in manifest.nodes.values() if n.resource_type == "model"] + list(
        manifest.sources.values()
    )
    found = []
    for table in described:
        if table.schema in PUBLISHED_SCHEMAS:
            found.append(
                f"comment on table {table.schema}.{table.name} is '{quoted(table.description)}'"
            )
            found += [
                (
                    f"comment on column {table.schema}.{table.name}.{c.name} is "
                    f"'{quoted(c.description)}'"
                )
                for c in table.columns.values()
            ]
    return found


def _kept(kind: str, engine: str, suffix: str, make: Callable[[], bytes]) -> bytes:
    """What `make` makes of the project for an engine, from the cache where it is there."""
    kept = CACHE / f"{kind}-{engine}-{_digest(engine)}.{suffix}"
    with suppress(OSError):
        return kept.read_bytes()
    made = make()
    # where nothing can be kept, each run makes it
    with suppress(OSError):
        CACHE.mkdir(parents=True, exist_ok=True)
        write_whole(kept, made)
        newest = sorted(CACHE.glob(f"{kind}-{engine}-*.{suffix}"), key=lambda p: p.stat().st_mtime)
        for old in newest[:-MOST_KEPT]:
            old.unlink(missing_ok=True)
    return made


def _digest(engine: str) -> str:
    """What the project depends on: its files, where they are, and what compiles them."""
    digest = hashlib.sha256(str(DBT_PROJECT).encode())
    folders = (DBT_PROJECT / name for name in ("macros", "models", "tests"))
    inside = (path for folder in folders for path in folder.rglob("*") if path.is_file())
    for path in sorted([*DBT_PROJECT.glob("*.yml"), *inside, Path(__file__)]):
        digest.update(f"\0{path}\0".encode() + path.read_bytes())
    for package in ("dbt-core", ENGINES[engine]):
        digest.update(f"\0{package} {version(package)}".encode())
    return digest.hexdigest()[:16]
