"""A customer's SLA report (Z4): it has the figures of the marts, every kind of file has all of it,
and names from feeds are harmless in it."""

import hashlib
import html
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from functools import cache
from html.parser import HTMLParser
from io import BytesIO
from itertools import pairwise
from pathlib import Path
from typing import Any

import openpyxl
import pypdf
import pypdfium2
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner, Result

from makegood.dashboards.access.reader import EVERYTHING, Reader, Viewer, opened
from makegood.dashboards.figures.style import money
from makegood.dashboards.figures.words import printable
from makegood.dashboards.proof import NotFound
from makegood.dashboards.reports import FORMATS, Format, lists, render
from makegood.dashboards.reports import figures as read
from makegood.dashboards.reports.branding import Branding, Logo
from makegood.dashboards.reports.content import report_of
from makegood.dashboards.reports.document import (
    Cell,
    Column,
    Fact,
    Facts,
    Kind,
    Money,
    Report,
    Section,
    Strip,
    Table,
    Timeline,
    footer,
    shown,
    walk,
)
from makegood.dashboards.reports.names import file_names
from makegood.dashboards.reports.timeline import strip_svg
from makegood.orchestration import cli
from makegood.orchestration.output import reports
from makegood.orchestration.output.summary import summary
from makegood.orchestration.pipeline import run as line
from tests import conftest
from tests.conftest import (
    CONTRACTS,
    Feeds,
    Published,
    Rows,
    published_once,
    some_of,
    write_contracts,
    write_landing,
)
from tests.e2e.test_command import makegood
from tests.e2e.test_security import HOSTILE, hostile_world, together
from tests.models.test_credit_examples import AS_OF, DAY, Examples, amended, made
from tests.support.reference_credits import nearest_rank

JUNE, JULY, AUGUST, SEPTEMBER = (date(2026, m, 1) for m in (6, 7, 8, 9))
# a name in letters that no font of the compiler has, and a very long one
FOREIGN = "株式会社 😀"
ENDLESS = "x" * 40_000


def odd_world() -> Feeds:
    """The worked examples, a subscription for each hostile name, and what is odd in other ways."""
    e: Examples = made()
    e.subscription("Same").subscription("same")
    # nobody has ever measured it
    e.feeds["services"].append(
        {"service_id": "dark", "name": FOREIGN, "contract_id": "trueengage", "lifecycle": "ga"}
    )
    e.feeds["customers"].append({"customer_id": "of-dark", "name": ENDLESS})
    span = {
        "support_plan": "premium",
        "kind": "paid",
        "status": "active",
        "valid_from": "2026-06-01",
    }
    e.feeds["subscriptions"].append(
        {
            "subscription_id": "dark",
            "customer_id": "of-dark",
            "service_id": "dark",
            "region": "nowhere",
            **span,
        }
    )
    e.subscription("asks_twice").outage(0, 2593).line("10.00", currency="KWD").request(
        "2026-07-01"
    ).request("2026-07-02")
    # all of June is excluded
    e.subscription("closed").exclusion("force_majeure", -10 * 86_400, 25 * 86_400)
    e.subscription("gone", spans=[{"valid_from": "2026-01-01", "valid_to": "2026-05-31"}], fee=None)
    # billed before it begins, and not even that
    e.subscription("unborn", spans=[{"valid_from": "2026-10-01"}])
    e.subscription("to_come", spans=[{"valid_from": "2026-10-01"}], fee=None)
    # in September, which is not over; in August, which can be claimed, in one of two currencies
    e.subscription("asked_early", fee=None).outage(88 * DAY, 88 * DAY + 2593).line(
        "1000.00", first="2026-09-01", last="2026-09-30"
    )
    e.request("2026-09-09", month="2026-09-01").request("2026-09-08", month="2026-09-01")
    e.subscription("refunded", fee=None).outage(62 * DAY, 62 * DAY + 3000)
    for amount, currency in (("10.00", "USD"), ("100.00", "EUR"), ("-100.00", "EUR")):
        e.line(amount, first="2026-08-01", last="2026-08-31", currency=currency)
    # under a third contract, with its own words; in June asked for, in August not
    e.subscription("by_third", contract_id="third").outage(0, 2593).request("2026-07-01")
    e.outage(62 * DAY, 62 * DAY + 3000).line("1000.00", first="2026-08-01", last="2026-08-31")
    # more overdue invoices than a line of text
    e.subscription("arrears").outage(0, 2593).request("2026-07-20")
    for _ in range(150):
        e.line("10.00", first="", last="", kind="tax", invoice=e.invoice(due="2026-07-19"))
    # without credits: exclusions for everyone (in the month and in the quarter) and for a customer
    e.subscription("excused", contract_id="connect_engage", fee=None).outage(0, 3600)
    e.exclusion("third_party", 0, 1800).exclusion("force_majeure", -30 * DAY, -30 * DAY + 60)
    e.exclusion("third_party", -71 * DAY, -71 * DAY + 60).exclusion(
        "customer_caused", 2000, 2600, customer_id="of-excused"
    )
    # amended terms, with a figure of its own and without; monitoring ends on the 20th
    for name, kind in (("lenient", "paid"), ("lenient_trial", "trial")):
        e.subscription(name, contract_id="amended", spans=[{"kind": kind}]).outage(0, 600)
        next(o for o in e.feeds["outages"] if o["component_id"] == name and o["state"] == "up")[
            "ended_at"
        ] = "2026-06-20T00:00:00Z"
    e.subscription("repaired").outage(0, 2000).exclusion(
        "scheduled_maintenance", 0, 3600, announced_at="2026-06-01T00:00:00Z", change_type="api"
    )
    hostile = together([hostile_world(word) for word in HOSTILE])
    return {feed: [*rows, *hostile.pop(feed, [])] for feed, rows in e.feeds.items()} | hostile


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory) -> Published:
    folder = tmp_path_factory.mktemp("reports")
    agreed = amended()
    for name in ("lenient", "lenient_trial"):
        terms = {
            "downtime": {"min_consecutive_s": 300},
            "availability": {"min_coverage_pct": 50, "unknown_counts_as": "unavailable"},
        }
        agreed["amendments"].append(
            {
                "rank": "order_form",
                "subscription_id": name,
                "effective_from": date(2026, 6, 1),
                "terms": terms,
            }
        )
    third = yaml.safe_load((CONTRACTS / "trueengage.yaml").read_text()) | {
        "contract_id": "third",
        "name": "Third Agreement",
    }
    third["versions"][0]["terms"] |= {
        "clauses": {"A5": "clause 12"},
        "texts": {"payable": "It can be paid out.", "claim": "Call us to claim it."},
    }
    contracts = write_contracts(folder / "contracts", {"amended": agreed, "third": third})
    for path in CONTRACTS.glob("*.yaml"):
        (contracts / path.name).write_text(path.read_text())
    return published_once(
        write_landing(folder / "landing", odd_world()), folder / "warehouse", AS_OF, contracts
    )


@contextmanager
def reading(published: Published) -> Iterator[Reader]:
    with opened(published.database, EVERYTHING) as reader:
        yield reader


@cache
def of(published: Published, subscription_id: str, month: date = JUNE) -> Report:
    """Made once for all tests that read it."""
    with reading(published) as reader:
        return report_of(reader, subscription_id, month)


@cache
def rendered(report: Report, kind: Format) -> bytes:
    """Rendered once for all tests that read it."""
    return render(report, kind)


def facts_of(report: Report, caption: str) -> dict[str, Fact]:
    for block in walk(report.sections):
        if isinstance(block, Facts) and block.caption.startswith(caption):
            return {f.name: f for f in block.facts}
    return {}


def rows_of(report: Report, caption: str) -> list[tuple[Any, ...]]:
    return [
        row
        for block in walk(report.sections)
        if isinstance(block, Table) and block.caption.startswith(caption)
        for row in block.rows
    ]


def cards(report: Report) -> dict[str, list[Fact]]:
    found: dict[str, list[Fact]] = {}
    for fact in report.highlights:
        found.setdefault(fact.name, []).append(fact)
    return found


def said(report: Report) -> str:
    """All sentences, with what is noted beside values."""
    blocks = list(walk(report.sections))
    facts = [
        f
        for b in [*blocks, Facts("", report.highlights), report.head]
        if isinstance(b, Facts)
        for f in b.facts
    ]
    return "\n".join(
        [
            *report.opening,
            *report.notes,
            *(b for b in blocks if isinstance(b, str)),
            *(f"{f.name}: {shown(f.value, f.kind)}, {f.note}" for f in facts),
        ]
    )


# ---- what it says: all reports of both worlds, beside the marts


class Marts:
    """The marts of a publication, by subscription and month."""

    def __init__(self, published: Published) -> None:
        self.published = published
        self.tables = {name: published.mart(name) for name in TABLES}
        self.found: dict[tuple[str, ...], dict[tuple[Any, ...], Rows]] = {}

    def of(self, mart: str, **key: Any) -> Rows:
        if (mart, *key) not in self.found:
            index = self.found[mart, *key] = {}
            for row in self.tables[mart]:
                index.setdefault(tuple(row[k] for k in key), []).append(row)
        return self.found[mart, *key].get(tuple(key.values()), [])


@cache
def marts_of(published: Published) -> Marts:
    return Marts(published)


