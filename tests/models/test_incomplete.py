"""What a figure lacks: rejected and waiting rows are told with it, change nothing of it, and clear
when they are repaired."""

import json
import re
import subprocess
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from makegood.dashboards.figures.operations import ALERTS
from makegood.ingestion.sample import write as write_sample
from makegood.orchestration.pipeline.run import Blocked
from tests.conftest import Feeds, Published, Runner, contract, csv_text, write_landing
from tests.e2e.test_command import MAKEGOOD

AS_OF = "2026-07-20T00:00:00Z"
TERMS: dict[str, dict[str, Any]] = {
    "severity": {"levels": ["P1"]},
    "resolution": {"P1": {"target": "4h", "clock": "24x7"}},
    "credits": {
        "support_plans": ["premium"],
        "availability_tiers": [{"below_pct": 99.9, "credit_pct": 10}],
    },
}
CONTRACTS = {"k": contract("k", **TERMS)}
SETTINGS = "".join(
    f"{feed}: {{max_rejected_pct: 100}}\n"
    for feed in ("invoices", "outages", "ticket_events", "credit_requests", "exclusions", "checks")
)


def world() -> Feeds:
    subscription = {
        "service_id": "s",
        "region": "eu",
        "support_plan": "premium",
        "kind": "paid",
        "status": "active",
        "valid_from": "2026-06-01",
    }
    line = {
        "line_kind": "recurring",
        "period_start": "2026-06-01",
        "period_end": "2026-06-30",
        "amount": "100.00",
        "currency": "EUR",
    }
    return {
        "services": [{"service_id": "s", "name": "S", "contract_id": "k", "lifecycle": "ga"}],
        "components": [
            {"component_id": "c", "service_id": "s", "region": "eu", "environment": "production"}
        ],
        "customers": [{"customer_id": name, "name": name} for name in "ab"],
        "subscriptions": [
            {**subscription, "subscription_id": f"u{name}", "customer_id": name} for name in "ab"
        ],
        "outages": [
            {
                "outage_id": "o",
                "component_id": "c",
                "state": "down",
                "started_at": "2026-06-10T00:00:00Z",
                "ended_at": "2026-06-10T05:00:00Z",
            }
        ],
        "invoices": [
            {
                "invoice_id": f"i{name}",
                "customer_id": name,
                "status": "issued",
                "issued_on": "2026-07-01",
                "due_on": "2026-08-01",
            }
            for name in "ab"
        ],
        "invoice_lines": [
            {**line, "line_id": f"l{name}", "invoice_id": f"i{name}", "subscription_id": f"u{name}"}
            for name in "ab"
        ],
        "credit_requests": [
            {
                "request_id": f"q{name}",
                "subscription_id": f"u{name}",
                "month": "2026-06-01",
                "requested_on": "2026-07-02",
            }
            for name in "ab"
        ],
        "tickets": [
            {
                "ticket_id": "t",
                "subscription_id": "ua",
                "ticket_type": "incident",
                "environment": "production",
            }
        ],
        "ticket_events": [
            {
                "event_id": "1",
                "ticket_id": "t",
                "occurred_at": "2026-06-30T23:00:00Z",
                "event": "received",
            },
            {
                "event_id": "2",
                "ticket_id": "t",
                "occurred_at": "2026-06-30T23:00:00Z",
                "event": "classified",
                "severity": "P1",
            },
        ],
    }


def landing(folder: Path) -> Path:
    write_landing(folder, world())
    (folder / "feeds.yaml").write_text(SETTINGS)
    return folder


