"""The pages: none fails on any warehouse, all show what the marts hold, and links work."""

import csv
import html
import io
import itertools
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.parse
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
from typer.testing import CliRunner

from makegood.dashboards.app import published as published_rows
from makegood.dashboards.app.navigation import PAGES
from makegood.dashboards.figures.overview import worse
from makegood.dashboards.figures.queries import age_of
from makegood.dashboards.figures.style import duration, exact_pct, money, share_of
from makegood.dashboards.figures.words import plain
from makegood.ingestion.sample import write
from makegood.orchestration.cli import app as cli
from tests import conftest
from tests.conftest import (
    Published,
    Runner,
    contract,
    published_once,
    some_of,
    write_contracts,
    write_landing,
)
from tests.models import test_second_opinions as second_opinions
from tests.models.test_credit_examples import DAY, Examples
from tests.models.test_credit_line import deliver
from tests.support.overview import check_first_screen, screen_of

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


def markup(at: AppTest) -> str:
    """What a page has as HTML, without its style."""
    return re.sub(r"<style>.*?</style>", "", "\n".join(e.value for e in at.html), flags=re.DOTALL)


def tones(at: AppTest) -> list[str]:
    """How the lines of the first screen are to be taken, in order."""
    return re.findall(r'<li data-tone="([^"]*)"', markup(at))


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
    read = re.sub(r"\\(.)", r"\1", "\n".join(found))
    blocks = re.sub(r"</?(li|h2|h3|p|td|tr|small|section)\b", r"\n\g<0>", markup(at))
    return f"{read}\n{html.unescape(re.sub(r'<[^>]*>', '', blocks))}"


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
@pytest.mark.parametrize(
    "warehouse",
    some_of(["sample", "empty", "corrected", "faulty", "both_sides", "real"], "sample", "empty"),
)
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


@pytest.mark.parametrize(
    "warehouse", some_of(["sample", "empty", "corrected", "faulty", "real"], "sample", "empty")
)
def test_the_first_screen_says_what_the_marts_hold(
    request: pytest.FixtureRequest, warehouse: str
) -> None:
    published: Published = request.getfixturevalue(warehouse)
    screen = check_first_screen(published)
    # limited to a contract, nothing is there of any other
    for standing in screen.standings:
        one = screen_of(published, standing.contract_id)
        assert [s.lines for s in one.standings] == [standing.lines]
        assert {f["contract_id"] for f in [*one.figures, *one.credits]} <= {standing.contract_id}


def test_leadership_sees_commitments_and_their_cost(
    monkeypatch: pytest.MonkeyPatch, sample: Published
) -> None:
    at = app(monkeypatch, sample.warehouse)
    screen = screen_of(sample)
    found = words(at)
    for line in (line for standing in screen.standings for line in standing.lines):
        assert line.text in found
    for line in [*worse.lines(screen.compared)[:3], *(s.line for s in screen.steps)]:
        assert line.text in found
    # the sentences of the sample, by hand
    assert (
        "April to June 2026: none of 5 regions is known to have missed its commitment, but "
        "evidence is thin: monitoring saw 32.79 % to 32.88 % of the time."
    ) in found
    assert (
        "July to September 2026 so far: 1 of 5 regions has used up its error budget: "
        "messaging · eu-west; 1 more will have used it up by 2026-08-29: messaging · us-east; 3 "
        "are on track."
    ) in found
    assert "July 2026: all 3 regions kept their commitment." in found
    assert "Support. July 2026: 69.23 % in time (9 of 13 cases), goal of 90 %" in found
    assert set(tones(at)) == {"thin evidence", "missed", "kept", "at risk"}
    # each amount leads to its list, which adds up to it
    (owed,) = re.findall(
        r'<td data-of="owed"><a href="(reconciliation[^"]*)">25.00</a>', markup(at)
    )
    assert owed == "reconciliation?currencies=EUR"
    for of, amount_, address in re.findall(
        r'<td data-of="(\w+)"><a href="(?:\w+)\?([^"]*)">([\d.,]+)</a>', markup(at)
    ):
        query = urllib.parse.parse_qs(html.unescape(amount_))
        listed = [
            c
            for c in sample.mart("credits")
            if c["currency"] in query["currencies"]
            and c["exposure"] in query.get("exposures", [])
            and f"{c['month']:%Y-%m}" in query.get("months", [f"{c['month']:%Y-%m}"])
        ]
        if of not in ("owed", "expiring"):
            assert sum(c["credit_amount"] for c in listed) == Decimal(address.replace(",", ""))
    budgets = sample.mart("error_budgets")
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
    shown = [r["Status"] for r in tables(at)["Error budgets of the current periods"]]
    assert shown == ["exhausted", "at risk", *["on track"] * 6]
    assert [r["Runs out"] for r in tables(at)["Error budgets of the current periods"]][:2] == [
        "used up",
        "2026-08-29",
    ]
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
    fees = {(r["Month"], r["Currency"]): r["Fees"] for r in texts(at, next(iter(tables(at))))}
    assert [fees["2026-08", currency] for currency in ("EUR", "JPY", "KWD", "USD")] == [
        "3,750.00",
        "594,000",
        "1,230.375",
        "4,499.97",
    ]
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


