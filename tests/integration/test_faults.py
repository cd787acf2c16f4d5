"""What goes wrong around a run: it is killed, what is kept is damaged, the disk is full, two run at
once. A few of each kind; `python -m tests.support.faults` tries many."""

import re
import shutil
import sys
from datetime import date
from pathlib import Path
from random import Random

import pytest

from makegood.orchestration.output.explain import NotFound, explain
from makegood.orchestration.output.status import describe
from makegood.orchestration.pipeline.run import Blocked
from makegood.orchestration.warehouse import doctor
from makegood.orchestration.warehouse.store import Damaged, Warehouse
from tests.conftest import Published, Runner
from tests.support import faults
from tests.support.faults import Ground

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="faults are made as Linux makes them"),
    # dozens of whole runs; tests/e2e/test_command.py has a run that is killed
    pytest.mark.long,
]


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Ground:
    return faults.prepare(tmp_path_factory.mktemp("ground"))


@pytest.mark.parametrize("seed", [1, 74])
def test_killed_runs_leave_what_is_published_whole_and_the_next_succeeds(
    ground: Ground, tmp_path: Path, seed: int
) -> None:
    hits, _ = faults.kill(ground, tmp_path / "w", Random(seed))
    assert hits == 1
    assert "run failed: killed" in describe(tmp_path / "w")


def test_a_run_killed_as_it_publishes_has_published_or_has_not(
    ground: Ground, tmp_path: Path
) -> None:
    """Around the one change that counts: the state is moved, the publication is, the link is made
    and replaced, what counts is marked."""
    warehouse = tmp_path / "w"
    for moment in faults.PUBLISHING:
        faults.copied(ground.base, warehouse)
        assert faults.run(ground.landing, warehouse, kill_before=moment).code < 0, moment
        assert faults.digests(warehouse) == (
            ground.after if moment == "linked" else ground.before
        ), moment
    faults.put_right(ground, warehouse, "a kill after the link was replaced")
    assert not re.search(r"run \S+: killed|run failed: killed", describe(warehouse)), (
        "it had published"
    )


@pytest.mark.parametrize(
    ("how", "seed"),
    # the link: once gone, once leading nowhere
    [
        (faults.spoil_landed, 3),
        (faults.spoil_link, 1),
        (faults.spoil_link, 2),
        (faults.spoil_last_publication, 3),
        (faults.spoil_notes, 3),
    ],
)
def test_what_is_damaged_is_mended_by_the_next_run(
    ground: Ground, tmp_path: Path, how: object, seed: int
) -> None:
    faults.spoil(ground, tmp_path / "w", how, Random(seed))
    said = describe(tmp_path / "w")
    assert ("state damaged: the warehouse" in said) == (how is not faults.spoil_notes), (
        "someone is told"
    )


def test_a_full_disk_fails_the_run_and_nothing_else(ground: Ground, tmp_path: Path) -> None:
    done = faults.fill(ground, tmp_path / "w", 300_000)
    assert done.code == 1
    assert re.search(
        r"makegood: failed: what is published stays as it was\n.*(File too large|No space|write)",
        done.said,
        re.S,
    ), done.said


def test_of_two_runs_at_once_one_says_that_the_other_is_at_work(
    ground: Ground, tmp_path: Path
) -> None:
    assert faults.at_once(ground, tmp_path / "w") in ([0, 1], [0, 0])
    with Warehouse(tmp_path / "w").locked():
        done = faults.run(ground.landing, tmp_path / "w")
    assert (done.code, "another run is using" in done.said) == (1, True)


def test_without_deliveries_damage_is_told_and_not_guessed_at(
    ground: Ground, tmp_path: Path, publish: Runner
) -> None:
    warehouse = faults.copied(ground.base, tmp_path / "w")
    landing = Path(shutil.copytree(ground.landing, tmp_path / "in"))
    path = min((warehouse / "landed" / "outages").glob("*.parquet"))
    faults.cut(path, Random(1))
    for file in (landing / "outages").glob("*.csv"):
        file.unlink()
    marts = faults.digests(warehouse)
    with pytest.raises(RuntimeError, match=r"outages/rows.csv \(SHA-256 [0-9a-f]{64}\)"):
        publish(landing, faults.AS_OF, warehouse=warehouse)
    assert faults.digests(warehouse) == marts
    # the deliveries are put back, under another name
    (landing / "outages" / "again").mkdir()
    for file in (ground.landing / "outages").glob("[br]*.csv"):
        shutil.copy(file, landing / "outages" / "again")
    publish(landing, faults.AS_OF, warehouse=warehouse)