def incomplete(published: Published) -> dict[str, list[tuple[str, int]]]:
    """The figures that say that they are incomplete, and how many rows they lack."""
    keys = {
        "availability": "region || ' ' || period_start",
        "credits": "subscription_id || ' ' || month",
        "ticket_sla": "ticket_id",
    }
    found = {}
    for mart, key in keys.items():
        assert (
            published.query(
                f"select * from marts.{mart} where is_incomplete <> (incomplete_rows > 0)"
            )
            == []
        )
        rows = published.query(
            f"select {key} as key, incomplete_rows from marts.{mart} where is_incomplete order by 1"
        )
        found[mart] = [(row["key"], row["incomplete_rows"]) for row in rows]
    return {mart: rows for mart, rows in found.items() if rows}


def places(published: Published, figure: str) -> list[tuple[str, int]]:
    rows = published.query(
        f"select distinct file, line from marts.evidence_gaps where figure = '{figure}' order by "
        "all"
    )
    return [(row["file"], row["line"]) for row in rows]


# a row that is rejected or waits, what then says that it is incomplete, and the row that mends it
FAULTS: dict[str, tuple[str, dict[str, Any], dict[str, list[tuple[str, int]]], dict[str, Any]]] = {
    "an event of a ticket, by the month of receipt": (
        "ticket_events",
        {
            "event_id": "3",
            "ticket_id": "t",
            "occurred_at": "2026-07-01T01:00:00",
            "event": "resolved",
        },
        {"ticket_sla": [("t", 1)], "credits": [("ua 2026-06-01", 1)]},
        {"occurred_at": "2026-07-01T01:00:00Z"},
    ),
    "a record, by its time": (
        "outages",
        {
            "outage_id": "p",
            "component_id": "c",
            "state": "broken",
            "started_at": "2026-07-02T00:00:00Z",
            "ended_at": "2026-07-02T01:00:00Z",
        },
        {
            "availability": [("eu 2026-07-01", 1)],
            "credits": [("ua 2026-07-01", 1), ("ub 2026-07-01", 1)],
        },
        {"state": "down"},
    ),
    "a record without a time that can be read, in all periods": (
        "outages",
        {
            "outage_id": "p",
            "component_id": "c",
            "state": "down",
            "started_at": "yesterday",
            "ended_at": "",
        },
        {
            "availability": [("eu 2026-06-01", 1), ("eu 2026-07-01", 1)],
            "credits": [
                ("ua 2026-06-01", 1),
                ("ua 2026-07-01", 1),
                ("ub 2026-06-01", 1),
                ("ub 2026-07-01", 1),
            ],
        },
        {"started_at": "2026-07-19T00:00:00Z"},
    ),
    "an invoice, from its month on": (
        "invoices",
        {
            "invoice_id": "j",
            "customer_id": "b",
            "status": "issued",
            "issued_on": "2026-07-03",
            "due_on": "2026-09-01",
            "paid_on": "1970-01-01",
        },
        {"credits": [("ub 2026-07-01", 1)]},
        {"paid_on": ""},
    ),
    "an invoice without a due date that can be read, in all months": (
        "invoices",
        {
            "invoice_id": "j",
            "customer_id": "b",
            "status": "issued",
            "issued_on": "2026-07-03",
            "due_on": "soon",
        },
        {"credits": [("ub 2026-06-01", 1), ("ub 2026-07-01", 1)]},
        {"due_on": "2026-09-01"},
    ),
    "a request, by the month that it is for": (
        "credit_requests",
        {
            "request_id": "r",
            "subscription_id": "ub",
            "month": "2026-06-01",
            "requested_on": "2.7.2026",
        },
        {"credits": [("ub 2026-06-01", 1)]},
        {"requested_on": "2026-07-02"},
    ),
    "an exclusion of one customer": (
        "exclusions",
        {
            "exclusion_id": "x",
            "kind": "third_party",
            "service_id": "s",
            "customer_id": "a",
            "starts_at": "2026-06-10T00:00:00Z",
            "ends_at": "late",
        },
        {"credits": [("ua 2026-06-01", 1), ("ua 2026-07-01", 1)]},
        {"ends_at": "2026-06-10T01:00:00Z"},
    ),
    "a line on an invoice of the customer, for a subscription that isn't there": (
        "invoice_lines",
        {
            "line_id": "m",
            "invoice_id": "ia",
            "subscription_id": "UA",
            "line_kind": "usage",
            "period_start": "2026-06-01",
            "period_end": "2026-06-30",
        }
        | {"amount": "5.00", "currency": "EUR"},
        {"credits": [("ua 2026-06-01", 1)]},
        {"subscription_id": "ua"},
    ),
}