@pytest.mark.long
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
    # each batch has a file of its own
    assert "--out credit-notes-2026-07-batch-000001.csv" in at.code[0].value

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
    (over,) = tables(at)["To be corrected in billing"]
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
    assert f"{due}, a {due:%A}** · 15 days left" in words(at)


@pytest.mark.long
def test_claims_of_our_own_are_beside_what_incidents_cost(
    monkeypatch: pytest.MonkeyPatch, both_sides: Published
) -> None:
    at = app(monkeypatch, both_sides.warehouse, "own_claims")
    shown = tables(at)
    assert [(r["Agreement"], r["Claim"], r["Status"]) for r in shown["Claims of our own"]] == [
        ("cloud", 30, "claimable"),
        ("cloud", 30, "claimable"),
        ("cloud", 30, "claimable"),
        ("east", 30, "lapsed"),
    ]
    assert [
        tuple(r[c] for c in ("Incident", "We owe", "We can claim", "Net", "Lost"))
        for r in shown["What we owe and can claim, by incident"]
    ] == [("INC-1", 100, 30, 70, 0), ("none", 0, 60, -60, 30)]
    assert "90.00 EUR (3 claims) from **cloud** can be claimed until 2026-08-31" in words(at)
    lapsed = app(monkeypatch, both_sides.warehouse, "own_claims", status=["lapsed"])
    assert [r["Agreement"] for r in tables(lapsed)["Claims of our own"]] == ["east"]
    proof = app(
        monkeypatch, both_sides.warehouse, "proof", subscription="azure-eu", month="2026-06"
    )
    assert "X-1" in str(tables(proof))


def test_providers_of_ours_are_no_commitments_of_ours(
    monkeypatch: pytest.MonkeyPatch, both_sides: Published
) -> None:
    overview = app(monkeypatch, both_sides.warehouse)
    assert "July 2026: chat · eu kept its commitment." in markup(overview)
    assert "azure" not in words(overview) + markup(overview)
    availability = app(monkeypatch, both_sides.warehouse, "availability", contract="cloud")
    assert metrics(availability)["Commitments missed"] == "0 of 0"
    assert "We are the customer under this contract" in words(availability)
    report = app(monkeypatch, both_sides.warehouse, "report")
    assert report.selectbox[0].options == ["chat-eu · buyer"]
    coverage = app(monkeypatch, both_sides.warehouse, "coverage")
    name = "Coverage of each figure, the lowest first"
    assert {r["Contract"] for r in tables(coverage)[name]} == {"ours"}
    assert "Without cloud, east, unless chosen: we are the customer there." in words(coverage)
    coverage = app(monkeypatch, both_sides.warehouse, "coverage", contracts=["cloud"])
    assert {r["Contract"] for r in tables(coverage)[name]} == {"cloud"}