TABLES = (
    "subscriptions",
    "subscription_spans",
    "availability",
    "downtime_by_period",
    "coverage_gaps",
    "maintenance_notice",
    "credits",
    "credit_steps",
    "exclusions",
    "credit_exclusions",
    "credit_downtime",
    "ticket_sla",
    "resolution_performance",
    "configuration_hours",
    "credit_statements",
    "contracts",
    "agreed_terms",
    "credit_fee_lines",
)


def yaml_tiers(found: Rows) -> list[dict[str, Decimal]]:
    """Tiers as they are published: `[{below_pct: 99.9, credit_pct: 10}]`."""
    return [
        {key: Decimal(str(value)) for key, value in tier.items()}
        for row in found
        for tier in yaml.safe_load(row["value"])
    ]


def check(marts: Marts, report: Report, subscription: dict[str, Any], month: date) -> None:
    key = {"subscription_id": report.subscription_id, "month": month}
    place = {k: subscription[k] for k in ("contract_id", "service_id", "region")}
    steps = marts.of("credit_steps", **key)
    periods = [
        p
        for p in marts.of("availability", **place)
        if p["period_start"] <= month < (p["ends_at"] - timedelta(hours=12)).date()
    ]
    head = {f.name: f for f in report.head.facts}
    assert (head["Subscription"].value, head["Customer"].value) == (
        report.subscription_id,
        subscription["customer_name"],
    )

    # availability and downtime: the subscription's own, else the region's
    card, own, region = (
        cards(report),
        facts_of(report, "Availability of the subscription"),
        facts_of(report, "Availability of the region"),
    )
    covered = bool(steps) and steps[0]["covered_seconds"] > 0
    assert bool(own) == covered
    # nothing was seen of the figure that is shown: neither a state nor downtime
    shown_row = steps[0] if covered else periods[0] if periods else None
    unseen = shown_row is not None and shown_row["availability_pct"] is not None
    unseen = (
        unseen
        and not (periods and periods[0]["coverage_pct"])
        and not shown_row["downtime_seconds"]
    )
    if covered:
        (step,) = steps
        assert (own["Covered time"].value, own["Excluded time"].value) == (
            step["covered_seconds"],
            step["excluded_seconds"],
        )
        assert (own["Availability"].value, own["Downtime"].value) == (
            ("no data", "no data")
            if unseen
            else (step["availability_pct"], step["downtime_seconds"])
        )
        if step["availability_pct"] is not None and step["commitment_pct"] is not None:
            is_below = Fraction(step["up_seconds"] * 100, step["base_seconds"]) < Fraction(
                step["commitment_pct"]
            )
            word, _, thin = str(own["Result"].value).partition(", ")
            assert word == ("no data" if unseen else "missed" if is_below else "met")
            assert (thin == "on thin evidence") == (
                not unseen and (not periods or periods[0]["coverage_pct"] < 99)
            )
            assert word in card["Availability"][0].note
        assert card["Availability"][0].value == ("no data" if unseen else step["availability_pct"])
        intervals = marts.of("credit_downtime", **key)
    else:
        intervals = (
            marts.of("downtime_by_period", **place, period_start=periods[0]["period_start"])
            if periods
            else []
        )
        if periods:
            assert (region["Availability"].value, region["Downtime"].value) == (
                ("no data", "no data")
                if unseen
                else (periods[0]["availability_pct"], periods[0]["downtime_seconds"])
            )
        # nothing is promised to a subscription that is not covered
        assert ("Commitment" in region) == (not steps and bool(periods))
    counted = "counted_seconds" if covered else "downtime_seconds"
    listed = rows_of(report, "Downtime intervals")
    assert [(r[0], r[1], r[3]) for r in listed] == sorted(
        (i["started_at"], i["ended_at"], i[counted]) for i in intervals
    )
    if covered:
        assert sum(r[3] for r in listed) == steps[0]["downtime_seconds"]

    # coverage
    if periods:
        coverage = facts_of(report, "Coverage of the measurement")
        assert (coverage["Coverage"].value, coverage["Unknown time"].value) == (
            periods[0]["coverage_pct"],
            periods[0]["unknown_seconds"],
        )
        assert (
            sum(r[2] for r in rows_of(report, "Gaps in monitoring"))
            == periods[0]["unknown_seconds"]
        )
        pct = periods[0]["coverage_pct"]
        assert coverage["Evidence"].value == (
            "none"
            if not pct and not periods[0]["downtime_seconds"]
            else "too little"
            if pct < 99
            else "sufficient"
        )

    # tickets
    tickets = marts.of("ticket_sla", **key)
    assert {(r[0], r[1], r[4], r[5], r[6]) for r in rows_of(report, "Tickets received")} == {
        (t["ticket_id"], t["subject"], t["received_at"], t["responded_at"], t["resolved_at"])
        for t in tickets
    }
    incidents = [t for t in tickets if t["ticket_type"] == "incident"]
    assert card["Incidents"][0].value == len(incidents)
    counted_tickets = [t for t in tickets if t["status"] == "counted"]
    columns = (
        "response_elapsed_s",
        "response_outcome",
        "updates_missed",
        "resolution_elapsed_s",
        "resolution_target_s",
        "resolution_outcome",
        "delay_pct",
    )
    assert sorted(map(str, rows_of(report, "Times of each counted ticket"))) == sorted(
        str((t["ticket_id"], t["severity"], *(t[c] for c in columns))) for t in counted_tickets
    )
    outcomes = Counter(
        (t["ticket_type"].replace("_", " "), t["severity"], t["response_outcome"])
        for t in counted_tickets
    )
    resolved = Counter(
        (t["ticket_type"].replace("_", " "), t["severity"], t["resolution_outcome"])
        for t in counted_tickets
    )
    for kind, severity, _, *numbers in rows_of(report, "Tickets by outcome"):
        for n, outcome in enumerate(("met", "missed", "pending")):
            assert numbers[n] == outcomes[kind, severity, outcome]
            assert numbers[n + 6] == resolved[kind, severity, outcome]
    # of the subscription's own tickets, those still open beside them
    times: dict[tuple[str, str], tuple[list[int], list[int]]] = {}
    for target, of, stop in (
        ("response", "response_severity", "responded_at"),
        ("resolution", "severity", "resolved_at"),
    ):
        for t in counted_tickets:
            if (elapsed := t[f"{target}_elapsed_s"]) is not None:
                times.setdefault((target, t[of]), ([], []))[t[stop] is None].append(elapsed)
    assert {r[:2]: r[2:] for r in rows_of(report, "Time to response and resolution")} == {
        group: (
            len(done),
            len(still_open),
            *(nearest_rank(sorted(done), share) for share in (50, 90, 95)),
            int(Fraction(sum(done), len(done)) + Fraction(1, 2)) if done else None,
        )
        for group, (done, still_open) in times.items()
    }
    performance = marts.of("resolution_performance", **key)
    judged = facts_of(report, "Resolution performance of the month")
    assert bool(judged) == bool(performance)
    if performance:
        names = {
            "Incidents": "incidents",
            "Past the target": "missed",
            "Share past the target": "missed_pct",
            "Average delay": "average_delay_pct",
        }
        assert {n: judged[n].value for n in names} == {
            n: performance[0][column] for n, column in names.items()
        }
        assert (judged["Result"].value == "missed") == performance[0]["is_triggered"]

    # maintenance whose scope meets the subscription's, and that meets the time of the figure
    (contract,) = marts.of("contracts", contract_id=subscription["contract_id"])
    zone = read.ZoneInfo(contract["time_zone"])
    since, until = (
        datetime(m.year, m.month, 1, tzinfo=zone) for m in (month, (month + timedelta(days=31)))
    )
    if periods:
        since, until = periods[0]["starts_at"], periods[0]["ends_at"]
    scope = {
        "service_id": subscription["service_id"],
        "region": subscription["region"],
        "customer_id": subscription["customer_id"],
    }
    works = [
        m
        for m in marts.of("maintenance_notice", contract_id=subscription["contract_id"])
        if all(m[k] in (None, v) for k, v in scope.items())
    ]
    assert {r[0] for r in rows_of(report, "Maintenance of")} == {
        m["exclusion_id"] for m in works if m["starts_at"] < until and m["ends_at"] > since
    }

    excluded = (
        marts.of("credit_exclusions", **key)
        if covered
        else marts.of("exclusions", **place, period_start=periods[0]["period_start"])
        if periods
        else []
    )
    times = [
        (e["exclusion_id"], e["started_at"], e["ended_at"])
        for e in excluded
        if not e["kind"].endswith("_maintenance")
    ]
    assert sorted((r[0], r[2], r[3]) for r in rows_of(report, "Other excluded times")) == sorted(
        times
    )
    (timeline,) = (b for b in walk(report.sections) if isinstance(b, Timeline))
    (lane,) = (x for x in timeline.lanes if x.key == "exclusion")
    assert sorted(lane.intervals) == sorted(
        (max(start, since), min(end, until)) for _, start, end in times
    )

    hours = marts.of("configuration_hours", **key)
    assert [f.value for f in facts_of(report, "Configuration assistance, ").values()] == [
        h[c]
        for h in hours
        for c in ("included_minutes", "used_minutes", "remaining_minutes", "over_minutes")
    ]

    # the credit
    credits = marts.of("credits", **key)
    if not credits:
        assert [f.value for f in card["Service credit"]] == ["none"]
        return
    amounts = sorted((str(c["currency"]), c["credit_amount"]) for c in credits)
    assert (
        sorted(
            (str(f.value.currency), f.value.amount)
            for f in card["Service credit"]
            if isinstance(f.value, Money)
        )
        == amounts
    )
    in_short = rows_of(report, "Summary of the credit")
    assert bool(in_short) == covered
    for fee, availability, resolution, combined, pct, amount, payable in in_short:
        (row,) = (c for c in credits if c["currency"] == fee.currency)
        assert (fee.amount, amount.amount, payable.amount) == (
            row["monthly_fee"],
            row["credit_amount"],
            row["payable_amount"],
        )
        assert (availability, resolution, combined, pct) == tuple(
            row[c]
            for c in (
                "availability_credit_pct",
                "resolution_credit_pct",
                "combined_pct",
                "credit_pct",
            )
        )
    lines = marts.of("credit_fee_lines", **key)
    assert sorted((r[1], r[6].amount) for r in rows_of(report, "Invoice lines")) == sorted(
        (x["line_id"], x["month_amount"]) for x in lines
    )
    statements = [s for s in marts.of("credit_statements", **key) if s["is_current"]]
    assert all(
        f"version {s['statement_version']}" in str(head["Statement"].value) for s in statements
    )
    terms = marts.of("agreed_terms", terms_id=steps[0]["terms_id"])
    # a row for each term, but a clock is in the row of its target, and tiers have tables
    agreed = {
        t["policy_key"]: t["value"]
        for t in terms
        if not t["policy_key"].startswith(("clauses.", "texts."))
        and "_tiers" not in t["policy_key"]
    }
    assert len(rows_of(report, "Terms behind the figures")) == len(
        [k for k in agreed if not re.fullmatch(r"(response|updates|resolution)\..+\.clock", k)]
    )
    tiers = [t for t in terms if t["policy_key"] == "credits.availability_tiers"]
    assert [
        (Decimal(re.search(r"below ([0-9.]+) %", bound)[1]), pct)
        for bound, pct in rows_of(report, "Credit for availability")
    ] == [(t["below_pct"], t["credit_pct"]) for t in yaml_tiers(tiers)]


