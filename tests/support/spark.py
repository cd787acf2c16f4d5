"""Spark as users run it, each part a process on this machine."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.support.ports import free_port

WAIT_S = 120


def home() -> Path:
    import pyspark

    return Path(pyspark.__file__).parent


@contextmanager
def _process(
    folder: Path, name: str, words: list[object], is_up: Callable[[], bool]
) -> Iterator[subprocess.Popen[bytes]]:
    """A process in a folder of its own, once it is up; ended with all that it has started."""
    inside = folder / name
    inside.mkdir(parents=True)
    with (inside / "log").open("wb") as log:
        process = subprocess.Popen(
            [*map(str, words)],
            cwd=inside,
            stdout=log,
            stderr=log,
            start_new_session=True,
            env={**os.environ, "SPARK_LOCAL_IP": "127.0.0.1"},
        )
    try:
        until = time.monotonic() + WAIT_S
        while not is_up():
            assert process.poll() is None, (inside / "log").read_text()[-2000:]
            assert time.monotonic() < until, (inside / "log").read_text()[-2000:]
            time.sleep(0.2)
        yield process
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _answers(port: int) -> Callable[[], bool]:
    def asked() -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    return asked


@contextmanager
def standalone(folder: Path, workers: int = 2) -> Iterator[str]:
    """A master and workers of one core each; its URL."""
    port, start = free_port(), home() / "bin" / "spark-class"
    host = ["--host", "127.0.0.1", "--webui-port", "0"]
    url = f"spark://127.0.0.1:{port}"
    with ExitStack() as stack:
        master = [start, "org.apache.spark.deploy.master.Master", *host, "--port", port]
        stack.enter_context(_process(folder, "master", master, _answers(port)))
        for number in range(workers):
            name = f"worker-{number}"
            log = folder / name / "log"
            worker = [start, "org.apache.spark.deploy.worker.Worker", *host, "--cores", 1]
            worker += ["--memory", "1g", "--work-dir", folder / name, url]

            def is_registered(log: Path = log) -> bool:
                return "Successfully registered with master" in log.read_text()

            stack.enter_context(_process(folder, name, worker, is_registered))
        yield url


@contextmanager
def connect(folder: Path) -> Iterator[str]:
    """A Spark Connect server; its URL."""
    port = free_port()
    words = _submit("org.apache.spark.sql.connect.service.SparkConnectServer")
    words[-1:-1] = ["--conf", f"spark.connect.grpc.binding.port={port}"]
    with _process(folder, "connect", words, _answers(port)):
        yield f"sc://127.0.0.1:{port}"


@contextmanager
def thrift(folder: Path) -> Iterator[str]:
    """A Thrift server; its URL."""
    port = free_port()
    words = _submit("org.apache.spark.sql.hive.thriftserver.HiveThriftServer2")
    words += ["--hiveconf", f"hive.server2.thrift.port={port}"]
    words += ["--hiveconf", "hive.server2.thrift.bind.host=127.0.0.1"]
    with _process(folder, "thrift", words, _answers(port)):
        yield f"thrift://127.0.0.1:{port}"


def _submit(main: str) -> list[object]:
    quiet = ["--conf", "spark.ui.enabled=false", "--conf", "spark.driver.host=127.0.0.1"]
    return [
        home() / "bin" / "spark-submit",
        "--master",
        "local[2]",
        *quiet,
        "--class",
        main,
        "spark-internal",
    ]


SERVERS = {"standalone": standalone, "connect": connect, "thrift": thrift}
