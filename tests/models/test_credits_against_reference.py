"""The whole line on random worlds against the plain reference: tickets, resolution performance,
credits and what rests on them (K, R, E, C, Z1, Z3, Z6, T6)."""

from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, Phase, given, settings

from tests.conftest import Runner, examples, some_of
from tests.support.reference_credits import Reference
from tests.support.worlds_credits import seeds, world

KEYS = {
    "ticket_sla": ["ticket_id"],
    "support_times": ["contract_id", "service_id", "region", "month", "severity", "target"],
    "resolution_performance": ["subscription_id", "month"],
    "credits": ["subscription_id", "month", "currency"],
    "credit_reconciliation": ["subscription_id", "month", "currency"],
    "configuration_hours": ["subscription_id", "month"],
    "status_page_publication": ["ticket_id"],
    "what_if": ["contract_id", "policy_key", "value", "month", "currency"],
}
COLUMNS = {
    "ticket_sla": "ticket_id subscription_id contract_id ticket_type severity month received_at "
    "clock_started_at responded_at resolved_at response_severity response_target_s "
    "response_elapsed_s response_outcome updates_missed update_outcome resolution_target_s "
    "resolution_elapsed_s resolution_outcome delay_pct status reason",
    "support_times": "contract_id service_id region month severity target stopped still_open "
    "total_seconds median_seconds p90_seconds p95_seconds mean_seconds resolved reopened "
    "reopened_pct",
    "resolution_performance": (
        "subscription_id month incidents missed missed_pct average_delay_pct is_triggered "
        "credit_pct"
    ),
    "credits": "subscription_id customer_id contract_id service_id region month currency "
    "monthly_fee "
    "availability_pct availability_credit_pct "
    "resolution_credit_pct combined_pct combination credit_pct credit_amount reasons claim_status "
    "claim_deadline requested_on payable_amount low_coverage status",
    "credit_reconciliation": "subscription_id month currency due_amount issued_amount difference "
    "flags",
    "configuration_hours": "subscription_id month included_minutes used_minutes remaining_minutes "
    "over_minutes",
    "status_page_publication": "ticket_id severity published_at seconds_to_publish is_published",
    "what_if": (
        "contract_id policy_key value month currency credit_amount payable_amount "
        "credit_difference payable_difference"
    ),
}


def plain(column: str, value: Any) -> Any:
    """A cell as the reference says it."""
    if column in ("reason", "reasons", "flags"):
        return value or ""
    if column == "value":
        return str(yaml.safe_load(value))
    if isinstance(value, datetime):
        return int(value.timestamp())
    return value.normalize() if isinstance(value, Decimal) else value


def by_key(mart: str, rows: list[dict[str, Any]]) -> dict[tuple[str, ...], dict[str, Any]]:
    told = [{c: plain(c, row[c]) for c in COLUMNS[mart].split()} for row in rows]
    result = {tuple(str(row[c]) for c in KEYS[mart]): row for row in told}
    assert len(result) == len(rows), f"{mart}: a key stands twice"
    return result


def differences(
    mart: str, expected: list[dict[str, Any]], published: list[dict[str, Any]]
) -> list[str]:
    """Each row and cell that differs, in words."""
    wanted, got = by_key(mart, expected), by_key(mart, published)
    found = []
    for key in sorted(wanted.keys() | got.keys()):
        where = f"{mart} {'/'.join(key)}"
        if key not in got:
            found.append(f"{where}: the rules give a row, the line none: {wanted[key]}")
        elif key not in wanted:
            found.append(f"{where}: the line gives a row, the rules none: {got[key]}")
        else:
            cells = [
                (c, wanted[key][c], got[key][c])
                for c in wanted[key]
                if wanted[key][c] != got[key][c]
            ]
            found += [f"{where}: {c}: the rules give {a}, the line {b}" for c, a, b in cells]
    return found


# worlds in which an edge decides a figure, by their seeds
EDGES = {
    "a ticket 900 s after an outage; one document sets tiers and commitment; the narrower scope "
    "wins": 4,
    "downtime outside covered time is no event, nor is a named record that is not down": 31,
    "R' would be more than R": 38,
    "a named record that only touches the downtime": 56,
    "a ticket at the very end of an outage; sums by currency": 74,
    "the highest severity is that of the stop itself; the first tier reaches up to the "
    "commitment": 79,
}


def check(publish: Runner, warehouse: Path, seed: int) -> None:
    feeds, contracts, as_of = world(seed)
    published = publish(feeds, as_of, contracts, warehouse=warehouse)
    marts = Reference(feeds, contracts, int(as_of.timestamp())).marts()
    found = [
        d for mart, rows in marts.items() for d in differences(mart, rows, published.mart(mart))
    ]
    assert not found, "\n".join(found)


@pytest.mark.parametrize("edge", some_of(EDGES, next(iter(EDGES))))
def test_credits_at_an_edge_are_those_of_the_rules(
    publish: Runner, tmp_path: Path, edge: str
) -> None:
    check(publish, tmp_path / "warehouse", EDGES[edge])


# a run takes seconds: few worlds are tried, and one that fails is told by its differences and not
# made smaller
@settings(
    max_examples=examples(quick=1, ci=4, explore=150),
    phases=[Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(seeds)
def test_credits_are_those_of_the_rules(publish: Runner, tmp_path_factory: Any, seed: int) -> None:
    check(publish, tmp_path_factory.mktemp("warehouse"), seed)
