"""Tickets, fees and credits by examples worked out by hand: one run over subscriptions that each
show one thing (K, R, E, C, Z1, Z3, Z5, T6).

A subscription has a service, a customer and a name of its own, is premium and paid from 2026-06-01
on, and pays 1000.00 EUR for June, unless its example says otherwise. June has 2,592,000 seconds:
2,592 of them are 0.1 %, 25,920 are 1 %.
"""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests import conftest
from tests.conftest import CONTRACTS, Published, Rows

AS_OF = "2026-09-10T00:00:00Z"
JUNE = datetime(2026, 6, 10, tzinfo=UTC)
H, DAY = 3600, 86_400


class Examples:
    """Feeds that grow by one subscription at a time."""

    def __init__(self) -> None:
        self.feeds: dict[str, Rows] = {
            name: []
            for name in (
                "services",
                "components",
                "outages",
                "exclusions",
                "customers",
                "subscriptions",
                "tickets",
                "ticket_events",
                "support_hours",
                "invoices",
                "invoice_lines",
                "credit_requests",
            )
        }
        self.number = 0

    def id(self, kind: str) -> str:
        self.number += 1
        return f"{kind}{self.number:04d}"

    def subscription(
        self,
        name: str,
        contract_id: str = "trueengage",
        lifecycle: str = "ga",
        spans: Rows | None = None,
        fee: str | None = "1000.00",
    ) -> "Examples":
        self.name = name
        self.feeds["customers"].append({"customer_id": f"of-{name}", "name": name})
        self.feeds["services"].append(
            {
                "service_id": name,
                "name": name,
                "contract_id": contract_id,
                "lifecycle": lifecycle,
                "product_category": "voice",
            }
        )
        self.feeds["components"].append(
            {"component_id": name, "service_id": name, "region": "eu", "environment": "production"}
        )
        self.outage(-9 * DAY, None, state="up")
        for span in spans if spans is not None else [{}]:
            row = {
                "support_plan": "premium",
                "kind": "paid",
                "status": "active",
                "valid_from": "2026-06-01",
                "valid_to": "",
                **span,
            }
            self.feeds["subscriptions"].append(
                {
                    "subscription_id": name,
                    "customer_id": f"of-{name}",
                    "service_id": name,
                    "region": "eu",
                    **row,
                }
            )
        if fee:
            self.line(fee)
        return self

    def outage(
        self,
        start: int,
        end: int | None,
        state: str = "down",
        incident: str = "",
        outage_id: str = "",
    ) -> "Examples":
        """Seconds from 2026-06-10T00:00:00Z."""
        until = "" if end is None else stamp(end)
        row = {
            "outage_id": outage_id or self.id("o"),
            "component_id": self.name,
            "state": state,
            "started_at": stamp(start),
            "ended_at": until,
        }
        self.feeds["outages"].append({**row, "incident_id": incident})
        return self

    def exclusion(self, kind: str, start: int, end: int, **scope: str) -> "Examples":
        row = {
            "exclusion_id": self.id("x"),
            "kind": kind,
            "service_id": self.name,
            "starts_at": stamp(start),
            "ends_at": stamp(end),
        }
        self.feeds["exclusions"].append({**row, **scope})
        return self

    def invoice(
        self, status: str = "issued", due: str = "", paid: str = "", issued: str = "2026-07-01"
    ) -> str:
        row = {
            "invoice_id": self.id("inv"),
            "customer_id": f"of-{self.name}",
            "status": status,
            "issued_on": issued,
            "due_on": due,
            "paid_on": paid,
        }
        self.feeds["invoices"].append(row)
        return row["invoice_id"]

    def line(
        self,
        amount: str,
        first: str = "2026-06-01",
        last: str = "2026-06-30",
        kind: str = "recurring",
        currency: str = "EUR",
        invoice: str = "",
    ) -> "Examples":
        row = {
            "line_id": self.id("l"),
            "invoice_id": invoice or self.invoice(),
            "subscription_id": self.name,
            "line_kind": kind,
        }
        self.feeds["invoice_lines"].append(
            {
                **row,
                "period_start": first,
                "period_end": last,
                "amount": amount,
                "currency": currency,
            }
        )
        return self

    def request(self, day: str, month: str = "2026-06-01") -> "Examples":
        self.feeds["credit_requests"].append(
            {
                "request_id": self.id("r"),
                "subscription_id": self.name,
                "month": month,
                "requested_on": day,
            }
        )
        return self

    def ticket(
        self,
        *events: tuple[int, str] | tuple[int, str, str],
        ticket_id: str = "",
        ticket_type: str = "incident",
        **values: str,
    ) -> "Examples":
        """Events as (seconds from 2026-06-10T00:00:00Z, event, severity); received at the first of
        them unless it is among them."""
        ticket_id = ticket_id or self.id("t")
        row = {
            "ticket_id": ticket_id,
            "subscription_id": self.name,
            "ticket_type": ticket_type,
            "environment": "production",
            **values,
        }
        self.feeds["tickets"].append(row)
        if "received" not in {e[1] for e in events}:
            events = ((events[0][0], "received"), *events)
        for n, (at, event, *severity) in enumerate(events):
            told = {
                "severity": severity[0] if severity else "",
                "resolution_kind": "restored" if event == "resolved" else "",
            }
            self.feeds["ticket_events"].append(
                {
                    "event_id": f"{ticket_id}-{n:02d}",
                    "ticket_id": ticket_id,
                    "occurred_at": stamp(at),
                    "event": event,
                    **told,
                }
            )
        return self

    def resolved(self, *lengths: int, severity: str = "P1", start: int = 0) -> "Examples":
        """Tickets of a severity that take so many seconds each."""
        for length in lengths:
            self.ticket((start, "classified", severity), (start + length, "resolved"))
        return self


