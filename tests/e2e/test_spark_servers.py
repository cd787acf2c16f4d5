"""Each way in which Spark is reached: a cluster, Spark Connect, a Thrift server."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.test_spark import command, stored, wait_for
from tests.support import spark as servers
from tests.support.parity import cells, differences


@pytest.mark.long
@pytest.mark.cluster
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
