"""Processor seconds and memory of runs, beside the physical floor on the same files.

python -m benchmarks.scale checks 1000000 10000000
python -m benchmarks.scale tickets 10000 100000
python -m benchmarks.scale shapes

Each figure is that of one process and its children. Ratios and exponents compare figures of one
call alone: machines differ, and are noisy.
"""

import math
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from benchmarks import shapes
from makegood.ingestion.sample_scale import Scale

MAKEGOOD = Path(sys.executable).parent / "makegood"
SHAPES = {"exclusions": (10, 20, 40), "amendments": (10, 20, 40), "late": (250, 500, 1000)}

# what any answer has to do at least, each in a process of its own: reading every column once, and
# a sorted copy in numbers
READ = """
import duckdb, sys
duckdb.sql(f"select count(component_id), count(location), max(checked_at), count(status), "
           f"sum(latency_ms) from read_parquet('{sys.argv[1]}/checks/*.parquet')").fetchall()
"""
COPY = """
import duckdb, pathlib, sys
con = duckdb.connect()
con.execute(f"create table series as select row_number() over () as series_id, * from (select "
            f"distinct component_id, location from read_parquet('{sys.argv[1]}/checks/*.parquet'))")
for path in sorted(pathlib.Path(sys.argv[1], "checks").glob("*.parquet")):
    con.execute(f"copy (select series_id, epoch_us(checked_at) as us, case status when 'up' then 1 "
                f"when 'degraded' then 2 when 'down' then 3 else 0 end::utinyint as state, "
                f"latency_ms from read_parquet('{path}') join series using (component_id, "
                f"location) order by 1, 2, 3) to '{sys.argv[2]}/{path.name}' (compression zstd, "
                f"parquet_version v2)")
"""
READ_EVENTS = """
import duckdb, sys
duckdb.sql(f"select max(n) from (select ticket_id, count(*) as n, min(occurred_at), "
           f"max(occurred_at), max(event), max(severity) from "
           f"read_parquet('{sys.argv[1]}/ticket_events/*.parquet') group by 1)").fetchall()
"""


@dataclass(frozen=True)
class Cost:
    """Processor and wall seconds of a command; the largest of its processes, in MB."""

    cpu: float
    wall: float
    peak: float


def cost(*words: object) -> Cost:
    """Runs a command. A process between this one and the command holds the command's own peak."""
    code = (
        "import resource, subprocess, sys, time; t = time.monotonic(); "
        "subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL); "
        "u = resource.getrusage(resource.RUSAGE_CHILDREN); "
        "print(u.ru_utime + u.ru_stime, time.monotonic() - t, u.ru_maxrss / 1024)"
    )
    command = [sys.executable, "-c", code, *map(str, words)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return Cost(*map(float, done.stdout.split()))


def run(folder: Path, as_of: str, contracts: Path | None = None) -> Cost:
    named = ["--contracts", contracts] if contracts else []
    where = ["--landing", folder / "landing", "--warehouse", folder / "warehouse"]
    return cost(MAKEGOOD, "run", *where, "--as-of", as_of, *named)


def table(what: str, rows: list[tuple[int, str, Cost]]) -> None:
    """Prints costs, the ratio of each to the first of its size, and by which power they grow."""
    print(f"\n| {what} | work | processor s | ratio | wall s | peak MB |")
    print("|---|---|---|---|---|---|")
    for size, work, measured in rows:
        floor = next(c for s, _, c in rows if s == size).cpu
        print(
            f"| {size:,} | {work} | {measured.cpu:.1f} | {measured.cpu / floor:.1f} "
            f"| {measured.wall:.1f} | {measured.peak:.0f} |",
            flush=True,
        )
    for work in dict.fromkeys(work for _, work, _ in rows):
        points = [(size, measured.cpu) for size, w, measured in rows if w == work]
        powers = [
            f"{math.log(b[1] / a[1]) / math.log(b[0] / a[0]):.2f}" for a, b in pairwise(points)
        ]
        if powers:
            print(f"growth of {work}: exponent {', '.join(powers)}", flush=True)


def scaled(sizes: list[int], scale_of: Callable[[int], Scale], floors: dict[str, str]) -> None:
    rows: list[tuple[int, str, Cost]] = []
    for size in sizes:
        scale = scale_of(size)
        as_of = f"{scale.as_of:%Y-%m-%dT%H:%M:%SZ}"
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            counts = [
                word
                for key, number in vars(scale).items()
                for word in (f"--{key.replace('_', '-')}", number)
            ]
            cost(MAKEGOOD, "sample", "--out", folder / "landing", *counts)
            for work, code in floors.items():
                (folder / "copy").mkdir(exist_ok=True)
                measured = cost(sys.executable, "-c", code, folder / "landing", folder / "copy")
                rows.append((size, work, measured))
            rows.append((size, "first run", run(folder, as_of)))
            rows.append((size, "run with nothing new", run(folder, as_of)))
    table("size", rows)


def hard(shape: str) -> None:
    rows = []
    for n in SHAPES[shape]:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name) / shape
            shapes.write(folder, shape, n)
            rows.append((n, shape, run(folder, shapes.AS_OF, folder / "contracts")))
    table(shape, rows)


def main(what: str, *sizes: str) -> None:
    started = time.monotonic()
    if what == "checks":
        floors = {"read all columns": READ, "sorted copy": COPY}
        scaled([int(s) for s in sizes], lambda n: Scale(checks=n), floors)
    elif what == "tickets":
        floors = {"events, grouped": READ_EVENTS}
        scaled([int(s) for s in sizes], lambda n: Scale(0, n, n), floors)
    else:
        for shape in SHAPES:
            hard(shape)
    largest = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    print(f"\n{time.monotonic() - started:.0f} s in all, largest process {largest:.0f} MB")


if __name__ == "__main__":
    main(*sys.argv[1:])
