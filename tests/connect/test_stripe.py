"""Stripe: invoices by line, discounts, tax, currencies, credit notes, subscriptions, and the same
rows from its API, its exports and the tables of other tools."""

import json
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from makegood.ingestion.connect import api
from makegood.ingestion.connect.system import Rows, Unreadable
from makegood.ingestion.connect.systems.stripe import SYSTEM, Connection
from tests.connect.bills import (
    MISSING,
    SHARED,
    as_text,
    exported,
    from_folder,
    from_tables,
    invoices,
    lines,
    mapped,
    records,
    rejected,
    rows_of,
    total,
)
from tests.support.records import kept
from tests.support.vendor import Answer, Request, Vendor, vendor

# 2026-06-01, 06-15, 07-01, 07-02, 07-31, 08-01, all at midnight UTC
JUNE, MID_JUNE, JULY, JULY_2, JULY_31, AUGUST = (
    1780272000,
    1781481600,
    1782864000,
    1782950400,
    1785456000,
    1785542400,
)
HOUR = 3600
PRODUCTS = {"prod_1": {"service": "S", "region": "eu", "support_plan": "premium"}}
NOTES = {"values": {"sla": "credit"}, "otherwise": "correction"}


def line(number: int, amount: int, **more: Any) -> dict[str, Any]:
    """A line for June of the subscription sub_1, as version 2025-03-31 writes it."""
    return {
        "id": f"il_{number}",
        "object": "line_item",
        "amount": amount,
        "currency": "eur",
        "discount_amounts": [],
        "period": {"start": JUNE, "end": JULY},
        "parent": {
            "type": "subscription_item_details",
            "subscription_item_details": {
                "subscription": "sub_1",
                "subscription_item": "si_1",
                "proration": False,
            },
            "invoice_item_details": None,
        },
        "pricing": {
            "type": "price_details",
            "price_details": {"price": "price_1", "product": "prod_1"},
        },
        "taxes": [],
        "invoice": "in_1",
        **more,
    }


def invoice(*found: dict[str, Any], **more: Any) -> dict[str, Any]:
    amount = sum(one["amount"] for one in found)
    return {
        "id": "in_1",
        "object": "invoice",
        "created": JUNE,
        "currency": "eur",
        "customer": "cus_1",
        "customer_name": "Acme",
        "status": "open",
        "collection_method": "send_invoice",
        "due_date": JULY,
        "status_transitions": {"finalized_at": JUNE + HOUR, "paid_at": None},
        "subtotal": amount,
        "total": amount,
        "total_excluding_tax": amount,
        "lines": {"object": "list", "has_more": False, "data": list(found)},
        **more,
    }


def note(*found: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "id": "cn_1",
        "object": "credit_note",
        "created": JULY_2,
        "currency": "eur",
        "customer": "cus_1",
        "invoice": "in_1",
        "reason": "product_unsatisfactory",
        "status": "issued",
        "subtotal": sum(one["amount"] for one in found),
        "metadata": {},
        "lines": {"object": "list", "has_more": False, "data": list(found)},
        **more,
    }


def note_line(amount: int, of: str | None = "il_1", **more: Any) -> dict[str, Any]:
    return {
        "id": "cnli_1",
        "object": "credit_note_line_item",
        "amount": amount,
        "discount_amount": 0,
        "invoice_line_item": of,
        "type": "invoice_line_item" if of else "custom_line_item",
        **more,
    }


def subscription(**more: Any) -> dict[str, Any]:
    return {
        "id": "sub_1",
        "object": "subscription",
        "customer": "cus_1",
        "status": "active",
        "start_date": JUNE,
        "created": JUNE,
        "ended_at": None,
        "trial_start": None,
        "trial_end": None,
        "items": {"data": [item()]},
        **more,
    }


def item(product: str = "prod_1", usage: str = "licensed") -> dict[str, Any]:
    price = {"id": f"price_{product}", "product": product, "recurring": {"usage_type": usage}}
    return {"id": f"si_{product}", "price": price}


def rows(*found: dict[str, Any], notes: Any = (), subscriptions: Any = (), **names: Any) -> Rows:
    of = {"invoices": found, "credit_notes": notes, "subscriptions": subscriptions}
    return rows_of(SYSTEM, of, **{"credit_notes": NOTES, **names})


# ---------------------------------------------------------------- invoices


def test_a_line_is_charged_for_the_days_of_its_period() -> None:
    out = rows(invoice(line(1, 10000)))
    assert lines(out)["il_1"] == {
        "line_id": "il_1",
        "invoice_id": "in_1",
        "subscription_id": "sub_1",
        "line_kind": "recurring",
        "period_start": "2026-06-01",
        "period_end": "2026-06-30",
        "amount": "100.00",
        "currency": "EUR",
    }
    assert invoices(out)["in_1"] == {
        "invoice_id": "in_1",
        "customer_id": "cus_1",
        "status": "issued",
        "issued_on": "2026-06-01",
        "due_on": "2026-07-01",
    }
    assert out.feeds["customers"] == [{"customer_id": "cus_1", "name": "Acme"}]


