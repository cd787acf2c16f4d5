"""Chargebee: lines, discounts, credit notes, subscriptions, and the same rows from its API, its
exports and the tables of other tools."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from makegood.ingestion.connect import api
from makegood.ingestion.connect.system import Rows, Unreadable
from makegood.ingestion.connect.systems.chargebee import SYSTEM, Connection
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
    total,
)
from tests.support.records import kept
from tests.support.vendor import Answer, Request, Vendor, vendor

# 2026-06-01, 06-15, 07-01, 07-02 and 08-01, all at midnight UTC
JUNE, MID_JUNE, JULY, JULY_2, AUGUST = 1780272000, 1781481600, 1782864000, 1782950400, 1785542400
PRODUCTS = {"premium": {"service": "S", "region": "eu", "support_plan": "premium"}}
NOTES = {"otherwise": "correction"}


def line(number: int, amount: int, **more: Any) -> dict[str, Any]:
    return {
        "id": f"li_{number}",
        "object": "line_item",
        "date_from": JUNE,
        "date_to": JULY,
        "amount": amount,
        "discount_amount": 0,
        "item_level_discount_amount": 0,
        "tax_amount": 0,
        "entity_type": "plan_item_price",
        "entity_id": "premium",
        "subscription_id": "s1",
        "metered": False,
        **more,
    }


def invoice(*found: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "id": "1",
        "object": "invoice",
        "customer_id": "c1",
        "status": "payment_due",
        "price_type": "tax_exclusive",
        "date": JUNE + 3600,
        "due_date": JULY,
        "currency_code": "EUR",
        "total": sum(one["amount"] for one in found),
        "updated_at": JUNE + 3600,
        "deleted": False,
        "billing_address": {"company": "Acme"},
        "line_items": list(found),
        **more,
    }


def note(*found: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "id": "CN-1",
        "object": "credit_note",
        "customer_id": "c1",
        "reference_invoice_id": "1",
        "reason_code": "service_unsatisfactory",
        "status": "refund_due",
        "date": JULY_2,
        "price_type": "tax_exclusive",
        "currency_code": "EUR",
        "total": sum(one["amount"] for one in found),
        "updated_at": JULY_2,
        "deleted": False,
        "line_items": list(found),
        **more,
    }


def credit(amount: int, **more: Any) -> dict[str, Any]:
    return line(9, amount, reference_line_item_id="li_1", **more)


def subscription(**more: Any) -> dict[str, Any]:
    return {
        "id": "s1",
        "object": "subscription",
        "customer_id": "c1",
        "status": "active",
        "started_at": JUNE,
        "created_at": JUNE,
        "updated_at": JUNE,
        "deleted": False,
        "subscription_items": [{"item_price_id": "premium", "item_type": "plan"}],
        **more,
    }


def rows(*found: dict[str, Any], notes: Any = (), subscriptions: Any = (), **names: Any) -> Rows:
    of = {"invoices": found, "credit_notes": notes, "subscriptions": subscriptions}
    return rows_of(SYSTEM, of, **{"credit_notes": NOTES, **names})


def test_an_invoice_with_its_line() -> None:
    out = rows(invoice(line(1, 10000)))
    assert invoices(out)["1"] == {
        "invoice_id": "1",
        "customer_id": "c1",
        "status": "issued",
        "issued_on": "2026-06-01",
        "due_on": "2026-07-01",
    }
    assert lines(out)["li_1"] == {
        "line_id": "li_1",
        "invoice_id": "1",
        "subscription_id": "s1",
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
        ("pending", {}, ("draft", None, None)),
        ("posted", {}, ("issued", "2026-06-01", None)),
        ("not_paid", {}, ("issued", "2026-06-01", None)),
        ("voided", {}, ("void", "2026-06-01", None)),
        ("paid", {"paid_at": JULY}, ("paid", "2026-06-01", "2026-07-01")),
        ("paid", {"paid_at": None, "total": 0}, ("paid", "2026-06-01", "2026-06-01")),
    ],
)
def test_statuses(status: str, more: dict[str, Any], expected: tuple[Any, ...]) -> None:
    row = invoices(rows(invoice(line(1, 100), status=status, **more)))["1"]
    assert (row["status"], row.get("issued_on"), row.get("paid_on")) == expected


def test_an_invoice_that_was_deleted_is_taken_back() -> None:
    out = rows(invoice(line(1, 100), deleted=True))
    assert out.feeds["invoices"] == [{"invoice_id": "1", "deleted": True}]


@pytest.mark.parametrize(
    ("more", "names", "kind"),
    [
        ({}, {}, "recurring"),
        ({"metered": True}, {}, "usage"),
        ({"entity_type": "addon"}, {}, "recurring"),
        ({"entity_type": "adhoc"}, {}, "one_off"),
        ({"entity_type": "plan_setup"}, {}, "one_off"),
        ({"entity_type": "charge_item_price"}, {"kinds": {"premium": "usage"}}, "usage"),
        ({}, {"kinds": {"plan_item_price": "one_off"}}, "one_off"),
    ],
)
def test_kinds(more: dict[str, Any], names: dict[str, Any], kind: str) -> None:
    assert lines(rows(invoice(line(1, 100, **more)), **names))["li_1"]["line_kind"] == kind


def test_an_addon_without_a_span_is_charged_once() -> None:
    out = rows(
        invoice(
            line(1, 100, entity_type="addon"),
            line(2, 100, entity_type="addon", date_from=JUNE, date_to=JUNE),
        )
    )
    assert [lines(out)[one]["line_kind"] for one in ("li_1", "li_2")] == ["recurring", "one_off"]


def test_a_type_that_nobody_knows_is_rejected_by_name() -> None:
    of = {"invoices": [invoice(line(1, 100, entity_type="bundle"))]}
    out = mapped(SYSTEM, records(of))
    assert out.unnamed[("kinds", "bundle")] == 1
    assert len(rejected(out)) == 1


def test_the_fee_is_what_is_left_after_discounts() -> None:
    """A discount of the whole invoice is split by Chargebee itself."""
    parts = [
        {"line_item_id": "li_1", "discount_type": "item_level_coupon", "discount_amount": 1000},
        {"line_item_id": "li_1", "discount_type": "document_level_coupon", "discount_amount": 333},
        {"line_item_id": "li_2", "discount_type": "document_level_coupon", "discount_amount": 667},
    ]
    given = invoice(
        line(1, 10000, discount_amount=1333),
        line(2, 20000, discount_amount=667),
        line_item_discounts=parts,
    )
    out = rows(given)
    assert [lines(out)[f"li_{n}"]["amount"] for n in (1, 2)] == ["86.67", "193.33"]


def test_a_promotional_credit_pays_and_lowers_no_fee() -> None:
    parts = [
        {"line_item_id": "li_1", "discount_type": "promotional_credits", "discount_amount": 4000},
        {"line_item_id": "li_1", "discount_type": "item_level_coupon", "discount_amount": 1000},
    ]
    out = rows(invoice(line(1, 10000, discount_amount=5000), line_item_discounts=parts, total=5000))
    assert lines(out)["li_1"]["amount"] == "90.00"
    assert any("lower no fee" in text for text in out.notes)


@pytest.mark.parametrize(
    ("price_type", "net"), [("tax_exclusive", "119.00"), ("tax_inclusive", "100.00")]
)
def test_tax(price_type: str, net: str) -> None:
    out = rows(invoice(line(1, 11900, tax_amount=1900), price_type=price_type))
    assert (lines(out)["li_1"]["amount"], lines(out)["li_1:tax"]["amount"]) == (net, "19.00")


@pytest.mark.parametrize(
    ("currency", "written"), [("JPY", "1234"), ("KWD", "1.234"), ("EUR", "12.34")]
)
def test_minor_units(currency: str, written: str) -> None:
    out = rows(invoice(line(1, 1234), currency_code=currency))
    assert lines(out)["li_1"]["amount"] == written


@pytest.mark.parametrize(
    ("start", "end", "days"),
    [
        # a site that bills by days, in its zone
        (JUNE - 7200, JULY - 7201, ("2026-06-01", "2026-06-30")),
        # one that bills to the second
        (JUNE - 7200, JULY - 7200, ("2026-06-01", "2026-06-30")),
        (JUNE + 3600, JULY + 3600, ("2026-06-01", "2026-06-30")),
        # charged once, in the last second of a day
        (JULY - 7201, JULY - 7201, ("2026-06-30", "2026-06-30")),
    ],
)
def test_a_term_may_end_with_the_last_second_of_a_day(
    start: int, end: int, days: tuple[str, str]
) -> None:
    out = rows(invoice(line(1, 100, date_from=start, date_to=end)), time_zone="Europe/Warsaw")
    row = lines(out)["li_1"]
    assert (row["period_start"], row["period_end"]) == days


def test_a_trial_and_a_cancellation_may_end_with_the_last_second_of_a_day() -> None:
    found = subscription(
        status="cancelled", trial_start=JUNE, trial_end=MID_JUNE - 1, cancelled_at=JULY - 1
    )
    out = rows(subscriptions=[found], products=PRODUCTS)
    assert [
        (row["kind"], row["valid_from"], row["valid_to"]) for row in out.feeds["subscriptions"]
    ] == [("trial", "2026-06-01", "2026-06-14"), ("paid", "2026-06-15", "2026-06-30")]


def test_an_invoice_of_more_lines_than_come_with_it_is_left() -> None:
    whole, cut = invoice(line(1, 100)), invoice(line(2, 100), id="2", line_items_next_offset="x")
    out = rows(whole, cut)
    assert [left.what for left in out.left] == ["invoices 2"]
    assert "more lines than the 1" in out.left[0].why
    assert list(invoices(out)) == ["1"]


def test_days_are_those_of_the_site() -> None:
    two_hours = 7200
    out = rows(
        invoice(
            line(1, 100, date_from=JUNE - two_hours, date_to=JULY - two_hours),
            date=JUNE - two_hours,
        ),
        time_zone="Europe/Amsterdam",
    )
    assert lines(out)["li_1"]["period_start"] == "2026-06-01"
    assert lines(out)["li_1"]["period_end"] == "2026-06-30"
    assert invoices(out)["1"]["issued_on"] == "2026-06-01"


# ---------------------------------------------------------------- credit notes


@pytest.mark.parametrize(
    ("reason", "names", "kind"),
    [
        ("service_unsatisfactory", {}, "credit"),
        ("subscription_change", {"otherwise": "credit"}, "recurring"),
        ("other", {"otherwise": "correction"}, "recurring"),
        ("other", {"values": {"other": "credit"}}, "credit"),
        ("other", {"field": "create_reason_code", "values": {"SLA": "credit"}}, "credit"),
    ],
)
def test_which_credit_notes_are_credits(reason: str, names: dict[str, Any], kind: str) -> None:
    given = note(credit(1000), reason_code=reason, create_reason_code="SLA")
    out = rows(invoice(line(1, 10000)), notes=[given], credit_notes=names)
    row = lines(out)["CN-1:li_9"]
    assert (row["line_kind"], row["amount"], row["period_start"]) == (kind, "-10.00", "2026-06-01")
    assert invoices(out)["CN-1"]["issued_on"] == "2026-07-02"


def test_a_credit_without_a_line_of_its_own_is_for_the_period_of_its_invoice() -> None:
    adhoc = line(9, 500, entity_type="adhoc", entity_id=None, date_from=JULY_2, date_to=JULY_2) | {
        "subscription_id": None
    }
    row = lines(rows(invoice(line(1, 10000)), notes=[note(adhoc)]))["CN-1:li_9"]
    assert (row["subscription_id"], row["period_start"], row["period_end"]) == (
        "s1",
        "2026-06-01",
        "2026-06-30",
    )


def test_a_credit_without_a_month_is_rejected_by_name() -> None:
    """Its invoice is for two periods: which is meant nobody can know."""
    adhoc = line(9, 500, entity_type="adhoc", date_from=JULY_2, date_to=JULY_2)
    of = {
        "invoices": [invoice(line(1, 100), line(2, 100, date_from=JULY, date_to=AUGUST))],
        "credit_notes": [note(adhoc)],
    }
    out = mapped(SYSTEM, records(of))
    assert "period_start" not in lines(out)["CN-1:li_9"]
    assert len(rejected(out)) == 1


def test_a_voided_credit_note_is_void() -> None:
    out = rows(invoice(line(1, 100)), notes=[note(credit(10), status="voided")])
    assert invoices(out)["CN-1"]["status"] == "void"


# ---------------------------------------------------------------- subscriptions


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({}, [("paid", "active", "2026-06-01", None)]),
        ({"status": "non_renewing"}, [("paid", "active", "2026-06-01", None)]),
        (
            {"status": "cancelled", "cancelled_at": JULY},
            [("paid", "active", "2026-06-01", "2026-06-30")],
        ),
        # cancellation that lies ahead
        (
            {"status": "non_renewing", "cancelled_at": AUGUST},
            [("paid", "active", "2026-06-01", None)],
        ),
        (
            {"trial_start": JUNE, "trial_end": MID_JUNE},
            [
                ("trial", "active", "2026-06-01", "2026-06-14"),
                ("paid", "active", "2026-06-15", None),
            ],
        ),
        (
            {"status": "in_trial", "trial_start": JUNE, "trial_end": MID_JUNE},
            [("trial", "active", "2026-06-01", "2026-06-14")],
        ),
        (
            {"status": "paused", "pause_date": MID_JUNE},
            [
                ("paid", "active", "2026-06-01", "2026-06-14"),
                ("paid", "suspended", "2026-06-15", None),
            ],
        ),
        (
            {"trial_start": MID_JUNE, "trial_end": JULY},
            [
                ("paid", "active", "2026-06-01", "2026-06-14"),
                ("trial", "active", "2026-06-15", "2026-06-30"),
                ("paid", "active", "2026-07-01", None),
            ],
        ),
        ({"status": "future"}, []),
    ],
)
def test_spans(more: dict[str, Any], expected: list[Any]) -> None:
    out = rows(subscriptions=[subscription(**more)], products=PRODUCTS)
    assert [
        (row["kind"], row["status"], row["valid_from"], row.get("valid_to"))
        for row in out.feeds.get("subscriptions", [])
    ] == expected


@pytest.mark.parametrize(
    ("more", "times"),
    [
        ({"activated_at": JUNE}, 0),
        ({"activated_at": MID_JUNE, "trial_start": JUNE, "trial_end": MID_JUNE}, 0),
        ({"activated_at": JULY}, 1),
    ],
)
def test_a_subscription_that_became_active_again_is_noted(more: dict[str, Any], times: int) -> None:
    out = rows(subscriptions=[subscription(**more)], products=PRODUCTS)
    assert sum("active again" in note for note in out.notes) == times


def test_a_product_may_be_named_by_its_item() -> None:
    of = {
        "subscriptions": [subscription()],
        "item_prices": [{"id": "premium", "item_id": "platform"}],
    }
    out = rows_of(SYSTEM, of, products={"platform": {"service": "P", "region": "us"}})
    (row,) = out.feeds["subscriptions"]
    assert (row["service_id"], row["region"], row["support_plan"]) == ("P", "us", "standard")


def test_a_subscription_of_catalog_1() -> None:
    old = subscription(subscription_items=None, plan_id="premium", addons=[{"id": "more"}])
    out = rows(subscriptions=[old], products=PRODUCTS)
    assert out.feeds["subscriptions"][0]["service_id"] == "S"
    assert out.unnamed == {("products", "more"): 1}


# ---------------------------------------------------------------- the API


def site(items: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
    """Lists as Chargebee serves them: in envelopes, changed after a time, by `sort_by`, with an
    offset that names the last item of a page."""

    def listed(request: Request, name: str) -> Answer:
        if not request.headers.get("Authorization", "").startswith("Basic dGVzdF9rZXk"):
            error = {"message": "Sorry, authentication failed", "type": "authentication"}
            return Answer(error, status=401)
        after = int(request.params["updated_at[after]"])
        order = request.params["sort_by[asc]"]
        found = sorted(
            (one for one in items[name] if one["updated_at"] > after), key=lambda one: one[order]
        )
        if "offset" in request.params:
            last = tuple(json.loads(request.params["offset"]))
            found = [one for one in found if (str(one[order]), one["id"]) > last]
        page = found[:2]
        more = (
            {"next_offset": json.dumps([str(page[-1][order]), page[-1]["id"]])}
            if len(found) > 2
            else {}
        )
        wrapped = [{name[:-1]: one} for one in page]
        if name == "subscriptions":
            wrapped = [one | {"customer": {"id": "c1"}} for one in wrapped]
        return Answer({"list": wrapped} | more)

    return {f"/api/v2/{name}": (lambda request, name=name: listed(request, name)) for name in items}


def account() -> dict[str, list[dict[str, Any]]]:
    return {
        "customers": [{"id": "c1", "company": "Acme", "updated_at": JUNE}],
        "subscriptions": [subscription()],
        "invoices": [
            invoice(line(n, 100 * n), id=str(n), updated_at=JUNE + n) for n in range(1, 6)
        ],
        "credit_notes": [note(credit(50))],
        "item_prices": [{"id": "premium", "item_id": "platform", "updated_at": JUNE, "date": 0}],
    }


def pulled(served: Vendor, folder: Path) -> Rows:
    connection = Connection.model_validate(
        {"site": "example", "start": "2026-01-01", "url": served.url}
    )
    secrets = {"key": "test_key"}
    assert SYSTEM.api
    api.pull(SYSTEM, SYSTEM.api(connection, secrets), secrets, folder, lambda _: None, 1)
    out = mapped(SYSTEM, kept(SYSTEM, folder), credit_notes=NOTES, products=PRODUCTS)
    assert rejected(out) == []
    return out


def test_the_api_is_read_by_pages_and_goes_on(tmp_path: Path) -> None:
    items = account()
    with vendor(site(items)) as served:
        served.faults[2] = Answer({}, status=429, headers={"Retry-After": "0"})
        out = pulled(served, tmp_path)
        assert set(invoices(out)) == {"1", "2", "3", "4", "5", "CN-1"}
        before = len(served.asked)
        items["invoices"][0] |= {"status": "paid", "paid_at": JULY_2, "updated_at": JULY_2}
        out = pulled(served, tmp_path)
        assert invoices(out)["1"]["paid_on"] == "2026-07-02"
        assert set(invoices(out)) == {"1", "2", "3", "4", "5", "CN-1"}
        starts = {
            int(request.params["updated_at[after]"])
            for request in served.asked[before:]
            if request.path.endswith("/invoices")
        }
        # it goes on where it ended, and a little before
        assert min(starts) == JUNE + 5 - 300


def test_what_is_changed_while_pages_are_read_hides_nothing(tmp_path: Path) -> None:
    items = account()
    handlers = site(items)
    lists = handlers["/api/v2/invoices"]

    def changing(request: Request) -> Answer:
        answer = Answer(text=lists(request).body.decode())
        # it moves to the end, and comes a second time
        items["invoices"][0] |= {"updated_at": JULY_2, "status": "voided"}
        return answer

    handlers["/api/v2/invoices"] = changing
    with vendor(handlers) as served:
        out = pulled(served, tmp_path)
        assert set(invoices(out)) == {"1", "2", "3", "4", "5", "CN-1"}
        assert invoices(out)["1"]["status"] == "void"


def test_a_list_of_something_else_is_a_changed_form(tmp_path: Path) -> None:
    handlers = site(account())
    handlers["/api/v2/invoices"] = lambda _: Answer({"items": []})
    with vendor(handlers) as served, pytest.raises(Unreadable, match="lacks 'list'"):
        pulled(served, tmp_path)


# ---------------------------------------------------------------- exports and tables


def test_exports_give_the_rows_of_the_api() -> None:
    head = {
        "id": "1",
        "customer_id": "c1",
        "status": "payment_due",
        "date": "2026-06-01 01:00:00",
        "due_date": "2026-07-01 00:00:00",
        "currency_code": "EUR",
        "total": "100.00",
    }
    one = {
        "id": "li_1",
        "invoice_id": "1",
        "currency_code": "EUR",
        "date_from": "2026-06-01 00:00:00",
        "date_to": "2026-07-01 00:00:00",
        "amount": "100.00",
        "entity_type": "plan_item_price",
        "entity_id": "premium",
        "subscription_id": "s1",
    }
    out = mapped(SYSTEM, exported(SYSTEM, [head], [one]))
    wanted = rows(invoice(line(1, 10000)))
    assert as_text("invoices", out) == as_text("invoices", wanted)
    assert as_text("invoice_lines", out) == as_text("invoice_lines", wanted)


def test_lists_that_were_saved_give_the_rows_of_the_api() -> None:
    found = exported(
        SYSTEM,
        [{"invoice": invoice(line(1, 10000))}],
        [{"credit_note": note(credit(1000))}],
        [{"subscription": subscription(), "customer": {"id": "c1"}}],
    )
    out = mapped(SYSTEM, found, products=PRODUCTS)
    wanted = rows(
        invoice(line(1, 10000)),
        notes=[note(credit(1000))],
        subscriptions=[subscription()],
        products=PRODUCTS,
    )
    for feed in SYSTEM.feeds:
        assert as_text(feed, out) == as_text(feed, wanted)


AIRBYTE = (
    "create table customer as select 'c1' as id, 'Acme' as company",
    f"""create table invoice as select '1' as id, 'c1' as customer_id, 'payment_due' as status,
        'EUR' as currency_code, {JUNE + 3600} as date, {JULY} as due_date, 10000 as total,
        '{json.dumps([line(1, 10000)])}'::json as line_items""",
    """create table subscription as select 's1' as id, 'c1' as customer_id, 'active' as status,
        1780272000 as started_at,
        '[{"item_price_id": "premium", "item_type": "plan"}]'::json as subscription_items""",
    f"""create table credit_note as select 'CN-1' as id, 'c1' as customer_id,
        '1' as reference_invoice_id, 'service_unsatisfactory' as reason_code,
        'refund_due' as status, {JULY_2} as date, 'EUR' as currency_code, 1000 as total,
        '{json.dumps([credit(1000)])}'::json as line_items""",
)
FIVETRAN = (
    "create table customer as select 'c1' as id, 'Acme' as company",
    """create table invoice as select '1' as id, 'c1' as customer_id, 'payment_due' as status,
        'EUR' as currency_code, timestamp '2026-06-01 01:00:00' as date,
        timestamp '2026-07-01 00:00:00' as due_date, 10000 as total, false as deleted""",
    """create table invoice_line_item as select 'li_1' as id, '1' as invoice_id, 's1' as
        subscription_id, 11000 as amount, 1000 as discount_amount, 'plan_item_price' as
        entity_type, 'premium' as entity_id, timestamp '2026-06-01 00:00:00' as date_from,
        timestamp '2026-07-01 00:00:00' as date_to""",
    """create table subscription as select 's1' as id, 'c1' as customer_id, 'active' as status,
        timestamp '2026-06-01 00:00:00' as started_at""",
    """create table subscription_item as select 's1' as subscription_id,
        'premium' as item_price_id, 'plan' as item_type""",
    """create table credit_note as select 'CN-1' as id, 'c1' as customer_id,
        '1' as reference_invoice_id, 'service_unsatisfactory' as reason_code,
        'refund_due' as status, timestamp '2026-07-02 00:00:00' as date,
        'EUR' as currency_code, 1000 as total""",
    """create table credit_note_line_item as select 'li_9' as id, 'CN-1' as credit_note_id,
        'li_1' as reference_line_item_id, 1000 as amount, 'plan_item_price' as entity_type,
        'premium' as entity_id, 's1' as subscription_id""",
)


@pytest.mark.parametrize(("layout", "statements"), [("airbyte", AIRBYTE), ("fivetran", FIVETRAN)])
def test_tables_give_the_rows_of_the_api(
    tmp_path: Path, layout: str, statements: tuple[str, ...]
) -> None:
    found = from_tables(SYSTEM, layout, tmp_path, *statements)
    out = mapped(SYSTEM, found, credit_notes=NOTES, products=PRODUCTS)
    assert rejected(out) == []
    assert out.left == []
    wanted = rows(
        invoice(line(1, 10000)),
        notes=[note(credit(1000))],
        subscriptions=[subscription()],
        products=PRODUCTS,
    )
    for feed in SYSTEM.feeds:
        assert as_text(feed, out) == as_text(feed, wanted)
    assert total(out, "1") == Decimal("100.00")
