"""The pages: none fails on any warehouse, all show what the marts hold, and links work."""

import csv
import io
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import polars as pl
import pytest
from streamlit.testing.v1 import AppTest
from typer.testing import CliRunner

from makegood.dashboards.app.navigation import PAGES
from makegood.dashboards.figures.queries import age_of
from makegood.dashboards.figures.words import duration, money, percentage, plain
from makegood.ingestion.sample import write
from makegood.orchestration.cli import app as cli
from tests import conftest
from tests.conftest import (
    Published,
    Runner,
    contract,
    published_once,
    write_contracts,
    write_landing,
)
from tests.models.test_credit_examples import DAY, Examples
from tests.models.test_credit_line import deliver

APP = Path(__file__).parents[2] / "dashboards" / "app" / "app.py"
NAMES = [page.name for page in PAGES]
START = PAGES[0].name


def app(
    monkeypatch: pytest.MonkeyPatch, warehouse: Path, page: str = START, **query: str | list[str]
) -> AppTest:
    """A page as the command serves it on this machine, opened by its address."""
    monkeypatch.setattr(sys, "argv", ["app.py", "--warehouse", str(warehouse)])
    monkeypatch.setattr("makegood.dashboards.access.grants.is_loopback", lambda address: True)
    at = AppTest.from_file(str(APP), default_timeout=60)
    if page != START:
        at.run()
        at.switch_page(f"app_pages/{page}.py")
    for key, value in query.items():
        at.query_params[key] = value
    return at.run()


def metrics(at: AppTest) -> dict[str, str]:
    return {m.label: m.value for m in at.metric}


def tables(at: AppTest) -> dict[str, list[dict[str, Any]]]:
    """The tables of a page by their accessible names."""
    return {
        frame.proto.alt: frame.value.astype(object)
        .where(frame.value.notna(), None)
        .to_dict("records")
        for frame in at.dataframe
    }


def words(at: AppTest) -> str:
    """All sentences of a page as they are read, without the escapes of names."""
    found = [
        e.value
        for kind in (
            at.title,
            at.subheader,
            at.markdown,
            at.caption,
            at.info,
            at.warning,
            at.error,
            at.success,
        )
        for e in kind
    ]
    return re.sub(r"\\(.)", r"\1", "\n".join(found))


# ---------------------------------------------------------------- warehouses


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Published:
    folder = tmp_path_factory.mktemp("empty")
    return published_once(
        write_landing(folder / "landing", {}), folder / "warehouse", "2026-07-01T00:00:00Z"
    )


@pytest.fixture(scope="module")
def corrected(tmp_path_factory: pytest.TempPathFactory) -> Published:
    """A month with a second statement, after a late record of a longer outage."""
    folder = tmp_path_factory.mktemp("corrected")
    first = Examples().subscription("s", fee="100.00").outage(0, 2593)
    deliver(folder / "landing", "1", first.feeds)
    published_once(folder / "landing", folder / "warehouse", "2026-07-05T00:00:00Z")
    late = {
        "outage_id": "late",
        "component_id": "s",
        "state": "down",
        "started_at": "2026-06-20T00:00:00Z",
        "ended_at": "2026-06-21T00:00:00Z",
    }
    deliver(folder / "landing", "2", {"outages": [late]})
    return published_once(folder / "landing", folder / "warehouse", "2026-07-07T00:00:00Z")


@pytest.fixture(scope="module")
def faulty(tmp_path_factory: pytest.TempPathFactory) -> Published:
    """A sample with bad rows, and after it a run that was blocked."""
    folder = tmp_path_factory.mktemp("faulty")
    write(folder / "landing", "small", 3, faults=True)
    found = published_once(folder / "landing", folder / "warehouse", "2026-08-15T00:00:00Z")
    (folder / "landing" / "customers" / "bad.csv").write_text("customer_id\nC99\n")
    with pytest.raises(Exception, match="customers"):
        published_once(folder / "landing", folder / "warehouse", "2026-08-16T00:00:00Z")
    return found


@pytest.mark.parametrize("page", NAMES)
@pytest.mark.parametrize("warehouse", ["sample", "empty", "corrected", "faulty", "real"])
def test_no_page_fails_on_any_warehouse(
    monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest, warehouse: str, page: str
) -> None:
    published: Published = request.getfixturevalue(warehouse)
    at = app(monkeypatch, published.warehouse, page)
    assert [e.value for e in at.exception] == []
    assert at.title[0].value == next(p.title for p in PAGES if p.name == page)
    (run,) = published.query(
        "select as_of, run_number from quality.runs order by run_number desc limit 1"
    )
    assert f"Figures as of **{run['as_of']:%Y-%m-%d %H:%M:%S} UTC**" in words(at)
    assert f"run {run['run_number']}" in words(at)
    # a page without a figure says so
    assert at.dataframe or at.metric or at.info or at.success or page == "report"


@pytest.mark.parametrize("page", [START])
def test_without_a_publication_the_page_says_so(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, page: str
) -> None:
    at = app(monkeypatch, tmp_path, page)
    assert not at.exception
    assert "nothing is published" in at.info[0].value


# ---------------------------------------------------------------- figures


