"""Processor seconds and memory of runs, beside the physical floor and other ways to the same
figures, on the same files.

python -m benchmarks.scale checks 1000000 10000000 --repeat 3
python -m benchmarks.scale tickets 10000 100000
python -m benchmarks.scale tickets 100000 --spark 'local[1]' --spark 'local[2]'
python -m benchmarks.scale shapes

Each figure is that of one process and its children. Ratios and exponents compare figures of one
call alone: machines differ, and are noisy. A way whose figures are not those of the mart stops the
benchmark. Tables and plots are written into the folder `--out` as well.
"""

import argparse
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from benchmarks import compare, deliveries, plot, shapes
from benchmarks.measure import Cost, Costs, cost
from makegood.ingestion.sample import START
from makegood.ingestion.sample_scale import Scale

MAKEGOOD = Path(sys.executable).parent / "makegood"
SHAPES = {"exclusions": (10, 20, 40), "amendments": (10, 20, 40), "late": (250, 500, 1000)}
# sizes beyond it are measured once
REPEATED = 1_000_000

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

OWN = ("first run", "run with nothing new", "one new day", "one late day")


@dataclass(frozen=True)
class Benchmark:
    """Feeds by their size; `floors` and `competitors`: a name and code, or a module, that is
    measured; a competitor answers `question`, up to its largest size where that is named."""

    scale_of: Callable[[int], Scale]
    floors: dict[str, str]
    question: compare.Question
    competitors: dict[str, str]
    largest: dict[str, int]


BENCHMARKS = {
    "checks": Benchmark(
        lambda n: Scale(checks=n),
        {"read all columns": READ, "sorted copy": COPY},
        compare.AVAILABILITY,
        {"textbook SQL": "textbook", "Polars": "polars_", "pandas": "pandas_"},
        # which takes 140 MB for each million checks
        {"pandas": 20_000_000},
    ),
    "tickets": Benchmark(
        lambda n: Scale(0, n, n),
        {"events, grouped": READ_EVENTS},
        compare.TICKETS,
        {"textbook SQL": "textbook_tickets", "Polars": "polars_tickets"},
        {},
    ),
}


def run(
    landing: Path,
    warehouse: Path,
    as_of: datetime,
    contracts: Path | None = None,
    spark: str | None = None,
) -> Cost:
    named = ["--contracts", contracts] if contracts else []
    named += ["--target", "spark", "--spark", spark] if spark else []
    where = ["--landing", landing, "--warehouse", warehouse]
    return cost(MAKEGOOD, "run", *where, "--as-of", as_of.isoformat(), *named)


def measured(
    benchmark: Benchmark, size: int, landing: Path, folder: Path, sparks: list[str]
) -> Iterator[tuple[str, Cost]]:
    """Work and its cost, on the feeds of `landing`; `folder` is a new one. `sparks`: where to run
    on Spark, too. Of servers that are running elsewhere only the wall seconds count."""
    as_of = benchmark.scale_of(size).as_of
    (folder / "copy").mkdir(parents=True)
    for work, code in benchmark.floors.items():
        yield work, cost(sys.executable, "-c", code, landing, folder / "copy")
    whole, in_parts = folder / "whole", folder / "in_parts"
    has_parts = (landing / "checks").exists() and benchmark.scale_of(size).days > 1
    if has_parts:
        shutil.copytree(landing, folder / "landing")
        yield from day_by_day(benchmark.scale_of(size), folder / "landing", in_parts)
    yield "first run", run(landing, whole, as_of)
    yield "run with nothing new", run(landing, whole, as_of)
    expected = compare.published(benchmark.question, whole)
    for number, url in enumerate(sparks):
        yield f"first run, Spark at {url}", run(landing, folder / str(number), as_of, None, url)
        found = compare.published(benchmark.question, folder / str(number))
        compare.require_equal(found, expected, f"Spark at {url}")
    if has_parts:
        day_by_day_figures = compare.published(benchmark.question, in_parts)
        compare.require_equal(day_by_day_figures, expected, "the run day by day")
    for work, module in benchmark.competitors.items():
        if size <= benchmark.largest.get(work, size):
            target = folder / f"{module}.parquet"
            words = ("-m", f"benchmarks.competitors.{module}", landing, as_of.isoformat(), target)
            costs = cost(sys.executable, *words)
            compare.require_equal(compare.answered(benchmark.question, target), expected, work)
            yield work, costs


