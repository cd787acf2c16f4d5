"""Feeds that are small and hard: each makes one pair of sizes meet that could be multiplied.

exclusions   N customers with an exclusion of their own on one component, whose checks alternate
amendments   N customers whose amendments differ in one threshold
late         N late tickets and as many down records in one month

As of 2026-08-01, under contracts that are written beside them.
"""

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import yaml

from makegood.ingestion.contracts.loader import FOLDER

AS_OF = "2026-08-01T00:00:00Z"
START = datetime(2026, 6, 1, tzinfo=UTC)
Rows = list[dict[str, Any]]


def write(out: Path, shape: str, n: int) -> None:
    """Writes `landing` and `contracts` below `out`."""
    shutil.rmtree(out, ignore_errors=True)
    contract = yaml.safe_load((FOLDER / "trueengage.yaml").read_text())
    if shape == "exclusions":
        world = _world(n) | {
            "exclusions": [
                {"exclusion_id": f"X{i}", "kind": "third_party", "component_id": "api",
                 "customer_id": f"C{i}", "starts_at": _at(3600 + 60 * i),
                 "ends_at": _at(7200 + 60 * i)}
                for i in range(n)
            ],
            "checks": _checks(8000, 60, alternating=True),
        }  # fmt: skip
    elif shape == "amendments":
        world = _world(n) | {"checks": _checks(34_560, 150, alternating=False)}
        contract["amendments"] = [
            {"rank": "order_form", "customer_id": f"C{i}", "effective_from": START.date(),
             "terms": {"downtime": {"min_consecutive_s": 300 + i}}}
            for i in range(n)
        ]  # fmt: skip
    else:
        world = _world(1) | _late(n)
    (out / "contracts").mkdir(parents=True)
    (out / "contracts" / "trueengage.yaml").write_text(yaml.safe_dump(contract, sort_keys=False))
    for feed, rows in world.items():
        (out / "landing" / feed).mkdir(parents=True)
        frame = rows if isinstance(rows, pl.DataFrame) else pl.DataFrame(rows)
        frame.write_parquet(out / "landing" / feed / f"{feed}.parquet")


def _world(customers: int) -> dict[str, Any]:
    """One service, region and component; a subscription a customer, billed for two months."""
    ids = range(customers)
    months = [("2026-06-01", "2026-06-30"), ("2026-07-01", "2026-07-31")]
    return {
        "services": [{"service_id": "chat", "name": "Chat", "contract_id": "trueengage",
                      "lifecycle": "ga"}],
        "components": [{"component_id": "api", "service_id": "chat", "region": "eu",
                        "environment": "production"}],
        "customers": [{"customer_id": f"C{i}", "name": f"C{i}"} for i in ids],
        "subscriptions": [
            {"subscription_id": f"S{i}", "customer_id": f"C{i}", "service_id": "chat",
             "region": "eu", "support_plan": "premium", "kind": "paid", "status": "active",
             "valid_from": "2026-01-01"}
            for i in ids
        ],
        "invoices": [
            {"invoice_id": f"I{i}-{first}", "customer_id": f"C{i}", "status": "paid",
             "issued_on": first, "due_on": last, "paid_on": last}
            for i in ids for first, last in months
        ],
        "invoice_lines": [
            {"line_id": f"L{i}-{first}", "invoice_id": f"I{i}-{first}", "subscription_id": f"S{i}",
             "line_kind": "recurring", "period_start": first, "period_end": last,
             "amount": "100.00", "currency": "EUR"}
            for i in ids for first, last in months
        ],
        "outages": [{"outage_id": "O", "component_id": "api", "state": "up",
                     "started_at": _at(0), "ended_at": _at(60)}],
    }  # fmt: skip


def _checks(count: int, every_s: int, alternating: bool) -> pl.DataFrame:
    """Of one place: up and down by turns, or half an hour of downtime a day."""
    number = pl.int_range(0, count, eager=True)
    second = number * every_s
    is_down = number % 2 == 1 if alternating else second % 86_400 < 1800
    return pl.DataFrame({
        "component_id": pl.repeat("api", count, eager=True),
        "location": pl.repeat("ams", count, eager=True),
        "checked_at": ((second + int(START.timestamp())) * 1_000_000).cast(
            pl.Datetime("us", "UTC")
        ),
        "status": is_down.cast(pl.Int8).replace_strict({0: "up", 1: "down"}),
    })  # fmt: skip


def _late(n: int) -> dict[str, Any]:
    """Down records of 20 minutes that name no incident, and tickets that name none either."""
    step = 30 * 86_400 // (n + 1)
    events: Rows = []
    for i in range(n):
        for number, (after, event, severity) in enumerate(_life()):
            events.append({"event_id": f"T{i}-{number}", "ticket_id": f"T{i}",
                           "occurred_at": _at(i * step + after), "event": event,
                           "severity": severity})  # fmt: skip
    return {
        "outages": [
            {"outage_id": f"O{i}", "component_id": "api", "state": "down",
             "started_at": _at(i * step), "ended_at": _at(i * step + min(1200, step // 2 + 600))}
            for i in range(n)
        ],
        "tickets": [
            {"ticket_id": f"T{i}", "subscription_id": "S0", "ticket_type": "incident",
             "environment": "production", "subject": "slow"}
            for i in range(n)
        ],
        "ticket_events": events,
    }  # fmt: skip


def _life() -> Iterator[tuple[int, str, str | None]]:
    yield 60, "received", None
    yield 120, "classified", "P1"
    yield 300, "responded", None
    # the target is four hours
    yield 60 + 5 * 3600, "resolved", None


def _at(seconds: int) -> str:
    return f"{START + timedelta(seconds=seconds):%Y-%m-%dT%H:%M:%SZ}"
