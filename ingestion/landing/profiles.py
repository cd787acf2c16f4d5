"""What each feed looked like in each run, measured in one pass over what landed: what no single row
shows.

A measure is a number about a feed and, where there are several, a subject: a column, a currency, a
severity, a component and location. What is usual is the median of the earlier runs. No figure of a
mart rests on it.
"""

import itertools
from typing import Any

import duckdb
import polars as pl

from makegood.ingestion.feeds.specs import Feed, feeds
from makegood.ingestion.feeds.typing import DELETED
from makegood.ingestion.landing.delivered import STATES
from makegood.ingestion.landing.land import CHECKS, FeedSettings

PROFILES: dict[str, Any] = {
    "run_number": pl.Int64,
    "feed": pl.String,
    "measure": pl.String,
    "subject": pl.String,
    "value": pl.Float64,
    "rows": pl.Int64,
}

# columns that the feed doesn't know are looked for in so many rows, and named up to so many
_EXTRA_ROWS, _EXTRA_COLUMNS = 100_000, 100
# so many earlier runs say what is usual
HISTORY = 12

SEVERITIES = "severity_pct"
# of now alone: there is nothing usual about it
SILENCE = "silent_intervals"
# of rows that are not deleted: (measure, subject, value, rows that count)
_DISTRIBUTIONS = {
    CHECKS: [
        ("latency_ms", "''", "median(latency_ms)", "latency_ms is not null"),
        (
            "down_pct",
            "''",
            f"100.0 * count(*) filter (where state = {STATES['down']}) / count(*)",
            "true",
        ),
    ],
    "ticket_events": [
        (SEVERITIES, "severity", "100.0 * count(*) / sum(count(*)) over ()", "event = 'classified'")
    ],
    "invoice_lines": [
        (
            "amount",
            "currency || ' ' || line_kind",
            "median(abs(amount_minor))",
            "line_kind in ('recurring', 'usage') and amount_minor <> 0",
        )
    ],
    "support_hours": [("minutes", "''", "median(minutes)", "true")],
}


def measured(
    con: duckdb.DuckDBPyConnection, first_delivery: int, run_number: int, as_of_s: int
) -> pl.DataFrame:
    """The profile of a run (PROFILES), from the schema `landed`; `first_delivery`: the first new
    one."""
    found: list[tuple[str, str, str, float, int]] = []
    for feed in feeds().values():
        rows = con.execute(
            f"select count(*) from landed.{feed.feed} where _delivery_id >= ?", [first_delivery]
        ).fetchall()[0][0]
        found += [
            (feed.feed, "newest_s", "", newest, rows) for newest in _newest(con, feed, as_of_s)
        ]
        if rows:
            found.append((feed.feed, "rows", "", float(rows), rows))
            found += _columns(con, feed, first_delivery, rows)
            found += _distributions(con, feed, first_delivery)
            repeated_pct = _repeated(con, feed, first_delivery) * 100 / rows
            found.append((feed.feed, "repeated_pct", "", repeated_pct, rows))
    found += [(CHECKS, SILENCE, subject, value, 1) for subject, value in _silence(con, as_of_s)]
    return pl.DataFrame([(run_number, *row) for row in found], schema=PROFILES, orient="row")


def in_force(feed: Feed) -> str:
    """The condition that leaves the landed rows that are not deletions."""
    return f"not {DELETED}" if feed.key else "true"


def _newest(con: duckdb.DuckDBPyConnection, feed: Feed, as_of_s: int) -> list[float]:
    """The latest time of all rows that lies before `as_of`."""
    column = next((c for c in feed.columns if c.name == feed.time_column), None)
    if column is None:
        return []
    seconds = column.landed if column.type == "ts" else f"epoch({column.landed})::bigint"
    (newest,) = con.execute(
        f"select max({seconds}) from landed.{feed.feed} where {in_force(feed)} and {seconds} <= ?",
        [as_of_s],
    ).fetchall()[0]
    return [] if newest is None else [float(newest)]