def stamp(seconds: int) -> str:
    return f"{JUNE + timedelta(seconds=seconds):%Y-%m-%dT%H:%M:%SZ}"


def made() -> Examples:
    e = Examples()
    # ---- C1: at the commitment nothing, then the tiers, each strictly below its bound
    for name, down in (
        ("at_99_9", 2592),
        ("below_99_9", 2593),
        ("at_99", 25_920),
        ("below_99", 25_921),
        ("at_98", 51_840),
        ("below_98", 51_841),
    ):
        e.subscription(name).outage(0, down).request("2026-07-30")
    # ---- R2, R3, K7: one of ten does not trigger, one of nine does; the tiers of the average delay
    e.subscription("one_of_ten").resolved(*[H] * 9, 5 * H)
    e.subscription("one_of_nine").resolved(*[H] * 8, 5 * H)
    e.subscription("on_target").resolved(4 * H)
    e.subscription("delay_25").resolved(5 * H)
    e.subscription("delay_25_and_a_bit").resolved(5 * H + 1)
    e.subscription("delay_50").resolved(6 * H)
    e.subscription("delay_over_50").resolved(6 * H + 1)
    # 25 % of P1's target and 75 % of P2's: the mean of the ratios is 50, not the ratio of the sums
    e.subscription("mean").resolved(5 * H).resolved(21 * H, severity="P2")
    e.subscription("p3_is_no_part").resolved(20 * DAY, severity="P3")
    e.subscription("open_past").ticket((0, "classified", "P1"))
    e.subscription("open_in_time").ticket((92 * DAY - H, "classified", "P1"))
    # ---- C3: the same event, by name, by time, and not
    day = 26_000
    e.subscription("named").outage(0, day, incident="inc-1").ticket(
        (9 * DAY, "classified", "P1"), (9 * DAY + 5 * H, "resolved"), incident_id="inc-1"
    )
    e.subscription("named_elsewhere").outage(0, day, incident="inc-2").ticket(
        (0, "classified", "P1"), (5 * H, "resolved"), incident_id="inc-9"
    )
    e.subscription("by_outage").outage(0, day, outage_id="out-1").ticket(
        (9 * DAY, "classified", "P1"), (9 * DAY + 5 * H, "resolved"), outage_id="out-1"
    )
    e.subscription("inside").outage(0, day).resolved(5 * H, start=0)
    e.subscription("within_900").outage(0, day).resolved(5 * H, start=day + 900)
    e.subscription("after_901").outage(0, day).resolved(5 * H, start=day + 901)
    e.subscription("before").outage(0, day).resolved(5 * H, start=-1)
    e.subscription("met_is_no_event").outage(0, day, incident="inc-3").ticket(
        (0, "classified", "P1"), (H, "resolved"), incident_id="inc-3"
    )
    # 10 % and 25 % with all, 0 % and 0 % without what is shared: the resolution credit alone is
    # better
    e.subscription("resolution_first").outage(0, 3000).resolved(9 * H, start=0)
    # without the shared ticket the other one still triggers: 10 + 25 against 0 + 15
    e.subscription("availability_first").outage(0, 3000).resolved(4 * H + 60, start=0).resolved(
        7 * H, start=5 * DAY
    )
    # ---- C4: the cap, and one rounding, half away from zero, in the minor unit
    e.subscription("capped").outage(0, 60_000).resolved(30 * H, start=9 * DAY)
    e.subscription("half_cent", fee="0.05").outage(0, 2593)
    e.subscription("yen", fee=None).outage(0, 2593).line("105", currency="JPY")
    e.subscription("dinar", fee=None).outage(0, 2593).line("0.005", currency="KWD")
    e.subscription("two_currencies").outage(0, 2593).line("10.00", currency="USD")
    # ---- C5: the window, to the day
    for name, days in (
        ("last_day", ["2026-07-30"]),
        ("late", ["2026-07-31"]),
        ("earliest", ["2026-08-09", "2026-07-02"]),
        ("early", ["2026-06-11"]),
        ("never", []),
    ):
        e.subscription(name).outage(0, 2593)
        for asked in days:
            e.request(asked)
    # ---- E1: covered time, and every reason there is for none
    for name, spans in (
        ("trial", [{"kind": "trial"}]),
        ("suspended_standard", [{"status": "suspended", "support_plan": "standard"}]),
        ("lapsed", [{"valid_from": "2026-01-01", "valid_to": "2026-05-31"}]),
        (
            "both_parts",
            [
                {"kind": "trial", "valid_to": "2026-06-15"},
                {"status": "suspended", "valid_from": "2026-06-16"},
            ],
        ),
        # the outage of the 10th is before the covered time
        ("later", [{"valid_from": "2026-06-11"}]),
        # the end date is inclusive, and the next span cuts an open one
        ("inclusive", [{"valid_to": "2026-06-10"}]),
        ("cut_by_next", [{}, {"valid_from": "2026-06-10", "kind": "trial"}]),
    ):
        e.subscription(name, spans=spans).outage(0, 2593).request("2026-07-30")
    # ---- E2: due before the day of the request, and not paid by then
    for name, values in (
        ("due_on_the_day", {"due": "2026-07-20"}),
        ("due_before", {"due": "2026-07-19"}),
        ("paid_on_the_day", {"due": "2026-07-19", "paid": "2026-07-20", "status": "paid"}),
        ("paid_after", {"due": "2026-07-19", "paid": "2026-07-21", "status": "paid"}),
        ("draft", {"due": "2026-07-19", "status": "draft"}),
    ):
        e.subscription(name).outage(0, 2593).request("2026-07-20")
        e.line("10.00", first="", last="", kind="tax", invoice=e.invoice(**values))
    e.subscription("credit_note").outage(0, 2593).request("2026-07-20").line(
        "-10.00", invoice=e.invoice(due="2026-07-19")
    )
    # ---- E3: a line over three months, up and down; what is no fee; E4
    e.subscription("spread", fee=None).line("100.00", last="2026-08-31")
    e.subscription("spread_back", fee=None).line("100.00", last="2026-08-31").line(
        "-100.00", last="2026-08-31"
    )
    e.subscription("no_fees", fee=None).outage(0, 2593).line("5.00", kind="one_off").line(
        "5.00", kind="tax"
    ).line("9.00", invoice=e.invoice("void"))
    e.subscription("preview", lifecycle="preview").outage(0, 60_000).resolved(30 * H)
    # ---- A5: a customer's exclusions act in its own figures only
    e.subscription("own_exclusion").outage(0, 2593).exclusion(
        "customer_caused", 0, 2000, customer_id="of-own_exclusion"
    )
    e.subscription("own_component").outage(0, 2593).exclusion(
        "customer_caused", 0, 2593, customer_id="of-own_component", component_id="own_component"
    )
    # ---- C6: what was issued
    e.subscription("as_due").outage(0, 2593).request("2026-07-30").line("-100.00", kind="credit")
    e.subscription("inside_month").outage(0, 2593).request("2026-07-30").line(
        "-100.00", kind="credit", invoice=e.invoice(issued="2026-06-30")
    )
    e.subscription("too_much").line("-250.01", kind="credit")
    e.subscription("at_cap").line("-250.00", kind="credit")
    e.subscription("month_to_come").line(
        "-1.00", kind="credit", first="2026-10-01", last="2026-10-31"
    )
    # ---- K: lives
    e.subscription("desk")
    e.ticket(
        (0, "received"),
        (60, "classified", "P1"),
        (30, "responded"),
        (4 * H + 60, "closed"),
        ticket_id="closing_resolves",
    )
    e.ticket(
        (0, "classified", "P2"),
        (H, "paused"),
        (2 * H, "paused"),
        (3 * H, "resumed"),
        (13 * H, "resolved"),
        ticket_id="paused",
    )
    e.ticket(
        (0, "classified", "P1"),
        (H, "resolved"),
        (2 * H, "closed"),
        (5 * H, "reopened"),
        (8 * H, "resolved"),
        ticket_id="reopened",
    )
    e.ticket(
        (0, "classified", "P4"),
        (H, "severity_changed", "P1"),
        (2 * H, "resolved"),
        (3 * H, "severity_changed", "P2"),
        ticket_id="raised",
    )
    e.ticket((0, "classified", "P1"), (H, "cancelled"), ticket_id="cancelled")
    e.ticket((0, "received"), (H, "responded"), ticket_id="unclassified")
    e.ticket(
        (0, "classified", "P9"),
        (H, "classified", "P2"),
        (2 * H, "responded"),
        ticket_id="unknown_level",
    )
    e.ticket((0, "classified", "P1"), (H, "resolved"), ticket_id="staging", environment="staging")
    e.ticket(
        (0, "classified", "P1"),
        (9 * H, "resolved"),
        ticket_id="excluded",
        exclusion_kind="customer_caused",
    )
    e.ticket(
        (0, "classified", "P1"),
        (9 * H, "resolved"),
        ticket_id="unlisted",
        exclusion_kind="sunspots",
    )
    # updates: every hour for P1: gaps of 1 h, 1 h + 1 s and 3 h miss none, one and two
    e.ticket(
        (0, "classified", "P1"),
        (H, "responded"),
        (2 * H + 1, "status_updated"),
        (5 * H + 1, "resolved"),
        ticket_id="updates",
    )
    # three business days of Warsaw over a weekend: from Thursday 11 June noon to Tuesday 16 June
    # noon
    e.ticket(
        (DAY + 10 * H, "classified", "P3"),
        (6 * DAY + 10 * H, "resolved"),
        ticket_id="business_days",
    )
    e.ticket(
        (DAY + 10 * H, "classified", "P3"),
        (6 * DAY + 10 * H + 1, "resolved"),
        ticket_id="business_days_late",
    )
    e.ticket((92 * DAY - 3 * H, "classified", "P2"), (92 * DAY - 2 * H, "paused"), ticket_id="open")
    e.subscription("trial_desk", spans=[{"kind": "trial", "status": "suspended"}]).resolved(H)
    e.subscription("unsubscribed_desk", spans=[{"valid_from": "2026-07-01"}]).resolved(H)
    e.subscription("suspended_desk", spans=[{"status": "suspended"}]).resolved(H)
    # ---- K4 on business hours, Z3: Wednesday 10 June, Amsterdam is two hours ahead;
    # office hours 06:30 to 15:00 UTC
    e.subscription("dutch", contract_id="connect_engage", fee=None)
    e.ticket(
        (14 * H + 1800, "classified", "high"),
        (DAY + 7 * H, "responded"),
        ticket_type="request",
        ticket_id="over_night",
    )
    e.ticket(
        (14 * H + 1800, "classified", "high"),
        (DAY + 7 * H + 1, "responded"),
        ticket_type="request",
        ticket_id="over_night_late",
    )
    e.ticket(
        (0, "classified", "P4"),
        (H, "severity_changed", "P3"),
        (2 * H, "severity_changed", "P4"),
        (3 * H, "resolved"),
        ticket_id="public",
        published_at=stamp(-60),
    )
    e.ticket((0, "classified", "P4"), (3 * H, "resolved"), ticket_id="quiet")
    # ---- Z1
    e.subscription("helped")
    for day_of, minutes in (("2026-06-01", 500), ("2026-06-30", 101), ("2026-09-30", 60)):
        e.feeds["support_hours"].append(
            {
                "entry_id": e.id("h"),
                "subscription_id": "helped",
                "worked_on": day_of,
                "minutes": minutes,
            }
        )
    # ---- T6, C1: amendments
    for name in (
        "raised",
        "raised_with_tiers",
        "outranked",
        "narrower",
        "price_list",
        "ended",
        "wide",
    ):
        e.subscription(name, contract_id="amended").outage(0, 2000)
    return e


