"""Sample feeds: seeded, realistic, of fixed dates, under the two contracts that come with makegood.

Chat (TrueEngage) runs in three regions with a redundant API, voice (Connect & Engage) on backed-up
trunks, messaging on single gateways, a service cloud whose status is kept by hand; probes in three
places see most of it the same way.
"""

import csv
import itertools
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from makegood.ingestion.feeds.specs import feeds

START = datetime(2026, 6, 1, tzinfo=UTC)
# days, and seconds between two checks
SIZES = {"small": (75, 300), "month": (30, 60), "year": (365, 60)}
LOCATIONS = ("ams", "iad", "sin")
REGIONS = ("eu-west", "us-east", "ap-south")
MONTHLY_FEES = {"EUR": "1250.00", "USD": "1499.99", "JPY": "198000", "KWD": "410.125"}

Rows = list[dict[str, Any]]


@dataclass
class World:
    """What is being written: rows by feed, and the trouble that the checks have to show."""

    days: int
    interval: int
    random: np.random.Generator
    rows: dict[str, Rows] = field(default_factory=lambda: {name: [] for name in feeds()})
    # component -> (start, end, state), in seconds from START
    trouble: dict[str, list[tuple[int, int, str]]] = field(default_factory=dict)

    def add(self, feed: str, **values: Any) -> None:
        self.rows[feed].append({c.name: values.get(c.name) for c in feeds()[feed].columns})

    @property
    def seconds(self) -> int:
        return self.days * 86_400


def write(
    out: Path,
    size: str,
    seed: int,
    faults: bool,
    progress: Callable[[str], None] = lambda message: None,
) -> list[str]:
    """Writes all feeds below `out`; says in lines what was written, and which faults were
    planted."""
    days, interval = SIZES[size]
    world = World(days, interval, np.random.default_rng(seed))
    for step in (
        _services,
        _customers,
        _incidents,
        _maintenance,
        _invoices,
        _open_tickets,
        _issued_credits,
    ):
        step(world)
    planted = _plant(world) if faults else []
    for name, rows in world.rows.items():
        if rows:
            _write_feed(out / name, name, rows)
    checks = 0
    for month, frame in _checks(world, progress):
        (out / "checks").mkdir(parents=True, exist_ok=True)
        frame.write_parquet(out / "checks" / f"{month}.parquet", compression="zstd")
        checks += frame.height
    if faults:
        planted += _plant_checks(out / "checks" / "late.csv")
    lines = [
        (
            f"{out}: {checks} checks and {sum(map(len, world.rows.values()))} other rows, "
            f"{START:%Y-%m-%d} to {_at(world.seconds - 1):%Y-%m-%d}, seed {seed}"
        )
    ]
    return lines + [f"planted  {line}" for line in planted]


def _at(seconds: int) -> datetime:
    return START + timedelta(seconds=int(seconds))


def _stamp(seconds: int) -> str:
    return f"{_at(seconds):%Y-%m-%dT%H:%M:%SZ}"


