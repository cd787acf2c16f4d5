"""The models as plain SQL: compiled by dbt once a session, then run by DuckDB alone.

On feeds of a few rows dbt's own work takes four fifths of a build. Tests of figures need the
models, not their builder; tests of the command build with dbt itself.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

import duckdb
import filelock
import pytest

from makegood.orchestration.pipeline import build as dbt_build
from makegood.orchestration.pipeline.build import Built, TestResult, TransformFailed
from makegood.orchestration.settings import NO_TELEMETRY, Limits

Node = dict[str, Any]


def nodes(folder: Path) -> dict[str, Any]:
    """Models and tests in an order in which they can run, and the comments of what is published.

    They are compiled once for all processes that share `folder`."""
    kept = folder / "compiled.json"
    with filelock.FileLock(f"{kept}.lock"):
        if not kept.exists():
            kept.write_text(json.dumps(_compiled(folder)))
    found: dict[str, Any] = json.loads(kept.read_text())
    return found


def _compiled(folder: Path) -> dict[str, Any]:
    from dbt.cli.main import dbtRunner

    nowhere = {"MAKEGOOD_WORK": ":memory:", "MAKEGOOD_BUILD": ":memory:"}
    with pytest.MonkeyPatch.context() as environment:
        for name, value in (NO_TELEMETRY | nowhere).items():
            environment.setenv(name, value)
        manifest = dbt_build.parsed(folder)
        done = dbtRunner(manifest=manifest).invoke(["compile", *dbt_build.options(folder)])
    assert done.success, done.exception
    found = {result.node.unique_id: result.node for result in done.result}
    ahead = {i: set(node.depends_on.nodes) & found.keys() for i, node in found.items()}
    order = [found[i] for i in TopologicalSorter(ahead).static_order()]
    return {"nodes": [_plain(node) for node in order], "comments": dbt_build.comments(manifest)}


def _plain(node: Any) -> Node:
    is_test = node.resource_type == "test"
    about = next((d for d in node.depends_on.nodes if d.startswith("model.")), None)
    return {
        "name": node.name,
        "relation": None if is_test else node.relation_name,
        "schema": f'"{node.database}"."{node.schema}"',
        "sql": node.compiled_code,
        "about": about.split(".")[-1] if about else None,
        "is_error": is_test and node.config.severity.lower() == "error",
        "description": node.description or "",
    }


def builder(folder: Path) -> Callable[..., Built]:
    """What takes the place of `build.build`; `folder` is shared by all processes of the session."""

    def build(
        work: Path,
        target: Path,
        scratch: Path,
        limits: Limits,
        progress: Callable[[str], None] = lambda message: None,
        select: Iterable[str] = (),
    ) -> Built:
        assert not list(select), "only dbt knows what a selection means"
        project = nodes(folder)
        settings = {
            "threads": limits.threads,
            "memory_limit": limits.memory,
            "temp_directory": str(scratch / "spill"),
        }
        with duckdb.connect(":memory:", config=settings) as con:
            con.execute(f"attach '{work}' as work")
            con.execute(f"attach '{target}' as makegood (storage_version 'v1.0.0')")
            for schema in sorted({node["schema"] for node in project["nodes"] if node["relation"]}):
                con.execute(f"create schema if not exists {schema}")
            results = list(_run(con, project["nodes"], progress))
        # nobody measures tests
        seconds = {node["name"]: 0.0 for node in project["nodes"] if node["relation"]}
        return Built(results, project["comments"], seconds)

    return build


def _run(
    con: duckdb.DuckDBPyConnection, nodes: list[Node], progress: Callable[[str], None]
) -> Iterator[TestResult]:
    for node in nodes:
        try:
            if node["relation"]:
                progress(f"sql table model {node['name']}")
                con.execute(f"create table {node['relation']} as ({node['sql']})")
                continue
            ((found,),) = con.execute(f"select count(*) from ({node['sql']})").fetchall()
        except duckdb.Error as error:
            what = "model" if node["relation"] else "test"
            message = f"the {what} {node['name']}: {error}"
            raise TransformFailed(f"the models could not be built:\n{message}") from error
        message = f"Got {found} results" if found else ""
        yield TestResult(
            node["name"], node["about"], not found, node["is_error"], message, node["description"]
        )