def amended() -> dict[str, Any]:
    """The first contract under another id, with amendments; 2,000 s of June are 99.922840 %."""
    own = conftest.yaml.safe_load((CONTRACTS / "trueengage.yaml").read_text())
    own["contract_id"] = "amended"

    def amendment(
        rank: str,
        scope: dict[str, str],
        terms: dict[str, Any],
        since: str = "2026-06-01",
        until: str = "",
    ) -> dict[str, Any]:
        dates = {"effective_from": date.fromisoformat(since)} | (
            {"effective_to": date.fromisoformat(until)} if until else {}
        )
        return {"rank": rank, **scope, **dates, "terms": terms}

    def promise(value: float) -> dict[str, Any]:
        return {"availability": {"commitment_pct": value}}

    own["amendments"] = [
        # the first tier reaches up to the commitment, unless one document sets both
        amendment("order_form", {"customer_id": "of-raised"}, promise(99.95)),
        amendment(
            "order_form",
            {"customer_id": "of-raised_with_tiers"},
            promise(99.95)
            | {"credits": {"availability_tiers": [{"below_pct": 99.9, "credit_pct": 20}]}},
        ),
        amendment("executed_agreement", {"customer_id": "of-outranked"}, promise(99.5)),
        amendment(
            "order_form", {"subscription_id": "outranked"}, promise(99.95), since="2026-06-01"
        ),
        amendment("order_form", {"subscription_id": "narrower"}, promise(99.95)),
        amendment("order_form", {"customer_id": "of-narrower"}, promise(99.5)),
        # below the contract's own rank: it only sets what the contract leaves out
        amendment(
            "price_list",
            {"customer_id": "of-price_list"},
            promise(99.95) | {"status_page": {"severities": ["P1"]}},
        ),
        amendment(
            "order_form",
            {"customer_id": "of-ended"},
            promise(99.95),
            since="2026-01-01",
            until="2026-05-31",
        ),
        amendment(
            "order_form",
            {"customer_id": "of-wide"},
            promise(99.95),
            since="2026-01-01",
            until="2026-06-01",
        ),
    ]
    return own


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Published:
    folder = tmp_path_factory.mktemp("credits")
    contracts = conftest.write_contracts(folder / "contracts", {"amended": amended()})
    for path in CONTRACTS.glob("*.yaml"):
        (contracts / path.name).write_text(path.read_text())
    return conftest.published_once(
        conftest.write_landing(folder / "landing", made().feeds),
        folder / "warehouse",
        AS_OF,
        contracts,
    )