@pytest.mark.parametrize(
    ("start", "end", "zone", "days"),
    [
        # at the anchor's own hour: the next period begins on the day after the last
        (MID_JUNE + 10 * HOUR, JULY + 10 * HOUR, "UTC", ("2026-06-15", "2026-06-30")),
        # midnight in Amsterdam is 22:00 UTC of the day before
        (JUNE - 2 * HOUR, JULY - 2 * HOUR, "Europe/Amsterdam", ("2026-06-01", "2026-06-30")),
        (JUNE - 2 * HOUR, JULY - 2 * HOUR, "UTC", ("2026-05-31", "2026-06-29")),
        # an item that is charged once, at an instant, or within a day
        (JUNE, JUNE, "UTC", ("2026-06-01", "2026-06-01")),
        (JUNE + HOUR, JUNE + 3 * HOUR, "UTC", ("2026-06-01", "2026-06-01")),
    ],
)
def test_days_of_periods(start: int, end: int, zone: str, days: tuple[str, str]) -> None:
    out = rows(invoice(line(1, 100, period={"start": start, "end": end})), time_zone=zone)
    row = lines(out)["il_1"]
    assert (row["period_start"], row["period_end"]) == days


def test_periods_that_follow_each_other_share_no_day() -> None:
    anchor = MID_JUNE + 10 * HOUR
    first = line(1, 100, period={"start": anchor, "end": anchor + 30 * 24 * HOUR})
    second = line(
        2,
        100,
        period={"start": anchor + 30 * 24 * HOUR, "end": anchor + 61 * 24 * HOUR},
    )
    found = lines(rows(invoice(first, second)))
    assert found["il_1"]["period_end"] == "2026-07-14"
    assert found["il_2"]["period_start"] == "2026-07-15"


@pytest.mark.parametrize(
    ("status", "transitions", "expected"),
    [
        ("draft", {"finalized_at": None, "paid_at": None}, {"status": "draft"}),
        ("open", {}, {"status": "issued"}),
        ("uncollectible", {}, {"status": "issued"}),
        ("void", {}, {"status": "void"}),
        ("paid", {"paid_at": JULY_2 - HOUR}, {"status": "paid", "paid_on": "2026-07-01"}),
    ],
)
def test_statuses(status: str, transitions: dict[str, Any], expected: dict[str, str]) -> None:
    given = {"finalized_at": JUNE, "paid_at": None} | transitions
    out = rows(invoice(line(1, 100), status=status, status_transitions=given))
    row = invoices(out)["in_1"]
    assert {name: row.get(name) for name in expected} == expected
    assert ("issued_on" in row) == (status != "draft")
    assert ("paid_on" in row) == (status == "paid")


@pytest.mark.parametrize("amount_due", [None, 10000])
def test_a_day_of_payment_that_nobody_says_is_not_guessed(amount_due: int | None) -> None:
    # tables and exports may lack the amount
    found = {"invoices": [invoice(line(1, 10000), status="paid", amount_due=amount_due)]}
    out = mapped(SYSTEM, records(found))
    assert "paid_on" not in invoices(out)["in_1"]
    (reason,) = rejected(out)
    assert "paid_on" in reason
    out = rows(invoice(line(1, 0), status="paid", amount_due=amount_due and 0))
    assert invoices(out)["in_1"]["paid_on"] == "2026-06-01"


def test_the_day_it_was_paid_is_the_local_one() -> None:
    given = {"finalized_at": JUNE, "paid_at": JULY - HOUR}
    out = rows(
        invoice(line(1, 100), status="paid", status_transitions=given), time_zone="Europe/Berlin"
    )
    assert invoices(out)["in_1"]["paid_on"] == "2026-07-01"


def test_what_is_charged_automatically_is_due_when_it_is_issued() -> None:
    out = rows(invoice(line(1, 100), collection_method="charge_automatically", due_date=None))
    assert invoices(out)["in_1"]["due_on"] == "2026-06-01"


@pytest.mark.parametrize(
    ("currency", "amount", "written"),
    [
        ("eur", 1234, "12.34"),
        ("jpy", 1234, "1234"),
        ("kwd", 12340, "12.340"),
        # without decimals by ISO 4217, in hundredths at Stripe
        ("isk", 50000, "500"),
        ("ugx", 50000, "500"),
        # the other way around
        ("mga", 500, "500.00"),
    ],
)
def test_minor_units(currency: str, amount: int, written: str) -> None:
    out = rows(invoice(line(1, amount, currency=currency), currency=currency))
    assert lines(out)["il_1"]["amount"] == written


# ---------------------------------------------------------------- discounts and tax


def test_the_fee_is_what_is_left_after_discounts() -> None:
    discounted = line(1, 10000, discount_amounts=[{"amount": 1000}, {"amount": 1}])
    out = rows(invoice(discounted, subtotal=10000, total=8999, total_excluding_tax=8999))
    assert lines(out)["il_1"]["amount"] == "89.99"


def test_taxes_are_lines_of_their_own() -> None:
    taxed = line(
        1,
        12000,
        taxes=[
            {"amount": 2000, "tax_behavior": "inclusive"},
            {"amount": 500, "tax_behavior": "exclusive"},
        ],
    )
    out = rows(invoice(taxed, total=12500, total_excluding_tax=10000))
    found = lines(out)
    assert found["il_1"]["amount"] == "100.00"
    assert (found["il_1:tax"]["line_kind"], found["il_1:tax"]["amount"]) == ("tax", "25.00")
    assert total(out, "in_1") == Decimal("125.00")