@pytest.mark.parametrize("world", some_of(["sample", "odd"], "sample"))
def test_a_report_says_what_the_marts_say(request: pytest.FixtureRequest, world: str) -> None:
    """Z4: every subscription of a month that is over, and of one that is not."""
    marts = marts_of(request.getfixturevalue(world))
    seen = Counter()
    with reading(marts.published) as reader:
        for month in [JUNE, AUGUST] if world == "sample" else [JUNE, SEPTEMBER]:
            # a report is the same work in each month: of the other one some will do
            for subscription_id in list(read.subscriptions_of(reader, month))[
                :: 1 if world == "sample" or month == JUNE else 5
            ]:
                (subscription,) = marts.of("subscriptions", subscription_id=subscription_id)
                report = of(marts.published, subscription_id, month)
                check(marts, report, subscription, month)
                seen[str({f.name: f.value for f in report.head.facts}["Status"])] += 1
                seen[subscription["contract_id"]] += 1
    assert (
        min(
            seen["final"],
            seen["provisional"],
            seen["trueengage"],
            seen["connect_engage"] if world == "sample" else 1,
        )
        > 0
    )


@pytest.mark.long
def test_there_is_a_report_for_each_span(sample: Published, odd: Published) -> None:
    """--all: each subscription with a span or a fee in the month, from the first version of its
    contract (T5) to the month of as_of (T3)."""
    for published, months in (
        (sample, [date(2026, 5, 1), JUNE, AUGUST]),
        (odd, [date(2026, 5, 1), JUNE, SEPTEMBER]),
    ):
        marts = marts_of(published)
        first = {"connect_engage": date(2024, 7, 1)} | dict.fromkeys(
            ("trueengage", "amended", "third"), JUNE
        )
        contracts = {s["subscription_id"]: s["contract_id"] for s in marts.tables["subscriptions"]}
        for month in months:
            last = month + timedelta(days=30)
            with_span = {
                s["subscription_id"]
                for s in marts.tables["subscription_spans"]
                if s["valid_from"] <= last
                and (s["last_day"] is None or s["last_day"] >= month)
                and first[contracts[s["subscription_id"]]] <= month
            }
            with_fee = {
                c["subscription_id"] for c in marts.tables["credits"] if c["month"] == month
            }
            with reading(published) as reader:
                found = read.subscriptions_of(reader, month)
                assert list(found.items()) == [
                    (s, f"{month:%Y-%m}") for s in sorted(with_span | with_fee)
                ]
                if with_span:
                    assert ("month", month) in read.periods_of(reader, min(with_span))


# subscription, month -> what a customer must be able to read
WORDS: list[tuple[str, date, list[str]]] = [
    (
        "below_99_9",
        JUNE,
        [
            "commitment 99.9 %: missed",
            "(2,592,000 s − 2,593 s downtime) ÷ 2,592,000 s × 100 = 99.899961 %",
            "100.00 EUR is payable",
        ],
    ),
    (
        "at_99_9",
        JUNE,
        ["commitment 99.9 %: met", "There is nothing to claim".lower(), "nothing to claim"],
    ),
    (
        "never",
        JUNE,
        [
            "A credit of 100.00 EUR was not requested by 2026-07-30: it is waived.",
            "not claimed in time",
        ],
    ),
    ("late", JUNE, ["requested on 2026-07-31, after 2026-07-30: it is waived"]),
    ("delay_25", AUGUST, ["No credit is due for August 2026"]),
    ("never", SEPTEMBER, ["Provisional: September 2026 is still in progress", "so far"]),
    (
        "due_before",
        JUNE,
        [
            "not payable: an invoice was overdue",
            "A credit is payable only if no invoice is overdue on the day of the request.",
        ],
    ),
    (
        "trial",
        JUNE,
        [
            "the subscription is a trial or an evaluation",
            "There is no service credit for this month",
            "no commitment to this subscription",
        ],
    ),
    (
        "suspended_standard",
        JUNE,
        ["the support plan has no service credits and the subscription was suspended"],
    ),
    ("no_fees", JUNE, ["no fee is invoiced for the month", "Service credit: 0"]),
    (
        "no_fees",
        SEPTEMBER,
        [
            "So far, no credit is due for September 2026",
            "If a credit is due when the month ends, it has to be requested",
            "Send a request that names subscription no_fees",
        ],
    ),
    ("due_before", SEPTEMBER, ["dated no later than 2026-10-30"]),
    ("preview", JUNE, ["The service is offered as preview", "no commitment"]),
    ("two_currencies", JUNE, ["100.00 EUR", "1.00 USD"]),
    ("yen", JUNE, ["Service credit: 11 JPY"]),
    (
        "dutch",
        JUNE,
        [
            "April to June 2026",
            "provides for no service credits",
            "commitment 99.99 %",
            "local months of Europe/Amsterdam",
        ],
    ),
    (
        "dark",
        JUNE,
        ["the figures rest on no evidence of whether it was up or down", "there is no coverage"],
    ),
    ("repaired", JUNE, ["There was no downtime in covered time in June 2026."]),
    (
        "availability_first",
        JUNE,
        ["Incidents and downtime share events", "Taken: availability first"],
    ),
    ("helped", JUNE, ["Over the limit: 1 min"]),
    (
        "unborn",
        JUNE,
        [
            "This subscription had not begun in June 2026: its first day is 2026-10-01.",
            "the subscription was not in force",
        ],
    ),
    (
        "asked_early",
        SEPTEMBER,
        [
            "It was requested on 2026-09-08. Only the earliest request counts",
            "so far, requested on 2026-09-08",
        ],
    ),
    (
        "refunded",
        AUGUST,
        [
            "No credit is due for August 2026 in EUR",
            "1.00 USD can be claimed until 2026-09-30",
            "Send a request that names subscription refunded",
            "The request must be made in writing.",
        ],
    ),
    (
        "lenient",
        JUNE,
        [
            "Unavailability of 5 min or longer is downtime",
            "Monitoring covered less than 99 % of the time",
        ],
    ),
    (
        "lenient",
        JUNE,
        ["counted as available for the region, as unavailable for this subscription"],
    ),
    (
        "lenient_trial",
        JUNE,
        [
            "Unavailability of 15 min or longer is downtime",
            "Monitoring covered less than 99 % of the time",
            "counted as available",
        ],
    ),
]


@pytest.mark.parametrize(
    ("subscription_id", "month", "words"), WORDS, ids=lambda v: v if isinstance(v, str) else ""
)
def test_a_customer_reads_the_status_of_a_credit(
    odd: Published, subscription_id: str, month: date, words: list[str]
) -> None:
    text = said(of(odd, subscription_id, month))
    assert [w for w in words if w not in text and w not in text.lower()] == []


# what would be wrong to read
NOT_WORDS: list[tuple[str, date, str]] = [
    ("asked_early", SEPTEMBER, "in writing"),
    ("lenient_trial", JUNE, " 5 min or"),
    ("refunded", AUGUST, "No availability commitment or service credit applies"),
]


@pytest.mark.parametrize(
    ("subscription_id", "month", "words"), NOT_WORDS, ids=lambda v: v if isinstance(v, str) else ""
)
def test_a_customer_reads_nothing_that_does_not_apply(
    odd: Published, subscription_id: str, month: date, words: str
) -> None:
    text = said(of(odd, subscription_id, month))
    assert words not in text


