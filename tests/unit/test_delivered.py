"""Checks between reading and the compact layout, and the bytes that they become."""

from pathlib import Path

import duckdb
import polars as pl
import pytest

from makegood.ingestion.files import sha256_of
from makegood.ingestion.landing import delivered, land, probes
from makegood.ingestion.landing.delivered import DeliveredChecks, months_of

# what 0.6.0 made of these checks: a file that it landed must be made again to the byte
LANDED = {
    "month=2026-06": "be88e0801d274e2d629ceefcd761329a541a21ee2fdf62bfc24d892da8904447",
    "month=2026-07": "6ba1f8e9151330c095c8200bd85449290b5bbc42cea6661c9a433c93c8143aa8",
}
CHECKS = """component_id,location,checked_at,status,latency_ms,note
b,x,2026-06-30T23:59:59.5Z,down,,
a,y,2026-07-01T00:00:00Z,up,1.5,
a,x,2026-06-01T00:00:00Z,degraded,2,n
a,x,2026-06-01T00:00:00Z,unknown,,
"""


def test_checks_land_as_the_same_bytes_in_every_version(tmp_path: Path) -> None:
    (tmp_path / "landing/checks").mkdir(parents=True)
    (tmp_path / "landing/checks/a.csv").write_text(CHECKS)
    store, work = tmp_path / "store", tmp_path / "work"
    settings = land.feed_settings(tmp_path / "landing")
    reading = land.read(tmp_path / "landing", store, work, "r", land.Landed(), settings)
    with duckdb.connect() as con:
        probes.land(con, store, work, "r", reading.landed)
    made = {p.parent.name: sha256_of(p) for p in (store / "checks").rglob("*.parquet")}
    assert made == LANDED


def frame(rows: list[tuple[str, str, int, str]]) -> pl.DataFrame:
    names = ["component_id", "location", "checked_at_s", "status"]
    return pl.DataFrame(rows, schema=names, orient="row").with_columns(
        pl.lit(0, pl.Int64).alias("checked_at_us"),
        pl.lit(None, pl.Float64).alias("latency_ms"),
        pl.lit(1, pl.Int64).alias("_delivery_id"),
        pl.int_range(pl.len()).alias("_line"),
        pl.lit(None, pl.String).alias("_extra"),
    )


# the first seconds of some months, and the second before
EDGES = {
    "0999-12": -30_610_224_001,
    "1000-01": -30_610_224_000,
    "1969-12": -1,
    "1970-01": 0,
    "2026-02": 1_772_323_199,
    "2026-03": 1_772_323_200,
}


@pytest.mark.parametrize(
    ("rows", "size", "files"), [(1 << 19, 1 << 27, 100), (1, 1 << 27, 1), (1 << 19, 1, 2)]
)
def test_each_check_is_in_its_month_under_its_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rows: int, size: int, files: int
) -> None:
    """However many rows and bytes wait at a time, and however many files are open."""
    monkeypatch.setattr(delivered, "_MOST_ROWS", rows)
    monkeypatch.setattr(delivered, "_MOST_BYTES", size)
    monkeypatch.setattr(delivered, "_MOST_FILES", files)
    written = [
        (component, location, second, status)
        for component, location in (("a", "x"), ("b", "x"), ("a", "y"), ("é", "a"))
        for second in EDGES.values()
        for status in delivered.STATES
    ]
    with DeliveredChecks(tmp_path) as checks:
        checks.write(frame(written[:7]))
        checks.write(frame([]))
        checks.write(frame(written[7:]))
    series = {
        code: (component, location)
        for code, component, location in pl.read_parquet(tmp_path / "series.parquet")
        .select("code", "component_id", "location")
        .iter_rows()
    }
    states = {code: name for name, code in delivered.STATES.items()}
    found = [
        (*series[code], second, states[state], month)
        for month, paths in months_of(tmp_path).items()
        for path in paths
        for code, second, state in pl.read_parquet(path)
        .select("code", "checked_at_s", "state")
        .iter_rows()
    ]
    months = {second: month for month, second in EDGES.items()}
    assert sorted(found) == sorted((*row, months[row[2]]) for row in written)


def test_nothing_is_written_of_no_checks(tmp_path: Path) -> None:
    with DeliveredChecks(tmp_path / "checks"):
        pass
    assert not (tmp_path / "checks").exists()
