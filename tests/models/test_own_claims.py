"""Claims of our own, worked out by hand (C8, C9): one publication as of the last second of August.

June 2026 has 2,592,000 seconds: 0.1 % of it is 2,592. A provider owes 10 % below 99.9, and claims
can be made until the end of the second month after, which is 31 August.
"""

from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from makegood.dashboards.access.reader import EVERYTHING, opened
from makegood.dashboards.proof import NotFound, prove
from makegood.dashboards.reports import figures
from makegood.orchestration.output.status import describe, status_of
from tests.conftest import (
    Feeds,
    Published,
    Runner,
    _once,
    contract,
    published_once,
    write_contracts,
    write_landing,
)

AS_OF = "2026-08-31T23:59:59Z"
EVIDENCE = """
    select intervals.subscription_id, sources.feed, sources.exclusion_id, intervals.counted_seconds,
           sources.incident_id, sources.file, sources.line
    from marts.credit_downtime as intervals
    semi join marts.own_claims as claims using (subscription_id, month)
    inner join marts.downtime_sources as sources
        using (availability_policy_id, customer_scope, service_id, region, started_at)
    order by all
"""


def ours() -> dict[str, Any]:
    """10 % below 99.9; the cloud's downtime is excluded."""
    return contract(
        "ours",
        availability={"excluded_time": "ignored"},
        monitoring={"without_checks": "up"},
        exclusions={"kinds": ["cloud_down", "third_party"]},
        credits={
            "support_plans": ["premium"],
            "availability_tiers": [{"below_pct": 99.9, "credit_pct": 10}],
        },
    )


def cloud(contract_id: str = "cloud", zone: str = "UTC", **covers: list[str]) -> dict[str, Any]:
    agreed = contract(
        contract_id,
        zone,
        availability={"excluded_time": "ignored"},
        monitoring={"without_checks": "up"},
        exclusions={"kinds": ["force_majeure"]},
        credits={
            "support_plans": ["standard"],
            "availability_tiers": [{"below_pct": 99.9, "credit_pct": 10}],
            "claim_months": 2,
            "claim_days": 0,
        },
    )
    return agreed | {"party": "customer", "covers": covers}


AGREED = {
    "ours": ours(),
    "cloud": cloud(cloud_down=["eu", "at", "below", "none"]),
    # where September has begun
    "east": cloud("east", "Asia/Kolkata", cloud_down=["east"]),
}


def world() -> Feeds:
    feeds: Feeds = {
        name: []
        for name in (
            "services",
            "components",
            "outages",
            "exclusions",
            "customers",
            "subscriptions",
            "invoices",
            "invoice_lines",
        )
    }
    for customer in ("buyer", "ourselves"):
        feeds["customers"].append({"customer_id": customer, "name": customer})
        feeds["invoices"].append(
            {"invoice_id": f"of-{customer}", "customer_id": customer, "status": "issued"}
        )
    for service, contract_id in (("chat", "ours"), ("azure", "cloud"), ("azure-east", "east")):
        feeds["services"].append(
            {"service_id": service, "name": service, "contract_id": contract_id, "lifecycle": "ga"}
        )

    def sold(service: str, region: str, plan: str, customer: str, fee: str) -> None:
        name = f"{service}-{region}"
        feeds["components"].append(
            {
                "component_id": name,
                "service_id": service,
                "region": region,
                "environment": "production",
            }
        )
        feeds["subscriptions"].append(
            {
                "subscription_id": name,
                "customer_id": customer,
                "service_id": service,
                "region": region,
                "support_plan": plan,
                "kind": "paid",
                "status": "active",
                "valid_from": "2026-06-01",
            }
        )
        feeds["invoice_lines"].append(
            {
                "line_id": name,
                "invoice_id": f"of-{customer}",
                "subscription_id": name,
                "line_kind": "recurring",
                "period_start": "2026-06-01",
                "period_end": "2026-06-30",
                "amount": fee,
                "currency": "EUR",
            }
        )

    sold("chat", "eu", "premium", "buyer", "1000.00")
    for region in ("eu", "at", "below"):
        sold("azure", region, "standard", "ourselves", "300.00")
    sold("azure-east", "east", "standard", "ourselves", "300.00")

    def outage(name: str, start: str, end: str, incident: str) -> None:
        row = {"outage_id": name, "component_id": "chat-eu", "state": "down"}
        times = {"started_at": start, "ended_at": end}
        feeds["outages"].append({**row, **times, "incident_id": incident})

    def excluded(name: str, region: str, start: str, end: str, **more: str) -> None:
        row = {"exclusion_id": name, "kind": "cloud_down", "region": region}
        feeds["exclusions"].append({**row, "starts_at": start, "ends_at": end, **more})

    # what the cloud has credited to us
    credited = {"line_id": "credit", "line_kind": "credit", "amount": "-30.00"}
    of_azure = next(r for r in feeds["invoice_lines"] if r["line_id"] == "azure-eu")
    feeds["invoice_lines"].append(of_azure | credited)

    # down for five hours: four of them with the cloud, one by our own fault
    outage("O-1", "2026-06-10T08:00:00Z", "2026-06-10T13:00:00Z", "INC-1")
    excluded("X-1", "eu", "2026-06-10T08:00:00Z", "2026-06-10T12:00:00Z")
    # exactly 0.1 % of June, and a second more
    excluded("X-2", "at", "2026-06-10T08:00:00Z", "2026-06-10T08:43:12Z")
    excluded("X-3", "below", "2026-06-10T08:00:00Z", "2026-06-10T08:43:13Z")
    excluded("X-4", "east", "2026-06-10T08:00:00Z", "2026-06-10T12:00:00Z")
    # of no effect: another kind, another region, no component there
    excluded("X-5", "below", "2026-06-11T08:00:00Z", "2026-06-11T12:00:00Z", kind="third_party")
    excluded("X-6", "elsewhere", "2026-06-11T08:00:00Z", "2026-06-11T12:00:00Z")
    excluded("X-7", "none", "2026-06-11T08:00:00Z", "2026-06-11T12:00:00Z")
    return feeds


