"""Landing over several runs: what is new, upserts, deletions, waiting, what blocks, and what a
blocked run leaves (interfaces)."""

import gzip
import random
import shutil
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from makegood.ingestion.strict_yaml import InvalidDocument
from makegood.orchestration.pipeline.run import BadArguments, Blocked
from makegood.orchestration.warehouse.store import Warehouse
from tests.conftest import Feeds, Published, Runner, csv_text, write_landing

AS_OF = "2026-07-10T00:00:00Z"


def world() -> Feeds:
    """A service that is down for half an hour, and rows of each feed."""
    return {
        "services": [
            {"service_id": "s", "name": "S", "contract_id": "trueengage", "lifecycle": "ga"}
        ],
        "components": [
            {"component_id": "c", "service_id": "s", "region": "eu", "environment": "production"}
        ],
        "outages": [
            {
                "outage_id": "up",
                "component_id": "c",
                "state": "up",
                "started_at": "2026-06-01T00:00:00Z",
            },
            {
                "outage_id": "o",
                "component_id": "c",
                "state": "down",
                "started_at": "2026-06-10T00:00:00Z",
                "ended_at": "2026-06-10T00:30:00Z",
            },
        ],
        "customers": [{"customer_id": "k", "name": "K"}],
        "subscriptions": [
            {
                "subscription_id": "u",
                "customer_id": "k",
                "service_id": "s",
                "region": "eu",
                "support_plan": "premium",
                "kind": "paid",
                "status": "active",
                "valid_from": "2026-06-01",
            }
        ],
    }


def down(published: Published) -> int:
    return sum(r["downtime_seconds"] for r in published.mart("availability"))


def deliver(folder: Path, name: str, feed: str, rows: list[dict[str, Any]]) -> None:
    (folder / feed).mkdir(parents=True, exist_ok=True)
    (folder / feed / name).write_text(csv_text(feed, rows))


def outage(minutes: int, **more: Any) -> dict[str, Any]:
    return {
        "outage_id": "o",
        "component_id": "c",
        "state": "down",
        "started_at": "2026-06-10T00:00:00Z",
        "ended_at": f"2026-06-10T00:{minutes}:00Z",
        **more,
    }


@pytest.mark.long
def test_a_later_delivery_replaces_deletes_and_brings_back(publish: Runner, tmp_path: Path) -> None:
    landing = write_landing(tmp_path / "in", world())
    assert down(publish(landing, AS_OF)) == 1800
    deliver(landing, "z1.csv", "outages", [outage(45)])
    assert down(publish(landing, AS_OF)) == 2700
    deliver(landing, "z2.csv", "outages", [outage(50, started_at="2026-06-10T01:00:00Z")])
    bad = pytest.raises(Blocked, match=r"outages: 1 of 1 rows are rejected")
    with bad:
        publish(landing, AS_OF)
    (landing / "outages/z2.csv").unlink()
    assert down(publish(landing, AS_OF)) == 2700, (
        "a bad later delivery leaves the earlier row in force"
    )
    (landing / "outages" / "z3.csv").write_text("outage_id,deleted\no,true\n")
    assert down(publish(landing, AS_OF)) == 0
    deliver(landing, "z4.csv", "outages", [outage(20)])
    assert down(publish(landing, AS_OF)) == 1200


def test_within_a_run_the_later_path_and_then_the_later_row_wins(
    publish: Runner, tmp_path: Path
) -> None:
    landing = write_landing(tmp_path / "in", world())
    (landing / "outages" / "rows.csv").unlink()
    first = world()["outages"][0]
    # by code point, capitals come before small letters
    deliver(landing, "b.csv", "outages", [first, outage(20), outage(40)])
    deliver(landing, "Z.csv", "outages", [outage(50)])
    assert down(publish(landing, AS_OF)) == 2400


