"""A session on Spark, whichever way it is reached. All that it takes is SQL."""

import importlib.util
import logging
import os
import re
import shutil
import socket
import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Protocol

from makegood.orchestration.settings import Limits, Spark, environment

Rows = list[tuple[Any, ...]]

# what exact figures depend on, whatever the server or the user sets
EXACT = {
    # a bad cast or an overflow is an error; without it, a null
    "spark.sql.ansi.enabled": "true",
    # and so is a decimal with more digits than its type holds, which would lose some
    "spark.sql.decimalOperations.allowPrecisionLoss": "false",
    "spark.sql.session.timeZone": "UTC",
    # as an instant, as other readers of Parquet take it
    "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",
}
# below it, planning and compiling cost more than the work itself
_SMALL_BYTES = 32 << 20
# what a shuffle gives a task, as landed
_BYTES_A_TASK = 8 << 20
_SMALL = {
    "spark.sql.adaptive.enabled": "false",
    "spark.sql.shuffle.partitions": "1",
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
}
# not a second time for what runs often: a run is over before that pays
_COMPILED_ONCE = " -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -XX:ReservedCodeCacheSize=256m"
# those that Spark reads as it starts
_SMALL_AT_START = {
    "spark.buffer.pageSize": "1m",
    "spark.shuffle.compress": "false",
    "spark.shuffle.spill.compress": "false",
    "spark.broadcast.compress": "false",
}
_INSTALL = "pip install 'makegood[spark]'"
_JAVA = "Java 17 (on Debian: apt install openjdk-17-jre-headless)"
_SECONDS_TO_ANSWER = 10


class Unavailable(RuntimeError):
    """Spark can't be started, or reached, as it was asked for (exit 2)."""


class StatementFailed(RuntimeError):
    """A statement that Spark could not run; the message is Spark's, without Java's trace."""


class Cluster(Protocol):
    """A session; the views it makes are its own."""

    # statements that may run side by side
    most_at_once: int

    def execute(self, sql: str) -> Rows:
        """The rows that a statement gives. Raises StatementFailed."""

    def close(self) -> None:
        """Ends the session."""


def require(spark: Spark) -> None:
    """Raises Unavailable where something is missing that can be told without a session."""
    needed = {"master": ["pyspark"], "sc": ["pyspark", "grpc"], "thrift": ["pyhive", "thrift"]}
    # dbt says what the SQL is
    missing = [n for n in ["dbt.adapters.spark", *needed[spark.kind]] if not _is_installed(n)]
    if missing:
        raise Unavailable(
            f"--target spark needs packages that are not installed; install them with {_INSTALL}"
        )
    if spark.kind == "master" and not _has_java():
        raise Unavailable(f"--target spark on {spark.url} needs {_JAVA}, which is not installed")
    if spark.address:
        _require_answer(spark, *spark.address)


def connected(spark: Spark, limits: Limits, scratch: Path, landed_bytes: int) -> Cluster:
    """A session on Spark. `scratch`: a folder for what a Spark that is started here logs and
    spills. `landed_bytes`: the size of what the models read. What `require` looks for is there.
    Raises Unavailable."""
    # PySpark warns of pandas, which SQL does without
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return _opened(spark, limits, scratch, landed_bytes)


