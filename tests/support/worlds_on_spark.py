"""Whether Spark and DuckDB publish the same of many worlds, cell by cell:

    python -m tests.support.worlds_on_spark ../shared/cases [--spark URL] [--only NAME,NAME]

A world is a folder below `worlds` with `case.json`, `contracts` and `delivery0`, `delivery1`, ...
All runs of a world build on each other. Exit 1 where a cell differs.
"""

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path

import pytest

from makegood.ingestion.contracts.tables import instant
from makegood.ingestion.strict_yaml import InvalidDocument
from makegood.orchestration.pipeline import run as line
from makegood.orchestration.settings import Limits, Spark
from tests.conftest import light
from tests.support.parity import cells, differences


def exit_status(request: line.Request) -> int:
    """That of a run in this process."""
    with pytest.MonkeyPatch.context() as patch:
        light(patch)
        try:
            with line.opened(request) as run:
                line.steps(run)
        except line.Blocked:
            return 3
        except (line.BadArguments, InvalidDocument):
            return 2
    return 0


def compared(world: Path, spark: Spark) -> tuple[int, list[str]]:
    """The cells that were compared, and what differs, in words."""
    found: list[str] = []
    compared_cells = 0
    with tempfile.TemporaryDirectory() as folder:
        for number, run in enumerate(json.loads((world / "case.json").read_text())["runs"]):
            warehouses = []
            for way, where in (("duckdb", None), ("spark", spark)):
                warehouse = Path(folder) / way
                request = line.Request(
                    world / f"delivery{number}",
                    warehouse,
                    world / "contracts",
                    instant(run["as_of"]),
                    Limits(threads=2),
                    spark=where,
                )
                status = exit_status(request)
                if status != run["exit"]:
                    found.append(f"run {number} on {way} ends with {status}, not {run['exit']}")
                warehouses.append(warehouse)
            if run["exit"] == 0 and not found:
                found += differences(*warehouses)
                compared_cells += cells(warehouses[0])
    return compared_cells, found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition(":")[0])
    parser.add_argument("cases", type=Path)
    parser.add_argument("--spark", default="local[2]")
    parser.add_argument("--only", default="")
    words = parser.parse_args()
    only = {name for name in words.only.split(",") if name}
    has_differences = False
    for world in sorted((words.cases / "worlds").iterdir()):
        if only and world.name not in only:
            continue
        started = time.monotonic()
        number, found = compared(world, Spark(words.spark))
        took = time.monotonic() - started
        print(f"{world.name}: {number} cells, {len(found)} differences, {took:.0f} s", flush=True)
        print("".join(f"  {line}\n" for line in found[:10]), end="", flush=True)
        has_differences |= bool(found)
    return int(has_differences)


if __name__ == "__main__":
    sys.exit(main())
