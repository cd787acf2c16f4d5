"""Going back to an earlier publication: what it undoes, what it keeps, and what it never does."""

import os
import pty
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from makegood.dashboards.figures import operations
from makegood.dashboards.figures.operations import (
    ALERTS,
    Alert,
    AlertRecord,
    AlertStore,
    alert_store,
)
from makegood.orchestration.output.status import describe
from makegood.orchestration.pipeline import rollback
from makegood.orchestration.warehouse.publication import DATABASE, Publication
from makegood.orchestration.warehouse.store import Warehouse
from tests.conftest import Published, published_once
from tests.e2e.test_command import MAKEGOOD, makegood
from tests.e2e.test_dashboards import app, words
from tests.models.test_credit_examples import Examples
from tests.models.test_credit_line import deliver

EARLIER, RIGHT, WRONG = "2026-07-05T00:00:00Z", "2026-07-20T00:00:00Z", "2027-07-20T00:00:00Z"
LATE = {
    "outage_id": "late",
    "component_id": "s",
    "state": "down",
    "started_at": "2026-06-20T00:00:00Z",
    "ended_at": "2026-06-21T00:00:00Z",
}
JULY = {
    "line_id": "july",
    "subscription_id": "s",
    "line_kind": "recurring",
    "period_start": "2026-07-01",
    "period_end": "2026-07-31",
    "amount": "800.00",
    "currency": "EUR",
}


class Place:
    """A landing folder and a warehouse."""

    def __init__(self, folder: Path) -> None:
        self.landing, self.path = folder / "landing", folder / "warehouse"

    def run(self, as_of: str) -> Published:
        return published_once(self.landing, self.path, as_of)

    def back(self, *words: Any) -> "subprocess.CompletedProcess[str]":
        return makegood("rollback", "--warehouse", self.path, *words)

    @property
    def published(self) -> Published:
        return Published(self.path)

    @property
    def warehouse(self) -> Warehouse:
        return Warehouse(self.path)

    @property
    def names(self) -> list[str]:
        """The publications that are there, the oldest first."""
        return sorted(p.name for p in (self.path / "publications").iterdir())

    def copied(self, folder: Path) -> "Place":
        other = Place(folder)
        shutil.copytree(self.landing, other.landing)
        shutil.copytree(self.path, other.path, symlinks=True)
        return other


@pytest.fixture(scope="module")
def grounds(tmp_path_factory: pytest.TempPathFactory) -> tuple[Place, Place]:
    """Published as of 2026-07-05; since then a longer outage in June and the fee of July have come.
    In the second a wrong run has published them, as of a year later."""
    before = Place(tmp_path_factory.mktemp("before"))
    first = Examples().subscription("s").outage(0, 2593)
    lines = [{**JULY, "invoice_id": first.invoice()}]
    deliver(before.landing, "1", first.feeds)
    before.run(EARLIER)
    deliver(before.landing, "2", {"outages": [LATE], "invoice_lines": lines})
    wrong = before.copied(tmp_path_factory.mktemp("wrong"))
    wrong.run(WRONG)
    return before, wrong


@pytest.fixture
def place(grounds: tuple[Place, Place], tmp_path: Path) -> Place:
    """A copy of the second, to be changed."""
    return grounds[1].copied(tmp_path)


def statements(published: Published, numbered: bool = True) -> list[tuple[Any, ...]]:
    """All statements, as they are published."""
    rows = published.mart("credit_statements")
    number = {} if numbered else {"statement_version": None}
    return sorted(tuple(map(str, (row | number).values())) for row in rows)


def versions(published: Published, month: str = "2026-06-01") -> list[tuple[int, bool]]:
    """The versions of a month in EUR, and which is in force."""
    rows = published.query(
        f"""select statement_version, is_current from marts.credit_statements
            where month = '{month}' and currency = 'EUR' order by all"""
    )
    return [(r["statement_version"], r["is_current"]) for r in rows]


