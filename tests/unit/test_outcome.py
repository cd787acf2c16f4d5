"""What comes out of a period, in two sentences and five lines, by hand (A4-A6, C1-C5)."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from makegood.dashboards.proof.outcome import Outcome

# June has 2,592,000 seconds: 0.1 % are 2,592
STEP = {
    "covered_seconds": 2_592_000,
    "total_seconds": 2_592_000,
    "base_seconds": 2_592_000,
    "excluded_seconds": 0,
    "downtime_seconds": 2_593,
    "availability_pct": Decimal("99.899961"),
    "commitment_pct": Decimal("99.9"),
    "is_below_commitment": True,
    "availability_tier_below_pct": Decimal("99.9"),
    "is_tier_inclusive": False,
    "credit_form": "tiers",
    "availability_credit_pct": Decimal(10),
    "incidents": 0,
    "missed": 0,
    "missed_pct": None,
    "is_triggered": False,
    "average_delay_pct": None,
    "resolution_tier_up_to_pct": None,
    "resolution_credit_pct": Decimal(0),
    "is_shared": False,
    "combined_pct": Decimal(10),
    "cap_pct": Decimal(25),
    "credit_pct": Decimal(10),
}
CREDIT = {
    "currency": "EUR",
    "monthly_fee": Decimal("1000.00"),
    "share_amount": Decimal("100.00"),
    "credit_amount": Decimal("100.00"),
    "credit_pct": Decimal(10),
    "reasons": "",
    "status": "final",
    "exposure": "claimable",
    "claim_status": "claimable",
    "claim_deadline": date(2026, 7, 30),
    "requested_on": None,
    "coverage_pct": Decimal(100),
    "min_coverage_pct": "99.0",
    "low_coverage": False,
    "downtime_seconds": 2_593,
    "availability_pct": Decimal("99.899961"),
}
TERMS = {
    "resolution_credit.max_missed_pct": "10",
    "clauses.A4": "TE §8",
    "clauses.C1": "TE §9.1",
    "clauses.R1": "TE §9.2",
    "clauses.C4": "TE §9.3",
}
MET = {
    "availability_pct": Decimal("99.9"),
    "downtime_seconds": 2_592,
    "is_below_commitment": False,
    "availability_tier_below_pct": None,
    "availability_credit_pct": Decimal(0),
    "combined_pct": Decimal(0),
    "credit_pct": Decimal(0),
}
NOTHING = {"credit_amount": Decimal(0), "credit_pct": Decimal(0), "exposure": "none"}
SO_FAR = {"status": "provisional", "claim_status": "accruing"}


def outcome(step: dict[str, Any], *credits: dict[str, Any], terms: Any = None) -> Outcome:
    rows = [CREDIT | credit for credit in credits or ({},)]
    of = {k: {"value": v, "document": "sla"} for k, v in (terms or TERMS).items()}
    return Outcome("June 2026", "month", 30, STEP | step, rows, of)


KEPT = "The commitment for June 2026, an availability of 99.9 %, "
SENTENCES: list[tuple[str, dict[str, Any], list[dict[str, Any]], str, str]] = [
    (
        "met",
        MET,
        [NOTHING],
        f"{KEPT}was met: 99.90 %, with 43 min 12 s of downtime.",
        "No credit is owed, and there is nothing to do.",
    ),
    (
        "missed by a second, and claimable",
        {},
        [{}],
        # two decimals would read as met
        f"{KEPT}was missed: 99.89996 %, with 43 min 13 s of downtime.",
        "100.00 EUR is owed: request it by 2026-07-30, or it is waived.",
    ),
    (
        "requested",
        {},
        [{"exposure": "payable", "claim_status": "requested", "requested_on": date(2026, 7, 2)}],
        f"{KEPT}was missed: 99.89996 %, with 43 min 13 s of downtime.",
        "100.00 EUR is owed; it was requested in time, on 2026-07-02: there is nothing more to do.",
    ),
    (
        "without a request",
        {},
        [{"exposure": "payable", "claim_status": "automatic", "claim_deadline": None}],
        f"{KEPT}was missed: 99.89996 %, with 43 min 13 s of downtime.",
        "100.00 EUR is owed, and no request is needed: there is nothing to do.",
    ),
    (
        "not requested",
        {},
        [{"exposure": "lapsed", "claim_status": "waived"}],
        f"{KEPT}was missed: 99.89996 %, with 43 min 13 s of downtime.",
        "A credit of 100.00 EUR is waived: nobody requested it by 2026-07-30.",
    ),
    (
        "requested too late",
        {},
        [{"exposure": "lapsed", "claim_status": "late", "requested_on": date(2026, 7, 31)}],
        f"{KEPT}was missed: 99.89996 %, with 43 min 13 s of downtime.",
        "A credit of 100.00 EUR is waived: it was requested on 2026-07-31, after the last day, "
        "2026-07-30.",
    ),
    (
        "overdue",
        {},
        [{"exposure": "not_eligible", "reasons": "overdue"}],
        f"{KEPT}was missed: 99.89996 %, with 43 min 13 s of downtime.",
        "A credit of 100.00 EUR was calculated, but it is not payable, because an invoice was "
        "overdue; it can be requested until 2026-07-30, on a day without overdue invoices.",
    ),
    (
        "in two currencies, one of which is owed nothing",
        {},
        [{"currency": "EUR"} | NOTHING, {"currency": "USD"}],
        f"{KEPT}was missed: 99.89996 %, with 43 min 13 s of downtime.",
        "100.00 USD is owed: request it by 2026-07-30, or it is waived.",
    ),
    (
        "still in progress",
        {},
        [SO_FAR | {"exposure": "at_stake"}],
        f"{KEPT}is missed so far: 99.89996 %, with 43 min 13 s of downtime.",
        "So far 100.00 EUR would be owed, and it has to be requested by 2026-07-30; "
        "June 2026 is still in progress.",
    ),
    (
        "met so far",
        MET,
        [SO_FAR | NOTHING],
        f"{KEPT}is met so far: 99.90 %, with 43 min 12 s of downtime.",
        "So far no credit is owed; June 2026 is still in progress.",
    ),
    (
        "on thin evidence",
        MET | {"availability_pct": Decimal(100), "downtime_seconds": 0},
        [NOTHING | {"low_coverage": True, "coverage_pct": Decimal(63)}],
        f"{KEPT}was met, on thin evidence: 100.00 %, with no downtime.",
        "No credit is owed, and there is nothing to do.",
    ),
    (
        "unseen",
        MET | {"availability_pct": Decimal(100), "downtime_seconds": 0},
        [NOTHING | {"low_coverage": True, "coverage_pct": None, "downtime_seconds": 0}],
        f"{KEPT}can't be judged: there is no monitoring data.",
        "No credit is owed as far as anyone can tell: there is no monitoring data.",
    ),
    (
        "all excluded",
        MET | {"availability_pct": None, "downtime_seconds": 0},
        [NOTHING],
        f"{KEPT}counts as met: all of the time is excluded.",
        "No credit is owed, and there is nothing to do.",
    ),
    (
        "a trial",
        {"covered_seconds": 0, "availability_pct": None},
        [NOTHING | {"reasons": "not_paid"}],
        "No commitment applied to this subscription in June 2026, because the subscription is a "
        "trial or an evaluation.",
        "No credit is owed, because the subscription is a trial or an evaluation, and there is "
        "nothing to do.",
    ),
    (
        "incidents resolved late",
        MET
        | {"incidents": 3, "missed": 2, "missed_pct": Decimal("66.666667"), "is_triggered": True},
        [{}],
        f"{KEPT}was met: 99.90 %, with 43 min 12 s of downtime; 2 of 3 incidents missed the "
        "resolution target, more than the 10 % allowed.",
        "100.00 EUR is owed: request it by 2026-07-30, or it is waived.",
    ),
]


@pytest.mark.parametrize(
    ("step", "credits", "kept", "owed"), [s[1:] for s in SENTENCES], ids=[s[0] for s in SENTENCES]
)
def test_two_sentences(
    step: dict[str, Any], credits: list[dict[str, Any]], kept: str, owed: str
) -> None:
    assert outcome(step, *credits).sentences() == [kept, owed]


def lines(found: Outcome) -> list[tuple[str, str, str | None]]:
    return [(line.title, line.sentences[0], line.clause) for line in found.lines()]


def test_five_lines_with_their_clauses() -> None:
    late = {
        "incidents": 3,
        "missed": 2,
        "missed_pct": Decimal("66.666667"),
        "is_triggered": True,
        "average_delay_pct": Decimal("11.5"),
        "resolution_tier_up_to_pct": Decimal(25),
        "resolution_credit_pct": Decimal(10),
        "combined_pct": Decimal(20),
        "credit_pct": Decimal(20),
    }
    amounts = {"share_amount": Decimal("200.00"), "credit_amount": Decimal("200.00")}
    assert lines(outcome(late, amounts)) == [
        (
            "Availability",
            "(2,592,000 s − 2,593 s down) ÷ 2,592,000 s = 99.899961 %; agreed 99.9 %",
            "TE §8",
        ),
        ("Credit for availability", "Below 99.9 %: 10 %", "TE §9.1"),
        (
            "Credit for late resolution",
            "2 of 3 incidents past the target = 66.666667 %, more than the 10 % allowed; on "
            "average by 11.50 % of the target, tier up to 25 %: 10 %",
            "TE §9.2",
        ),
        (
            "Both, and the cap",
            "10 % + 10 % = 20 %, at most 25 % of the monthly fee: 20 %",
            "TE §9.3",
        ),
        ("Amount", "1,000.00 EUR × 20 % = 200.00 EUR, rounded once", "TE §9.3"),
    ]


def test_an_event_counts_once() -> None:
    shared = {
        "incidents": 1,
        "missed": 1,
        "missed_pct": Decimal(100),
        "is_triggered": True,
        "is_shared": True,
        "resolution_credit_pct": Decimal(15),
        "resolution_credit_unshared_pct": Decimal(0),
        "availability_credit_unshared_pct": Decimal(0),
        "availability_first_pct": Decimal(10),
        "resolution_first_pct": Decimal(15),
        "combined_pct": Decimal(15),
        "credit_pct": Decimal(15),
    }
    assert lines(outcome(shared))[3][1] == (
        "Each event counts once, in the better way: 10 % + 0 % = 10 % or 0 % + 15 % = 15 %; "
        "at most 25 % of the monthly fee: 15 %"
    )


def test_excluded_time_is_taken_off_where_the_agreement_says_so() -> None:
    windows = {"excluded_seconds": 3_600, "base_seconds": 2_588_400}
    ignored = {"excluded_seconds": 3_600}
    assert lines(outcome(windows))[0][1].startswith(
        "(2,592,000 s − 3,600 s excluded − 2,593 s down) ÷ 2,588,400 s = "
    )
    assert "excluded" not in lines(outcome(ignored))[0][1]


def test_lines_that_an_agreement_does_not_have() -> None:
    """Without credits for late resolution there are four; without cover, one; without clauses,
    none is named."""
    four = lines(outcome({}, terms={"credits.cap_pct": "25"}))
    assert [title for title, _, _ in four] == [
        "Availability",
        "Credit for availability",
        "Cap",
        "Amount",
    ]
    assert {clause for _, _, clause in four} == {None}
    assert four[2][1] == "10 %, at most 25 % of the monthly fee: 10 %"
    assert lines(outcome({"covered_seconds": 0})) == [
        (
            "Availability",
            "No part of the month is covered, so there is no figure and no credit",
            None,
        )
    ]


def test_each_currency_has_its_amount() -> None:
    usd = {"currency": "USD", "monthly_fee": Decimal(10), "share_amount": Decimal(1)}
    assert lines(outcome({}, {}, usd | {"credit_amount": Decimal(1)}))[-1][1] == (
        "1,000.00 EUR × 10 % = 100.00 EUR, rounded once. 10.00 USD × 10 % = 1.00 USD, rounded once"
    )
