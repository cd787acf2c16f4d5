"""A harness that breaks runs and what they keep, and looks whether the next run puts it right by
itself.

After each fault a run must succeed, its marts must be, byte for byte, those of a warehouse that
nothing happened to, and who reads the published database meanwhile must have seen whole states
only. The tests try a few faults of each kind; to try many:

    python -m tests.support.faults --kills 200
"""

import argparse
import hashlib
import json
import multiprocessing
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from types import ModuleType
from typing import Any

import duckdb

from makegood.orchestration.warehouse.store import Warehouse
from tests.conftest import csv_text, write_landing
from tests.integration.test_landing import AS_OF, outage, sample

MAKEGOOD = Path(sys.executable).parent / "makegood"

# a fresh process that has imported everything costs no imports per run
SPAWN = multiprocessing.get_context("forkserver")
SPAWN.set_forkserver_preload(
    [
        "makegood.orchestration.definitions",
        "makegood.orchestration.pipeline.run",
        "makegood.orchestration.cli",
        "dbt.cli.main",
        "tests.conftest",
        "tests.support.faults",
    ]
)

# what changes files, as the interpreter announces it
CHANGES = {
    "os.rename",
    "os.mkdir",
    "os.rmdir",
    "os.remove",
    "os.symlink",
    "os.chmod",
    "os.truncate",
}

# the steps of publishing, in order: they are moved, the link is made and put in the place of the
# last, what follows
PUBLISHING = ["the state", "the publication", "the new link", "the link", "linked"]

Digests = dict[str, str]


@dataclass(frozen=True)
class Ground:
    """A warehouse with two publications, a delivery that has not landed yet, and what the marts are
    before and after it."""

    landing: Path
    base: Path
    before: Digests
    after: Digests
    seconds: float
    changes: int


def _deliver(landing: Path, name: str, feeds: dict[str, list[dict[str, Any]]]) -> None:
    for feed, rows in feeds.items():
        (landing / feed).mkdir(parents=True, exist_ok=True)
        (landing / feed / name).write_text(csv_text(feed, rows))


def prepare(folder: Path) -> Ground:
    """Three deliveries that change the same rows, under names that sort against the order they come
    in."""
    world = sample(1)
    checks = world.pop("checks")
    line = {
        "line_id": "l",
        "invoice_id": "i",
        "subscription_id": "u",
        "line_kind": "recurring",
        "period_start": "2026-06-01",
        "period_end": "2026-06-30",
    }
    ticket = {
        "ticket_id": "t",
        "subscription_id": "u",
        "ticket_type": "incident",
        "environment": "production",
    }
    events = [("received", 0), ("classified", 1), ("responded", 20), ("resolved", 50)]
    world |= {
        "checks": checks[:300],
        "invoices": [
            {
                "invoice_id": "i",
                "customer_id": "k",
                "status": "issued",
                "issued_on": "2026-07-01",
                "due_on": "2026-07-31",
            }
        ],
        "invoice_lines": [{**line, "amount": "1234.56", "currency": "EUR"}],
        "tickets": [ticket, ticket | {"ticket_id": "unheard"}],
        "ticket_events": [
            {
                "event_id": f"e{n}",
                "ticket_id": "t",
                "occurred_at": f"2026-06-10T00:{m:02d}:00Z",
                "event": e,
                "severity": "P1" if e == "classified" else None,
            }
            for n, (e, m) in enumerate(events)
        ],
    }
    landing = write_landing(folder / "landing", world)
    # one bad row in many is kept and does not block
    with (landing / "checks" / "rows.csv").open("a") as stream:
        stream.write("c,l,soon,up,\n")
    base = folder / "base"
    first = run(landing, base)
    assert first.code == 0, first.said
    _deliver(landing, "b.csv", {"outages": [outage(40)], "checks": checks[300:350]})
    second = run(landing, base)
    assert second.code == 0, second.said
    _deliver(
        landing,
        "a.csv",
        {
            "outages": [outage(50)],
            "checks": checks[350:],
            "invoice_lines": [{**line, "amount": "2345.67", "currency": "EUR"}],
        },
    )
    undisturbed = copied(base, folder / "undisturbed")
    started = time.monotonic()
    counting = run(landing, undisturbed, count=folder / "changes")
    assert counting.code == 0, counting.said
    seconds = time.monotonic() - started
    before, after = digests(base), digests(undisturbed)
    assert before != after
    return Ground(landing, base, before, after, seconds, int((folder / "changes").read_text()))