def _columns(
    con: duckdb.DuckDBPyConnection, feed: Feed, first_delivery: int, rows: int
) -> list[tuple[str, str, str, float, int]]:
    """1 for each column that holds anything, also of those that the feed doesn't know; else 0."""
    known = [c for c in feed.columns if feed.feed != CHECKS or c.name == "latency_ms"]
    new = f"from landed.{feed.feed} where _delivery_id >= {first_delivery} and {in_force(feed)}"
    living, *filled = con.execute(
        f"select count(*), {', '.join(f'bool_or({c.landed} is not null)' for c in known)} {new}"
    ).fetchall()[0]
    if not living:
        return []
    some = f"select _extra {new} and _extra is not null limit {_EXTRA_ROWS}"
    extra = con.execute(
        f"select distinct unnest(json_keys(_extra)) from ({some}) limit {_EXTRA_COLUMNS + 1}"
    ).fetchall()
    names = (
        sorted(f"{name} (unknown)" for (name,) in extra)
        if len(extra) <= _EXTRA_COLUMNS
        else [f"over {_EXTRA_COLUMNS} (unknown)"]
    )
    columns = dict(zip((c.name for c in known), filled, strict=True)) | dict.fromkeys(names, True)
    return [
        (feed.feed, "is_filled", name, float(bool(is_filled)), rows)
        for name, is_filled in columns.items()
    ]


def _distributions(
    con: duckdb.DuckDBPyConnection, feed: Feed, first_delivery: int
) -> list[tuple[str, str, str, float, int]]:
    found = []
    for measure, subject, value, where in _DISTRIBUTIONS.get(feed.feed, []):
        rows_of = "sum(count(*)) over ()" if measure == SEVERITIES else "count(*)"
        rows = con.execute(
            f"""select {subject} as subject, {value} as value, {rows_of} as rows
                from landed.{feed.feed}
                where _delivery_id >= ? and {in_force(feed)} and {where}
                group by subject
                order by subject""",
            [first_delivery],
        ).fetchall()
        found += [
            (feed.feed, measure, str(name), float(number), int(count))
            for name, number, count in rows
            if number is not None
        ]
    return found


def _repeated(con: duckdb.DuckDBPyConnection, feed: Feed, first_delivery: int) -> int:
    """How many new rows repeat a row of an earlier run."""
    compact = ["series_id", "checked_at_s", "checked_at_us", "state"]
    landed = [*(name for c in feed.columns for name in c.landed_columns), DELETED]
    columns = compact if feed.feed == CHECKS else landed
    # what is the same has the same instant: of many probes, only those of that time are looked at
    at_that_time = (
        "and checked_at_s between (select min(checked_at_s) from new) "
        "and (select max(checked_at_s) from new)"
        if feed.feed == CHECKS
        else ""
    )
    same = " and ".join(f"new.{c} is not distinct from old.{c}" for c in columns)
    return int(
        con.execute(
            f"""with new as (
                    select {", ".join(columns)} from landed.{feed.feed} where _delivery_id >= $first
                ),
                old as (
                    select {", ".join(columns)} from landed.{feed.feed}
                    where _delivery_id < $first {at_that_time}
                ),
                -- a join holds its right side in memory: of the two, the new rows are fewer
                met as (select * from old semi join new on {same})
                select count(*) from new semi join met as old on {same}""",
            {"first": first_delivery},
        ).fetchall()[0][0]
    )


def _silence(con: duckdb.DuckDBPyConnection, as_of_s: int) -> list[tuple[str, float]]:
    """For each component and location of production that should be active: for how many of its
    intervals it has been silent while others were not."""
    return con.execute(
        """with spans as (
               select series_id, max(least(last_s, $as_of)) as last_s
               from landed.check_spans
               where first_s <= $as_of
               group by series_id
           ),
           latest as (
               select *
               from landed.components
               qualify row_number() over (
                   partition by component_id order by _delivery_id desc, _line desc
               ) = 1
           ),
           active as (
               select component_id
               from latest
               where
                   not is_deleted
                   and environment = 'production'
                   and coalesce(active_from_s, 0) <= $as_of
                   and coalesce(active_to_s, $as_of + 1) > $as_of
           )
           select
               series.component_id || ' from ' || series.location,
               (max(spans.last_s) over () - spans.last_s) / greatest(medians.median_s, 60)
           from spans
           inner join landed.check_medians as medians on spans.series_id = medians.series_id
           inner join landed.check_series as series on spans.series_id = series.series_id
           inner join active on series.component_id = active.component_id
           order by all""",
        {"as_of": as_of_s},
    ).fetchall()


