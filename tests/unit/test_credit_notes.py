"""Which lines of batches still wait for an invoice, by their ids or amounts; which credits need
approval; and lines of batches that are lost."""

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from makegood.dashboards.figures.credit_notes import (
    Batch,
    Line,
    Proposal,
    Waiting,
    doubts,
    not_kept,
    waiting,
)
from makegood.orchestration.output.credit_notes import Asked, accruing_words, reasons

NOW = datetime(2026, 7, 5, tzinfo=UTC)


def line(place: int, amount: str, *issued_lines: str, is_closed: bool = False) -> Line:
    return Line(
        line_id=f"CN-{place}",
        subscription_id="s",
        customer_id="c",
        customer_name="C",
        contract_id="k",
        period_kind="month",
        month=date(2026, 6, 1),
        last_day=date(2026, 6, 30),
        currency="EUR",
        amount=Decimal(amount),
        due=Decimal(amount),
        issued=Decimal(),
        in_batches=Decimal(),
        statement_version=1,
        evidence="sufficient",
        issued_lines=list(issued_lines),
        is_closed=is_closed,
    )


def batch_of(number: int, lines: list[Line]) -> Batch:
    return Batch(
        number=number,
        month=date(2026, 6, 1),
        made_at=NOW,
        run_id="r",
        as_of=NOW,
        limits={},
        lines=lines,
    )


@pytest.mark.parametrize(
    ("held", "issued", "left"),
    [
        # neither is there
        ([line(1, "10"), line(2, "5")], {}, ["CN-1", "CN-2"]),
        # by its id, whatever billing made of the amount
        ([line(1, "10"), line(2, "5")], {"CN-1": "9"}, ["CN-2"]),
        # by its amount under an id of billing's own
        ([line(1, "10"), line(2, "5")], {"x": "5"}, ["CN-1"]),
        # one line of billing is one line of a batch
        ([line(1, "10"), line(2, "10")], {"x": "10"}, ["CN-2"]),
        ([line(1, "10"), line(2, "10")], {"x": "10", "y": "10"}, []),
        # an id comes before an amount
        ([line(1, "10"), line(2, "10")], {"CN-2": "10"}, ["CN-1"]),
        # what had been issued before the batch was made is not what it asked for
        ([line(1, "10", "old")], {"old": "10"}, ["CN-1"]),
        ([line(1, "10", "old")], {"old": "10", "x": "10"}, []),
        # one that is closed waits for nothing, and takes no line of another
        ([line(1, "10", is_closed=True)], {}, []),
        ([line(1, "10", is_closed=True), line(2, "10")], {"x": "10"}, []),
        ([line(1, "10", is_closed=True), line(2, "10")], {"CN-1": "10"}, ["CN-2"]),
        # another amount is another credit
        ([line(1, "10")], {"x": "9.99"}, ["CN-1"]),
    ],
)
def test_a_line_waits_until_an_invoice_has_it(
    held: list[Line], issued: dict[str, str], left: list[str]
) -> None:
    batch = batch_of(1, held)
    found = waiting(
        [Waiting(batch, of) for of in held], {i: Decimal(amount) for i, amount in issued.items()}
    )
    assert [one.line.line_id for one in found] == left


@pytest.mark.parametrize(
    ("ids", "number"),
    [
        ([], None),
        (["CN-000001-0001", "CN-000002-0009", "l7"], None),
        (["CN-000003-0001"], 3),
        (["CN-000010-0001", "CN-000009-0001"], 10),
        # a millionth batch has seven digits
        (["CN-1000000-0001"], 1_000_000),
        # ids of billing's own
        (["CN-000003", "CN-3-1", "XCN-000003-0001", "CN-000003-0001-2"], None),
    ],
)
def test_a_line_of_a_later_batch_shows_that_one_is_lost(ids: list[str], number: int | None) -> None:
    found = not_kept(ids, [batch_of(1, []), batch_of(2, [])])
    assert [sentence.split(" is missing")[0] for sentence in found] == (
        [f"batch {number}"] if number else []
    )


@pytest.mark.parametrize(
    ("limit", "is_above"), [("249.99", True), ("250", False), ("149", True), ("1000", False)]
)
def test_a_limit_is_for_the_whole_credit(limit: str, is_above: bool) -> None:
    """Also what is issued, or in batches, already."""
    rest = line(1, "150").model_copy(
        update={"due": Decimal(250), "issued": Decimal(60), "in_batches": Decimal(40)}
    )
    june = date(2026, 6, 1)
    asked = Asked(Path(), june, {"EUR": Decimal(limit), "JPY": Decimal(0)})
    assert bool(reasons(asked, rest)) == is_above
    assert reasons(Asked(Path(), june, {"JPY": Decimal(0)}), rest) == []


@pytest.mark.parametrize(
    ("row", "found"),
    [
        ({}, []),
        # support alone
        ({"availability_pct": None, "low_coverage": True}, []),
        ({"low_coverage": True}, ["evidence: thin"]),
        ({"coverage_pct": Decimal(0), "downtime_seconds": 0}, ["evidence: no data"]),
        (
            {"is_incomplete": True, "incomplete_rows": 2},
            ["evidence: sufficient; incomplete: 2 rows were not used"],
        ),
        (
            {"availability_pct": None, "is_incomplete": True, "incomplete_rows": 1},
            ["evidence: incomplete: 1 row was not used"],
        ),
    ],
)
def test_a_credit_without_its_data_needs_approval(row: dict[str, Any], found: list[str]) -> None:
    whole = {
        "availability_pct": Decimal("99.5"),
        "coverage_pct": Decimal(100),
        "min_coverage_pct": "99",
        "downtime_seconds": 3600,
        "low_coverage": False,
        "status": "final",
        "is_incomplete": False,
        "incomplete_rows": 0,
    }
    assert doubts(whole | row) == found


def test_credits_that_still_accrue_are_counted_in_english() -> None:
    said = [accruing_words(Proposal(date(2026, 6, 1), [], [], [], True, n)) for n in (1, 12)]
    assert said == ["1 credit is still accruing", "12 credits are still accruing"]