def test_the_overview_of_an_older_version_says_so(
    monkeypatch: pytest.MonkeyPatch, both_sides: Published
) -> None:
    """Version 0.4.0 had no status of error budgets."""
    query = published_rows.rows

    def older(sql: str, *parameters: Any) -> list[dict[str, Any]]:
        return [
            {name: value for name, value in row.items() if name != "budget_status"}
            for row in query(sql, *parameters)
        ]

    monkeypatch.setattr(published_rows, "rows", older)
    at = app(monkeypatch, both_sides.warehouse)
    assert "An older version published these figures" in words(at)
    assert not markup(at)


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
    # the result, with its five lines
    assert [sentence for sentence in proof.result if sentence not in said] == []
    assert len(proof.derivation) == 5
    for number, line in enumerate(proof.derivation, 1):
        assert f"{number}. {line.title}: {line.sentences[0]}" in said
    # evidence is that of the picked row or the first: only the terms are folded
    assert len(at.expander) == 1
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


@pytest.mark.long
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


@pytest.mark.long
def test_months_are_over_by_the_clock_of_the_contract(
    monkeypatch: pytest.MonkeyPatch, publish: Runner, tmp_path: Path
) -> None:
    """T3: at 02:00 UTC on 1 August July is over in Auckland and in UTC, but not in New York."""
    terms = {
        "severity": {"levels": ["P1"]},
        "resolution": {"P1": {"target": "4h", "clock": "24x7"}, "attainment_pct": 90},
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
    late = {
        row["Of"]: (row["Now"], row["Before, or why it can't be compared"])
        for row in tables(app(monkeypatch, published.warehouse))[
            "Rates against the like period before"
        ]
        if row["Measure"] == worse.LATE
    }
    assert late == {
        contracts["auckland"]["name"]: (
            "0.00 % (0 of 1) in July 2026",
            "100.00 % (1 of 1) in June 2026",
        ),
        contracts["new_york"]["name"]: ("June 2026", "no resolution due in one of the months"),
    }
    # a month without cases is no goal that was kept (Z6)
    results = {
        name: {r["Month"]: (r["In time"], r["Result"]) for r in next(iter(by_month))}
        for name in zones
        for by_month in [
            [rows for title, rows in tables(at).items() if "by severity and month" in title]
            for at in [app(monkeypatch, published.warehouse, "support", contracts=[name])]
        ]
    }
    june = {"2026-06": ("0.00 %", "goal missed")}
    assert results == {
        "auckland": june
        | {"2026-07": ("100.00 %", "goal reached"), "2026-08": ("no cases", "no cases so far")},
        "new_york": june | {"2026-07": ("100.00 %", "goal reached so far")},
    }
    # July is not over for all
    found = words(app(monkeypatch, published.warehouse, "support"))
    assert "**June 2026:** 0.00 % resolved in time, 0 of 2 tickets" in found
    assert "**July 2026 so far:** 100.00 % resolved in time, 2 of 2 tickets" in found


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


def outcomes(tickets: list[dict[str, Any]], of: str = "resolution") -> tuple[int, int, int]:
    """Met, met and missed, and pending."""
    found = [t[f"{of}_outcome"] for t in tickets if t["status"] == "counted"]
    return found.count("met"), found.count("met") + found.count("missed"), found.count("pending")


@pytest.mark.long
def test_support_performance_adds_up_over_the_tickets(
    monkeypatch: pytest.MonkeyPatch, sample: Published
) -> None:
    at = app(monkeypatch, sample.warehouse, "support")
    tickets = sample.query(
        """select t.*, s.customer_name from marts.ticket_sla as t
           inner join marts.subscriptions as s using (subscription_id)"""
    )
    shown = {
        (r["Severity"], r["Month"]): (r["Tickets"] - r["Missed"], r["Tickets"], r["Pending"])
        for r in tables(at)["Resolved in time by severity and month, missed goals first"]
    }
    assert any(cases for _, cases, _ in shown.values())
    assert any(pending for _, _, pending in shown.values())
    for (severity, month), counts in shown.items():
        own = [t for t in tickets if (t["severity"], f"{t['month']:%Y-%m}") == (severity, month)]
        assert counts == outcomes(own)
    # each goal that is reached or missed, as the mart has it by place, and exactly
    for row in tables(at)["Resolved in time by severity and month, missed goals first"]:
        met, cases, _ = shown[row["Severity"], row["Month"]]
        reached = "no cases" if not cases else "goal reached" if met * 10 >= cases * 9 else "missed"
        assert reached in row["Result"]
        assert (row["Month"] == "2026-08") == row["Result"].endswith("so far")
    by_customer = tables(at)["Missed targets by customer"]
    assert {r["Customer"]: r["Missed"] for r in by_customer} == {
        name: cases - met
        for name in {t["customer_name"] for t in tickets}
        for met, cases, _ in [outcomes([t for t in tickets if t["customer_name"] == name])]
        if cases
    }
    assert [r["Missed"] for r in by_customer] == sorted(
        (r["Missed"] for r in by_customer), reverse=True
    )
    waiting = sample.mart("open_tickets")
    assert metrics(at)["Open now"] == str(len(waiting)) != "0"
    backlog = tables(at)["Open tickets by severity and age"]
    assert sum(r["Open"] for r in backlog) == len(waiting)
    names = {c["contract_name"]: c["contract_id"] for c in sample.mart("contracts")}
    (run,) = sample.query("select as_of from quality.runs")
    for row in backlog:
        of = (row["Severity"], names[row["Contract"]])
        own = [t for t in waiting if (t["severity"], t["contract_id"]) == of]
        oldest = min(own, key=lambda t: t["clock_started_at"])
        age = run["as_of"] - oldest["clock_started_at"]
        assert (row["Open"], row["Oldest"]) == (len(own), int(age.total_seconds()))
    for by, column in (("service and region", "Service and region"), ("hour of receipt", None)):
        at = app(monkeypatch, sample.warehouse, "support", by=by, target="response")
        groups = tables(at)[f"Missed targets by {by}"]
        met, cases, _ = outcomes(tickets, "response")
        assert sum(r["Tickets"] for r in groups) == cases
        assert sum(r["Missed"] for r in groups) == cases - met
        assert column is None or all(" · " in r[column] for r in groups)


def test_support_times_are_those_of_the_mart_where_both_have_them(
    monkeypatch: pytest.MonkeyPatch, sample: Published
) -> None:
    """Of one service, region and month: percentiles of several months are not in the mart."""
    mart = [r for r in sample.mart("support_times") if r["stopped"] > 1]
    row = max(mart, key=lambda r: (r["stopped"], r["median_seconds"]))
    at = app(
        monkeypatch,
        sample.warehouse,
        "support",
        contracts=[row["contract_id"]],
        services=[row["service_id"]],
        regions=[row["region"]],
        months=[f"{row['month']:%Y-%m}"],
    )
    own = [
        r
        for r in sample.mart("support_times")
        if all(r[k] == row[k] for k in ("contract_id", "service_id", "region", "month"))
    ]
    assert {
        (r["Time to"], r["Severity"]): tuple(
            r[k] for k in ("Median", "90 % within", "95 % within", "Mean", "Tickets", "Still open")
        )
        for r in tables(at)["Time to response and resolution by severity"]
    } == {
        (r["target"], r["severity"]): (
            *(r[f"{p}_seconds"] for p in ("median", "p90", "p95")),
            duration(
                None if r["mean_seconds"] is None else int(r["mean_seconds"] + Decimal("0.5")),
                in_hours=True,
            ),
            r["stopped"],
            r["still_open"],
        )
        for r in own
        if r["stopped"] + r["still_open"]
    }


def test_real_tickets_miss_the_goal_by_far(
    monkeypatch: pytest.MonkeyPatch, real: Published
) -> None:
    at = app(monkeypatch, real.warehouse, "support")
    assert [
        (r["Severity"], r["In time"], r["Goal"]) for r in tables(at)["Resolved in time by severity"]
    ] == [("P1", "21.69 %", "90 %"), ("P2", "36.36 %", "90 %"), ("P3", "80.58 %", "90 %")]
    assert "July 2026:** 83.59 % resolved in time, 6,325 of 7,567 tickets" in words(at)


def test_support_says_what_is_incomplete(
    monkeypatch: pytest.MonkeyPatch, faulty: Published
) -> None:
    incomplete = {
        (t["severity"], f"{t['month']:%Y-%m}")
        for t in faulty.mart("ticket_sla")
        if t["is_incomplete"] and t["resolution_outcome"]
    }
    assert incomplete
    at = app(monkeypatch, faulty.warehouse, "support")
    shown = {
        (r["Severity"], r["Month"]): r["Result"]
        for r in tables(at)["Resolved in time by severity and month, missed goals first"]
    }
    assert incomplete <= {key for key, words in shown.items() if "incomplete data" in words}
    assert metrics(at)["On incomplete data"] != f"0 of {len(shown)}"


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


def test_second_opinions_are_counted_with_their_reasons(
    monkeypatch: pytest.MonkeyPatch, sample: Published
) -> None:
    """The sample's ticket system counts responses from receipt, and all else as we do."""
    rows = [r for r in sample.mart("second_opinions") if r["promise"] == "response"]
    differing = [r for r in rows if r["is_agreed"] is False]
    compared = [r for r in rows if r["is_agreed"] is not None]
    assert 0 < len(differing) < len(compared)
    at = app(monkeypatch, sample.warehouse, "opinions", promise="response")
    share = share_of(len(differing), len(compared))
    explained = f"{len(differing)} of {len(differing)}"
    assert metrics(at)["Verdicts that differ"] == share
    assert metrics(at)["Explained"] == explained
    (reason,) = tables(at)["Reasons of differing verdicts"]
    assert (reason["Reason"], reason["First"], reason["Holds"]) == (
        "clock start",
        len(differing),
        len(differing),
    )
    # the ticket system goes by it, so that nothing that agrees today would differ
    assert reason["Unsettles"] == 0
    shown = tables(at)["Tickets on which verdicts differ"]
    assert {r["Ticket"] for r in shown} == {r["ticket_id"] for r in differing}
    assert {(r["Ticket system"], r["Ours"]) for r in shown} == {("missed", "met")}
    months = tables(at)["Verdicts by contract and month of receipt"]
    assert sum(m["Differing"] for m in months) == len(differing)
    none = app(monkeypatch, sample.warehouse, "opinions", promise="resolution")
    assert metrics(none)["Explained"] == "0 of 0"
    assert "Both judge alike." in words(none)


def test_a_reason_that_would_unsettle_more_than_it_explains_says_so(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Two tickets that closing explains, and three that it would make differ; P3 would keep both
    of its own."""
    world = second_opinions.World(second_opinions.agreed())
    for n, resolution in enumerate((False, False, True, True, True)):
        life = ("resolved", "10:00")
        world.ticket(f"p1-{n}", life, closed="14:00", resolution=resolution)
    for n in range(2):
        life = ("resolved", "12:00")
        world.ticket(f"p3-{n}", life, closed="14:00", severity="P3", resolution=True)
    contracts = write_contracts(tmp_path / "contracts", second_opinions.agreed())
    landing = write_landing(tmp_path / "landing", world.feeds)
    found = published_once(landing, tmp_path / "warehouse", second_opinions.AS_OF, contracts)
    at = app(monkeypatch, found.warehouse, "opinions", promise="resolution")
    (reason,) = tables(at)["Reasons of differing verdicts"]
    assert (reason["Reason"], reason["Holds"], reason["Unsettles"]) == ("clock stop", 2, 3)


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


@pytest.mark.parametrize(
    ("width", "scheme"), [(1366, "light"), pytest.param(390, "dark", marks=pytest.mark.long)]
)
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


def test_the_first_screen_fits_on_a_small_laptop(
    chromium: Any, served: str, sample: Published
) -> None:
    """Its blocks end above the fold, side by side without touching, and lead to their lists."""
    context = chromium.new_context(viewport={"width": 1366, "height": 768})
    page = context.new_page()
    try:
        page.goto(served)
        settled(page, PAGES[0].title)
        blocks = {
            name: page.get_by_role("region", name=name, exact=True)
            for name in ("Commitments", "Cost", "Got worse", "Do next")
        }
        boxes = []
        for name, block in blocks.items():
            block.wait_for()
            box = block.bounding_box()
            assert box["y"] + box["height"] <= 768, f"{name} ends below the fold"
            assert block.evaluate("e => e.scrollWidth <= e.clientWidth"), f"{name} is cut off"
            boxes.append(box)
        for one, other in itertools.combinations(boxes, 2):
            assert (
                one["x"] + one["width"] <= other["x"]
                or other["x"] + other["width"] <= one["x"]
                or one["y"] + one["height"] <= other["y"]
                or other["y"] + other["height"] <= one["y"]
            )
        screen = screen_of(sample)
        for standing in screen.standings:
            for line in standing.lines:
                assert line.text in blocks["Commitments"].inner_text()
        for step in screen.steps:
            assert step.line.text in blocks["Do next"].inner_text()
        # one legend for all heat maps
        assert page.get_by_text("thin evidence", exact=True).count() == 1
        blocks["Cost"].get_by_role("link", name="61.519").click()
        settled(page, "Credits")
        (row,) = cells(page, "Credits by subscription, month and currency")
        assert (row["Currency"], Decimal(row["Credit"])) == ("KWD", Decimal("61.519"))
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
        rounded = f"= {money(expected[0]['credit_amount'], 'EUR')}, rounded once"
        page.get_by_text(rounded).first.wait_for()
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
        # as the command names it
        name = f"{expected[0]['subscription_id']}-2026-06"
        assert download.value.suggested_filename == f"{name}.pdf"
        page.get_by_role("textbox", name="Customer's reference").fill("PO 4711")
        page.keyboard.press("Enter")
        shown = page.frame_locator("iframe").get_by_text("PO 4711")
        shown.wait_for(timeout=30_000)
        with page.expect_download() as download:
            page.get_by_role("button", name="Lists", exact=True).click()
        assert download.value.suggested_filename == f"{name}-lists.xlsx"
        lists = openpyxl.load_workbook(io.BytesIO(download.value.path().read_bytes()))
        assert lists.sheetnames == ["Downtime", "Tickets"]
    finally:
        context.close()


def pick(page: Any, name: str, row: int) -> None:
    """Clicks a row of a table, which is drawn. `name`: the accessible name of the table."""
    grid = page.get_by_role("region", name=name, exact=True).get_by_test_id("data-grid-canvas")
    grid.wait_for(timeout=30_000)
    grid.scroll_into_view_if_needed()
    # rows are 35 pixels high, the head too
    box = grid.bounding_box()
    page.mouse.click(box["x"] + 17, box["y"] + 35 * (row + 1) + 17)
    page.wait_for_timeout(500)
    page.wait_for_function(QUIET, timeout=60_000)


@pytest.mark.long
def test_from_a_missed_goal_to_the_events_of_a_ticket_in_a_browser(
    chromium: Any, served: str, sample: Published
) -> None:
    context = chromium.new_context(viewport={"width": 1366, "height": 1000})
    page = context.new_page()
    try:
        page.goto(f"{served}/support?contracts=trueengage&months=2026-07")
        settled(page, "Support performance")
        name = "Resolved in time by severity and month, missed goals first"
        (worst, *_) = cells(page, name)
        assert worst["Result"] == "goal missed"
        pick(page, name, 0)
        title = f"Tickets behind {worst['Severity']}, 2026-07"
        shown = cells(page, title)
        tickets = sample.query(
            f"""select * from marts.ticket_sla
                where status = 'counted' and contract_id = 'trueengage'
                  and month = '2026-07-01' and severity = '{worst["Severity"]}'
                  and resolution_outcome is not null"""
        )
        # a long table has only the rows on the screen
        assert 0 < len({r["Ticket"] for r in shown}) <= len(tickets)
        assert {r["Ticket"] for r in shown} <= {t["ticket_id"] for t in tickets}
        assert shown[0]["Outcome"] == "missed"
        pick(page, title, 0)
        events = cells(page, "Events of the ticket")
        expected = sample.query(
            f"""select * from marts.ticket_events where ticket_id = '{shown[0]["Ticket"]}'
                order by sequence"""
        )
        assert [(e["Event"], e["File"], int(e["Line"])) for e in events] == [
            (e["event"], e["file"], e["line"]) for e in expected
        ]
        link = page.get_by_role("link", name=re.compile("^Proof of the credit of"))
        link.click()
        settled(page, "Proof of a credit")
        assert "month=2026-07" in page.url
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
