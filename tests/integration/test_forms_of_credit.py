"""Each form of a credit, and each kind of period, as commands, reports and pages put it into words
(C1, C4, C5, K7, A3, T5).

The subscriptions are those of test_credit_examples: 1000.00 EUR for June, which has 2,592,000
seconds. Their contracts have the terms of TE but for what their names say.
"""

from collections.abc import Iterator
from copy import deepcopy
from datetime import date, timedelta
from decimal import Decimal
from io import BytesIO
from pathlib import Path
from typing import Any

import openpyxl
import pytest
import yaml
from typer.testing import CliRunner

from makegood.orchestration import cli
from tests.conftest import (
    CONTRACTS,
    Published,
    published_once,
    write_contracts,
    write_landing,
)
from tests.e2e.test_dashboards import app, tables, words
from tests.models.test_credit_examples import DAY, Examples, H

AS_OF = "2026-09-10T00:00:00Z"
TE = yaml.safe_load((CONTRACTS / "trueengage.yaml").read_text())
FORMS = ("availability_tiers", "availability_steps", "availability_refund")
SIX_DECIMALS = (
    "six decimals of this ratio are shown; it stays exact until the amount is rounded, once"
)


def like_te(name: str, since: date = date(2026, 6, 1), **terms: dict[str, Any]) -> dict[str, Any]:
    """TE with other terms; a form of availability credit takes the place of its tiers."""
    made = deepcopy(TE) | {"contract_id": name, "name": f"Agreement {name}"}
    (version,) = made["versions"]
    version["effective_from"] = since
    credits = version["terms"]["credits"]
    if set(FORMS) & set(terms.get("credits", {})):
        del credits["availability_tiers"]
    for key, value in terms.items():
        version["terms"][key] = {**version["terms"].get(key, {}), **value}
    return made


def contracts() -> Iterator[dict[str, Any]]:
    inclusive = [{"at_or_below_pct": 99.9, "credit_pct": 10}, {"below_pct": 99, "credit_pct": 15}]
    yield like_te("inclusive", credits={"availability_tiers": inclusive})
    points = {"per_pct": 0.1, "credit_pct": 5}
    yield like_te(
        "points",
        credits={"availability_steps": points},
        tickets={"due_dates": "override"},
        resolution={"attainment_pct": 90},
    )
    half_hours = {"per_downtime": "30m", "credit_days": 1}
    yield like_te("half_hours", credits={"availability_steps": half_hours})
    whole = {"per_downtime": "1h30m", "credit_days": 1.5, "begun": False}
    yield like_te("whole_steps", credits={"availability_steps": whole})
    refund = {
        "availability_refund": {"multiple": 10},
        "claim_required": False,
        "cap_amount": {"EUR": 20},
    }
    yield like_te("refund", credits=refund)
    least = {"minimum_amount": {"EUR": 150}, "claim_months": 2, "claim_days": 15}
    yield like_te(
        "quarterly",
        date(2026, 1, 1),
        availability={"period": "quarter"},
        credits={**least, "below_minimum": "raised"},
    )
    desk = {"time_zone": "UTC", "hours": {"wed": ["00:00-24:00"]}, "holidays": "none"}
    yield like_te(
        "yearly",
        date(2026, 1, 1),
        availability={"period": "year", "service_hours": "help_desk"},
        calendars={**TE["versions"][0]["terms"]["calendars"], "help_desk": desk},
    )


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Published:
    folder = tmp_path_factory.mktemp("forms")
    e = Examples()
    e.subscription("at_it", "inclusive").outage(0, 2592)
    e.subscription("three_steps", "points").outage(0, 5185 + 2592)
    # six hours would be late for P1, but its own due date is later
    e.ticket(
        (2 * DAY, "classified", "P1"),
        (2 * DAY + 6 * H, "resolved"),
        ticket_id="own",
        resolution_due_at="2026-06-12T08:00:00Z",
    )
    e.subscription("five_days", "half_hours").outage(0, 7201)
    e.subscription("whole", "whole_steps").outage(0, 3 * H)
    e.subscription("tenfold", "refund").outage(0, 7200)
    # September is in progress; an outage of an hour on the 5th takes it below 99.9
    for name in ("at_it", "three_steps", "five_days", "whole", "tenfold"):
        e.name = name
        e.line("1000.00", "2026-09-01", "2026-09-30")
    for name in ("five_days", "tenfold"):
        e.name = name
        e.outage(87 * DAY, 87 * DAY + H)
    e.subscription("in_quarters", "quarterly").outage(0, 2 * H + 4000)
    e.subscription("in_years", "yearly").outage(0, 2 * H)
    landing = write_landing(folder / "landing", e.feeds)
    made = write_contracts(folder / "contracts", {c["contract_id"]: c for c in contracts()})
    return published_once(landing, folder / "warehouse", AS_OF, made)


def command(world: Published, *words: object) -> str:
    done = CliRunner().invoke(
        cli.app, [str(w) for w in (words[0], "--warehouse", world.warehouse, *words[1:])]
    )
    assert done.exit_code == 0, done.output
    return done.output


