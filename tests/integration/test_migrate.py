"""A warehouse that version 0.4.0 wrote: told from a damaged one, read as it is, and landed anew."""

import json
import os
import shutil
import tarfile
from pathlib import Path
from typing import Any

import duckdb
import pytest

from makegood.dashboards.figures.operations import alert_store
from makegood.ingestion.files import sha256_of
from makegood.orchestration.warehouse.publication import (
    DATABASE,
    LAYOUT,
    MANIFEST,
    STATE,
    Publication,
)
from makegood.orchestration.warehouse.store import Warehouse
from tests.conftest import Published, published_once
from tests.e2e.test_command import makegood

# two runs, the second of which changed a statement, and a third that was blocked; an alert is open
WRITTEN_BY_0_4_0 = Path(__file__).parents[1] / "data" / "warehouse-0.4.0.tar.xz"
AS_OF = "2026-07-20T00:00:00Z"
# how long a probe has been silent is known of the last run alone
PROFILES = "select * from quality.feed_profiles where measure <> 'silent_intervals' order by all"


class Place:
    """A warehouse with the files that were delivered and the contracts."""

    def __init__(self, folder: Path) -> None:
        self.warehouse, self.landing, self.contracts = (
            folder / name for name in ("warehouse", "landing", "contracts")
        )

    def makegood(self, command: str, *words: Any) -> Any:
        return makegood(command, "--warehouse", self.warehouse, *words)

    def migrate(self, *words: Any) -> Any:
        return self.makegood(
            "migrate", "--landing", self.landing, "--contracts", self.contracts, *words
        )

    @property
    def last(self) -> Publication:
        found = Warehouse(self.warehouse).last()
        assert found
        return found


@pytest.fixture
def place(tmp_path: Path) -> Place:
    with tarfile.open(WRITTEN_BY_0_4_0) as archive:
        archive.extractall(tmp_path, filter="fully_trusted")
    return Place(tmp_path)


def kept(warehouse: Path, *but: str) -> dict[str, Any]:
    """All of a warehouse but some of its entries, by path: contents, and where links lead."""
    return {
        p.relative_to(warehouse).as_posix(): os.readlink(p) if p.is_symlink() else p.read_bytes()
        for p in warehouse.rglob("*")
        if (p.is_symlink() or p.is_file())
        and p.relative_to(warehouse).parts[0] not in {"lock", *but}
    }


def rows(place: Place, sql: str) -> list[dict[str, Any]]:
    return Published(place.warehouse).query(sql)


def test_an_earlier_layout_is_told_and_can_be_read(place: Place) -> None:
    """No run touches it, and everyone says what to do; nobody calls it damaged."""
    before = kept(place.warehouse, "alerts.json")
    command = f"makegood migrate --warehouse {place.warehouse} --landing"
    run = place.makegood("run", "--landing", place.landing, "--contracts", place.contracts)
    said = [run.stderr]
    assert run.returncode == 2
    # at night nobody reads what a run says
    assert any(command in e.alert.happened for e in alert_store(place.warehouse).open())
    status, doctor, repair = (
        place.makegood("status"),
        place.makegood("doctor"),
        place.makegood("doctor", "--repair"),
    )
    assert (status.returncode, doctor.returncode, repair.returncode) == (0, 1, 1)
    assert "as of         2026-07-20T00:00:00Z" in status.stdout
    said += [status.stdout, doctor.stdout, repair.stderr]
    back = place.makegood("rollback", "--yes")
    assert back.returncode == 2
    for text in [*said, back.stderr]:
        assert "has an earlier layout (1" in text
        assert command in text
        assert "damaged" not in text
    # its marts have columns of other names: both say so, and what to do
    of_month = ("--subscription", "mill-phone", "--month", "2026-06")
    explain = place.makegood("explain", *of_month)
    report = place.makegood("report", *of_month, "--out", place.landing.parent / "r.html")
    for done in (explain, report):
        assert (done.returncode, done.stdout) == (1, "")
        assert "has an earlier layout" in done.stderr
        assert command in done.stderr
        assert "Traceback" not in done.stderr
    assert kept(place.warehouse, "alerts.json") == before


def test_its_state_is_read_where_its_database_is_damaged(place: Place) -> None:
    statements = place.last.statements()
    database = place.last.database
    database.chmod(0o644)
    database.write_bytes(b"")
    assert not place.last.is_readable
    assert (place.last.layout, place.last.statements()) == (1, statements)
    assert place.last.withdrawn().is_empty()


