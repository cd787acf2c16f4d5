"""The spans of a month of checks, and how far apart its checks are (M1).

Spans are runs of equal state whose checks are at most `gap_limit_s` apart. Whether a check begins
one depends on the check before it alone, so what is added later changes spans from the check before
the first of it to the check after the last of it, and nothing else.
"""

from dataclasses import dataclass
from pathlib import Path

import duckdb

from makegood.ingestion.sql import quoted

PARQUET = "(format parquet, compression zstd, parquet_version v2)"


@dataclass(frozen=True)
class Built:
    """The files of a month. spans: series_id, first_s, last_s, state. intervals: series_id,
    interval_s (the seconds from one check to the next), checks (how many are so far apart)."""

    spans: Path
    intervals: Path


def build(
    con: duckdb.DuckDBPyConnection, checks: list[Path], gap_limit_s: int, target: Built
) -> None:
    """Builds a month from all its checks."""
    _step(con, f"from {_files(checks)}", is_in_order=len(checks) == 1)
    con.execute(
        f"""create temp table apart as
        select series_id, checked_at_s - before_s as interval_s, count(*) as checks
        from stepped where is_same_series group by all order by all;
        create temp table begun as
        select series_id, checked_at_s as first_s, state, before_s
        from stepped where {_BEGINS.format(gap_limit_s=gap_limit_s)};
        -- the check before the next of these, of whatever series, is the last of the span
        create temp table spans as
        select
            series_id, first_s,
            coalesce(
                lead(before_s) over (),
                -- not by `last`, which is the last that some thread has seen
                ({_last("checked_at_s", "stepped")})
            ) as last_s,
            state
        from begun;
        drop table begun"""
    )
    _write(con, target)


def rebuild(
    con: duckdb.DuckDBPyConnection,
    checks: list[Path],
    added: Path,
    gap_limit_s: int,
    before: Built,
    target: Built,
) -> None:
    """Builds a month to which checks were added, as `build` would, from what was built of `checks`
    with the same limit."""
    ((first, last),) = con.execute(
        f"select min(checked_at_s), max(checked_at_s) from {_files([added])}"
    ).fetchall()
    # of each series, the last check before what was added, and the first one after it
    con.execute(
        f"""create temp table edges as
        select
            series_id, max(checked_at_s) filter (checked_at_s < {first}) as from_s,
            min(checked_at_s) filter (checked_at_s > {last}) as until_s,
            max(checked_at_s) as last_s
        from {_files([*checks, added])} group by series_id;
        create temp table around as
        select {_COLUMNS}, false as is_added
        from {_files(checks)} as checks inner join edges using (series_id)
        where checked_at_s between coalesce(from_s, {first}) and coalesce(until_s, {last})
        union all
        select {_COLUMNS}, true as is_added from {_files([added])}"""
    )
    _step(con, "from around where not is_added")
    con.execute(
        """create temp table apart_before as
        select series_id, checked_at_s - before_s as interval_s, -1 as checks
        from stepped where is_same_series"""
    )
    _step(con, "from around")
    con.execute(
        f"""create temp table apart as
        select series_id, interval_s, sum(checks)::bigint as checks
        from (
            from {_files([before.intervals])}
            union all
            from apart_before
            union all
            select series_id, checked_at_s - before_s as interval_s, 1 as checks
            from stepped where is_same_series
        )
        group by all having sum(checks) > 0 order by all;
        create temp table begun as
        select series_id, first_s, state, before_s
        from (
            select *, lag(last_s) over (partition by series_id order by first_s) as before_s
            from {_files([before.spans])}
        ) inner join edges using (series_id)
        where first_s <= from_s or first_s > until_s
        union all
        select series_id, checked_at_s as first_s, state, if(is_same_series, before_s, null)
        from stepped inner join edges using (series_id)
        where
            checked_at_s is distinct from from_s
            and ({_BEGINS.format(gap_limit_s=gap_limit_s)});
        create temp table spans as
        select
            series_id, first_s,
            coalesce(
                lead(before_s) over (partition by series_id order by first_s), edges.last_s
            ) as last_s,
            state
        from begun inner join edges using (series_id)
        order by series_id, first_s;
        drop table begun; drop table apart_before; drop table edges; drop table around"""
    )
    _write(con, target)


def end_with_checks(con: duckdb.DuckDBPyConnection, checks: list[Path], built: Built) -> bool:
    """Whether the last span of a month ends with its last check. Version 0.8.0 let some of them end
    with an earlier one."""
    ((are_equal,),) = con.execute(
        f"""select ({_last("last_s", _files([built.spans]))})
            is not distinct from ({_last("checked_at_s", _files(checks))})"""
    ).fetchall()
    return bool(are_equal)


def _last(column: str, table: str) -> str:
    """The greatest value of the last series."""
    return (
        f"select max({column}) from {table} where series_id = (select max(series_id) from {table})"
    )


# of a check, what decides spans
_COLUMNS = "series_id, checked_at_s, checked_at_us, state"
_BEGINS = "not is_same_series or state <> before_state or checked_at_s - before_s > {gap_limit_s}"


def _step(con: duckdb.DuckDBPyConnection, checks: str, is_in_order: bool = False) -> None:
    """Makes the table `stepped`: each second of a series with a check, in order, with its state and
    the check before it. `is_in_order`: the checks are, as those of a landed file.

    The window functions run over a table in order, without partitions: many times cheaper, and the
    series is compared by hand."""
    in_order = "" if is_in_order else f"order by {_COLUMNS}"
    # of several checks in one second those of the greatest microsecond count, and of these the
    # worst: the last in this order
    con.execute(
        f"""create or replace temp table instants as
        select {_COLUMNS} from ({checks}) {in_order};
        create or replace temp table instants as
        select series_id, checked_at_s, state
        from (
            select
                *, lead(series_id) over () as next_series, lead(checked_at_s) over () as next_at
            from instants
        )
        where next_series is distinct from series_id or next_at is distinct from checked_at_s;
        create or replace temp table stepped as
        select
            series_id, checked_at_s, state, lag(checked_at_s) over () as before_s,
            coalesce(lag(series_id) over () = series_id, false) as is_same_series,
            lag(state) over () as before_state
        from instants;
        drop table instants"""
    )


def _write(con: duckdb.DuckDBPyConnection, target: Built) -> None:
    for path, table in ((target.spans, "spans"), (target.intervals, "apart")):
        path.parent.mkdir(parents=True, exist_ok=True)
        con.execute(f"copy (from {table}) to '{quoted(path)}' {PARQUET}; drop table {table}")
    con.execute("drop table stepped")


def _files(paths: list[Path]) -> str:
    """What the files hold, without a column for folders such as `month=2026-06`."""
    listed = ", ".join(f"'{quoted(path)}'" for path in paths)
    return f"read_parquet([{listed}], hive_partitioning = false)"