def row_of(published: Published, mart: str, **key: Any) -> dict[str, Any]:
    rows = [r for r in published.mart(mart) if all(str(r[k]) == str(v) for k, v in key.items())]
    assert len(rows) == 1, (key, rows)
    return rows[0]


def credit(
    published: Published, name: str, month: str = "2026-06-01", **key: Any
) -> dict[str, Any]:
    return row_of(published, "credits", subscription_id=name, month=month, **key)


@pytest.mark.parametrize(
    ("name", "pct"),
    [
        ("at_99_9", 0),
        ("below_99_9", 10),
        ("at_99", 10),
        ("below_99", 15),
        ("at_98", 15),
        ("below_98", 25),
    ],
)
def test_availability_tiers_are_strict(published: Published, name: str, pct: int) -> None:
    """C1, A6: a figure at a bound is not below it."""
    row = credit(published, name)
    assert (row["availability_credit_pct"], row["resolution_credit_pct"], row["combination"]) == (
        pct,
        0,
        "sum",
    )
    assert (row["credit_amount"], row["payable_amount"], row["claim_status"]) == (
        10 * pct,
        10 * pct,
        "requested",
    )


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (
            "one_of_ten",
            {
                "incidents": 10,
                "missed": 1,
                "missed_pct": Decimal(10),
                "average_delay_pct": Decimal(25),
                "is_triggered": False,
                "credit_pct": 0,
            },
        ),
        (
            "one_of_nine",
            {
                "incidents": 9,
                "missed": 1,
                "missed_pct": Decimal("11.111111"),
                "is_triggered": True,
                "credit_pct": 10,
            },
        ),
        (
            "on_target",
            {
                "incidents": 1,
                "missed": 0,
                "average_delay_pct": None,
                "is_triggered": False,
                "credit_pct": 0,
            },
        ),
        ("delay_25", {"average_delay_pct": Decimal(25), "credit_pct": 10}),
        ("delay_25_and_a_bit", {"average_delay_pct": Decimal("25.006944"), "credit_pct": 15}),
        ("delay_50", {"average_delay_pct": Decimal(50), "credit_pct": 15}),
        ("delay_over_50", {"credit_pct": 25}),
        ("mean", {"incidents": 2, "missed": 2, "average_delay_pct": Decimal(50), "credit_pct": 15}),
        # open since 10 June: 92 days of which 4 hours were promised
        ("open_past", {"incidents": 1, "missed": 1, "average_delay_pct": Decimal(55_100)}),
    ],
)
def test_resolution_performance(published: Published, name: str, expected: dict[str, Any]) -> None:
    """R1-R3, K7."""
    row = row_of(published, "resolution_performance", subscription_id=name)
    assert {k: row[k] for k in expected} == expected
    assert credit(published, name)["resolution_credit_pct"] == row["credit_pct"]


