"""The command as it is installed: its exit status, what it prints and what it leaves behind."""

import json
import os
import re
import shutil
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import duckdb
import pytest
import typer
from typer.testing import CliRunner

from makegood.orchestration.cli import app
from tests.conftest import CONTRACTS, Published, write_contracts, write_landing
from tests.integration.test_landing import AS_OF, deliver, outage, world

MAKEGOOD = Path(sys.executable).parent / "makegood"


def makegood(*words: Any, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(MAKEGOOD), *map(str, words)],
        capture_output=True,
        text=True,
        timeout=600,
        env={**os.environ, **environment},
        check=False,
    )


def run(landing: Path, warehouse: Path, *words: Any) -> subprocess.CompletedProcess[str]:
    return makegood("run", "--landing", landing, "--warehouse", warehouse, "--as-of", AS_OF, *words)


@pytest.fixture(scope="module")
def done(
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[Path, Path, subprocess.CompletedProcess[str]]:
    folder = tmp_path_factory.mktemp("command")
    landing = write_landing(folder / "landing", world())
    return landing, folder / "warehouse", run(landing, folder / "warehouse")


def test_run_publishes_and_says_where(
    done: tuple[Path, Path, subprocess.CompletedProcess[str]],
) -> None:
    _, warehouse, said = done
    assert said.returncode == 0, said.stderr
    assert (
        said.stdout.splitlines()[0] == "published as of 2026-07-10T00:00:00Z: 5 new files; "
        "read 6, landed 6, rejected 0, waiting 0"
    )
    assert [line.split()[0] for line in said.stdout.splitlines()[1:]] == [
        "marts",
        "dashboards",
        "reports",
    ]
    assert (warehouse / "published" / "makegood.duckdb").exists()
    assert not (warehouse / "building").exists() or not any((warehouse / "building").iterdir())


def test_parquet_is_the_same_marts(
    done: tuple[Path, Path, subprocess.CompletedProcess[str]],
) -> None:
    published = Published(done[1])
    marts = published.all_marts()
    assert (
        {p.stem for p in (done[1] / "published" / "parquet").glob("*.parquet")}
        == set(marts)
        > {"availability", "downtime"}
    )
    with duckdb.connect() as con:
        for name in marts:
            file = done[1] / "published" / "parquet" / f"{name}.parquet"
            con.execute(f"attach '{published.database}' as db (read_only)")
            difference = con.execute(
                f"(from db.marts.{name} except all from '{file}') "
                f"union all (from '{file}' except all from db.marts.{name})"
            ).fetchall()
            con.execute("detach db")
            assert difference == []


def test_types_of_the_marts_are_those_of_the_interface(
    done: tuple[Path, Path, subprocess.CompletedProcess[str]], shared: Path
) -> None:
    kinds = {
        "s": "VARCHAR",
        "b": "BOOLEAN",
        "n": "BIGINT",
        "i": "BIGINT",
        "t": "TIMESTAMP WITH TIME ZONE",
        "d": "DATE",
        "m": "DECIMAL(18,3)",
        "p": "DECIMAL(18,6)",
    }
    columns = json.loads((shared / "cases" / "columns.json").read_text())
    rows = Published(done[1]).query(
        "select table_name, column_name, data_type from information_schema.columns "
        "where table_schema = 'marts'"
    )
    have = {(r["table_name"], r["column_name"]): r["data_type"] for r in rows}
    for mart in columns:
        assert {c: have.get((mart, c)) for c in columns[mart][1]} == {
            c: kinds[k] for c, k in columns[mart][1].items()
        }


def test_expectations_are_published_with_the_marts(
    done: tuple[Path, Path, subprocess.CompletedProcess[str]],
) -> None:
    results = Published(done[1]).query("select * from quality.check_results")
    assert {r["feed"] for r in results} >= {
        "services",
        "checks",
        "outages",
        "tickets",
        "invoice_lines",
    }
    assert {r["name"] for r in results if r["mart"] == "credits"} >= {"cap", "attribution", "month"}
    missing = {r["feed"] for r in results if not r["success"]}
    assert "checks" in missing, "an empty feed is a warning"
    assert "services" not in missing


def test_status_says_what_is_published(
    done: tuple[Path, Path, subprocess.CompletedProcess[str]],
) -> None:
    said = makegood("status", "--warehouse", done[1])
    assert said.returncode == 0
    assert "as of         2026-07-10T00:00:00Z" in said.stdout
    assert re.search(r"outages +1 file +2 rows, the last outages/rows.csv", said.stdout)
    assert "tickets: nothing has been delivered" in said.stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--as-of", "2026-07-10T00:00:00"], "has no offset"),
        (["--as-of", "soon"], "soon"),
        (["--as-of", "9999-12-31T23:59:59-05:00"], "is not of the years 1900 to 2199"),
        (["--threads", "0"], "--threads 0 is too few: at least 1"),
        (["--memory", "8 gigs"], "'8 gigs' is not a valid memory size (example: 8GB)"),
        (["--landing", "/nowhere"], "--landing /nowhere is not a folder"),
        (["--contracts", "/nowhere"], "--contracts /nowhere is not a folder"),
        (["--spark", "local[2]"], "--spark, --spark-storage, --spark-conf need --target spark"),
        (["--target", "abacus"], "abacus"),
    ],
)
def test_bad_arguments_exit_2(tmp_path: Path, words: list[str], said: str) -> None:
    landing = write_landing(tmp_path / "landing", world())
    done = makegood(
        "run",
        *(["--landing", landing] if "--landing" not in words else []),
        "--warehouse",
        tmp_path / "w",
        *words,
    )
    assert (done.returncode, said in done.stderr.replace("\n", " ")) == (2, True), done.stderr
    assert not (tmp_path / "w" / "published").exists()


