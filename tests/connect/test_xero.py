"""Xero: lines, tax, periods that are only written in a text, credit notes, and the same rows from
its API, its exports and the tables of other tools."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from makegood.ingestion.connect import api
from makegood.ingestion.connect.system import Rows, Unreadable
from makegood.ingestion.connect.systems.xero import SYSTEM, Connection
from tests.connect.bills import (
    as_text,
    exported,
    from_tables,
    invoices,
    lines,
    mapped,
    records,
    rejected,
    rows_of,
)
from tests.support.records import kept
from tests.support.vendor import Answer, Request, Vendor, vendor

# 2026-06-01 and 07-01 at midnight UTC, in milliseconds
JUNE, JULY = 1780272000000, 1782864000000
NAMES: dict[str, Any] = {
    "kinds": {"PREMIUM": "recurring", "SLA": "credit"},
    "subscription": {"field": "ItemCode", "values": {"PREMIUM": "SUB-1", "SLA": "SUB-1"}},
    "period": {"form": "%d/%m/%Y", "month": 0},
    "credit_notes": {"otherwise": "correction"},
}


def ms(value: int) -> str:
    return f"/Date({value}+0000)/"


def line(number: int, amount: str, **more: Any) -> dict[str, Any]:
    return {
        "LineItemID": f"l{number}",
        "ItemCode": "PREMIUM",
        "AccountCode": "200",
        "Description": "Premium",
        "Quantity": 1,
        "LineAmount": amount,
        "TaxAmount": "0.00",
        "Tracking": [],
        **more,
    }


def invoice(*found: dict[str, Any], total: str = "100.00", **more: Any) -> dict[str, Any]:
    return {
        "Type": "ACCREC",
        "InvoiceID": "i1",
        "InvoiceNumber": "INV-1",
        "Reference": "",
        "Contact": {"ContactID": "c1", "Name": "Acme"},
        "DateString": "2026-06-01T00:00:00",
        "Date": ms(JUNE),
        "DueDateString": "2026-07-01T00:00:00",
        "DueDate": ms(JULY),
        "Status": "AUTHORISED",
        "LineAmountTypes": "Exclusive",
        "LineItems": list(found),
        "SubTotal": total,
        "CurrencyCode": "EUR",
        "UpdatedDateUTC": ms(JUNE),
        **more,
    }


def note(*found: dict[str, Any], total: str = "10.00", **more: Any) -> dict[str, Any]:
    given = invoice(*found, total=total, **more)
    del given["InvoiceID"]
    return given | {
        "Type": "ACCRECCREDIT",
        "CreditNoteID": "n1",
        "CreditNoteNumber": "CN-1",
        "DateString": "2026-07-02T00:00:00",
        **more,
    }


def rows(*found: dict[str, Any], notes: Any = (), **names: Any) -> Rows:
    return rows_of(SYSTEM, {"invoices": found, "credit_notes": notes}, **{**NAMES, **names})


def test_an_invoice_with_its_line() -> None:
    out = rows(invoice(line(1, "100.00")))
    assert invoices(out)["i1"] == {
        "invoice_id": "i1",
        "customer_id": "c1",
        "status": "issued",
        "issued_on": "2026-06-01",
        "due_on": "2026-07-01",
    }
    assert lines(out)["l1"] == {
        "line_id": "l1",
        "invoice_id": "i1",
        "subscription_id": "SUB-1",
        "line_kind": "recurring",
        "period_start": "2026-06-01",
        "period_end": "2026-06-30",
        "amount": "100.00",
        "currency": "EUR",
    }
    assert out.feeds["customers"] == [{"customer_id": "c1", "name": "Acme"}]


@pytest.mark.parametrize(
    ("status", "more", "expected"),
    [
        ("DRAFT", {}, ("draft", None)),
        ("SUBMITTED", {}, ("draft", None)),
        ("VOIDED", {}, ("void", None)),
        ("PAID", {"FullyPaidOnDate": ms(JULY)}, ("paid", "2026-07-01")),
        (
            "PAID",
            {"Payments": [{"Date": ms(JULY)}, {"Date": ms(JUNE)}]},
            ("paid", "2026-07-01"),
        ),
    ],
)
def test_statuses(status: str, more: dict[str, Any], expected: tuple[Any, ...]) -> None:
    row = invoices(rows(invoice(line(1, "100.00"), Status=status, **more)))["i1"]
    assert (row["status"], row.get("paid_on")) == expected
    assert ("issued_on" in row) == (expected[0] != "draft")


def test_a_deleted_invoice_is_taken_back() -> None:
    out = rows(invoice(Status="DELETED"))
    assert out.feeds["invoices"] == [{"invoice_id": "i1", "deleted": True}]


def test_bills_of_suppliers_are_left() -> None:
    out = rows(invoice(line(1, "100.00"), Type="ACCPAY"), notes=[note(Type="ACCPAYCREDIT")])
    assert out.feeds == {}
    assert len(out.notes) == 2


@pytest.mark.parametrize(
    ("form", "given"),
    [
        ("DateString", "2026-06-30T00:00:00"),
        # as one tool rewrites it, and as it is without the text
        ("DateString", "2026-06-30T00:00:00+00:00"),
        ("Date", ms(JULY - 86_400_000)),
        ("Date", f"/Date({JULY - 86_400_000})/"),
    ],
)
def test_dates_are_days_without_a_zone(form: str, given: str) -> None:
    dates = {"DateString": None, "Date": None} | {form: given}
    out = rows(invoice(line(1, "100.00"), **dates), time_zone="Pacific/Auckland")
    assert invoices(out)["i1"]["issued_on"] == "2026-06-30"


@pytest.mark.parametrize(
    ("types", "amount", "net"),
    [
        ("Exclusive", "100.00", "100.00"),
        ("Inclusive", "119.00", "100.00"),
        ("NoTax", "100.00", "100.00"),
    ],
)
def test_tax(types: str, amount: str, net: str) -> None:
    tax = "0.00" if types == "NoTax" else "19.00"
    out = rows(invoice(line(1, amount, TaxAmount=tax), LineAmountTypes=types))
    assert lines(out)["l1"]["amount"] == net
    assert ("l1:tax" in lines(out)) == (types != "NoTax")


def test_a_text_is_not_a_line() -> None:
    out = rows(invoice(line(1, "100.00"), {"LineItemID": "t", "Description": "Thank you"}))
    assert set(lines(out)) == {"l1"}


def test_an_invoice_whose_lines_are_not_all_there_is_left() -> None:
    """A list with summaries only has no lines at all."""
    out = mapped(SYSTEM, records({"invoices": [invoice(total="100.00")]}), **NAMES)
    assert out.feeds["invoices"] == []
    assert "lines are missing" in out.left[0].why


# ---------------------------------------------------------------- kinds, periods, subscriptions


@pytest.mark.parametrize(
    ("item", "account", "names", "kind"),
    [
        ("PREMIUM", "200", {}, "recurring"),
        ("SETUP", "260", {"kinds": {"260": "one_off"}}, "one_off"),
        ("SETUP", "260", {"kinds": {"SETUP": "usage", "260": "one_off"}}, "usage"),
        (None, None, {"otherwise_kind": "one_off"}, "one_off"),
    ],
)
def test_kinds(item: str | None, account: str | None, names: dict[str, Any], kind: str) -> None:
    given = invoice(line(1, "100.00", ItemCode=item, AccountCode=account))
    out = rows(given, **{"subscription": {"otherwise": "SUB-1"}, **names})
    assert lines(out)["l1"]["line_kind"] == kind


def test_an_item_without_a_name_is_rejected_by_name() -> None:
    out = mapped(SYSTEM, records({"invoices": [invoice(line(1, "100.00", ItemCode="X"))]}), **NAMES)
    assert out.unnamed[("kinds", "200")] == 1
    assert out.unnamed[("subscription.values", "X")] == 1
    assert len(rejected(out)) == 1


@pytest.mark.parametrize(
    ("setting", "text", "days"),
    [
        (
            {"form": "%d/%m/%Y"},
            "Premium 15/06/2026 - 14/07/2026",
            ("2026-06-15", "2026-07-14"),
        ),
        ({"form": "%B %Y"}, "Premium support for February 2028", ("2028-02-01", "2028-02-29")),
        ({"form": "%b %Y"}, "Jan 2026 to Mar 2026", ("2026-01-01", "2026-03-31")),
        ({"form": "%d/%m/%Y", "month": 0}, "Premium", ("2026-06-01", "2026-06-30")),
        # one day alone names no period
        ({"form": "%d/%m/%Y", "month": 1}, "since 01/02/2026", ("2026-07-01", "2026-07-31")),
        ({"month": -1}, "", ("2026-05-01", "2026-05-31")),
        ({"month": 0, "months": 12}, "", ("2026-06-01", "2027-05-31")),
        ({"month": -6}, "", ("2025-12-01", "2025-12-31")),
    ],
)
def test_periods(setting: dict[str, Any], text: str, days: tuple[str, str]) -> None:
    out = rows(invoice(line(1, "100.00", Description=text)), period=setting)
    row = lines(out)["l1"]
    assert (row["period_start"], row["period_end"]) == days


def test_without_a_period_the_feed_rejects_the_line_by_name() -> None:
    out = mapped(
        SYSTEM, records({"invoices": [invoice(line(1, "100.00"))]}), **NAMES | {"period": {}}
    )
    assert any("period_start" in reason for reason in rejected(out))


def test_a_day_that_does_not_exist_is_not_guessed() -> None:
    setting = {"form": "%d/%m/%Y", "month": 0}
    wrong = line(1, "100.00", Description="01/06/2026 - 31/06/2026")
    out = rows(invoice(wrong), period=setting)
    assert [left.what for left in out.left] == ["invoices i1"]
    assert "'31/06/2026'" in out.left[0].why


def test_three_days_name_no_period() -> None:
    text = "01/06/2026 01/07/2026 01/08/2026"
    out = rows(invoice(line(1, "100.00", Description=text)))
    assert "more than a first and a last day" in out.left[0].why


@pytest.mark.parametrize(
    ("lookup", "expected"),
    [
        ({"field": "Tracking.Region", "values": {"EU": "SUB-EU"}}, "SUB-EU"),
        ({"field": "Contact.ContactID", "values": {"c1": "SUB-C"}}, "SUB-C"),
        ({"field": ["Contact.Name", "ItemCode"], "values": {"Acme / PREMIUM": "SUB-2"}}, "SUB-2"),
        ({"field": "Reference"}, "SUB-R"),
    ],
)
def test_whose_a_line_is(lookup: dict[str, Any], expected: str) -> None:
    given = invoice(
        line(1, "100.00", Tracking=[{"Name": "Region", "Option": "EU"}]), Reference="SUB-R"
    )
    assert lines(rows(given, subscription=lookup))["l1"]["subscription_id"] == expected


def test_products_make_no_subscriptions() -> None:
    with pytest.raises(ValidationError, match="Xero knows no subscriptions"):
        rows(products={"PREMIUM": {"service": "S", "region": "eu"}})


# ---------------------------------------------------------------- credit notes


def test_a_credit_is_known_by_its_item() -> None:
    given = note(line(9, "10.00", ItemCode="SLA", Description="01/05/2026 - 31/05/2026"))
    out = rows(notes=[given])
    row = lines(out)["l9"]
    assert (row["line_kind"], row["amount"], row["period_start"]) == (
        "credit",
        "-10.00",
        "2026-05-01",
    )
    assert invoices(out)["n1"] == {
        "invoice_id": "n1",
        "customer_id": "c1",
        "status": "issued",
        "issued_on": "2026-07-02",
    }


def test_a_credit_is_known_by_what_its_note_says() -> None:
    names = {"credit_notes": {"field": "Reference", "values": {"SLA": "credit"}}}
    text = "01/05/2026 - 31/05/2026"
    for item in (None, "PREMIUM"):
        given = note(line(9, "10.00", ItemCode=item, Description=text), Reference="SLA")
        out = rows(notes=[given], **names)
        assert lines(out)["l9"]["line_kind"] == "credit"


def test_a_correction_lowers_the_fee_of_its_days() -> None:
    given = note(line(9, "10.00", Description="01/05/2026 - 31/05/2026"))
    row = lines(rows(notes=[given]))["l9"]
    assert (row["line_kind"], row["amount"], row["period_start"]) == (
        "recurring",
        "-10.00",
        "2026-05-01",
    )


def test_a_credit_note_that_does_not_say_its_days_is_rejected_by_name() -> None:
    """The month of its own date would be a guess: it is issued afterwards."""
    of = {"credit_notes": [note(line(9, "10.00", ItemCode="SLA"))]}
    out = mapped(SYSTEM, records(of), **NAMES)
    assert "period_start" not in lines(out)["l9"]
    assert any("period_start" in reason for reason in rejected(out))


def test_a_credit_note_that_is_used_up_was_issued() -> None:
    given = note(
        line(9, "10.00", ItemCode="SLA", Description="01/05/2026 - 31/05/2026"), Status="PAID"
    )
    assert invoices(rows(notes=[given]))["n1"]["status"] == "issued"


# ---------------------------------------------------------------- the API


def organisation(items: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
    """Lists as Xero serves them: two a page, modified since a time, in the order asked for."""

    def token(request: Request) -> Answer:
        if b"client_secret=right-secret" not in request.body:
            return Answer({"error": "invalid_client"}, status=400)
        assert b"scope=accounting.transactions.read" in request.body
        return Answer({"access_token": "a-token", "expires_in": 1800})

    def listed(request: Request, name: str) -> Answer:
        assert request.headers["Authorization"] == "Bearer a-token"
        assert request.headers["xero-tenant-id"] == "t1"
        order = request.params["order"].removesuffix(" ASC")
        since = request.headers["If-Modified-Since"]
        found = sorted(
            (
                item
                for item in items[name]
                if _iso(item["UpdatedDateUTC"]) >= since
                and request.params["where"] == f'Type=="{item["Type"]}"'
            ),
            key=lambda item: item[order],
        )
        page = int(request.params["page"])
        count = -(-len(found) // 2)
        return Answer(
            {
                "Status": "OK",
                "pagination": {"page": page, "pageSize": 2, "pageCount": count},
                name: found[page * 2 - 2 : page * 2],
            }
        )

    return {
        "/connect/token": token,
        "/api.xro/2.0/Invoices": lambda request: listed(request, "Invoices"),
        "/api.xro/2.0/CreditNotes": lambda request: listed(request, "CreditNotes"),
    }


def _iso(text: str) -> str:
    value = int(text.removeprefix("/Date(").split("+")[0])
    return datetime.fromtimestamp(value / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def pulled(served: Vendor, folder: Path, secret: str = "right-secret") -> Rows:
    connection = Connection.model_validate(
        {
            "start": "2026-01-01",
            "tenant": "t1",
            "url": served.url,
            "token_url": f"{served.url}/connect/token",
        }
    )
    secrets = {"client_id": "an-id", "client_secret": secret}
    assert SYSTEM.api
    api.pull(SYSTEM, SYSTEM.api(connection, secrets), secrets, folder, lambda _: None)
    out = mapped(SYSTEM, kept(SYSTEM, folder), **NAMES)
    assert rejected(out) == []
    return out


def test_the_api_is_read_by_pages_and_goes_on(tmp_path: Path) -> None:
    items = {
        "Invoices": [
            invoice(line(n, "100.00"), InvoiceID=f"i{n}", UpdatedDateUTC=ms(JUNE + n * 3_600_000))
            for n in range(1, 6)
        ]
        + [invoice(line(9, "1.00"), InvoiceID="bill", Type="ACCPAY")],
        "CreditNotes": [],
    }
    with vendor(organisation(items)) as served:
        served.faults[3] = Answer(
            {}, status=429, headers={"Retry-After": "0", "X-Rate-Limit-Problem": "minute"}
        )
        out = pulled(served, tmp_path)
        assert set(invoices(out)) == {"i1", "i2", "i3", "i4", "i5"}
        before = len(served.asked)
        items["Invoices"][1] |= {
            "Status": "PAID",
            "FullyPaidOnDate": ms(JULY),
            "UpdatedDateUTC": ms(JULY),
        }
        out = pulled(served, tmp_path)
        assert invoices(out)["i2"]["paid_on"] == "2026-07-01"
        since = {
            request.headers["If-Modified-Since"]
            for request in served.asked[before:]
            if request.path.endswith("Invoices")
        }
        # where it ended, and ten minutes before
        assert since == {"2026-06-01T04:50:00"}


def test_what_is_changed_while_pages_are_read_hides_nothing(tmp_path: Path) -> None:
    items = {
        "Invoices": [
            invoice(line(n, "100.00"), InvoiceID=f"i{n}", UpdatedDateUTC=ms(JUNE + n * 3_600_000))
            for n in range(1, 6)
        ],
        "CreditNotes": [],
    }
    handlers = organisation(items)
    lists = handlers["/api.xro/2.0/Invoices"]

    def changing(request: Request) -> Answer:
        answer = Answer(text=lists(request).body.decode())
        # what was on this page moves to the end of all that is ordered by its change
        items["Invoices"][0]["UpdatedDateUTC"] = ms(JULY)
        return answer

    handlers["/api.xro/2.0/Invoices"] = changing
    with vendor(handlers) as served:
        assert set(invoices(pulled(served, tmp_path))) == {"i1", "i2", "i3", "i4", "i5"}


def test_a_secret_that_is_wrong_is_said_so(tmp_path: Path) -> None:
    with vendor(organisation({"Invoices": [], "CreditNotes": []})) as served:
        with pytest.raises(Unreadable, match="invalid_client") as error:
            pulled(served, tmp_path, "wrong-secret")
        assert "wrong-secret" not in str(error.value)


def test_a_document_without_a_time_of_change_is_a_changed_form(tmp_path: Path) -> None:
    handlers = organisation({"Invoices": [], "CreditNotes": []})
    odd = invoice(line(1, "100.00"), UpdatedDateUTC="yesterday")
    handlers["/api.xro/2.0/Invoices"] = lambda _: Answer({"Invoices": [odd]})
    with vendor(handlers) as served, pytest.raises(Unreadable, match="UpdatedDateUTC"):
        pulled(served, tmp_path)


# ---------------------------------------------------------------- exports and tables

ROW = {
    "ContactName": "Acme",
    "InvoiceNumber": "INV-1",
    "Reference": None,
    "InvoiceDate": "2026-06-01",
    "DueDate": "2026-07-01",
    "Total": "119.00",
    "TaxTotal": "19.00",
    "InventoryItemCode": "PREMIUM",
    "Description": "Premium",
    "LineAmount": "100.00",
    "AccountCode": "200",
    "TaxAmount": "19.00",
    "TrackingName1": "Region",
    "TrackingOption1": "EU",
    "Currency": "EUR",
    "Type": "Sales invoice",
    "Status": "Awaiting Payment",
}


@pytest.mark.parametrize("amount", ["100.00", "119.00"])
def test_an_export_says_by_its_sums_whether_tax_is_in_it(amount: str) -> None:
    out = mapped(SYSTEM, exported(SYSTEM, [ROW | {"LineAmount": amount}]), **NAMES)
    assert rejected(out) == []
    assert lines(out)["INV-1:1"]["amount"] == "100.00"
    assert lines(out)["INV-1:1:tax"]["amount"] == "19.00"
    assert invoices(out)["INV-1"]["customer_id"] == "Acme"


def test_lines_of_one_invoice_are_one_invoice() -> None:
    two = [ROW | {"LineAmount": "60.00", "TaxAmount": "11.40"}, ROW | {"LineAmount": "40.00"}]
    two[1] = two[1] | {"TaxAmount": "7.60"}
    out = mapped(SYSTEM, exported(SYSTEM, two), **NAMES)
    assert [row["line_id"] for row in out.feeds["invoice_lines"]] == [
        "INV-1:1",
        "INV-1:1:tax",
        "INV-1:2",
        "INV-1:2:tax",
    ]
    assert len(out.feeds["invoices"]) == 1


def test_a_paid_invoice_of_an_export_needs_a_word_about_its_day() -> None:
    found = exported(SYSTEM, [ROW | {"Status": "Paid"}])
    assert len(rejected(mapped(SYSTEM, found, **NAMES))) == 1
    out = mapped(SYSTEM, found, **NAMES | {"paid_on": "due_on"})
    assert rejected(out) == []
    assert invoices(out)["INV-1"]["paid_on"] == "2026-07-01"


def test_bills_and_credit_notes_of_an_export() -> None:
    bill = ROW | {"Type": "Bill", "InvoiceNumber": "B-1"}
    credit = ROW | {
        "Type": "Sales credit note",
        "InvoiceNumber": "CN-1",
        "InventoryItemCode": "SLA",
        "Total": "-11.90",
        "TaxTotal": "-1.90",
        "LineAmount": "-10.00",
        "TaxAmount": "-1.90",
        "Description": "01/05/2026 - 31/05/2026",
    }
    out = mapped(SYSTEM, exported(SYSTEM, [bill, credit]), **NAMES)
    assert rejected(out) == []
    assert set(invoices(out)) == {"CN-1"}
    assert lines(out)["CN-1:1"]["amount"] == "-10.00"
    assert lines(out)["CN-1:1:tax"]["amount"] == "-1.90"


FIVETRAN = (
    "create table contact as select 'c1' as contact_id, 'Acme' as name",
    """create table invoice as select 'i1' as invoice_id, 'INV-1' as invoice_number, 'c1' as
        contact_id, 'ACCREC' as type, 'AUTHORISED' as status, date '2026-06-01' as date,
        date '2026-07-01' as due_date, null::date as fully_paid_on_date, 'EUR' as currency_code,
        '' as reference, 'Exclusive' as line_amount_types, 100.00 as sub_total""",
    """create table invoice_line_item as select 'i1' as invoice_id, 'l1' as line_item_id,
        'PREMIUM' as item_code, '200' as account_code, 'Premium' as description,
        100.00 as line_amount, 0.00 as tax_amount""",
)
AIRBYTE = (
    f"""create table invoices as select 'ACCREC' as "Type", 'i1' as "InvoiceID",
        '{{"ContactID": "c1", "Name": "Acme"}}'::json as "Contact",
        '2026-06-01T00:00:00' as "DateString", '2026-07-01T00:00:00' as "DueDateString",
        'AUTHORISED' as "Status", 'Exclusive' as "LineAmountTypes", 100.00 as "SubTotal",
        'EUR' as "CurrencyCode", '{json.dumps([line(1, "100.00")])}'::json as "LineItems" """,
)


@pytest.mark.parametrize(("layout", "statements"), [("fivetran", FIVETRAN), ("airbyte", AIRBYTE)])
def test_tables_give_the_rows_of_the_api(
    tmp_path: Path, layout: str, statements: tuple[str, ...]
) -> None:
    out = mapped(SYSTEM, from_tables(SYSTEM, layout, tmp_path, *statements), **NAMES)
    assert rejected(out) == []
    wanted = rows(invoice(line(1, "100.00")))
    for feed in SYSTEM.feeds:
        assert as_text(feed, out) == as_text(feed, wanted)


def test_tracking_of_fivetran(tmp_path: Path) -> None:
    statements = (
        *FIVETRAN,
        """create table invoice_line_item_has_tracking_category as select 'l1' as line_item_id,
            't1' as tracking_category_id, 'EU' as option""",
        """create table tracking_category as
            select 't1' as tracking_category_id, 'Region' as name""",
    )
    lookup = {"field": "Tracking.Region", "values": {"EU": "SUB-EU"}}
    found = from_tables(SYSTEM, "fivetran", tmp_path, *statements)
    out = mapped(SYSTEM, found, **NAMES | {"subscription": lookup})
    assert lines(out)["l1"]["subscription_id"] == "SUB-EU"