def test_what_is_pending_or_of_another_severity_is_in_no_population(published: Published) -> None:
    """R1, K7."""
    names = {r["subscription_id"] for r in published.mart("resolution_performance")}
    assert names >= {"desk", "open_past"}
    assert not names & {
        "p3_is_no_part",
        "open_in_time",
        "preview",
        "trial_desk",
        "unsubscribed_desk",
        "dutch",
    }


@pytest.mark.parametrize(
    ("name", "availability", "resolution", "combined", "combination"),
    [
        # 26,000 s are below 99.0: 15 %; an hour over 4 h: 10 %
        ("named", 15, 10, 15, "availability_first"),
        ("by_outage", 15, 10, 15, "availability_first"),
        ("inside", 15, 10, 15, "availability_first"),
        ("within_900", 15, 10, 15, "availability_first"),
        ("after_901", 15, 10, 25, "sum"),
        ("before", 15, 10, 25, "sum"),
        # it names an incident, so time does not link it
        ("named_elsewhere", 15, 10, 25, "sum"),
        ("met_is_no_event", 15, 0, 15, "sum"),
        ("resolution_first", 10, 25, 25, "resolution_first"),
        # delays of 60 s in 4 h and of 3 h in 4 h: 37.7 % on average, 75 % without the shared one,
        # but never more than with it
        ("availability_first", 10, 15, 25, "availability_first"),
    ],
)
def test_not_both_for_the_same_event(
    published: Published,
    name: str,
    availability: int,
    resolution: int,
    combined: int,
    combination: str,
) -> None:
    """C3."""
    row = credit(published, name)
    assert (row["availability_credit_pct"], row["resolution_credit_pct"]) == (
        availability,
        resolution,
    )
    assert (row["combined_pct"], row["combination"]) == (combined, combination)