def test_a_discount_of_the_invoice_is_split_to_the_cent() -> None:
    """Tables of other tools know it for the invoice alone."""
    three = [line(n, 3333) | {"discount_amounts": None} for n in (1, 2, 3)]
    out = rows(invoice(*three, subtotal=9999, total=8999, total_excluding_tax=None, tax=0))
    assert [lines(out)[f"il_{n}"]["amount"] for n in (1, 2, 3)] == ["30.00", "29.99", "30.00"]
    assert total(out, "in_1") == Decimal("89.99")


def test_a_tax_of_the_invoice_is_split_to_the_cent() -> None:
    two = [line(1, 3333) | {"taxes": None}, line(2, 6667) | {"taxes": None}]
    out = rows(invoice(*two, total=11901, total_excluding_tax=None, tax=1901))
    assert lines(out)["il_1"]["amount"] == "33.33"
    assert lines(out)["il_1:tax"]["amount"] == "6.34"
    assert total(out, "in_1") == Decimal("119.01")


def test_the_tax_of_an_invoice_that_pays_back_is_that_of_what_it_pays_back() -> None:
    back, more = line(1, -10000), line(2, 3000)
    found = invoice(back, more, total=-9000, tax=-2000)
    del found["total_excluding_tax"]
    out = rows(found)
    assert lines(out)["il_1:tax"]["amount"] == "-20.00"
    assert "il_2:tax" not in lines(out)
    assert total(out, "in_1") == -90


def test_an_invoice_whose_lines_are_not_all_there_is_left() -> None:
    half = invoice(line(1, 10000), subtotal=25000, total=25000, total_excluding_tax=25000)
    out = mapped(SYSTEM, records({"invoices": [half]}), credit_notes=NOTES)
    assert "invoices" not in out.feeds or not out.feeds["invoices"]
    assert not out.feeds.get("invoice_lines")
    (left,) = out.left
    assert left.what == "invoices in_1"
    assert "lines are missing" in left.why


def test_lines_beyond_the_list_complete_it() -> None:
    short = invoice(line(1, 10000), subtotal=25000, total=25000, total_excluding_tax=25000)
    beyond = [line(1, 10000), line(2, 15000) | {"_long_invoices_id": "in_1"}]
    out = rows_of(SYSTEM, {"invoices": [short], "invoice_lines": beyond}, credit_notes=NOTES)
    assert [row["amount"] for row in out.feeds["invoice_lines"]] == ["100.00", "150.00"]


def test_a_line_does_not_replace_that_of_another_invoice() -> None:
    # as lines of subscriptions were called before 2019
    first = invoice(line(1, 10000, id="sub_1"))
    second = invoice(line(1, 7000, id="sub_1"), id="in_2")
    out = rows(first, second)
    assert [left.what for left in out.left] == ["invoices in_2"]
    assert "line sub_1 is one of in_1 too" in out.left[0].why
    assert total(out, "in_1") == 100
    # those that say which is which are told apart
    out = rows(
        invoice(line(1, 10000, id="sub_1", unique_id="il_1")),
        invoice(line(1, 7000, id="sub_1", unique_id="il_2"), id="in_2"),
    )
    assert (total(out, "in_1"), total(out, "in_2")) == (100, 70)


def test_what_was_paid_before_is_charged() -> None:
    prepaid = [{"amount": 4000, "type": "credit_balance_transaction"}]
    out = rows(
        invoice(
            line(1, 10000),
            total=6000,
            total_excluding_tax=6000,
            total_pretax_credit_amounts=prepaid,
        )
    )
    assert lines(out)["il_1"]["amount"] == "100.00"


# ---------------------------------------------------------------- kinds of lines


def of_item(proration: bool) -> dict[str, Any]:
    details = {"subscription": "sub_1", "proration": proration, "invoice_item": "ii_1"}
    return {"type": "invoice_item_details", "invoice_item_details": details}


@pytest.mark.parametrize(
    ("more", "names", "kind"),
    [
        ({}, {}, "recurring"),
        # an item that was added to the invoice is charged once
        ({"parent": of_item(False), "pricing": {}}, {}, "one_off"),
        ({"parent": of_item(True), "pricing": {}}, {}, "recurring"),
        ({"parent": None}, {}, "one_off"),
        ({}, {"kinds": {"prod_1": "one_off"}}, "one_off"),
        ({}, {"kinds": {"price_1": "usage", "prod_1": "one_off"}}, "usage"),
        # as versions before 2025-03-31 write it
        (
            {
                "parent": None,
                "pricing": None,
                "type": "subscription",
                "subscription": "sub_1",
                "price": {"id": "price_2", "recurring": {"usage_type": "metered"}},
            },
            {},
            "usage",
        ),
        ({"parent": None, "type": "invoiceitem", "subscription": "sub_1"}, {}, "one_off"),
    ],
)
def test_kinds(more: dict[str, Any], names: dict[str, Any], kind: str) -> None:
    out = rows(invoice(line(1, 100, **more)), **names)
    assert lines(out)["il_1"]["line_kind"] == kind