def test_the_terms_of_the_region_are_listed_if_they_differ(odd: Published) -> None:
    """T6: an amendment holds for the subscription's own figure, not for the region's."""
    caption = "Terms of the region"
    assert {row[:2] for row in rows_of(of(odd, "lenient"), caption)} == {
        ("Downtime counts from", "15 min"),
        ("Monitoring covers at least", "99 %"),
        ("Time without data counts as", "available"),
    }
    assert ("Downtime counts from", "5 min") in {
        row[:2] for row in rows_of(of(odd, "lenient"), "Terms behind the figures")
    }
    assert rows_of(of(odd, "named"), caption) == []


def test_exclusions_without_credits_are_those_of_the_region(odd: Published) -> None:
    """X1, A5: all of the measured period, none for a customer alone, in picture and table alike."""
    start = datetime(2026, 6, 10, tzinfo=UTC)
    times = [(start - timedelta(days=30), timedelta(seconds=60)), (start, timedelta(seconds=1800))]
    assert [
        (r[1], r[2], r[3], r[4])
        for r in rows_of(of(odd, "excused"), "Other excluded times, April to June 2026")
    ] == [
        (kind, at, at + length, "everyone")
        for kind, (at, length) in zip(("Force majeure", "Third party"), times, strict=True)
    ]
    (timeline,) = (b for b in walk(of(odd, "excused").sections) if isinstance(b, Timeline))
    assert [lane.intervals for lane in timeline.lanes if lane.key == "exclusion"] == [
        tuple((at, at + length) for at, length in times)
    ]
    assert "other exclusions: 2 intervals" in timeline.description
    # who has nothing there sees none of it
    with opened(odd.database, Viewer(frozenset({"of-dutch"}))) as other:
        assert "of-excused" not in str(other.rows("select * from marts.exclusions"))
        assert other.rows("select * from marts.exclusions where service_id = 'excused'") == []


def test_a_credit_that_can_be_claimed_says_how_and_until_when(sample: Published) -> None:
    """C5: what to name, by when, and what happens after."""
    found = [c for c in sample.mart("credits") if c["exposure"] == "claimable"]
    assert found
    for row in found:
        text = said(of(sample, row["subscription_id"], row["month"]))
        assert (
            f"Send a request that names subscription {row['subscription_id']} and the month "
            f"{row['month']:%B %Y}, dated no later than {row['claim_deadline']}. "
            "The request must be made in writing. Without a request by then the credit is waived."
        ) in text
        assert (
            f"{money(row['credit_amount'], row['currency'])} can be claimed "
            f"until {row['claim_deadline']}" in text
        )


def test_each_step_of_the_calculation_names_its_clause(sample: Published) -> None:
    steps = [
        s
        for s in walk(of(sample, "C01-chat").sections)
        if isinstance(s, Section) and s.title.startswith("Step ")
    ]
    assert len(steps) == 17
    by_title = {s.title.partition(": ")[2]: s.reference for s in steps}
    assert by_title["Agreed terms"] == "TE §14; TE §17"
    assert by_title["Downtime in covered time"] == "TE §2; TE §8"
    assert by_title["Availability credit"] == "TE §9.1"
    assert by_title["Evidence"] == ""
    # rules are for the provider: a customer is shown the clauses of the contract
    sections = [s for s in walk(of(sample, "C01-chat").sections) if isinstance(s, Section)]
    assert [s.reference for s in sections if re.search(r"\b(rules?|[A-Z]\d)\b", s.reference)] == []


def words_of(contract: dict[str, Any]) -> set[str]:
    """The clauses and sentences of a contract, as its YAML has them."""
    return {
        value
        for version in contract["versions"]
        for group in ("clauses", "texts")
        for value in version["terms"].get(group, {}).values()
    }


@pytest.mark.parametrize("kind", FORMATS)
def test_a_customer_reads_the_words_of_no_other_contract(odd: Published, kind: Format) -> None:
    """A third contract is one new YAML file: its reports have its own clauses and sentences."""
    others = {
        word
        for path in CONTRACTS.glob("*.yaml")
        for word in words_of(yaml.safe_load(path.read_text()))
    }
    assert {"TE §8", "CE §3", "The request must be made in writing."} <= others
    for month in (JUNE, AUGUST):
        found = of(odd, "by_third", month)
        assert "100.00 EUR" in said(found)
        text = squeezed(text_of(rendered(found, kind), kind))
        assert [word for word in others if squeezed(word) in text] == []
        assert "§" not in text
        assert "cash" not in text
        assert squeezed("clause 12") in text
    assert "It can be paid out." in said(of(odd, "by_third", JUNE))
    assert "Call us to claim it." in said(of(odd, "by_third", AUGUST))


def text_of(content: bytes, kind: Format) -> str:
    """All text of a rendered report."""
    if kind == "pdf":
        return " ".join(pdf_text(content))
    if kind == "html":
        return re.sub(r"<style>.*?</style>|<[^>]+>", " ", content.decode(), flags=re.DOTALL)
    book = openpyxl.load_workbook(BytesIO(content))
    return " ".join(
        str(c.value) for sheet in book for row in sheet.iter_rows() for c in row if c.value
    )


def test_no_file_of_ours_is_named_to_a_customer(odd: Published) -> None:
    """Where a row was landed is for the provider; ids of invoices and tickets are for both."""
    for name in ("named", "below_99_9", "due_before"):
        book = openpyxl.load_workbook(BytesIO(rendered(of(odd, name), "xlsx")))
        cells = [
            str(c.value)
            for sheet in book
            for row in sheet.iter_rows()
            for c in row
            if c.value is not None
        ]
        assert [c for c in cells if ".csv" in c or "rows/" in c] == []


def test_a_missing_report_is_explained(odd: Published) -> None:
    with reading(odd) as reader:
        with pytest.raises(NotFound, match=r"no subscription 'nobody'; there are .* and others"):
            report_of(reader, "nobody", JUNE)
        with pytest.raises(
            NotFound, match="no report on 'lapsed' for 2026-09; there is one for 2026-06"
        ):
            report_of(reader, "lapsed", SEPTEMBER)
        with pytest.raises(NotFound, match="no report on 'at_99' for 2026-10"):
            report_of(reader, "at_99", date(2026, 10, 1))
        with pytest.raises(
            NotFound, match="no report on 'to_come': it has not begun, its first day is 2026-10-01"
        ):
            report_of(reader, "to_come", JUNE)
        with pytest.raises(
            NotFound, match="no report on 'gone': no version of its contract was in force"
        ):
            report_of(reader, "gone", date(2026, 5, 1))


def test_a_customer_gets_the_report_that_the_provider_has(sample: Published) -> None:
    """It needs nothing that they may not see; another's subscription is reported as unknown."""
    with reading(sample) as reader:
        for customer in ("C01", "C08", "C11"):
            with opened(sample.database, Viewer(frozenset({customer}))) as own:
                mine = [
                    s["subscription_id"]
                    for s in own.rows("select subscription_id from marts.subscriptions")
                ]
                assert mine
                for subscription_id in mine:
                    for _, month in read.periods_of(reader, subscription_id):
                        assert report_of(own, subscription_id, month) == report_of(
                            reader, subscription_id, month
                        )
                told = []
                for subscription_id in ("C02-chat", "nobody"):
                    with pytest.raises(NotFound) as error:
                        report_of(own, subscription_id, JUNE)
                    told.append(str(error.value).replace(subscription_id, ""))
                assert told[0] == told[1]
                assert "C02" not in told[0]


# ---- each file says what the report says

CASES = [
    "named",
    "two_currencies",
    "dutch",
    "dark",
    "trial",
    "desk",
    "repaired",
    "arrears",
    "excused",
]


def pdf_text(content: bytes) -> list[str]:
    return [page.get_textpage().get_text_range() for page in pypdfium2.PdfDocument(content)]


def squeezed(text: str) -> str:
    """Without what a line break does to a text."""
    return re.sub(r"[\s\ufffe\u200b-]", "", text)


def spoken(report: Report) -> Iterator[str]:
    """All that a report says, in the order of its pages."""
    yield from (report.title, report.subtitle, *report.opening)
    by = report.branding
    yield from filter(None, (by.provider, *by.address, by.contact, by.footer))
    if report.strip:
        yield report.strip.caption
    for fact in report.highlights:
        yield from (fact.name, shown(fact.value, fact.kind), fact.note)
    yield from report.notes
    for block in [report.head, *walk(report.sections)]:
        match block:
            case str():
                yield block
            case Section():
                yield from (block.title, block.reference)
            case Facts():
                for fact in block.facts:
                    yield from (fact.name, shown(fact.value, fact.kind), fact.note)
            case Table():
                yield from (block.caption, *(c.title for c in block.columns))
                yield from (
                    shown(v, c.kind)
                    for row in block.rows
                    for v, c in zip(row, block.columns, strict=True)
                )
            case Timeline():
                yield block.caption


# the others are of no other blocks
@pytest.mark.parametrize("name", ["named", "two_currencies", "dutch", "arrears", "excused"])
def test_pdf_says_it_all(odd: Published, name: str) -> None:
    report = of(odd, name)
    content = rendered(report, "pdf")
    pages = pdf_text(content)
    # a sentence may go on on the next page
    own = squeezed(footer(report))
    text = "".join(
        squeezed(page).replace(own, "").replace(f"Page{n}of{len(pages)}", "")
        for n, page in enumerate(pages, 1)
    )
    text += own
    assert [s for s in spoken(report) if squeezed(printable(s)) not in text] == []
    for number, page in enumerate(pages, 1):
        assert f"Page {number} of {len(pages)}" in page
        assert squeezed(footer(report)) in squeezed(page)


