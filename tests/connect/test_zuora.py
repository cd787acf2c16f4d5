"""Zuora: items, discounts, payments, credit memos, subscriptions by version, and the same rows from
its API, its exports and the tables of other tools."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from makegood.ingestion.connect import api
from makegood.ingestion.connect.instants import moment
from makegood.ingestion.connect.system import Rows, Unreadable
from makegood.ingestion.connect.systems.zuora import SYSTEM, Connection
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
)
from tests.support.records import kept
from tests.support.vendor import Answer, Request, Vendor, vendor

PRODUCTS = {"SKU-1": {"service": "S", "region": "eu", "support_plan": "premium"}}
NOTES = {"values": {"SLA": "credit"}, "otherwise": "correction"}
UPDATED = "2026-06-01T00:00:00-07:00"


def item(number: int, amount: str, **more: Any) -> dict[str, Any]:
    return {
        "id": f"it{number}",
        "invoiceId": "i1",
        "subscriptionId": "v2",
        "ratePlanChargeId": "rpc1",
        "productRatePlanChargeId": "prpc1",
        "chargeName": "Monthly fee",
        "sku": "SKU-1",
        "processingType": "0",
        "chargeAmount": amount,
        "taxAmount": "0",
        "serviceStartDate": "2026-06-01",
        "serviceEndDate": "2026-06-30",
        "updatedDate": UPDATED,
        **more,
    }


def invoice(amount: str = "100.00", **more: Any) -> dict[str, Any]:
    return {
        "id": "i1",
        "invoiceNumber": "INV-1",
        "accountId": "a1",
        "status": "Posted",
        "invoiceDate": "2026-06-01",
        "dueDate": "2026-07-01",
        "amount": amount,
        "amountWithoutTax": amount,
        "balance": amount,
        "updatedDate": UPDATED,
        **more,
    }


def memo(**more: Any) -> dict[str, Any]:
    return {
        "id": "m1",
        "number": "CM-1",
        "accountId": "a1",
        "status": "Posted",
        "creditMemoDate": "2026-07-02",
        "reasonCode": "SLA",
        "sourceType": "Standalone",
        "totalAmount": "10.00",
        "updatedDate": UPDATED,
        **more,
    }


def memo_item(**more: Any) -> dict[str, Any]:
    return {
        "id": "mi1",
        "creditMemoId": "m1",
        "amount": "10.00",
        "taxAmount": "0",
        "invoiceItemId": "it1",
        "serviceStartDate": "2026-07-02",
        "serviceEndDate": "2026-07-02",
        "updatedDate": UPDATED,
        **more,
    }


ACCOUNT = {
    "id": "a1",
    "accountNumber": "A-1",
    "name": "Acme",
    "currency": "EUR",
    "updatedDate": UPDATED,
}
CHARGE = {
    "id": "rpc1",
    "chargeType": "Recurring",
    "subscriptionId": "v2",
    "productRatePlanChargeId": "prpc1",
    "name": "Monthly fee",
    "productId": "SKU-1",
    "updatedDate": UPDATED,
}


def version(**more: Any) -> dict[str, Any]:
    return {
        "id": "v2",
        "name": "A-S1",
        "version": 2,
        "accountId": "a1",
        "status": "Active",
        "contractEffectiveDate": "2026-06-01",
        "subscriptionEndDate": "2027-06-01",
        "autoRenew": True,
        "updatedDate": UPDATED,
        **more,
    }


def of(*found: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "accounts": [ACCOUNT],
        "subscriptions": [version()],
        "rate_plan_charges": [CHARGE],
        "invoices": [invoice()],
        "invoice_items": list(found) or [item(1, "100.00")],
        **more,
    }


def rows(*found: dict[str, Any], names: Any = None, **more: Any) -> Rows:
    return rows_of(SYSTEM, of(*found, **more), **{"credit_notes": NOTES, **(names or {})})


def test_an_invoice_with_its_item() -> None:
    out = rows()
    assert invoices(out)["i1"] == {
        "invoice_id": "i1",
        "customer_id": "a1",
        "status": "issued",
        "issued_on": "2026-06-01",
        "due_on": "2026-07-01",
    }
    # the end of service is its last day already
    assert lines(out)["it1"] == {
        "line_id": "it1",
        "invoice_id": "i1",
        "subscription_id": "A-S1",
        "line_kind": "recurring",
        "period_start": "2026-06-01",
        "period_end": "2026-06-30",
        "amount": "100.00",
        "currency": "EUR",
    }
    assert out.feeds["customers"] == [{"customer_id": "a1", "name": "Acme"}]


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({"status": "Draft"}, ("draft", None)),
        ({"status": "Canceled"}, ("void", None)),
        ({"balance": "0.01"}, ("issued", None)),
        ({"balance": "0"}, ("paid", "2026-06-20")),
    ],
)
def test_statuses(more: dict[str, Any], expected: tuple[Any, ...]) -> None:
    applied = [
        {"id": f"p{day}", "invoiceId": "i1", "effectiveDate": f"2026-06-{day}"}
        for day in (10, 20, 15)
    ]
    row = invoices(rows(invoices=[invoice(**more)], payment_applications=applied))["i1"]
    assert (row["status"], row.get("paid_on")) == expected


def test_an_invoice_without_a_payment_needs_a_word_about_its_day() -> None:
    found = records(of(invoices=[invoice(balance="0")]))
    assert len(rejected(mapped(SYSTEM, found))) == 1
    out = mapped(SYSTEM, found, paid_on="due_on")
    assert rejected(out) == []
    assert invoices(out)["i1"]["paid_on"] == "2026-07-01"


def test_an_invoice_of_nothing_is_paid_when_it_is_issued() -> None:
    row = invoices(rows(item(1, "0"), invoices=[invoice("0", balance="0")]))["i1"]
    assert (row["status"], row["paid_on"]) == ("paid", "2026-06-01")


def test_a_credit_that_is_applied_pays_too() -> None:
    applied = [{"id": "c1", "invoiceId": "i1", "effectiveDate": "2026-06-25T00:00:00Z"}]
    out = rows(invoices=[invoice(balance="0")], credit_memo_applications=applied)
    assert invoices(out)["i1"]["paid_on"] == "2026-06-25"


def test_items_that_are_missing_are_missed() -> None:
    out = rows(item(1, "60.00"))
    assert out.feeds["invoices"] == []
    assert "items are missing" in out.left[0].why


@pytest.mark.parametrize(
    ("kind", "expected"), [("Recurring", "recurring"), ("Usage", "usage"), ("OneTime", "one_off")]
)
def test_kinds_are_those_of_charges(kind: str, expected: str) -> None:
    out = rows(rate_plan_charges=[CHARGE | {"chargeType": kind}])
    assert lines(out)["it1"]["line_kind"] == expected


def test_kinds_may_be_named() -> None:
    out = rows(names={"kinds": {"Monthly fee": "one_off", "SKU-1": "usage"}})
    assert lines(out)["it1"]["line_kind"] == "one_off"


def test_a_charge_that_nobody_knows_is_rejected_by_name() -> None:
    out = mapped(SYSTEM, records(of(rate_plan_charges=[])))
    assert out.unnamed[("kinds", "SKU-1")] == 1
    assert len(rejected(out)) == 1


def test_a_discount_is_of_the_kind_of_what_it_is_applied_to() -> None:
    discount = item(
        2,
        "-10.01",
        processingType="1",
        appliedToInvoiceItemId="it1",
        ratePlanChargeId="rpc9",
        productRatePlanChargeId="prpc9",
        chargeName="% off",
    )
    charges = [CHARGE | {"chargeType": "Usage"}, CHARGE | {"id": "rpc9", "chargeType": "Recurring"}]
    out = rows(item(1, "110.01"), discount, rate_plan_charges=charges, invoices=[invoice("100.00")])
    assert (lines(out)["it2"]["line_kind"], lines(out)["it2"]["amount"]) == ("usage", "-10.01")


def test_tax_is_a_line_of_its_own() -> None:
    given = invoice("119.00", amountWithoutTax="100.00")
    out = rows(item(1, "100.00", taxAmount="19.00"), invoices=[given])
    assert lines(out)["it1"]["amount"] == "100.00"
    assert lines(out)["it1:tax"]["amount"] == "19.00"
    assert lines(out)["it1:tax"]["line_kind"] == "tax"


def test_an_item_that_is_tax() -> None:
    tax = item(2, "19.00", processingType="3")
    out = rows(item(1, "100.00"), tax, invoices=[invoice("119.00", amountWithoutTax=None)])
    assert lines(out)["it2"]["line_kind"] == "tax"


def test_an_account_may_be_charged_in_another_currency() -> None:
    out = rows(invoices=[invoice(currency="JPY")])
    assert lines(out)["it1"]["currency"] == "JPY"
    assert lines(out)["it1"]["amount"] == "100"


# ---------------------------------------------------------------- credit memos


@pytest.mark.parametrize(
    ("more", "names", "kind"),
    [
        ({}, {}, "credit"),
        ({"reasonCode": "Billing error"}, {}, "recurring"),
        ({"reasonCode": None}, {}, "recurring"),
        # of negative charges: whatever its reason is
        ({"sourceType": "Subscription"}, {}, "recurring"),
        (
            {"reasonCode": "X", "SLA__c": "yes"},
            {"credit_notes": {"field": "SLA__c", "values": {"yes": "credit"}}},
            "credit",
        ),
        ({"reasonCode": "X"}, {"kinds": {"Monthly fee": "credit"}}, "credit"),
    ],
)
def test_which_credit_memos_are_credits(
    more: dict[str, Any], names: dict[str, Any], kind: str
) -> None:
    given = {"credit_memos": [memo(**more)], "credit_memo_items": [memo_item()]}
    if "kinds" in names:
        given["invoice_items"] = []
        given["invoices"] = []
        given["credit_memo_items"] = [
            memo_item(
                chargeName="Monthly fee", serviceStartDate="2026-06-01", serviceEndDate="2026-06-30"
            )
        ]
    out = rows(names=names, **given)
    row = lines(out)["mi1"]
    assert (row["line_kind"], row["amount"]) == (kind, "-10.00")


def test_a_credit_is_of_the_month_of_its_item() -> None:
    out = rows(credit_memos=[memo()], credit_memo_items=[memo_item()])
    row = lines(out)["mi1"]
    assert (row["subscription_id"], row["period_start"], row["period_end"]) == (
        "A-S1",
        "2026-06-01",
        "2026-06-30",
    )
    assert invoices(out)["m1"]["issued_on"] == "2026-07-02"


def test_items_of_a_memo_that_do_not_add_up_are_not_credited() -> None:
    # one of them was deleted in the draft, and object queries don't list it any more
    items = [memo_item(), memo_item(id="mi2", amount="5.00")]
    out = rows(credit_memos=[memo()], credit_memo_items=items)
    assert [left.what for left in out.left] == ["credit memos m1"]
    assert "add up to 15.00, and its own amount is 10.00" in out.left[0].why
    assert "m1" not in invoices(out)
    # a draft may still change
    out = rows(credit_memos=[memo(status="Draft")], credit_memo_items=items)
    assert invoices(out)["m1"]["status"] == "draft"


def test_a_credit_memo_that_is_reversed_is_void() -> None:
    found = {"credit_memos": [memo(reversed=True)], "credit_memo_items": [memo_item()]}
    assert invoices(rows(**found))["m1"]["status"] == "void"
    found["credit_memos"] = [memo(reversed=False)]
    assert invoices(rows(**found))["m1"]["status"] == "issued"


def test_a_correction_is_of_its_own_days() -> None:
    given = memo_item(serviceStartDate="2026-06-16", serviceEndDate="2026-06-30")
    out = rows(credit_memos=[memo(sourceType="Subscription")], credit_memo_items=[given])
    assert lines(out)["mi1"]["period_start"] == "2026-06-16"


def test_a_credit_is_without_tax() -> None:
    given = memo_item(amount="11.90", taxAmount="1.90", taxMode="TaxInclusive")
    out = rows(credit_memos=[memo(totalAmount="11.90")], credit_memo_items=[given])
    assert (lines(out)["mi1"]["amount"], lines(out)["mi1:tax"]["amount"]) == ("-10.00", "-1.90")


# ---------------------------------------------------------------- subscriptions


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({}, [("2026-06-01", None)]),
        ({"autoRenew": False}, [("2026-06-01", "2027-05-31")]),
        ({"autoRenew": False, "termType": "EVERGREEN"}, [("2026-06-01", None)]),
        # cancelled in June for the end of July
        (
            {
                "status": "Cancelled",
                "cancelledDate": "2026-06-20",
                "subscriptionEndDate": "2026-08-01",
                "termEndDate": "2027-06-01",
            },
            [("2026-06-01", "2026-07-31")],
        ),
        (
            {
                "status": "Cancelled",
                "cancelledDate": "2026-07-01",
                "subscriptionEndDate": None,
                "termEndDate": "2027-06-01",
            },
            [("2026-06-01", "2026-06-30")],
        ),
        ({"status": "Cancelled", "subscriptionEndDate": "2026-06-01"}, []),
        ({"status": "Expired", "autoRenew": True}, [("2026-06-01", "2027-05-31")]),
        ({"status": "Pending Activation"}, []),
    ],
)
def test_spans(more: dict[str, Any], expected: list[Any]) -> None:
    out = rows(subscriptions=[version(**more)], names={"products": PRODUCTS})
    assert [
        (row["valid_from"], row.get("valid_to")) for row in out.feeds.get("subscriptions", [])
    ] == expected


def test_the_support_plan_is_that_of_the_latest_version() -> None:
    products = {
        "SKU-0": {"service": "S", "region": "eu", "support_plan": "standard"},
        "SKU-1": {"service": "S", "region": "eu", "support_plan": "premium"},
    }
    before = {**CHARGE, "id": "rpc0", "subscriptionId": "v1", "productId": "SKU-0"}
    before["productRatePlanChargeId"] = "prpc0"
    out = rows(
        subscriptions=[version(id="v1", version=1), version()],
        rate_plan_charges=[before, CHARGE],
        names={"products": products},
    )
    (row,) = out.feeds["subscriptions"]
    assert row["support_plan"] == "premium"


def test_of_versions_the_latest_counts() -> None:
    older = version(id="v1", version=1, status="Cancelled", cancelledDate="2026-06-10")
    for order in ([older, version()], [version(), older]):
        out = rows(subscriptions=order, names={"products": PRODUCTS})
        (row,) = out.feeds["subscriptions"]
        assert (row["subscription_id"], row.get("valid_to")) == ("A-S1", None)
    # an item of the older one is for the same subscription
    out = rows(item(1, "100.00", subscriptionId="v1"), subscriptions=[older, version()])
    assert lines(out)["it1"]["subscription_id"] == "A-S1"


# ---------------------------------------------------------------- the API


def tenant(items: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
    """Lists as object queries give them: two a page, updated since a time, by id, with a cursor."""

    def token(request: Request) -> Answer:
        if b"client_secret=right-secret" not in request.body:
            return Answer({"message": "Invalid client id/secret"}, status=401)
        return Answer({"access_token": "a-token", "expires_in": 3598})

    def listed(request: Request, name: str) -> Answer:
        assert request.headers["Authorization"] == "Bearer a-token"
        order = {"id.ASC": "id", "updateddate.ASC": "updatedDate"}[request.params["sort[]"]]
        field, _, since = request.params["filter[]"].partition(":")
        assert field == "updateddate.GE"
        found = sorted(
            (one for one in items[name] if moment(one["updatedDate"]) >= moment(since)),
            key=lambda one: one[order],
        )
        start = int(request.params.get("cursor", "0"))
        more = {"nextPage": str(start + 2)} if start + 2 < len(found) else {}
        return Answer({"data": found[start : start + 2]} | more)

    return {"/oauth/token": token} | {
        f"/object-query/{name.replace('_', '-')}": (
            lambda request, name=name: listed(request, name)
        )
        for name in items
    }


def account() -> dict[str, list[dict[str, Any]]]:
    many = [invoice(id=f"i{n}", updatedDate=f"2026-06-0{n}T00:00:00-07:00") for n in range(1, 6)]
    return of(
        *(item(n, "100.00", invoiceId=f"i{n}") for n in range(1, 6)),
        invoices=many,
        credit_memos=[memo()],
        credit_memo_items=[memo_item()],
        payment_applications=[],
        credit_memo_applications=[],
    )


def pulled(served: Vendor, folder: Path, secret: str = "right-secret") -> Rows:
    connection = Connection.model_validate({"start": "2026-01-01", "url": served.url})
    secrets = {"client_id": "an-id", "client_secret": secret}
    assert SYSTEM.api
    api.pull(SYSTEM, SYSTEM.api(connection, secrets), secrets, folder, lambda _: None)
    out = mapped(SYSTEM, kept(SYSTEM, folder), credit_notes=NOTES, products=PRODUCTS)
    assert rejected(out) == []
    return out


def test_the_api_is_read_by_pages_and_goes_on(tmp_path: Path) -> None:
    items = account()
    with vendor(tenant(items)) as served:
        served.faults[4] = Answer({}, status=429, headers={"Retry-After": "0"})
        out = pulled(served, tmp_path)
        assert set(invoices(out)) == {"i1", "i2", "i3", "i4", "i5", "m1"}
        before = len(served.asked)
        items["invoices"][0] |= {"balance": "0", "updatedDate": "2026-06-10T00:00:00Z"}
        items["payment_applications"].append(
            {
                "id": "p1",
                "invoiceId": "i1",
                "effectiveDate": "2026-06-10",
                "updatedDate": "2026-06-10T00:00:00Z",
            }
        )
        out = pulled(served, tmp_path)
        assert invoices(out)["i1"]["paid_on"] == "2026-06-10"
        assert set(invoices(out)) == {"i1", "i2", "i3", "i4", "i5", "m1"}
        since = {
            request.params["filter[]"]
            for request in served.asked[before:]
            if request.path.endswith("/invoices")
        }
        # where it ended, whatever the offset, and ten minutes before
        assert since == {"updateddate.GE:2026-06-05T06:50:00Z"}


def test_what_is_updated_while_pages_are_read_hides_nothing(tmp_path: Path) -> None:
    items = account()
    handlers = tenant(items)
    lists = handlers["/object-query/invoices"]

    def changing(request: Request) -> Answer:
        answer = Answer(text=lists(request).body.decode())
        items["invoices"][0]["updatedDate"] = "2026-06-10T00:00:00Z"
        return answer

    handlers["/object-query/invoices"] = changing
    with vendor(handlers) as served:
        assert len(invoices(pulled(served, tmp_path))) == 6


def test_a_tenant_without_credit_memos_is_not_asked_for_them() -> None:
    assert SYSTEM.api
    connection = Connection.model_validate(
        {"start": "2026-01-01", "url": "https://x", "invoice_settlement": False}
    )
    asked = SYSTEM.api(connection, {"client_id": "a", "client_secret": "b"})
    assert not {one["name"] for one in asked.resources} & {"credit_memos", "payment_applications"}


def test_a_refusal_that_looks_like_an_answer_is_one(tmp_path: Path) -> None:
    handlers = tenant(account())
    reasons = [{"code": 50000040, "message": "Cannot find entity"}]
    handlers["/object-query/invoices"] = lambda _: Answer({"success": False, "reasons": reasons})
    with vendor(handlers) as served, pytest.raises(Unreadable, match="Cannot find entity"):
        pulled(served, tmp_path)


def test_a_secret_that_is_wrong_is_said_so(tmp_path: Path) -> None:
    with vendor(tenant(account())) as served, pytest.raises(Unreadable, match="CLIENT_SECRET"):
        pulled(served, tmp_path, "wrong-secret")


# ---------------------------------------------------------------- exports and tables


def test_a_data_source_gives_the_rows_of_the_api() -> None:
    row = {
        "Account: ID": "a1",
        "Account: Name": "Acme",
        "Account: Currency": "EUR",
        "Subscription: Name": "A-S1",
        "Product: Name": "Premium",
        "Product: SKU": "SKU-1",
        "Rate Plan Charge: Charge Type": "Recurring",
        "Invoice: ID": "i1",
        "Invoice: Invoice Number": "INV-1",
        "Invoice: Invoice Date": "2026-06-01",
        "Invoice: Due Date": "2026-07-01",
        "Invoice: Status": "Posted",
        "Invoice: Amount": "119.00",
        "Invoice: Balance": "119.00",
        "Invoice Item: ID": "it1",
        "Invoice Item: Charge Amount": "100.00",
        "Invoice Item: Tax Amount": "19.00",
        "Invoice Item: Charge Name": "Monthly fee",
        "Invoice Item: Processing Type": "Charge",
        "Invoice Item: Service Start Date": "2026-06-01",
        "Invoice Item: Service End Date": "2026-06-30",
    }
    credit = {
        "Account: ID": "a1",
        "Account: Currency": "EUR",
        "Credit Memo: ID": "m1",
        "Credit Memo: Memo Number": "CM-1",
        "Credit Memo: Credit Memo Date": "2026-07-02",
        "Credit Memo: Status": "Posted",
        "Credit Memo: Reason Code": "SLA",
        "Credit Memo: Total Amount": "10.00",
        "Credit Memo Item: ID": "mi1",
        "Credit Memo Item: Amount": "10.00",
        "Credit Memo Item: Invoice Item ID": "it1",
    }
    out = mapped(SYSTEM, exported(SYSTEM, [row], [credit]), credit_notes=NOTES)
    assert rejected(out) == []
    assert out.left == []
    wanted = rows(
        item(1, "100.00", taxAmount="19.00"),
        invoices=[invoice("119.00", amountWithoutTax="100.00")],
        credit_memos=[memo()],
        credit_memo_items=[memo_item()],
    )
    for feed in ("customers", "invoices", "invoice_lines"):
        assert as_text(feed, out) == as_text(feed, wanted)


FIVETRAN = (
    "create table account as select 'a1' as id, 'Acme' as name, 'EUR' as currency",
    """create table invoice as select 'i1' as id, 'a1' as account_id, 'Posted' as status,
        date '2026-06-01' as invoice_date, date '2026-07-01' as due_date, 100.00 as amount,
        100.00 as amount_without_tax, 0 as balance, false as _fivetran_deleted""",
    """create table invoice_item as select 'it1' as id, 'i1' as invoice_id,
        'v2' as subscription_id, 'rpc1' as rate_plan_charge_id, 'SKU-1' as sku,
        '0' as processing_type, 100.00 as charge_amount, 0 as tax_amount,
        date '2026-06-01' as service_start_date, date '2026-06-30' as service_end_date""",
    """create table subscription as select 'v2' as id, 'A-S1' as name, 2 as version,
        'a1' as account_id, 'Active' as status, date '2026-06-01' as contract_effective_date,
        true as auto_renew""",
    """create table rate_plan_charge as select 'rpc1' as id, 'Recurring' as charge_type,
        'v2' as subscription_id, 'prpc1' as product_rate_plan_charge_id, 'SKU-1' as product_id""",
    "create table invoice_payment as select 'x' as id, 'i1' as invoice_id, 'p1' as payment_id",
    """create table payment as select 'p1' as id, date '2026-06-20' as effective_date,
        'Processed' as status""",
)
AIRBYTE = (
    "create table account as select 'a1' as id, 'Acme' as name, 'EUR' as currency",
    """create table invoice as select 'i1' as id, 'a1' as accountid, 'Posted' as status,
        '2026-06-01' as invoicedate, '2026-07-01' as duedate, 100.00 as amount,
        100.00 as amountwithouttax, 0.0 as balance""",
    """create table invoiceitem as select 'it1' as id, 'i1' as invoiceid,
        'v2' as subscriptionid, 'rpc1' as rateplanchargeid, 'SKU-1' as sku,
        '0' as processingtype, 100.00 as chargeamount, 0 as taxamount,
        '2026-06-01' as servicestartdate, '2026-06-30' as serviceenddate""",
    """create table subscription as select 'v2' as id, 'A-S1' as name, 2 as version,
        'a1' as accountid, 'Active' as status, '2026-06-01' as contracteffectivedate,
        true as autorenew""",
    """create table rateplancharge as select 'rpc1' as id, 'Recurring' as chargetype,
        'v2' as subscriptionid, 'prpc1' as productrateplanchargeid, 'SKU-1' as productid""",
    """create table paymentapplication as select 'x' as id, 'i1' as invoiceid,
        '2026-06-20T00:00:00Z' as effectivedate""",
)


@pytest.mark.parametrize(("layout", "statements"), [("fivetran", FIVETRAN), ("airbyte", AIRBYTE)])
def test_tables_give_the_rows_of_the_api(
    tmp_path: Path, layout: str, statements: tuple[str, ...]
) -> None:
    found = from_tables(SYSTEM, layout, tmp_path, *statements)
    out = mapped(SYSTEM, found, credit_notes=NOTES, products=PRODUCTS)
    assert rejected(out) == []
    assert out.left == []
    applied = [{"id": "x", "invoiceId": "i1", "effectiveDate": "2026-06-20"}]
    wanted = rows(
        names={"products": PRODUCTS},
        invoices=[invoice(balance="0")],
        payment_applications=applied,
    )
    for feed in SYSTEM.feeds:
        assert as_text(feed, out) == as_text(feed, wanted)


def test_what_fivetran_knows_as_deleted_is_taken_back() -> None:
    gone = {"invoices": [invoice(_fivetran_deleted="true")], "invoice_items": []}
    assert rows_of(SYSTEM, of(**gone)).feeds["invoices"] == [{"invoice_id": "i1", "deleted": True}]
    out = rows(item(1, "100.00"), item(2, "5.00", _fivetran_deleted=True))
    assert lines(out)["it2"] == {"line_id": "it2", "deleted": True}


@pytest.mark.skipif(not SHARED.exists(), reason=MISSING)
def test_toy_tables_of_fivetran_are_read(tmp_path: Path) -> None:
    """A few rows of each table, which belong to few others: what lacks its items is left."""
    folder = tmp_path / "zuora"
    folder.mkdir()
    for path in (SHARED / "fivetran_zuora").glob("*.csv"):
        shutil.copyfile(path, folder / path.name.removeprefix("zuora_"))
    found = from_folder(SYSTEM, "fivetran", folder, "_data")
    assert len(found["invoices"]) > 3
    out = mapped(SYSTEM, found, credit_notes={"otherwise": "correction"})
    assert all(
        "items are missing" in left.why or "currency is not known" in left.why for left in out.left
    )
    assert len(out.feeds["customers"]) > 3
    # where heads are made to fit their items, these are read
    items = found["invoice_items"]
    heads = {
        str(one.get("invoice_id")): {
            "id": one.get("invoice_id"),
            "account_id": one.get("account_id"),
            "status": "Draft",
            "transaction_currency": one.get("transaction_currency"),
        }
        for one in items
    }
    made = mapped(
        SYSTEM,
        {"invoice_items": items, **records({"invoices": [*heads.values()]})},
        kinds={"Transaction Charge": "usage"},
    )
    charge = lines(made)[str(items[0].get("id"))]
    assert charge["line_kind"] == "usage"
    assert (charge["amount"], charge["currency"]) == ("570860", "JPY")
    assert (charge["period_start"], charge["period_end"]) == ("2015-08-01", "2015-08-31")
    assert lines(made)[f"{items[0].get('id')}:tax"]["amount"] == "45668"