@pytest.mark.long
@pytest.mark.parametrize("name", FAULTS)
def test_a_row_that_is_missing_is_told_changes_nothing_and_clears(
    publish: Runner, tmp_path: Path, name: str
) -> None:
    feed, row, expected, repaired = FAULTS[name]
    folder = landing(tmp_path / "feeds")
    before = publish(folder, AS_OF, CONTRACTS)
    assert incomplete(before) == {}
    figures = before.figures()
    (folder / feed).mkdir(exist_ok=True)
    (folder / feed / "then.csv").write_text(csv_text(feed, [row]))
    during = publish(folder, AS_OF, CONTRACTS)
    assert incomplete(during) == expected
    assert {place for figure in expected for place in places(during, figure)} <= {
        (f"{feed}/then.csv", 2)
    }
    changed = {"is_incomplete", "incomplete_rows"}
    for mart in ("availability", "credits", "ticket_sla", "credit_statements"):
        now = during.query(f"select * from marts.{mart} order by all")
        then = (
            before.query(f"select * from marts.{mart} order by all")
            if mart == "credit_statements"
            else None
        )
        assert then is None or now == then, "no statement comes of it"
        assert mart == "credit_statements" or changed <= now[0].keys()
    assert {
        m: v
        for m, v in during.figures().items()
        if m not in {"availability", "credits", "ticket_sla", "evidence_gaps"}
    } == {
        m: v
        for m, v in figures.items()
        if m not in {"availability", "credits", "ticket_sla", "evidence_gaps"}
    }
    (folder / feed / "z.csv").write_text(csv_text(feed, [row | repaired]))
    after = publish(folder, AS_OF, CONTRACTS)
    assert incomplete(after) == {}
    assert after.query("select * from marts.evidence_gaps") == []


@pytest.mark.long
def test_a_check_clears_with_its_path(publish: Runner, tmp_path: Path) -> None:
    folder = landing(tmp_path / "feeds")
    check = {
        "component_id": "c",
        "location": "l",
        "checked_at": "2026-07-05T00:00:00Z",
        "status": "ok",
    }
    (folder / "checks").mkdir()
    (folder / "checks" / "july.csv").write_text(csv_text("checks", [check]))
    july = {
        "availability": [("eu 2026-07-01", 1)],
        "credits": [("ua 2026-07-01", 1), ("ub 2026-07-01", 1)],
    }
    assert incomplete(publish(folder, AS_OF, CONTRACTS)) == july
    (folder / "checks" / "other.csv").write_text(csv_text("checks", [check | {"status": "up"}]))
    assert incomplete(publish(folder, AS_OF, CONTRACTS)) == july, (
        "another file says nothing of this one"
    )
    (folder / "checks" / "july.csv").write_text(
        csv_text("checks", [check | {"status": "up", "latency_ms": 1}])
    )
    assert incomplete(publish(folder, AS_OF, CONTRACTS)) == {}