def test_pdf_can_be_read_aloud(odd: Published) -> None:
    """Tagged, PDF/UA-1, with language, title, and words for the picture."""
    report = of(odd, "named")
    document = pypdf.PdfReader(BytesIO(rendered(report, "pdf")))
    root = document.trailer["/Root"]
    assert root["/Lang"].startswith("en")
    assert root["/MarkInfo"]["/Marked"]
    assert document.metadata is not None
    assert document.metadata.title == f"{report.title}, {report.subtitle}"
    assert b"<pdfuaid:part>1</pdfuaid:part>" in root["/Metadata"].get_data()
    (timeline,) = (b for b in walk(report.sections) if isinstance(b, Timeline))
    alts = {
        str(o["/Alt"])
        for o in map(
            document.get_object,
            range(1, len(document.xref[0]) + 1 if document.xref.get(0) else 2000),
        )
        if isinstance(o, dict) and "/Alt" in o
    }
    assert timeline.description in alts


class Page(HTMLParser):
    """The tables of a page as texts, its tags, and what it refers to."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.tables: list[list[list[str]]] = []
        self.captions: list[str] = []
        self.texts: list[str] = []
        self.inside: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attributes)))
        if tag not in {"meta", "path", "rect"}:
            self.inside.append(tag)
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in {"td", "th"}:
            self.tables[-1][-1].append("")
        elif tag == "caption":
            self.captions.append("")

    def handle_endtag(self, tag: str) -> None:
        if tag in self.inside:
            while self.inside.pop() != tag:
                pass

    def handle_data(self, data: str) -> None:
        if {"td", "th"} & set(self.inside):
            self.tables[-1][-1][-1] += data
        if "caption" in self.inside:
            self.captions[-1] += data
        if "style" not in self.inside:
            self.texts.append(data)


@pytest.mark.parametrize("name", [*CASES, *(f"u {word}" for word in HOSTILE)])
def test_html_says_it_all_and_nothing_else(odd: Published, name: str) -> None:
    report = of(odd, name)
    page = Page()
    page.feed(rendered(report, "html").decode())
    text = squeezed("".join(page.texts))
    assert [s[:80] for s in spoken(report) if squeezed(printable(s)) not in text] == []
    tables = [b for b in [report.head, *walk(report.sections)] if isinstance(b, Table | Facts)]
    assert page.captions == [b.caption for b in tables]
    for block, found in zip(tables, page.tables, strict=True):
        if isinstance(block, Table):
            rows = [
                [shown(v, c.kind) for v, c in zip(row, block.columns, strict=True)]
                for row in block.rows
            ]
            assert found == [[c.title for c in block.columns], *rows]
        else:
            assert found[1:] == [
                [printable(f.name), shown(f.value, f.kind), printable(f.note)] for f in block.facts
            ]
    names = [tag for tag, _ in page.tags]
    assert names.count("h1") == names.count("main") == 1
    assert not {"script", "img", "link", "iframe", "object", "form", "b", "strong"} & set(names) - {
        "strong"
    }
    levels = [int(tag[1]) for tag in names if re.fullmatch("h[1-6]", tag)]
    assert all(after - before <= 1 for before, after in pairwise(levels))
    assert all(a.get("scope") in {"col", "row"} for tag, a in page.tags if tag == "th")
    attributes = [(k, v) for _, a in page.tags for k, v in a.items()]
    assert {
        v for k, v in attributes if k in {"href", "src"} and not str(v).startswith("#section-")
    } == set()
    assert [k for k, _ in attributes if k == "style" or k.startswith("on")] == []
    ids = [v for k, v in attributes if k == "id"]
    assert len(ids) == len(set(ids))
    assert {v for k, v in attributes if k == "aria-labelledby" for v in str(v).split()} <= set(ids)


# the contrast of every text with what is behind it
CONTRAST = """() => {
  const parts = c => {
    const m = c.match(/[\\d.]+/g).map(Number);
    return m.length < 4 ? [...m, 1] : m };
  const linear = v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
  const light = c => {
    const [r, g, b] = parts(c).map(v => linear(v / 255));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b };
  const behind = e => {
    for (; e; e = e.parentElement) {
      const c = getComputedStyle(e).backgroundColor;
      if (parts(c)[3] > 0) return c }
    return 'rgb(255, 255, 255)' };
  const written = n => n.nodeType === 3 && n.textContent.trim();
  return [...document.querySelectorAll('body *')]
    .filter(e => !e.closest('svg') && [...e.childNodes].some(written))
    .map(e => {
      const both = [light(getComputedStyle(e).color), light(behind(e))];
      const [a, b] = both.sort((x, y) => y - x);
      return (a + 0.05) / (b + 0.05) });
}"""


@contextmanager
def browsing(chromium: Any, **options: Any) -> Iterator[tuple[Any, list[str], list[str]]]:
    """A page, what it has asked for, and what it has said."""
    context = chromium.new_context(**options)
    asked: list[str] = []
    told: list[str] = []
    page = context.new_page()
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: told.append(message.text))
    page.on("dialog", lambda dialog: told.append(dialog.message))
    try:
        yield page, asked, told
    finally:
        context.close()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_html_in_a_browser(chromium: Any, odd: Published, tmp_path: Path, theme: str) -> None:
    """It loads nothing, can be read in both themes, has its landmarks, and fits a phone."""
    with browsing(chromium, color_scheme=theme, viewport={"width": 390, "height": 800}) as (
        page,
        asked,
        told,
    ):
        for name in ("named", "dark"):
            report = of(odd, name)
            file = tmp_path / f"{name}.html"
            file.write_bytes(rendered(report, "html"))
            page.goto(file.as_uri())
            assert page.title() == " ".join(
                f"{printable(report.title)}, {printable(report.subtitle)}".split()
            )
            assert page.evaluate("document.documentElement.scrollWidth") <= 390
            ratios = page.evaluate(CONTRAST)
            assert len(ratios) > 20
            assert min(ratios) >= 4.5
            assert [
                page.get_by_role(role).count()
                for role in ("banner", "main", "contentinfo", "navigation")
            ] == [1, 1, 1, 1]
            assert (
                page.get_by_role(
                    "img",
                    name=next(b.caption for b in walk(report.sections) if isinstance(b, Timeline)),
                ).count()
                == 1
            )
            page.get_by_role("link", name="How to claim").click()
            assert page.get_by_role("heading", name="How to claim").is_visible()
        assert {url.partition("#")[0] for url in asked} == {
            file.with_name(f"{n}.html").as_uri() for n in ("named", "dark")
        }
        assert told == []


def test_names_do_nothing_in_a_browser(chromium: Any, odd: Published, tmp_path: Path) -> None:
    with browsing(chromium) as (page, asked, told):
        files = []
        for n, word in enumerate(HOSTILE):
            report = of(odd, f"u {word}")
            files.append(tmp_path / f"{n}.html")
            files[-1].write_bytes(rendered(report, "html"))
            page.goto(files[-1].as_uri())
            assert page.evaluate("window.hacked") is None
            assert (
                page.evaluate(
                    "document.querySelectorAll('script, img, iframe, a:not([href^=\"#\"])').length"
                )
                == 0
            )
        assert asked == [file.as_uri() for file in files]
        assert told == []


def cell_of(value: Any, kind: Kind) -> Any:
    """What a sheet must hold for a value."""
    match value:
        case Money(amount, _):
            return amount
        case datetime():
            return value.astimezone(UTC).replace(tzinfo=None)
        case date():
            return datetime(value.year, value.month, value.day)
        case str():
            return value if len(value) <= 32_767 else value[:32_766] + "…"
        case _:
            return value


UNITS = {
    Kind.SECONDS: "s",
    Kind.CLOCK: "s",
    Kind.MINUTES: "min",
    Kind.PERCENTAGE: "%",
    Kind.AGREED: "%",
}


def length_of(value: Any) -> int:
    """The seconds of a duration as Excel has it, a fraction of days."""
    days = value if isinstance(value, int | float) else value / timedelta(days=1)
    seconds = days * 86_400
    assert abs(seconds - round(seconds)) < 1e-6
    return round(seconds)


def unit_of(fact: Fact) -> str:
    if isinstance(fact.value, Money):
        return fact.value.currency or ""
    return UNITS.get(fact.kind, "") if fact.value is not None else ""


def is_same(cell: Any, value: Any) -> bool:
    if isinstance(value, int | Decimal) and not isinstance(cell, str):
        return cell is not None and Decimal(repr(cell)) == value
    return (cell or None) == (str(value) if isinstance(value, int | Decimal) else value or None)


@pytest.mark.parametrize("name", [*CASES, *(f"u {word}" for word in HOSTILE)])
def test_xlsx_holds_the_values_themselves(odd: Published, name: str) -> None:
    report = of(odd, name)
    book = openpyxl.load_workbook(BytesIO(rendered(report, "xlsx")))
    cells = [c for sheet in book for row in sheet.iter_rows() for c in row if c.value is not None]
    assert {c.data_type for c in cells} <= {"s", "n", "d"}
    assert [c for c in cells if c.hyperlink] == []
    assert book.properties.created == report.as_of.astimezone(UTC).replace(tzinfo=None)
    assert len(book.sheetnames) == len(report.sections) + 1
    summary = Section("", (report.head, Facts("At a glance", report.highlights)), "Summary")
    for section in (summary, *report.sections):
        sheet = book[section.sheet]
        lines = [[c.value for c in row] for row in sheet.iter_rows()]
        assert [
            s
            for s in section.blocks
            if isinstance(s, str) and s not in [cells[0] for cells in lines]
        ] == []
        for block in walk(section.blocks):
            if isinstance(block, Facts):
                (top,) = (n for n, cells in enumerate(lines) if cells[0] == block.caption)
                assert lines[top + 1][:4] == ["Item", "Value", "Unit", "Note"]
                for (name_, value, unit, note), fact in zip(
                    (cells[:4] for cells in lines[top + 2 :]), block.facts, strict=False
                ):
                    assert (name_, unit or "", note or "") == (fact.name, unit_of(fact), fact.note)
                    assert is_same(value, cell_of(fact.value, fact.kind)), fact
                assert len(lines) >= top + 2 + len(block.facts)
            if not isinstance(block, Table):
                continue
            (top,) = (n for n, cells in enumerate(lines) if cells[0] == block.caption)
            # seconds have the duration of Excel before them
            lengths = [c.kind in (Kind.SECONDS, Kind.CLOCK) for c in block.columns]
            columns = [
                c for c, two in zip(block.columns, lengths, strict=True) for _ in range(1 + two)
            ]
            first = [n + sum(lengths[:n]) for n, two in enumerate(lengths) if two]
            titles = lines[top + 1][: len(columns)]
            assert [re.sub(r" \((s|min|%)\)$", "", t) for t in titles] == [c.title for c in columns]
            own = [[c for n, c in enumerate(cells) if n not in first] for cells in lines]
            for cells in sheet.iter_rows(min_row=top + 3, max_row=top + 2 + len(block.rows)):
                for n in first:
                    if cells[n].value is not None:
                        assert cells[n].number_format == "[h]:mm:ss"
                        assert length_of(cells[n].value) == cells[n + 1].value
            titles = own[top + 1][: len(block.columns)]
            assert [
                t
                for t, c in zip(titles, block.columns, strict=True)
                if UNITS.get(c.kind) in ("s", "%") and not re.search(r"\((s|%)\)$", t)
            ] == []
            assert [
                t
                for t, c in zip(titles, block.columns, strict=True)
                if c.kind is Kind.INSTANT and "(UTC)" not in t
            ] == []
            for line_, row in zip(own[top + 2 :], block.rows, strict=False):
                assert [
                    (c, v)
                    for c, v, column in zip(line_, row, block.columns, strict=False)
                    if not is_same(c, cell_of(v, column.kind))
                ] == []
            assert len(lines) >= top + 2 + len(block.rows)


# ---- who sends it, what opens it, and what goes with it

SVG = b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 4"><path d="M0 0H9V4Z"/></svg>'


def branded(word: str) -> Branding:
    """A branding file all of whose texts are a word."""
    return Branding(word, (word, "Harbour 12"), word, "#7a1f5c", word, Logo("svg", SVG))


@pytest.mark.parametrize("kind", FORMATS)
def test_who_sends_it_is_in_every_kind(odd: Published, kind: Format) -> None:
    """Whatever the texts of the file hold, they are texts; and the same file, the same bytes."""
    words = [*HOSTILE, "#panic()", "Zażółć & Co <b>"]
    report = of(odd, "named")
    for word in words if kind != "pdf" else words[-4:]:
        own = replace(report, branding=branded(word))
        content = render(own, kind)
        if kind == "pdf":
            pages = pdf_text(content)
            assert squeezed("".join(pages)).count(squeezed(printable(word))) >= 2 + len(pages)
            assert all(squeezed(printable(word)) in squeezed(page) for page in pages)
        elif kind == "html":
            page = Page()
            page.feed(content.decode())
            assert sum(text.count(printable(word)) for text in page.texts) >= 4
            images = [a for tag, a in page.tags if tag == "img"]
            assert [a["alt"] for a in images] == [f"Logo of {printable(word)}"]
            assert str(images[0]["src"]).startswith("data:image/svg+xml;base64,")
            assert not {"script", "iframe", "object", "b"} & {tag for tag, _ in page.tags}
        else:
            sheet = openpyxl.load_workbook(BytesIO(content))["Summary"]
            cells = [c for row in sheet.iter_rows() for c in row if c.value is not None]
            assert [c.data_type for c in cells if c.value == word] == ["s"] * 4
            assert len(sheet._images) == 1
    assert render(own, kind) == content
    assert content != rendered(report, kind)


def test_a_logo_and_a_colour_in_a_browser(chromium: Any, odd: Published, tmp_path: Path) -> None:
    """The logo is shown under the content policy, and everything can be read in both themes."""
    file = tmp_path / "branded.html"
    report = replace(of(odd, "named"), branding=branded("Example & Co"))
    file.write_bytes(render(report, "html"))
    for theme in ("light", "dark"):
        with browsing(chromium, color_scheme=theme) as (page, asked, told):
            page.goto(file.as_uri())
            assert page.get_by_role("img", name="Logo of Example & Co").is_visible()
            assert page.evaluate("document.querySelector('img').naturalWidth") > 0
            assert min(page.evaluate(CONTRAST)) >= 4.5
            assert [url for url in asked if not url.startswith(("file:", "data:"))] == []
            assert told == []


def test_a_report_without_a_branding_file_names_no_provider(odd: Published) -> None:
    page = rendered(of(odd, "named"), "html").decode()
    assert 'class="letterhead"' not in page
    assert "img-src" not in page


def test_the_customers_reference_is_in_its_head(odd: Published) -> None:
    with reading(odd) as reader:
        report = report_of(reader, "named", JUNE, reference=HOSTILE[0])
    head = {f.name: f.value for f in report.head.facts}
    assert head["Your reference"] == HOSTILE[0]
    assert "Your reference" not in {f.name for f in of(odd, "named").head.facts}
    page = Page()
    page.feed(render(report, "html").decode())
    assert ["Your reference", printable(HOSTILE[0]), ""] in page.tables[0]


@pytest.mark.long
@pytest.mark.parametrize("world", ["sample", "odd"])
def test_final_and_so_far_never_meet(request: pytest.FixtureRequest, world: str) -> None:
    """A report is on what is over, or on what is still in progress (T3)."""
    published = request.getfixturevalue(world)
    seen = Counter()
    for month in [JULY, AUGUST] if world == "sample" else [JUNE, SEPTEMBER]:
        with reading(published) as reader:
            names = list(read.subscriptions_of(reader, month))[:: 3 if world == "sample" else 9]
        for name in [*names, *(["dutch", "excused"] if world == "odd" else [])]:
            report = of(published, name, month)
            text = "\n".join(spoken(report))
            if report.strip:
                text += "\n".join(f"{c.words} {c.figure}" for c in report.strip.cells)
            is_final = {f.name: f.value for f in report.head.facts}["Status"] == "final"
            # amounts that are issued are so at the instant of the figures
            others = re.sub("(?i)issued so far", "", text)
            assert ("so far" in others.lower()) != is_final, name
            assert bool(re.search(r"\bfinal\b", text)) == is_final, name
            seen[is_final] += 1
    assert min(seen[True], seen[False]) > 0


def test_the_last_periods_side_by_side(sample: Published, odd: Published) -> None:
    """At most twelve, this one included and none after it; what is in progress is apart, what
    nobody saw is hatched."""
    june, july, august = (of(sample, "C01-chat", month) for month in (JUNE, JULY, AUGUST))
    assert june.strip is None
    assert july.strip is not None
    assert august.strip is not None
    assert [(c.name, c.state, c.is_over) for c in july.strip.cells] == [
        ("2026-06", "missed", True),
        ("2026-07", "met", True),
    ]
    assert [(c.name, c.words, c.is_over) for c in august.strip.cells][1:] == [
        ("2026-07", "met", True),
        ("2026-08", "met so far", False),
    ]
    steps = {
        r["month"]: r
        for r in sample.query("select * from marts.credit_steps where subscription_id = 'C01-chat'")
    }
    assert rows_of(august, "The last 3 months") == [
        (
            f"{month:%Y-%m}",
            steps[month]["commitment_pct"],
            steps[month]["availability_pct"],
            steps[month]["downtime_seconds"],
            words,
        )
        for month, words in ((JUNE, "missed"), (JULY, "met"), (AUGUST, "met so far"))
    ]
    page = rendered(august, "html").decode()
    assert page.count('stroke-dasharray="50 36"') == 1
    cells = Strip(
        "c",
        "d",
        (Cell("2026-06", "99.90 %", "met", "met"), Cell("2026-07", "–", "no data", "unseen")),
    )
    picture = strip_svg(cells)
    assert picture.count("url(#hatch)") == 1
    assert picture.index("2026-07") > picture.index("url(#hatch)") > picture.index("2026-06")


def test_the_lists_that_go_with_a_report(sample: Published) -> None:
    """Every interval and ticket, with durations that Excel adds up, and what the report says."""
    report = of(sample, "C01-chat", JUNE)
    made = lists(report)
    assert made is not None
    assert made == lists(report)
    book = openpyxl.load_workbook(BytesIO(made))
    assert book.sheetnames == ["Downtime", "Tickets"]
    downtime = sample.query(
        """select * from marts.credit_downtime where subscription_id = 'C01-chat'
           and month = '2026-06-01' order by started_at"""
    )
    top, *found = list(book["Downtime"].iter_rows(min_row=4))
    titles = [c.value for c in top]
    at = titles.index("Total length")
    assert titles[at : at + 4] == [
        "Total length",
        "Total length (s)",
        "Counted here",
        "Counted here (s)",
    ]
    assert [(length_of(r[at].value), r[at + 1].value, r[at].number_format) for r in found] == [
        (d["downtime_seconds"], d["downtime_seconds"], "[h]:mm:ss") for d in downtime
    ]
    assert len(downtime) > 0
    tickets = sample.query(
        """select * from marts.ticket_sla where subscription_id = 'C01-chat'
           and month = '2026-06-01' order by received_at, ticket_id"""
    )
    top, *found = list(book["Tickets"].iter_rows(min_row=4))
    titles = [c.value for c in top]
    keys = {
        "Ticket": "ticket_id",
        "Subject": "subject",
        "Response time (s)": "response_elapsed_s",
        "Resolution time (s)": "resolution_elapsed_s",
        "Resolution target (s)": "resolution_target_s",
    }
    assert [[r[titles.index(k)].value for k in keys] for r in found] == [
        [t[k] for k in keys.values()] for t in tickets
    ]
    assert lists(tiny()) is None


def test_incidents_have_subjects_and_causes(sample: Published) -> None:
    """A ticket that names the incident of a downtime says which, and the downtime what it was."""
    (interval,) = sample.query(
        """select * from marts.credit_downtime where subscription_id = 'C01-chat'
           and month = '2026-07-01'"""
    )
    report = of(sample, "C01-chat", JULY)
    (row,) = rows_of(report, "Downtime intervals")
    assert row[4] == (
        "“not reachable”; chat-eu-west-web down, by operational records; "
        "chat-eu-west-web down, by checks"
    )
    (ticket,) = rows_of(report, "Tickets received")
    assert (ticket[1], ticket[8]) == (
        "not reachable",
        f"downtime from {interval['started_at']:%Y-%m-%d %H:%M:%S} UTC ({interval['incident_id']})",
    )


def test_the_figures_are_the_same_in_every_kind(sample: Published) -> None:
    """The sentences and lines that open a report, in each of its files (Z4)."""
    for name, month in (("C02-chat", JULY), ("C01-chat", JUNE), ("C04-chat", AUGUST)):
        report = of(sample, name, month)
        lines = rows_of(report, "From availability to the credit")
        assert len(lines) == 5
        assert len(report.opening) == 2
        for kind in FORMATS:
            text = squeezed(html.unescape(text_of(rendered(report, kind), kind)))
            for sentence in (*report.opening, *(text for row in lines for text in row)):
                assert squeezed(sentence) in text, (name, kind, sentence)


def tiny(**changes: Any) -> Report:
    """A report of one table, made up."""
    table = Table(
        "Rows",
        (Column("Ticket"), Column("Amount", Kind.MONEY)),
        (("t", Money(Decimal("1.000"), "EUR")),),
    )
    head = Facts("This report", (Fact("Agreement", "A"),))
    report = Report(
        "SLA report",
        "Customer",
        "A",
        "s",
        JUNE,
        datetime(2026, 7, 1, tzinfo=UTC),
        head,
        (Fact("Credit", None),),
        (),
        (Section("Rows", (table,), "Rows"),),
    )
    return replace(report, **changes)


def test_a_number_that_a_sheet_cannot_hold_stays_a_text() -> None:
    """A sheet keeps fifteen digits; the sixteenth is not rounded away."""
    amounts = [
        Decimal("999999999999.999"),
        Decimal("123456789012345.678"),
        Decimal("-0.005"),
        Decimal("0.000"),
    ]
    table = Table(
        "Rows", (Column("Amount", Kind.MONEY),), tuple((Money(a, "KWD"),) for a in amounts)
    )
    sheet = openpyxl.load_workbook(
        BytesIO(render(tiny(sections=(Section("Rows", (table,), "Rows"),)), "xlsx"))
    )["Rows"]
    found = [c.value for (c,) in sheet.iter_rows(min_row=5, max_col=1)]
    assert [Decimal(repr(v)) if not isinstance(v, str) else v for v in found] == [
        amounts[0],
        "123456789012345.678",
        amounts[2],
        amounts[3],
    ]


def test_a_sentence_is_never_cut() -> None:
    """Endless values are cut, but no sentence, even if it is longer than a cell can hold."""
    sentence = " ".join(f"invoice-{n}" for n in range(6000))
    report = tiny(
        subtitle="short",
        notes=(sentence,),
        sections=(
            Section(
                "Rows",
                (sentence, Facts("F", (Fact("Name", ENDLESS, note=sentence[:2000]),))),
                "Rows",
            ),
        ),
    )
    page = Page()
    page.feed(render(report, "html").decode())
    assert page.texts.count(sentence) == 2
    assert page.tables[-1][1] == ["Name", "x" * 999 + "…", sentence[:2000]]
    sheet = openpyxl.load_workbook(BytesIO(render(report, "xlsx")))["Rows"]
    cells = [str(c.value) for (c,) in sheet.iter_rows(max_col=1) if c.value]
    assert sentence in "".join(cells)


def test_long_lists_carry_their_head_over() -> None:
    table = Table(
        "Rows",
        (Column("Ticket of the month"), Column("Amount", Kind.MONEY)),
        tuple((f"t{n}", Money(Decimal(n), "EUR")) for n in range(300)),
    )
    pages = pdf_text(render(tiny(sections=(Section("Rows", (table,), "Rows"),)), "pdf"))
    assert len(pages) > 3
    assert all("Ticket of the month" in page for page in pages)
    assert [n for n in range(300) if not re.search(rf"\bt{n}\b", "\n".join(pages))] == []


TYPESET = [
    "#panic()",
    '#read("/etc/passwd")',
    "= Heading",
    "$ x $ @label <label> \\ * _ ` //",
    "#sys.inputs",
    "a" * 900,
]


def test_names_do_nothing_in_a_pdf(odd: Published) -> None:
    """Nothing is read as markup: names appear as written, without links, scripts or files."""
    places = [
        Section(w, (w, Table(w, (Column(w),), ((w,),)), Facts(w, (Fact(w, w, note=w),))), "Rows")
        for w in [*HOSTILE, *TYPESET]
    ]
    made_up = tiny(subtitle=" ".join(HOSTILE), notes=tuple(TYPESET), sections=tuple(places))
    for report, words, times in (
        (made_up, [*HOSTILE, *TYPESET], 9),
        *((of(odd, f"u {w}"), [f"u {w}", f"t {w}"], 1) for w in (HOSTILE[2], HOSTILE[-1])),
    ):
        content = rendered(report, "pdf")
        text = squeezed("".join(pdf_text(content)))
        assert [w for w in words if text.count(squeezed(printable(w))) < times] == []
        document = pypdf.PdfReader(BytesIO(content))
        assert [page for page in document.pages if page.get("/Annots")] == []
        assert not {"/OpenAction", "/AA", "/Names"} & set(document.trailer["/Root"])


def test_letters_that_no_font_has_are_written_out() -> None:
    text = "".join(pdf_text(render(tiny(subtitle=f"Zażółć Ωμέγα {FOREIGN}"), "pdf")))
    for letter in FOREIGN.replace(" ", ""):
        assert letter in text or f"U+{ord(letter):04X}" in text


SCRIPT = """
import hashlib, sys
from datetime import date
from pathlib import Path
from makegood.dashboards.access.reader import EVERYTHING, opened
from makegood.dashboards.reports import FORMATS, render
from makegood.dashboards.reports.content import report_of
with opened(Path(sys.argv[1]), EVERYTHING) as reader:
    for name in sys.argv[2:]:
        report = report_of(reader, name, date(2026, 6, 1))
        print(name, [hashlib.sha256(render(report, kind)).hexdigest() for kind in FORMATS])