@pytest.mark.parametrize(
    ("name", "currency", "fee", "amount"),
    [
        ("half_cent", "EUR", "0.05", "0.01"),
        ("yen", "JPY", "105", "11"),
        ("dinar", "KWD", "0.005", "0.001"),
        ("two_currencies", "EUR", "1000", "100"),
        ("two_currencies", "USD", "10", "1"),
        ("capped", "EUR", "1000", "250"),
    ],
)
def test_amounts_are_rounded_once_half_away_from_zero(
    published: Published, name: str, currency: str, fee: str, amount: str
) -> None:
    """C4, E3."""
    row = credit(published, name, currency=currency)
    assert (row["monthly_fee"], row["credit_amount"]) == (Decimal(fee), Decimal(amount))
    if name == "capped":
        assert (row["combined_pct"], row["credit_pct"]) == (50, 25)


@pytest.mark.parametrize(
    ("name", "month", "status", "requested_on", "payable"),
    [
        ("last_day", "2026-06-01", "requested", "2026-07-30", 100),
        ("late", "2026-06-01", "late", "2026-07-31", 0),
        ("earliest", "2026-06-01", "requested", "2026-07-02", 100),
        ("early", "2026-06-01", "requested", "2026-06-11", 100),
        ("never", "2026-06-01", "waived", "None", 0),
        ("never", "2026-08-01", "claimable", "None", 0),
        ("never", "2026-09-01", "accruing", "None", 0),
    ],
)
def test_claim_windows_end_on_their_day(
    published: Published, name: str, month: str, status: str, requested_on: str, payable: int
) -> None:
    """C5: 30 days after June are 30 July, after August 30 September."""
    row = credit(published, name, month)
    assert (row["claim_status"], str(row["requested_on"]), row["payable_amount"]) == (
        status,
        requested_on,
        payable,
    )
    assert (
        str(row["claim_deadline"])
        == {"2026-06-01": "2026-07-30", "2026-08-01": "2026-09-30", "2026-09-01": "2026-10-30"}[
            month
        ]
    )
    assert row["statement_version"] == (None if status == "accruing" else 1)


@pytest.mark.parametrize(
    ("name", "reasons", "figure", "payable"),
    [
        ("trial", "not_paid", None, 0),
        ("suspended_standard", "plan_without_credits,suspended", None, 0),
        ("lapsed", "not_subscribed", None, 0),
        ("both_parts", "not_paid,suspended", None, 0),
        ("later", "", Decimal(100), 0),
        ("inclusive", "", Decimal("99.899961"), 100),
        ("cut_by_next", "", Decimal(100), 0),
        ("due_on_the_day", "", Decimal("99.899961"), 100),
        ("due_before", "overdue", Decimal("99.899961"), 0),
        ("paid_on_the_day", "", Decimal("99.899961"), 100),
        ("paid_after", "overdue", Decimal("99.899961"), 0),
        ("draft", "", Decimal("99.899961"), 100),
        # 10.00 less for June: 99.00 of credit
        ("credit_note", "", Decimal("99.899961"), 99),
        ("no_fees", "no_fee", Decimal("99.899961"), 0),
        ("preview", "not_ga", Decimal("97.685185"), 0),
    ],
)
def test_eligibility_names_every_reason(
    published: Published, name: str, reasons: str, figure: Decimal | None, payable: int
) -> None:
    """E1, E2, E4, A5."""
    row = credit(published, name)
    assert (row["reasons"], row["availability_pct"], row["payable_amount"]) == (
        reasons,
        figure,
        payable,
    )


def test_what_was_at_stake_stays_visible(published: Published) -> None:
    """Rows keep percentages and amounts where there are reasons; what is not GA promises nothing
    (A7)."""
    assert credit(published, "due_before")["credit_amount"] == 100
    assert credit(published, "no_fees")["currency"] is None
    assert credit(published, "preview")["credit_pct"] == 0


