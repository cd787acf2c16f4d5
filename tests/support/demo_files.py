"""The files of `makegood demo`: the sample feeds as four systems would export them.

`python -m tests.support.demo_files` writes them into the package; a test makes sure that they are
what it writes. Nobody's data is in them.
"""

import csv
import io
import json
import tempfile
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from makegood.ingestion.connect.demo import FILES
from makegood.ingestion.feeds.messages import minor_digits
from makegood.ingestion.sample import write

Row = dict[str, str]
_END = datetime(2026, 8, 15, tzinfo=UTC)
_PRIORITIES = {"P1": "urgent", "P2": "high", "P3": "normal", "P4": "low"}
_FIELD = 360001
_AGENT, _CUSTOMER = 7001, 7002
# component -> the maintenances announced for it: start, length, notice
_MAINTENANCE = {
    "chat-eu-west-web": [
        ("2026-06-10T01:00:00+00:00", 90, 6 * 24),
        ("2026-07-08T01:00:00+00:00", 60, 72),
    ],
    "voice-us-east-trunk-a": [("2026-07-21T02:00:00+00:00", 120, 24)],
}


def rows(folder: Path, feed: str) -> list[Row]:
    path = next((folder / feed).iterdir())
    if path.suffix == ".jsonl":
        return [json.loads(line) for line in path.read_text().splitlines()]
    return list(csv.DictReader(io.StringIO(path.read_text())))


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def unix(text: str) -> int:
    """Of an instant, or of a day at midnight UTC."""
    at = instant(text)
    return int((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp())


def numbers(ids: list[str], first: int) -> dict[str, int]:
    return {one: first + place for place, one in enumerate(ids)}


# ---------------------------------------------------------------- Zendesk


def zendesk(feeds: Path) -> dict[str, Any]:
    tickets = rows(feeds, "tickets")
    number = numbers([ticket["ticket_id"] for ticket in tickets], 1001)
    events: dict[str, list[Row]] = defaultdict(list)
    for event in rows(feeds, "ticket_events"):
        events[event["ticket_id"]].append(event)
    made: list[dict[str, Any]] = []
    metrics: list[dict[str, Any]] = []
    exported = []
    for ticket in tickets:
        life = sorted(events[ticket["ticket_id"]], key=lambda e: instant(e["occurred_at"]))
        own = number[ticket["ticket_id"]]
        created = next(e for e in life if e["event"] == "received")["occurred_at"]
        status = "new"
        first = next((e for e in life if e["event"] == "classified"), None)
        priority = _PRIORITIES[first["severity"]] if first else None
        is_late = first is not None and first["occurred_at"] != created
        children: list[tuple[str, int, dict[str, Any]]] = [
            (
                created,
                _CUSTOMER,
                {
                    "event_type": "Create",
                    "status": "new",
                    "priority": None if is_late else priority,
                },
            )
        ]
        for event in life:
            at, kind = event["occurred_at"], event["event"]
            if kind == "classified" and is_late:
                children.append((at, _AGENT, {"event_type": "Change", "priority": priority}))
            elif kind in ("responded", "status_updated"):
                comment = {"event_type": "Comment", "public": True, "author_id": _AGENT}
                children.append((at, _AGENT, comment))
            elif kind in ("paused", "resumed", "resolved", "reopened", "closed"):
                status = {"paused": "pending", "resolved": "solved", "closed": "closed"}.get(
                    kind, "open"
                )
                children.append((at, _AGENT, {"event_type": "Change", "status": status}))
        for at, who, child in children:
            made.append(
                {
                    "id": 500001 + len(made),
                    "ticket_id": own,
                    "created_at": at,
                    "timestamp": unix(at),
                    "updater_id": who,
                    "event_type": "Audit",
                    "child_events": [{"id": 900001 + len(made), **child}],
                }
            )
        for promise, metric in (("response", "reply_time"), ("resolution", "requester_wait_time")):
            verdict = ticket.get(f"source_{promise}_met")
            if not verdict:
                continue
            for kind in ("apply_sla", "fulfill" if verdict == "true" else "breach"):
                metrics.append(
                    {
                        "id": 700001 + len(metrics),
                        "ticket_id": own,
                        "metric": metric,
                        "instance_id": 1,
                        "type": kind,
                        "time": created if kind == "apply_sla" else life[-1]["occurred_at"],
                    }
                )
        exported.append(
            {
                "id": own,
                "created_at": created,
                "updated_at": children[-1][0],
                "status": status,
                "priority": priority,
                "type": "incident",
                "subject": ticket["subject"],
                "requester_id": _CUSTOMER,
                "custom_fields": [{"id": _FIELD, "value": sub(ticket["subscription_id"])}],
            }
        )
    users = [
        {"id": _AGENT, "role": "agent", "email": "desk@example.com"},
        {"id": _CUSTOMER, "role": "end-user", "email": "someone@example.com"},
    ]
    return {
        "zendesk/tickets.jsonl": exported,
        "zendesk/ticket_events.jsonl": made,
        "zendesk/ticket_metric_events.jsonl": metrics,
        "zendesk/users.jsonl": users,
    }


# ---------------------------------------------------------------- UptimeRobot


def uptimerobot(feeds: Path) -> str:
    """The log of all monitors, newest first, as the dashboard exports it."""
    changes: dict[str, list[tuple[datetime, str]]] = {}
    for component in rows(feeds, "components"):
        if component["environment"] == "production":
            # a quarter before the first outage, so that no figure rests on thin evidence
            changes[component["component_id"]] = [(instant("2026-04-01T00:00:00Z"), "Up")]
    for outage in sorted(rows(feeds, "outages"), key=lambda o: o["started_at"]):
        if outage["state"] == "down":
            log = changes[outage["component_id"]]
            log += [(instant(outage["started_at"]), "Down"), (instant(outage["ended_at"]), "Up")]
    lines = []
    for monitor, log in changes.items():
        ends = [at for at, _ in log[1:]] + [_END]
        for (at, event), end in zip(log, ends, strict=True):
            minutes = (end - at) // timedelta(minutes=1)
            reason = "OK" if event == "Up" else "Connection Timeout"
            lasted = f"{minutes // 60} hrs, {minutes % 60} mins"
            lines.append([event, monitor, f"{at:%Y-%m-%d %H:%M:%S}", reason, lasted, minutes])
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["Event", "Monitor", "Date-Time", "Reason", "Duration", "Duration (in mins.)"])
    writer.writerows(sorted(lines, key=lambda line: (line[2], line[1]), reverse=True))
    return out.getvalue()