def test_leadership_sees_commitments_and_their_cost(
    monkeypatch: pytest.MonkeyPatch, sample: Published
) -> None:
    at = app(monkeypatch, sample.warehouse)
    figures = sample.mart("availability")
    committed = [f for f in figures if f["status"] != "provisional" and f["is_met"] is not None]
    budgets = sample.mart("error_budgets")
    tickets = sample.mart("open_tickets")
    shown = metrics(at)
    assert (
        shown["Commitments kept"]
        == f"{sum(f['is_met'] and not f['low_coverage'] for f in committed)} of {len(committed)}"
    )
    assert (
        shown["Kept, on thin evidence"]
        == f"{sum(f['is_met'] and f['low_coverage'] for f in committed)} of {len(committed)}"
    )
    assert any(f["low_coverage"] for f in committed)
    assert (
        shown["Budgets exhausted now"]
        == f"{sum(b['budget_remaining_seconds'] < 0 for b in budgets)} of {len(budgets)}"
    )
    assert (
        shown["Open tickets past a target"]
        == f"{sum(t['target_status'] == 'breached' for t in tickets)} of {len(tickets)}"
    )
    # each budget with what is left, and how fast it burns
    assert {
        (r["Service and region"], r["Period"]): (r["Left"], r["Burn rate"])
        for r in tables(at)["Error budgets of the current periods"]
    } == {
        (
            f"{b['service_id']} · {b['region']}",
            f"{b['period_start']:%Y-%m}"
            if b["period_kind"] == "month"
            else f"{b['period_start']:%Y} Q{(b['period_start'].month + 2) // 3}",
        ): (duration(b["budget_remaining_seconds"]), f"{b['burn_rate']:.2f}")
        for b in budgets
    }
    assert any(b["burn_rate"] > 0 for b in budgets)
    # exposure by currency, by the days that are left
    credits = [c for c in sample.mart("credits") if c["reasons"] == "" and c["credit_amount"]]
    sums: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for c in credits:
        kind = {
            "requested": "payable",
            "accruing": "at stake",
            "claimable": "lapsing"
            if c["days_left"] is not None and c["days_left"] <= 14
            else "claimable",
        }
        if c["claim_status"] in kind:
            sums[kind[c["claim_status"]], c["currency"]] += c["credit_amount"]
    assert {kind for kind, _ in sums} >= {"payable", "claimable", "at stake"}
    cards = {
        text.removeprefix(":small[").split(":")[0].lower(): text
        for text in (m.value for m in at.markdown)
        if text.startswith(":small[")
    }
    for kind in ("payable", "claimable", "lapsing", "at stake"):
        assert re.findall(r"\*\*(.*?)\*\*", cards[kind]) == [
            money(amount, c) for (of, c), amount in sorted(sums.items()) if of == kind
        ] or ["–"]
    # headroom: the additional credit of the next tier, of those who would be paid
    headroom = [
        h
        for h in sample.mart("credit_headroom")
        if h["reasons"] == "" and h["seconds_left"] is not None
    ]
    groups: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for h in headroom:
        groups[f"{h['service_id']} · {h['region']}", h["currency"]] += h["additional_amount"]
    assert {
        (r["Service and region"], r["Currency"]): r["Additional credit"]
        for r in tables(at)["Downtime left until a credit rises"]
    } == groups


def test_incidents_add_up_to_the_credits_they_caused(
    monkeypatch: pytest.MonkeyPatch, sample: Published
) -> None:
    credits = [
        c for c in sample.mart("credits") if c["exposure"] in ("payable", "claimable", "at_stake")
    ]
    at = app(monkeypatch, sample.warehouse)
    currencies = sorted({c["currency"] for c in credits})
    assert len(currencies) > 1
    for currency in currencies:
        at.segmented_control(key="currency").set_value(currency).run()
        ranked = tables(at)["Incidents by what each cost"]
        assert {r["Currency"] for r in ranked} == {currency}
        assert sum(r["Cost"] for r in ranked) == sum(
            c["credit_amount"] for c in credits if c["currency"] == currency
        )
        assert [r["Cost"] for r in ranked] == sorted((r["Cost"] for r in ranked), reverse=True)


def test_the_availability_page_shows_the_figures_of_the_mart(
    monkeypatch: pytest.MonkeyPatch, sample: Published
) -> None:
    at = app(monkeypatch, sample.warehouse, "availability", contract="trueengage")
    rows = sample.query("select * from marts.availability where contract_id = 'trueengage'")
    committed = [r for r in rows if r["status"] != "provisional" and r["is_met"] is not None]
    assert (
        metrics(at)["Commitments kept"]
        == f"{sum(r['is_met'] for r in committed)} of {len(committed)}"
    )
    assert not any(r["low_coverage"] for r in committed)
    table = tables(at)["Availability by service, region and period"]
    assert {
        (r["Service"], r["Region"], r["Period"]): (r["Availability"], r["Budget left"])
        for r in table
    } == {
        (r["service_id"], r["region"], f"{r['period_start']:%Y-%m}"): (
            percentage(r["availability_pct"]),
            duration(r["budget_remaining_seconds"]),
        )
        for r in rows
    }


