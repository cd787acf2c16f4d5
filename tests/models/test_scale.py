"""Feeds to measure with, and feeds that are small and hard: what they are, and what runs make of
them, in counts instead of seconds."""

from functools import partial
from pathlib import Path

import duckdb
import polars as pl
import pytest

from benchmarks import shapes
from makegood.ingestion import sample_scale
from makegood.ingestion.sample_scale import SECONDS_BETWEEN, SERIES, Scale
from makegood.orchestration.pipeline import run as line
from tests.conftest import Runner

DAY = 86_400


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
    ("shape", "subscriptions", "late"), [("exclusions", 3, 0), ("amendments", 3, 0), ("late", 1, 3)]
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
