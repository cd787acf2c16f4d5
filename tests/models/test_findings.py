"""Findings from file to alert: one delivery that holds every kind, one run by the command."""

import json
import subprocess
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from makegood.orchestration.pipeline.findings import KINDS
from tests.conftest import (
    Feeds,
    Published,
    Runner,
    contract,
    csv_text,
    write_contracts,
    write_landing,
)
from tests.e2e.test_command import MAKEGOOD

AS_OF = "2026-07-20T00:00:00Z"
Rows = list[dict[str, Any]]

TERMS: dict[str, dict[str, Any]] = {
    "exclusions": {"kinds": ["third_party", "scheduled_maintenance"]},
    "severity": {"levels": ["P1", "P2"]},
    "response": {"P1": {"target": "1h", "clock": "24x7"}},
    "resolution": {"P1": {"target": "4h", "clock": "24x7"}},
    "credits": {
        "support_plans": ["premium"],
        "availability_tiers": [{"below_pct": 99.9, "credit_pct": 10}],
    },
}


def terms() -> dict[str, Any]:
    found = contract("k", **TERMS)
    nobody = {"rank": "order_form", "customer_id": "c-main ", "effective_from": date(2026, 6, 1)}
    found["amendments"] = [{**nobody, "terms": {"credits": {"cap_pct": 50}}}]
    return found


def life(ticket: str, *events: tuple[str, str], severity: str = "P1", first: int = 1) -> Rows:
    """Events of a ticket by time of 2026-07-02 or instant, in order; ids rise with them."""
    rows = []
    for number, (event, at) in enumerate(events, first):
        instant = at if "T" in at else f"2026-07-02T{at}Z"
        row = {
            "event_id": f"{ticket}-{number}",
            "ticket_id": ticket,
            "occurred_at": instant,
            "event": event,
        }
        rows.append(row | ({"severity": severity} if event == "classified" else {}))
    return rows


