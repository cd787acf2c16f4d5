"""The dbt project as a run needs it: parsed once, compiled once, kept by what its files hold.

dbt says what the models are, in which order they run, and what their SQL is. A run then needs
DuckDB alone: on feeds of a few rows, dbt's own work was four fifths of a build.
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


class TransformFailed(RuntimeError):
    """A model or test that could not run; the message names it."""


@dataclass(frozen=True)
class Model:
    """A model: `relation` is the table or view (`kind`) that its `sql` makes, both quoted for
    DuckDB."""

    name: str
    kind: str
    relation: str
    schema: str
    sql: str


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


def options(scratch: Path) -> list[str]:
    """The options of each dbt call."""
    folders = [
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


def parsed(scratch: Path) -> Any:
    """The parsed project (dbt's manifest), from the cache if it is there for exactly these files.
    Raises TransformFailed."""

    def make() -> bytes:
        from dbt.cli.main import dbtRunner

        done = dbtRunner().invoke(["parse", *options(scratch), "--no-partial-parse"])
        if done.exception or not done.success:
            raise TransformFailed(f"the dbt project can't be parsed: {done.exception}")
        shutil.rmtree(scratch / "dbt", ignore_errors=True)
        packed: bytes = done.result.to_msgpack()
        return packed

    kept = _kept("manifest", "msgpack", make)
    # dbt takes seconds to import
    from dbt.contracts.graph.manifest import Manifest

    return Manifest.from_msgpack(kept)


def compiled(scratch: Path) -> Project:
    """The compiled project, from the cache if it is there for exactly these files. Raises
    TransformFailed."""
    found = json.loads(
        _kept("compiled", "json", lambda: json.dumps(asdict(_compiled(scratch))).encode())
    )
    return Project(
        [Model(**model) for model in found["models"]],
        [DataTest(**test) for test in found["tests"]],
        found["comments"],
    )


def _compiled(scratch: Path) -> Project:
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager
    from dbt.cli.main import dbtRunner

    nowhere = {"MAKEGOOD_WORK": ":memory:", "MAKEGOOD_BUILD": ":memory:"}
    set_environment(NO_TELEMETRY | nowhere)
    manifest = parsed(scratch)
    try:
        done = dbtRunner(manifest=manifest).invoke(["compile", *options(scratch)])
    finally:
        DuckDBConnectionManager.close_all_connections()
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
        if table.database == PUBLISHED:
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


def _kept(kind: str, suffix: str, make: Callable[[], bytes]) -> bytes:
    """What `make` makes of the project, from the cache where it is there."""
    kept = CACHE / f"{kind}-{_digest()}.{suffix}"
    with suppress(OSError):
        return kept.read_bytes()
    made = make()
    # where nothing can be kept, each run makes it
    with suppress(OSError):
        CACHE.mkdir(parents=True, exist_ok=True)
        write_whole(kept, made)
        newest = sorted(CACHE.glob(f"{kind}-*.{suffix}"), key=lambda p: p.stat().st_mtime)
        for old in newest[:-MOST_KEPT]:
            old.unlink(missing_ok=True)
    return made


def _digest() -> str:
    """What the project depends on: its files, where they are, and what compiles them."""
    digest = hashlib.sha256(str(DBT_PROJECT).encode())
    folders = (DBT_PROJECT / name for name in ("macros", "models", "tests"))
    inside = (path for folder in folders for path in folder.rglob("*") if path.is_file())
    for path in sorted([*DBT_PROJECT.glob("*.yml"), *inside, Path(__file__)]):
        digest.update(f"\0{path}\0".encode() + path.read_bytes())
    for package in ("dbt-core", "dbt-duckdb"):
        digest.update(f"\0{package} {version(package)}".encode())
    return digest.hexdigest()[:16]
