"""Claims of our own, worked out by hand (C8, C9), on one publication
(`tests/support/both_sides.py`)."""

import random
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import duckdb
import pytest

from makegood.dashboards.access.reader import EVERYTHING, opened
from makegood.dashboards.figures.own_claims import MOST_URGENT
from makegood.dashboards.proof import NotFound, prove
from makegood.dashboards.reports import figures
from makegood.orchestration.alerts.kinds import of_publication
from makegood.orchestration.output.status import describe, status_of
from makegood.orchestration.warehouse.store import Warehouse
from tests.conftest import Published, Runner
from tests.support.both_sides import AS_OF, cloud, ours, world

EVIDENCE = """
    select intervals.subscription_id, sources.feed, sources.exclusion_id, intervals.counted_seconds,
           sources.incident_id, sources.file, sources.line
    from marts.credit_downtime as intervals
    semi join marts.own_claims as claims using (subscription_id, month)
    inner join marts.downtime_sources as sources
        using (availability_policy_id, customer_scope, service_id, region, started_at)
    order by all
"""


def claims(found: Published) -> dict[str, dict[str, Any]]:
    """The claims for June, by subscription."""
    rows = found.query("select * from marts.own_claims where month = '2026-06-01'")
    return {row["subscription_id"]: row for row in rows}


def test_four_hours_of_the_cloud_are_a_claim_of_a_tenth(both_sides: Published) -> None:
    """4 h of 720 are 99.444 %: 10 % of 300.00 EUR, to be claimed by the end of August."""
    own = claims(both_sides)["azure-eu"]
    assert not own["low_coverage"]
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
    # the last second is a record of the provider's component in outages
    assert found["azure-both"]["credit_amount"] == Decimal("30.000")
    assert found["azure-both"]["availability_pct"] == found["azure-below"]["availability_pct"]


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
    # what no incident was recorded for: two claims that can be made, and one that lapsed
    assert balance == {"INC-1": (100, 30, 0, 70), None: (0, 60, 30, -60)}
    for sums in (
        "select sum(owed_amount) from marts.incident_balance",
        "select sum(credit_amount) from marts.credits",
    ):
        assert list(both_sides.query(sums)[0].values()) == [100]
    for sums in (
        "select sum(claimable_amount + lost_amount) from marts.incident_balance",
        "select sum(credit_amount) from marts.own_claims",
    ):
        assert list(both_sides.query(sums)[0].values()) == [120]


@pytest.mark.long
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
    assert {r["coverage_pct"] for r in rows} == {100}
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
        ("azure-both", "exclusions", "X-8", 2593, None, "exclusions/rows.csv", 5),
        ("azure-both", "outages", None, 2593, None, "outages/rows.csv", 3),
        ("azure-both", "outages", None, 2593, None, "outages/rows.csv", 4),
        ("azure-east-east", "exclusions", "X-4", 14_400, None, "exclusions/rows.csv", 6),
        ("azure-eu", "exclusions", "X-1", 14_400, "INC-1", "exclusions/rows.csv", 2),
    ]


def test_an_exclusion_without_a_component_of_the_provider_is_found(both_sides: Published) -> None:
    found = both_sides.query(
        "select key, line from quality.findings where kind = 'claim_without_component'"
    )
    assert found == [{"key": "X-7", "line": 9}]


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
        ("azure-both", 30),
        ("azure-eu", 30),
    ]
    assert status.lapsing_claims == []
    assert "claims of our own about to lapse" in describe(both_sides.warehouse)


def test_one_alert_names_the_claims_of_our_own_that_lapse_soon(both_sides: Published) -> None:
    publication = Warehouse(both_sides.warehouse).current()
    assert publication is not None
    (alert,) = [
        a
        for a in of_publication(publication, both_sides.warehouse, {}, 14)
        if a.kind == "claim_lapsing"
    ]
    assert alert.subject == "of our own, until 2026-08-31"
    assert alert.happened.startswith("3 credits, 90.00 EUR from providers can be claimed until ")
    assert "--subscription azure-below" in alert.action