# ---------------------------------------------------------------- Statuspage


def statuspage() -> dict[str, Any]:
    made = []
    for component, announced in _MAINTENANCE.items():
        for start, minutes, notice in announced:
            begins = datetime.fromisoformat(start)
            ends = begins + timedelta(minutes=minutes)
            told = begins - timedelta(hours=notice)
            own = f"mnt{len(made) + 1:03}"
            part = {"id": f"cmp-{component}", "name": component}

            def update(
                at: datetime, status: str, own: str = own, part: Any = part
            ) -> dict[str, Any]:
                affected = [
                    {
                        "code": part["id"],
                        "name": part["name"],
                        "old_status": "operational",
                        "new_status": "operational"
                        if status != "in_progress"
                        else "under_maintenance",
                    }
                ]
                return {
                    "id": f"{own}-{status}",
                    "incident_id": own,
                    "status": status,
                    "created_at": at.isoformat(),
                    "updated_at": at.isoformat(),
                    "display_at": at.isoformat(),
                    "affected_components": affected,
                }

            made.append(
                {
                    "id": own,
                    "name": "Maintenance",
                    "status": "completed",
                    "impact": "maintenance",
                    "created_at": told.isoformat(),
                    "updated_at": ends.isoformat(),
                    "started_at": told.isoformat(),
                    "resolved_at": ends.isoformat(),
                    "scheduled_for": begins.isoformat(),
                    "scheduled_until": ends.isoformat(),
                    "components": [part],
                    "incident_updates": [
                        update(ends, "completed"),
                        update(begins, "in_progress"),
                        update(told, "scheduled"),
                    ],
                }
            )
    page = {"id": "example", "name": "Example", "time_zone": "Etc/UTC"}
    return {"page": page, "scheduled_maintenances": made}


# ---------------------------------------------------------------- Stripe


def sub(subscription_id: str) -> str:
    return f"sub_{subscription_id.replace('-', '_')}"


