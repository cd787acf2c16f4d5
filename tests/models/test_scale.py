"""Feeds to measure with, and feeds that are small and hard: what they are, and what runs make of
them, in counts instead of seconds."""

from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import duckdb
import polars as pl
import pytest

from benchmarks import shapes
from makegood.ingestion import sample_scale
from makegood.ingestion.sample_scale import SECONDS_BETWEEN, SERIES, Scale
from makegood.orchestration.pipeline import run as line
from tests.conftest import CONTRACTS, Published, Runner, light
from tests.support import few_series

DAY = 86_400
AFTER_DAY_75 = datetime(2026, 8, 16, tzinfo=UTC)
MODELS = Path(__file__).parents[2] / "dbt_project" / "models" / "intermediate"
# area by model
INTERMEDIATE = {path.stem: path.parent.name for path in sorted(MODELS.glob("*/int_*.sql"))}


@pytest.mark.long
def test_feeds_of_a_chosen_size_are_accepted_whole(publish: Runner, tmp_path: Path) -> None:
    scale = Scale(checks=SERIES * DAY // SECONDS_BETWEEN, tickets=50, invoice_lines=200)
    sample_scale.write(tmp_path / "landing", scale, seed=1)
    published = publish(tmp_path / "landing", scale.as_of)
    assert published.rejected() == []
    (landed,) = published.query("select rows_landed from state.deliveries where feed = 'checks'")
    # every series has a check every 75 seconds
    assert landed["rows_landed"] == scale.checks
    read = pl.read_parquet(tmp_path / "landing/checks/2026-06.parquet")
    assert read.select("component_id", "location").unique().height == SERIES
    assert published.query("select count(*) as n from marts.ticket_sla") == [{"n": 50}]
    lines = pl.read_parquet(tmp_path / "landing/invoice_lines/invoice_lines.parquet").height
    assert lines >= 200


def test_the_same_seed_writes_the_same_feeds(tmp_path: Path) -> None:
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        sample_scale.write(tmp_path / name, Scale(0, tickets=20, invoice_lines=20), seed)
    events = [
        pl.read_parquet(tmp_path / name / "ticket_events/ticket_events.parquet") for name in "abc"
    ]
    assert events[0].equals(events[1])
    assert not events[0].equals(events[2])


@pytest.mark.parametrize(
    ("shape", "subscriptions", "late"),
    [
        pytest.param("exclusions", 3, 0, marks=pytest.mark.long),
        pytest.param("amendments", 3, 0, marks=pytest.mark.long),
        ("late", 1, 3),
    ],
)
def test_hard_feeds_are_accepted_whole(
    publish: Runner, tmp_path: Path, shape: str, subscriptions: int, late: int
) -> None:
    shapes.write(tmp_path / shape, shape, 3)
    published = publish(tmp_path / shape / "landing", shapes.AS_OF, tmp_path / shape / "contracts")
    assert published.rejected() == []
    assert len(published.mart("subscriptions")) == subscriptions
    # each ticket is late, and the same event as a down record
    linked = published.query("select ticket_id from marts.credit_tickets where linked_by = 'time'")
    assert len(linked) == late


@pytest.mark.long
def test_states_are_worked_out_for_a_customer_only_while_its_exclusion_lasts(
    publish: Runner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Twice as many customers with an exclusion of their own: each adds what it sees of its region,
    and states of components only while its exclusion lasts."""
    counts = []
    for n in (2, 4):
        shapes.write(tmp_path / f"{n}", "exclusions", n)
        kept = tmp_path / f"kept{n}"
        monkeypatch.setattr(line, "Request", partial(line.Request, keep_work=kept))
        publish(
            tmp_path / f"{n}" / "landing",
            shapes.AS_OF,
            tmp_path / f"{n}" / "contracts",
            tmp_path / f"warehouse{n}",
        )
        monkeypatch.undo()
        with duckdb.connect(str(kept / "work.duckdb"), read_only=True) as con:
            ((states,),) = con.execute(
                "select count(*) from intermediate.int_component_states where customer_scope <> ''"
            ).fetchall()
        counts.append(states)
    # an hour of checks that alternate every minute, by twelve availability policies at most
    assert 0 < counts[0] <= 2 * 61 * 12
    assert counts[1] <= 2 * counts[0]


@pytest.mark.long
def test_a_late_day_lands_alone_and_touches_its_month_alone(
    publish: Runner, tmp_path: Path
) -> None:
    landing, late = tmp_path / "landing", tmp_path / "late.parquet"
    few_series.write(landing, (0, 12, 30, 75))
    few_series.file_of(landing, 12).rename(late)
    published = publish(landing, AFTER_DAY_75)
    before = files_of_checks(published)
    late.rename(few_series.file_of(landing, 12))
    published = publish(landing, AFTER_DAY_75)
    after = files_of_checks(published)
    assert {kind_and_month for kind_and_month, _ in after - before} == {
        ("checks", "2026-06"), ("spans", "2026-06"), ("intervals", "2026-06"),
    }  # fmt: skip
    # what the month had landed before stays as it is
    assert {kind_and_month for kind_and_month, _ in before - after} == {
        ("spans", "2026-06"), ("intervals", "2026-06"),
    }  # fmt: skip
    (new,) = [path for (kind, _), path in after - before if kind == "checks"]
    landed = pl.scan_parquet(published.warehouse / "landed" / new).select(pl.len()).collect().item()
    assert landed == few_series.CHECKS_A_DAY

    # and nothing new: nothing is read, nothing written
    deliveries = published.query("select * from state.deliveries order by delivery_id")
    published = publish(landing, AFTER_DAY_75)
    assert published.query("select * from state.deliveries order by delivery_id") == deliveries
    assert files_of_checks(published) == after
    assert published.query("select rows_read from quality.runs order by run_number") == [
        {"rows_read": sum(row["rows_read"] for row in deliveries) - few_series.CHECKS_A_DAY},
        {"rows_read": few_series.CHECKS_A_DAY},
        {"rows_read": 0},
    ]


def files_of_checks(published: Published) -> set[tuple[tuple[str, str], str]]:
    """((kind, month), path below `landed`) of what checks have landed as."""
    rows = published.query("select kind, month, path from state.files where feed = 'checks'")
    return {((row["kind"], row["month"]), row["path"]) for row in rows}


@pytest.mark.long
def test_spans_are_as_many_as_states_change(publish: Runner, tmp_path: Path) -> None:
    """By month and series: a span begins where the state changes, or after a gap longer than a
    check holds."""
    few_series.write(tmp_path / "landing", (0, 1, 30))
    published = publish(tmp_path / "landing", AFTER_DAY_75)
    checks = pl.read_parquet(tmp_path / "landing/checks/*.parquet").sort("checked_at")
    at, status = pl.col("checked_at"), pl.col("status")
    series = ("component_id", "location", at.dt.month())
    begins = (status != status.shift()) | (at.diff().dt.total_seconds() > 600)
    wanted = checks.select(begins.fill_null(True).over(series).sum()).item()
    paths = [path for (kind, _), path in files_of_checks(published) if kind == "spans"]
    spans = pl.read_parquet([published.warehouse / "landed" / path for path in paths]).height
    assert spans == wanted
    assert spans * 100 < checks.height


@pytest.mark.long
def test_models_grow_with_their_feeds_and_no_product_of_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Twice the days of checks, tickets and invoice lines: no model has four times the rows. Those
    of availability read spans, so that they are far smaller than the checks; those of tickets have
    a few rows an event."""
    light(monkeypatch)
    counts = []
    for n in (1, 2):
        folder = tmp_path / str(n)
        few_series.write(folder / "landing", range(n), 100 * n, 150 * n)
        request = line.Request(
            folder / "landing", folder / "warehouse", CONTRACTS, AFTER_DAY_75,
            keep_work=folder / "kept",
        )  # fmt: skip
        with line.opened(request) as run:
            line.steps(run)
        with duckdb.connect(str(folder / "kept" / "work.duckdb"), read_only=True) as con:
            counts.append(
                {
                    model: con.execute(f"select count(*) from intermediate.{model}").fetchall()[0][
                        0
                    ]
                    for model in INTERMEDIATE
                }
            )
            ((events,),) = con.execute("select count(*) from staging.stg_ticket_events").fetchall()
    once, twice = counts
    grown = {model: (once[model], rows) for model, rows in twice.items() if rows > 200}
    assert len(grown) > 10
    assert {m: c for m, c in grown.items() if c[1] > 3 * c[0]} == {}
    checks = 2 * few_series.CHECKS_A_DAY
    of_availability = {m: twice[m] for m, area in INTERMEDIATE.items() if area == "availability"}
    assert {m: rows for m, rows in of_availability.items() if rows * 50 > checks} == {}
    of_tickets = {m: twice[m] for m, area in INTERMEDIATE.items() if area == "tickets"}
    assert {m: rows for m, rows in of_tickets.items() if rows > 3 * events} == {}
