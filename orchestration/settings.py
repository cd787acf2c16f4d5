"""The one place that reads environment variables, and sets those for the tools we start."""

import os
import re
import zoneinfo
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import platformdirs

PROJECT = Path(__file__).parent.parent
DBT_PROJECT = PROJECT / "dbt_project"
# only what can be made again at any time; the package itself is never written to
CACHE = platformdirs.user_cache_path("makegood", appauthor=False)

# nothing that we start may call home, or look for its newest version
NO_TELEMETRY = {
    "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
    "DO_NOT_TRACK": "1",
    "GX_ANALYTICS_ENABLED": "false",
    "STREAMLIT_BROWSER_GATHER_USAGE_STATS": "false",
    "DAGSTER_DISABLE_TELEMETRY": "yes",
    "RUNTIME__DLTHUB_TELEMETRY": "false",
}
# for dlt: what went wrong is said once, by us, and what was written is not kept twice
DLT = {"RUNTIME__LOG_LEVEL": "CRITICAL", "LOAD__DELETE_COMPLETED_JOBS": "true"}


@dataclass(frozen=True)
class Limits:
    """What a run may use: threads of the engine, and its memory (example: `8GB`)."""

    threads: int = 2
    memory: str = "2GB"

    def __post_init__(self) -> None:
        if self.threads < 1:
            raise ValueError(f"--threads {self.threads} is too few: at least 1")
        if not re.fullmatch(r"[0-9]+(\.[0-9]+)?\s*(KB|MB|GB|TB|KiB|MiB|GiB|TiB)", self.memory):
            raise ValueError(f"--memory {self.memory!r} is not a valid memory size (example: 8GB)")

    def hold(self) -> None:
        """Holds engines that read their threads once, as they start, to these; for this process
        before it imports Polars or Arrow, and for those that it starts."""
        threads = str(self.threads)
        set_environment({"POLARS_MAX_THREADS": threads, "OMP_NUM_THREADS": threads})


@dataclass(frozen=True)
class Spark:
    """Where the models run on Spark. `url`: a master (`local[2]`: started here, with two threads;
    `spark://host:7077`), a Spark Connect server (`sc://host:15002`) or a Thrift server
    (`thrift://host:10000`). `storage`: a folder, or a URL that Spark can write to, for what is not
    published; None: the warehouse. `conf`: settings of Spark, by their names."""

    url: str
    storage: str | None = None
    conf: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not re.fullmatch(
            r"local(\[(\d+|\*)\])?|(spark|sc|thrift)://[^/:]+(:\d+)?(,[^/:]+:\d+)*(/.*)?|yarn|k8s://.+",
            self.url,
        ):
            raise ValueError(
                f"--spark {self.url!r} is not where Spark can be: give a master, as in local[2] or "
                "spark://host:7077, a Spark Connect server, as in sc://host:15002, or a Thrift "
                "server, as in thrift://host:10000"
            )

    @property
    def kind(self) -> str:
        """How it is reached: `sc`, `thrift`, or by a `master`."""
        scheme = self.url.partition("://")[0]
        return scheme if scheme in ("sc", "thrift") else "master"

    @property
    def address(self) -> tuple[str, int] | None:
        """Host and port of what is running elsewhere; None for what is started here, or is found
        by its own settings."""
        found = re.match(r"(spark|sc|thrift)://([^/:,]+)(?::(\d+))?", self.url)
        return (found[2], int(found[3] or _PORTS[found[1]])) if found else None


_PORTS = {"spark": 7077, "sc": 15002, "thrift": 10000}


def configured_target() -> str:
    """The engine that MAKEGOOD_TARGET names: `duckdb` or `spark`. Raises ValueError."""
    target = environment("MAKEGOOD_TARGET") or "duckdb"
    if target not in ("duckdb", "spark"):
        raise ValueError(f"MAKEGOOD_TARGET is {target!r}: give duckdb or spark")
    return target


def chosen_spark(url: str | None, storage: str | None, conf: Sequence[str]) -> Spark:
    """Where Spark is, by options or else by MAKEGOOD_SPARK, MAKEGOOD_SPARK_STORAGE and
    MAKEGOOD_SPARK_CONF. `conf`: each as `name=value`. Raises ValueError."""
    given = list(conf) or (environment("MAKEGOOD_SPARK_CONF") or "").split()
    if wrong := [c for c in given if not re.fullmatch(r"spark\.[^=\s]+=.*", c)]:
        raise ValueError(
            f"--spark-conf {wrong[0]!r} is not a setting of Spark "
            "(example: spark.executor.memory=8g)"
        )
    return Spark(
        url or environment("MAKEGOOD_SPARK") or f"local[{default_limits().threads}]",
        storage or environment("MAKEGOOD_SPARK_STORAGE"),
        dict(c.split("=", 1) for c in given),
    )


def configured_spark() -> Spark | None:
    """Where the models run by the environment; None: on DuckDB. Raises ValueError."""
    return chosen_spark(None, None, []) if configured_target() == "spark" else None


def default_limits() -> Limits:
    return Limits(threads=min(os.cpu_count() or 1, 4))


def configured_limits() -> Limits:
    """The defaults, or what MAKEGOOD_THREADS and MAKEGOOD_MEMORY say. Raises ValueError."""
    threads, memory = environment("MAKEGOOD_THREADS"), environment("MAKEGOOD_MEMORY")
    default = default_limits()
    if threads and not threads.isdecimal():
        raise ValueError(f"MAKEGOOD_THREADS is {threads!r}: give a whole number, as in 2")
    return Limits(int(threads or default.threads), memory or default.memory)


# empty: time zones are those of the pinned `tzdata` package, not those of the machine
TIME_ZONES = {"PYTHONTZPATH": ""}


def pin_time_zones() -> None:
    """Makes this process read time zones from the `tzdata` package, as those of `inputs`."""
    zoneinfo.reset_tzpath(())


def quiet_environment() -> dict[str, str]:
    """The environment for what we start: ours, with telemetry off and one source of time zones."""
    return {**os.environ, **NO_TELEMETRY, **TIME_ZONES}


def set_environment(values: Mapping[str, str]) -> None:
    os.environ.update(values)


def environment(name: str) -> str | None:
    return os.environ.get(name) or None


def environment_of(names: Iterable[str]) -> dict[str, str]:
    """The variables of these names that are set, such as the secrets of a source."""
    return {name: value for name in names if (value := environment(name))}


@contextmanager
def connect_environment() -> Iterator[None]:
    """What dlt reads, for as long as it works."""
    wanted = NO_TELEMETRY | DLT
    before = {name: os.environ.get(name) for name in wanted}
    os.environ.update(wanted)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