"""


def test_the_same_figures_are_the_same_bytes(odd: Published, tmp_path: Path) -> None:
    """In another process, at another time, with another hash seed, time zone, language and home."""

    names = ["named", "dutch", "asks_twice"]
    environment = {
        "PYTHONHASHSEED": "2",
        "TZ": "Asia/Kolkata",
        "LC_ALL": "C.UTF-8",
        "HOME": str(tmp_path),
        "SOURCE_DATE_EPOCH": "1",
    }
    command = [sys.executable, "-c", SCRIPT, str(odd.database), *names]
    told = subprocess.run(
        command, capture_output=True, text=True, check=True, env=os.environ | environment
    ).stdout
    assert told.splitlines() == [
        f"{n} {[hashlib.sha256(rendered(of(odd, n), kind)).hexdigest() for kind in FORMATS]}"
        for n in names
    ]


# ---- the files


@given(
    st.lists(
        st.text(st.characters(exclude_categories=["Cs"]))
        | st.sampled_from(
            ["", ".", "..", "/", "a/../b", "A", "a", "CON", "-rf", "~", "x" * 300, "%2F"]
        ),
        unique=True,
    )
)
def test_file_names_stay_in_their_folder_and_apart(ids: list[str]) -> None:
    """Also where upper and lower case are one, and whatever the ids hold."""
    names = file_names(dict.fromkeys(ids, "2026-06"), "pdf")
    assert list(names) == ids
    assert len({n.casefold() for n in names.values()}) == len(ids)
    for name in names.values():
        assert re.fullmatch(
            r"[A-Za-z0-9_%~][A-Za-z0-9_.%~-]*-2026-06\.pdf|~[0-9a-f]{16}-2026-06\.pdf", name
        )
        assert len(name) < 200
        assert Path("/folder", name).resolve().parent == Path("/folder")
    assert all(
        names[i] == f"{i}-2026-06.pdf" for i in ids if re.fullmatch(r"[0-9][0-9a-z_]{0,20}", i)
    )


def test_a_name_does_not_depend_on_the_other_ids() -> None:
    alone, among = (
        file_names(dict.fromkeys(ids, "2026 Q2"), "pdf")
        for ids in (["a/b", "x" * 300], ["a/b", "c", "x" * 300, "x" * 301])
    )
    assert among.items() >= alone.items()


@pytest.mark.parametrize("kind", FORMATS)
def test_one_report_by_the_command(odd: Published, tmp_path: Path, kind: Format) -> None:
    """The file is the report, in a folder that is made; what was there is replaced."""
    file = tmp_path / "new" / f"report.{kind.upper()}"
    file.parent.mkdir()
    file.write_text("old")
    words = [
        "report",
        "--warehouse",
        odd.warehouse,
        "--subscription",
        "named",
        "--month",
        "2026-06",
        "--out",
        file,
    ]
    if kind == "pdf":
        installed = makegood(*words)
        said = (installed.returncode, installed.stderr, installed.stdout)
    else:
        told = asked(*words[1:])
        said = (told.exit_code, told.stderr, told.stdout)
    assert said == (0, "", f"wrote {file}\n")
    assert file.read_bytes() == rendered(of(odd, "named"), kind)
    assert list(file.parent.iterdir()) == [file]


@pytest.mark.long
def test_all_reports_by_the_command(
    odd: Published, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Hostile ids, ids that differ in case, and very long ones: each has a file in the folder."""
    monkeypatch.setattr(
        reports,
        "report_of",
        lambda _, subscription_id, month, *_more: of(odd, subscription_id, month),
    )
    told = asked(
        "--warehouse",
        odd.warehouse,
        "--all",
        "--month",
        "2026-06",
        "--out",
        tmp_path / "out",
        "--format",
        "html",
    )
    assert told.exit_code == 0, told.stderr
    with reading(odd) as reader:
        ids = read.subscriptions_of(reader, JUNE)
    files = {p.name: p for p in (tmp_path / "out").iterdir()}
    assert len(ids) == len(files) > 80
    assert {p.name for p in tmp_path.iterdir()} == {"out"}
    assert told.stdout.splitlines()[-1] == f"{len(ids)} reports for 2026-06 in {tmp_path / 'out'}"
    names = file_names(ids, "html")
    for i in ("named", "Same", "same", f"u {HOSTILE[6]}"):
        assert files[names[i]].read_bytes() == rendered(of(odd, i), "html")