def test_a_metered_price_is_usage() -> None:
    prices = [{"id": "price_1", "product": "prod_1", "recurring": {"usage_type": "metered"}}]
    of = {"invoices": [invoice(line(1, 100))], "prices": prices}
    assert lines(rows_of(SYSTEM, of))["il_1"]["line_kind"] == "usage"


def test_a_proration_may_be_negative() -> None:
    back = line(1, -5000, parent=of_item(True), period={"start": MID_JUNE, "end": JULY})
    out = rows(invoice(back, line(2, 8000)))
    row = lines(out)["il_1"]
    assert (row["line_kind"], row["amount"]) == ("recurring", "-50.00")
    assert row["period_start"] == "2026-06-15"


# ---------------------------------------------------------------- credit notes


def test_a_credit_is_negative_and_of_the_month_of_its_line() -> None:
    out = rows(invoice(line(1, 10000)), notes=[note(note_line(1000))])
    row = lines(out)["cnli_1"]
    assert (row["invoice_id"], row["line_kind"], row["amount"]) == ("cn_1", "credit", "-10.00")
    assert (row["subscription_id"], row["period_start"]) == ("sub_1", "2026-06-01")
    head = invoices(out)["cn_1"]
    assert (head["status"], head["issued_on"], head["customer_id"]) == (
        "issued",
        "2026-07-02",
        "cus_1",
    )
    assert "due_on" not in head


@pytest.mark.parametrize(
    ("reason", "names", "kind"),
    [
        ("product_unsatisfactory", {}, "credit"),
        ("duplicate", {"otherwise": "credit"}, "recurring"),
        ("order_change", {}, "recurring"),
        (None, {"otherwise": "correction"}, "recurring"),
        (None, {"otherwise": "credit"}, "credit"),
        ("duplicate", {"values": {"duplicate": "credit"}}, "credit"),
        # another field: what `reason` says no longer counts
        ("product_unsatisfactory", {"field": "memo", "otherwise": "correction"}, "recurring"),
        ("duplicate", {"field": "memo", "values": {"SLA June": "credit"}}, "credit"),
    ],
)
def test_which_credit_notes_are_credits(
    reason: str | None, names: dict[str, Any], kind: str
) -> None:
    given = note(note_line(1000), reason=reason, memo="SLA June")
    out = rows(invoice(line(1, 10000)), notes=[given], credit_notes=names)
    assert lines(out)["cnli_1"]["line_kind"] == kind


def test_a_credit_note_of_which_nothing_says_what_it_is_is_left() -> None:
    of = {"invoices": [invoice(line(1, 100))], "credit_notes": [note(note_line(10), reason=None)]}
    out = rows_of(SYSTEM, of)
    assert "cn_1" not in invoices(out)
    assert "credit_notes.otherwise" in out.left[0].why


def test_a_credit_is_after_discount_and_without_tax() -> None:
    given = note_line(
        1190,
        discount_amount=100,
        taxes=[{"amount": 190, "tax_behavior": "inclusive"}],
    )
    out = rows(invoice(line(1, 10000)), notes=[note(given)])
    assert lines(out)["cnli_1"]["amount"] == "-9.00"
    assert lines(out)["cnli_1:tax"]["amount"] == "-1.90"


def test_a_credit_says_its_month_itself() -> None:
    names = NOTES | {"month": "metadata.sla_month"}
    given = note(note_line(1000, of=None), metadata={"sla_month": "2026-05"})
    row = lines(rows(invoice(line(1, 10000)), notes=[given], credit_notes=names))["cnli_1"]
    assert (row["period_start"], row["period_end"]) == ("2026-05-01", "2026-05-31")
    assert row["subscription_id"] == "sub_1"


def test_a_credit_of_a_whole_invoice_is_for_its_subscription() -> None:
    names = {"credit_notes": NOTES | {"field": "metadata.kind", "month": "metadata.month"}}
    given = note(note_line(1000, None), metadata={"kind": "sla", "month": "2026-06"})
    # the usage of the month before, and the fee of the next one
    second = line(2, 500, period={"start": JULY, "end": AUGUST})
    out = rows(invoice(line(1, 10000), second), notes=[given], **names)
    row = lines(out)["cnli_1"]
    assert (row["subscription_id"], row["period_start"]) == ("sub_1", "2026-06-01")
    assert not any("without a subscription" in said for said in out.notes)
    second["parent"] = {"subscription_item_details": {"subscription": "sub_2"}}
    out = rows(invoice(line(1, 10000), second), notes=[given], **names)
    assert "subscription_id" not in lines(out)["cnli_1"]
    assert sum("without a subscription" in said for said in out.notes) == 1


@pytest.mark.parametrize("said", ["June", "2026-13", "2026", "2026-060"])
def test_a_month_that_is_none_is_left(said: str) -> None:
    given = note(note_line(1000), metadata={"sla_month": said})
    out = rows(
        invoice(line(1, 10000)),
        notes=[given],
        credit_notes=NOTES | {"month": "metadata.sla_month"},
    )
    assert "is not a month: the form is 2026-06" in out.left[0].why