def test_a_refused_contract_exits_2_with_file_and_line(tmp_path: Path) -> None:
    contracts = write_contracts(tmp_path / "contracts", {})
    (contracts / "te.yaml").write_text(
        (CONTRACTS / "trueengage.yaml").read_text().replace("period: month", "period: monthly")
    )
    done = run(
        write_landing(tmp_path / "landing", world()), tmp_path / "w", "--contracts", contracts
    )
    assert done.returncode == 2
    assert re.search(
        r"te\.yaml:\d+: versions\.0\.terms\.availability\.period: 'monthly' is not one of month",
        done.stderr,
    )


def test_blocked_exits_3_and_status_says_why(tmp_path: Path) -> None:
    landing = write_landing(tmp_path / "landing", world())
    deliver(landing, "bad.csv", "outages", [outage(45, state="sideways")])
    done = run(landing, tmp_path / "w")
    assert done.returncode == 3
    assert "outages: 1 of 3 rows are rejected, more than 5 %" in done.stderr
    status = makegood("status", "--warehouse", tmp_path / "w").stdout
    assert "nothing is published yet" in status
    assert "outages: 1 of 3 rows are rejected" in status
    rejected = re.search(r"rejected rows: (.*\.csv)", status)
    assert rejected
    docs = re.search(r"data docs: (.*\.html)", status)
    assert docs
    assert "outages: 1 of 3 rows are rejected" in Path(docs[1]).read_text()
    assert "outages/bad.csv,2,values,state" in Path(rejected[1]).read_text()


@pytest.mark.long
def test_a_killed_run_leaves_no_process_and_the_next_succeeds(tmp_path: Path) -> None:
    """The whole command, with its worker; tests/support/faults.py kills runs at many places."""
    landing, warehouse = write_landing(tmp_path / "landing", world()), tmp_path / "w"
    command = [
        str(MAKEGOOD),
        "run",
        "--landing",
        str(landing),
        "--warehouse",
        str(warehouse),
        "--as-of",
        AS_OF,
    ]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        # kill it once it has landed files and is building
        deadline = time.monotonic() + 120
        while (
            not list((warehouse / "building").glob("*/work.duckdb")) and time.monotonic() < deadline
        ):
            time.sleep(0.02)
        workers = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        process.kill()
    assert list((warehouse / "building").glob("*")), "it was killed at work"
    assert workers
    deadline = time.monotonic() + 60
    while (
        any(
            Path(f"/proc/{worker}/cmdline").exists() and Path(f"/proc/{worker}/cmdline").read_text()
            for worker in workers
        )
        and time.monotonic() < deadline
    ):
        time.sleep(0.1)
    assert not any(
        Path(f"/proc/{worker}/cmdline").exists() and Path(f"/proc/{worker}/cmdline").read_text()
        for worker in workers
    ), "the worker has ended"
    assert run(landing, warehouse).returncode == 0
    assert not any((warehouse / "building").glob("*"))
    status = makegood("status", "--warehouse", warehouse).stdout
    assert re.search(r"run 00000001-\S+: killed\nrun 00000002-\S+: published", status)
    assert makegood("doctor", "--warehouse", warehouse).stdout == f"{warehouse} is whole\n"


@pytest.mark.long
def test_sample_with_faults_is_published_without_them(tmp_path: Path) -> None:
    said = makegood("sample", "--out", tmp_path / "s", "--faults", "--seed", "7")
    assert said.returncode == 0
    planted = [line for line in said.stdout.splitlines() if line.startswith("planted")]
    done = makegood(
        "run",
        "--landing",
        tmp_path / "s",
        "--warehouse",
        tmp_path / "w",
        "--as-of",
        "2026-08-15T00:00:00Z",
    )
    assert done.returncode == 0, done.stderr
    kept = Published(tmp_path / "w").rejected()
    assert len(kept) == len(planted)
    for line in planted:
        found = re.match(r"planted +(\w+): (.*?): (rejected|waiting)", line)
        assert found
        feed, what, fate = found.groups()
        name = what.split()[-1]
        assert any(
            r["feed"] == feed
            and r["status"] == fate
            and (name in r["raw"] or str(r["line"]) == name)
            for r in kept
        ), line
    again = makegood("sample", "--out", tmp_path / "s2", "--faults", "--seed", "7")
    assert again.returncode == 0
    assert {
        p.relative_to(tmp_path / "s"): p.read_bytes()
        for p in (tmp_path / "s").rglob("*")
        if p.is_file()
    } == {
        p.relative_to(tmp_path / "s2"): p.read_bytes()
        for p in (tmp_path / "s2").rglob("*")
        if p.is_file()
    }, "the same seed writes the same feeds"