def copied(warehouse: Path, to: Path) -> Path:
    shutil.rmtree(to, ignore_errors=True)
    shutil.copytree(warehouse, to, symlinks=True)
    return to


def digests(warehouse: Path) -> Digests:
    """The bytes of each mart as published."""
    return {
        p.name: hashlib.sha256(p.read_bytes()).hexdigest()
        for p in sorted((warehouse / "published" / "parquet").glob("*.parquet"))
    }


@dataclass(frozen=True)
class Outcome:
    """How a run ended: its exit status, negative where a signal ended it, and what it said."""

    code: int
    said: str


def _started(*args: Any, target: Callable[..., None]) -> Any:
    """A process of its own that runs `target`, and not the main module first: whatever a test
    before has made of that."""
    main, sys.modules["__main__"] = sys.modules["__main__"], ModuleType("__main__")
    try:
        process = SPAWN.Process(target=target, args=args)
        process.start()
    finally:
        sys.modules["__main__"] = main
    return process


def run(landing: Path, warehouse: Path, seconds: float | None = None, **fault: Any) -> Outcome:
    """The command in a process of its own, with what `_child` knows of faults; killed after so many
    seconds."""
    with tempfile.NamedTemporaryFile("r", suffix=".txt") as said:
        process = _started(str(landing), str(warehouse), said.name, fault, target=_child)
        process.join(seconds)
        if process.exitcode is None:
            process.kill()
        process.join()
        assert process.exitcode is not None
        return Outcome(process.exitcode, said.read())


def _child(landing: str, warehouse: str, said: str, fault: dict[str, Any]) -> None:
    """A run. fault: `kill_at`, the number of the change to a file before which it is killed;
    `kill_before`, one of PUBLISHING; `count`, a file for the number of changes; `largest_file` in
    bytes; `clock`, seconds by which the clock is moved."""
    out = os.open(said, os.O_WRONLY | os.O_TRUNC)
    os.dup2(out, 1)
    os.dup2(out, 2)
    from makegood.orchestration import cli
    from makegood.orchestration.pipeline import run as line
    from tests.conftest import _NoWorker

    line.Validation = _NoWorker
    changes, linked = 0, False

    def watch(event: str, args: tuple[Any, ...]) -> None:
        nonlocal changes, linked
        if event in CHANGES or (
            event == "open" and isinstance(args[2], int) and args[2] & (os.O_WRONLY | os.O_RDWR)
        ):
            changes += 1
            moment = "linked" if linked else _moment(event, args)
            if changes == fault.get("kill_at") or (moment and moment == fault.get("kill_before")):
                os.kill(os.getpid(), signal.SIGKILL)
            linked = linked or moment == "the link"

    sys.addaudithook(watch)
    if "largest_file" in fault:
        resource.setrlimit(resource.RLIMIT_FSIZE, (fault["largest_file"], resource.RLIM_INFINITY))
    if "clock" in fault:
        _move_clock(fault["clock"])
    sys.argv = ["makegood", "run", "--landing", landing, "--warehouse", warehouse, "--as-of", AS_OF]
    try:
        cli.main()
    finally:
        if "count" in fault:
            Path(fault["count"]).write_text(str(changes))


def _moment(event: str, args: tuple[Any, ...]) -> str | None:
    """What of PUBLISHING is about to happen; how many files change before differs from run to
    run."""
    if event == "os.symlink":
        return "the new link"
    to = Path(os.fsdecode(args[1])) if event == "os.rename" else Path()
    return (
        "the link"
        if to.name == "published"
        else {"state": "the state", "publications": "the publication"}.get(to.parent.name)
    )


