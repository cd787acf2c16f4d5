"""Billing systems all the way from a server, saved lists or tables to the landing folder, and what
they share: exact splits and the days of periods."""

import json
import os
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from makegood.ingestion.connect import billing
from makegood.ingestion.connect.pull import check
from makegood.ingestion.connect.settings import load
from makegood.ingestion.connect.shapes import nested
from makegood.ingestion.connect.system import Record, Unmapped
from makegood.orchestration.settings import connect_environment
from tests.connect import test_chargebee, test_stripe, test_xero, test_zuora
from tests.connect.conftest import Pull
from tests.support.delivered import all_rows, rejected
from tests.support.vendor import Answer, vendor

AMOUNTS = st.integers(-(10**9), 10**9).map(lambda units: Decimal(units).scaleb(-2))
WEIGHTS = st.lists(st.integers(0, 10**9).map(lambda n: Decimal(n).scaleb(-3)), min_size=1).filter(
    lambda weights: sum(weights) > 0
)


@given(AMOUNTS, WEIGHTS)
def test_parts_add_up_and_are_within_a_cent(total: Decimal, weights: list[Decimal]) -> None:
    parts = billing.shares(total, weights)
    assert sum(parts) == total
    assert len(parts) == len(weights)
    for part, weight in zip(parts, weights, strict=True):
        assert abs(part * sum(weights) - total * weight) <= Decimal("0.01") * sum(weights)


@pytest.mark.parametrize(
    ("total", "weights", "parts"),
    [
        ("10.00", ["1", "1", "1"], ["3.33", "3.34", "3.33"]),
        ("-10.00", ["1", "1", "1"], ["-3.33", "-3.34", "-3.33"]),
        ("0.01", ["1", "1"], ["0.01", "0.00"]),
        # nothing is taken from what is given back
        ("9", ["5", "-5", "4"], ["5", "0", "4"]),
        ("100", ["0.1", "0.2"], ["33", "67"]),
    ],
)
def test_shares(total: str, weights: list[str], parts: list[str]) -> None:
    found = billing.shares(Decimal(total), [Decimal(weight) for weight in weights])
    assert found == [Decimal(part) for part in parts]


def test_there_must_be_something_to_take_it_from() -> None:
    with pytest.raises(Unmapped, match="no line to take it from"):
        billing.shares(Decimal(1), [Decimal(0), Decimal(-1)])


@pytest.mark.parametrize(
    ("amount", "currency", "text"),
    [
        ("5.00", "JPY", "5"),
        ("5.5", "JPY", "5.5"),
        ("5.5", "EUR", "5.50"),
        ("0.0001", "EUR", "0.0001"),
        ("1000", "KWD", "1000.000"),
        ("1E+3", "EUR", "1000.00"),
        ("1.005", "not one", "1.005"),
    ],
)
def test_amounts_are_written_exactly(amount: str, currency: str, text: str) -> None:
    assert billing.written(Decimal(amount), currency) == text


@pytest.mark.parametrize("value", ["NaN", "ten", "1,5", "Infinity"])
def test_what_is_not_a_number_is_left(value: str) -> None:
    with pytest.raises(Unmapped, match="is not a number"):
        billing.exact(value, "amount")


@pytest.mark.parametrize(
    ("flat", "made"),
    [
        ({"a__b": 1, "a__c__d": 2, "e": 3}, {"a": {"b": 1, "c": {"d": 2}}, "e": 3}),
        ({"a": '{"b": 1.10}'}, {"a": {"b": Decimal("1.10")}}),
        ({"a": '[{"b": 1}]', "c": "[]"}, {"a": [{"b": 1}], "c": []}),
        # a text that only begins like one, and a list of words
        ({"a": "{June}", "b": "[SLA] credit"}, {"a": "{June}", "b": "[SLA] credit"}),
        # nothing is lost where both are there
        ({"a": "x", "a__b": 1}, {"a": "x", "a__": {"b": 1}}),
        ({"_dlt_id": "1", "__x": 2}, {"_dlt_id": "1", "__x": 2}),
    ],
)
def test_flat_tables_have_the_shape_of_the_api(flat: Any, made: Any) -> None:
    assert nested(Record(flat, "x")) == Record(made, "x")


