"""makegood in a Dagster project of others: the example of docs/dagster.md, to the letter."""

import os
import re
import shutil
import subprocess
import sys
import traceback
from pathlib import Path

import pytest
from dagster.components.testing import create_defs_folder_sandbox

from makegood.ingestion.contracts.loader import FOLDER
from makegood.orchestration.definitions.component import WarehouseComponent
from tests.conftest import Published, write_landing
from tests.integration.test_landing import world

DOC = Path(__file__).parents[2] / "docs" / "dagster.md"
# where a file says what it says, which Dagster keeps for its pages
pytestmark = pytest.mark.filterwarnings("ignore:.*is currently in beta")
TYPE = "makegood.orchestration.definitions.component.WarehouseComponent"


def documented() -> dict[str, str]:
    """The files that the documentation shows, by their paths in the project."""
    return dict(re.findall(r"^`([\w./]+)`\n\n```\w+\n(.*?)^```$", DOC.read_text(), re.M | re.S))


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project made of exactly what the documentation shows, and the folders that it names."""
    root = tmp_path_factory.mktemp("project")
    for name, text in documented().items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    for package in ("src/analytics", "src/analytics/defs"):
        (root / package / "__init__.py").touch()
    write_landing(root / "feeds", world())
    shutil.copytree(FOLDER, root / "contracts", ignore=shutil.ignore_patterns("__pycache__"))
    (root / "home").mkdir()
    return root


def dagster(project: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """The command of that project's owner, in its folder."""
    environment = {
        **os.environ,
        "DAGSTER_HOME": str(project / "home"),
        "DAGSTER_DISABLE_TELEMETRY": "yes",
        "PYTHONPATH": str(project / "src"),
        "SLA_WAREHOUSE": str(project / "warehouse"),
    }
    return subprocess.run(
        [sys.executable, "-m", "dagster", *words, "-m", "analytics.definitions"],
        cwd=project,
        env=environment,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )


@pytest.mark.long
def test_the_documented_project_is_valid(project: Path) -> None:
    assert len(documented()) == 4
    done = dagster(project, "definitions", "validate")
    assert done.returncode == 0, done.stderr


@pytest.mark.long
def test_one_asset_of_it_is_materialized(project: Path) -> None:
    """By the executor of the project, which has each step in a process of its own."""
    done = dagster(project, "asset", "materialize", "--select", "makegood/publication/makegood")
    assert done.returncode == 0, done.stderr
    assert Published(project / "warehouse").mart("availability")


def test_two_warehouses_are_set_apart_by_their_names(tmp_path: Path) -> None:
    with create_defs_folder_sandbox() as sandbox:
        for name in ("one", "two"):
            folders = {"landing": "in", "warehouse": str(tmp_path / name)}
            sandbox.scaffold_component(
                component_cls=WarehouseComponent,
                defs_path=name,
                defs_yaml_contents={
                    "type": TYPE,
                    "attributes": {**folders, "name": name, "memory": "1GB"},
                },
            )
        with sandbox.build_all_defs() as defs:
            repository = defs.get_repository_def()
            assert {"one_publish", "two_publish"} <= set(repository.job_names)
            for name in ("one", "two"):
                job = defs.resolve_job_def(f"{name}_publish")
                keys = {key.path[0] for key in job.asset_layer.executable_asset_keys}
                assert keys == {name}
                assert {node.pool for node in job.all_node_defs} == {f"{name}_warehouse"}
                assert job.tags["dagster/max_retries"] == "0"
            assert {s.name for s in repository.sensor_defs} == {
                "one_on_delivery",
                "two_on_delivery",
            }
            assert {s.name for s in repository.schedule_defs} == {"one_daily", "two_daily"}


@pytest.mark.parametrize(
    ("attributes", "error"),
    [
        ({"warehouse": "w"}, "landing"),
        ({"landing": "in", "warehouse": "w", "name": "Not a name"}, "name"),
        ({"landing": "in", "warehouse": "w", "landed": "x"}, "landed"),
        ({"landing": "in", "warehouse": "w", "memory": "8 apples"}, "8 apples"),
    ],
)
def test_what_a_file_says_wrongly_is_named(attributes: dict[str, str], error: str) -> None:
    with create_defs_folder_sandbox() as sandbox:
        sandbox.scaffold_component(
            component_cls=WarehouseComponent,
            defs_path="sla",
            defs_yaml_contents={"type": TYPE, "attributes": attributes},
        )
        with pytest.raises(Exception, match="sla") as raised, sandbox.build_all_defs():
            pass
    # what Dagster shows is the error with its causes
    assert error in "".join(traceback.format_exception(raised.value))