@pytest.mark.long
def test_a_payable_credit_that_is_incomplete_is_alerted_on_once(
    publish: Runner, tmp_path: Path
) -> None:
    folder = landing(tmp_path / "feeds")
    row = {
        "outage_id": "p",
        "component_id": "c",
        "state": "broken",
        "started_at": "2026-06-02T00:00:00Z",
        "ended_at": "2026-06-02T01:00:00Z",
    }
    (folder / "outages" / "then.csv").write_text(csv_text("outages", [row]))
    published = publish(folder, AS_OF, CONTRACTS)
    assert [
        c["payable_amount"]
        for c in published.query(
            "select payable_amount from marts.credits where month = '2026-06-01'"
        )
    ] == [Decimal(10)] * 2
    own = [
        e["alert"]
        for e in json.loads((published.warehouse / ALERTS).read_text())["entries"]
        if e["alert"]["kind"] == "credit_incomplete"
    ]
    assert [(a["subject"], a["happened"].partition(":")[0]) for a in own] == [
        (
            "2026-06",
            "2 credits, 20.00 EUR payable, with rejected or waiting rows missing",
        )
    ]
    (folder / "outages" / "z.csv").write_text(csv_text("outages", [row | {"state": "down"}]))
    publish(folder, AS_OF, CONTRACTS)
    entries = json.loads((published.warehouse / ALERTS).read_text())["entries"]
    assert [
        e for e in entries if e["alert"]["kind"] == "credit_incomplete" and e["ended"] is None
    ] == []


# ---------------------------------------------------------------- sums and memory


def test_minutes_and_amounts_beyond_what_sums_can_hold_name_their_rows(
    publish: Runner, tmp_path: Path
) -> None:
    feeds = world()
    feeds["invoice_lines"] += [
        {
            **feeds["invoice_lines"][0],
            "line_id": f"credit-{n}",
            "line_kind": "credit",
            "amount": "-999999999999999.99",
        }
        for n in range(2)
    ]
    published = publish(feeds, AS_OF, CONTRACTS)
    assert [(r["line"], r["rule"]) for r in published.rejected()] == [(4, "sum"), (5, "sum")]
    assert [r["issued_amount"] for r in published.mart("credit_reconciliation")] == [0, 0]
    folder = write_landing(tmp_path / "minutes", world())
    hours = [
        {
            "entry_id": f"{n}",
            "subscription_id": "ua",
            "worked_on": "2026-07-01",
            "minutes": "9" * 18,
        }
        for n in range(10)
    ]
    (folder / "support_hours").mkdir()
    (folder / "support_hours" / "rows.csv").write_text(csv_text("support_hours", hours))
    with pytest.raises(Blocked, match="10 of 10 rows are rejected") as blocked:
        publish(folder, AS_OF, CONTRACTS, warehouse=tmp_path / "other")
    assert "minutes" in str(blocked.value)


@pytest.fixture(scope="module")
def sampled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small sample, to be landed."""
    folder = tmp_path_factory.mktemp("sampled")
    write_sample(folder, "small", 1, faults=False)
    return folder


def run_with(memory: str, landing: Path, warehouse: Path) -> subprocess.CompletedProcess[str]:
    words = [
        "run",
        "--landing",
        landing,
        "--warehouse",
        warehouse,
        "--as-of",
        "2026-08-15T00:00:00Z",
        "--memory",
        memory,
        "--threads",
        2,
    ]
    return subprocess.run(
        [str(MAKEGOOD), *map(str, words)], capture_output=True, text=True, check=False
    )


@pytest.mark.long
def test_a_run_that_spills_to_disk_publishes(sampled: Path, tmp_path: Path) -> None:
    # with so little the models spill; a spill on one connection once broke all that came after it
    done = run_with("110MB", sampled, tmp_path / "warehouse")
    assert done.returncode == 0, done.stderr


@pytest.mark.long
def test_a_model_that_needs_more_memory_is_named_with_the_option_to_raise(
    sampled: Path, tmp_path: Path
) -> None:
    done = run_with("70MB", sampled, tmp_path / "warehouse")
    assert done.returncode == 1
    named = re.search(
        r"the model (\w+) needs more memory than --memory 70MB allows.* as in --memory 8GB",
        done.stderr,
    )
    assert named, done.stderr
    assert list(Path("dbt_project/models").rglob(f"{named[1]}.sql"))