def test_the_drill_down_adds_up_to_the_figure(
    monkeypatch: pytest.MonkeyPatch, sample: Published
) -> None:
    """Without a choice it is the figure with the least budget left; the address names any other."""
    at = app(monkeypatch, sample.warehouse, "availability", contract="trueengage")
    worst, *_, other = sample.query(
        """select * from marts.availability
           where contract_id = 'trueengage' and is_met is not null
           order by budget_remaining_seconds, period_start"""
    )
    for figure in (worst, other):
        name = f"{figure['service_id']} · {figure['region']} · {figure['period_start']:%Y-%m}"
        at = app(
            monkeypatch,
            sample.warehouse,
            "availability",
            contract="trueengage",
            **({} if figure is worst else {"figure": name}),
        )
        assert (
            f"Details of {figure['service_id']} · {figure['region']}, "
            f"{figure['period_start']:%Y-%m}" in words(at)
        )
        assert metrics(at)["Downtime"] == duration(figure["downtime_seconds"])
        intervals = sample.query(
            f"""select * from marts.downtime_by_period
                where service_id = '{figure["service_id"]}' and region = '{figure["region"]}'
                  and period_start = '{figure["period_start"]}' and contract_id = 'trueengage'
                order by started_at"""
        )
        assert sum(i["downtime_seconds"] for i in intervals) == figure["downtime_seconds"]
        shown = tables(at).get("Downtime intervals of the figure", [])
        assert [(r["Started (UTC)"], r["In this period"]) for r in shown] == [
            (f"{i['started_at']:%Y-%m-%d %H:%M:%S}", duration(i["downtime_seconds"]))
            for i in intervals
        ]
        assert {"Key": "downtime.min_consecutive_s", "Value": "900"}.items() <= next(
            r for r in tables(at)["Terms in force"] if "min_consec" in r["Key"]
        ).items()
    assert worst["downtime_seconds"]


def test_quarters_show_categories(monkeypatch: pytest.MonkeyPatch, sample: Published) -> None:
    at = app(
        monkeypatch, sample.warehouse, "availability", contract="connect_engage", services="voice"
    )
    assert {r["Service"] for r in tables(at)["Availability by service, region and period"]} == {
        "voice"
    }
    assert {r["Category"] for r in tables(at)["Availability by product category"]} == {
        "voice",
        "business messaging",
        "service cloud",
    }
    assert {r["Period"] for r in tables(at)["Availability by product category"]} == {
        "2026 Q2",
        "2026 Q3",
    }


def test_credits_add_up_by_month_and_currency_and_the_address_has_the_filters(
    monkeypatch: pytest.MonkeyPatch, sample: Published
) -> None:
    credits = sample.mart("credits")
    at = app(monkeypatch, sample.warehouse, "credits")
    summed = {(r["Month"], r["Currency"]): r for r in tables(at)["Credits by month and currency"]}
    for (month, currency), row in summed.items():
        own = [c for c in credits if (f"{c['month']:%Y-%m}", c["currency"]) == (month, currency)]
        assert (row["Fees"], row["Credits"], row["Payable"]) == tuple(
            sum(c[k] for c in own) for k in ("monthly_fee", "credit_amount", "payable_amount")
        )
        assert row["Credits"] == sum(
            row[k] for k in ("Payable", "Claimable", "At stake", "Lapsed", "Not eligible")
        )
    assert set(summed) == {(f"{c['month']:%Y-%m}", c["currency"]) for c in credits if c["currency"]}
    # rows of no money are out of the way, but can be found
    name = "Credits by subscription, month and currency"
    some = [c for c in credits if c["credit_amount"]]
    assert 0 < len(some) == len(tables(at)[name]) < len(credits)
    at.toggle(key="zero").set_value(True).run()
    assert len(tables(at)[name]) == len(credits)

    at = app(
        monkeypatch,
        sample.warehouse,
        "credits",
        months=["2026-06"],
        currencies=["EUR", "KWD"],
        customers=["C01", "C04", "C05"],
        zero="true",
    )
    shown = tables(at)["Credits by subscription, month and currency"]
    expected = [
        c
        for c in credits
        if f"{c['month']:%Y-%m}" == "2026-06"
        and c["currency"] in ("EUR", "KWD")
        and c["customer_id"] in ("C01", "C04", "C05")
    ]
    assert len(expected) == 3
    assert sorted((r["Subscription"], r["Credit"], r["Payable"]) for r in shown) == sorted(
        (c["subscription_id"], c["credit_amount"], c["payable_amount"]) for c in expected
    )


# page -> the mart, its rows that count, heading of an amount -> column
SUMMED = {
    "credits": (
        "credits",
        "currency is not null",
        {"Fees": "monthly_fee", "Credits": "credit_amount", "Payable": "payable_amount"},
    ),
    "statements": (
        "credit_statements",
        "is_current and currency is not null",
        {"Fees": "monthly_fee", "Credits": "credit_amount"},
    ),
    "reconciliation": (
        "credit_reconciliation",
        "true",
        {"Due": "due_amount", "Issued": "issued_amount", "Difference": "difference"},
    ),
}


