"""Checks in their compact layout, and the state spans they are compressed into (M1).

Compact: a number per component and location, epoch seconds, the microseconds within that second
(they decide which check of a second counts), a small-integer state (the higher the worse), sorted,
a file a month and run. Spans: runs of equal state whose checks are at most `gap_limit_s` apart, a
file a month, rebuilt where a delivery touches it. With a limit no longer than any
contract's `monitoring.stale_after_s`, a span is known without a break, so that every rule can be
evaluated on spans alone.
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import duckdb
import polars as pl

from makegood.ingestion.landing import spans
from makegood.ingestion.landing.delivered import months_of
from makegood.ingestion.landing.land import CHECKS, FILES, SERIES, Landed
from makegood.ingestion.landing.spans import PARQUET, Built
from makegood.ingestion.pace import Pace
from makegood.ingestion.sql import quoted

COMPACT_COLUMNS = {
    "series_id": "integer",
    "checked_at_s": "bigint",
    "checked_at_us": "integer",
    "state": "utinyint",
    "latency_ms": "double",
    "_delivery_id": "bigint",
    "_line": "bigint",
    "_extra": "varchar",
}
SPAN_COLUMNS = {
    "series_id": "integer",
    "first_s": "bigint",
    "last_s": "bigint",
    "state": "utinyint",
}
INTERVAL_COLUMNS = {"series_id": "integer", "interval_s": "bigint", "checks": "bigint"}
MEDIAN_COLUMNS = {"series_id": "integer", "median_s": "bigint"}
# the lower median of the seconds between two checks of a component and location
MEDIANS = """select series_id, min(interval_s) as median_s
    from (
        select
            series_id, interval_s,
            sum(checks) over (partition by series_id order by interval_s) as checks_up_to,
            sum(checks) over (partition by series_id) as checks_in_all
        from landed.check_intervals
    ) as counted
    where 2 * checks_up_to >= checks_in_all
    group by series_id"""


def compact(
    con: duckdb.DuckDBPyConnection,
    store: Path,
    work: Path,
    run_id: str,
    landed: Landed,
    gap_limit_s: int,
    progress: Callable[[str], None] = lambda message: None,
) -> Landed:
    """Lands what `land.read` left of checks below `work`, and builds the spans that are missing,
    touched, too coarse, or end too early."""
    landed_before = landed
    landed, touched = land(con, store, work, run_id, landed, progress)
    files = landed.files
    built = files.filter(pl.col("kind") == "spans")
    coarse = set(built.filter(pl.col("gap_limit_s") > gap_limit_s)["month"])
    alike = set(built.filter(pl.col("gap_limit_s") == gap_limit_s)["month"])
    missing = set(files.filter(pl.col("kind") == "checks")["month"]) - set(built["month"])
    wrong = {
        month
        for month in set(built["month"]) - coarse
        if not spans.end_with_checks(con, *_built(store, landed_before, month))
    }
    to_build = sorted(touched | coarse | missing | wrong)
    pace = Pace(progress, len(to_build))
    for pace.done, month in enumerate(to_build):
        pace.say(f"compressing checks of {month}")
        paths = {
            kind: f"check_{kind}/month={month}/{run_id}.parquet" for kind in ("spans", "intervals")
        }
        target = Built(**{kind: store / path for kind, path in paths.items()})
        if month in touched & alike - wrong:
            earlier, before = _built(store, landed_before, month)
            added = store / _path(month, run_id)
            spans.rebuild(con, earlier, added, gap_limit_s, before, target)
        else:
            spans.build(con, _paths(store, landed, "checks", month), gap_limit_s, target)
        files = pl.concat(
            [
                files.filter(~((pl.col("month") == month) & pl.col("kind").is_in(list(paths)))),
                *(_file(kind, CHECKS, month, path, gap_limit_s) for kind, path in paths.items()),
            ]
        )
    return replace(landed, files=files)


def _paths(store: Path, landed: Landed, kind: str, month: str) -> list[Path]:
    return [store / path for path in landed.paths(kind, month=month)]


def _built(store: Path, landed: Landed, month: str) -> tuple[list[Path], Built]:
    """The checks of a month that has been built, and what was built of them."""
    (spans_of,), (intervals,) = (_paths(store, landed, k, month) for k in ("spans", "intervals"))
    return _paths(store, landed, "checks", month), Built(spans_of, intervals)


def land(
    con: duckdb.DuckDBPyConnection,
    store: Path,
    work: Path,
    run_id: str,
    landed: Landed,
    progress: Callable[[str], None] = lambda message: None,
) -> tuple[Landed, set[str]]:
    """Lands what `land.land` left of checks below `work`, without spans; with the months that
    it touches."""
    delivered = work / CHECKS
    months = months_of(delivered)
    if not months:
        return landed, set()
    files, series = landed.files, _numbered(con, delivered, landed.series)
    nullable = _nullable(con, months)
    pace = Pace(progress, len(months))
    for pace.done, (month, read) in enumerate(months.items()):
        pace.say(f"landing checks of {month}")
        path = _path(month, run_id)
        _land_month(con, read, nullable, store / path)
        files = pl.concat([files, _file("checks", CHECKS, month, path, None)])
    return Landed(landed.deliveries, files, series), set(months)


def land_again(
    con: duckdb.DuckDBPyConnection, store: Path, work: Path, run_id: str, landed: Landed
) -> None:
    """Lands the checks of an earlier run once more below `store`, from what `land.land` left of
    them below `work`."""
    delivered = work / CHECKS
    months = months_of(delivered)
    if months:
        _numbered(con, delivered, landed.series)
        nullable = _nullable(con, months)
        for path, month in (
            landed.files.filter(pl.col("kind") == "checks").select("path", "month").iter_rows()
        ):
            # where other months come of the deliveries now, the file is found missing
            if Path(path).stem == run_id and month in months:
                _land_month(con, months[month], nullable, store / path)


def _path(month: str, run_id: str) -> str:
    """Where a run lands the checks of a month."""
    return f"{CHECKS}/month={month}/{run_id}.parquet"


def _file(kind: str, feed: str, month: str, path: str, gap_limit_s: int | None) -> pl.DataFrame:
    return pl.DataFrame(
        [{"kind": kind, "feed": feed, "month": month, "path": path, "gap_limit_s": gap_limit_s}],
        schema=FILES,
    )


def _numbered(con: duckdb.DuckDBPyConnection, delivered: Path, known: pl.DataFrame) -> pl.DataFrame:
    """Numbers the series that are new, in the order of their names, after those that are known; the
    table `coded` has the number of each code."""
    con.register("known_series", known.to_arrow())
    con.execute(
        f"""create or replace temp table read_series as
        from read_parquet('{quoted(delivered / "series.parquet")}');
        create or replace temp table series as from known_series;
        insert into series
        select (select coalesce(max(series_id), 0) from series) + row_number()
            over (order by component_id, location), component_id, location
        from read_series anti join known_series using (component_id, location);
        create or replace temp table coded as
        select read_series.code, series.series_id::integer as series_id
        from read_series inner join series using (component_id, location)"""
    )
    con.unregister("known_series")
    return con.sql("select * from series order by series_id").pl().cast(SERIES)


# values that no check has
_NEVER = {"state": "255", "latency_ms": "-1", "_extra": "''"}


def _nullable(con: duckdb.DuckDBPyConnection, months: dict[str, list[Path]]) -> list[str]:
    """The columns that may be null in what is landed: those that are null anywhere in what was
    read, and the state."""
    nulls = con.execute(
        """select path_in_schema from parquet_metadata(?)
        group by path_in_schema having sum(stats_null_count) > 0""",
        [[str(path) for paths in months.values() for path in paths]],
    ).fetchall()
    return ["state", *sorted(name for (name,) in nulls)]


def _land_month(
    con: duckdb.DuckDBPyConnection, read: list[Path], nullable: list[str], target: Path
) -> None:
    """A column that may be null is written otherwise than one that can't: what earlier versions
    have landed is made again to the byte."""
    optional = ", ".join(
        f"nullif({name}, {_NEVER[name]})::{COMPACT_COLUMNS[name]} as {name}" for name in nullable
    )
    target.parent.mkdir(parents=True, exist_ok=True)
    files = ", ".join(f"'{quoted(path)}'" for path in read)
    con.execute(
        f"""copy (
            select coded.series_id, checks.* exclude (code)
                replace ({optional})
            from read_parquet([{files}]) as checks inner join coded on checks.code = coded.code
            order by series_id, checked_at_s, checked_at_us, state, _delivery_id, _line
        ) to '{quoted(target)}' {PARQUET}"""
    )