def compared(
    now: pl.DataFrame, before: pl.DataFrame, settings: dict[str, FeedSettings], as_of_s: int
) -> pl.DataFrame:
    """Each measure of a run beside what is usual: feed, measure, subject, value, rows, usual,
    usual_rows, runs (how many it is the median of), ratio, difference. The measure
    `age_in_cadences` is added: how often a delivery should have come since the newest row."""
    recent = before.filter(
        pl.col("run_number").rank("dense", descending=True).over("feed", "measure") <= HISTORY
    )
    subjects = pl.concat([recent, now]).filter(_IS_ZERO).select(_KEYS).unique()
    now = _padded(now, subjects)
    usual = (
        _padded(recent, subjects)
        .group_by(_KEYS)
        .agg(
            pl.col("value").median().alias("usual"),
            pl.col("rows").median().alias("usual_rows"),
            pl.col("run_number").n_unique().alias("runs"),
        )
    )
    frame = now.join(usual, on=_KEYS, how="left").with_columns(pl.col("runs").fill_null(0))
    frame = pl.concat([frame.select(_COMPARED), _ages(before, now, settings, as_of_s)])
    return frame.with_columns(
        pl.when(pl.col("usual") > 0).then(pl.col("value") / pl.col("usual")).alias("ratio"),
        (pl.col("value") - pl.col("usual")).alias("difference"),
    ).sort("feed", "measure", "subject")


def _padded(frame: pl.DataFrame, subjects: pl.DataFrame) -> pl.DataFrame:
    """Profiles with a 0 for each subject that a run did not have, where its absence means 0."""
    runs = (
        frame.filter(_IS_ZERO).group_by("feed", "measure", "run_number").agg(pl.col("rows").max())
    )
    every = runs.join(subjects, on=["feed", "measure"])
    values = frame.select("run_number", *_KEYS, "value")
    padded = every.join(values, on=["run_number", *_KEYS], how="left").with_columns(
        pl.col("value").fill_null(0.0)
    )
    return pl.concat([frame.filter(~_IS_ZERO), padded.select(frame.columns)])


_KEYS = ["feed", "measure", "subject"]
# a column that is new, a severity that nobody set before
_IS_ZERO = pl.col("measure").is_in(["is_filled", SEVERITIES])
_COMPARED = ["feed", "measure", "subject", "value", "rows", "usual", "usual_rows", "runs"]


def _ages(
    before: pl.DataFrame, now: pl.DataFrame, settings: dict[str, FeedSettings], as_of_s: int
) -> pl.DataFrame:
    rows = []
    for feed, newest in (
        now.filter(pl.col("measure") == "newest_s").select("feed", "value").iter_rows()
    ):
        earlier = (
            before.filter((pl.col("feed") == feed) & (pl.col("measure") == "newest_s"))
            .sort("run_number")["value"]
            .to_list()
        )
        instants = sorted({*earlier, newest})[-HISTORY - 1 :]
        gaps = [b - a for a, b in itertools.pairwise(instants)]
        declared = settings[feed].cadence_s
        cadence = declared or (pl.Series(gaps).median() if gaps else None)
        if cadence:
            runs = HISTORY if declared else len(gaps)
            age = (as_of_s - newest) / float(cadence)  # type: ignore[arg-type]
            rows.append((feed, "age_in_cadences", "", age, 1, 1.0, 1.0, runs))
    schema = {
        "feed": pl.String,
        "measure": pl.String,
        "subject": pl.String,
        "value": pl.Float64,
        "rows": pl.Int64,
        "usual": pl.Float64,
        "usual_rows": pl.Float64,
    }
    return pl.DataFrame(rows, schema=schema | {"runs": pl.UInt32}, orient="row")
