"""The one place that reads environment variables, and sets those for the tools we start."""

import os
import re
import zoneinfo
from collections.abc import Mapping
from dataclasses import dataclass
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
}


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