@pytest.mark.parametrize("page", SUMMED)
def test_totals_by_month_customer_and_currency_are_those_of_the_mart(
    monkeypatch: pytest.MonkeyPatch, sample: Published, page: str
) -> None:
    mart, where, amounts = SUMMED[page]
    rows = sample.query(
        f"""select m.*, customer_name, s.customer_id from marts.{mart} as m
            inner join marts.subscriptions as s using (subscription_id) where {where}"""
    )
    shown = tables(app(monkeypatch, sample.warehouse, page))
    for heading, key in (
        ("Month", lambda r: f"{r['month']:%Y-%m}"),
        ("Customer", lambda r: r["customer_name"]),
        (None, lambda r: None),
    ):
        ending = f" by {heading.lower()} and currency" if heading else " by currency"
        (name,) = (n for n in shown if n.endswith(ending) and "subscription" not in n)
        summed: dict[tuple[Any, ...], list[Decimal]] = {}
        for row in rows:
            of = summed.setdefault((key(row), row["currency"]), [Decimal()] * len(amounts))
            of[:] = [a + row[c] for a, c in zip(of, amounts.values(), strict=True)]
        assert {
            (r[heading] if heading else None, r["Currency"]): [r[a] for a in amounts]
            for r in shown[name]
        } == summed
        assert sum(r["Rows"] for r in shown[name]) == len(rows)


def test_what_is_not_issued_is_shown_by_its_age(
    monkeypatch: pytest.MonkeyPatch, publish: Runner
) -> None:
    """0 to 30 days after it fell due, 31 to 60, and more, by the day; what was issued but not due
    is apart from that."""
    e = Examples()
    # payable from 1 July on, as of 31 August: 61 days; from the day of a later request: 60
    for name, day in (("over_60", "2026-06-15"), ("at_60", "2026-07-02")):
        e.subscription(name, fee="100.00").outage(0, 2593).request(day)
    e.subscription("at_30", fee=None, spans=[{"valid_from": "2026-07-01"}])
    e.outage(31 * DAY, 32 * DAY)
    e.line("100.00", "2026-07-01", "2026-07-31").request("2026-08-01", month="2026-07-01")
    e.subscription("gift", fee="100.00").line("-5.00", kind="credit")
    published = publish(e.feeds, "2026-08-31T00:00:00Z")
    at = app(monkeypatch, published.warehouse, "reconciliation")
    shown = {r["Subscription"]: r["Age"] for r in tables(at)["Credits not issued yet"]}
    assert shown == {
        "at_30": "0 to 30 days",
        "at_60": "31 to 60 days",
        "over_60": "over 60 days",
    }
    (aged,) = tables(at)["Credits not issued yet, by days since they fell due"]
    assert aged == {
        "Currency": "EUR",
        "Credits": 3,
        "0 to 30 days": Decimal(25),
        "31 to 60 days": Decimal(10),
        "over 60 days": Decimal(10),
        "Total": Decimal(45),
    }
    (wrong,) = tables(at)["Credits issued that were not due, or not like that"]
    assert (wrong["Subscription"], wrong["Finding"]) == ("gift", "not due")
    assert [age_of({"days_due": days}) for days in (0, 30, 31, 60, 61, None)] == [
        "0 to 30 days",
        "0 to 30 days",
        "31 to 60 days",
        "31 to 60 days",
        "over 60 days",
        "age unknown",
    ]


def test_due_and_issued_are_apart_by_what_there_is_to_do(
    monkeypatch: pytest.MonkeyPatch, sample: Published
) -> None:
    at = app(monkeypatch, sample.warehouse, "reconciliation")
    rows = sample.mart("credit_reconciliation")
    shown = tables(at)
    for name, own in (
        ("Credits not issued yet", [r for r in rows if r["difference"] > 0]),
        (
            "Credits issued that were not due, or not like that",
            [r for r in rows if r["difference"] < 0 or r["flags"]],
        ),
        ("Credits issued as due", [r for r in rows if not r["difference"] and not r["flags"]]),
    ):
        assert own
        assert {
            (r["Subscription"], r["Month"], r["Due"], r["Issued"], r["Difference"])
            for r in shown[name]
        } == {
            (
                r["subscription_id"],
                f"{r['month']:%Y-%m}",
                r["due_amount"],
                r["issued_amount"],
                r["difference"],
            )
            for r in own
        }
    faults = shown["Credits issued that were not due, or not like that"]
    by_subscription = {(r["Subscription"], r["Month"]): r["Finding"] for r in faults}
    assert by_subscription["C02-chat", "2026-06"] == "not due"
    assert (
        by_subscription["C01-chat", "2026-07"] == "on an invoice of the credited period or earlier"
    )
    for sign in (1, -1):
        for currency in {r["currency"] for r in rows}:
            amount = sum(
                sign * r["difference"]
                for r in rows
                if r["currency"] == currency and sign * r["difference"] > 0
            )
            assert not amount or f"**{money(amount, currency)}**" in words(at)


