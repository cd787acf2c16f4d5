"""What `make bench` compares Makegood with: other ways to the same figures, and its own tables."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from xml.etree import ElementTree

import polars as pl
import pytest

from benchmarks import compare, deliveries, plot, scale
from benchmarks.competitors import pandas_, polars_, polars_tickets, textbook, textbook_tickets
from benchmarks.measure import Cost, Costs
from makegood.ingestion import sample_scale
from makegood.ingestion.sample_scale import Scale
from tests.conftest import Runner
from tests.support import few_series

START = datetime(2026, 6, 1, tzinfo=UTC)


@pytest.mark.long
def test_competitors_answer_availability_as_the_mart_does(publish: Runner, tmp_path: Path) -> None:
    """Over month ends and gaps, with records that beat checks, maintenance announced or not, and
    trunks that are down together."""
    landing, as_of = tmp_path / "landing", START + timedelta(days=31, hours=5)
    few_series.write(landing, (0, 12, 29, 30))
    at_night = 12 * 24
    records = [
        # maintenance lasts from 02:00, or a minute or two later, for an hour
        ("chat-00-web", "down", at_night + 1.5, at_night + 3.5),
        ("chat-01-web", "down", at_night + 1.9, at_night + 2.2),
        ("voice-00-trunk-a", "down", at_night + 1, at_night + 4),
        ("voice-00-trunk-b", "down", at_night + 2.5, at_night + 5),
        # over the end of June; one of a pair alone; a false alarm; one that is still open
        ("chat-00-web", "down", 30 * 24 - 0.2, 30 * 24 + 0.2),
        ("chat-00-api-a", "down", 10, 12),
        ("chat-01-api-a", "down", 40, 50),
        ("chat-01-api-b", "up", 0, 24),
        ("chat-00-web", "degraded", 2, 6),
        ("voice-01-trunk-a", "down", 30 * 24, None),
        ("voice-01-trunk-b", "down", 31 * 24, None),
    ]
    outages = [
        {"outage_id": f"own{n}", "component_id": component, "state": state,
         "started_at": START + timedelta(hours=since),
         "ended_at": until and START + timedelta(hours=until)}
        for n, (component, state, since, until) in enumerate(records)
    ]  # fmt: skip
    add(landing, "outages", outages)
    window = {"service_id": "chat", "starts_at": START + timedelta(hours=at_night + 3.2),
              "ends_at": START + timedelta(hours=at_night + 4)}  # fmt: skip
    unannounced = {"exclusion_id": "own0", "kind": "scheduled_maintenance", **window}
    listed = {"exclusion_id": "own1", "kind": "third_party", **window, "service_id": None,
              "starts_at": START + timedelta(hours=at_night + 4.5), "ends_at": None}  # fmt: skip
    # which Connect & Engage doesn't list
    of_one = {"exclusion_id": "own2", "kind": "microsoft_azure", **window, "service_id": None,
              "starts_at": START + timedelta(hours=30 * 24), "region": "voice-01",
              "ends_at": as_of}  # fmt: skip
    add(landing, "exclusions", [unannounced, listed, of_one])

    published = publish(landing, as_of)
    assert published.rejected() == []
    expected = compare.published(compare.AVAILABILITY, published.warehouse)
    assert {(contract, start) for contract, _, _, start in expected} == {
        ("trueengage", date(2026, 6, 1)), ("trueengage", date(2026, 7, 1)),
        ("connect_engage", date(2026, 4, 1)), ("connect_engage", date(2026, 7, 1)),
    }  # fmt: skip
    # each rule has something to do
    for service in ("chat", "voice"):
        rows = [row for key, row in expected.items() if key[1] == service]
        assert any(0 < row["downtime_seconds"] < row["unavailable_seconds"] for row in rows)
        assert any(row["unknown_seconds"] > 0 for row in rows)
    assert any(row["excluded_seconds"] > 0 for row in expected.values())
    for competitor in (textbook, polars_, pandas_):
        target = tmp_path / f"{competitor.__name__}.parquet"
        competitor.answer(landing, as_of, target)
        answer = compare.answered(compare.AVAILABILITY, target)
        assert compare.differences(answer, expected) == [], competitor.__name__


def add(landing: Path, feed: str, rows: list[dict[str, object]]) -> None:
    """Adds rows to the file of a feed, whose columns they have or leave empty."""
    path = landing / feed / f"{feed}.parquet"
    frame = pl.read_parquet(path)
    pl.concat([frame, pl.DataFrame(rows, schema=frame.schema)]).write_parquet(path)


@pytest.mark.long
def test_competitors_answer_the_clocks_of_tickets_as_the_mart_does(
    publish: Runner, tmp_path: Path
) -> None:
    landing = tmp_path / "landing"
    sample_scale.write(landing, Scale(0, tickets=400, invoice_lines=200), seed=1)
    # as of a pause of a ticket whose target is of working days
    events = pl.read_parquet(landing / "ticket_events" / "ticket_events.parquet")
    chats = pl.read_parquet(landing / "tickets" / "tickets.parquet").join(
        pl.read_parquet(landing / "subscriptions" / "subscriptions.parquet").filter(
            pl.col("service_id") == "chat"
        ),
        on="subscription_id",
    )
    slow = events.filter(pl.col("severity") == "P3").join(chats, on="ticket_id")["ticket_id"]
    paused = events.filter(pl.col("event") == "paused", pl.col("ticket_id") == slow[-5])
    as_of = paused["occurred_at"].item() + timedelta(seconds=30)
    published = publish(landing, as_of)
    expected = compare.published(compare.TICKETS, published.warehouse)
    assert expected[slow[-5],]["outcome"] == "pending"
    assert {row["outcome"] for row in expected.values()} == {"met", "missed", "pending", None}
    for competitor in (textbook_tickets, polars_tickets):
        target = tmp_path / f"{competitor.__name__}.parquet"
        competitor.answer(landing, as_of, target)
        answer = compare.answered(compare.TICKETS, target)
        assert compare.differences(answer, expected) == [], competitor.__name__


def test_figures_that_differ_are_named_and_stop_the_benchmark() -> None:
    expected: compare.Figures = {("a",): {"id": "a", "s": 5}, ("b",): {"id": "b", "s": 6}}
    answer: compare.Figures = {("a",): {"id": "a", "s": 7}, ("c",): {"id": "c", "s": None}}
    assert compare.differences(answer, expected) == [
        "a: s is 7, 5 in the mart", "b: is missing", "c: is not in the mart",
    ]  # fmt: skip
    with pytest.raises(SystemExit, match="Polars differs from the mart:\na: s is 7, 5 in the mart"):
        compare.require_equal(answer, expected, "Polars")
    compare.require_equal(expected, expected, "Polars")


def test_no_cost_of_a_competitor_is_taken_before_its_figures_are_those_of_the_mart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    figures: compare.Figures = {("a",): {"id": "a", "s": 5}}
    others: compare.Figures = {("a",): {"id": "a", "s": 6}}
    answers = iter([figures, others])
    monkeypatch.setattr(scale, "cost", lambda *words: Cost(1, 1, 1))
    monkeypatch.setattr(compare, "published", lambda question, warehouse: figures)
    monkeypatch.setattr(compare, "answered", lambda question, target: next(answers))
    taken = scale.measured(
        scale.BENCHMARKS["tickets"], 10, tmp_path / "landing", tmp_path / "new", []
    )
    works: list[str] = []

    def take() -> None:
        for work, _ in taken:
            works.append(work)

    with pytest.raises(SystemExit, match="Polars differs from the mart:\na: s is 6, 5 in the mart"):
        take()
    assert works == ["events, grouped", "first run", "run with nothing new", "textbook SQL"]


def test_a_day_that_is_held_back_is_delivered_whole(tmp_path: Path) -> None:
    few_series.write(tmp_path, (0, 1, 30))
    read = tmp_path / "checks" / "*.parquet"
    before = pl.read_parquet(read)
    held = deliveries.hold_back(tmp_path, date(2026, 6, 2))
    assert held.height == few_series.CHECKS_A_DAY
    assert pl.read_parquet(read).height == before.height - held.height
    with pytest.raises(ValueError, match="there is no check of 2026-06-02"):
        deliveries.hold_back(tmp_path, date(2026, 6, 2))
    deliveries.deliver(tmp_path, "late", held)
    key = ("checked_at", "component_id", "location")
    assert pl.read_parquet(read).sort(key).equals(before.sort(key))


def test_costs_become_a_table_of_medians_ratios_and_growth_and_a_plot() -> None:
    costs = Costs()
    for size, work, cpu in (
        (10, "floor", 1.0), (10, "floor", 9.0), (10, "floor", 2.0), (10, "a < b", 4.0),
        (1000, "floor", 3.0), (1000, "a < b", 40.0), (1000, "only here", 1.0),
    ):  # fmt: skip
        costs.add(size, work, Cost(cpu, cpu, 100))
    assert costs.table("rows").splitlines() == [
        "| rows | work | processor s | ratio | wall s | peak MB |",
        "|---|---|---|---|---|---|",
        "| 10 | floor | 2.0 | 1.0 | 2.0 | 100 |",
        "| 10 | a < b | 4.0 | 2.0 | 4.0 | 100 |",
        "| 1,000 | floor | 3.0 | 1.0 | 3.0 | 100 |",
        "| 1,000 | a < b | 40.0 | 13.3 | 40.0 | 100 |",
        "| 1,000 | only here | 1.0 | 0.3 | 1.0 | 100 |",
        "",
        "Growth of processor time, as a power of the size:",
        "",
        "- floor: 0.09",
        "- a < b: 0.50",
    ]
    drawn = ElementTree.fromstring(plot.bars(costs, "rows", ("a < b",)))
    svg = "{http://www.w3.org/2000/svg}"
    bars = drawn.findall(f"{svg}rect")[1:]
    # a scale of its own for each size: its longest bar is the widest
    widths = [float(bar.attrib["width"]) for bar in bars]
    assert widths[1] == widths[3] == 2 * widths[0]
    assert {bar.attrib["fill"] for bar in (bars[1], bars[3])} == {plot.OWN}
    assert "a < b" in [text.text for text in drawn.findall(f"{svg}text")]
