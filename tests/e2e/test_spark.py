"""The models on Spark: the figures of DuckDB to the cell, whichever way Spark is reached, and no
null where a figure can't be worked out."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from makegood.ingestion.contracts.tables import instant
from makegood.orchestration.cli.common import BAD_ARGUMENTS, FAILED
from makegood.orchestration.pipeline import run as line
from makegood.orchestration.settings import DBT_PROJECT, Limits, Spark
from makegood.orchestration.spark import cluster
from tests.conftest import CONTRACTS, Published, light, write_contracts
from tests.e2e.test_command import MAKEGOOD
from tests.models import test_second_opinions as second_opinions
from tests.support.cluster import required
from tests.support.parity import differences

AS_OF = "2026-08-15T00:00:00Z"
LOCAL = Spark("local[2]")


def published(
    spark: Spark | None,
    landing: Path,
    warehouse: Path,
    as_of: str = AS_OF,
    contracts: Path = CONTRACTS,
) -> Path:
    """Publishes in this process."""
    with pytest.MonkeyPatch.context() as patch:
        light(patch)
        request = line.Request(
            landing, warehouse, contracts, instant(as_of), Limits(threads=2), spark=spark
        )
        with line.opened(request) as run:
            line.steps(run)
    return warehouse


def command(*words: object) -> list[str]:
    return [str(MAKEGOOD), "run", *map(str, words), "--as-of", AS_OF]


@pytest.mark.long
@pytest.mark.cluster
def test_there_and_back_is_the_same(faulty: Path, tmp_path: Path) -> None:
    """A warehouse moves from DuckDB to Spark and back, with a late delivery and another contract on
    the way; its statements and what it has landed are those of one that stayed."""
    landing = tmp_path / "landing"
    shutil.copytree(faulty / "landing", landing)
    july = pl.read_parquet(landing / "checks" / "2026-07.parquet")
    is_late = pl.col("checked_at").dt.day() == 7
    july.filter(~is_late).write_parquet(landing / "checks" / "2026-07.parquet")
    contracts = tmp_path / "contracts"
    shutil.copytree(CONTRACTS, contracts)
    moved, stayed = tmp_path / "moved", tmp_path / "stayed"
    for number, spark in enumerate((None, LOCAL, None)):
        for warehouse, where in ((moved, spark), (stayed, None)):
            published(where, landing, warehouse, f"2026-08-15T0{number}:00:00Z", contracts)
        assert differences(moved, stayed) == []
        if number == 0:
            july.filter(is_late).write_parquet(landing / "checks" / "late.parquet")
            agreement = contracts / "trueengage.yaml"
            text = agreement.read_text()
            assert "min_consecutive_s: 900" in text
            agreement.write_text(text.replace("min_consecutive_s: 900", "min_consecutive_s: 60"))
    restated = "from marts.credit_statements where statement_version > 1"
    assert Published(moved).query(restated)
    assert landed_by(moved) == landed_by(stayed)


def landed_by(warehouse: Path) -> dict[str, bytes]:
    """What has landed, by file and the number of its run."""
    folder = warehouse / "landed"
    return {
        f"{path.parent.relative_to(folder)}/{path.stem[:8]}": path.read_bytes()
        for path in sorted(folder.rglob("*.parquet"))
    }


@pytest.mark.long
@pytest.mark.cluster
@pytest.mark.parametrize(
    ("planted", "error"),
    [
        ("cast(contract_name as bigint)", "CAST_INVALID_INPUT"),
        ("9223372036854775807 + length(contract_name)", "ARITHMETIC_OVERFLOW"),
    ],
)
def test_a_model_that_breaks_publishes_nothing(
    planted: str, error: str, faulty: Path, tmp_path: Path
) -> None:
    project = tmp_path / "dbt_project"
    shutil.copytree(DBT_PROJECT, project, ignore=shutil.ignore_patterns("target"))
    model = project / "models" / "marts" / "contracts.sql"
    text = model.read_text()
    assert "contract_name" in text
    model.write_text(text.replace("contract_name", f"{planted} as contract_name", 1))
    code = (
        "import sys; from pathlib import Path; from makegood.orchestration.pipeline import project;"
        f"project.DBT_PROJECT = Path({str(project)!r});"
        "from makegood.orchestration.cli import main; sys.exit(main())"
    )
    landing, warehouse = faulty / "landing", tmp_path / "warehouse"
    words = command("--landing", landing, "--warehouse", warehouse, "--target", "spark")
    done = subprocess.run(
        [sys.executable, "-c", code, *words[1:]],
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert done.returncode == FAILED
    assert "the model contracts: " in done.stderr
    assert error in done.stderr
    assert not (warehouse / "published").exists()


@pytest.mark.long
@pytest.mark.cluster
def test_a_killed_run_is_put_right_by_the_next(faulty: Path, tmp_path: Path) -> None:
    warehouse = tmp_path / "warehouse"
    words = ("--landing", faulty / "landing", "--warehouse", warehouse, "--target", "spark")
    with subprocess.Popen(command(*words, "--spark", "local[2]"), start_new_session=True) as run:
        wait_for(lambda: stored(warehouse) > 20, run)
        os.killpg(run.pid, signal.SIGKILL)
    assert not (warehouse / "published").exists()
    # on either engine
    subprocess.run(command(*words[:4]), check=True, capture_output=True)
    assert differences(faulty / "warehouse", warehouse) == []
    assert list((warehouse / "building").iterdir()) == []


@pytest.mark.long
@pytest.mark.cluster
def test_a_case_is_the_same(shared: Path, tmp_path: Path) -> None:
    """With the newer terms: calendars, due dates, refunds, quarters. What models hand to each other
    lies elsewhere, named by a URL."""
    required("java", "pyspark")
    elsewhere = replace(LOCAL, storage=f"file://{tmp_path}/elsewhere/")
    case = shared / "cases-terms" / "worlds" / "seed200001"
    for number, run in enumerate(json.loads((case / "case.json").read_text())["runs"]):
        landing, contracts = case / f"delivery{number}", case / "contracts"
        both = [
            published(spark, landing, tmp_path / way, run["as_of"], contracts)
            for way, spark in (("duckdb", None), ("spark", elsewhere))
        ]
        assert differences(*both) == []
    assert len(list((tmp_path / "elsewhere").glob("*/intermediate/*/_SUCCESS"))) > 50


def test_without_java_it_says_what_to_install(tmp_path: Path) -> None:
    required("pyspark")
    (tmp_path / "services").mkdir()
    python = Path(sys.executable).parent
    words = command("--landing", tmp_path, "--warehouse", tmp_path / "w", "--target", "spark")
    done = subprocess.run(
        words,
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": str(python), "HOME": str(tmp_path)},
    )
    assert done.returncode == BAD_ARGUMENTS
    assert done.stderr == (
        f"makegood: --target spark on {default_url()} needs Java 17 (on Debian: apt install "
        "openjdk-17-jre-headless), which is not installed\n"
    )


def test_without_the_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "_is_installed", lambda name: name != "pyspark")
    with pytest.raises(cluster.Unavailable) as error:
        cluster.require(LOCAL)
    assert "pip install 'makegood[spark]'" in str(error.value)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--spark", "local[2]"], "need --target spark"),
        (["--target", "spark", "--spark", "http://host"], "is not where Spark can be"),
        (["--target", "spark", "--spark-conf", "memory=2g"], "is not a setting of Spark"),
        (["--target", "spark", "--spark", "sc://127.0.0.1:9"], "can't be reached"),
        (
            ["--target", "spark", "--keep-work", "build/work"],
            "--keep-work keeps what DuckDB builds",
        ),
    ],
)
def test_what_can_not_be_is_refused(words: list[str], message: str, tmp_path: Path) -> None:
    if "reached" in message:
        required("pyspark")
    (tmp_path / "services").mkdir()
    done = subprocess.run(
        command("--landing", tmp_path, "--warehouse", tmp_path / "w", *words),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == BAD_ARGUMENTS
    assert message in done.stderr
    assert len(done.stderr.splitlines()) == 1


def default_url() -> str:
    return f"local[{min(os.cpu_count() or 1, 4)}]"


def stored(warehouse: Path) -> int:
    """How many tables Spark has written."""
    return len(list((warehouse / "building").glob("*/spark/*/*/_SUCCESS")))


def wait_for(is_so: Callable[[], bool], run: subprocess.Popen, seconds: float = 900) -> None:
    until = time.monotonic() + seconds
    while not is_so():
        assert run.poll() is None, "it ended before"
        assert time.monotonic() < until
        time.sleep(0.2)


@pytest.mark.long
@pytest.mark.cluster
def test_second_opinions_are_the_same(tmp_path: Path) -> None:
    """Every reason on either engine: clocks, calendars and windows are theirs."""
    landing = second_opinions.landed(tmp_path / "landing", second_opinions.world())
    contracts = write_contracts(tmp_path / "contracts", second_opinions.agreed())
    where = [
        published(spark, landing, tmp_path / name, second_opinions.AS_OF, contracts)
        for name, spark in (("duckdb", None), ("spark", LOCAL))
    ]
    assert differences(*where) == []
    assert Published(where[1]).mart("second_opinions")