def test_the_page_of_credit_notes_shows_what_the_command_makes(
    monkeypatch: pytest.MonkeyPatch, sample: Published, tmp_path: Path
) -> None:
    """What is to be issued before the batch, the batch and its sums after it, and its lines until
    an invoice has them."""
    shutil.copytree(sample.warehouse, tmp_path / "w", symlinks=True)
    owed = [r for r in sample.mart("credit_reconciliation") if r["difference"] > 0]
    assert {f"{r['month']:%Y-%m}" for r in owed} == {"2026-07"}

    def amounts(name: str, at: AppTest) -> set[tuple[str, Decimal, str]]:
        return {(r["Subscription"], r["To issue"], r["Currency"]) for r in tables(at)[name]}

    expected = {(r["subscription_id"], r["difference"], r["currency"]) for r in owed}
    at = app(monkeypatch, tmp_path / "w", "credit_notes", month="2026-07")
    assert amounts("Credits to be issued", at) == expected
    assert "No batch of 2026-07 has been made yet." in words(at)
    assert at.code[0].value.startswith("makegood credit-notes --month 2026-07 --warehouse ")

    words_of = ["credit-notes", "--month", "2026-07", "--warehouse", str(tmp_path / "w")]
    words_of += ["--limit", "EUR=1000"]
    assert CliRunner().invoke(cli, words_of).exit_code == 0
    at = app(monkeypatch, tmp_path / "w", "credit_notes", month="2026-07")
    assert amounts("Batch 1", at) == expected
    assert "All that is due is issued, or in a batch." in words(at)
    assert {r["Line"] for r in tables(at)["Lines of batches that no issued invoice has yet"]} == {
        f"CN-000001-{place:04}" for place in range(1, len(owed) + 1)
    }
    assert sum(r["To issue"] for r in tables(at)["Batch 1 by customer and currency"]) == sum(
        r["difference"] for r in owed
    )
    # of June nothing is to be issued, and too much was
    at = app(monkeypatch, tmp_path / "w", "credit_notes", month="2026-06")
    (over,) = tables(at)["More issued, or in batches, than is due"]
    assert (over["Subscription"], over["Difference"]) == ("C02-chat", Decimal(-150))


def test_the_claim_calendar_has_each_claim_once_by_its_deadline(
    monkeypatch: pytest.MonkeyPatch, sample: Published
) -> None:
    at = app(monkeypatch, sample.warehouse, "claims")
    claims = [c for c in sample.mart("credits") if c["credit_amount"] > 0]
    shown = [r for rows in tables(at).values() for r in rows]
    assert sorted((r["Subscription"], r["Month"], r["Credit"]) for r in shown) == sorted(
        (c["subscription_id"], f"{c['month']:%Y-%m}", c["credit_amount"]) for c in claims
    )
    filtered = app(monkeypatch, sample.warehouse, "claims", claims=["claimable"])
    assert not re.search("No credits|There are no|All credits", words(filtered)), (
        "an empty list may only mean that the filters hide the credits"
    )
    (due,) = {c["claim_deadline"] for c in claims if c["exposure"] == "claimable"}
    said = [r["Subscription"] for r in tables(at)[f"Credits claimable until {due}"]]
    assert said == [c["subscription_id"] for c in claims if c["exposure"] == "claimable"]
    assert f"{due:%A, %Y-%m-%d}** · 15 days left" in words(at)


def test_a_statement_shows_its_changes_and_the_files_in_between(
    monkeypatch: pytest.MonkeyPatch, corrected: Published
) -> None:
    at = app(monkeypatch, corrected.warehouse, "statements")
    assert metrics(at) == {"Statements in force": "1", "Versions issued": "2", "Corrections": "1"}
    before, after = corrected.query(
        "select * from marts.credit_statements order by statement_version"
    )
    changed = tables(at)["Changes of version 2"]
    assert {(r["Value"].replace(" ", "_"), r["Before"], r["After"]) for r in changed} == {
        (name, str(before[name]), str(after[name])) for name in after["changed"].split(",")
    }
    assert all(r["Why"] != "–" for r in changed)
    assert [
        (r["Feed"], r["File"], r["Rows"])
        for r in tables(at)["Files delivered between two versions"]
    ] == [("outages", "outages/2.csv", 1)]


def test_the_proof_is_that_of_the_command(
    monkeypatch: pytest.MonkeyPatch, sample: Published
) -> None:
    from makegood.orchestration.output.explain import explain

    row = max(
        (c for c in sample.mart("credits") if c["combination"] != "sum"),
        key=lambda c: c["credit_amount"],
    )
    at = app(
        monkeypatch,
        sample.warehouse,
        "proof",
        subscription=row["subscription_id"],
        month=f"{row['month']:%Y-%m}",
    )
    proof = explain(sample.warehouse, row["subscription_id"], row["month"])
    said = words(at)
    for number, step in enumerate(proof.steps, 1):
        assert f"{number}. {step.title}" in said
        for sentence in step.sentences:
            assert " ".join((sentence[:1].upper() + sentence[1:]).split()) in said
        for found in step.rows:
            if "file" in found:
                assert (found["file"], found["line"]) in {
                    (r["file"], r["line"])
                    for rows in tables(at).values()
                    for r in rows
                    if {"file", "line"} <= r.keys()
                }


@pytest.mark.parametrize(
    ("page", "word"),
    [
        ("credits", "customers"),
        ("statements", "subscription"),
        ("proof", "subscription"),
        ("proof", "month"),
        ("report", "subscription"),
        ("availability", "contract"),
    ],
)
def test_an_address_with_an_unknown_value_says_so(
    monkeypatch: pytest.MonkeyPatch, sample: Published, page: str, word: str
) -> None:
    at = app(monkeypatch, sample.warehouse, page, **{word: "nobody's"})
    assert not at.exception
    assert re.search("there is nothing here for nobody's|There is no .* nobody's here", words(at))
    assert not at.dataframe