def world() -> Feeds:
    def service(name: str) -> dict[str, Any]:
        return {"service_id": name, "name": name, "contract_id": "k", "lifecycle": "ga"}

    def component(name: str, service_id: str) -> dict[str, Any]:
        return {
            "component_id": name,
            "service_id": service_id,
            "region": "eu-west",
            "environment": "production",
        }

    def subscription(
        name: str, customer: str, region: str = "eu-west", since: str = "2026-01-01"
    ) -> dict[str, Any]:
        own = {
            "subscription_id": name,
            "customer_id": customer,
            "service_id": "chat",
            "region": region,
        }
        return own | {
            "support_plan": "premium",
            "kind": "paid",
            "status": "active",
            "valid_from": since,
        }

    def ticket(name: str, subscription_id: str = "00123", **more: Any) -> dict[str, Any]:
        return {
            "ticket_id": name,
            "subscription_id": subscription_id,
            "ticket_type": "incident",
            "environment": "production",
        } | more

    def invoice(name: str, customer: str = "c-main", **more: Any) -> dict[str, Any]:
        return {
            "invoice_id": name,
            "customer_id": customer,
            "status": "issued",
            "issued_on": "2026-07-01",
            "due_on": "2026-08-01",
        } | more

    def line(
        name: str, invoice_id: str, amount: str, currency: str = "EUR", **more: Any
    ) -> dict[str, Any]:
        own = {
            "line_id": name,
            "invoice_id": invoice_id,
            "subscription_id": "00123",
            "line_kind": "recurring",
        }
        return (
            own
            | {
                "period_start": "2026-07-01",
                "period_end": "2026-07-31",
                "amount": amount,
                "currency": currency,
            }
            | more
        )

    def outage(name: str, start: str, end: str | None, state: str = "down") -> dict[str, Any]:
        return {
            "outage_id": name,
            "component_id": "chat-1",
            "state": state,
            "started_at": f"{start}Z",
            "ended_at": end and f"{end}Z",
        }

    def exclusion(
        name: str, start: str, end: str | None, kind: str = "third_party", **scope: Any
    ) -> dict[str, Any]:
        return {
            "exclusion_id": name,
            "kind": kind,
            "starts_at": f"{start}Z",
            "ends_at": end and f"{end}Z",
        } | scope

    return {
        "services": [service("chat"), service("idle")],
        "components": [component("chat-1", "chat"), component("idle-1", "idle")],
        "customers": [{"customer_id": name, "name": name} for name in ("c-main", "c-gone")],
        "subscriptions": [
            subscription("00123", "c-main"),
            subscription("gone", "c-gone"),
            subscription("moved", "c-main"),
            {**subscription("moved", "c-main", since="2026-07-01"), "service_id": "idle"},
            subscription("typo", "c-main", region="eu-wset"),
        ],
        "outages": [
            outage("sound", "2026-07-05T00:00:00", "2026-07-05T01:00:00"),
            outage("forgotten", "2026-07-06T00:00:00", None),
            outage("long", "2026-06-10T00:00:00", "2026-06-20T03:00:00"),
            outage("empty", "2026-07-07T00:00:00", "2026-07-07T00:00:00"),
            outage("old", "2026-03-01T00:00:00", "2026-03-02T00:00:00"),
        ],
        "exclusions": [
            exclusion(
                "unlisted",
                "2026-07-01T00:00:00",
                "2026-07-01T01:00:00",
                "third-party",
                service_id="chat",
            ),
            exclusion(
                "elsewhere",
                "2026-07-01T00:00:00",
                "2026-07-01T01:00:00",
                service_id="idle",
                component_id="chat-1",
            ),
            exclusion("all", "2026-07-01T00:00:00", "2026-07-01T01:00:00"),
            exclusion("open", "2026-07-10T00:00:00", None, service_id="chat"),
            exclusion("june", "2026-06-01T00:00:00", "2026-07-01T00:00:00", service_id="chat"),
            exclusion("nowhere", "2026-07-01T00:00:00", "2026-07-01T01:00:00", region="eu-wset"),
        ],
        "tickets": [
            *(ticket(f"waiting-{n}", "123") for n in range(12)),
            *(ticket(f"unranked-{n}") for n in range(3)),
            ticket("twice"),
            ticket("twice-late"),
            ticket("unheard"),
            ticket("early"),
            ticket("tied"),
            ticket("kind", exclusion_kind="thirdparty"),
            ticket("names", incident_id="INC-9", outage_id="forgoten"),
            # all of June's verdicts are ours, and two of July's 20 are not: ten points more
            *(
                ticket(f"told-{n}", source_resolution_met=str(n < 20 or n > 21).lower())
                for n in range(40)
            ),
        ],
        "ticket_events": [
            *(event for n in range(12) for event in life(f"waiting-{n}", ("received", "08:00:00"))),
            *(
                event
                for n in range(3)
                for event in life(
                    f"unranked-{n}",
                    ("received", "08:00:00"),
                    ("classified", "08:00:00"),
                    severity="SLA18",
                )
            ),
            *life(
                "twice",
                ("received", "08:00:00"),
                ("received", "08:01:00"),
                ("classified", "08:01:00"),
                ("resolved", "08:10:00"),
            ),
            *life(
                "twice-late",
                ("received", "08:00:00"),
                ("received", "20:00:00"),
                ("classified", "08:01:00"),
                ("resolved", "23:00:00"),
            ),
            *life("unheard", ("classified", "08:00:00")),
            *life(
                "early",
                ("received", "08:00:00"),
                ("classified", "08:00:00"),
                ("resolved", "07:00:00"),
            ),
            *life(
                "tied",
                ("received", "08:00:00"),
                ("classified", "08:00:00"),
                ("paused", "09:00:00"),
                ("resumed", "09:00:00"),
            ),
            *life("tied", ("resolved", "11:00:00"), first=5),
            *life("kind", ("received", "08:00:00")),
            *life("names", ("received", "08:00:00")),
            *(
                event
                for n in range(40)
                for event in life(
                    f"told-{n}",
                    *(
                        (name, f"2026-0{6 + n // 20}-02T08:00:00Z")
                        for name in ("received", "classified", "resolved")
                    ),
                )
            ),
        ],
        "invoices": [
            invoice("i"),
            invoice("i-gone", "c-gone"),
            invoice("i-early", status="paid", paid_on="2026-06-01"),
        ],
        "invoice_lines": [
            line("fee", "i", "1000.55"),
            line("fee-gone", "i-gone", "77.50", subscription_id="gone"),
            line(
                "june",
                "i",
                "10.50",
                period_start="2026-06-01",
                period_end="2026-07-01",
                line_kind="usage",
            ),
            line(
                "july",
                "i",
                "10.50",
                period_start="2026-07-01",
                period_end="2026-08-01",
                line_kind="usage",
            ),
            line("charges", "i", "5.25", line_kind="credit"),
            line("refund", "i", "-5.25", line_kind="credit", period_start="2026-07-10"),
            line("huge-1", "i", "999999999999999.99", "CHF"),
            line("huge-2", "i", "999999999999999.99", "CHF"),
        ],
    }