@pytest.mark.long
def test_content_is_known_whatever_its_name(publish: Runner, tmp_path: Path) -> None:
    landing = write_landing(tmp_path / "in", world())
    publish(landing, AS_OF)
    deliver(landing, "z1.csv", "outages", [outage(45)])
    publish(landing, AS_OF)
    # the first content again, under a later name, is nothing new
    shutil.copy(landing / "outages/rows.csv", landing / "outages/z9.csv")
    published = publish(landing, AS_OF)
    assert down(published) == 2700
    assert published.query("select files_read from quality.runs order by run_number") == [
        {"files_read": 5},
        {"files_read": 1},
        {"files_read": 0},
    ]
    assert [
        w["warning"]
        for w in published.query("select warning from quality.warnings where about = 'landing'")
        if "z9" in w["warning"]
    ] == [
        (
            "outages/z9.csv is not read: it holds what was delivered as outages/rows.csv, and "
            "changes nothing"
        )
    ]


@pytest.mark.long
def test_a_path_that_returns_to_earlier_content_is_a_new_delivery(
    publish: Runner, tmp_path: Path
) -> None:
    landing = write_landing(tmp_path / "in", world())
    deliver(landing, "z.csv", "outages", [outage(45)])
    assert down(publish(landing, AS_OF)) == 2700
    deliver(landing, "z.csv", "outages", [outage(20)])
    assert down(publish(landing, AS_OF)) == 1200
    deliver(landing, "z.csv", "outages", [outage(45)])
    assert down(publish(landing, AS_OF)) == 2700
    published = publish(landing, AS_OF)
    paths = published.query(
        "select delivery_id, path from state.deliveries where path = 'outages/z.csv' order by 1"
    )
    assert len(paths) == 3, "the same content as last time changes nothing"


@pytest.mark.long
def test_a_moved_file_changes_nothing_and_is_warned_of(publish: Runner, tmp_path: Path) -> None:
    landing = write_landing(tmp_path / "in", world())
    deliver(landing, "a.csv", "outages", [outage(45)])
    publish(landing, AS_OF)
    # another path takes the name over, and what was there moves: it must not replace the newer rows
    (landing / "outages" / "a.csv").rename(landing / "outages" / "moved.csv")
    deliver(landing, "a.csv", "outages", [outage(20)])
    published = publish(landing, AS_OF)
    assert down(published) == 1200
    said = [
        w["warning"]
        for w in published.query("select warning from quality.warnings where about = 'landing'")
    ]
    assert [w for w in said if "moved" in w] == [
        (
            "outages/moved.csv is not read: it holds what was delivered as outages/a.csv, and "
            "changes nothing"
        )
    ]
    (landing / "outages" / "a.csv").unlink()
    said = [
        w["warning"]
        for w in publish(landing, AS_OF).query(
            "select warning from quality.warnings where about = 'landing'"
        )
    ]
    assert [w for w in said if "moved" in w] == [
        (
            "outages/moved.csv is not read: it holds what was delivered as outages/a.csv, and "
            "changes nothing"
        )
    ]


@pytest.mark.long
def test_waiting_rows_come_in_by_themselves(publish: Runner, tmp_path: Path) -> None:
    feeds = world()
    service, component = feeds["services"], feeds["components"]
    feeds["services"] = []
    landing = write_landing(tmp_path / "in", feeds)
    published = publish(landing, AS_OF)
    assert published.mart("availability") == []
    waiting = {(r["feed"], r["status"], r["column_name"]) for r in published.rejected()}
    assert waiting == {
        ("components", "waiting", "service_id"),
        ("outages", "waiting", "component_id"),
        ("subscriptions", "waiting", "service_id"),
    }, "waiting spreads to what refers to what waits"
    deliver(landing, "later.csv", "services", service)
    published = publish(landing, AS_OF)
    assert (down(published), published.rejected()) == (1800, [])
    # and wait again once what they refer to is gone
    (landing / "components" / "z.csv").write_text("component_id,deleted\nc,true\n")
    assert {r["feed"] for r in publish(landing, AS_OF).rejected()} == {"outages"}
    deliver(landing, "zz.csv", "components", [component[0] | {"redundancy_group": "g"}])
    assert down(publish(landing, AS_OF)) == 1800