def test_open_tickets_are_sorted_by_the_time_left(
    monkeypatch: pytest.MonkeyPatch, sample: Published
) -> None:
    at = app(monkeypatch, sample.warehouse, "tickets")
    tickets = {t["ticket_id"]: t for t in sample.mart("open_tickets")}
    shown = tables(at)["Open tickets, the most urgent first"]
    assert {r["Ticket"] for r in shown} == set(tickets)

    def least(ticket: dict[str, Any]) -> int:
        return min(
            ticket[k]
            for k in ("response_remaining_s", "resolution_remaining_s", "update_remaining_s")
            if ticket[k] is not None
        )

    assert [least(tickets[r["Ticket"]]) for r in shown] == sorted(
        least(t) for t in tickets.values()
    )
    for row in shown:
        ticket = tickets[row["Ticket"]]
        left = ticket["update_remaining_s"]
        assert row["Next update due in"] == (
            "–" if left is None else duration(left) if left >= 0 else f"{duration(-left)} late"
        )
        if ticket["escalate_to"]:
            assert (
                row["Escalate to"] == f"{ticket['escalate_to']} (step {ticket['escalation_step']})"
            )
    at = app(monkeypatch, sample.warehouse, "tickets", contracts=["connect_engage"])
    of_contract = [t for t in tickets.values() if t["contract_id"] == "connect_engage"]
    assert 0 < len(of_contract) < len(tickets)
    assert (
        metrics(at)["Update or resolution overdue"]
        == f"{sum(t['target_status'] == 'breached' for t in of_contract)} of {len(of_contract)}"
    )
    at = app(monkeypatch, sample.warehouse, "tickets", target_status=["breached"])
    assert {r["Ticket"] for r in tables(at)["Open tickets, the most urgent first"]} == {
        t for t, row in tickets.items() if row["target_status"] == "breached"
    }


def test_months_are_over_by_the_clock_of_the_contract(
    monkeypatch: pytest.MonkeyPatch, publish: Runner, tmp_path: Path
) -> None:
    """T3: at 02:00 UTC on 1 August July is over in Auckland and in UTC, but not in New York."""
    terms = {
        "severity": {"levels": ["P1"]},
        "resolution": {"P1": {"target": "4h", "clock": "24x7"}},
    }
    zones = {"auckland": "Pacific/Auckland", "new_york": "America/New_York"}
    examples = Examples()
    for name in zones:
        examples.subscription(name, contract_id=name, fee=None)
        # one is late in June, none in July
        examples.ticket((0, "classified", "P1"), (5 * 3600, "resolved"))
        examples.ticket((30 * 86_400, "classified", "P1"), (30 * 86_400 + 3600, "resolved"))
    contracts = {name: contract(name, zone, **terms) for name, zone in zones.items()}
    published = publish(
        examples.feeds, "2026-08-01T02:00:00Z", write_contracts(tmp_path / "contracts", contracts)
    )
    (row,) = tables(app(monkeypatch, published.warehouse))[
        "Late resolutions by severity in finished months"
    ]
    assert row["Severity and contract"] == f"P1 · {contracts['auckland']['name']}"
    assert (row["Month"], row["Late resolutions"]) == ("2026-07", "0 of 1")
    assert row["Month before"] == "1 of 1 in 2026-06"


def test_open_tickets_have_all_their_events(sample: Published) -> None:
    """K1: also those that no credit rests on; each event once, in order."""
    open_tickets = {t["ticket_id"] for t in sample.mart("open_tickets")}
    events = sample.query(
        "select * from marts.ticket_events where ticket_id in (from marts.open_tickets select "
        "ticket_id) order by ticket_id, sequence"
    )
    credited = {t["ticket_id"] for t in sample.mart("credit_tickets")}
    assert {e["ticket_id"] for e in events} == open_tickets
    assert open_tickets - credited
    for ticket in open_tickets:
        own = [e for e in events if e["ticket_id"] == ticket]
        assert [e["sequence"] for e in own] == list(range(1, len(own) + 1))
        assert own == sorted(own, key=lambda e: e["occurred_at"])
        assert {e["event"] for e in own} >= {"received", "classified"}
        assert all(e["clock_seconds"] == 0 for e in own if not e["is_on_clock"])


def test_gaps_add_up_to_the_unknown_time(
    monkeypatch: pytest.MonkeyPatch, sample: Published
) -> None:
    at = app(
        monkeypatch,
        sample.warehouse,
        "coverage",
        contracts=["connect_engage"],
        regions=["us-east"],
        periods=["2026 Q2"],
    )
    figures = [
        f
        for f in sample.mart("availability")
        if (f["contract_id"], f["region"], str(f["period_start"]))
        == ("connect_engage", "us-east", "2026-04-01")
    ]
    assert metrics(at)["Unknown time"] == duration(sum(f["unknown_seconds"] for f in figures))
    gaps = [
        g
        for g in sample.mart("coverage_gaps")
        if (g["contract_id"], g["region"], str(g["period_start"]))
        == ("connect_engage", "us-east", "2026-04-01")
    ]
    assert sorted(
        r["Unknown"] for r in tables(at)["Gaps in the monitoring data, the longest first"]
    ) == sorted(duration(g["unknown_seconds"]) for g in gaps)
    assert len(gaps) > len(figures) > 0


