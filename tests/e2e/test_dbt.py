"""The loop of someone who changes one model: exactly the lines that CONTRIBUTING.md shows."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from tests.conftest import Published, write_landing

# dbt's whole loop by its own command
pytestmark = pytest.mark.long


ROOT = Path(__file__).parents[2]
WORLD = {
    "customers": [{"customer_id": "c", "name": "Customer"}],
    "services": [
        {"service_id": "v", "name": "Voice", "contract_id": "trueengage", "lifecycle": "ga"}
    ],
    "components": [
        {"component_id": "v-1", "service_id": "v", "region": "eu", "environment": "production"}
    ],
    "subscriptions": [
        {
            "subscription_id": "s-1",
            "customer_id": "c",
            "service_id": "v",
            "region": "eu",
            "support_plan": "premium",
            "kind": "paid",
            "status": "active",
            "valid_from": "2026-06-01",
        }
    ],
}


def shell(folder: Path, lines: str) -> str:
    """What the lines print, typed in `folder` with the environment of this Python activated."""
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    # a run in this process may have set those of its own databases
    own = {name: v for name, v in os.environ.items() if not name.startswith("MAKEGOOD_")}
    done = subprocess.run(
        ["bash", "-euc", lines],
        cwd=folder,
        env={**own, "PATH": path},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_one_model_is_changed_built_and_shown(tmp_path: Path) -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text().partition("## One model")[2]
    lines = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)[0]
    run, cd, loop = re.split(r"(^cd dbt_project\n)", lines, flags=re.MULTILINE)
    # as a checkout after `make run`
    project = shutil.copytree(
        ROOT / "dbt_project",
        tmp_path / "dbt_project",
        ignore=shutil.ignore_patterns("target", "logs", "__pycache__"),
    )
    build = tmp_path / "build"
    write_landing(build / "sample" / "landing", WORLD)

    shell(tmp_path, run)
    model = project / "models" / "marts" / "credits.sql"
    changed = model.read_text().replace(
        "| join(', ')", "| join(', ') | replace('service_id', \"'changed' as service_id\")"
    )
    assert changed != model.read_text()
    model.write_text(changed)
    shown = shell(tmp_path, cd + loop)
    assert re.search(r"\bs-1 .*\bchanged\b", shown)
    with duckdb.connect(str(build / "work" / "makegood.duckdb"), read_only=True) as con:
        assert con.execute("select distinct service_id from marts.credits").fetchall() == [
            ("changed",)
        ]
    # what is published is another file
    published = Published(build / "sample" / "warehouse")
    assert {row["service_id"] for row in published.mart("credits")} == {"v"}

    shell(tmp_path, f"{cd}dbt test --select credits\ndbt docs generate")
    assert (project / "target" / "catalog.json").exists()