def withdrawn(published: Published) -> list[tuple[str, str | None, int, str]]:
    """Month, currency, version and issuing run of what was withdrawn."""
    rows = published.query(
        """select month::varchar as month, currency, statement_version, issued_run_id
           from quality.withdrawn_statements order by statement_version, month"""
    )
    return [
        (r["month"][:7], r["currency"], r["statement_version"], r["issued_run_id"]) for r in rows
    ]


def unchanged(folder: Path) -> dict[str, Any]:
    """All of a folder, by path: contents, and where links lead."""
    return {
        p.relative_to(folder).as_posix(): os.readlink(p) if p.is_symlink() else p.read_bytes()
        for p in folder.rglob("*")
        if p.is_symlink() or p.is_file()
    }


# June again, July with its fee, and the months after it without one
JUNE, AFTER = ("2026-06", "EUR"), [("2026-07", "EUR")]
AFTER += [(f"2026-{m:02d}", None) for m in range(8, 13)] + [
    (f"2027-{m:02d}", None) for m in range(1, 7)
]


@pytest.mark.long
def test_wrong_runs_are_undone_and_their_versions_never_used_again(
    grounds: tuple[Place, Place], place: Place, tmp_path: Path
) -> None:
    """C7, T3: figures are those of a warehouse that never had the wrong run; statements differ by
    their numbers alone, which go on above all that were withdrawn, also after a second rollback."""
    wrong = place.published
    with duckdb.connect(str(wrong.database), read_only=True) as reader:
        seen = reader.execute("select count(*) from marts.credit_statements").fetchall()
        issued = statements(wrong)
        assert versions(wrong) == [(1, False), (2, True)]
        done = place.back("--yes")
        assert done.returncode == 0, done.stderr
        back = place.published
        first = [(*AFTER[0], 1, wrong.database.parent.name)]
        first += [(*month, 1, wrong.database.parent.name) for month in AFTER[1:]]
        first += [(*JUNE, 2, wrong.database.parent.name)]
        assert withdrawn(back) == first
        assert versions(back) == [(1, True)]
        names = ", ".join(back.mart("credit_statements")[0])
        kept = back.query(f"select {names} from quality.withdrawn_statements")
        assert {tuple(map(str, row.values())) for row in kept} <= set(issued)
        assert back.figures() == Published(grounds[0].path).figures()

        never = grounds[0].copied(tmp_path / "never")
        right, expected = place.run(RIGHT), never.run(RIGHT)
        assert right.figures() == expected.figures()
        assert statements(right, numbered=False) == statements(expected, numbered=False)
        assert (versions(expected), versions(right)) == (
            [(1, False), (2, True)],
            [(1, False), (3, True)],
        )
        final = right.query("select statement_version from marts.credits where status = 'final'")
        assert [r["statement_version"] for r in final] == [3]
        assert withdrawn(right) == first, "later publications carry it on"
        in_force = statements(right)

        again = place.run(WRONG)
        assert versions(again, "2026-07-01") == [(2, True)]
        # what a rollback led to can be gone back to, what it undid can't; the newest comes first
        assert [p.folder.name for p in place.warehouse.earlier()] == [
            right.database.parent.name,
            back.database.parent.name,
        ]
        done = place.back("--yes")
        assert done.returncode == 0, done.stderr
        twice = place.published
        assert statements(twice) == in_force
        second = [(*month, 2, again.database.parent.name) for month in AFTER]
        assert withdrawn(twice) == sorted(first + second, key=lambda w: (w[2], w[0]))
        assert versions(place.run("2026-08-05T00:00:00Z"), "2026-07-01") == [(3, True)]

        # the file has no name any more, and is read all the same, also what was not read before
        assert not wrong.database.exists()
        assert reader.execute("select count(*) from marts.credit_statements").fetchall() == seen
        assert reader.execute("select count(*) > 0 from marts.downtime").fetchall() == [(True,)]
    # nothing has been left of what landed and was undone, but what a kept publication names
    landed = place.warehouse.landed
    files = {p.relative_to(landed).as_posix() for p in landed.rglob("*.parquet")}
    publications = [
        Publication(place.path / "publications" / name, place.path / "state" / name)
        for name in place.names
    ]
    named = {path for publication in publications for path in publication.landed().files["path"]}
    assert (files == named, wrong.database.parent.name in {Path(f).stem for f in files}) == (
        True,
        False,
    )