def test_waiting_checks_are_listed_with_file_and_line(publish: Runner, tmp_path: Path) -> None:
    feeds = world()
    feeds["checks"] = [
        {
            "component_id": c,
            "location": "l",
            "checked_at": f"2026-06-0{n}T00:00:00Z",
            "status": "up",
            "latency_ms": 1,
        }
        for n, c in ((3, "c"), (2, "ghost"), (1, "ghost"))
    ]
    published = publish(write_landing(tmp_path / "in", feeds), AS_OF)
    assert [(r["file"], r["line"], r["status"]) for r in published.rejected()] == [
        ("checks/rows.csv", 3, "waiting"),
        ("checks/rows.csv", 4, "waiting"),
    ]


def five_percent(tmp_path: Path, bad: int, good: int) -> Path:
    feeds = world()
    check = {"component_id": "c", "location": "l", "status": "up"}
    feeds["checks"] = [
        {**check, "checked_at": f"2026-06-01T00:00:{n:02d}Z"} for n in range(good)
    ] + [{**check, "checked_at": "soon"}] * bad
    return write_landing(tmp_path / "in", feeds)


def test_five_percent_are_published_and_listed(publish: Runner, tmp_path: Path) -> None:
    published = publish(five_percent(tmp_path, 1, 19), AS_OF)
    assert [
        (r["feed"], r["file"], r["line"], r["status"], r["rule"], r["column_name"])
        for r in published.rejected()
    ] == [("checks", "checks/rows.csv", 21, "rejected", "type", "checked_at")]
    assert "soon" in published.rejected()[0]["raw"]


def test_more_than_five_percent_blocks_and_lands_nothing(publish: Runner, tmp_path: Path) -> None:
    landing = five_percent(tmp_path, 1, 18)
    with pytest.raises(Blocked, match="checks: 1 of 19 rows are rejected, more than 5 %"):
        publish(landing, AS_OF)
    warehouse = Warehouse(tmp_path / "warehouse")
    assert warehouse.current() is None
    assert warehouse.recorded()[-1].status == "blocked"
    assert "soon" in Path(str(warehouse.recorded()[-1].rejected_rows)).read_text()
    with pytest.raises(Blocked):
        publish(landing, AS_OF)
    # the limit of the feed is raised: the same file is read again and lands
    (landing / "feeds.yaml").write_text("checks: {max_rejected_pct: 6}\n")
    published = publish(landing, AS_OF)
    assert len(published.rejected()) == 1
    assert down(published) == 1800


def test_a_blocked_run_leaves_what_is_published(publish: Runner, tmp_path: Path) -> None:
    landing = write_landing(tmp_path / "in", world())
    before = publish(landing, AS_OF)
    (landing / "checks").mkdir()
    (landing / "checks" / "broken.csv.gz").write_bytes(
        gzip.compress(b"component_id,location\n" * 50)[:-5]
    )
    deliver(landing, "z1.csv", "outages", [outage(45)])
    with pytest.raises(Blocked, match=r"checks/broken.csv.gz is rejected whole"):
        publish(landing, "2026-07-11T00:00:00Z")
    assert Published(before.warehouse).database == before.database
    assert down(before) == 1800
    warehouse = Warehouse(before.warehouse)
    named = set(warehouse.last().landed().files["path"])
    there = {str(p.relative_to(warehouse.landed)) for p in warehouse.landed.rglob("*.parquet")}
    assert there == named, "nothing is left over, and nothing is missing"
    (landing / "checks" / "broken.csv.gz").unlink()
    assert down(publish(landing, AS_OF)) == 2700, (
        "the good file of the blocked run was not delivered, and is read now"
    )