def step_of(world: Published, title: str, subscription: str, month: str = "2026-06") -> list[str]:
    """The sentences of a step of a proof, as `makegood explain` prints them."""
    proof = command(world, "explain", "--subscription", subscription, "--month", month)
    _, _, rest = proof.partition(f". {title}   [")
    lines = rest.split("\n\n")[0].splitlines()[1:]
    return [line.strip() for line in lines if not line.lstrip().startswith("- ")]


def report_of(world: Published, tmp_path: Path, subscription: str, month: str) -> list[list[Any]]:
    """The rows of all sheets of a report."""
    out = tmp_path / "report.xlsx"
    command(world, "report", "--subscription", subscription, "--month", month, "--out", out)
    book = openpyxl.load_workbook(BytesIO(out.read_bytes()))
    return [list(row) for sheet in book for row in sheet.iter_rows(values_only=True)]


@pytest.mark.parametrize(
    ("subscription", "sentences"),
    [
        (
            "at_it",
            [
                "commitment 99.9 %: exactly at it; the lowest tier bound that it is at or below "
                "is 99.9 %, which gives 10 %"
            ],
        ),
        # 7,777 s of 2,592,000 s are 0.300039 points below 100, and 0.2 below 99.9
        (
            "three_steps",
            [
                "commitment 99.9 %: below it",
                "3 steps of 0.1 points begun below 99.9 %, 5 % each: 15 %",
            ],
        ),
        (
            "five_days",
            [
                "commitment 99.9 %: below it",
                "5 steps of 30 minutes begun in 7,201 s of downtime, one day's fee each: "
                "5 of 30 days = 16.666667 %",
                SIX_DECIMALS,
            ],
        ),
        (
            "whole",
            [
                "commitment 99.9 %: below it",
                "2 whole steps of 1 hour 30 minutes in 10,800 s of downtime, "
                "the fee of 1.5 days each: 2 x 1.5 of 30 days = 10.000000 %",
                SIX_DECIMALS,
            ],
        ),
        (
            "tenfold",
            [
                "commitment 99.9 %: below it",
                "10 times the fee of the time that was down: 10 x 7,200 s of 2,592,000 s "
                "= 2.777778 %",
                SIX_DECIMALS,
            ],
        ),
    ],
)
def test_each_form_in_the_proof(world: Published, subscription: str, sentences: list[str]) -> None:
    assert step_of(world, "Availability credit", subscription) == sentences
    (shown,) = {
        c["availability_credit_pct"]
        for c in world.mart("credits")
        if c["subscription_id"] == subscription and c["month"] == date(2026, 6, 1)
    }
    # the last figure of the sentences
    said = sentences[-1 if sentences[-1] != SIX_DECIMALS else -2].rsplit(" ", 2)[1]
    assert shown == Decimal(said)


def test_amounts_of_the_currency_and_claims_in_the_proof(world: Published) -> None:
    assert step_of(world, "Cap and amount", "tenfold") == [
        "2.777778 %, at most 25 % of the monthly fee: 2.777778 %",
        "1,000.00 EUR x 2.777778 % = 27.78 EUR, rounded once",
        "more than the cap of 20.00 EUR: 20.00 EUR",
    ]
    assert step_of(world, "Request and claim window", "tenfold") == [
        "not requested; no request is needed, and there is no deadline: automatic"
    ]
    # any month of the quarter, and the minimum: 10 % of 1,000.00 EUR is less than it
    for month in ("2026-04", "2026-05", "2026-06"):
        assert step_of(world, "Cap and amount", "in_quarters", month) == [
            "10 %, at most 25 % of the quarterly fee: 10 %",
            "1,000.00 EUR x 10 % = 100.00 EUR, rounded once",
            "less than the minimum of 150.00 EUR, raised to it, as far as the caps allow: "
            "150.00 EUR",
        ]
    assert step_of(world, "Request and claim window", "in_quarters") == [
        "not requested; the window ends on 2026-09-15: claimable",
        "from 2026-06-30, 2 months on to the last day of that month, and 15 days more: 2026-09-15",
    ]


def test_a_due_date_and_service_hours_in_proof_and_report(world: Published, tmp_path: Path) -> None:
    assert step_of(world, "Eligible incidents", "three_steps") == [
        "1 production incident of the credited severities with an outcome, "
        "of which past the target: 0",
        "for 1 of them, the target is the ticket's own due date",
    ]
    rows = report_of(world, tmp_path, "three_steps", "2026-06")
    # each time as a duration and in seconds
    target, taken = timedelta(hours=8), timedelta(hours=6)
    assert ["own", "P1", target, 8 * H, "yes", taken, 6 * H] in [row[:7] for row in rows]
    assert [
        "The resolution target of own is the ticket's own due date, counted from the start of its "
        "clock."
    ] in [row[:1] for row in rows]
    # Z6: one of one is at least 90 % of them
    assert ["June 2026", "P1", 100, 90, "met"] in [row[:5] for row in rows]
    # 2026 has 52 Wednesdays; the outage on Wednesday, 10 June counts
    hours = "seconds here and below are those inside the service hours of help_desk"
    said = step_of(world, "Downtime in covered time", "in_years", "2026-11")
    assert said == ["2 h (7,200 s) of downtime inside covered time:", hours]
    assert step_of(world, "Availability", "in_years", "2026-01")[0].startswith(
        f"total {52 * DAY:,} s - "
    )
    notes = {row[0]: row[-1] for row in report_of(world, tmp_path, "in_years", "2026-03")}
    assert notes["Total time"] == "the whole year, inside the service hours help desk"