def day_by_day(scale: Scale, landing: Path, warehouse: Path) -> Iterator[tuple[str, Cost]]:
    """Everything but two days of checks, not measured; then the last day, and then one of the first
    quarter, which is late."""
    last, late = (START + timedelta(days=n) for n in (scale.days - 1, scale.days // 4))
    held = {day: deliveries.hold_back(landing, day.date()) for day in (last, late)}
    run(landing, warehouse, last)
    for work, day in (("one new day", last), ("one late day", late)):
        deliveries.deliver(landing, f"{day:%Y-%m-%d}", held[day])
        yield work, run(landing, warehouse, scale.as_of)


def scaled(what: str, sizes: list[int], repeat: int, sparks: list[str]) -> Costs:
    benchmark, costs = BENCHMARKS[what], Costs()
    for size in sizes:
        with tempfile.TemporaryDirectory() as name:
            landing = Path(name) / "landing"
            counts = [
                word
                for key, number in vars(benchmark.scale_of(size)).items()
                for word in (f"--{key.replace('_', '-')}", number)
            ]
            cost(MAKEGOOD, "sample", "--out", landing, *counts)
            for turn in range(repeat if size <= REPEATED else 1):
                folder = Path(name) / str(turn)
                for work, taken in measured(benchmark, size, landing, folder, sparks):
                    print(f"{size:,} {what}: {work}", file=sys.stderr)
                    costs.add(size, work, taken)
                shutil.rmtree(folder)
    return costs


def hard(shape: str) -> Costs:
    costs = Costs()
    for n in SHAPES[shape]:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name) / shape
            shapes.write(folder, shape, n)
            as_of = datetime.fromisoformat(shapes.AS_OF)
            taken = run(folder / "landing", folder / "warehouse", as_of, folder / "contracts")
            print(f"{n} {shape}", file=sys.stderr)
            costs.add(n, shape, taken)
    return costs


def main() -> None:
    parser = argparse.ArgumentParser(description="what runs cost; see benchmarks/scale.py")
    parser.add_argument("what", choices=[*BENCHMARKS, "shapes"])
    parser.add_argument("sizes", nargs="*", type=int, metavar="SIZE")
    parser.add_argument(
        "--repeat", type=int, default=1, help=f"turns, of sizes up to {REPEATED}; medians count"
    )
    parser.add_argument("--out", type=Path, help="a folder for the table and the plot")
    parser.add_argument(
        "--spark",
        action="append",
        default=[],
        metavar="URL",
        help="run on Spark there, too (example: local[2]); may be repeated",
    )
    given = parser.parse_args()
    if given.what in BENCHMARKS and not given.sizes:
        parser.error(f"name at least one size, for example {given.what} 10000")
    started = time.monotonic()
    if given.what == "shapes":
        tables = [hard(shape).table(shape) for shape in SHAPES]
        picture = None
    else:
        costs = scaled(given.what, given.sizes, given.repeat, given.spark)
        tables = [costs.table(given.what)]
        picture = plot.bars(costs, given.what, OWN)
    print(*tables, f"{time.monotonic() - started:.0f} s in all", sep="\n\n")
    if given.out:
        given.out.mkdir(parents=True, exist_ok=True)
        (given.out / f"{given.what}.md").write_text("\n\n".join(tables) + "\n")
        if picture:
            (given.out / f"{given.what}.svg").write_text(picture)


if __name__ == "__main__":
    main()