def test_maintenance_shows_breaches(monkeypatch: pytest.MonkeyPatch, sample: Published) -> None:
    at = app(monkeypatch, sample.warehouse, "maintenance", broken="true")
    works = sample.mart("maintenance_notice")
    broken = {w["exclusion_id"] for w in works if w["notice_met"] is False or w["over_length"]}
    assert 0 < len(broken) < len(works)
    assert {
        r["Maintenance"] for r in tables(at)["Maintenance against the agreement, the latest first"]
    } == broken


def test_a_rejected_row_is_found_by_file_and_line(
    monkeypatch: pytest.MonkeyPatch, faulty: Published
) -> None:
    at = app(monkeypatch, faulty.warehouse, "feeds", feeds=["ticket_events"], state=["rejected"])
    rejected = faulty.query(
        """select * from quality.rejected_rows
           where feed = 'ticket_events' and status = 'rejected' order by file, line"""
    )
    assert len(rejected) >= 2
    shown = tables(at)["Rejected and waiting rows"]
    assert [(r["File"], r["Line"], r["Rule"], r["Reason"]) for r in shown] == [
        (r["file"], r["line"], r["rule"], r["reason"]) for r in rejected
    ]
    assert f"**{rejected[0]['file']}, line {rejected[0]['line']}**" in words(at)
    feeds = {r["Feed"]: r for r in tables(at)["Feeds"]}
    for row in faulty.query("select * from quality.feed_reconciliation"):
        assert (feeds[row["feed"]]["Rejected"], feeds[row["feed"]]["In force"]) == (
            row["rows_rejected"],
            row["rows_in_force"],
        )


def test_a_blocked_run_is_shown_beside_what_is_published(
    monkeypatch: pytest.MonkeyPatch, faulty: Published
) -> None:
    at = app(monkeypatch, faulty.warehouse, "runs")
    assert metrics(at)["Last run"] == "blocked"
    assert [r["Result"] for r in tables(at)["Runs, the latest first"]] == ["blocked", "published"]
    assert "customers" in words(at)
    assert "run blocked" in {r["Kind"] for r in tables(at)["Open alerts, the most severe first"]}
    for damage in ("{", '{"entries": [{}]}'):
        (faulty.warehouse / "alerts.json").rename(faulty.warehouse / "alerts.json.kept")
        try:
            (faulty.warehouse / "alerts.json").write_text(damage)
            at = app(monkeypatch, faulty.warehouse, "runs")
            assert metrics(at)["Open alerts"] == "unknown"
            assert "can't be read" in words(at)
        finally:
            (faulty.warehouse / "alerts.json.kept").rename(faulty.warehouse / "alerts.json")


# ---------------------------------------------------------------- in a browser