# ---------------------------------------------------------------- all the way

SECRETS = {
    "STRIPE_KEY": "sk_test_secret",
    "CHARGEBEE_KEY": "test_key",
    "XERO_CLIENT_ID": "an-id",
    "XERO_CLIENT_SECRET": "right-secret",
    "ZUORA_CLIENT_ID": "an-id",
    "ZUORA_CLIENT_SECRET": "right-secret",
}


@pytest.fixture(autouse=True)
def _secrets(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    with connect_environment():
        yield


def xero_items() -> dict[str, list[dict[str, Any]]]:
    text = "01/05/2026 - 31/05/2026"
    return {
        "Invoices": [
            test_xero.invoice(
                test_xero.line(n, "100.00"),
                InvoiceID=f"i{n}",
                UpdatedDateUTC=test_xero.ms(test_xero.JUNE + n),
            )
            for n in range(1, 4)
        ],
        "CreditNotes": [
            test_xero.note(test_xero.line(9, "10.00", ItemCode="SLA", Description=text))
        ],
    }


def served(system: str) -> tuple[dict[str, Any], dict[str, list[dict[str, Any]]]]:
    """What answers, and all that there is."""
    match system:
        case "stripe":
            items = test_stripe.account()
            return test_stripe.stripe(items), items
        case "chargebee":
            items = test_chargebee.account()
            return test_chargebee.site(items), items
        case "xero":
            items = xero_items()
            return test_xero.organisation(items), items
    items = test_zuora.account()
    return test_zuora.tenant(items), items


def saved(system: str, items: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
    """The same as files: lists as the API writes them."""
    match system:
        case "stripe":
            # a list that was saved holds no lines beyond the first ten
            lines = {
                one["id"]: items.get(f"invoices/{one['id']}/lines", one["lines"]["data"])
                for one in items["invoices"]
            }
            for one in items["invoices"]:
                one["lines"] = {"data": lines[one["id"]], "has_more": False}
            for one in items["customers"]:
                one |= {"object": "customer", "invoice_settings": {}}
            return {
                name: {"object": "list", "data": found}
                for name, found in items.items()
                if "/" not in name and found
            }
        case "chargebee":
            more = {"subscriptions": {"customer": {"id": "c1"}}}
            return {
                name: {"list": [{name[:-1]: one} | more.get(name, {}) for one in found]}
                for name, found in items.items()
            }
        case "xero":
            return {name: {name: found} for name, found in items.items()}
    return {name: {"data": found} for name, found in items.items() if found}


NAMES = {
    "stripe": {"credit_notes": test_stripe.NOTES, "products": test_stripe.PRODUCTS},
    "chargebee": {"credit_notes": test_chargebee.NOTES, "products": test_chargebee.PRODUCTS},
    "xero": test_xero.NAMES,
    "zuora": {
        "credit_notes": test_zuora.NOTES,
        "products": test_zuora.PRODUCTS,
    },
}
CONNECTIONS: dict[str, dict[str, Any]] = {
    "stripe": {},
    "chargebee": {"site": "example"},
    "xero": {"tenant": "t1"},
    "zuora": {},
}


def config(folder: Path, system: str, **way: Any) -> Path:
    """A connect.yaml; JSON is YAML too."""
    path = folder / "connect.yaml"
    source = {"system": system, **NAMES[system], **way}
    path.write_text(json.dumps({"sources": {system: source}}))
    return path


@pytest.mark.parametrize("system", CONNECTIONS)
def test_a_server_and_saved_lists_give_the_same_files(
    tmp_path: Path, pull: Pull, system: str
) -> None:
    handlers, items = served(system)
    with vendor(handlers) as server:
        reached = CONNECTIONS[system] | {"start": "2026-01-01", "url": server.url}
        if system == "xero":
            reached["token_url"] = f"{server.url}/connect/token"
        path = config(tmp_path, system, api=reached)
        (found,), failures = pull(path)
        assert failures == []
        assert found.left == []
        assert found.unnamed == {}
        # nothing changed, so nothing is delivered
        (found,), _ = pull(path)
        assert dict(found.written) == {}
    delivered = all_rows(tmp_path / "landing")
    assert rejected(tmp_path / "landing") == []
    assert len(delivered["invoice_lines"]) > 3
    assert {row["line_kind"] for row in delivered["invoice_lines"]} >= {"recurring", "credit"}

    other = tmp_path / "other"
    other.mkdir()
    for name, data in saved(system, items).items():
        (other / f"{name}.json").write_text(json.dumps(data))
    _, failures = pull(config(other, system, files={"paths": ["*.json"]}), other)
    assert failures == []
    by_files = all_rows(other / "landing")
    assert by_files.keys() == delivered.keys()
    for feed, rows in delivered.items():
        assert by_files[feed] == rows


@pytest.mark.parametrize(
    ("system", "text", "more", "expected"),
    [
        (
            "xero",
            "ContactName,InvoiceNumber,InvoiceDate,DueDate,Total,TaxTotal,InventoryItemCode,"
            "Description,LineAmount,TaxAmount,Currency,Type,Status\n"
            'Acme,INV-1,01/06/2026,01/07/2026,"1.190,50","190,50",PREMIUM,Premium,"1.000,00",'
            '"190,50",EUR,Sales invoice,Awaiting Payment\n',
            {"time_form": "%d/%m/%Y", "decimal": ",", "thousands": "."},
            {"amount": "1000.00", "period_start": "2026-06-01", "line_id": "INV-1:1"},
        ),
        (
            "stripe",
            "id,Customer,Currency,Status,Total,Tax,Subscription,Finalized At (UTC),"
            "Minimum Line Item Period Start (UTC),Maximum Line Item Period End (UTC)\n"
            "in_1,cus_1,eur,open,1190.50,190.50,sub_1,2026-06-01 08:00,"
            "2026-06-01 00:00,2026-07-01 00:00\n",
            {},
            {"amount": "1000.00", "period_end": "2026-06-30", "line_id": "in_1:total"},
        ),
    ],
)
def test_files_of_the_screen(
    tmp_path: Path, pull: Pull, system: str, text: str, more: dict[str, Any], expected: Any
) -> None:
    (tmp_path / "export.csv").write_text(text)
    _, failures = pull(config(tmp_path, system, files={"paths": ["*.csv"], **more}))
    assert failures == []
    assert rejected(tmp_path / "landing") == []
    fee = [
        row
        for row in all_rows(tmp_path / "landing")["invoice_lines"]
        if row["line_kind"] == "recurring"
    ]
    assert [{name: row[name] for name in expected} for row in fee] == [expected]


@pytest.mark.parametrize("system", CONNECTIONS)
def test_a_check_reads_first_pages_and_keeps_nothing(tmp_path: Path, system: str) -> None:
    handlers, _ = served(system)
    with vendor(handlers) as server:
        reached = CONNECTIONS[system] | {"start": "2026-01-01", "url": server.url}
        if system == "xero":
            reached["token_url"] = f"{server.url}/connect/token"
        settings = load(config(tmp_path, system, api=reached))
        found = check(settings, settings.sources[system], os.environ, lambda _: None)
    assert found.made["invoice_lines"] > 0
    assert [path.name for path in tmp_path.iterdir()] == ["connect.yaml"]


def test_a_page_that_changes_its_form_delivers_nothing(tmp_path: Path, pull: Pull) -> None:
    handlers, _ = served("stripe")
    handlers["/v1/credit_notes"] = lambda _: Answer({"object": "list", "items": []})
    with vendor(handlers) as server:
        reached = {"start": "2026-01-01", "url": server.url}
        _, failures = pull(config(tmp_path, "stripe", api=reached))
    assert "lacks 'data'" in failures[0]
    assert not (tmp_path / "landing").exists() or all_rows(tmp_path / "landing") == {}