@pytest.mark.long
def test_what_was_undone_does_not_come_back_by_itself(place: Place) -> None:
    """The rollback's own database is damaged: readers are led to what it went back to, and the
    next run builds on its copies. It gives the values that are in force again, which is no new
    version."""
    first = place.names[0]
    assert place.back("--yes").returncode == 0
    before = withdrawn(place.published)
    database = place.published.database
    database.chmod(0o644)
    database.write_bytes(b"")
    with place.warehouse.locked():
        assert place.warehouse.repair()
    assert place.published.database.parent.name == first
    for feed in ("outages", "invoice_lines"):
        (place.landing / feed / "2.csv").unlink()
    published = place.run(RIGHT)
    assert versions(published) == [(1, True)]
    assert withdrawn(published) == before


def test_it_says_what_it_will_do_and_does_nothing_unasked(place: Place) -> None:
    """Exit 2 without --yes where nobody can be asked; all that would be done is listed."""
    before = unchanged(place.path)
    (place.landing / "outages" / "2.csv").unlink()
    done = place.back("--landing", place.landing)
    assert done.returncode == 2
    assert "add --yes" in done.stderr
    names = place.names
    said = done.stdout.splitlines()
    assert said[:2] == [
        f"back from run {names[1]}, as of {WRONG}",
        f"to        run {names[0]}, as of 2026-07-05T00:00:00Z",
    ]
    assert (
        f"  s                2026-06         250.00 EUR, version 2, issued by run {names[1]}"
        in said
    )
    assert said[said.index("deliveries that are undone (the next run reads them again)") :][
        1:3
    ] == ["  invoice_lines/2.csv", "  outages/2.csv"]
    gone = next(n for n, line in enumerate(said) if line.startswith("of these no longer below"))
    assert [line.split(" (SHA-256")[0] for line in said[gone + 1 :]] == ["  outages/2.csv"]
    assert unchanged(place.path) == before


@pytest.mark.parametrize(("answer", "code"), [("n", 1), ("y", 0)])
def test_on_a_terminal_it_asks(place: Place, answer: str, code: int) -> None:
    before = unchanged(place.path)
    ours, theirs = pty.openpty()
    os.write(ours, f"{answer}\n".encode())
    command = [str(MAKEGOOD), "rollback", "--warehouse", str(place.path)]
    done = subprocess.run(
        command, stdin=theirs, capture_output=True, text=True, timeout=120, check=False
    )
    os.close(ours)
    os.close(theirs)
    assert done.returncode == code, done.stderr
    assert "go back? [y/N]" in done.stdout
    assert (unchanged(place.path) == before) == (answer == "n")