@contextmanager
def serving(
    *words: Any,
    health: str,
    makegood: Path = Path(sys.executable).parent / "makegood",
    environment: dict[str, str] | None = None,
) -> Iterator[tuple[str, int]]:
    """A server as the command starts it, once it answers: its address and the id of its process."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [str(makegood), *map(str, words), "--port", str(port)]
    with subprocess.Popen(
        command,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        env=environment,
    ) as process:
        address = f"http://127.0.0.1:{port}"
        try:
            for _ in range(300):
                try:
                    urllib.request.urlopen(address + health, timeout=1).read()
                    break
                except OSError:
                    time.sleep(0.2)
            yield address, process.pid
        finally:
            os.killpg(process.pid, signal.SIGTERM)


@pytest.fixture(scope="module")
def served(sample: Published) -> Iterator[str]:
    with serving("dashboards", "--warehouse", sample.warehouse, health="/_stcore/health") as (
        address,
        _,
    ):
        yield address


# the page has finished running
QUIET = (
    "document.querySelector('[data-testid=stApp]')"
    ".getAttribute('data-test-script-state') === 'notRunning'"
)


def settled(page: Any, title: str) -> None:
    """Waits until the page with this title has finished running."""
    page.get_by_role("heading", name=title, exact=True, level=1).wait_for(timeout=60_000)
    page.wait_for_function(QUIET, timeout=60_000)
    assert page.locator("[data-testid=stException]").count() == 0


@pytest.mark.parametrize(("width", "scheme"), [(1366, "light"), (390, "dark")])
def test_people_click_through_every_page(
    chromium: Any, served: str, sample: Published, width: int, scheme: str
) -> None:
    context = chromium.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page = context.new_page()
    asked: list[str] = []
    wrong: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: wrong.append(str(error)))
    (run,) = sample.query("select as_of from quality.runs")
    try:
        page.goto(served)
        settled(page, PAGES[0].title)
        for listed in PAGES:
            if width < 800:
                page.get_by_test_id("stExpandSidebarButton").click()
            page.get_by_test_id("stSidebarNav").get_by_role(
                "link", name=listed.title, exact=True
            ).click()
            settled(page, listed.title)
            if width < 800 and page.get_by_test_id("stSidebarCollapseButton").is_visible():
                page.get_by_test_id("stSidebarCollapseButton").get_by_role("button").click()
            stamp = page.get_by_test_id("stMain").get_by_text(
                f"Figures as of {run['as_of']:%Y-%m-%d %H:%M:%S} UTC"
            )
            stamp.wait_for()
            assert "ago" in stamp.inner_text() or "just now" in stamp.inner_text()
            assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), (
                f"{listed.title} is wider than the screen"
            )
            for chart in page.get_by_test_id("stVegaLiteChart").all():
                chart.locator("canvas, svg").first.wait_for(timeout=30_000)
        assert wrong == []
        assert [
            url
            for url in asked
            if not url.startswith((served, "data:", "blob:", served.replace("http", "ws")))
        ] == [], "pages fetch nothing from elsewhere"
    finally:
        context.close()


def cells(page: Any, name: str) -> list[dict[str, str]]:
    """The visible cells of a table as a screen reader has them. `name`: its accessible name."""
    grid = page.get_by_role("region", name=name, exact=True).locator("table")
    grid.locator("tbody tr").first.wait_for(state="attached", timeout=30_000)
    head = grid.locator("th").all_text_contents()
    # the first cell of a row that can be picked has no heading
    return [
        dict(zip(head, row.locator("td").all_text_contents()[-len(head) :], strict=True))
        for row in grid.locator("tbody tr").all()
    ]


def test_figures_filters_links_and_files_in_a_browser(
    chromium: Any, served: str, sample: Published
) -> None:
    """Filters in the address, the figures they leave, their files, and the proof and report."""
    context = chromium.new_context(viewport={"width": 1366, "height": 1000}, accept_downloads=True)
    page = context.new_page()
    try:
        page.goto(f"{served}/credits?months=2026-06&currencies=EUR&exposures=payable")
        settled(page, "Credits")
        expected = [
            c
            for c in sample.mart("credits")
            if f"{c['month']:%Y-%m}" == "2026-06"
            and c["currency"] == "EUR"
            and c["exposure"] == "payable"
        ]
        assert len(expected) == 1
        (row,) = cells(page, "Credits by subscription, month and currency")
        # the address keeps its filters
        assert "months=2026-06" in page.url
        assert "currencies=EUR" in page.url
        assert row["Subscription"] == expected[0]["subscription_id"]
        assert (Decimal(row["Credit"]), row["Credit, %"]) == (
            expected[0]["credit_amount"],
            percentage(expected[0]["credit_pct"]),
        )

        page.get_by_role("button", name="Download credits").click()
        files = {}
        for label in ("CSV", "Excel", "Parquet"):
            with page.expect_download() as download:
                page.get_by_role("button", name=label, exact=True).click()
            files[label] = download.value.path().read_bytes()
        assert [
            c["credit_amount"] for c in pl.read_parquet(io.BytesIO(files["Parquet"])).to_dicts()
        ] == [expected[0]["credit_amount"]]
        (row,) = csv.DictReader(io.StringIO(files["CSV"].decode("utf-8-sig")))
        assert (row["subscription_id"], Decimal(row["credit_amount"])) == (
            expected[0]["subscription_id"],
            expected[0]["credit_amount"],
        )
        sheet = openpyxl.load_workbook(io.BytesIO(files["Excel"])).worksheets[0]
        texts = [
            str(v) for line in sheet.iter_rows(values_only=True) for v in line if v is not None
        ]
        assert expected[0]["subscription_id"] in texts

        page.keyboard.press("Escape")
        page.goto(f"{served}/proof?subscription={expected[0]['subscription_id']}&month=2026-06")
        settled(page, "Proof of a credit")
        page.get_by_text(f"= {money(expected[0]['credit_amount'], 'EUR')}, rounded once").wait_for()
        page.get_by_role("link", name="The SLA report of this month").click()
        settled(page, "SLA report")
        assert f"subscription={expected[0]['subscription_id']}" in page.url
        report = page.frame_locator("iframe").get_by_role("heading", level=1)
        report.wait_for(timeout=30_000)
        assert "June 2026" in report.inner_text()
        with page.expect_download() as download:
            page.get_by_role("button", name="PDF", exact=True).click()
        assert download.value.path().read_bytes().startswith(b"%PDF-")
        assert download.value.suggested_filename == "sla-report.pdf"
    finally:
        context.close()


@pytest.mark.long
def test_a_new_publication_is_shown_without_a_restart(
    chromium: Any, tmp_path: Path, publish: conftest.Runner
) -> None:
    first = Examples().subscription("s", fee="100.00").outage(0, 2593)
    deliver(tmp_path / "landing", "1", first.feeds)
    published = publish(tmp_path / "landing", "2026-07-05T00:00:00Z")
    with serving("dashboards", "--warehouse", published.warehouse, health="/_stcore/health") as (
        address,
        _,
    ):
        page = chromium.new_page(viewport={"width": 1366, "height": 900})
        page.goto(f"{address}/statements")
        settled(page, "Statements")
        page.get_by_test_id("stMain").get_by_text(
            "Figures as of 2026-07-05 00:00:00 UTC"
        ).wait_for()
        publish(tmp_path / "landing", "2026-07-06T00:00:00Z")
        page.reload()
        settled(page, "Statements")
        page.get_by_test_id("stMain").get_by_text(
            "Figures as of 2026-07-06 00:00:00 UTC"
        ).wait_for()
        assert re.search(r"run 2\b", page.get_by_test_id("stMain").inner_text())
        page.close()


def test_names_are_escaped_where_pages_read_markdown() -> None:
    assert plain("**a** [b](c)") == r"\*\*a\*\* \[b\]\(c\)"