def test_a_credit_of_a_year_does_not_say_its_month() -> None:
    year = line(1, 120000, period={"start": JUNE, "end": JUNE + 365 * 24 * HOUR})
    of = {"invoices": [invoice(year)], "credit_notes": [note(note_line(1000))]}
    out = mapped(SYSTEM, records(of), credit_notes=NOTES)
    assert "period_start" not in lines(out)["cnli_1"]
    assert any("credit_notes.month" in text for text in out.notes)
    # so the feed rejects the credit by name, in place of a month by guessing
    assert len(rejected(out)) == 1


def test_a_credit_of_two_months_counts_for_the_first_and_is_noted() -> None:
    both = line(1, 10000, period={"start": MID_JUNE, "end": MID_JUNE + 30 * 24 * HOUR})
    out = rows(invoice(both), notes=[note(note_line(1000))])
    assert lines(out)["cnli_1"]["period_start"] == "2026-06-15"
    assert sum("over two months" in said for said in out.notes) == 1
    out = rows(invoice(line(1, 10000)), notes=[note(note_line(1000))])
    assert not any("over two months" in said for said in out.notes)


def test_a_void_credit_note_is_void() -> None:
    out = rows(invoice(line(1, 10000)), notes=[note(note_line(1000), status="void")])
    assert invoices(out)["cn_1"]["status"] == "void"


# ---------------------------------------------------------------- subscriptions


def spans(out: Rows) -> list[tuple[Any, ...]]:
    return [
        (row["kind"], row["status"], row["valid_from"], row.get("valid_to"))
        for row in out.feeds.get("subscriptions", [])
    ]


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({}, [("paid", "active", "2026-06-01", None)]),
        ({"status": "past_due"}, [("paid", "active", "2026-06-01", None)]),
        (
            {"status": "canceled", "ended_at": JULY},
            [("paid", "active", "2026-06-01", "2026-06-30")],
        ),
        (
            {"trial_start": JUNE, "trial_end": MID_JUNE},
            [
                ("trial", "active", "2026-06-01", "2026-06-14"),
                ("paid", "active", "2026-06-15", None),
            ],
        ),
        (
            {"status": "trialing", "trial_start": JUNE, "trial_end": MID_JUNE},
            [("trial", "active", "2026-06-01", "2026-06-14")],
        ),
        (
            {
                "status": "canceled",
                "trial_start": JUNE,
                "trial_end": JULY,
                "ended_at": MID_JUNE,
            },
            [("trial", "active", "2026-06-01", "2026-06-14")],
        ),
        (
            {"status": "paused", "trial_start": JUNE, "trial_end": MID_JUNE},
            [
                ("trial", "active", "2026-06-01", "2026-06-14"),
                ("paid", "suspended", "2026-06-15", None),
            ],
        ),
        (
            {"trial_start": JULY, "trial_end": JULY_31},
            [
                ("paid", "active", "2026-06-01", "2026-06-30"),
                ("trial", "active", "2026-07-01", "2026-07-30"),
                ("paid", "active", "2026-07-31", None),
            ],
        ),
        # since when it is paused is not known
        ({"status": "paused"}, [("paid", "active", "2026-06-01", None)]),
        ({"status": "incomplete_expired"}, []),
    ],
)
def test_spans(more: dict[str, Any], expected: list[Any]) -> None:
    assert spans(rows(subscriptions=[subscription(**more)], products=PRODUCTS)) == expected


def test_a_subscription_has_its_service_by_product() -> None:
    out = rows(subscriptions=[subscription()], products=PRODUCTS)
    (row,) = out.feeds["subscriptions"]
    assert (row["service_id"], row["region"], row["support_plan"]) == ("S", "eu", "premium")


def test_a_subscription_to_two_services_is_two() -> None:
    products = PRODUCTS | {"prod_2": {"service": "T", "region": "eu"}}
    both = subscription(items={"data": [item("prod_1"), item("prod_2")]})
    second = line(
        2,
        500,
        pricing={"price_details": {"price": "price_2", "product": "prod_2"}},
    )
    out = rows(invoice(line(1, 100), second), subscriptions=[both], products=products)
    assert {row["subscription_id"] for row in out.feeds["subscriptions"]} == {
        "sub_1/S/eu",
        "sub_1/T/eu",
    }
    assert lines(out)["il_1"]["subscription_id"] == "sub_1/S/eu"
    assert lines(out)["il_2"]["subscription_id"] == "sub_1/T/eu"


def test_the_support_plan_is_that_of_the_present_product() -> None:
    products = PRODUCTS | {"prod_0": {"service": "S", "region": "eu", "support_plan": "standard"}}
    before = line(1, 100, pricing={"price_details": {"price": "price_0", "product": "prod_0"}})
    out = rows(invoice(before), subscriptions=[subscription()], products=products)
    (row,) = out.feeds["subscriptions"]
    assert (row["subscription_id"], row["support_plan"]) == ("sub_1", "premium")
    assert sum("several support plans" in note for note in out.notes) == 1


def test_a_product_without_a_name_is_counted() -> None:
    out = rows(subscriptions=[subscription()], products={"prod_9": PRODUCTS["prod_1"]})
    assert ("products", "prod_1") in out.unnamed
    assert out.left[0].what == "subscriptions sub_1"