@pytest.mark.parametrize(
    ("subscription", "month", "name", "kind"),
    [
        ("tenfold", "2026-06", "June 2026", "month"),
        ("in_quarters", "2026-05", "April to June 2026", "quarter"),
        ("in_years", "2026-12", "2026", "year"),
    ],
)
def test_periods_have_their_names(
    world: Published, tmp_path: Path, subscription: str, month: str, name: str, kind: str
) -> None:
    proof = command(world, "explain", "--subscription", subscription, "--month", month)
    assert proof.startswith(f"Credit of subscription {subscription} for {name}\n")
    rows = report_of(world, tmp_path, subscription, month)
    titles = {str(row[0]) for row in rows}
    assert {f"SLA report, {name}", kind.capitalize()} <= titles
    other = {"month", "quarter", "year"} - {kind}
    fees = {"month": "Monthly fee", "quarter": "Quarterly fee", "year": "Yearly fee"}
    found = {cell for row in rows for cell in row if cell in fees.values()}
    assert found == {fees[kind]}
    # hours of assistance and tickets belong to calendar months (K9, Z1)
    text = "\n".join(str(cell) for row in rows for cell in row)
    for word in other:
        assert f"this {word}" not in text
        assert f"the {word} " not in text
    months = {cell for row in rows for cell in row if str(cell).endswith(" 2026")}
    if kind != "month":
        assert "June 2026" in months


def test_reports_of_all_take_the_period_that_holds_the_month(
    world: Published, tmp_path: Path
) -> None:
    command(world, "report", "--all", "--month", "2026-08", "--format", "html", "--out", tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {
        "at_it-2026-08.html",
        "three_steps-2026-08.html",
        "five_days-2026-08.html",
        "whole-2026-08.html",
        "tenfold-2026-08.html",
        "in_quarters-2026-Q3.html",
        "in_years-2026.html",
    }
    missing = CliRunner().invoke(
        cli.app,
        f"explain --warehouse {world.warehouse} --subscription in_quarters --month 2026-12",
    )
    assert missing.exit_code == 1
    assert "has no credit for 2026 Q4, only for 2026 Q2, 2026 Q3" in missing.output


def test_status_names_the_period_of_a_claim_about_to_lapse(world: Published) -> None:
    lines = command(world, "status").splitlines()
    (claim,) = [line.split() for line in lines if line.startswith("  in_quarters ")]
    assert claim == ["in_quarters", "2026", "Q2", "150.00", "EUR,", "until", "2026-09-15"]


@pytest.mark.long
def test_pages_list_periods_of_mixed_contracts(
    monkeypatch: pytest.MonkeyPatch, world: Published
) -> None:
    at = app(monkeypatch, world.warehouse, "credits")
    assert not at.exception
    (months,) = [box for box in at.multiselect if box.label == "Periods"]
    assert months.options[:3] == ["2026-09", "2026-08", "2026 Q3 · 2026-07"]
    assert months.options[-1] == "2026"
    months.set_value(["2026-04"]).run()
    found = tables(at)["Credits by subscription, period and currency"]
    assert [(r["Subscription"], r["Period"]) for r in found] == [("in_quarters", "2026 Q2")]
    at = app(monkeypatch, world.warehouse, "proof", subscription="in_quarters")
    (month,) = [box for box in at.selectbox if box.label == "Quarter"]
    assert month.options == ["2026 Q3", "2026 Q2"]
    assert "3. Quarterly fee" in words(at)
    at = app(monkeypatch, world.warehouse, "report", subscription="in_years")
    assert not at.exception
    (month,) = [box for box in at.selectbox if box.label == "Year"]
    assert month.options == ["2026"]


def test_headroom_says_what_raises_each_credit(
    monkeypatch: pytest.MonkeyPatch, world: Published
) -> None:
    at = app(monkeypatch, world.warehouse)
    assert not at.exception
    until = {
        r["Service and region"].split(" · ")[0]: r["Until"]
        for r in tables(at)["Downtime left until a credit rises"]
    }
    assert until == {
        "at_it": "the tier of 99.9 %",
        "three_steps": "the step at 99.9 %",
        "five_days": "the next step",
        "whole": "the next step",
        "tenfold": "each further second",
        "in_years": "the tier of 99 %",
    }