@pytest.mark.long
def test_it_is_recorded_and_status_and_pages_say_so(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, wrong = place.names
    assert f"  run {first}, as of 2026-07-05T00:00:00Z" in describe(place.path).splitlines()
    done = place.back("--yes", "--to", first)
    assert done.returncode == 0, done.stderr
    record = place.warehouse.recorded()[-1]
    assert (record.status, record.rolled_back_from, record.rolled_back_to) == (
        "rolled back",
        wrong,
        first,
    )
    assert record.run_id == place.published.database.parent.name
    runs = place.published.query("select run_id, status from quality.runs order by run_number")
    assert [(r["run_id"], r["status"]) for r in runs] == [
        (first, "published"),
        (record.run_id, "rolled back"),
    ]
    said = describe(place.path)
    assert "the last run published nothing" not in said
    assert (
        f"from run {wrong}, as of {WRONG}, to run {first}, as of 2026-07-05T00:00:00Z: 13 "
        "statements are withdrawn"
    ) in said
    # there is no other state to go back to
    assert place.back("--yes").returncode == 1
    assert makegood("doctor", "--warehouse", place.path).returncode == 0
    assert operations.runs(place.path)[0].status == "rolled back"
    at = app(monkeypatch, place.path, "runs")
    assert [e.value for e in [*at.exception, *at.error]] == []
    assert "The last run restored an earlier publication." in words(at)


def test_alerts_are_those_of_what_is_published(place: Place) -> None:
    """What only the wrong run's figures told is over, and what they hid is told. A blocked run
    stays an alert: only a run can end it."""
    (place.path / "alerts.yaml").write_text("credit_over: {EUR: 99}\n")
    about = ("warning", "It is so.", "It means it.", "Do it.", "a")
    entries = [
        AlertRecord(alert=Alert(kind, subject, *about), since=datetime(2026, 7, 1, tzinfo=UTC))
        for kind, subject in (("low_coverage", "a month of 2027"), ("run_blocked", "the run"))
    ]
    (place.path / ALERTS).write_text(AlertStore(entries=entries).as_json())
    assert place.back("--yes").returncode == 0
    found = {e.alert.key for e in alert_store(place.path).open()}
    assert found == {("run_blocked", "the run"), ("credit_over_threshold", "s, 2026-06, EUR")}


@pytest.mark.long
def test_each_statement_names_the_run_that_issued_it(place: Place) -> None:
    """Two wrong runs as of one instant, and both are undone: what the second changed is its own."""
    lines = place.landing / "invoice_lines"
    (lines / "3.csv").write_text((lines / "2.csv").read_text().replace("800.00", "900.00"))
    second = place.run(WRONG).database.parent.name
    first, wrong, _ = place.names
    assert place.back("--yes", "--to", first).returncode == 0
    found = withdrawn(place.published)
    assert [w for w in found if w[0] == "2026-07"] == [
        ("2026-07", "EUR", 1, wrong),
        ("2026-07", "EUR", 2, second),
    ]
    assert {w[3] for w in found if w[0] != "2026-07"} == {wrong}


@pytest.mark.long
def test_what_cannot_be_gone_back_to_is_said(place: Place, tmp_path: Path) -> None:
    done = place.back("--yes", "--to", "00000009")
    assert done.returncode == 2
    assert "--to 00000009" in done.stderr
    assert f"  run {place.names[0]}, as of 2026-07-05T00:00:00Z" in done.stderr
    with place.warehouse.locked():
        busy = place.back("--yes")
    assert (busy.returncode, "another run is using" in busy.stderr) == (1, True)
    (place.path / "alerts.yaml").write_text("nonsense: 1\n")
    before = unchanged(place.path)
    refused = place.back("--yes")
    assert (refused.returncode, "alerts.yaml:1" in refused.stderr) == (2, True)
    assert unchanged(place.path) == before
    # nothing published, and only one publication
    (tmp_path / "empty").mkdir()
    none = makegood("rollback", "--warehouse", tmp_path / "empty", "--yes")
    assert (none.returncode, "nothing is published" in none.stderr) == (1, True)
    assert makegood("rollback", "--warehouse", tmp_path / "nowhere", "--yes").returncode == 2


def test_a_damaged_publication_is_no_way_back(place: Place) -> None:
    first = place.path / "publications" / place.names[0]
    database = first / DATABASE
    database.chmod(0o644)
    database.write_bytes(database.read_bytes()[:-4096])
    done = place.back("--yes")
    assert (done.returncode, "keeps no earlier publication" in done.stderr) == (1, True)


def test_what_another_has_published_meanwhile_is_not_undone(place: Place) -> None:
    planned = rollback.plan(place.path, None)
    assert place.back("--yes").returncode == 0
    database = place.published.database
    with pytest.raises(rollback.Overtaken, match="another run has published meanwhile"):
        rollback.roll_back(place.path, planned)
    assert place.published.database == database


def test_a_rollback_that_fails_leaves_what_is_published(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = place.published.database
    before = unchanged(database.parent)

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(rollback, "copy_state", full)
    with pytest.raises(OSError, match="No space left"):
        rollback.roll_back(place.path, rollback.plan(place.path, None))
    assert (place.published.database, unchanged(database.parent)) == (database, before)
    assert not list((place.path / "building").iterdir())
