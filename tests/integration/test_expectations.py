"""What no single row shows: each expectation of thresholds.yaml by a delivery that breaks it and
ones that don't."""

import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest

from makegood.expectations.protocol import HISTORY, VOLUME, ExpectationResult, Expected, Suite
from makegood.ingestion.contracts.tables import TABLES
from makegood.ingestion.landing import land, probes, profiles
from makegood.ingestion.landing.land import FeedSettings, Landed, feed_settings
from makegood.ingestion.strict_yaml import InvalidDocument
from makegood.orchestration.output.status import describe
from makegood.orchestration.pipeline import build, thresholds
from makegood.orchestration.pipeline import run as line
from makegood.orchestration.pipeline.run import Blocked
from makegood.orchestration.pipeline.validation import Validation, ValidationFailed, feed_suites
from makegood.orchestration.warehouse.store import Warehouse
from tests.conftest import Feeds, Published, Runner, csv_text, some_of, write_landing
from tests.integration.test_landing import AS_OF, world
from tests.support.expectations import InProcess, evaluated

START = datetime(2026, 6, 1, tzinfo=UTC)


class Deliveries:
    """Deliveries that land one by one, as runs land them, without the models."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.landing = folder / "landing"
        self.landed = Landed()
        self.history = pl.DataFrame(schema=profiles.PROFILES)
        self.runs = 0

    def copied(self, folder: Path) -> "Deliveries":
        copy = Deliveries(folder)
        for name in ("landing", "store"):
            shutil.copytree(self.folder / name, folder / name)
        copy.landed, copy.history, copy.runs = self.landed, self.history, self.runs
        return copy

    def deliver(self, feeds: Feeds, as_of: datetime) -> list[ExpectationResult]:
        """The results of the suite `history` for the next run, which brings these rows."""
        self.runs += 1
        work = self.folder / f"{self.runs}"
        work.mkdir(parents=True)
        for feed, rows in feeds.items():
            (self.landing / feed).mkdir(parents=True, exist_ok=True)
            (self.landing / feed / f"{self.runs}.csv").write_text(csv_text(feed, rows))
        settings: dict[str, FeedSettings] = feed_settings(self.landing)
        first = int(self.landed.deliveries["delivery_id"].max() or 0) + 1
        reading = land.read(
            self.landing, self.folder / "store", work, f"{self.runs:08d}", self.landed, settings
        )
        with duckdb.connect() as con:
            self.landed = probes.compact(
                con, self.folder / "store", work, f"{self.runs:08d}", reading.landed, 600
            )
        build.lay_out(
            work / "work.duckdb",
            self.folder / "store",
            self.landed,
            {name: [] for name in TABLES},
        )
        as_of_s = int(as_of.timestamp())
        with duckdb.connect(str(work / "work.duckdb"), read_only=True) as con:
            now = profiles.measured(con, first, self.runs, as_of_s)
        compared = profiles.compared(now, self.history, settings, as_of_s)
        self.history = pl.concat([self.history, now])
        suites = feed_suites(work / "work.duckdb", work, settings, compared)
        return evaluated([s for s in suites if s.suite == HISTORY])


DAYS = 5


@pytest.fixture(scope="module")
def usual(tmp_path_factory: pytest.TempPathFactory) -> Deliveries:
    """Days on which nothing is odd."""
    deliveries = Deliveries(tmp_path_factory.mktemp("usual"))
    for day in range(DAYS):
        found = deliveries.deliver(
            day_of(day) | (components() if day == 0 else {}), START + timedelta(days=day + 1)
        )
        assert failed(found) == set(), f"day {day}"
    return deliveries


@pytest.fixture
def deliveries(usual: Deliveries, tmp_path: Path) -> Deliveries:
    return usual.copied(tmp_path / "copy")


def stamp(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"


def day_of(day: int, count: int = 288, **more: Any) -> Feeds:
    """A day of checks of two components from two places every five minutes, lines, tickets and
    hours."""
    since = START + timedelta(days=day)
    probes = [
        {
            "component_id": c,
            "location": place,
            "checked_at": stamp(since + timedelta(seconds=300 * n)),
            "status": "up",
            "latency_ms": 40 + n % 7,
        }
        for n in range(count)
        for c in "cd"
        for place in "xy"
    ]
    severities = ["P2"] + ["P3"] * 119
    events = [
        {
            "event_id": f"{day}-{n}",
            "ticket_id": f"t{n}",
            "occurred_at": stamp(since),
            "event": "classified",
            "severity": s,
        }
        for n, s in enumerate(severities)
    ]
    lines = [
        {
            "line_id": f"{day}-{n}",
            "invoice_id": "i",
            "line_kind": "recurring",
            "period_start": "2026-06-01",
            "period_end": "2026-06-30",
            "amount": f"{1000 + n}.50",
            "currency": "EUR",
        }
        for n in range(120)
    ]
    hours = [
        {
            "entry_id": f"{day}-{n}",
            "subscription_id": "u",
            "ticket_id": "t",
            "worked_on": f"{since:%Y-%m-%d}",
            "minutes": 30 + n,
        }
        for n in range(25)
    ]
    return {
        "checks": probes,
        "ticket_events": events,
        "invoice_lines": lines,
        "support_hours": hours,
        **more,
    }


def components() -> Feeds:
    return {
        "components": [
            {"component_id": c, "service_id": "s", "region": "eu", "environment": "production"}
            for c in "cd"
        ]
    }


def failed(results: list[ExpectationResult]) -> set[tuple[str, str, str, str]]:
    return {(r.name, r.feed, r.subject, r.severity) for r in results if not r.success}


def change(feed: str, **values: Any) -> Callable[[Feeds], None]:
    """All rows of a feed with other values; a callable is given the old one."""

    def changed(feeds: Feeds) -> None:
        for row in feeds[feed]:
            row.update({k: v(row[k]) if callable(v) else v for k, v in values.items()})

    return changed


def only(feed: str, wanted: Callable[[dict[str, Any]], bool]) -> Callable[[Feeds], None]:
    def changed(feeds: Feeds) -> None:
        feeds[feed] = [row for row in feeds[feed] if wanted(row)]

    return changed


ODD = {
    "few_rows": (
        only("checks", lambda r: r["checked_at"].endswith(":00:00Z")),
        {("volume", "checks", "", "warn")},
    ),
    "many_rows": (
        lambda f: f.update(day_of(DAYS, 288 * 12) | {"ticket_events": f["ticket_events"]}),
        {("volume", "checks", "", "warn")},
    ),
    "a_silent_place": (
        only("checks", lambda r: r["location"] != "y" or r["checked_at"] < "2026-06-06T20:00:00Z"),
        {("silence", "checks", "c from y", "warn"), ("silence", "checks", "d from y", "warn")},
    ),
    "a_silent_component": (
        only(
            "checks", lambda r: r["component_id"] != "d" or r["checked_at"] < "2026-06-06T20:00:00Z"
        ),
        {("silence", "checks", "d from x", "warn"), ("silence", "checks", "d from y", "warn")},
    ),
    "a_day_again": (
        lambda f: f.update(checks=[*day_of(DAYS - 1)["checks"], *f["checks"][:4]]),
        {("repeats", "checks", "", "warn"), ("freshness", "x", "", "")},
    ),
    "lines_again": (
        lambda f: f.update(invoice_lines=day_of(DAYS - 1)["invoice_lines"][1:]),
        {("repeats", "invoice_lines", "", "warn")},
    ),
    "a_column_vanished": (
        change("support_hours", ticket_id=None),
        {("columns", "support_hours", "ticket_id", "warn")},
    ),
    "a_column_appeared": (
        change("support_hours", shoe_size="44"),
        {("columns", "support_hours", "shoe_size (unknown)", "warn")},
    ),
    "all_p1": (
        change("ticket_events", severity="P1"),
        {("severities", "ticket_events", "P1", "block")},
    ),
    "amounts_in_cents": (
        change("invoice_lines", amount=lambda v: v.replace(".", "")),
        {("amounts", "invoice_lines", "EUR recurring", "block")},
    ),
    "one_line_of_another_currency": (
        lambda f: f["invoice_lines"].append(
            {**f["invoice_lines"][0], "line_id": "one", "currency": "USD", "amount": "99999.00"}
        ),
        set(),
    ),
    "small_usage_lines": (
        lambda f: f["invoice_lines"].extend(
            {**row, "line_id": f"u{n}", "line_kind": "usage", "amount": "0.10"}
            for n, row in enumerate(f["invoice_lines"][:])
        ),
        set(),
    ),
    "a_key_a_row": (
        lambda f: [
            row.update({f"key {n}": "x"})
            for n, row in enumerate(f["support_hours"] + f["invoice_lines"])
        ],
        {
            ("columns", "invoice_lines", "over 100 (unknown)", "warn"),
            *((("columns", "support_hours", f"key {n} (unknown)", "warn")) for n in range(25)),
        },
    ),
    "deletions_alone": (
        lambda f: f.update(
            support_hours=[{"entry_id": f"1-{n}", "deleted": "true"} for n in range(25)]
        ),
        set(),
    ),
    "latency_times_1000": (
        change("checks", latency_ms=lambda v: v * 1000),
        {("latency", "checks", "", "warn")},
    ),
    "all_down": (change("checks", status="down"), {("down_share", "checks", "", "warn")}),
    "hours_in_seconds": (
        change("support_hours", minutes=lambda v: v * 60),
        {("minutes", "support_hours", "", "warn")},
    ),
}


@pytest.mark.parametrize("odd", some_of(ODD, "few_rows", "a_silent_place"))
def test_an_odd_delivery_is_seen_and_nothing_else(deliveries: Deliveries, odd: str) -> None:
    harm, expected = ODD[odd]
    feeds = day_of(DAYS)
    if odd == "a_column_appeared":
        for row in feeds["support_hours"]:
            row["shoe_size"] = ""
    harm(feeds)
    results = deliveries.deliver(feeds, START + timedelta(days=DAYS + 1))
    assert failed(results) == {e for e in expected if e[3]}
    for result in results:
        if not result.success:
            assert result.detail
            assert result.means
            assert result.action


def test_freshness_is_held_against_the_cadence_so_far_or_the_one_declared(
    deliveries: Deliveries,
) -> None:
    as_of = START + timedelta(days=DAYS)
    # nothing has come for two days, then for four
    assert ("freshness", "checks", "", "warn") not in failed(
        deliveries.deliver({}, as_of + timedelta(days=1))
    )
    late = as_of + timedelta(days=3)
    assert ("freshness", "checks", "", "warn") in failed(deliveries.deliver({}, late))
    (deliveries.landing / "feeds.yaml").write_text("checks: {cadence: 7d}\n")
    assert ("freshness", "checks", "", "warn") not in failed(deliveries.deliver({}, late))


def test_a_feed_may_set_bounds_and_severity_of_its_own(deliveries: Deliveries) -> None:
    (deliveries.landing / "feeds.yaml").write_text(
        "invoice_lines: {expectations: {amounts: {severity: warn}}}\nchecks: {expectations: "
        "{latency: {severity: off}, volume: {at_least: 0.9, severity: block}}}\n"
    )
    feeds = day_of(DAYS, 200)
    change("invoice_lines", amount=lambda v: v.replace(".", ""))(feeds)
    change("checks", latency_ms=1e9)(feeds)
    assert failed(deliveries.deliver(feeds, START + timedelta(days=DAYS + 1))) == {
        ("amounts", "invoice_lines", "EUR recurring", "warn"),
        ("volume", "checks", "", "block"),
    }


def test_an_unknown_expectation_is_refused_with_its_file(tmp_path: Path, publish: Runner) -> None:
    feeds = write_landing(tmp_path / "in", world())
    (feeds / "feeds.yaml").write_text("checks: {expectations: {volumes: {severity: warn}}}\n")
    with pytest.raises(
        InvalidDocument,
        match=(
            r"feeds.yaml: checks.expectations.volumes: there is no such expectation \(the nearest "
            r"is volume\); there are amounts, columns"
        ),
    ):
        publish(feeds, AS_OF)


def test_each_expectation_is_broken_by_some_delivery() -> None:
    seen = {name for _, expected in ODD.values() for name, *_, severity in expected if severity} | {
        "freshness"
    }
    assert {t.name for t in thresholds.thresholds()} == seen
    assert {t.severity for t in thresholds.thresholds()} == {"warn", "block"}


@pytest.mark.long
def test_a_wrong_delivery_blocks_is_shown_and_mended(
    publish: Runner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The line with Great Expectations: what blocks leaves what is published as it was, what warns
    is published and told."""
    monkeypatch.setattr(line, "Validation", InProcess)
    feeds = world() | {
        "invoices": [
            {
                "invoice_id": "i",
                "customer_id": "k",
                "status": "issued",
                "issued_on": "2026-07-01",
                "due_on": "2026-07-31",
            }
        ]
    }
    one = {
        "invoice_id": "i",
        "subscription_id": "u",
        "line_kind": "recurring",
        "period_start": "2026-06-01",
        "period_end": "2026-06-30",
        "currency": "EUR",
    }
    feeds["invoice_lines"] = [
        {**one, "line_id": f"a{n}", "amount": f"{10 + n}.00"} for n in range(25)
    ]
    folder = write_landing(tmp_path / "in", feeds)
    published = publish(folder, AS_OF)
    assert {
        r["name"]
        for r in published.query("select name from quality.check_results where suite = 'history'")
    } == {"repeats"}, "nothing is usual yet"
    assert published.query("select value from quality.feed_profiles where measure = 'amount'") == [
        {"value": 2200.0}
    ]

    (folder / "invoice_lines" / "second.csv").write_text(
        csv_text(
            "invoice_lines",
            [{**one, "line_id": f"b{n}", "amount": f"{1000 + n}.00"} for n in range(25)],
        )
    )
    (folder / "feeds.yaml").write_text(
        "invoice_lines: {expectations: {repeats: {at_most: -1, severity: block}}}\n"
    )
    # a row that is rejected shows what it holds, and is no HTML
    (folder / "tickets").mkdir()
    (folder / "tickets" / "t.csv").write_text(
        "ticket_id,subscription_id,ticket_type,environment,subject\n"
        + "x,u,incident,production,y\n" * 19
        + "x,u,<script>alert(1)</script>,production,y\n"
    )
    before = published.figures()
    odd = "0.0 % of the new rows of invoice_lines repeat earlier deliveries"
    with pytest.raises(Blocked, match=rf"invoice_lines: {odd}\. Nothing has to be repaired here"):
        publish(folder, AS_OF)
    assert published.figures() == before
    record = Warehouse(published.warehouse).recorded()[-1]
    docs = Path(str(record.data_docs)).parent
    assert odd in (docs / "index.html").read_text()
    assert "A delivery was probably sent twice" in (docs / "invoice_lines.html").read_text()
    page = (docs / "tickets.html").read_text()
    assert "&lt;script&gt;alert(1)" in page
    assert "<script" not in page
    for name in ("index", "invoice_lines", "checks", "tickets"):
        assert "http" not in (docs / f"{name}.html").read_text().replace(
            'http-equiv="Content-Security-Policy"', ""
        )

    (folder / "feeds.yaml").write_text("invoice_lines: {expectations: {repeats: {at_most: -1}}}\n")
    healed = publish(folder, AS_OF)
    assert sum(r["monthly_fee"] for r in healed.mart("credits")) == sum(
        10 + n for n in range(25)
    ) + sum(1000 + n for n in range(25))
    assert (healed.warehouse / "published" / "data_docs" / "index.html").exists()
    # what only warns is published, and told; that a run was blocked is over
    said = describe(healed.warehouse)
    assert "feed is unusual: invoice_lines: repeats" in said
    assert f"Happened: {odd}" in said
    assert "run blocked" not in said