def stripe(feeds: Path) -> dict[str, Any]:
    products: dict[str, str] = {}
    subscriptions: dict[str, dict[str, Any]] = {}
    for row in rows(feeds, "subscriptions"):
        product = f"prod_{row['service_id']}_{row['region']}_{row['support_plan']}"
        products[row["subscription_id"]] = product
        start = unix(row["valid_from"])
        subscriptions.setdefault(
            row["subscription_id"],
            {
                "id": sub(row["subscription_id"]),
                "object": "subscription",
                "customer": f"cus_{row['customer_id']}",
                "status": "trialing" if row["kind"] == "trial" else "active",
                "created": start,
                "start_date": start,
                "ended_at": None,
                "trial_start": start if row["kind"] == "trial" else None,
                "trial_end": unix("2027-01-01") if row["kind"] == "trial" else None,
                "items": {"object": "list", "data": [{"id": "si_1", "price": price(product)}]},
            },
        )
    lines: dict[str, list[Row]] = defaultdict(list)
    for line in rows(feeds, "invoice_lines"):
        lines[line["invoice_id"]].append(line)
    invoices, notes = [], []
    line_for: dict[tuple[str, str], tuple[str, str]] = {}
    for row in rows(feeds, "invoices"):
        own = f"in_{row['invoice_id'].replace('-', '_')}"
        charged = []
        for line in lines[row["invoice_id"]]:
            if line["line_kind"] != "recurring":
                continue
            line_id = f"il_{len(line_for) + 1:04}"
            line_for[line["subscription_id"], line["period_start"]] = (own, line_id)
            charged.append(invoice_line(line_id, line, products[line["subscription_id"]]))
        credits = [line for line in lines[row["invoice_id"]] if line["line_kind"] == "credit"]
        for line in credits:
            of, line_id = line_for[line["subscription_id"], line["period_start"]]
            notes.append(note(len(notes) + 1, line, row, of, line_id))
        if charged:
            invoices.append(invoice(own, row, lines[row["invoice_id"]][0]["currency"], charged))
    customers = [
        {
            "id": f"cus_{row['customer_id']}",
            "object": "customer",
            "name": row["name"],
            "email": "billing@example.com",
            "invoice_settings": {},
        }
        for row in rows(feeds, "customers")
    ]
    return {
        f"stripe/{name}.json": {"object": "list", "has_more": False, "data": data}
        for name, data in {
            "customers": customers,
            "subscriptions": list(subscriptions.values()),
            "invoices": invoices,
            "credit_notes": notes,
        }.items()
    }


def price(product: str) -> dict[str, Any]:
    return {"id": f"price_{product.removeprefix('prod_')}", "object": "price", "product": product}


def minor(line: Row) -> int:
    """The amount of a line in the smallest unit of its currency, without its sign."""
    digits = minor_digits()[line["currency"]] or 0
    whole, _, fraction = line["amount"].lstrip("-").partition(".")
    return int(whole + fraction.ljust(digits, "0")[:digits])


def invoice_line(line_id: str, line: Row, product: str) -> dict[str, Any]:
    end = instant(line["period_end"]) + timedelta(days=1)
    return {
        "id": line_id,
        "object": "line_item",
        "amount": minor(line),
        "currency": line["currency"].lower(),
        "discount_amounts": [],
        "period": {"start": unix(line["period_start"]), "end": unix(end.date().isoformat())},
        "parent": {
            "type": "subscription_item_details",
            "subscription_item_details": {
                "subscription": sub(line["subscription_id"]),
                "subscription_item": "si_1",
                "proration": False,
            },
            "invoice_item_details": None,
        },
        "pricing": {
            "type": "price_details",
            "price_details": {"price": price(product)["id"], "product": product},
        },
        "taxes": [],
    }


def invoice(own: str, row: Row, currency: str, charged: list[dict[str, Any]]) -> dict[str, Any]:
    total = sum(line["amount"] for line in charged)
    issued = unix(row["issued_on"])
    return {
        "id": own,
        "object": "invoice",
        "created": issued,
        "currency": currency.lower(),
        "customer": f"cus_{row['customer_id']}",
        "status": "paid" if row["status"] == "paid" else "open",
        "collection_method": "send_invoice",
        "due_date": unix(row["due_on"]),
        "status_transitions": {
            "finalized_at": issued,
            "paid_at": unix(row["paid_on"]) if row["paid_on"] else None,
        },
        "subtotal": total,
        "total": total,
        "total_excluding_tax": total,
        "amount_due": total,
        "lines": {"object": "list", "has_more": False, "data": charged},
    }


