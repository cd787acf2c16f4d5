"""The library of public agreements: each loads, says where it was read, and gives what examples
worked out by hand expect (tests/integration/library), all by one run.

An example is a subscription of its own, with a service and a region, one fee for the whole period,
and the times in which the service was down.
"""

import re
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml

from makegood.ingestion.contracts.calendars import period_start
from makegood.ingestion.contracts.loader import PUBLIC, load
from makegood.ingestion.contracts.model import Contract
from makegood.ingestion.contracts.tables import period_kind
from tests.conftest import Published, Rows, published_once, write_landing

EXAMPLES = Path(__file__).parent / "library"
AS_OF = "2027-02-01T00:00:00Z"
FILES = sorted(PUBLIC.glob("*.yaml"))


def examples() -> Iterator[tuple[str, dict[str, Any]]]:
    for path in sorted(EXAMPLES.glob("*.yaml")):
        document = yaml.safe_load(path.read_text())
        for example in document["examples"]:
            yield document["contract"], example


NAMED = {f"{contract}: {example['name']}": (contract, example) for contract, example in examples()}


def last_day(contract: Contract, first: date) -> date:
    """The last day of the contract's period that begins on a day."""
    day = first
    while period_start(period_kind(contract), day) == first:
        day += timedelta(days=1)
    return day - timedelta(days=1)


def feeds(contracts: dict[str, Contract]) -> dict[str, Rows]:
    world: dict[str, Rows] = {
        name: []
        for name in (
            "services", "components", "outages", "customers", "subscriptions", "invoices",
            "invoice_lines", "credit_requests",
        )
    }  # fmt: skip
    for number, (contract_id, example) in enumerate(NAMED.values()):
        own, first = f"e{number:03d}", example["period"]
        last = last_day(contracts[contract_id], first)
        world["services"].append(
            {"service_id": own, "name": own, "contract_id": contract_id, "lifecycle": "ga",
             "product_category": example.get("category")}
        )  # fmt: skip
        place = {"service_id": own, "region": "r"}
        world["components"].append({"component_id": own, "environment": "production", **place})
        world["customers"].append({"customer_id": own, "name": own})
        world["subscriptions"].append(
            {"subscription_id": own, "customer_id": own, "support_plan": example["plan"],
             "kind": "paid", "status": "active", "valid_from": first, **place}
        )  # fmt: skip
        world["invoices"].append(
            {"invoice_id": own, "customer_id": own, "status": "paid", "issued_on": first,
             "due_on": first, "paid_on": first}
        )  # fmt: skip
        world["invoice_lines"].append(
            {"line_id": own, "invoice_id": own, "subscription_id": own, "line_kind": "recurring",
             "period_start": first, "period_end": last, **example["fee"]}
        )  # fmt: skip
        for n, (start, seconds) in enumerate(example["downtime"]):
            since = datetime.fromisoformat(start)
            world["outages"].append(
                {"outage_id": f"{own}-{n}", "component_id": own, "state": "down",
                 "started_at": since.isoformat(),
                 "ended_at": (since + timedelta(seconds=seconds)).isoformat()}
            )  # fmt: skip
        if "requested_on" in example:
            world["credit_requests"].append(
                {"request_id": own, "subscription_id": own, "month": first,
                 "requested_on": example["requested_on"]}
            )  # fmt: skip
    return world


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, date], dict[str, Any]]:
    """The credits of all examples, by subscription and period."""
    folder = tmp_path_factory.mktemp("library")
    contracts = {c.contract_id: c for c in map(load, FILES)}
    landing = write_landing(folder / "landing", feeds(contracts))
    published: Published = published_once(landing, folder / "warehouse", AS_OF, PUBLIC)
    return {(r["subscription_id"], r["month"]): r for r in published.mart("credits")}


@pytest.mark.parametrize("name", NAMED)
def test_an_example_by_hand(rows: dict[tuple[str, date], dict[str, Any]], name: str) -> None:
    example = NAMED[name][1]
    row = rows[f"e{list(NAMED).index(name):03d}", example["period"]]
    expected = example["expect"]
    shown = {
        key: value if key in {"claim_deadline", "claim_status", "combination"} else Decimal(value)
        for key, value in expected.items()
    }
    assert {key: row[key] for key in expected} == shown, example["why"]


def test_at_least_thirty_agreements_each_with_examples() -> None:
    assert len(FILES) >= 30
    assert {contract for contract, _ in examples()} == {path.stem for path in FILES}
    assert {load(path).contract_id for path in FILES} == {path.stem for path in FILES}
    by_contract = [contract for contract, _ in examples()]
    assert all(by_contract.count(path.stem) >= 2 for path in FILES)


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.stem)
def test_an_agreement_says_where_it_was_read_and_names_its_clauses(path: Path) -> None:
    head = path.read_text().partition("\ncontract_id:")[0]
    source = re.match(r"# Source: (.*?)(?=\n# [A-Z]|\Z)", head, re.DOTALL)
    assert source, "the first line is the source"
    # an address and a date, or that there is none
    assert re.search(r"[a-z0-9-]+\.[a-z]{2,}/|https?://", source[1])
    assert re.search(r"20[0-9]{2}|no date", source[1])
    terms = load(path).versions[-1].terms
    assert terms["clauses"]
    assert terms["credits"]