@pytest.mark.long
def test_migrating_lands_everything_anew_and_forgets_nothing(place: Place, tmp_path: Path) -> None:
    """C7, T1, M1: statements stay, and one changes by the order of checks within a second. Figures
    are those of the same deliveries to a new warehouse."""
    statements = rows(
        place, "select * exclude (is_current) from marts.credit_statements order by all"
    )
    deliveries = rows(place, "select * from state.deliveries order by delivery_id")
    history = rows(place, "select * from quality.runs order by run_number")
    measured = rows(place, PROFILES)
    records = kept(place.warehouse / "runs")
    silent = next(
        e for e in alert_store(place.warehouse).open() if e.alert.kind == "monitoring_silent"
    )
    old = Published(place.warehouse).database
    # under any path
    for path in sorted(place.landing.rglob("*.csv")):
        (path.parent / "moved").mkdir(exist_ok=True)
        path.rename(path.parent / "moved" / f"x-{path.name}")

    with duckdb.connect(str(old), read_only=True) as reader:
        done = place.migrate()
        assert done.returncode == 0, done.stderr
        assert done.stdout.startswith(
            f"landed again in layout {LAYOUT}: {len(deliveries)} deliveries\n"
        )
        assert reader.execute("select count(*) from marts.credit_statements").fetchall() == [
            (len(statements),)
        ]
    assert place.last.layout == LAYOUT
    assert {p.name for p in place.last.copies.iterdir()} >= set(STATE.values())

    # what was there is there; porto saw it up again within the second in which it saw it down
    found = rows(place, "select * exclude (is_current) from marts.credit_statements order by all")
    assert [s for s in found if s in statements] == statements
    (added,) = [s for s in found if s not in statements]
    assert (added["subscription_id"], added["statement_version"], added["changed"]) == (
        "quay-mail",
        2,
        "availability_pct",
    )
    assert (str(added["availability_pct"]), f"{added['issued_at']:%Y-%m-%d}") == (
        "100.000000",
        "2026-07-20",
    )
    landed = rows(place, "select * from state.deliveries order by delivery_id")
    assert [{name: d[name] for name in deliveries[0]} for d in landed] == deliveries
    assert rows(place, "select * from quality.runs order by run_number")[:-1] == history
    assert [m for m in rows(place, PROFILES) if m["run_number"] < 4] == measured
    assert records.items() <= kept(place.warehouse / "runs").items()
    assert Warehouse(place.warehouse).recorded()[-1].status == "published"
    # the run that was blocked has been followed by one that published; what is still so is open
    # since then
    assert [(e.alert.key, e.since) for e in alert_store(place.warehouse).open()] == [
        (silent.alert.key, silent.since)
    ]
    assert place.makegood("doctor").stdout == f"{place.warehouse} is whole\n"

    # a new warehouse: the same deliveries, by run
    other = Place(tmp_path / "other")
    for delivery in deliveries:
        target = other.landing / delivery["path"]
        target.parent.mkdir(parents=True, exist_ok=True)
        name = Path(delivery["path"]).name
        shutil.copy(place.landing / delivery["feed"] / "moved" / f"x-{name}", target)
    late = [other.landing / d["path"] for d in deliveries if d["run_id"] == history[-1]["run_id"]]
    texts = [path.read_text() for path in late]
    for path in late:
        path.unlink()
    published_once(other.landing, other.warehouse, "2026-07-05T00:00:00Z", place.contracts)
    for path, text in zip(late, texts, strict=True):
        path.write_text(text)
    fresh = published_once(other.landing, other.warehouse, AS_OF, place.contracts)
    migrated = Published(place.warehouse)
    assert migrated.figures() == fresh.figures()
    assert migrated.rejected() == fresh.rejected()

    # it goes on: again there is nothing to do, what is damaged is made again to the byte, a run
    # takes what is new
    before = kept(place.warehouse)
    again = place.migrate()
    assert (again.returncode, "nothing to do" in again.stdout) == (0, True)
    assert kept(place.warehouse) == before
    landed = {p: sha256_of(p) for p in place.warehouse.rglob(f"landed/**/*-layout{LAYOUT}.parquet")}
    assert {
        p.parent.parent.name if "month=" in p.parent.name else p.parent.name for p in landed
    } >= {"checks", "outages", "_rejected"}
    for path in landed:
        path.unlink()
    repaired = place.makegood("doctor", "--repair", "--landing", place.landing)
    assert repaired.returncode == 0, repaired.stderr
    assert {p: sha256_of(p) for p in landed} == landed
    (place.landing / "customers" / "new.csv").write_text("customer_id,name\nmole,The Mole\n")
    published_once(place.landing, place.warehouse, "2026-07-21T00:00:00Z", place.contracts)
    assert rows(place, "select max(delivery_id) as n from state.deliveries") == [
        {"n": len(deliveries) + 1}
    ]
    # and can be gone back from; files that an older publication names are no leftovers
    assert place.makegood("rollback", "--yes").returncode == 0
    assert rows(place, "select max(delivery_id) as n from state.deliveries") == [
        {"n": len(deliveries)}
    ]
    assert place.makegood("doctor").stdout == f"{place.warehouse} is whole\n"


