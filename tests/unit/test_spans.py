"""Spans of a month: what is added later gives what all checks together give, to the byte (M1)."""

import re
import tempfile
from pathlib import Path

import duckdb
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from makegood.ingestion.landing import spans
from makegood.ingestion.landing.spans import PARQUET, Built

ROOT = Path(__file__).parents[2]
GAP = 10
SCHEMA = {
    "series_id": pl.Int32,
    "checked_at_s": pl.Int64,
    "checked_at_us": pl.Int32,
    "state": pl.UInt8,
}
Check = tuple[int, int, int, int]


def landed(con: duckdb.DuckDBPyConnection, path: Path, checks: list[Check]) -> Path:
    """The checks as a run lands them: sorted."""
    con.register("checks", pl.DataFrame(checks, schema=SCHEMA, orient="row").to_arrow())
    con.execute(f"copy (from checks order by all) to '{path}' {PARQUET}")
    con.unregister("checks")
    return path


def built(folder: Path, name: str) -> Built:
    spans, intervals = (
        folder / name / kind / "month=2026-06" / "1.parquet" for kind in ("spans", "intervals")
    )
    return Built(spans, intervals)


def rows(path: Path) -> list[tuple[int, ...]]:
    return duckdb.sql(f"from read_parquet('{path}', hive_partitioning = false)").fetchall()


# few seconds, so that checks meet, touch, and are just too far apart
check = st.tuples(
    st.integers(1, 3), st.integers(0, 120), st.sampled_from([0, 500_000]), st.integers(0, 3)
)
deliveries = st.lists(st.lists(check, min_size=1, max_size=25), min_size=2, max_size=4)


@given(deliveries)
def test_what_is_added_gives_what_all_give(delivered: list[list[Check]]) -> None:
    with tempfile.TemporaryDirectory() as name, duckdb.connect() as con:
        folder = Path(name)
        files = [landed(con, folder / f"{n}.parquet", d) for n, d in enumerate(delivered)]
        before = built(folder, "0")
        spans.build(con, files[:1], GAP, before)
        for number in range(1, len(files)):
            together = built(folder, "together")
            spans.build(con, files[: number + 1], GAP, together)
            added = built(folder, f"{number}")
            spans.rebuild(con, files[:number], files[number], GAP, before, added)
            assert rows(added.spans) == rows(together.spans)
            assert rows(added.intervals) == rows(together.intervals)
            assert added.spans.read_bytes() == together.spans.read_bytes()
            assert added.intervals.read_bytes() == together.intervals.read_bytes()
            before = added


def test_a_last_span_that_ends_too_early_is_found(tmp_path: Path) -> None:
    checks: list[Check] = [(1, 50, 0, 1), (2, 0, 0, 1), (2, 5, 0, 1), (2, 9, 0, 3), (2, 12, 0, 3)]
    with duckdb.connect() as con:
        file = landed(con, tmp_path / "checks.parquet", checks)
        right, wrong = built(tmp_path, "right"), built(tmp_path, "wrong")
        spans.build(con, [file], GAP, right)
        assert rows(right.spans)[-1] == (2, 9, 12, 3)
        wrong.spans.parent.mkdir(parents=True)
        con.execute(
            f"""copy (
                select * replace (if(last_s = 12, 9, last_s) as last_s)
                from read_parquet('{right.spans}', hive_partitioning = false)
            ) to '{wrong.spans}' {PARQUET}"""
        )
        assert spans.end_with_checks(con, [file], right)
        assert not spans.end_with_checks(con, [file], Built(wrong.spans, right.intervals))


def test_no_sql_asks_what_a_thread_sees_first_or_last() -> None:
    """Such an aggregate gives what some thread has seen: another value now and then, and on many
    rows only."""
    chance = re.compile(r"(?<![.\w])(?<!def )(first|last|any_value|arbitrary|mode)\(")
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for folder in ("ingestion", "dbt_project", "expectations", "orchestration", "dashboards")
        for path in sorted((ROOT / folder).rglob("*"))
        if path.suffix in (".py", ".sql") and "target" not in path.parts
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if chance.search(line)
    ]
    assert found == []


@pytest.mark.parametrize(
    ("late", "expected"),
    [
        # between two spans that were too far apart: one
        ([(1, 10, 0, 1)], [(1, 0, 20, 1), (2, 0, 0, 1)]),
        # another state cuts a span
        ([(1, 18, 0, 3)], [(1, 0, 5, 1), (1, 18, 18, 3), (1, 20, 20, 1), (2, 0, 0, 1)]),
        # the greater microsecond of a second counts
        ([(1, 20, 1, 3)], [(1, 0, 5, 1), (1, 20, 20, 3), (2, 0, 0, 1)]),
        # of the same instant the worse; the other changes nothing
        ([(1, 20, 0, 3)], [(1, 0, 5, 1), (1, 20, 20, 3), (2, 0, 0, 1)]),
        ([(1, 20, 0, 0)], [(1, 0, 5, 1), (1, 20, 20, 1), (2, 0, 0, 1)]),
        # at the end of a series, and as a series of its own
        ([(1, 30, 0, 1)], [(1, 0, 5, 1), (1, 20, 30, 1), (2, 0, 0, 1)]),
        ([(3, 7, 0, 2)], [(1, 0, 5, 1), (1, 20, 20, 1), (2, 0, 0, 1), (3, 7, 7, 2)]),
    ],
)
def test_a_late_check(tmp_path: Path, late: list[Check], expected: list[Check]) -> None:
    with duckdb.connect() as con:
        first = landed(
            con, tmp_path / "1.parquet", [(1, 0, 0, 1), (1, 5, 0, 1), (1, 20, 0, 1), (2, 0, 0, 1)]
        )
        added = landed(con, tmp_path / "2.parquet", late)
        before, after = built(tmp_path, "before"), built(tmp_path, "after")
        spans.build(con, [first], GAP, before)
        spans.rebuild(con, [first], added, GAP, before, after)
        assert rows(after.spans) == expected