def test_subscriptions_and_customers_may_have_other_names() -> None:
    out = rows(invoice(line(1, 100)), customers={"cus_1": "C-1"})
    assert invoices(out)["in_1"]["customer_id"] == "C-1"
    named = rows_of(SYSTEM, {"invoices": [invoice(line(1, 100))]}, subscriptions={"sub_1": "SUB-1"})
    assert lines(named)["il_1"]["subscription_id"] == "SUB-1"
    other = rows_of(SYSTEM, {"invoices": [invoice(line(1, 100))]}, subscriptions={"sub_2": "SUB-2"})
    assert lines(other)["il_1"]["subscription_id"] == "sub_1"
    assert other.unnamed == {("subscriptions", "sub_1"): 1}


# ---------------------------------------------------------------- the API


def stripe(items: Mapping[str, list[dict[str, Any]]]) -> dict[str, Any]:
    """Lists as Stripe serves them: newest first, at most `limit`, after `starting_after`, created
    at or after `created[gte]`; no key, no answer."""

    def listed(request: Request, of: list[dict[str, Any]]) -> Answer:
        if request.headers.get("Authorization") != "Bearer sk_test_secret":
            error = {"type": "invalid_request_error", "message": "Invalid API Key provided"}
            return Answer({"error": error}, status=401)
        assert request.headers["Stripe-Version"] == "2025-03-31.basil"
        since = int(request.params.get("created[gte]", 0))
        found = [one for one in of if one.get("created", since) >= since]
        found.sort(key=lambda one: -one.get("created", 0))
        if after := request.params.get("starting_after"):
            ids = [one["id"] for one in found]
            found = found[ids.index(after) + 1 :]
        page = found[:2]
        return Answer(
            {
                "object": "list",
                "url": request.path,
                "has_more": len(found) > len(page),
                "data": page,
            }
        )

    return {
        f"/v1/{path}": (lambda request, path=path: listed(request, items[path])) for path in items
    }


def account() -> dict[str, list[dict[str, Any]]]:
    many = [line(n, 100, invoice="in_2") for n in range(1, 14)]
    long = invoice(*many, id="in_2", created=JULY)
    long["lines"] = {"object": "list", "has_more": True, "data": many[:10]}
    return {
        "customers": [{"id": "cus_1", "name": "Acme", "created": JUNE}],
        "prices": [],
        "subscriptions": [subscription()],
        "invoices": [
            invoice(line(20, 10000, invoice="in_1")),
            long,
            invoice(line(30, 1, invoice="in_3"), id="in_3", created=JULY_2),
        ],
        "credit_notes": [note(note_line(1000, of="il_20"))],
        "invoices/in_2/lines": many,
    }


def pulled(served: Vendor, folder: Path) -> tuple[Rows, int]:
    connection = Connection.model_validate({"start": "2026-01-01", "url": served.url})
    secrets = {"key": "sk_test_secret"}
    assert SYSTEM.api
    traffic = api.pull(SYSTEM, SYSTEM.api(connection, secrets), secrets, folder, lambda _: None)
    out = mapped(SYSTEM, kept(SYSTEM, folder), credit_notes=NOTES, products=PRODUCTS)
    assert rejected(out) == []
    return out, traffic.requests


def test_the_api_is_read_by_pages_and_again(tmp_path: Path) -> None:
    items = account()
    with vendor(stripe(items)) as served:
        served.faults[3] = Answer(
            {"error": {"type": "rate_limit"}}, status=429, headers={"Retry-After": "0"}
        )
        out, _ = pulled(served, tmp_path)
        assert len(out.feeds["invoice_lines"]) == 1 + 13 + 1 + 1
        assert invoices(out)["in_1"]["status"] == "issued"
        # one is paid without a new date of creation, and a new one is there
        items["invoices"][0] |= {
            "status": "paid",
            "status_transitions": {"finalized_at": JUNE, "paid_at": JULY_2},
        }
        items["invoices"].append(invoice(line(40, 1, invoice="in_4"), id="in_4", created=JULY_31))
        again, _ = pulled(served, tmp_path)
        assert invoices(again)["in_1"] == {
            "invoice_id": "in_1",
            "customer_id": "cus_1",
            "status": "paid",
            "issued_on": "2026-06-01",
            "due_on": "2026-07-01",
            "paid_on": "2026-07-02",
        }
        assert "in_4" in invoices(again)
        asked = [request.path for request in served.asked]
        # lines are asked for only where a list has more
        assert "/v1/invoices/in_2/lines" in asked
        assert "/v1/invoices/in_1/lines" not in asked


def test_what_is_made_while_pages_are_read_hides_nothing(tmp_path: Path) -> None:
    items = account()
    handlers = stripe(items)
    lists = handlers["/v1/invoices"]
    made = iter(range(100, 200))

    def changing(request: Request) -> Answer:
        answer = Answer(text=lists(request).body.decode())
        number = next(made)
        added = invoice(line(number, 1), id=f"in_{number}", created=JULY_31 + number)
        items["invoices"].append(added)
        return answer

    handlers["/v1/invoices"] = changing
    with vendor(handlers) as served:
        out, _ = pulled(served, tmp_path)
        assert {"in_1", "in_2", "in_3"} <= invoices(out).keys()
        # those that were made meanwhile come with the next pull
        out, _ = pulled(served, tmp_path)
        assert {"in_100", "in_101", "in_102"} <= invoices(out).keys()