@pytest.mark.parametrize(
    "missing", ["services", "components", "customers", "subscriptions", "outages"]
)
def test_feeds_that_a_run_needs(publish: Runner, tmp_path: Path, missing: str) -> None:
    landing = write_landing(tmp_path / "in", world())
    shutil.rmtree(landing / missing)
    with pytest.raises(Blocked, match=f"nothing has been delivered of .*{missing}"):
        publish(landing, AS_OF)


@pytest.mark.long
def test_as_of_may_not_go_back(publish: Runner, tmp_path: Path) -> None:
    """T3."""
    landing = write_landing(tmp_path / "in", world())
    publish(landing, AS_OF)
    with pytest.raises(BadArguments, match="is before 2026-07-10"):
        publish(landing, "2026-07-09T23:59:59Z")
    publish(landing, AS_OF)


def test_nothing_after_as_of_exists_and_counts_later(publish: Runner, tmp_path: Path) -> None:
    """T3: an end after as_of is cut to it."""
    landing = write_landing(tmp_path / "in", world())
    early = publish(landing, "2026-06-10T00:20:00Z")
    assert (down(early), early.mart("downtime")[0]["is_open"]) == (1200, True)
    assert down(publish(landing, AS_OF)) == 1800


def test_settings_of_feeds_are_strict(publish: Runner, tmp_path: Path) -> None:
    landing = write_landing(tmp_path / "in", world())
    for text, said in (
        ("tickets: {timezone: UTC}\n", r"feeds.yaml:1: tickets.timezone: unknown key"),
        (
            "\nticketz: {}\n",
            r"ticketz is not a feed \(the nearest is tickets\); the feeds are checks",
        ),
        (
            "tickets: {time_zone: Nowhere}\n",
            "'Nowhere' is not a time zone: write the region, as in Europe/Amsterdam",
        ),
        (
            "tickets: {time_zone: Europe/Amsterdm}\n",
            "'Europe/Amsterdm' is not a time zone: write Europe/Amsterdam, the nearest",
        ),
        (
            "tickets: {time_zone: EST}\n",
            (
                "feeds.yaml:1: tickets.time_zone: 'EST' is an abbreviation, not a time zone: "
                "write the region, as in America/New_York"
            ),
        ),
    ):
        (landing / "feeds.yaml").write_text(text)
        with pytest.raises(InvalidDocument, match=said):
            publish(landing, AS_OF)


def test_unknown_files_are_said_and_not_read(publish: Runner, tmp_path: Path) -> None:
    landing = write_landing(tmp_path / "in", world())
    (landing / "outages" / "notes.txt").write_text("?")
    (landing / "weather").mkdir()
    (landing / "weather" / "a.csv").write_text("x\n")
    warnings = [
        w["warning"] for w in publish(landing, AS_OF).query("select warning from quality.warnings")
    ]
    assert any(w.startswith("outages/notes.txt is not read: its suffix") for w in warnings)
    assert any(w.startswith("weather/a.csv is not read: weather is not a feed") for w in warnings)
    assert any(w.startswith("tickets: nothing has been delivered") for w in warnings)


@pytest.mark.long
def test_a_finer_contract_rebuilds_spans(publish: Runner, tmp_path: Path) -> None:
    """Spans bridge gaps that no contract calls unknown; one that does makes them be built anew
    (M1)."""
    from tests.conftest import contract

    feeds = world()
    feeds["services"][0]["contract_id"] = "k"
    feeds["outages"] = []
    feeds["checks"] = [
        {
            "component_id": "c",
            "location": "l",
            "checked_at": f"2026-06-01T00:{n}:00Z",
            "status": "up",
        }
        for n in (10, 20, 30)
    ]
    landing = write_landing(tmp_path / "in", feeds)
    coarse = publish(landing, AS_OF, {"k": contract("k", monitoring={"stale_after_s": 600})})
    assert coarse.mart("availability")[0]["unknown_seconds"] == 2_592_000 - 1800
    fine = publish(landing, AS_OF, {"k": contract("k", monitoring={"stale_after_s": 60})})
    assert fine.mart("availability")[0]["unknown_seconds"] == 2_592_000 - 180


