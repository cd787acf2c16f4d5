"""The pages: none fails on any warehouse, all show what the marts hold, and links work."""

import csv
import io
import os
import re
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
from streamlit.dataframe_util import convert_arrow_bytes_to_pandas_df
from streamlit.testing.v1 import AppTest

from makegood.dashboards.app.navigation import PAGES
from makegood.dashboards.figures.style import duration, exact_pct, money
from makegood.dashboards.figures.words import plain
from makegood.ingestion.sample import write
from tests import conftest
from tests.conftest import (
    Published,
    Runner,
    contract,
    published_once,
    write_contracts,
    write_landing,
)
from tests.models.test_credit_examples import Examples
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


def texts(at: AppTest, name: str) -> list[dict[str, str]]:
    """What is shown of a table, where it shows figures; `tables` has its exact values."""
    (frame,) = (f for f in at.dataframe if f.proto.alt == name)
    if not frame.proto.arrow_data.styler.display_values:
        return []
    shown = convert_arrow_bytes_to_pandas_df(frame.proto.arrow_data.styler.display_values)
    return shown.to_dict("records")


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
    # how old they are is told once, beside the pages
    (age,) = (c.value for c in at.caption if c.value.startswith("Published "))
    assert re.fullmatch(rf"Published (just now|.* ago) by run {run['run_number']}", age)
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
        for r in texts(at, "Error budgets of the current periods")
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
            r["availability_pct"],
            r["budget_remaining_seconds"],
        )
        for r in rows
    }
    (june,) = (
        r
        for r in texts(at, "Availability by service, region and period")
        if (r["Service"], r["Region"], r["Period"]) == ("chat", "eu-west", "2026-06")
    )
    assert (june["Availability"], june["Commitment"]) == ("99.88 %", "99.9 %")
    assert (june["Downtime"], june["Error budget"]) == ("49 min 41 s", "43 min 12 s")
    assert june["Budget left"] == "−6 min 29 s"


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
            (f"{i['started_at']:%Y-%m-%d %H:%M:%S}", i["downtime_seconds"]) for i in intervals
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
    assert len(tables(at)["Credits by subscription, month and currency"]) == len(credits)
    fees = {(r["Month"], r["Currency"]): r["Fees"] for r in texts(at, next(iter(tables(at))))}
    assert [fees["2026-08", currency] for currency in ("EUR", "JPY", "KWD", "USD")] == [
        "3,750.00",
        "594,000",
        "1,230.375",
        "4,499.97",
    ]

    at = app(
        monkeypatch,
        sample.warehouse,
        "credits",
        months=["2026-06"],
        currencies=["EUR", "KWD"],
        customers=["C01", "C04", "C05"],
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


def test_exceptions_between_due_and_issued_come_first(
    monkeypatch: pytest.MonkeyPatch, sample: Published
) -> None:
    at = app(monkeypatch, sample.warehouse, "reconciliation")
    rows = sample.mart("credit_reconciliation")
    odd = [r for r in rows if r["difference"] or r["flags"]]
    assert odd
    assert len(odd) < len(rows)
    assert list(tables(at)) == [
        "Exceptions between due and issued",
        "Credits issued as due",
    ]
    shown = tables(at)["Exceptions between due and issued"]
    assert {
        (r["Subscription"], r["Month"], r["Due"], r["Issued"], r["Difference"]) for r in shown
    } == {
        (
            r["subscription_id"],
            f"{r['month']:%Y-%m}",
            r["due_amount"],
            r["issued_amount"],
            r["difference"],
        )
        for r in odd
    }
    by_subscription = {(r["Subscription"], r["Month"]): r["Finding"] for r in shown}
    assert by_subscription["C02-chat", "2026-06"] == "not due"
    assert (
        by_subscription["C01-chat", "2026-07"]
        == "too little issued, on an invoice of the credited period or earlier"
    )
    for sign, label in ((1, "Still to be issued"), (-1, "Issued in excess")):
        for currency in {r["currency"] for r in rows}:
            amount = sum(
                sign * r["difference"]
                for r in rows
                if r["currency"] == currency and sign * r["difference"] > 0
            )
            assert not amount or f"**{money(amount, currency)}**" in words(at), label


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
    assert f"{due}, a {due:%A}** · 15 days left" in words(at)


def test_a_statement_shows_its_changes_and_the_files_in_between(
    monkeypatch: pytest.MonkeyPatch, corrected: Published
) -> None:
    at = app(monkeypatch, corrected.warehouse, "statements")
    assert metrics(at) == {"Statements in force": "1", "Versions issued": "2", "Corrections": "1"}
    before, after = corrected.query(
        "select * from marts.credit_statements order by statement_version"
    )

    def stated(name: str, version: dict[str, Any]) -> str:
        value = version[name]
        if not isinstance(value, Decimal):
            return str(value).replace("_", " ")
        return exact_pct(value) if name.endswith("_pct") else money(value, version["currency"])

    changed = tables(at)["Changes of version 2"]
    assert {(r["Value"].replace(" ", "_"), r["Before"], r["After"]) for r in changed} == {
        (name, *(stated(name, version) for version in (before, after)))
        for name in after["changed"].split(",")
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
    # the filter is there, and so is a way back
    assert len(at.multiselect) + len(at.selectbox) >= 1
    at.button[0].click().run()
    assert not at.exception
    assert at.dataframe or page == "report"
    assert not re.search("nobody's", words(at))


def test_a_long_table_says_that_it_is_cut() -> None:
    def page() -> None:
        from makegood.dashboards.app import components

        rows = [{"rows": 1_000 * n, "currency": "JPY" if n % 2 else "EUR"} for n in range(2_001)]
        columns = {"Rows": components.number("rows"), "Currency": "currency"}
        components.table(rows, columns, name="Long")

    at = AppTest.from_function(page, default_timeout=60).run()
    assert not at.exception
    assert [r["Rows"] for r in tables(at)["Long"]] == [1_000 * n for n in range(2_000)]
    assert texts(at, "Long")[1_234] == {"Rows": "1,234,000", "Currency": "EUR"}
    assert at.caption[0].value == "These are the first 2,000 of 2,001 rows."


def test_a_choice_leads_out_of_an_unknown_address(
    monkeypatch: pytest.MonkeyPatch, sample: Published
) -> None:
    at = app(monkeypatch, sample.warehouse, "tickets", severities="P9")
    at.multiselect[1].select("P3").run()
    shown = tables(at)["Open tickets, the most urgent first"]
    assert {r["Severity"] for r in shown} == {"P3"}
    assert at.query_params["severities"] == "P3"
    # emptied again, the filter shows all
    at.multiselect[1].unselect("P3").run()
    assert len(tables(at)["Open tickets, the most urgent first"]) > len(shown)
    at = app(monkeypatch, sample.warehouse, "proof", subscription="nobody's")
    at.selectbox[0].select("C05-chat").run()
    assert "1. Agreed terms" in words(at)
    assert at.query_params["subscription"] == "C05-chat"


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
    late = {r["Ticket"]: r for r in texts(at, "Open tickets, the most urgent first")}["T-open-4"]
    # 112 h late on a clock that stops: not 4 days and 16 h
    assert (late["Next update due in"], late["Resolution due in"]) == (
        "112 h late",
        "93 h 56 min late",
    )
    for row in shown:
        ticket = tickets[row["Ticket"]]
        left = ticket["update_remaining_s"]
        assert row["Next update due in"] == left
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
    ) == sorted(g["unknown_seconds"] for g in gaps)
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
            assert page.title() == f"{listed.title} · Makegood"
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
        # cells have exact values, of which texts are shown
        assert (Decimal(row["Credit"]), Decimal(row["Credit, %"])) == (
            expected[0]["credit_amount"],
            expected[0]["credit_pct"],
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
        link = page.get_by_role("link", name="The SLA report of this month")
        looks = "e => getComputedStyle(e.querySelector('p')).textDecorationLine"
        assert link.evaluate(looks) == "underline"
        link.click()
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
        page.get_by_test_id("stSidebar").get_by_text("by run 2").wait_for()
        page.close()


def test_names_are_escaped_where_pages_read_markdown() -> None:
    assert plain("**a** [b](c)") == r"\*\*a\*\* \[b\]\(c\)"