def _opened(spark: Spark, limits: Limits, scratch: Path, landed_bytes: int) -> Cluster:
    is_small = landed_bytes < _SMALL_BYTES
    opened = {"master": _on_master, "sc": _by_connect, "thrift": _by_thrift}[spark.kind]
    try:
        cluster = opened(spark, limits, scratch, is_small)
    except Exception as error:
        raise Unavailable(f"Spark at {spark.url} can't be used: {_first_line(error)}") from error
    try:
        tasks = {"spark.sql.shuffle.partitions": str(max(8, landed_bytes // _BYTES_A_TASK))}
        for name, value in ((_SMALL if is_small else tasks) | dict(spark.conf) | EXACT).items():
            # what can be set only as Spark starts is refused here, and was set there
            with suppress(StatementFailed):
                cluster.execute(f"set {name}={value}")
        for name, value in EXACT.items():
            ((_, is_now),) = cluster.execute(f"set {name}")
            if is_now != value:
                raise Unavailable(f"Spark at {spark.url} does not let a session set {name}={value}")
    except BaseException:
        cluster.close()
        raise
    return cluster


class _Session:
    """In this process, on a cluster whose driver is this process, or by Spark Connect."""

    def __init__(self, session: Any, most_at_once: int) -> None:
        from py4j.protocol import Py4JError
        from pyspark.errors import PySparkException

        # PySpark logs what it raises, with Java's trace
        logging.getLogger("SQLQueryContextLogger").disabled = True
        self._session, self.most_at_once = session, most_at_once
        self._errors = (PySparkException, Py4JError)

    def execute(self, sql: str) -> Rows:
        try:
            return [tuple(row) for row in self._session.sql(sql).collect()]
        except self._errors as error:
            raise StatementFailed(_first_line(error)) from error

    def close(self) -> None:
        with suppress(Exception):
            self._session.stop()


class _Thrift:
    """A Thrift server, which runs one statement of a session at a time."""

    most_at_once = 1

    def __init__(self, connection: Any) -> None:
        self._connection, self._turn = connection, threading.Lock()

    def execute(self, sql: str) -> Rows:
        from pyhive.exc import Error
        from thrift.Thrift import TException

        with self._turn:
            try:
                cursor = self._connection.cursor()
                cursor.execute(sql)
                return [tuple(row) for row in cursor.fetchall()] if cursor.description else []
            except (Error, TException) as error:
                raise StatementFailed(_first_line(error)) from error

    def close(self) -> None:
        with suppress(Exception):
            self._connection.close()


def _on_master(spark: Spark, limits: Limits, scratch: Path, is_small: bool) -> Cluster:
    from pyspark.sql import SparkSession

    conf = {
        "spark.driver.memory": _java_size(limits.memory),
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.sql.warehouse.dir": str(scratch / "spark-warehouse"),
        "spark.local.dir": str(scratch / "spark-spill"),
        "spark.scheduler.mode": "FAIR",
        "spark.driver.extraJavaOptions": _log_to(scratch) + _COMPILED_ONCE * is_small,
        **(_SMALL_AT_START if is_small else {}),
        **({"spark.driver.host": "127.0.0.1"} if spark.url.startswith("local") else {}),
    }
    builder = SparkSession.builder.master(spark.url).appName("makegood")
    for name, value in (conf | dict(spark.conf)).items():
        builder = builder.config(name, value)
    with _errors_to(scratch / "spark.log"):
        session = builder.getOrCreate()
    return _Session(session, max(2, limits.threads))


def _by_connect(spark: Spark, limits: Limits, scratch: Path, is_small: bool) -> Cluster:
    from pyspark.sql import SparkSession

    session = SparkSession.builder.remote(spark.url).create()
    return _Session(session, max(2, limits.threads))


def _by_thrift(spark: Spark, limits: Limits, scratch: Path, is_small: bool) -> Cluster:
    from pyhive import hive

    assert spark.address
    host, port = spark.address
    return _Thrift(hive.connect(host=host, port=port, username="makegood", auth="NONE"))


def _is_installed(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:
        return False


def _has_java() -> bool:
    home = environment("JAVA_HOME")
    return bool(shutil.which("java") or (home and Path(home, "bin", "java").exists()))


def _require_answer(spark: Spark, host: str, port: int) -> None:
    try:
        socket.create_connection((host, port), _SECONDS_TO_ANSWER).close()
    except OSError as error:
        raise Unavailable(
            f"Spark at {spark.url} can't be reached: {error.strerror or error}; docs/scale.md says "
            "how to start one"
        ) from error


def _java_size(memory: str) -> str:
    """A size such as `2GB` as Java takes it."""
    number, unit = re.fullmatch(r"([0-9.]+)\s*([KMGT])i?B", memory).groups()  # type: ignore[union-attr]
    factor = {"K": 1, "M": 1 << 10, "G": 1 << 20, "T": 1 << 30}[unit]
    return f"{int(float(number) * factor)}k"


def _log_to(scratch: Path) -> str:
    """Options with which Java logs errors alone, into a file."""
    settings = scratch / "log4j2.properties"
    settings.write_text(
        "rootLogger.level = error\n"
        "rootLogger.appenderRef.file.ref = file\n"
        "appender.file.type = File\n"
        "appender.file.name = file\n"
        f"appender.file.fileName = {scratch / 'spark.log'}\n"
        "appender.file.layout.type = PatternLayout\n"
        "appender.file.layout.pattern = %d %p %c{1}: %m%n%ex\n"
    )
    return f"-Dlog4j2.configurationFile=file:{settings}"


@contextmanager
def _errors_to(path: Path) -> Iterator[None]:
    """What is started meanwhile writes its errors into a file: Java warns of its own modules."""
    sys.stderr.flush()
    before = os.dup(2)
    with path.open("ab") as log:
        os.dup2(log.fileno(), 2)
    try:
        yield
    finally:
        sys.stderr.flush()
        os.dup2(before, 2)
        os.close(before)


def _first_line(error: BaseException) -> str:
    """What Spark says, without the trace and the query plan."""
    # Thrift wraps it in a status, and what is new to PySpark comes as Java's
    status = getattr(error.args[0], "status", None) if error.args else None
    java = getattr(error, "java_exception", None)
    text = str(getattr(status, "errorMessage", None) or (java and java.getMessage()) or error)
    named = re.search(r"\[[A-Z][A-Z0-9_.]+\] (?!org\.apache)[^\n]*", text)
    lines = (line for line in text.splitlines() if line.strip())
    return named[0] if named else next(lines, type(error).__name__)