def _move_clock(seconds: int) -> None:
    from datetime import datetime, timedelta

    from makegood.orchestration.pipeline import run as line
    from makegood.orchestration.warehouse import store as warehouse

    class Moved(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:
            return datetime.now(tz) + timedelta(seconds=seconds)

    line.datetime = Moved
    warehouse.datetime = Moved


@contextmanager
def readers(warehouse: Path) -> Iterator[Callable[[], list[Digests]]]:
    """Someone who reads all marts over and over by the published path; gives the states seen.
    Whatever goes wrong is a state, too."""
    seen: Any = SPAWN.Queue()
    stop = SPAWN.Event()
    reader = _started(str(warehouse), seen, stop, target=_read)
    states: list[Digests] = []

    def stopped() -> list[Digests]:
        if not stop.is_set():
            stop.set()
            while (state := seen.get(timeout=60)) is not None:
                states.append(state)
            reader.join()
        return states

    try:
        yield stopped
    finally:
        stopped()


def _read(warehouse: str, seen: Any, stop: Any) -> None:
    published = Path(warehouse) / "published"
    while not stop.is_set():
        try:
            # who follows the link once sees one publication, however long it reads
            folder = published.resolve(strict=True)
            with duckdb.connect(str(folder / "makegood.duckdb"), read_only=True) as con:
                marts = [
                    name
                    for (name,) in con.execute(
                        "select table_name from information_schema.tables where table_schema = "
                        "'marts' order by 1"
                    ).fetchall()
                ]
                rows = {
                    m: con.execute(f"select * from marts.{m} order by all").fetchall()
                    for m in marts
                }
                exported = {
                    m: con.execute(f"select * from '{folder / 'parquet' / m}.parquet'").fetchall()
                    for m in marts
                }
            state = {
                f"{p.name}": hashlib.sha256(p.read_bytes()).hexdigest()
                for p in sorted((folder / "parquet").glob("*.parquet"))
            }
            if rows != exported:
                state = {"error": "the database and its exports differ"}
        except Exception as error:
            state = {"error": f"{type(error).__name__}: {error}"}
        seen.put(state)
        time.sleep(0.3)
    seen.put(None)


def flip(path: Path, chance: Random) -> None:
    """One byte becomes another."""
    content = bytearray(path.read_bytes())
    at = chance.randrange(len(content))
    content[at] ^= chance.randrange(1, 256)
    _replaced(path, bytes(content))


def cut(path: Path, chance: Random) -> None:
    content = path.read_bytes()
    _replaced(path, content[: chance.randrange(len(content))])


def gone(path: Path, chance: Random) -> None:
    path.unlink()


def _replaced(path: Path, content: bytes) -> None:
    path.unlink()
    path.write_bytes(content)


def spoil_publication(warehouse: Path, chance: Random) -> str:
    folder = (warehouse / "published").resolve()
    path = chance.choice([p for p in sorted(folder.rglob("*")) if p.is_file()])
    harm = chance.choice([flip, cut, gone])
    harm(path, chance)
    return f"{harm.__name__} {path.relative_to(folder)}"


def spoil_database(warehouse: Path, chance: Random) -> str:
    chance.choice([flip, cut, gone])(warehouse / "published" / "makegood.duckdb", chance)
    return "the published database"


def spoil_manifest(warehouse: Path, chance: Random) -> str:
    """Then nothing of the publication can be trusted."""
    cut(warehouse / "published" / "manifest.json", chance)
    return "the manifest"


def spoil_landed(warehouse: Path, chance: Random) -> str:
    last = Warehouse(warehouse).last()
    assert last
    path = warehouse / "landed" / chance.choice(sorted(last.landed().files["path"]))
    chance.choice([flip, cut, gone])(path, chance)
    return str(path.relative_to(warehouse))


def spoil_all_landed(warehouse: Path, chance: Random) -> str:
    shutil.rmtree(warehouse / "landed")
    return "all that has landed"


def spoil_link(warehouse: Path, chance: Random) -> str:
    (warehouse / "published").unlink()
    if chance.random() < 0.5:
        (warehouse / "published").symlink_to("publications/nowhere")
    return "the link"


def spoil_last_publication(warehouse: Path, chance: Random) -> str:
    shutil.rmtree((warehouse / "published").resolve())
    return "the whole last publication"


def spoil_notes(warehouse: Path, chance: Random) -> str:
    """What no figure depends on."""
    for path in sorted((warehouse / "runs").glob("*.json")):
        _replaced(path, chance.randbytes(50))
    (warehouse / "lock").write_bytes(chance.randbytes(10))
    (warehouse / "alerts.json").write_bytes(chance.randbytes(50))
    (warehouse / "building").mkdir(exist_ok=True)
    (warehouse / "building" / "stray").write_bytes(b"?")
    (warehouse / "landed" / "stray.parquet").write_bytes(b"?")
    return "records, lock, alerts and strays"


SPOILS = [
    spoil_publication,
    spoil_database,
    spoil_manifest,
    spoil_landed,
    spoil_all_landed,
    spoil_link,
    spoil_last_publication,
    spoil_notes,
]


def put_right(ground: Ground, warehouse: Path, after: str) -> None:
    """The next run succeeds by itself, and its marts are those of the undisturbed warehouse."""
    done = run(ground.landing, warehouse)
    assert done.code == 0, f"after {after}: {done.said}"
    differing = {
        n for n, d in digests(warehouse).items() if ground.after[n] != d
    } | ground.after.keys() ^ digests(warehouse).keys()
    assert not differing, f"after {after}: {sorted(differing)} differ"
    left = [p.name for p in (warehouse / "building").glob("*")]
    assert not left, f"after {after}: {left} are left"


def kill(ground: Ground, warehouse: Path, chance: Random, times: int = 1) -> tuple[int, str]:
    """Kills so many runs in turn, at a random instant or at a random change to a file, while
    someone reads. Gives the kills that hit."""
    copied(ground.base, warehouse)
    hits, instants = 0, []
    with readers(warehouse) as stopped:
        for _ in range(times):
            if chance.random() < 0.5:
                at = chance.randrange(1, ground.changes + 1)
                done, instant = (
                    run(ground.landing, warehouse, kill_at=at),
                    f"change {at} of {ground.changes}",
                )
            else:
                after = chance.uniform(0.3, ground.seconds)
                done, instant = run(ground.landing, warehouse, seconds=after), f"{after:.3f} s"
            hits += done.code == -signal.SIGKILL
            instants.append(instant)
        what = f"kills at {', '.join(instants)}"
        put_right(ground, warehouse, what)
        states = stopped()
    odd = [s for s in states if s not in (ground.before, ground.after)]
    assert states, "someone looked"
    assert not odd, f"{what}: a reader saw {odd[0].get('error', 'a state that no run published')}"
    return hits, what


def spoil(
    ground: Ground, warehouse: Path, how: Callable[[Path, Random], str], chance: Random
) -> str:
    what = how(copied(ground.base, warehouse), chance)
    put_right(ground, warehouse, what)
    return what


def fill(ground: Ground, warehouse: Path, largest_file: int) -> Outcome:
    """No file can grow beyond so many bytes, as on a disk that is full."""
    copied(ground.base, warehouse)
    done = run(ground.landing, warehouse, largest_file=largest_file)
    assert done.code in (0, 1), done.said
    assert digests(warehouse) == (ground.before if done.code else ground.after)
    put_right(ground, warehouse, f"files of at most {largest_file} bytes")
    return done


def fill_disk(ground: Ground, mounted: Path, mebibytes: int) -> Outcome:
    """The warehouse on a disk of its own, too small for the run; then it grows. Needs the right to
    mount."""
    subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={mebibytes}m", "tmpfs", str(mounted)], check=True
    )
    try:
        warehouse = copied(ground.base, mounted / "warehouse")
        with readers(warehouse) as stopped:
            done = run(ground.landing, warehouse)
            assert done.code in (0, 1), done.said
            assert digests(warehouse) == (ground.before if done.code else ground.after)
            subprocess.run(["mount", "-o", "remount,size=1g", str(mounted)], check=True)
            put_right(ground, warehouse, f"a disk of {mebibytes} MiB")
            assert all(s in (ground.before, ground.after) for s in stopped())
        return done
    finally:
        subprocess.run(["umount", str(mounted)], check=True)