@pytest.mark.long
def test_what_blocks_is_not_published(
    publish: Runner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every expectation that blocks, by one delivery of the fourth run."""
    monkeypatch.setattr(line, "Validation", InProcess)
    folder = write_landing(tmp_path / "in", world())

    def deliver(number: int, feeds: Feeds) -> None:
        for feed in ("invoice_lines", "ticket_events"):
            (folder / feed).mkdir(exist_ok=True)
            (folder / feed / f"{number}.csv").write_text(csv_text(feed, feeds[feed]))

    for number in range(3):
        deliver(number, day_of(number))
        published = publish(folder, AS_OF)
    before = published.query("select * from quality.runs")
    odd = day_of(3)
    for name in ("amounts_in_cents", "all_p1"):
        ODD[name][0](odd)
    deliver(3, odd)
    with pytest.raises(Blocked):
        publish(folder, AS_OF)
    reasons = Warehouse(published.warehouse).recorded()[-1].reasons
    said = [reason.split(". ")[0] for reason in reasons]
    assert said == [
        "ticket_events: 100 % of the new classifications are P1, where 0 % are usual",
        "invoice_lines: the median amount of EUR recurring lines is 100 times the usual one",
    ]
    assert len(said) == sum(t.severity == "block" for t in thresholds.thresholds())
    assert Published(published.warehouse).query("select * from quality.runs") == before


def suite(folder: Path, expect: str, column: str) -> Suite:
    """A suite of one expectation, which only warns, over a frame with a column `a`."""
    pl.DataFrame({"a": [1, 2]}).write_parquet(folder / "frame.parquet")
    expected = Expected("name", expect, {"column": column}, "warn", "says", "means", "action")
    return Suite(VOLUME, "checks", str(folder / "frame.parquet"), [expected])


def test_what_cannot_be_evaluated_blocks(tmp_path: Path) -> None:
    (met,) = evaluated([suite(tmp_path, "ExpectColumnValuesToNotBeNull", "a")])
    assert (met.success, met.severity, met.detail) == (True, "warn", "")
    (broken,) = evaluated([suite(tmp_path, "ExpectColumnValuesToNotBeNull", "b")])
    assert (broken.success, broken.severity) == (False, "block")
    assert '"b"' in broken.detail


@pytest.mark.long
def test_a_worker_takes_suites_as_they_come_and_says_why_it_fails(tmp_path: Path) -> None:
    validation = Validation()
    validation.start()
    try:
        met = suite(tmp_path, "ExpectColumnValuesToNotBeNull", "a")
        validation.begin([met])
        validation.begin([met, met])
        assert [r.success for r in validation.results()] == [True] * 3
        validation.begin([suite(tmp_path, "ExpectNothing", "a")])
        with pytest.raises(ValidationFailed, match=r"could not be evaluated: .*ExpectNothing"):
            validation.results()
    finally:
        validation.stop()