def sample(seed: int) -> Feeds:
    """Checks and records in some disorder, over two months."""
    chance = random.Random(seed)
    feeds = world()
    feeds["components"] += [
        {"component_id": "d", "service_id": "s", "region": "us", "environment": "production"}
    ]
    feeds["checks"] = [
        {
            "component_id": chance.choice("cd"),
            "location": chance.choice("xyz"),
            "checked_at": f"2026-{chance.choice(['06-30T23', '07-01T00'])}"
            f":{chance.randrange(60):02d}:{chance.randrange(60):02d}Z",
            "status": chance.choice(["up", "up", "down", "degraded", "unknown"]),
            "latency_ms": chance.choice([None, "1.5"]),
        }
        for _ in range(400)
    ]
    feeds["outages"] += [
        {
            **outage(chance.randrange(31, 60)),
            "outage_id": f"r{n}",
            "component_id": "d",
            "started_at": f"2026-06-10T00:{chance.randrange(10, 31)}:00Z",
        }
        for n in range(30)
    ]
    return feeds


def test_order_split_format_duplicates_and_reruns_change_nothing(
    publish: Runner, tmp_path: Path
) -> None:
    seed = 1
    feeds = sample(seed)
    expected = publish(
        write_landing(tmp_path / "one", feeds), AS_OF, warehouse=tmp_path / "w1"
    ).figures()
    assert expected["downtime"], "there is something to compare"
    # every feed shuffled, in three files of three formats and two runs, with rows that come twice
    chance = random.Random(seed)
    landing = tmp_path / "many"
    for run in range(2):
        for feed, rows in feeds.items():
            mixed = rows + chance.sample(rows, len(rows) // 3)
            chance.shuffle(mixed)
            half = mixed[: len(mixed) // 2] if run == 0 and feed in ("checks", "outages") else mixed
            folder = landing / feed / f"run{run}"
            folder.mkdir(parents=True, exist_ok=True)
            third = max(1, len(half) // 3)
            (folder / "a.csv").write_text(csv_text(feed, half[:third]))
            frame = pl.DataFrame(half[third : 2 * third] or half[:1], infer_schema_length=None)
            frame.select(c for c in frame.columns if frame[c].dtype != pl.Null).write_parquet(
                folder / "b.parquet"
            )
            (folder / "c.csv.gz").write_bytes(
                gzip.compress(csv_text(feed, half[2 * third :] or half[:1]).encode())
            )
        publish(landing, AS_OF, warehouse=tmp_path / "w2")
    again = publish(landing, AS_OF, warehouse=tmp_path / "w2")
    assert again.figures() == expected


@pytest.mark.long
def test_more_downtime_never_raises_availability(publish: Runner, tmp_path: Path) -> None:
    feeds = sample(3)
    before = {
        (r["region"], r["period_start"]): r
        for r in publish(feeds, AS_OF, warehouse=tmp_path / "w1").mart("availability")
    }
    for n, component in enumerate("cd"):
        feeds["outages"].append(
            {
                "outage_id": f"more{n}",
                "component_id": component,
                "state": "down",
                "started_at": "2026-06-30T23:10:00Z",
                "ended_at": "2026-07-01T00:45:00Z",
            }
        )
    after = publish(feeds, AS_OF, warehouse=tmp_path / "w2").mart("availability")
    assert len(after) == len(before) > 0
    assert all(
        r["downtime_seconds"] >= before[r["region"], r["period_start"]]["downtime_seconds"]
        for r in after
    )
    assert any(
        r["downtime_seconds"] > before[r["region"], r["period_start"]]["downtime_seconds"]
        for r in after
    )