def note(number: int, line: Row, row: Row, of: str, line_id: str) -> dict[str, Any]:
    amount = minor(line)
    return {
        "id": f"cn_{number:03}",
        "object": "credit_note",
        "created": unix(row["issued_on"]),
        "currency": line["currency"].lower(),
        "customer": f"cus_{row['customer_id']}",
        "invoice": of,
        "reason": "product_unsatisfactory",
        "status": "issued",
        "subtotal": amount,
        "metadata": {},
        "lines": {
            "object": "list",
            "has_more": False,
            "data": [
                {
                    "id": f"cnli_{number:03}",
                    "object": "credit_note_line_item",
                    "amount": amount,
                    "discount_amount": 0,
                    "invoice_line_item": line_id,
                    "type": "invoice_line_item",
                }
            ],
        },
    }


# ---------------------------------------------------------------- all of them


def connect_yaml(feeds: Path) -> str:
    services = "\n".join(
        "    - {" + ", ".join(f"{name}: {value}" for name, value in row.items() if value) + "}"
        for row in rows(feeds, "services")
    )
    places = "\n".join(
        f"      {row['component_id']}: {{service: {row['service_id']}, region: {row['region']}"
        + (f", redundancy_group: {row['redundancy_group']}" if row["redundancy_group"] else "")
        + "}"
        for row in rows(feeds, "components")
        if row["environment"] == "production"
    )
    seen = {
        (row["service_id"], row["region"], row["support_plan"]): None
        for row in rows(feeds, "subscriptions")
    }
    products = "\n".join(
        f"      prod_{service}_{region}_{plan}: "
        f"{{service: {service}, region: {region}, support_plan: {plan}}}"
        for service, region, plan in seen
    )
    pages = "\n".join(f"      {name}: {{component: {name}}}" for name in _MAINTENANCE)
    requests = "\n".join(
        f"    - {{request_id: {row['request_id']}, subscription_id: {sub(row['subscription_id'])}, "
        f"month: {row['month']},\n       requested_on: {row['requested_on']}}}"
        for row in rows(feeds, "credit_requests")
    )
    return f"""\
# What makegood demo reads: exports of four systems, and the few names that nobody can guess.

rows:
  services:
{services}
  # what customers have asked for, by e-mail
  credit_requests:
{requests}

sources:
  desk:   # Zendesk Support
    system: zendesk
    files: {{paths: ["zendesk/*.jsonl"]}}
    severities: {{urgent: P1, high: P2, normal: P3, low: P4}}
    # a field of tickets holds the subscription
    subscription: {{field: custom_fields.{_FIELD}}}

  monitors:   # UptimeRobot
    system: uptimerobot
    files: {{paths: ["uptimerobot/*.csv"], time_zone: UTC}}
    places:
{places}

  page:   # Statuspage: its maintenance; outages come from the monitors
    system: statuspage
    files: {{paths: ["statuspage/*.json"]}}
    # the monitors describe them
    places:
{pages}

  billing:   # Stripe
    system: stripe
    files: {{paths: ["stripe/*.json"]}}
    products:
{products}
"""


def files() -> dict[str, str]:
    """All files by path."""
    with tempfile.TemporaryDirectory() as scratch:
        feeds = Path(scratch) / "feeds"
        write(feeds, "small", 1, False, lambda message: None)
        made = {"connect.yaml": connect_yaml(feeds)}
        for name, records in zendesk(feeds).items():
            made[name] = "".join(f"{json.dumps(record)}\n" for record in records)
        made["uptimerobot/logs.csv"] = uptimerobot(feeds)
        made["statuspage/scheduled-maintenances.json"] = f"{json.dumps(statuspage(), indent=1)}\n"
        for name, data in stripe(feeds).items():
            made[name] = f"{json.dumps(data)}\n"
    return made


if __name__ == "__main__":
    for name, text in files().items():
        path = FILES / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        print(f"wrote {path}")