def landing(folder: Path) -> Path:
    write_landing(folder, world())
    # many tickets are told of, and a few received twice are to be a warning all the same
    (folder / "feeds.yaml").write_text("tickets: {max_rejected_pct: 3}\n")
    (folder / "customers" / "then.csv").write_text("customer_id,deleted\nc-gone,true\n")
    (folder / "outages" / "misnamed.csv").write_text(
        "outage_id,component_id,state,started_at,resolved_at\n"
        "renamed,chat-1,degraded,2026-07-19T00:00:00Z,2026-07-19T00:10:00Z\n"
    )
    line = world()["invoice_lines"][0]
    points = [
        {**line, "line_id": f"point-{n}", "amount": f"{n + 1}.500", "currency": "PLN"}
        for n in range(4)
    ]
    whole = [
        {**line, "line_id": f"whole-{n}", "amount": f"{100 + n}", "currency": "GBP"}
        for n in range(10)
    ]
    (folder / "invoice_lines" / "points.csv").write_text(csv_text("invoice_lines", points))
    (folder / "invoice_lines" / "whole.csv").write_text(csv_text("invoice_lines", whole))
    return folder


# of each kind: feed, key, line of its file, part of what was seen, nearest match, rows
EXPECTED: dict[str, tuple[str, str | None, int | None, str, str | None, int]] = {
    "unknown_reference": (
        "tickets",
        "123",
        2,
        "subscription_id 123 matches nothing in subscriptions (12 rows, 19 %",
        "00123",
        12,
    ),
    "waits_for_a_waiting_row": (
        "ticket_events",
        None,
        2,
        "ticket_id names rows of tickets that wait",
        None,
        12,
    ),
    "deleted_reference": (
        "customers",
        "c-gone",
        2,
        "1 of invoices,1 of subscriptions; fees of 77.50 EUR are no longer in the figures",
        None,
        2,
    ),
    "unknown_severity": (
        "ticket_events",
        "SLA18",
        15,
        "SLA18 is not a severity of k (3 rows,",
        None,
        3,
    ),
    "received_twice": ("tickets", "twice", 17, "ticket twice was received more than once", None, 1),
    "received_twice_and_late": (
        "tickets",
        "twice-late",
        18,
        "by its first receipt it would be late",
        None,
        1,
    ),
    "never_received": ("tickets", "unheard", 19, "ticket unheard has no event received", None, 1),
    "changed_span": (
        "subscriptions",
        "moved",
        5,
        "differs from the earliest span of moved",
        None,
        1,
    ),
    "amounts_too_large": (
        "invoice_lines",
        "huge-1",
        8,
        "together have more than 15 digits",
        None,
        1,
    ),
    "misnamed_column": (
        "outages",
        "ended_at",
        1,
        "outages/misnamed.csv has no value in ended_at, and an unknown column resolved_at",
        "ended_at",
        1,
    ),
    "region_without_component": (
        "subscriptions",
        "typo",
        6,
        "chat has no component in region eu-wset",
        "eu-west",
        1,
    ),
    "unlisted_kind": (
        "exclusions",
        "unlisted",
        2,
        "the kind third-party is listed by no contract",
        "third_party",
        1,
    ),
    "unknown_incident": (
        "tickets",
        "names",
        23,
        "incident_id INC-9 is in no outage record",
        None,
        1,
    ),
    "unknown_outage": (
        "tickets",
        "names",
        23,
        "outage_id forgoten is in no outage record",
        "forgotten",
        1,
    ),
    "amendment_without_party": (
        "customers",
        "c-main ",
        None,
        "is for customer_id c-main , which is not in customers",
        "c-main",
        1,
    ),
    "claim_without_component": (
        "exclusions",
        "nowhere",
        7,
        "nowhere (third_party) is covered by cloud in eu-wset, where no service under it has a "
        "production component",
        None,
        1,
    ),
    "component_of_another_service": (
        "exclusions",
        "elsewhere",
        3,
        "chat-1 belongs to chat in eu-west, not to idle in eu-west",
        None,
        1,
    ),
    "open_record": (
        "outages",
        "forgotten",
        3,
        "forgotten has called chat-1 down for 14 days and has no end",
        None,
        1,
    ),
    "long_record": ("outages", "long", 4, "long calls chat-1 down for 10 days 3 hours", None, 1),
    "record_without_length": (
        "outages",
        "empty",
        5,
        "empty starts and ends in the same second",
        None,
        1,
    ),
    "exclusion_without_scope": (
        "exclusions",
        "all",
        4,
        "names no service, region, component or customer",
        None,
        1,
    ),
    "exclusion_without_end": (
        "exclusions",
        "open",
        5,
        "has no end: it excludes until someone ends it, so far for 10 days",
        None,
        1,
    ),
    "exclusion_of_a_whole_period": (
        "exclusions",
        "june",
        6,
        "june (third_party) covers 1 whole month of k",
        None,
        1,
    ),
    "resolved_before_received": (
        "tickets",
        "early",
        20,
        "ticket early was resolved or closed before it was received",
        None,
        1,
    ),
    "opinions_differ_more": (
        "tickets",
        "k, resolution",
        None,
        "2 of 20 verdicts of the ticket system differ from ours in 2026-07, and 0 of 20 before",
        None,
        2,
    ),
    "order_by_id": ("tickets", "tied", 21, "ticket tied has events of one instant", None, 1),
    "paid_before_issued": (
        "invoices",
        "i-early",
        4,
        "invoice i-early was paid on 2026-06-01, before it was issued on 2026-07-01",
        None,
        1,
    ),
    "positive_credit": (
        "invoice_lines",
        "charges",
        6,
        "credit line charges of 00123 is positive",
        None,
        1,
    ),
    "overlap_of_a_day": (
        "invoice_lines",
        "june",
        4,
        "lines june and july of 00123 share one day, 2026-07-01",
        None,
        1,
    ),
    "refund_as_credit": (
        "invoice_lines",
        "refund",
        7,
        "credit line refund of 00123 is for part of a month",
        None,
        1,
    ),
    "thousands_points": (
        "invoice_lines",
        "PLN",
        2,
        "every amount in PLN of invoice_lines/points.csv has three decimals",
        None,
        4,
    ),
    "amounts_without_cents": (
        "invoice_lines",
        "GBP",
        2,
        "no amount in GBP of invoice_lines/whole.csv has cents",
        None,
        10,
    ),
    "before_the_first_version": (
        "outages",
        "k",
        6,
        "1 rows are from before 2026-06-01, when k begins",
        None,
        1,
    ),
    "service_without_figure": (
        "components",
        "idle",
        3,
        "idle in eu-west has components and no figure",
        None,
        1,
    ),
}
# what follows from others is shown and not told
QUIET = {"waits_for_a_waiting_row"}


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str, Published]:
    """What the command prints, what `status` then says, and what is published."""
    folder = tmp_path_factory.mktemp("findings")
    # of a provider without any component
    cloud = contract("cloud", since="2026-07-01")
    cloud |= {"party": "customer", "covers": {"third_party": ["eu-wset"]}}
    contracts = write_contracts(folder / "contracts", {"k": terms(), "cloud": cloud})
    words = [
        "run",
        "--landing",
        landing(folder / "landing"),
        "--warehouse",
        folder / "warehouse",
        "--contracts",
        contracts,
        "--as-of",
        AS_OF,
    ]
    done = subprocess.run(
        [str(MAKEGOOD), *map(str, words)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    words = ["status", "--warehouse", folder / "warehouse"]
    status = subprocess.run(
        [str(MAKEGOOD), *map(str, words)], capture_output=True, text=True, check=True
    )
    return done.stdout, status.stdout, Published(folder / "warehouse")


def test_the_delivery_holds_every_kind_and_no_other(told: tuple[str, str, Published]) -> None:
    assert EXPECTED.keys() == KINDS.keys()
    assert {
        row["kind"] for row in told[2].query("select kind from quality.findings")
    } == KINDS.keys()


@pytest.mark.parametrize("kind", EXPECTED)
def test_a_kind_is_found_with_file_and_line(told: tuple[str, str, Published], kind: str) -> None:
    feed, key, line, seen, nearest, rows = EXPECTED[kind]
    found = told[2].query(
        f"select * from quality.findings where kind = '{kind}' and feed = '{feed}'"
    )
    own = [row for row in found if row["key"] == key]
    assert len(own) == 1, found
    assert seen in own[0]["seen"]
    assert (own[0]["line"], own[0]["nearest"], own[0]["rows"]) == (line, nearest, rows)
    assert (own[0]["file"] is None) == (line is None)
    assert own[0]["means"] == KINDS[kind].means
    assert own[0]["severity"] == ("notice" if kind in QUIET else "warning")


@pytest.mark.parametrize("kind", EXPECTED)
def test_a_kind_is_told_from_the_run_to_the_alert(
    told: tuple[str, str, Published], kind: str
) -> None:
    feed, title = EXPECTED[kind][0], KINDS[kind].title
    printed, status, published = told
    start = f"{feed}: {title}, "
    lines = [
        line for line in printed.splitlines() if line.partition("  ")[2].strip().startswith(start)
    ]
    assert len(lines) == 1, "one line a kind and feed"
    assert EXPECTED[kind][3].partition(" (")[0] in lines[0] or "more" in lines[0]
    assert (
        sum(
            start in line and line.startswith("  ") and "since" not in line
            for line in status.splitlines()
        )
        >= 1
    )
    page = (published.warehouse / "published" / "data_docs" / f"{feed}.html").read_text()
    assert title.replace("'", "&#39;") in page
    alerts = [
        e["alert"] for e in json.loads((published.warehouse / "alerts.json").read_text())["entries"]
    ]
    own = [a for a in alerts if a["kind"] == "data_finding" and a["subject"] == f"{feed}: {title}"]
    assert len(own) == (kind not in QUIET)
    assert all(a["means"] == KINDS[kind].means for a in own)


def test_the_run_counts_what_waits(told: tuple[str, str, Published]) -> None:
    printed, _, published = told
    (counts,) = published.query(
        "select sum(rows_read) as read, sum(rows_rejected) as rejected from state.deliveries"
    )
    judged = published.query(
        "select count(*) filter (status = 'waiting') as waiting, count(*) filter (status = "
        "'rejected') as rejected from quality.rejected_rows"
    )
    (set_aside,) = judged
    rest = counts["read"] - set_aside["rejected"] - set_aside["waiting"]
    assert set_aside["waiting"] > 20
    assert (
        f"read {counts['read']:,}, landed {rest:,}, rejected {set_aside['rejected']:,}, waiting "
        f"{set_aside['waiting']:,}\n"
    ) in printed


@pytest.mark.long
def test_a_finding_ends_with_a_corrected_delivery(publish: Runner, tmp_path: Path) -> None:
    contracts = {"k": terms()}
    folder = landing(tmp_path / "feeds")
    publish(folder, AS_OF, contracts)
    ended = {
        "outage_id": "forgotten",
        "component_id": "chat-1",
        "state": "down",
        "started_at": "2026-07-06T00:00:00Z",
        "ended_at": "2026-07-06T02:00:00Z",
    }
    (folder / "outages" / "repaired.csv").write_text(csv_text("outages", [ended]))
    (folder / "subscriptions" / "also.csv").write_text(
        csv_text("subscriptions", [world()["subscriptions"][0] | {"subscription_id": "123"}])
    )
    found = publish(folder, AS_OF, contracts)
    kinds = {
        (row["kind"], row["feed"]) for row in found.query("select kind, feed from quality.findings")
    }
    assert (
        not {
            ("open_record", "outages"),
            ("unknown_reference", "tickets"),
            ("waits_for_a_waiting_row", "ticket_events"),
        }
        & kinds
    )
    assert ("long_record", "outages") in kinds


def test_a_few_waiting_rows_are_shown_and_not_told(publish: Runner) -> None:
    feeds = world()
    feeds["tickets"] = [
        t for t in feeds["tickets"] if t["ticket_id"] not in {f"waiting-{n}" for n in range(8, 12)}
    ]
    found = publish(feeds, AS_OF, {"k": terms()}).query(
        "select severity, rows from quality.findings where kind = 'unknown_reference' and feed = "
        "'tickets'"
    )
    # with the ticket that was never received they are nine of the feed
    assert found == [{"severity": "notice", "rows": 8}]


def test_every_kind_is_in_the_docs() -> None:
    page = (Path(__file__).parents[2] / "docs" / "findings.md").read_text()
    assert [
        kind for kind, about in KINDS.items() if f"| `{kind}` | {about.title} |" not in page
    ] == []