def test_sample_does_not_write_into_a_folder_with_files(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("")
    assert makegood("sample", "--out", tmp_path).returncode == 2


@pytest.mark.parametrize("command", [None, *typer.main.get_group(app).commands])
def test_every_command_has_help(command: str | None) -> None:
    words = [command] if command else []
    asked, short = (CliRunner().invoke(app, [*words, option]) for option in ("--help", "-h"))
    assert asked.exit_code == short.exit_code == 0
    assert "Usage" in asked.stdout
    assert short.stdout == asked.stdout


def test_the_command_has_help() -> None:
    done = makegood("--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert all(command in done.stdout for command in typer.main.get_group(app).commands)


def test_the_version_is_that_of_the_distribution() -> None:
    assert makegood("--version").stdout == f"makegood {version('makegood')}\n"


def test_the_shell_completes(tmp_path: Path) -> None:
    # Typer's own switch: the shell is named instead of found among the parents of the process
    named = {"HOME": str(tmp_path), "_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"}
    installed = makegood("--install-completion", "bash", **named)
    assert installed.returncode == 0, installed.stderr
    assert "makegood" in (tmp_path / ".bashrc").read_text()
    asked = {
        "_MAKEGOOD_COMPLETE": "complete_bash",
        "COMP_WORDS": "makegood stat",
        "COMP_CWORD": "1",
    }
    assert makegood(**asked).stdout.split() == ["status"]


@pytest.mark.long
def test_quiet_prints_errors_only(
    done: tuple[Path, Path, subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    landing, warehouse = tmp_path / "landing", tmp_path / "w"
    shutil.copytree(done[0], landing)
    shutil.copytree(done[1], warehouse, symlinks=True)
    published = run(landing, warehouse, "--quiet")
    assert (published.returncode, published.stdout, published.stderr) == (0, "", "")
    assert (
        len(json.loads(makegood("status", "--warehouse", warehouse, "--json").stdout)["runs"]) == 2
    )
    deliver(landing, "bad.csv", "outages", [outage(45, state="sideways")])
    blocked = run(landing, warehouse, "--quiet")
    assert (blocked.returncode, blocked.stdout) == (3, "")
    assert "outages: 1 of 1 rows are rejected, more than 5 %" in blocked.stderr
    # what other programs read of it
    status = json.loads(makegood("status", "--warehouse", warehouse, "--json").stdout)
    assert [r["status"] for r in status["runs"]] == ["published", "published", "blocked"]
    assert "rejected" in " ".join(status["runs"][-1]["reasons"])
    listed = json.loads(makegood("alerts", "--warehouse", warehouse, "--json").stdout)["alerts"]
    assert listed == status["open_alerts"]
    assert {(a["kind"], a["severity"]) for a in listed} >= {("run_blocked", "critical")}
    (warehouse / "published" / "parquet" / "availability.parquet").unlink()
    examined = makegood("doctor", "--warehouse", warehouse, "--json")
    assert examined.returncode == 1
    found = {f["what"]: f["action"] for f in json.loads(examined.stdout)["findings"]}
    (damage,) = (what for what in found if "availability.parquet can't be read" in what)
    assert found[damage].startswith("run again")


def test_status_for_programs_is_what_is_published(
    done: tuple[Path, Path, subprocess.CompletedProcess[str]],
) -> None:
    status = json.loads(makegood("status", "--warehouse", done[1], "--json").stdout)
    published = Published(done[1])
    assert status["published"]["database"] == str(published.database)
    assert status["published"]["as_of"] == AS_OF
    deliveries = published.query(
        "select feed, count(*) as files, sum(rows_read)::bigint as rows, "
        "max_by(path, delivery_id) as last_path from state.deliveries group by feed order by feed"
    )
    assert status["published"]["delivered"] == deliveries
    warnings = published.query("select about, warning from quality.warnings order by all")
    assert status["published"]["warnings"] == warnings != []
    assert (status["damage"], status["layout"], status["earlier"]) == ({}, [], [])


def test_doctor_for_programs_says_what_was_repaired(
    done: tuple[Path, Path, subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    shutil.copytree(done[1], tmp_path / "w", symlinks=True)
    (tmp_path / "w" / "building" / "00000009-killed").mkdir(parents=True)
    repaired = makegood("doctor", "--warehouse", tmp_path / "w", "--repair", "--json")
    assert repaired.returncode == 0, repaired.stderr
    found = json.loads(repaired.stdout)
    assert found["findings"] == []
    assert ["00000009-killed" in line for line in found["repaired"]] == [True]
    again = makegood("doctor", "--warehouse", tmp_path / "w", "--json")
    assert json.loads(again.stdout) == {"repaired": [], "findings": []}
