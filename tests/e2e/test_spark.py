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
from makegood.ingestion.sample import write as write_sample
from makegood.orchestration.cli.common import BAD_ARGUMENTS, FAILED
from makegood.orchestration.pipeline import run as line
from makegood.orchestration.settings import DBT_PROJECT, Limits, Spark
from makegood.orchestration.spark import cluster
from tests.conftest import CONTRACTS, Published, light
from tests.e2e.test_command import MAKEGOOD
from tests.support import spark as servers
from tests.support.cluster import required
from tests.support.parity import cells, differences

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


@pytest.fixture(scope="module")
def faulty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the sample with faults below `landing`, and what DuckDB makes of it below
    `warehouse`."""
    required("java", "pyspark")
    folder = tmp_path_factory.mktemp("faulty")
    write_sample(folder / "landing", "small", 1, faults=True)
    words = ("--landing", folder / "landing", "--warehouse", folder / "warehouse")
    subprocess.run(command(*words), check=True, capture_output=True)
    return folder


@pytest.mark.long
@pytest.mark.cluster
@pytest.mark.xdist_group("servers")
@pytest.mark.parametrize("server", servers.SERVERS)
def test_each_way_to_spark_publishes_the_same(server: str, faulty: Path, tmp_path: Path) -> None:
    """Also with an executor killed in the middle, where there are several."""
    warehouse = tmp_path / "warehouse"
    with servers.SERVERS[server](tmp_path / "servers") as url:
        words = ("--landing", faulty / "landing", "--warehouse", warehouse, "--target", "spark")
        with subprocess.Popen(
            command(*words, "--spark", url),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as run:
            if server == "standalone":
                wait_for(lambda: stored(warehouse) > 20, run)
                os.kill(executors(tmp_path / "servers")[0], signal.SIGKILL)
            _, errors = run.communicate(timeout=1800)
        assert run.returncode == 0, errors
        assert cells(warehouse) > 10_000
        assert differences(faulty / "warehouse", warehouse) == []
        said = dict(zip(BROKEN, answers(url, tmp_path), strict=True))
        assert {error: text for error, text in said.items() if error not in text} == {}


@pytest.mark.long
@pytest.mark.cluster
@pytest.mark.xdist_group("spark")
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


def answers(url: str, scratch: Path) -> list[str]:
    """What Spark says of each statement of BROKEN. In a process of its own: one that has used Spark
    Connect can't be a driver."""
    code = (
        "import json, sys; from pathlib import Path\n"
        "from makegood.orchestration.settings import Limits, Spark\n"
        "from makegood.orchestration.spark import cluster\n"
        "url, scratch, statements = sys.argv[1], Path(sys.argv[2]), json.loads(sys.argv[3])\n"
        "session = cluster.connected(Spark(url), Limits(), scratch, 0)\n"
        "found = []\n"
        "for sql in statements:\n"
        "    try: found.append(f'no error: {session.execute(sql)}')\n"
        "    except cluster.StatementFailed as error: found.append(str(error))\n"
        "session.close()\n"
        "Path(scratch, 'answers').write_text(json.dumps(found))\n"
    )
    statements = json.dumps(list(BROKEN.values()))
    subprocess.run([sys.executable, "-c", code, url, scratch, statements], check=True)
    found: list[str] = json.loads((scratch / "answers").read_text())
    return found


# a bad cast, an overflow, a decimal that is too long: errors, never nulls;
# each fails only as rows are worked out
BROKEN = {
    "CAST_INVALID_INPUT": "select cast(concat('x', id) as bigint) from range(3)",
    "ARITHMETIC_OVERFLOW": "select 9223372036854775807 + id from range(3)",
    "OUT_OF_RANGE": "select cast(repeat('9', 38) as decimal(38, 0)) * (id + 10) from range(3)",
}


@pytest.mark.long
@pytest.mark.cluster
@pytest.mark.xdist_group("spark")
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
@pytest.mark.xdist_group("spark")
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
@pytest.mark.xdist_group("spark")
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


def executors(folder: Path) -> list[int]:
    """Processes of executors whose workers run below a folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes()
            inside = (process / "cwd").resolve().is_relative_to(folder)
        except OSError:
            continue
        if inside and b"CoarseGrainedExecutorBackend" in words:
            found.append(int(process.name))
    return found


def wait_for(is_so: Callable[[], bool], run: subprocess.Popen, seconds: float = 900) -> None:
    until = time.monotonic() + seconds
    while not is_so():
        assert run.poll() is None, "it ended before"
        assert time.monotonic() < until
        time.sleep(0.2)