def test_files_that_are_gone_are_named_and_nothing_changes(place: Place) -> None:
    before = kept(place.warehouse)
    gone = ["outages/2026-07-late.csv", "tickets/all.csv"]
    sums = {name: sha256_of(place.landing / name) for name in gone}
    for name in gone:
        (place.landing / name).unlink()
    (place.landing / "tickets" / "all.csv").write_text("ticket_id\n")
    done = place.migrate()
    assert done.returncode == 1
    named = [line for line in done.stderr.splitlines() if "SHA-256" in line]
    assert sorted(named) == [f"{name} (SHA-256 {sums[name]})" for name in gone]
    assert kept(place.warehouse) == before
    assert "has an earlier layout" in place.makegood("status").stdout


@pytest.mark.long
def test_what_may_not_be_published_leaves_the_earlier_layout(place: Place) -> None:
    """Limits are those of a run (exit 3), and so are bad arguments (2); a later attempt can
    succeed."""
    before = kept(place.warehouse, "runs", "alerts.json", "landed")
    (place.landing / "feeds.yaml").write_text("checks: {max_rejected_pct: 1}\n")
    blocked = place.migrate()
    assert (blocked.returncode, "checks: 1 of 66 rows are rejected" in blocked.stderr) == (
        3,
        True,
    ), blocked.stderr
    early = place.migrate("--as-of", "2026-07-19T00:00:00Z")
    assert (early.returncode, "(T3)" in early.stderr) == (2, True)
    nowhere = place.makegood("migrate", "--landing", place.landing / "nowhere")
    assert (nowhere.returncode, "is not a folder" in nowhere.stderr) == (2, True)
    assert kept(place.warehouse, "runs", "alerts.json", "landed") == before
    with Warehouse(place.warehouse).locked():
        assert place.migrate().returncode == 1
    assert Published(place.warehouse).mart("credits")


@pytest.mark.long
def test_a_warehouse_of_a_newer_makegood_is_left_alone(place: Place) -> None:
    database = place.last.database
    database.chmod(0o644)
    with duckdb.connect(str(database)) as con:
        con.execute(f"create table state.layout as select {LAYOUT + 1}::bigint as version")
    manifest = database.parent / MANIFEST
    manifest.chmod(0o644)
    manifest.write_text(
        json.dumps(json.loads(manifest.read_text()) | {DATABASE: sha256_of(database)})
    )
    before = kept(place.warehouse)
    run = place.makegood("run", "--landing", place.landing, "--contracts", place.contracts)
    migrate, back, repair = (
        place.migrate(),
        place.makegood("rollback", "--yes"),
        place.makegood("doctor", "--repair"),
    )
    status, doctor = place.makegood("status"), place.makegood("doctor")
    assert [d.returncode for d in (run, migrate, back, repair, status, doctor)] == [
        2,
        2,
        2,
        1,
        0,
        1,
    ]
    for text in (
        run.stderr,
        migrate.stderr,
        back.stderr,
        repair.stderr,
        status.stdout,
        doctor.stdout,
    ):
        assert f"was written by a newer makegood (layout {LAYOUT + 1}" in text
        assert "damaged" not in text
    assert kept(place.warehouse) == before


def test_an_empty_warehouse_has_nothing_to_migrate(tmp_path: Path) -> None:
    done = makegood("migrate", "--landing", tmp_path, "--warehouse", tmp_path)
    assert (done.returncode, "nothing to do" in done.stdout) == (0, True)