def test_parts_of_a_line_add_up(published: Published) -> None:
    """E3: 100.00 over 92 days: cumulative 32.61, 66.30, 100.00."""
    parts = {
        str(r["month"]): r["monthly_fee"]
        for r in published.mart("credits")
        if r["subscription_id"] == "spread" and r["currency"]
    }
    assert parts == {
        "2026-06-01": Decimal("32.61"),
        "2026-07-01": Decimal("33.69"),
        "2026-08-01": Decimal("33.70"),
    }
    back = [
        r
        for r in published.mart("credits")
        if r["subscription_id"] == "spread_back" and r["currency"]
    ]
    assert [r["monthly_fee"] for r in back] == [0, 0, 0]
    assert {r["reasons"] for r in back} == {"no_fee"}


def test_exclusions_of_a_customer_act_in_its_own_figures(published: Published) -> None:
    """A5, X2: 2,000 of 2,593 s are the customer's doing, 593 are too few to be downtime; the region
    sees them all."""
    for name in ("own_exclusion", "own_component"):
        assert credit(published, name)["availability_pct"] == 100
        assert (
            row_of(published, "availability", service_id=name, period_start="2026-06-01")[
                "downtime_seconds"
            ]
            == 2593
        )


@pytest.mark.parametrize(
    ("name", "month", "due", "issued", "flags"),
    [
        ("as_due", "2026-06-01", 100, "100", ""),
        ("inside_month", "2026-06-01", 100, "100", "not_future"),
        ("too_much", "2026-06-01", 0, "250.01", "above_cap,not_due"),
        ("at_cap", "2026-06-01", 0, "250", "not_due"),
        ("month_to_come", "2026-10-01", 0, "1", "above_cap,not_due,not_future"),
        ("last_day", "2026-06-01", 100, "0", ""),
    ],
)
def test_reconciliation(
    published: Published, name: str, month: str, due: int, issued: str, flags: str
) -> None:
    """C6."""
    row = row_of(published, "credit_reconciliation", subscription_id=name, month=month)
    assert (row["due_amount"], row["issued_amount"], row["difference"], row["flags"]) == (
        due,
        Decimal(issued),
        due - Decimal(issued),
        flags,
    )


@pytest.mark.parametrize(
    ("ticket", "expected"),
    [
        # the clock starts with the classification; answered before it is answered at once; exactly
        # four hours are met
        (
            "closing_resolves",
            {
                "response_elapsed_s": 0,
                "response_outcome": "met",
                "resolution_elapsed_s": 4 * H,
                "resolution_outcome": "met",
            },
        ),
        ("paused", {"resolution_elapsed_s": 11 * H, "resolution_outcome": "met", "delay_pct": 0}),
        # from resolved to reopened is off the clock, and the closing in between is nothing new
        ("reopened", {"resolution_elapsed_s": 4 * H, "resolution_outcome": "met"}),
        (
            "raised",
            {
                "severity": "P1",
                "resolution_target_s": 4 * H,
                "response_target_s": 900,
                "response_elapsed_s": 2 * H,
                "response_outcome": "missed",
            },
        ),
        (
            "cancelled",
            {
                "status": "cancelled",
                "severity": None,
                "clock_started_at": None,
                "response_outcome": None,
            },
        ),
        (
            "unclassified",
            {"status": "unclassified", "responded_at": None, "month": date(2026, 6, 1)},
        ),
        (
            "unknown_level",
            {
                "severity": "P2",
                "clock_started_at": JUNE + timedelta(hours=1),
                "response_outcome": "met",
                "response_elapsed_s": H,
            },
        ),
        ("staging", {"severity": "P3", "resolution_target_s": 3 * DAY, "status": "counted"}),
        (
            "excluded",
            {
                "status": "excluded",
                "reason": "customer_caused",
                "resolution_elapsed_s": 9 * H,
                "resolution_outcome": None,
                "delay_pct": None,
            },
        ),
        (
            "unlisted",
            {"status": "counted", "resolution_outcome": "missed", "delay_pct": Decimal(125)},
        ),
        ("updates", {"updates_missed": 3, "update_outcome": "missed"}),
        ("business_days", {"resolution_elapsed_s": 3 * DAY, "resolution_outcome": "met"}),
        (
            "business_days_late",
            {
                "resolution_elapsed_s": 3 * DAY + 1,
                "resolution_outcome": "missed",
                "delay_pct": Decimal("0.000386"),
            },
        ),
        (
            "open",
            {
                "resolved_at": None,
                "resolution_elapsed_s": H,
                "resolution_outcome": "pending",
                "response_outcome": "missed",
                "update_outcome": "pending",
            },
        ),
        # half an hour before closing and half an hour after opening
        (
            "over_night",
            {"response_elapsed_s": H, "response_outcome": "met", "resolution_target_s": None},
        ),
        ("over_night_late", {"response_elapsed_s": H + 1, "response_outcome": "missed"}),
    ],
)
def test_lives_of_tickets(published: Published, ticket: str, expected: dict[str, Any]) -> None:
    """K2-K8, T4."""
    row = row_of(published, "ticket_sla", ticket_id=ticket)
    assert {k: row[k] for k in expected} == expected


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("trial_desk", "not_paid"),
        ("unsubscribed_desk", "not_subscribed"),
        ("suspended_desk", "suspended"),
    ],
)
def test_tickets_outside_a_paid_active_span_are_excluded(
    published: Published, name: str, reason: str
) -> None:
    """K8: the first reason that holds."""
    assert row_of(published, "ticket_sla", subscription_id=name)["reason"] == reason