def asked(*words: Any) -> Result:
    """The command in this process."""
    return CliRunner().invoke(cli.app, ["report", *map(str, words)], catch_exceptions=False)


@pytest.mark.long
def test_one_report_that_fails_does_not_keep_the_others(
    sample: Published, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each is made, the failed one is named, and the exit status says that not all is well."""
    with reading(sample) as reader:
        first, second, *others = read.subscriptions_of(reader, JUNE)

    def broken(reader: Reader, subscription_id: str, month: date, *_: Any) -> Report:
        if subscription_id == first:
            raise NotFound("there is\nnone")
        if subscription_id == second:
            raise ZeroDivisionError("by none")
        return of(sample, subscription_id, month)

    monkeypatch.setattr(reports, "report_of", broken)
    told = asked(
        "--warehouse",
        sample.warehouse,
        "--all",
        "--month",
        "2026-06",
        "--out",
        tmp_path,
        "--format",
        "html",
    )
    assert told.exit_code == 1
    assert told.stdout.splitlines()[-1] == f"{len(others)} reports for 2026-06 in {tmp_path}"
    assert told.stderr.splitlines() == [
        "makegood: 2 reports could not be written",
        f"no report on {first!r}: there is",
        "none",
        f"no report on {second!r}: ZeroDivisionError: by none",
    ]
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == {
        f"{i}-2026-06.html": rendered(of(sample, i), "html") for i in others
    }


BAD = [
    (
        ["--month", "2026-06", "--out", "x.pdf"],
        2,
        "choose one: --subscription ID for one report, or --all for every subscription",
    ),
    (["--month", "2026-06", "--out", "x", "--all", "--subscription", "named"], 2, "choose one"),
    (
        ["--month", "June", "--out", "x.pdf", "--subscription", "named"],
        2,
        "--month 'June' is not a month (example: 2026-07)",
    ),
    (["--month", "2026-06-01", "--out", "x.pdf", "--subscription", "named"], 2, "is not a month"),
    (
        ["--month", "2026-06", "--out", "x.docx", "--subscription", "named"],
        2,
        "must be a file that ends in .pdf, .html or .xlsx",
    ),
    (
        ["--month", "2026-06", "--out", "x", "--subscription", "named"],
        2,
        "must be a file that ends in .pdf, .html or .xlsx",
    ),
    (
        ["--month", "2026-06", "--out", "x.pdf", "--subscription", "named", "--format", "html"],
        2,
        "contradicts the suffix",
    ),
    (
        ["--month", "2026-06", "--out", "x.pdf", "--all"],
        2,
        "--all writes one file per subscription and needs a folder",
    ),
    (["--month", "2026-06", "--out", "x", "--all", "--format", "docx"], 2, "docx"),
    (
        ["--month", "2026-10", "--out", "x.pdf", "--subscription", "named"],
        1,
        "no report on 'named' for 2026-10; there is one for 2026-06, 2026-07, 2026-08, 2026-09",
    ),
    (
        ["--month", "2026-06", "--out", "x.pdf", "--subscription", "a\x1bb"],
        1,
        "no subscription 'a\\x1bb'; there are",
    ),
    (
        ["--month", "2020-01", "--out", "x", "--all"],
        1,
        "no subscription has a report for 2020-01; there are some for",
    ),
    (
        ["--month", "2026-06", "--out", "taken/x.pdf", "--subscription", "named"],
        1,
        "could not write to taken/x.pdf",
    ),
]


@pytest.mark.parametrize(("words", "code", "message"), BAD)
def test_bad_arguments_are_said(
    odd: Published,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    words: list[str],
    code: int,
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "taken").write_text("a file")
    told = asked("--warehouse", odd.warehouse, *words)
    assert told.exit_code == code
    assert message in re.sub(r"[\s│]+", " ", told.stderr)
    assert told.stdout == ""
    assert [p.name for p in tmp_path.rglob("*")] == ["taken"]


@pytest.mark.long
def test_a_run_says_how_to_make_reports(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The last line is a complete command; before any month is over it names the current one."""
    monkeypatch.setattr(line, "Validation", conftest._NoWorker)
    monkeypatch.setattr(sys, "argv", ["makegood"])
    monkeypatch.chdir(tmp_path)
    landing = write_landing(tmp_path / "landing", Examples().subscription("one").feeds)
    with line.opened(
        line.Request(
            landing,
            tmp_path / "warehouse",
            CONTRACTS,
            datetime(2026, 6, 30, 23, 59, 59, tzinfo=UTC),
        )
    ) as run:
        line.steps(run)
        words = summary(run).splitlines()[-1].removeprefix("reports     makegood ").split()
    assert words == [
        "report",
        "--warehouse",
        str(tmp_path / "warehouse"),
        "--all",
        "--month",
        "2026-06",
        "--out",
        "reports",
    ]
    told = makegood(*words)
    assert (told.returncode, told.stdout.splitlines()[-1]) == (0, "1 report for 2026-06 in reports")
    assert [p.name for p in (tmp_path / "reports").iterdir()] == ["one-2026-06.pdf"]


def test_the_last_month_that_is_over(sample: Published, odd: Published) -> None:
    """By the clock of each contract (T2): it is over for all of them."""
    for published, last in ((sample, JULY), (odd, AUGUST)):
        with reading(published) as reader:
            assert read.last_final_month(reader) == last


def test_reports_and_marts_agree_on_what_is_over(sample: Published, odd: Published) -> None:
    """T3, which reports apply to months without a figure as well."""
    for published in (sample, odd):
        seen = set()
        with reading(published) as reader:
            for row in published.query(
                """select min(subscription_id) as subscription_id, month, status
                   from marts.credits group by contract_id, month, status"""
            ):
                figures = read.read(reader, row["subscription_id"], row["month"])
                assert figures.is_final == (row["status"] == "final")
                seen.add(figures.is_final)
                period = figures.period
                if period is not None and period["status"] != "fully_excluded":
                    assert figures.is_period_over == (period["status"] == "final")
        assert seen == {True, False}


def test_where_nothing_is_published_it_is_said(tmp_path: Path) -> None:
    for which in (
        ["--subscription", "named", "--out", tmp_path / "x.pdf"],
        ["--all", "--out", tmp_path / "x"],
    ):
        told = asked("--warehouse", tmp_path, "--month", "2026-06", *which)
        assert (told.exit_code, told.stderr) == (
            1,
            f"makegood: nothing is published in {tmp_path} yet\n",
        )