def test_doctor_finds_and_repairs(ground: Ground, tmp_path: Path) -> None:
    warehouse = faults.copied(ground.base, tmp_path / "w")
    assert doctor.examine(warehouse) == []
    landed = min((warehouse / "landed" / "outages").glob("*.parquet"))
    faults.flip(landed, Random(1))
    faults.spoil_notes(warehouse, Random(1))
    faults.spoil_link(warehouse, Random(1))
    found = "\n".join(f.what for f in doctor.examine(warehouse))
    for what in (
        "published leads nowhere",
        "runs/",
        "building/stray was left",
        "landed/stray.parquet was left",
    ):
        assert what in found, found
    before = landed.read_bytes()
    done = "\n".join(doctor.repair(warehouse, ground.landing))
    assert "outages" in done
    assert before != landed.read_bytes()
    assert doctor.examine(warehouse) == []
    assert faults.digests(warehouse) == ground.before
    assert doctor.repair(warehouse, ground.landing) == []


def test_what_reads_a_damaged_database_says_so(ground: Ground, tmp_path: Path) -> None:
    warehouse = faults.copied(ground.base, tmp_path / "w")
    faults.cut(warehouse / "published" / "makegood.duckdb", Random(1))
    assert "what is published is damaged: run again" in describe(warehouse)
    with pytest.raises(NotFound, match="is damaged: run again"):
        explain(warehouse, "u", date(2026, 6, 1))


def test_a_damaged_file_needs_only_the_deliveries_of_its_feed(
    ground: Ground, tmp_path: Path, publish: Runner
) -> None:
    warehouse = faults.copied(ground.base, tmp_path / "w")
    landing = Path(shutil.copytree(ground.landing, tmp_path / "in"))
    shutil.rmtree(landing / "tickets")
    landed = min((warehouse / "landed" / "outages").glob("*.parquet"))
    whole = landed.read_bytes()
    faults.cut(landed, Random(1))
    publish(landing, faults.AS_OF, warehouse=warehouse)
    assert landed.read_bytes() == whole


def test_doctor_sees_what_a_reader_would_stumble_over(ground: Ground, tmp_path: Path) -> None:
    warehouse = faults.copied(ground.base, tmp_path / "w")
    faults.flip(next((warehouse / "published" / "parquet").glob("credits.parquet")), Random(1))
    faults.gone(next((warehouse / "state").glob("*/runs.parquet")), Random(1))
    found = [f.what for f in doctor.examine(warehouse)]
    assert any(w.endswith("credits.parquet is not what was published") for w in found), found


def all_files(folder: Path) -> dict[Path, bytes]:
    return {
        p: p.read_bytes()
        for p in folder.rglob("*")
        if p.is_file() and p.name not in ("lock", "alerts.json", "published")
    }


@pytest.mark.parametrize("which", ["publications", "everything but publications"])
def test_a_warehouse_whose_last_state_is_lost_is_refused_and_left_alone(
    ground: Ground, tmp_path: Path, publish: Runner, which: str
) -> None:
    """Building on the publication before would forget what has landed, and what was stated, since
    (C7)."""
    warehouse = faults.copied(ground.base, tmp_path / "w")
    if which == "publications":
        last = (warehouse / "published").resolve().name
        faults.cut(warehouse / "publications" / last / "makegood.duckdb", Random(1))
        faults.gone(warehouse / "state" / last / "deliveries.parquet", Random(1))
    else:
        # nothing says any more which publication was the last
        (warehouse / "published").unlink()
        shutil.rmtree(warehouse / "state")
        for mark in (warehouse / "publications").glob("*/published"):
            mark.unlink()
    before = all_files(warehouse)
    for _ in range(2):
        with pytest.raises(Damaged, match="restore a backup"):
            publish(ground.landing, faults.AS_OF, warehouse=warehouse)
    assert all_files(warehouse) == before
    assert "damaged" in describe(warehouse) or "nothing is published" in describe(warehouse)


def test_a_backup_is_a_copy_and_so_is_its_restoration(ground: Ground, tmp_path: Path) -> None:
    """The commands that docs/operations.md gives."""
    text = (Path(__file__).parents[2] / "docs" / "operations.md").read_text()
    back_up, restore = (re.search(rf"^({word} .*)$", text, re.M)[1] for word in ("flock", "cp"))
    warehouse = faults.copied(ground.base, tmp_path / "warehouse")
    for command in (back_up, restore):
        shutil.rmtree(warehouse) if command is restore else None
        assert faults.subprocess.run(command, shell=True, cwd=tmp_path, check=False).returncode == 0
    assert doctor.examine(warehouse) == []
    faults.put_right(ground, warehouse, "a restored backup")


def test_a_blocked_run_says_nothing_of_damage_it_did_not_find(
    ground: Ground, tmp_path: Path, publish: Runner
) -> None:
    """A damaged file that is not the block's reason is repaired all the same, or the next run finds
    it again."""
    warehouse = faults.copied(ground.base, tmp_path / "w")
    landing = Path(shutil.copytree(ground.landing, tmp_path / "in"))
    (landing / "outages" / "c.csv").write_text("nothing\n")
    landed = min((warehouse / "landed" / "outages").glob("*.parquet"))
    whole = landed.read_bytes()
    faults.cut(landed, Random(1))
    with pytest.raises(Blocked, match=r"c\.csv is rejected whole"):
        publish(landing, faults.AS_OF, warehouse=warehouse)
    assert landed.read_bytes() == whole
    assert Published(warehouse).mart("availability")
