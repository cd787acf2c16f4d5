"""What docs/reading.md says of reading while runs publish, and what docs/queries.md answers."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import pytest

from makegood.orchestration.warehouse.publication import DATABASE
from makegood.orchestration.warehouse.store import KEPT_PUBLICATIONS
from tests.conftest import Published, Runner, contract

DOCS = Path(__file__).parents[2] / "docs"

# an outage that never ends: each publication has another length of it, in every mart that knows it
WORLD: dict[str, list[dict[str, Any]]] = {
    "services": [{"service_id": "v", "name": "v", "contract_id": "k", "lifecycle": "ga"}],
    "components": [
        {"component_id": "c", "service_id": "v", "region": "eu", "environment": "production"}
    ],
    "outages": [
        {
            "outage_id": "o",
            "component_id": "c",
            "state": "down",
            "started_at": "2026-06-01T00:00:00Z",
        }
    ],
}
CONTRACT = {"k": contract("k")}
DAY = 86_400
INSTANTS = [f"2026-06-{day:02d}T00:00:00Z" for day in range(2, 3 + KEPT_PUBLICATIONS + 1)]

# reads the publication until it is stopped, as in docs/reading.md: the database, and Parquet files
LOOK = """
import json, os, sys, time
import duckdb
published, until = sys.argv[1:]
databases, folders, looks = set(), set(), 0
print("ready", flush=True)
while True:
    is_last = os.path.exists(until)
    database = os.path.join(published, "makegood.duckdb")
    with duckdb.connect(database, read_only=True, config={"threads": 1}) as con:
        con.execute("set TimeZone = 'UTC'")
        databases.add(con.execute('''
            select (select max(run_number) from quality.runs),
                   (select max(as_of)::varchar from quality.runs),
                   (select max(ended_at)::varchar from marts.downtime),
                   (select sum(downtime_seconds)::bigint from marts.downtime),
                   (select sum(downtime_seconds)::bigint from marts.downtime_by_period)
        ''').fetchall()[0])
    folder = os.path.join(os.path.realpath(published), "parquet")
    totals = "select " + ", ".join(
        f"(select sum(downtime_seconds)::bigint from read_parquet('{folder}/{mart}.parquet'))"
        for mart in ("downtime", "downtime_by_period")
    )
    folders.add(duckdb.execute(totals).fetchall()[0])
    looks += 1
    if is_last:
        break
    time.sleep(0.25)
print(json.dumps([looks, sorted(databases), sorted(folders)]))
"""


@contextmanager
def watched(published: Path, until: Path) -> Iterator[list[tuple[int, list[Any], list[Any]]]]:
    """Two processes that read all the time; afterwards: how often, the databases, the folders."""
    command = [sys.executable, "-c", LOOK, str(published), str(until)]
    readers = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    seen: list[tuple[int, list[Any], list[Any]]] = []
    try:
        for reader in readers:
            assert reader.stdout
            assert reader.stdout.readline() == "ready\n"
        yield seen
    finally:
        until.touch()
        for out, error in [reader.communicate(timeout=60) for reader in readers]:
            assert error == ""
            seen.append(json.loads(out))


@pytest.mark.long
def test_readers_see_whole_publications_and_no_error(publish: Runner, tmp_path: Path) -> None:
    """In processes that follow the link, and in this one with open connections to an old folder."""
    first = publish(WORLD, INSTANTS[0], CONTRACT)
    published = first.warehouse / "published"
    link = published / DATABASE
    asked = "select max(run_number) from quality.runs"
    with (
        duckdb.connect(str(link), read_only=True) as by_link,
        duckdb.connect(str(link.resolve()), read_only=True) as resolved,
        watched(published, tmp_path / "until") as seen,
    ):
        for place, instant in enumerate(INSTANTS[1:], 2):
            publish(WORLD, instant, CONTRACT)
            for path in (link, link.resolve()):
                with duckdb.connect(str(path), read_only=True) as new:
                    assert new.execute(asked).fetchall() == [(place,)]
            assert resolved.execute(asked).fetchall() == by_link.execute(asked).fetchall() == [(1,)]
            # what is published and those before it are kept; more go when the next run begins
            assert len(list((first.warehouse / "publications").iterdir())) == min(
                place, KEPT_PUBLICATIONS + 1
            )
            assert first.database.parent.exists() == (place <= KEPT_PUBLICATIONS + 1)
        # what was never read before comes from a file that has no name any more
        assert not first.database.exists()
        assert resolved.execute(
            "select sum(downtime_seconds) from marts.downtime_by_period"
        ).fetchall() == [(DAY,)]
    as_of = [instant.replace("T", " ").replace("Z", "+00") for instant in INSTANTS]
    for looks, databases, folders in seen:
        # all publications were looked at while runs went on, each in one state
        assert looks > 2 * len(INSTANTS)
        assert databases == [[n, at, at, n * DAY, n * DAY] for n, at in enumerate(as_of, 1)]
        assert folders == [[n * DAY, n * DAY] for n in range(1, len(INSTANTS) + 1)]
    assert len(seen) == 2


def test_what_is_published_can_be_read_by_older_clients(sample: Published) -> None:
    """The version of the file's layout, in its header: 64 is what DuckDB 1.0 reads."""
    with sample.database.open("rb") as file:
        header = file.read(20)
    assert header[8:12] == b"DUCK"
    assert int.from_bytes(header[12:20], "little") == 64


def test_a_reader_can_write_nothing(sample: Published) -> None:
    with (
        duckdb.connect(str(sample.database), read_only=True) as con,
        pytest.raises(duckdb.InvalidInputException, match="read-only"),
    ):
        con.execute("delete from marts.credits")
    assert oct(sample.database.stat().st_mode)[-3:] == "444"
    assert [p.name for p in sample.database.parent.glob("*.wal")] == []


@pytest.mark.long
def test_parquet_files_have_the_types_and_rows_of_the_marts(
    sample: Published, tmp_path: Path
) -> None:
    folder = sample.database.parent / "parquet"
    # a copy: connections of a process to a file share their settings, and pages lock theirs
    sample = Published(sample.warehouse)
    sample.database = Path(shutil.copy(sample.database, tmp_path))
    assert {p.stem for p in folder.iterdir()} == set(sample.all_marts())
    for file in folder.iterdir():
        typed = f"select column_name, column_type from (describe from read_parquet('{file}'))"
        assert sample.query(typed) == sample.query(
            f"select column_name, column_type from (describe from marts.{file.stem})"
        ), file
        assert sample.query(f"from read_parquet('{file}') order by all") == sample.mart(file.stem)