def test_a_key_that_was_revoked_is_said_so(tmp_path: Path) -> None:
    with vendor(stripe(account())) as served:
        connection = Connection.model_validate({"start": "2026-01-01", "url": served.url})
        secrets = {"key": "sk_live_revoked"}
        assert SYSTEM.api
        with pytest.raises(Unreadable, match="STRIPE_KEY is wrong, expired or revoked"):
            api.pull(SYSTEM, SYSTEM.api(connection, secrets), secrets, tmp_path, lambda _: None)


# ---------------------------------------------------------------- exports and tables


def test_invoices_of_the_dashboard_are_one_line() -> None:
    row = {
        "id": "in_1",
        "Customer": "cus_1",
        "Customer Name": "Acme",
        "Currency": "jpy",
        "Status": "paid",
        "Total": "1100",
        "Tax": "100",
        "Subscription": "sub_1",
        "Date (UTC)": "2026-06-01 08:00",
        "Due Date (UTC)": None,
        "Billing": "send_invoice",
        "Finalized At (UTC)": "2026-06-01 09:00",
        "Paid At (UTC)": "2026-06-30 23:30",
        "Minimum Line Item Period Start (UTC)": "2026-06-01 00:00",
        "Maximum Line Item Period End (UTC)": "2026-07-01 00:00",
    }
    out = mapped(SYSTEM, exported(SYSTEM, [row]), time_zone="Europe/Amsterdam")
    assert rejected(out) == []
    assert invoices(out)["in_1"]["paid_on"] == "2026-07-01"
    found = lines(out)
    assert (found["in_1:total"]["amount"], found["in_1:total"]["line_kind"]) == (
        "1000",
        "recurring",
    )
    assert found["in_1:total"]["period_end"] == "2026-06-30"
    assert found["in_1:total:tax"]["amount"] == "100"


def test_exports_of_sigma_give_the_rows_of_the_api() -> None:
    head = {
        "id": "in_1",
        "customer_id": "cus_1",
        "currency": "eur",
        "status": "open",
        "subtotal": "10000",
        "total": "10000",
        "date": "2026-06-01 00:00:00",
        "finalized_at": "2026-06-01 01:00:00",
        "due_date": "2026-07-01 00:00:00",
        "billing": "send_invoice",
    }
    one = {
        "id": "il_1",
        "invoice_id": "in_1",
        "amount": "10000",
        "currency": "eur",
        "period_start": "2026-06-01 00:00:00",
        "period_end": "2026-07-01 00:00:00",
        "subscription": "sub_1",
        "type": "subscription",
        "price_id": "price_1",
    }
    out = mapped(SYSTEM, exported(SYSTEM, [head], [one]))
    wanted = rows(invoice(line(1, 10000)))
    assert as_text("invoice_lines", out) == as_text("invoice_lines", wanted)
    assert as_text("invoices", out) == as_text("invoices", wanted)