@pytest.fixture(scope="session")
def both_sides(tmp_path_factory: pytest.TempPathFactory) -> Published:
    def publish(folder: Path) -> None:
        write_contracts(folder / "contracts", AGREED)
        landing = write_landing(folder / "landing", world())
        published_once(landing, folder / "warehouse", AS_OF, folder / "contracts")

    return _once(tmp_path_factory, "both-sides", publish)


def claims(found: Published) -> dict[str, dict[str, Any]]:
    """The claims for June, by subscription."""
    rows = found.query("select * from marts.own_claims where month = '2026-06-01'")
    return {row["subscription_id"]: row for row in rows}


def test_four_hours_of_the_cloud_are_a_claim_of_a_tenth(both_sides: Published) -> None:
    """4 h of 720 are 99.444 %: 10 % of 300.00 EUR, to be claimed by the end of August."""
    own = claims(both_sides)["azure-eu"]
    assert own["credit_amount"] == Decimal("30.000")
    assert (own["availability_pct"], own["credit_pct"]) == (Decimal("99.444444"), 10)
    assert own["claim_deadline"] == date(2026, 8, 31)
    assert (own["claim_status"], own["exposure"], own["days_left"]) == ("claimable", "claimable", 0)
    assert (own["customer_id"], own["contract_id"]) == ("ourselves", "cloud")
    # nobody issues a statement of it
    assert (own["status"], own["statement_version"]) == ("final", None)


def test_a_claim_begins_a_second_beyond_the_bound(both_sides: Published) -> None:
    """2,592 s of June are exactly 99.9 %, which is not below it; 2,593 s are."""
    found = claims(both_sides)
    assert found["azure-at"]["credit_amount"] == 0
    assert found["azure-below"]["credit_amount"] == Decimal("30.000")


def test_a_claim_lapses_by_the_clock_of_its_contract(both_sides: Published) -> None:
    """At 23:59:59 UTC on the last day it can be claimed; in Kolkata that day is over."""
    own = claims(both_sides)["azure-east-east"]
    assert own["credit_amount"] == Decimal("30.000")
    assert own["claim_deadline"] == date(2026, 8, 31)
    assert (own["claim_status"], own["exposure"], own["days_left"]) == ("waived", "lapsed", None)


def test_an_incident_costs_what_we_owe_less_what_we_can_claim(both_sides: Published) -> None:
    """An hour of our own fault owes 100.00; with the cloud's 30.00 it costs 70.00."""
    balance = {
        row["incident_id"]: tuple(
            row[f"{side}_amount"] for side in ("owed", "claimable", "lost", "net")
        )
        for row in both_sides.mart("incident_balance")
    }
    # what no incident was recorded for: one claim that can be made, and one that lapsed
    assert balance == {"INC-1": (100, 30, 0, 70), None: (0, 30, 30, -30)}