def test_status_page_asks_for_the_highest_severity(published: Published) -> None:
    """Z3: once P3 is public, whatever it ends as; published before it was received is a negative
    time."""
    rows = {r["ticket_id"]: r for r in published.mart("status_page_publication")}
    assert (
        rows["public"]["severity"],
        rows["public"]["seconds_to_publish"],
        rows["public"]["is_published"],
    ) == ("P3", -60, True)
    assert "quiet" not in rows
    assert "over_night" not in rows


def test_configuration_hours(published: Published) -> None:
    """Z1: ten hours a month, no carry-over; what is worked after as_of is not there yet (T3)."""
    rows = {
        str(r["month"]): r
        for r in published.mart("configuration_hours")
        if r["subscription_id"] == "helped"
    }
    assert [
        rows["2026-06-01"][k]
        for k in ("included_minutes", "used_minutes", "remaining_minutes", "over_minutes")
    ] == [600, 601, 0, 1]
    assert [
        rows["2026-09-01"][k]
        for k in ("included_minutes", "used_minutes", "remaining_minutes", "over_minutes")
    ] == [600, 0, 600, 0]
    assert not any(r["subscription_id"] == "trial" for r in published.mart("configuration_hours"))


@pytest.mark.parametrize(
    ("name", "pct"),
    [
        ("raised", 10),
        ("raised_with_tiers", 0),
        ("outranked", 0),
        ("narrower", 10),
        ("price_list", 0),
        ("ended", 0),
        ("wide", 10),
    ],
)
def test_amendments(published: Published, name: str, pct: int) -> None:
    """T6, C1."""
    row = credit(published, name)
    assert (row["availability_pct"], row["availability_credit_pct"]) == (Decimal("99.922840"), pct)
    assert row_of(published, "availability", service_id=name, period_start="2026-06-01")[
        "commitment_pct"
    ] == Decimal("99.9"), "the region has the contract's own"


def test_amendment_holds_for_the_first_day_only(published: Published) -> None:
    """T6: in force for a period whose first day it holds; each figure names the document that set
    its key."""
    step = {
        str(r["month"]): r for r in published.mart("credit_steps") if r["subscription_id"] == "wide"
    }
    assert (step["2026-06-01"]["commitment_pct"], step["2026-07-01"]["commitment_pct"]) == (
        Decimal("99.95"),
        Decimal("99.9"),
    )
    documents = {
        r["terms_id"]: r["document"]
        for r in published.mart("agreed_terms")
        if r["policy_key"] == "availability.commitment_pct"
    }
    assert documents[step["2026-06-01"]["terms_id"]] == "order_form #9 of amended from 2026-01-01"
    assert documents[step["2026-07-01"]["terms_id"]] == "sla of amended from 2026-06-01"


def test_open_tickets_say_what_is_left_and_who_is_next(published: Published) -> None:
    """Z5: an hour is used of two, and the clock stands; past its promise twice over goes to the
    last of the path."""
    row = row_of(published, "open_tickets", ticket_id="open")
    assert (row["is_paused"], row["resolution_remaining_s"], row["update_remaining_s"]) == (
        True,
        11 * H,
        H,
    )
    assert (row["target_status"], row["escalation_step"], row["escalate_to"]) == (
        "on_track",
        1,
        "Support Engineer",
    )
    past = row_of(published, "open_tickets", subscription_id="open_past")
    assert (past["target_status"], past["escalate_to"], past["resolution_remaining_s"]) == (
        "breached",
        "CTO",
        4 * H - 92 * DAY,
    )
    assert {r["ticket_id"] for r in published.mart("open_tickets")}.isdisjoint(
        {"cancelled", "unclassified", "closing_resolves"}
    )


def test_rows_that_break_a_life_are_kept_and_named(published: Published) -> None:
    """K1: the event with an unknown severity is rejected, its ticket lives on."""
    rows = [r for r in published.rejected() if r["rule"] == "K1"]
    assert [(r["feed"], r["status"], r["column_name"], r["reason"]) for r in rows] == [
        ("ticket_events", "rejected", "severity", "P9 is not a severity of trueengage")
    ]


def test_credits_are_of_contracts_with_credits(published: Published) -> None:
    for mart in ("credits", "resolution_performance"):
        assert "dutch" not in {r["subscription_id"] for r in published.mart(mart)}
    assert {r["contract_id"] for r in published.mart("what_if")} == {"trueengage", "amended"}
