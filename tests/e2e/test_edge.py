"""Small inputs that went wrong, each with the figure that is right and the words that tell of
it."""

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Published, Runner

Edge = Callable[[str], Published]


@pytest.fixture
def edge(shared: Path, publish: Runner) -> Edge:
    """Publishes one of them."""

    def run(name: str) -> Published:
        folder = shared / "edge" / name
        if not folder.is_dir():
            pytest.skip(f"{folder} is not there: it holds inputs that are not part of the project")
        return publish(
            folder / "landing", (folder / "as_of.txt").read_text().strip(), folder / "contracts"
        )

    return run


def found(published: Published) -> dict[tuple[str, str | None], tuple[str, str | None, int]]:
    rows = published.query("select kind, key, severity, nearest, rows from quality.findings")
    return {(r["kind"], r["key"]): (r["severity"], r["nearest"], r["rows"]) for r in rows}


def credit(published: Published, subscription_id: str, month: str) -> dict[str, Any]:
    (row,) = published.query(
        f"select * from marts.credits where subscription_id = '{subscription_id}' and month = "
        f"'{month}'"
    )
    return row


def test_events_in_one_second(edge: Edge) -> None:
    tickets = {t["ticket_id"]: t for t in edge("events_in_one_second").mart("ticket_sla")}
    for name in "AB":
        assert (tickets[name]["resolution_elapsed_s"], tickets[name]["resolution_outcome"]) == (
            49 * 3600,
            "missed",
        ), name
    assert (tickets["C"]["severity"], tickets["C"]["resolution_target_s"]) == ("P1", 3600), (
        "9999 comes before 10000"
    )


@pytest.mark.long
def test_ids_without_zeros(edge: Edge) -> None:
    published = edge("ids_without_zeros")
    findings = found(published)
    assert findings["unknown_reference", "123"][:2] in {("warning", "00123"), ("notice", "00123")}
    tickets = published.query(
        "select * from quality.findings where kind = 'unknown_reference' and feed = 'tickets'"
    )
    assert [(t["severity"], t["rows"], t["nearest"]) for t in tickets] == [
        ("warning", 200, "00123")
    ]
    assert "100 %" in tickets[0]["seen"]
    assert findings["waits_for_a_waiting_row", None] == ("notice", None, 600)
    reasons = {r["reason"] for r in published.rejected() if r["feed"] == "ticket_events"}
    assert all(
        "was delivered in tickets, where its row itself waits" in reason for reason in reasons
    )
    assert credit(published, "00123", "2026-06-01")["is_incomplete"]


def test_misnamed_columns(edge: Edge) -> None:
    findings = found(edge("misnamed_columns"))
    assert findings["misnamed_column", "ended_at"] == ("warning", "ended_at", 1)
    assert findings["misnamed_column", "due_on"] == ("warning", "due_on", 1)
    assert {key for kind, key in findings if kind == "open_record"} == {"O1", "O2"}


@pytest.mark.long
def test_placeholder_dates(edge: Edge) -> None:
    published = edge("placeholder_dates")
    (june,) = published.query(
        "select downtime_seconds, is_incomplete from marts.availability where period_start = "
        "'2026-06-01'"
    )
    assert june == {"downtime_seconds": 18_000, "is_incomplete": True}
    rejected = [
        (r["feed"], r["line"], r["column_name"])
        for r in published.rejected()
        if r["status"] == "rejected"
    ]
    assert {feed for feed, _, _ in rejected} == {"invoices", "outages", "exclusions"}
    assert all("empty" in r["reason"] for r in published.rejected() if r["rule"] == "placeholder")
    for customer in "1235":
        gaps = published.query(
            "select feed from marts.evidence_gaps where figure = 'credits' and subscription_id = "
            f"'U{customer}' and period_start = '2026-06-01'"
        )
        assert {"feed": "invoices"} in gaps, customer
        assert credit(published, f"U{customer}", "2026-06-01")["is_incomplete"]


@pytest.mark.long
def test_thousands_points(edge: Edge) -> None:
    published = edge("thousands_points")
    assert found(published)["thousands_points", "EUR"] == ("warning", None, 4)
    assert credit(published, "U1", "2026-06-01")["monthly_fee"] == Decimal("18.5"), (
        "the figure is by the rules"
    )


@pytest.mark.long
def test_invoice_line_traps(edge: Edge) -> None:
    published = edge("invoice_line_traps")
    findings = found(published)
    assert {key for kind, key in findings if kind == "overlap_of_a_day"} == {"S1", "S2"}
    assert ("positive_credit", "R2") in findings
    assert ("refund_as_credit", "P2") in findings
    assert credit(published, "USTR", "2023-06-01")["monthly_fee"] == Decimal("967.74")
    assert credit(published, "UUPG", "2023-06-01")["monthly_fee"] == Decimal(250)


def test_forgotten_end(edge: Edge) -> None:
    published = edge("forgotten_end")
    assert found(published) == {("open_record", "O1"): ("warning", None, 1)}
    months = published.query(
        "select availability_pct from marts.availability where period_start >= '2026-03-01'"
    )
    assert {m["availability_pct"] for m in months if m["availability_pct"] is not None} >= {
        Decimal(0)
    }, "M3 holds: an open record counts"


@pytest.mark.long
def test_overflowing_sum(edge: Edge) -> None:
    published = edge("overflowing_sum")
    assert credit(published, "U9", "2026-06-01")["monthly_fee"] == 600
    named = [(r["line"], r["rule"]) for r in published.rejected()]
    assert named == [(2, "sum"), (3, "sum")]
    assert {key for kind, key in found(published) if kind == "amounts_too_large"} == {"LH1", "LH2"}
    assert credit(published, "UH", "2026-06-01")["is_incomplete"]


def test_merged_tickets(edge: Edge) -> None:
    findings = found(edge("merged_tickets"))
    assert findings["received_twice_and_late", "T2"] == ("warning", None, 1)


@pytest.mark.long
def test_first_delivery_in_cents(edge: Edge) -> None:
    published = edge("first_delivery_in_cents")
    assert found(published)["amounts_without_cents", "USD"] == ("warning", None, 120)
    reasons = {r["reason"] for r in published.rejected() if r["rule"] == "E3"}
    assert any("USD" in reason for reason in reasons)
    assert any("CNY" in reason for reason in reasons)


@pytest.mark.long
def test_rejected_resolved(edge: Edge) -> None:
    published = edge("rejected_resolved")
    (ticket,) = published.query(
        "select is_incomplete, incomplete_rows, resolution_outcome from marts.ticket_sla where "
        "is_incomplete"
    )
    assert ticket == {"is_incomplete": True, "incomplete_rows": 1, "resolution_outcome": "missed"}
    row = credit(published, "b", "2015-11-01")
    assert (row["payable_amount"], row["is_incomplete"], row["incomplete_rows"]) == (250, True, 1)
    (gap,) = published.query(
        "select file, line, sentence from marts.evidence_gaps where figure = 'credits'"
    )
    assert gap == {
        "file": "ticket_events/a.csv",
        "line": 28,
        "sentence": "an event of a ticket was rejected",
    }


@pytest.mark.long
def test_many_targets(edge: Edge) -> None:
    assert edge("many_targets").query("select count(*) as n from marts.contracts") == [{"n": 1}]