def test_what_we_owe_is_as_if_there_were_no_claims(both_sides: Published, publish: Runner) -> None:
    """Without the providers' agreements, services and fees our figures are the same, and there
    is no claim."""
    feeds = {
        name: [row for row in rows if "azure" not in str(row)] for name, rows in world().items()
    }
    without = publish(feeds, AS_OF, {"ours": ours()})
    assert without.mart("own_claims") == []
    assert [row["net_amount"] for row in without.mart("incident_balance")] == [100]
    for name in (
        "credits",
        "credit_statements",
        "credit_reconciliation",
        "credit_attribution",
        "credit_headroom",
        "what_if",
        "error_budgets",
    ):
        assert both_sides.mart(name) == without.mart(name), name
    # of what everyone sees, that of our contract
    for name in ("availability", "downtime", "downtime_by_period", "last_seen", "exclusions"):
        own = [
            [row for row in found.mart(name) if row["contract_id"] == "ours"]
            for found in (both_sides, without)
        ]
        assert own[0] == own[1] != [], name


def test_a_provider_of_ours_is_no_commitment_of_ours(both_sides: Published) -> None:
    """Its availability is shown, without a commitment, a budget or a verdict."""
    rows = [r for r in both_sides.mart("availability") if r["contract_id"] != "ours"]
    assert {r["downtime_seconds"] for r in rows} == {0, 2592, 2593, 14_400}
    for column in ("commitment_pct", "is_met", "budget_seconds", "budget_remaining_seconds"):
        assert {r[column] for r in rows} == {None}, column
    assert {r["contract_id"] for r in both_sides.mart("error_budgets")} == {"ours"}
    parties = {r["contract_id"]: r["party"] for r in both_sides.mart("contracts")}
    assert parties == {"ours": "provider", "cloud": "customer", "east": "customer"}


def test_what_a_provider_credits_to_us_is_no_credit_of_ours(both_sides: Published) -> None:
    lines = both_sides.query("select subscription_id, amount from marts.credit_issued_lines")
    assert lines == [{"subscription_id": "azure-eu", "amount": Decimal("-30.000")}]
    assert both_sides.mart("credit_reconciliation") == []


def test_the_exclusions_behind_a_claim_have_file_and_line(both_sides: Published) -> None:
    behind = both_sides.query(EVIDENCE)
    assert [tuple(row.values()) for row in behind] == [
        ("azure-at", "exclusions", "X-2", 2592, None, "exclusions/rows.csv", 3),
        ("azure-below", "exclusions", "X-3", 2593, None, "exclusions/rows.csv", 4),
        ("azure-east-east", "exclusions", "X-4", 14_400, None, "exclusions/rows.csv", 5),
        ("azure-eu", "exclusions", "X-1", 14_400, "INC-1", "exclusions/rows.csv", 2),
    ]


def test_an_exclusion_without_a_component_of_the_provider_is_found(both_sides: Published) -> None:
    found = both_sides.query(
        "select key, line from quality.findings where kind = 'claim_without_component'"
    )
    assert found == [{"key": "X-7", "line": 8}]


def test_a_claim_is_proved_like_a_credit(both_sides: Published) -> None:
    with opened(both_sides.database, EVERYTHING) as reader:
        proof = prove(reader, "azure-eu", date(2026, 6, 1)).as_text()
    assert "X-1" in proof
    assert "exclusions/rows.csv" in proof
    assert "30.00 EUR" in proof


def test_there_is_no_report_to_ourselves(both_sides: Published) -> None:
    with opened(both_sides.database, EVERYTHING) as reader:
        assert set(figures.subscriptions_of(reader, date(2026, 6, 1))) == {"chat-eu"}
        with pytest.raises(NotFound, match="we are the customer"):
            figures.read(reader, "azure-eu", date(2026, 6, 1))


def test_the_status_names_claims_of_our_own_that_lapse_soon(both_sides: Published) -> None:
    status = status_of(both_sides.warehouse).published
    assert status is not None
    assert [(c.subscription_id, c.credit_amount) for c in status.lapsing_own_claims] == [
        ("azure-below", 30),
        ("azure-eu", 30),
    ]
    assert status.lapsing_claims == []
    assert "claims of our own about to lapse" in describe(both_sides.warehouse)
