"""The process that reads Parquet: when it runs, and what happens to a run if a file ends it."""

import os
import select
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from makegood.ingestion import limits
from makegood.ingestion.feeds.specs import feeds
from makegood.ingestion.landing import land
from makegood.ingestion.landing.land import Landed, Reading, feed_settings
from makegood.ingestion.readers import LINE, UnreadableFile, finish, parquet

CUSTOMERS = feeds()["customers"]
# more than one answer of the process, and more than a pipe holds
MANY = 140_000

Process = subprocess.Popen[bytes]


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Process]]:
    """The processes that are started from here on."""
    finish()
    found: list[Process] = []
    start = subprocess.Popen

    def recorded(*arguments: Any, **options: Any) -> Process:
        found.append(start(*arguments, **options))
        return found[-1]

    monkeypatch.setattr(subprocess, "Popen", recorded)
    yield found
    finish()


def customers(path: Path, count: int = 2, **options: Any) -> Path:
    """A file of customers whose ids begin with its name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    ids = [f"{path.stem}{n}" for n in range(count)]
    pq.write_table(pa.table({"customer_id": ids, "name": ids}), path, **options)
    return path


def landed(folder: Path) -> Reading:
    place = folder.parent
    settings = feed_settings(folder)
    return land.read(folder, place / "store", place / "work", "r", Landed(), settings)


def ids(path: Path) -> list[str]:
    return [row for batch in parquet.batches(path, CUSTOMERS) for row in batch.rows["customer_id"]]


def test_it_runs_where_there_is_parquet_and_once_a_run(
    tmp_path: Path, started: list[Process]
) -> None:
    folder = tmp_path / "landing"
    (folder / "customers").mkdir(parents=True)
    (folder / "customers" / "a.csv").write_text("customer_id,name\n1,a\n")
    landed(folder)
    assert started == []
    for name in "bcd":
        customers(folder / "customers" / f"{name}.parquet")
    reading = landed(folder)
    assert reading.feeds["customers"].rows_read == 7
    assert len(started) == 1
    assert started[0].poll() is not None, "it ends with the reading, not with the run"


@pytest.mark.parametrize(
    ("number", "why"),
    [
        (
            signal.SIGKILL,
            "the process reading it was killed, as happens when a machine runs out of memory: "
            "free some memory and run again",
        ),
        (
            signal.SIGSEGV,
            "the process reading it crashed (SIGSEGV): "
            "the file is probably damaged; write it again",
        ),
    ],
)
def test_a_file_on_which_it_dies_is_rejected_and_the_next_ones_are_read(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    started: list[Process],
    number: signal.Signals,
    why: str,
) -> None:
    folder = tmp_path / "landing"
    for name in "abc":
        customers(folder / "customers" / f"{name}.parquet", MANY)
    typed = land.typed

    def killing(batch: Any, *others: Any) -> Any:
        if batch.rows["customer_id"][0] == "b0":
            os.kill(started[-1].pid, number)
        return typed(batch, *others)

    monkeypatch.setattr(land, "typed", killing)
    reading = landed(folder)
    refused = f"can't be read as Parquet: {why}"
    assert reading.feeds["customers"].files_refused == [("customers/b.parquet", refused)]
    blocked = reading.blocked_by(feed_settings(folder))
    assert f"customers/b.parquet is rejected whole: {refused}" in blocked
    rows = dict(reading.landed.deliveries.select("path", "rows_landed").iter_rows())
    assert rows["customers/a.parquet"] == rows["customers/c.parquet"] == MANY
    assert len(started) == 2


def test_a_file_that_needs_more_memory_than_it_may_have_is_rejected(
    tmp_path: Path, started: list[Process]
) -> None:
    folder = tmp_path / "landing"
    for name in "ac":
        customers(folder / "customers" / f"{name}.parquet")
    often = pa.DictionaryArray.from_arrays(pa.array([0] * 8_192, pa.int32()), ["x" * (1 << 20)])
    bomb = pa.table({"customer_id": often, "name": often})
    pq.write_table(bomb, folder / "customers" / "b.parquet")
    reading = landed(folder)
    why = (
        "needs over 1024 MiB of memory to be read: "
        "write it with smaller pages, row groups and values, or as CSV"
    )
    assert reading.feeds["customers"].files_refused == [("customers/b.parquet", why)]
    assert reading.feeds["customers"].rows_read == 4
    assert len(started) == 2


def test_a_file_that_gives_no_rows_in_time_is_rejected(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, started: list[Process]
) -> None:
    """A pipe that nobody writes to: whoever opens it waits."""
    os.mkfifo(tmp_path / "pipe.parquet")
    with monkeypatch.context() as soon:
        soon.setattr(limits, "PARQUET_SECONDS", 1)
        with pytest.raises(UnreadableFile, match="no rows could be read from it for 1 seconds"):
            ids(tmp_path / "pipe.parquet")
    assert ids(customers(tmp_path / "a.parquet")) == ["a0", "a1"]
    assert len(started) == 2


@pytest.mark.parametrize(
    ("last_words", "why"),
    [
        ("ImportError: no pyarrow", r"crashed \(exit code 1, 'ImportError: no pyarrow'\)"),
        ("terminate called\n  what():  std::bad_alloc", "needs over 1024 MiB of memory"),
    ],
)
def test_its_last_words_say_why_it_ended(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    started: list[Process],
    last_words: str,
    why: str,
) -> None:
    script = tmp_path / "child.py"
    script.write_text(f"raise SystemExit({last_words!r})")
    monkeypatch.setattr(parquet.parquet_child, "__file__", str(script))
    with pytest.raises(UnreadableFile, match=why):
        ids(customers(tmp_path / "a.parquet"))


def killed(process: Process) -> None:
    process.kill()
    process.wait()


@pytest.mark.parametrize(
    ("between", "processes"),
    [(lambda process: process.send_signal(signal.SIGINT), 1), (killed, 2)],
    ids=["interrupted", "killed"],
)
def test_a_signal_between_files_is_not_blamed_on_the_next_file(
    tmp_path: Path, started: list[Process], between: Callable[[Process], None], processes: int
) -> None:
    """An interrupt of the run reaches it too; ending it is left to the run."""
    assert ids(customers(tmp_path / "a.parquet")) == ["a0", "a1"]
    between(started[0])
    assert ids(customers(tmp_path / "b.parquet")) == ["b0", "b1"]
    assert len(started) == processes


def test_files_that_are_read_side_by_side_do_not_mix(
    tmp_path: Path, started: list[Process]
) -> None:
    a, b = (
        parquet.batches(customers(tmp_path / f"{n}.parquet", MANY), CUSTOMERS) for n in ("a", "b")
    )
    for of_a, of_b in zip(a, b, strict=True):
        assert of_a.rows["customer_id"].str.starts_with("a").all()
        assert of_b.rows["customer_id"].str.starts_with("b").all()
    assert len(started) == 2


def test_a_file_that_is_not_read_to_its_end_leaves_nothing_behind(
    tmp_path: Path, started: list[Process]
) -> None:
    rows = parquet.batches(customers(tmp_path / "a.parquet", MANY), CUSTOMERS)
    next(rows)
    rows.close()
    assert started[0].poll() is not None
    assert ids(customers(tmp_path / "b.parquet")) == ["b0", "b1"]


def test_it_does_not_outlive_a_run_that_is_killed(tmp_path: Path) -> None:
    path = customers(tmp_path / "a.parquet", MANY)
    script = (
        "import os, subprocess, sys\n"
        "from pathlib import Path\n"
        "from makegood.ingestion.feeds.specs import feeds\n"
        "from makegood.ingestion.readers import parquet\n"
        "start = subprocess.Popen\n"
        "def told(*arguments, **options):\n"
        "    process = start(*arguments, **options)\n"
        "    print(process.pid, flush=True)\n"
        "    return process\n"
        "subprocess.Popen = told\n"
        "next(parquet.batches(Path(sys.argv[1]), feeds()['customers']))\n"
        "print('read', flush=True)\n"
        "sys.stdin.read()\n"
    )
    command = [sys.executable, "-c", script, str(path)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as run:
        assert run.stdout is not None
        child = os.pidfd_open(int(run.stdout.readline()))
        assert run.stdout.readline() == "read\n"
        run.kill()
    ended, _, _ = select.select([child], [], [], 60)
    os.close(child)
    assert ended


def test_rows_come_in_batches_that_begin_with_each_row_group(tmp_path: Path) -> None:
    """Landed files are divided likewise, and must be the same when they are landed again."""
    path = customers(tmp_path / "a.parquet", 150_000, row_group_size=100_000)
    found = [batch.rows for batch in parquet.batches(path, CUSTOMERS)]
    assert [rows.height for rows in found] == [65_536, 34_464, 50_000]
    assert [rows[LINE][0] for rows in found] == [1, 65_537, 100_001]


@pytest.mark.parametrize("dictionary", [True, False])
def test_long_rows_come_in_smaller_batches(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, started: list[Process], dictionary: bool
) -> None:
    monkeypatch.setattr(limits, "WIDEST_BATCH", 1 << 20)
    names = ["x" * 100_000] * 100
    table = pa.table({"customer_id": [str(n) for n in range(100)], "name": names})
    pq.write_table(table, tmp_path / "a.parquet", use_dictionary=dictionary)
    found = [batch.rows for batch in parquet.batches(tmp_path / "a.parquet", CUSTOMERS)]
    assert [n for rows in found for n in rows["customer_id"]] == [str(n) for n in range(100)]
    assert all(rows["name"].str.len_bytes().sum() <= 1 << 20 for rows in found)
    table = pa.table({"customer_id": ["1", "2"], "name": ["a", "x" * (1 << 20)]})
    pq.write_table(table, tmp_path / "b.parquet", use_dictionary=dictionary)
    with pytest.raises(UnreadableFile, match="has a row of over 1 MiB") as refused:
        list(parquet.batches(tmp_path / "b.parquet", CUSTOMERS))
    assert refused.value.line == 2