def _write_feed(folder: Path, name: str, rows: Rows) -> None:
    """CSV; JSON lines for the lives of tickets, as help desks export them."""
    folder.mkdir(parents=True, exist_ok=True)
    if name == "ticket_events":
        (folder / f"{name}.jsonl").write_text(
            "".join(
                json.dumps({k: v for k, v in row.items() if v is not None}) + "\n" for row in rows
            )
        )
        return
    with (folder / f"{name}.csv").open("w", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def _services(world: World) -> None:
    for service, name, contract, category, lifecycle in (
        ("chat", "Chat", "trueengage", None, "ga"),
        ("copilot", "Copilot", "trueengage", None, "beta"),
        ("voice", "Voice", "connect_engage", "voice", "ga"),
        ("messaging", "Business Messaging", "connect_engage", "business_messaging", "ga"),
        ("desk", "Service Cloud", "connect_engage", "service_cloud", "ga"),
    ):
        world.add(
            "services",
            service_id=service,
            name=name,
            contract_id=contract,
            product_category=category,
            lifecycle=lifecycle,
        )

    def component(
        service: str,
        region: str,
        part: str,
        group: str | None = None,
        environment: str = "production",
        since: str | None = None,
    ) -> None:
        name = f"{service}-{region}-{part}"
        world.add(
            "components",
            component_id=name,
            service_id=service,
            region=region,
            redundancy_group=group,
            environment=environment,
            active_from=since,
            active_to=None,
        )

    for region in REGIONS:
        component("chat", region, "web")
        component("chat", region, "api-a", "api")
        component(
            "chat",
            region,
            "api-b",
            "api",
            since=_stamp(0) if region != "ap-south" else _stamp(9 * 86_400),
        )
    for region in REGIONS[:2]:
        component("voice", region, "trunk-a", "trunk")
        component("voice", region, "trunk-b", "trunk")
        component("messaging", region, "gateway", "gateway")
    component("desk", "eu-west", "desk")
    component("copilot", "eu-west", "api")
    component("chat", "eu-west", "staging", environment="staging")


def _customers(world: World) -> None:
    plans = ("premium", "premium", "standard", "premium")
    for i in range(12):
        customer = f"C{i + 1:02d}"
        world.add("customers", customer_id=customer, name=f"Customer {i + 1:02d}")
        span = {
            "customer_id": customer,
            "service_id": "chat",
            "region": REGIONS[i % 3],
            "kind": "paid",
            "status": "active",
        }
        first = {
            "subscription_id": f"{customer}-chat",
            "support_plan": plans[i % 4],
            "valid_from": "2026-01-01",
        }
        if i == 5:
            # a change of plan in the middle of a month
            world.add("subscriptions", **span, **first, valid_to="2026-06-14")
            world.add(
                "subscriptions",
                **span,
                **{**first, "support_plan": "premium", "valid_from": "2026-06-15"},
            )
        elif i == 7:
            world.add("subscriptions", **span, **first, valid_to="2026-06-19")
            world.add(
                "subscriptions",
                **{**span, "status": "suspended"},
                **{**first, "valid_from": "2026-06-20"},
            )
        else:
            world.add("subscriptions", **{**span, "kind": "trial" if i == 10 else "paid"}, **first)
        if i % 2:
            service = ("voice", "messaging")[i // 2 % 2]
            other = {
                "subscription_id": f"{customer}-{service}",
                "support_plan": "standard",
                "valid_from": "2026-03-01",
            }
            world.add(
                "subscriptions",
                **{**span, "service_id": service, "region": REGIONS[i % 2]},
                **other,
            )


def _incidents(world: World) -> None:
    """Trouble of components, the operational records of the worst of it, and the tickets that it
    causes."""
    monitored = [
        c
        for c in world.rows["components"]
        if c["environment"] == "production" and c["service_id"] != "desk"
    ]
    number = 0
    for component in monitored:
        expected = world.days / 30 * (2 if component["service_id"] == "chat" else 1)
        for _ in range(int(world.random.poisson(expected))):
            start = int(world.random.integers(0, world.seconds - 7200))
            length = int(np.clip(world.random.lognormal(6.6, 1.0), 61, 6 * 3600))
            state = "degraded" if world.random.random() < 0.25 else "down"
            world.trouble.setdefault(component["component_id"], []).append(
                (start, start + length, state)
            )
            if length > 900:
                number += 1
                incident = f"INC-{number:04d}"
                world.add(
                    "outages",
                    outage_id=f"O-{number:04d}",
                    component_id=component["component_id"],
                    state=state,
                    started_at=_stamp(start - 20),
                    ended_at=_stamp(start + length + 15),
                    incident_id=incident,
                )
                _ticket(world, component, start, length, state, incident)
    # a region loses its API altogether, over the end of June where the sample reaches it
    night = min(30 * 86_400, world.seconds) - 1500
    for part in ("api-a", "api-b"):
        world.trouble.setdefault(f"chat-us-east-{part}", []).append(
            (night, min(night + 3000, world.seconds), "down")
        )
    # a monitor's false alarm that operations overruled
    world.trouble.setdefault("chat-eu-west-web", []).append((5 * 86_400, 5 * 86_400 + 2400, "down"))
    world.add(
        "outages",
        outage_id="O-false",
        component_id="chat-eu-west-web",
        state="up",
        started_at=_stamp(5 * 86_400 - 60),
        ended_at=_stamp(5 * 86_400 + 2520),
    )
    # kept by hand: no checks
    world.add(
        "outages",
        outage_id="O-desk-0",
        component_id="desk-eu-west-desk",
        state="up",
        started_at=_stamp(0),
        ended_at=_stamp(3600),
    )
    world.add(
        "outages",
        outage_id="O-desk-1",
        component_id="desk-eu-west-desk",
        state="down",
        started_at=_stamp(12 * 86_400),
        ended_at=_stamp(12 * 86_400 + 1260),
    )


def _ticket(
    world: World, component: dict[str, Any], start: int, length: int, state: str, incident: str
) -> None:
    holders = sorted(
        {
            s["subscription_id"]
            for s in world.rows["subscriptions"]
            if (s["service_id"], s["region"]) == (component["service_id"], component["region"])
        }
    )
    severity = "P1" if state == "down" else "P2"
    for i, subscription in enumerate(holders[: 1 + len(incident) % 3]):
        ticket = f"T-{incident[4:]}-{i}"
        received = start + int(world.random.integers(30, 900))
        solved = received + length + int(world.random.integers(600, 5 * 3600))
        life = [
            (0, "received", None),
            (int(world.random.integers(30, 600)), "classified", severity),
            (int(world.random.integers(300, 2400)), "responded", None),
        ]
        world.add(
            "tickets",
            ticket_id=ticket,
            subscription_id=subscription,
            ticket_type="incident",
            environment="production",
            subject="not reachable",
            incident_id=incident if i == 0 else None,
            **_told(severity, min(life[-1][0], solved - received), solved - received),
        )
        life += [
            (t, "status_updated", None)
            for t in range(3600, solved - received, int(world.random.integers(2400, 5400)))
        ]
        for n, (after, event, level) in enumerate(
            sorted([*life, (solved - received, "resolved", None)])
        ):
            kind = "restored" if event == "resolved" else None
            at = _stamp(received + after)
            world.add(
                "ticket_events",
                event_id=f"{ticket}-{n:02d}",
                ticket_id=ticket,
                occurred_at=at,
                event=event,
                severity=level,
                resolution_kind=kind,
            )
        if i == 0:
            day = f"{_at(received):%Y-%m-%d}"
            world.add(
                "support_hours",
                entry_id=f"H-{ticket}",
                subscription_id=subscription,
                ticket_id=ticket,
                worked_on=day,
                minutes=int(world.random.integers(15, 240)),
            )


def _told(severity: str, responded: int, solved: int) -> dict[str, str]:
    """What the ticket system says of a ticket: by our targets, and from receipt, not from
    classification."""
    response, resolution = {"P1": (900, 4 * 3600), "P2": (3600, 12 * 3600)}[severity]
    return {
        "source_response_met": str(responded <= response).lower(),
        "source_resolution_met": str(solved <= resolution).lower(),
    }


def _maintenance(world: World) -> None:
    day = 86_400
    windows: list[tuple[int, int, int | None, dict[str, Any]]] = [
        (
            9 * day + 3600,
            5400,
            6 * day,
            {
                "kind": "scheduled_maintenance",
                "service_id": "chat",
                "region": "eu-west",
                "change_type": "other",
            },
        ),
        (
            16 * day,
            4 * 3600,
            day,
            {
                "kind": "scheduled_maintenance",
                "service_id": "chat",
                "region": "us-east",
                "change_type": "api",
                "note": "short notice, long",
            },
        ),
        (
            20 * day + 7200,
            3600,
            1800,
            {"kind": "emergency_maintenance", "service_id": "voice", "change_type": "other"},
        ),
        (
            23 * day + 39_600,
            3600,
            None,
            {"kind": "scheduled_maintenance", "service_id": "messaging", "note": "never announced"},
        ),
        (13 * day, 7200, None, {"kind": "third_party", "component_id": "voice-us-east-trunk-a"}),
        (
            18 * day,
            3 * 3600,
            None,
            {"kind": "customer_network", "service_id": "chat", "customer_id": "C01"},
        ),
    ]
    for n, (start, length, notice, scope) in enumerate(windows):
        announced = None if notice is None else _stamp(start - notice)
        world.add(
            "exclusions",
            exclusion_id=f"X-{n + 1}",
            starts_at=_stamp(start),
            ends_at=_stamp(start + length),
            announced_at=announced,
            **scope,
        )
    # the first window is used: the service is down inside it
    world.trouble.setdefault("chat-eu-west-web", []).append(
        (9 * day + 3600, 9 * day + 6000, "down")
    )


def _invoices(world: World) -> None:
    months = sorted({f"{_at(d * 86_400):%Y-%m}" for d in range(world.days)})
    currencies = list(MONTHLY_FEES)
    for month in months:
        first = date.fromisoformat(month + "-01")
        last = (first + timedelta(days=32)).replace(day=1) - timedelta(days=1)
        for i, customer in enumerate(world.rows["customers"]):
            invoice, currency = f"I-{month}-{customer['customer_id']}", currencies[i % 4]
            paid = None if i == 8 else first + timedelta(days=20)
            status = "issued" if paid is None else "paid"
            world.add(
                "invoices",
                invoice_id=invoice,
                customer_id=customer["customer_id"],
                status=status,
                issued_on=first,
                due_on=first + timedelta(days=30),
                paid_on=paid,
            )
            held = sorted(
                {
                    s["subscription_id"]
                    for s in world.rows["subscriptions"]
                    if s["customer_id"] == customer["customer_id"]
                }
            )
            for subscription in held:
                line = {
                    "line_id": f"{invoice}-{subscription}",
                    "invoice_id": invoice,
                    "subscription_id": subscription,
                    "line_kind": "recurring",
                }
                world.add(
                    "invoice_lines",
                    **line,
                    period_start=first,
                    period_end=last,
                    amount=MONTHLY_FEES[currency],
                    currency=currency,
                )
            if i % 5 == 0:
                requested = last + timedelta(days=12)
                world.add(
                    "credit_requests",
                    request_id=f"R-{invoice}",
                    subscription_id=held[0],
                    month=first,
                    requested_on=requested,
                )


def _open_tickets(world: World) -> None:
    """Tickets that are open when the sample ends: in time, near a promise, past it, and far past
    it."""
    hour = 3600
    for n, (subscription, severity, age, events) in enumerate(
        (
            ("C01-chat", "P2", 2 * hour, [(600, "responded")]),
            (
                "C02-chat",
                "P1",
                3 * hour + 900,
                [
                    (500, "responded"),
                    (3400, "status_updated"),
                    (6900, "status_updated"),
                    (10_400, "status_updated"),
                ],
            ),
            (
                "C04-chat",
                "P2",
                30 * hour,
                [(1500, "responded"), (6 * hour, "status_updated"), (20 * hour, "status_updated")],
            ),
            (
                "C06-chat",
                "P3",
                9 * 24 * hour,
                [(hour, "responded"), (4 * 24 * hour, "status_updated")],
            ),
            ("C10-chat", "P3", 5 * hour, [(2 * hour, "responded"), (3 * hour, "paused")]),
            ("C08-messaging", "P2", 3 * hour, [(900, "responded"), (5400, "status_updated")]),
        )
    ):
        ticket = f"T-open-{n + 1}"
        held = [s["subscription_id"] for s in world.rows["subscriptions"]]
        if subscription not in held:
            continue
        world.add(
            "tickets",
            ticket_id=ticket,
            subscription_id=subscription,
            ticket_type="incident",
            environment="production",
            subject="slow answers",
        )
        received = world.seconds - age
        life = [
            (0, "received", None),
            (240, "classified", severity),
            *((after, event, None) for after, event in events),
        ]
        for place, (after, event, level) in enumerate(life):
            at = _stamp(received + after)
            world.add(
                "ticket_events",
                event_id=f"{ticket}-{place:02d}",
                ticket_id=ticket,
                occurred_at=at,
                event=event,
                severity=level,
            )


def _issued_credits(world: World) -> None:
    """Credits on invoices: one as it is due, one that nobody asked for, one on an invoice of the
    credited month itself."""
    invoices = {row["invoice_id"] for row in world.rows["invoices"]}
    lines = (
        ("I-2026-08-C01", "C01-chat", "2026-06", "-250.00", "EUR"),
        ("I-2026-08-C02", "C02-chat", "2026-06", "-150.00", "USD"),
        ("I-2026-07-C01", "C01-chat", "2026-07", "-100.00", "EUR"),
    )
    for invoice, subscription, month, amount, currency in lines:
        if invoice in invoices:
            first = date.fromisoformat(f"{month}-01")
            last = (first + timedelta(days=32)).replace(day=1) - timedelta(days=1)
            line = {
                "line_id": f"{invoice}-credit-{month}",
                "invoice_id": invoice,
                "subscription_id": subscription,
                "line_kind": "credit",
            }
            world.add(
                "invoice_lines",
                **line,
                period_start=first,
                period_end=last,
                amount=amount,
                currency=currency,
            )


def _checks(world: World, progress: Callable[[str], None]) -> Any:
    """Month by month, (name, checks of every monitored component and location)."""
    monitored = [
        c["component_id"]
        for c in world.rows["components"]
        if c["environment"] == "production" and c["service_id"] != "desk"
    ]
    states = np.array(["up", "degraded", "down", "unknown"])
    edges = sorted(
        {0, world.seconds, *(s for s in _month_starts(world.days) if 0 < s < world.seconds)}
    )
    for since, until in itertools.pairwise(edges):
        month = f"{_at(since):%Y-%m}"
        progress(f"writing checks of {month}")
        frames = []
        for component in monitored:
            for place, location in enumerate(LOCATIONS):
                ticks = np.arange(since, until, world.interval) + 7 * place
                at = ticks + world.random.integers(0, 3, len(ticks))
                seen = np.zeros(len(ticks), np.int8)
                seen[world.random.random(len(ticks)) < 0.0004] = 2
                for start, end, state in world.trouble.get(component, []):
                    if world.random.random() < 0.93 or place == 0:
                        seen[(at >= start) & (at < end)] = 1 if state == "degraded" else 2
                if component == "messaging-us-east-gateway":
                    # the monitor itself was away for two hours
                    away = (at >= 7 * 86_400) & (at < 7 * 86_400 + 7200)
                    at, seen = at[~away], seen[~away]
                latency = np.round(world.random.gamma(4.0, 22.0 + 30 * place, len(at)), 1)
                frames.append(
                    pl.DataFrame(
                        {
                            "component_id": pl.repeat(component, len(at), eager=True),
                            "location": pl.repeat(location, len(at), eager=True),
                            "checked_at": pl.Series((at + int(START.timestamp())) * 1_000_000).cast(
                                pl.Datetime("us", "UTC")
                            ),
                            "status": states[seen],
                            "latency_ms": latency,
                        }
                    )
                )
        yield month, pl.concat(frames).sort("checked_at", "component_id", "location")


def _month_starts(days: int) -> list[int]:
    return [d * 86_400 for d in range(days + 1) if _at(d * 86_400).day == 1]


def _plant(world: World) -> list[str]:
    """Bad rows in feeds that are large enough to bear them; says which, and what must become of
    them."""
    lines: list[str] = []

    def plant(feed: str, change: dict[str, Any], becomes: str) -> None:
        good = world.rows[feed][0]
        bad = {**good, feeds()[feed].key[0]: f"bad-{len(lines) + 1}", **change}
        world.rows[feed].append(bad)
        lines.append(f"{feed}: {feeds()[feed].key[0]} {bad[feeds()[feed].key[0]]}: {becomes}")

    plant(
        "ticket_events",
        {"occurred_at": "2026-06-03T10:00:00"},
        "rejected, no offset and no declared time zone (T1)",
    )
    plant(
        "ticket_events",
        {"event": "classified", "severity": None},
        "rejected, classified without a severity (K1)",
    )
    plant("ticket_events", {"ticket_id": "T-nobody"}, "waiting, its ticket is unknown")
    plant(
        "invoice_lines",
        {"currency": "JPY", "amount": "10.5"},
        "rejected, finer than the minor unit of JPY (E3)",
    )
    plant("tickets", {"subscription_id": "C99-chat"}, "waiting, its subscription is unknown")
    return lines


def _plant_checks(path: Path) -> list[str]:
    path.write_text(
        "component_id,location,checked_at,status,latency_ms\n"
        + "".join(f"chat-eu-west-web,ams,2026-06-02T00:{m:02d}:30Z,up,40\n" for m in range(60))
        + "chat-eu-west-web,ams,2026-06-02T01:00:30Z,UP,40\n"
        + "chat-eu-west-gone,ams,2026-06-02T01:00:30Z,up,40\n"
    )
    return [
        "checks: late.csv line 62: rejected, UP is not a status",
        "checks: late.csv line 63: waiting, its component is unknown",
    ]
