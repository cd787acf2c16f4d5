"""Which lines of batches still wait for an invoice: by their ids, or by their amounts."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from makegood.dashboards.figures.credit_notes import Batch, Line, Waiting, waiting

NOW = datetime(2026, 7, 5, tzinfo=UTC)


def line(place: int, amount: str, *issued_lines: str) -> Line:
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
        # another amount is another credit
        ([line(1, "10")], {"x": "9.99"}, ["CN-1"]),
    ],
)
def test_a_line_waits_until_an_invoice_has_it(
    held: list[Line], issued: dict[str, str], left: list[str]
) -> None:
    batch = Batch(
        number=1,
        month=date(2026, 6, 1),
        made_at=NOW,
        run_id="r",
        as_of=NOW,
        limits={},
        lines=held,
    )
    found = waiting(
        [Waiting(batch, of) for of in held], {i: Decimal(amount) for i, amount in issued.items()}
    )
    assert [one.line.line_id for one in found] == left