@pytest.mark.long
def test_random_exclusions_are_claimed_to_the_second_and_divided_by_incident(
    publish: Runner,
) -> None:
    """Forty regions, each with up to five exclusions that may overlap, and records of ours that
    may name an incident: the claim follows from the seconds of their union, and what incidents are
    owed adds up to it."""
    dice, june = random.Random(8), datetime(2026, 6, 15, tzinfo=UTC)
    feeds, windows, records = world(), {}, {}
    feeds["exclusions"], feeds["outages"] = [], []

    def at(second: int) -> str:
        return f"{june + timedelta(seconds=second):%Y-%m-%dT%H:%M:%SZ}"

    def copied(feed: str, column: str, like: str, name: str, **more: str) -> None:
        row = next(row for row in feeds[feed] if row[column] == like)
        feeds[feed].append(row | {column: name} | more)

    regions = [f"r{n:02}" for n in range(40)]
    for region in regions:
        for service, like in (("azure", "azure-eu"), ("chat", "chat-eu")):
            copied("components", "component_id", like, f"{service}-{region}", region=region)
        name = f"azure-{region}"
        copied("subscriptions", "subscription_id", "azure-eu", name, region=region)
        copied("invoice_lines", "line_id", "azure-eu", name, subscription_id=name)
        windows[region] = [
            (start, start + dice.choice([648, 1296, 1297, 2592, 2593]))
            for start in dice.choices([0, 600, 1296, 3000, 6000], k=dice.randrange(6))
        ]
        records[region] = [
            (start, start + dice.choice([600, 1800]), f"{region}-{n}")
            for n, start in enumerate(dice.choices([0, 900, 2700], k=dice.randrange(4)))
        ]
        for n, (start, end) in enumerate(windows[region]):
            row = {"exclusion_id": f"{region}-{n}", "kind": "cloud_down", "region": region}
            feeds["exclusions"].append(row | {"starts_at": at(start), "ends_at": at(end)})
        for start, end, incident in records[region]:
            row = {"outage_id": f"o-{incident}", "component_id": f"chat-{region}", "state": "down"}
            row |= {"started_at": at(start), "ended_at": at(end), "incident_id": incident}
            feeds["outages"].append(row)
    found = publish(
        feeds, AS_OF, {"ours": ours(), "cloud": cloud(cloud_down=regions), "east": cloud("east")}
    )
    due = {
        f"azure-{region}"
        for region, own in windows.items()
        if len({second for start, end in own for second in range(start, end)}) > 2592
    }
    # the dice show both
    assert 10 < len(due) < 30
    amounts = {name: row["credit_amount"] for name, row in claims(found).items()}
    assert {name for name, amount in amounts.items() if amount} == due
    assert set(amounts.values()) == {0, 30}
    balance = found.mart("incident_balance")
    assert sum(row["claimable_amount"] for row in balance) == 30 * len(due)
    assert sum(row["lost_amount"] for row in balance) == 0
    owed = sum(row["credit_amount"] for row in found.mart("credits"))
    assert sum(row["owed_amount"] for row in balance) == owed
    behind = {
        (row["exclusion_id"], row["incident_id"])
        for row in found.query("select * from marts.downtime_sources where feed = 'exclusions'")
    }
    assert behind == {
        (f"{region}-{n}", _incident(window, records[region]))
        for region, own in windows.items()
        for n, window in enumerate(own)
    }


def _incident(window: tuple[int, int], records: list[tuple[int, int, str]]) -> str | None:
    """That of the record that it overlaps the longest; of equals the first."""
    overlaps = [
        (min(window[1], end) - max(window[0], start), -start, incident)
        for start, end, incident in records
        if start < window[1] and end > window[0]
    ]
    longest = sorted(overlaps, key=lambda found: (-found[0], -found[1], found[2]))
    return longest[0][2] if longest else None


def test_the_most_urgent_claim_comes_first() -> None:
    """Of what can be claimed the nearest deadline, of the rest the latest."""
    with duckdb.connect() as con:
        con.execute(
            """create table claims as
               select * from (values
                   ('old', 'lapsed', '2026-06-30', 1), ('new', 'lapsed', '2026-07-31', 1),
                   ('none', 'not_eligible', null, 1), ('later', 'claimable', '2026-12-31', 9),
                   ('soon', 'claimable', '2026-09-30', 1), ('more', 'claimable', '2026-09-30', 2)
               ) as t (subscription_id, exposure, claim_deadline, credit_amount)"""
        )
        found = con.execute(f"select subscription_id from claims order by {MOST_URGENT}").fetchall()
    assert [name for (name,) in found] == ["more", "soon", "later", "new", "old", "none"]