def size_of(folder: Path) -> int:
    return sum(p.stat().st_size for p in folder.rglob("*") if p.is_file() and not p.is_symlink())


def forbid(ground: Ground, warehouse: Path, folder: str) -> Outcome:
    """A folder that may not be written to, for a user whom rights bind."""
    copied(ground.base, warehouse)
    path = warehouse / folder
    path.mkdir(exist_ok=True)
    path.chmod(0o555)
    bound = (
        [
            "setpriv",
            "--bounding-set",
            "-dac_override,-dac_read_search",
            "--inh-caps",
            "-dac_override,-dac_read_search",
        ]
        if os.geteuid() == 0
        else []
    )
    command = [
        *bound,
        str(MAKEGOOD),
        "run",
        "--landing",
        str(ground.landing),
        "--warehouse",
        str(warehouse),
        "--as-of",
        AS_OF,
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    path.chmod(0o755)
    assert digests(warehouse) == (ground.before if done.returncode else ground.after)
    put_right(ground, warehouse, f"no right to write to {folder}")
    return Outcome(done.returncode, done.stderr)


def at_once(ground: Ground, warehouse: Path) -> list[int]:
    """Two runs at once: the exit statuses."""
    copied(ground.base, warehouse)
    processes = [
        _started(str(ground.landing), str(warehouse), os.devnull, {}, target=_child)
        for _ in range(2)
    ]
    for process in processes:
        process.join()
    assert digests(warehouse) == ground.after
    put_right(ground, warehouse, "two runs at once")
    return sorted(int(p.exitcode or 0) for p in processes)


def move_clock(ground: Ground, warehouse: Path, days: int) -> None:
    """A run while the clock was wrong; what happened to it must not be undone by the next, whose
    clock is right."""
    copied(ground.base, warehouse)
    killed = run(ground.landing, warehouse, clock=days * 86_400, kill_at=ground.changes // 2)
    assert killed.code == -signal.SIGKILL
    done = run(ground.landing, warehouse, clock=days * 86_400)
    assert done.code == 0, done.said
    assert digests(warehouse) == ground.after
    put_right(ground, warehouse, f"a clock that was {days} days off")
    statuses = [
        json.loads(p.read_text())["status"] for p in sorted((warehouse / "runs").glob("*.json"))
    ]
    assert statuses == ["published", "published", "killed", "published", "published"], statuses


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=10, help="of each of the other faults")
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    chance = Random(asked.seed)
    tally: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        ground = prepare(folder)
        print(
            (
                f"an undisturbed run takes {ground.seconds:.1f} s and changes files "
                f"{ground.changes} times"
            ),
            flush=True,
        )
        warehouse = folder / "warehouse"
        for number in range(asked.rounds):
            for how in SPOILS:
                spoil(ground, warehouse, how, chance)
                tally[f"spoilt: {how.__name__.removeprefix('spoil_')}"] += 1
            done = fill(ground, warehouse, chance.randrange(1, 1_500_000))
            tally["no file may grow: " + ("failed, then well" if done.code else "enough room")] += 1
            if os.geteuid() == 0:
                mounted = folder / "mounted"
                mounted.mkdir(exist_ok=True)
                done = fill_disk(
                    ground, mounted, chance.randrange(1 + (size_of(ground.base) >> 20), 40)
                )
                tally["a full disk: " + ("failed, then well" if done.code else "enough room")] += 1
            move_clock(ground, warehouse, chance.choice([-4000, -1, 1, 4000]))
            tally["a moved clock"] += 1
            tally[f"two at once: {at_once(ground, warehouse)}"] += 1
            if number % 3 == 0:
                done = forbid(
                    ground,
                    warehouse,
                    ["", "publications", "landed", "building", "runs"][number // 3 % 5],
                )
                tally[f"no right to write: exit {done.code}"] += 1
            print(f"round {number + 1}: {dict(tally)}", flush=True)
        while tally["kills"] < asked.kills:
            hits, what = kill(ground, warehouse, chance, chance.choice([1, 1, 1, 2, 3]))
            tally["kills"] += hits
            tally["runs put right after kills"] += 1
            print(f"{tally['kills']}: {what}", flush=True)
        print(dict(tally))


if __name__ == "__main__":
    # by its name, by which the processes find what they run
    from tests.support.faults import main as begin

    begin()