FIVETRAN = (
    "create table customer as select 'cus_1' as id, 'Acme' as name",
    """create table invoice as select 'in_1' as id, 'cus_1' as customer_id, 'eur' as currency,
        'open' as status, 10000 as subtotal, 10000 as total, null::bigint as tax,
        timestamp '2026-06-01 00:00:00' as created,
        timestamptz '2026-07-01 00:00:00+00' as due_date,
        timestamp '2026-06-01 01:00:00' as status_transitions_finalized_at,
        false as is_deleted, 'send_invoice' as collection_method""",
    """create table invoice_line_item as select 'il_1' as id, 'in_1' as invoice_id,
        10000 as amount, timestamp '2026-06-01 00:00:00' as period_start,
        timestamp '2026-07-01 00:00:00' as period_end, 'sub_1' as subscription_id,
        'price_1' as price_id, 'subscription' as type, false as proration""",
    "create table price as select 'price_1' as id, 'prod_1' as product_id",
    """create table subscription_history as
        select 'sub_1' as id, 'cus_1' as customer_id, 'canceled' as status, false as
        _fivetran_active, timestamp '2026-06-01 00:00:00' as start_date
        union all select 'sub_1', 'cus_1', 'active', true, timestamp '2026-06-01 00:00:00'""",
    """create table subscription_item as
        select 'si_1' as id, 'sub_1' as subscription_id, 'price_1' as plan_id""",
    """create table credit_note as select 'cn_1' as id, 'in_1' as invoice_id, 'eur' as currency,
        'product_unsatisfactory' as reason, 'issued' as status, 1000 as subtotal,
        timestamp '2026-07-02 00:00:00' as created, '{"sla_month": "2026-06"}' as metadata""",
    """create table credit_note_line_item as
        select 'cnli_1' as id, 'cn_1' as credit_note_id, 1000 as amount""",
)
AIRBYTE = (
    "create table customers as select 'cus_1' as id, 'Acme' as name",
    f"""create table invoices as select 'in_1' as id, 'cus_1' as customer, 'eur' as currency,
        'open' as status, 10000 as subtotal, 10000 as total, {JUNE} as created,
        {JULY} as due_date, '{{"finalized_at": {JUNE + HOUR}}}'::json as status_transitions,
        'send_invoice' as collection_method""",
    f"""create table invoice_line_items as select 'il_1' as id, 'in_1' as invoice_id,
        10000 as amount, '{{"start": {JUNE}, "end": {JULY}}}'::json as period,
        'sub_1' as subscription, 'subscription' as type,
        '{{"id": "price_1", "product": "prod_1"}}'::json as price""",
    f"""create table subscriptions as select 'sub_1' as id, 'cus_1' as customer,
        'active' as status, {JUNE} as start_date,
        '{json.dumps({"data": [{"price": {"id": "price_1", "product": "prod_1"}}]})}'::json
        as items""",
    f"""create table credit_notes as select 'cn_1' as id, 'in_1' as invoice, 'cus_1' as customer,
        'eur' as currency, 'product_unsatisfactory' as reason, 'issued' as status,
        1000 as subtotal, {JULY_2} as created, '{json.dumps({"data": [note_line(1000)]})}'::json
        as lines""",
)
DLT = (
    "create table customer as select 'cus_1' as id, 'Acme' as name, 'a' as _dlt_id",
    f"""create table invoice as select 'in_1' as id, 'cus_1' as customer, 'eur' as currency,
        'open' as status, 10000 as subtotal, 10000 as total, {JUNE} as created,
        {JULY} as due_date, {JUNE + HOUR} as status_transitions__finalized_at,
        'send_invoice' as collection_method, 'i1' as _dlt_id""",
    f"""create table invoice__lines__data as select 'il_1' as id, 10500 as amount,
        {JUNE} as period__start, {JULY} as period__end,
        'subscription_item_details' as parent__type,
        'sub_1' as parent__subscription_item_details__subscription,
        'price_1' as pricing__price_details__price, 'prod_1' as pricing__price_details__product,
        'i1' as _dlt_parent_id, 'l1' as _dlt_id""",
    """create table invoice__lines__data__discount_amounts as
        select 500 as amount, 'l1' as _dlt_parent_id""",
    f"""create table subscription as select 'sub_1' as id, 'cus_1' as customer,
        'active' as status, {JUNE} as start_date, 's1' as _dlt_id""",
    """create table subscription__items__data as select 'si_1' as id,
        'price_1' as price__id, 'prod_1' as price__product, 's1' as _dlt_parent_id""",
)


@pytest.mark.parametrize(
    ("layout", "statements"), [("fivetran", FIVETRAN), ("airbyte", AIRBYTE), ("dlt", DLT)]
)
def test_tables_give_the_rows_of_the_api(
    tmp_path: Path, layout: str, statements: tuple[str, ...]
) -> None:
    found = from_tables(SYSTEM, layout, tmp_path, *statements)
    out = mapped(SYSTEM, found, credit_notes=NOTES, products=PRODUCTS)
    assert rejected(out) == []
    assert out.left == []
    notes = [] if layout == "dlt" else [note(note_line(1000))]
    wanted = rows(
        invoice(line(1, 10000)), notes=notes, subscriptions=[subscription()], products=PRODUCTS
    )
    for feed in SYSTEM.feeds:
        assert as_text(feed, out) == as_text(feed, wanted)


@pytest.mark.skipif(not SHARED.exists(), reason=MISSING)
def test_examples_of_every_object_are_read() -> None:
    """Stripe's own example of each object, in the newest shape."""
    found = json.loads((SHARED / "stripe_openapi" / "fixtures3.json").read_text())["resources"]
    of = {
        "customers": [found["customer"]],
        "prices": [found["price"]],
        "subscriptions": [found["subscription"]],
        "invoices": [found["invoice"]],
        "credit_notes": [found["credit_note"]],
    }
    out = mapped(
        SYSTEM,
        records(of),
        credit_notes={"otherwise": "correction"},
        products={"prod_QXg1hqf4jFNsqG": {"service": "S", "region": "eu"}},
    )
    assert out.left == []
    assert rejected(out) == []
    (charged,) = [row for row in out.feeds["invoice_lines"] if row["line_id"].startswith("il_")]
    assert charged["amount"] == "10.00"
    assert sorted(
        row["amount"] for row in out.feeds["invoice_lines"] if row["line_id"].startswith("cnli_")
    ) == ["-11.90", "-5.00"]


@pytest.mark.skipif(not SHARED.exists(), reason=MISSING)
def test_toy_tables_of_fivetran_are_read() -> None:
    """Their invoices and lines belong to different accounts: each is left for what it lacks."""
    found = from_folder(SYSTEM, "fivetran", SHARED / "fivetran_stripe", "_data")
    assert len(found["invoices"]) == 2
    out = mapped(SYSTEM, found, credit_notes={"otherwise": "correction"})
    assert {left.what.split()[0] for left in out.left} == {"invoices", "credit"}
    assert all("lines" in left.why or "is not there" in left.why for left in out.left)
    assert len(out.feeds["customers"]) > 3
