"""Chargebee: customers, subscriptions, invoices and credit notes with their lines.

Lists can be ordered by the time of change, so each pull goes on from the last one. An item of a
list is an envelope (`{"invoice": {…}}`). The shape is that of API v2, of both product catalogs.

The fee of a line is its amount after its discounts, its part of those of the whole invoice
included, as Chargebee splits them (`line_item_discounts`), and without tax. Promotional and
prorated credits are in there too: they pay, and do not lower what is charged.

Terms of sites that bill by days end with a day's last second, others when the next one begins.
"""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any, Literal

from makegood.ingestion.connect import billing
from makegood.ingestion.connect.billing import Bills, Line, Span, any_of
from makegood.ingestion.connect.instants import first_second
from makegood.ingestion.connect.names import BillingNames, NoteKind, Strict
from makegood.ingestion.connect.shapes import all_nested
from makegood.ingestion.connect.system import (
    Api,
    Export,
    Layout,
    Record,
    Records,
    Rows,
    System,
    Unmapped,
    Value,
    grouped,
)

_STATUSES = {
    "paid": "paid",
    "posted": "issued",
    "payment_due": "issued",
    "not_paid": "issued",
    "voided": "void",
    "pending": "draft",
}
_KINDS = {
    "plan": "recurring",
    "plan_item_price": "recurring",
    "addon": "recurring",
    "addon_item_price": "recurring",
    "plan_setup": "one_off",
    "charge_item_price": "one_off",
    "adhoc": "one_off",
}
_NOTE_KINDS: dict[str, NoteKind] = {
    "product_unsatisfactory": "credit",
    "service_unsatisfactory": "credit",
    "write_off": "correction",
    "subscription_change": "correction",
    "subscription_cancellation": "correction",
    "subscription_pause": "correction",
    "chargeback": "correction",
    "order_change": "correction",
    "order_cancellation": "correction",
    "fraudulent": "correction",
}
# what pays a part of an invoice, among its discounts
_PAYMENTS = frozenset(("promotional_credits", "prorated_credits"))
# what an envelope is of: that of a subscription holds its customer too
_ENVELOPES = ("invoice", "credit_note", "subscription", "customer", "item_price")
_LAG_S = 300


class Connection(Strict):
    """`site`: of the account, as in `example` of example.chargebee.com; `start`: the first day
    whose changes are read; `catalog`: the version of its product catalog; `url`: of another
    host."""

    site: str
    start: date
    catalog: Literal[1, 2] = 2
    url: str | None = None


def api(connection: Connection, secrets: Mapping[str, str]) -> Api:
    """Lists by time of change, oldest first, with what was deleted."""
    start = first_second(connection.start)

    def listed(name: str, sort_by: str = "updated_at") -> dict[str, Any]:
        return {
            "name": name,
            "endpoint": {
                "path": f"/api/v2/{name}",
                "data_selector": "list",
                "paginator": {
                    "type": "cursor",
                    "cursor_path": "next_offset",
                    "cursor_param": "offset",
                },
                "params": {
                    "limit": 100,
                    "include_deleted": "true",
                    "sort_by[asc]": sort_by,
                    "updated_at[after]": "{incremental.start_value}",
                },
                "incremental": {
                    "cursor_path": "updated_at",
                    "initial_value": start,
                    "lag": _LAG_S,
                },
            },
        }

    resources = [
        listed("customers"),
        listed("subscriptions"),
        listed("invoices"),
        # these know no other order
        listed("credit_notes", sort_by="date"),
    ]
    if connection.catalog == 2:
        prices = listed("item_prices")
        # of which none are deleted ones
        del prices["endpoint"]["params"]["include_deleted"]
        resources.append(prices)
    return Api(
        client={
            "base_url": connection.url or f"https://{connection.site}.chargebee.com",
            "auth": {"type": "http_basic", "username": secrets["key"], "password": ""},
        },
        resources=resources,
        page=_page,
        resumable=frozenset(("customers", "subscriptions", "invoices")),
    )


def _page(page: dict[str, Value]) -> dict[str, Value]:
    """Takes the items of a list out of their envelopes."""
    if not isinstance(page.get("list"), list):
        return page
    return page | {"list": [_opened(item) for item in page["list"]]}


def _opened(item: Mapping[str, Value]) -> Value:
    for name in _ENVELOPES:
        if name in item:
            return item[name]
    return item


def rows(records: Records, names: BillingNames, out: Rows) -> None:
    """Customers, subscriptions, and invoices and credit notes with their lines."""
    site = _Site(records, names, out)
    out.of_each("customers", "id", site.customers, site.customer)
    out.of_each("subscriptions", "id", site.subscriptions, site.subscription)
    out.of_each("invoices", "id", site.invoices, site.invoice)
    out.of_each("credit notes", "id", site.notes, site.note)
    site.bills.add_customers()


class _Site:
    """All records, and what is known of one by another."""

    def __init__(self, records: Records, names: BillingNames, out: Rows) -> None:
        self.bills, self.out = Bills(names, out), out
        self.customers = all_nested(records, "customers")
        self.subscriptions = all_nested(records, "subscriptions")
        self.invoices = all_nested(records, "invoices")
        self.notes = all_nested(records, "credit_notes")
        self.item_of = {
            record.text("id"): record.text("item_id")
            for record in all_nested(records, "item_prices")
        }
        self.lines = grouped(all_nested(records, "invoice_lines"), "invoice_id")
        self.note_lines = grouped(all_nested(records, "credit_note_lines"), "credit_note_id")
        self.items = grouped(all_nested(records, "subscription_items"), "subscription_id")
        self.discounts = grouped(all_nested(records, "line_discounts"), "line_item_id")
        self.line_of: dict[str, Line] = {}
        self.lines_of: dict[str, list[Line]] = {}
        for subscription in self.subscriptions:
            for products in self._sold(subscription):
                self.bills.learn(subscription.text("id"), products)

    def _products(self, name: str | None) -> list[str]:
        """What names a product: its price, and the item that it is a price of."""
        item = self.item_of.get(name) if name else None
        return [found for found in (name, item) if found]

    def _sold(self, subscription: Record) -> list[list[str]]:
        """The products of a subscription, those charged once left out."""
        items = subscription.many("subscription_items") or self.items[subscription.text("id") or ""]
        found = [item.text("item_price_id") for item in items if item.text("item_type") != "charge"]
        # product catalog 1
        found += [subscription.text("plan_id")]
        found += [addon.text("id") for addon in subscription.many("addons")]
        return [self._products(name) for name in found if name]

    # ------------------------------------------------------------ customers and subscriptions

    def customer(self, record: Record) -> None:
        name = any_of(record, "company", "billing_address.company")
        person = " ".join(
            part for path in ("first_name", "last_name") if (part := record.text(path))
        )
        self.bills.add_customer(record.needed("id"), name or person or record.text("email"))

    def subscription(self, record: Record) -> None:
        """Its spans: a trial, what follows, and a pause that it is in now. It is paid for until
        the day before the one on which it was cancelled."""
        subscription_id, status = record.needed("id"), record.needed("status")
        if status == "future" or not self.bills.names.products:
            # it begins to count when it begins; or subscriptions are delivered otherwise
            return
        if record.text("deleted") == "true":
            self.out.note("deleted subscriptions are taken back, with all of their spans")
            return
        start = self.bills.day(record, "started_at", "start_date", "created_at")
        if start is None:
            raise Unmapped("started_at is missing")
        cancelled = self.bills.end(record, "cancelled_at")
        ended = cancelled if status in ("cancelled", "transferred") else None
        if status in ("cancelled", "transferred") and ended is None:
            raise Unmapped(f"is {status}, and cancelled_at is missing")
        spans = []
        trial_start = self.bills.day(record, "trial_start")
        trial_end = self.bills.end(record, "trial_end")
        if trial_start and trial_end and trial_end > trial_start:
            if trial_start > start:
                # it was paid for before
                spans.append(Span(start, billing.day_before(trial_start)))
            last = min(trial_end, ended) if ended else trial_end
            spans.append(Span(trial_start, billing.until(trial_start, last).end, "trial"))
            start = max(start, trial_end)
        if status != "in_trial" and not (ended and trial_end and ended <= trial_end):
            spans += self._paid(record, start, ended, status)
        activated = self.bills.day(record, "activated_at")
        if activated and activated > max(start, trial_end or start):
            self.out.note(
                "subscriptions that became active again count as active all the time: since when "
                "they were not is not known"
            )
        customer = record.needed("customer_id")
        self.bills.add_customer(customer, None)
        self.bills.add_subscription(subscription_id, customer, spans)

    def _paid(self, record: Record, start: str, ended: str | None, status: str) -> list[Span]:
        last = billing.until(start, ended).end if ended else None
        paused = self.bills.day(record, "pause_date") if status == "paused" else None
        if status == "paused" and paused is None:
            raise Unmapped("is paused, and pause_date is missing")
        if paused is None:
            return [Span(start, last)]
        if paused <= start:
            return [Span(start, last, status="suspended")]
        return [
            Span(start, billing.day_before(paused)),
            Span(paused, last, status="suspended"),
        ]

    # ------------------------------------------------------------ invoices

    def invoice(self, record: Record) -> None:
        invoice_id = record.needed("id")
        if record.text("deleted") == "true":
            self.out.delete("invoices", {"invoice_id": invoice_id})
            return
        status, customer = record.needed("status"), record.needed("customer_id")
        currency = record.needed("currency_code").upper()
        issued = self.bills.day(record, "date")
        paid = self.bills.day(record, "paid_at")
        if status == "paid" and paid is None and billing.is_nothing(record, "total"):
            # there was nothing to pay
            paid = issued
        self.bills.add_customer(customer, record.text("billing_address.company"))
        self.bills.add_invoice(
            invoice_id,
            customer,
            _STATUSES.get(status, status),
            issued_on=None if status == "pending" else issued,
            due_on=self.bills.day(record, "due_date") or issued,
            paid_on=paid if status == "paid" else None,
        )
        found = record.many("line_items") or self.lines[invoice_id]
        self._check(record, found)
        if any(
            part.text("discount_type") in _PAYMENTS for part in record.many("line_item_discounts")
        ):
            self.out.note(
                "promotional and prorated credits pay a part of invoices, and lower no fee"
            )
        lines = [self._line(line, record, currency) for line in found]
        self.lines_of[invoice_id] = lines
        self.line_of |= {line.line_id: line for line in lines}
        self.bills.add_lines(invoice_id, currency, lines)

    def _check(self, bill: Record, found: list[Record]) -> None:
        """Raises Unmapped where lines are known to be missing."""
        if not found and billing.number(bill, "total"):
            raise Unmapped("none of its lines is known: they are in another export or table")
        if bill.text("line_items_next_offset") and bill.many("line_items"):
            raise Unmapped(
                f"it has more lines than the {len(found)} that come with it "
                "(line_items_next_offset): read its lines from an export or a table"
            )

    def _amounts(self, line: Record, bill: Record, currency: str) -> tuple[Decimal, Decimal]:
        """What a line charges after discounts and without tax, and its tax."""
        line_id = line.text("id")
        parts = [
            part
            for part in (*bill.many("line_item_discounts"), *self.discounts[line_id or ""])
            if part.text("line_item_id") == line_id
        ]
        # without parts the sum is known alone
        discount = (
            sum(
                (
                    billing.number(part, "discount_amount")
                    for part in parts
                    if part.text("discount_type") not in _PAYMENTS
                ),
                Decimal(0),
            )
            if parts
            else billing.number(line, "discount_amount")
        )
        tax = billing.number(line, "tax_amount")
        net = billing.number(line, "amount") - discount
        if bill.text("price_type") == "tax_inclusive":
            net -= tax
        decimals = billing.digits(currency)
        return billing.from_minor(net, decimals), billing.from_minor(tax, decimals)

    def _kind(self, line: Record, products: list[str]) -> str:
        kind = line.text("entity_type") or ""
        known = "usage" if line.text("metered") == "true" else _KINDS.get(kind)
        start = line.text("date_from")
        if kind == "addon" and start is not None and start == line.text("date_to"):
            # of product catalog 1, which has addons that are charged once
            known = "one_off"
        return self.bills.kind([*products, kind], known)

    def _line(self, line: Record, invoice: Record, currency: str) -> Line:
        products = self._products(line.text("entity_id"))
        net, tax = self._amounts(line, invoice, currency)
        kind = self._kind(line, products)
        period = self.bills.period(line, ("date_from",), ("date_to",))
        if kind == "credit":
            period = self.bills.credited(line, invoice, period)
        return Line(
            line.needed("id"),
            kind,
            net,
            tax,
            period,
            any_of(line, "subscription_id") or invoice.text("subscription_id"),
            tuple(products),
        )

    # ------------------------------------------------------------ credit notes

    def note(self, record: Record) -> None:
        """A credit note as an invoice of its own, whose lines are negative."""
        note_id = record.needed("id")
        if record.text("deleted") == "true":
            self.out.delete("invoices", {"invoice_id": note_id})
            return
        kind = self.bills.note_kind(record, "reason_code", _NOTE_KINDS)
        customer = record.needed("customer_id")
        currency = record.needed("currency_code").upper()
        self.bills.add_customer(customer, None)
        self.bills.add_invoice(
            note_id,
            customer,
            "void" if record.text("status") == "voided" else "issued",
            issued_on=self.bills.day(record, "date"),
        )
        found = record.many("line_items") or self.note_lines[note_id]
        self._check(record, found)
        self.bills.add_lines(
            note_id, currency, [self._credited(line, record, kind, currency) for line in found]
        )

    def _credited(self, line: Record, note: Record, kind: NoteKind, currency: str) -> Line:
        products = self._products(line.text("entity_id"))
        net, tax = self._amounts(line, note, currency)
        taken_from = self.line_of.get(line.text("reference_line_item_id") or "")
        own = self.bills.period(line, ("date_from",), ("date_to",))
        if taken_from is None and (own is None or own.start == own.end):
            # an amount without a span of its own, of an invoice that has one
            taken_from = self._only(note.text("reference_invoice_id"))
        period = taken_from.period if taken_from else own
        subscription = any_of(line, "subscription_id") or note.text("subscription_id")
        if kind == "credit":
            if taken_from is None and own and own.start == own.end:
                period = None
            line_kind, period = "credit", self.bills.credited(line, note, period)
        elif taken_from:
            line_kind = taken_from.kind
        else:
            line_kind = self._kind(line, products)
        return Line(
            f"{note.text('id')}:{line.needed('id')}",
            line_kind,
            -net,
            -tax,
            period,
            subscription or (taken_from.subscription if taken_from else None),
            tuple(products) or (taken_from.products if taken_from else ()),
        )

    def _only(self, invoice_id: str | None) -> Line | None:
        """A line that stands for the invoice: all of its lines for a subscription are for the same
        one and the same period."""
        lines = [
            line
            for line in self.lines_of.get(invoice_id or "", ())
            if line.subscription and line.kind in ("recurring", "usage")
        ]
        return lines[0] if len({(line.subscription, line.period) for line in lines}) == 1 else None


# ---------------------------------------------------------------- exports


def _in_units(columns: tuple[str, ...]) -> Any:
    """Makes a record of a row whose amounts are in units of the currency, as in 12.34."""

    def record(row: Mapping[str, Value]) -> dict[str, Value]:
        decimals = billing.digits(str(row.get("currency_code") or "").upper())
        made = dict(row)
        for column in columns:
            if made.get(column) not in (None, ""):
                made[column] = billing.exact(str(made[column]), column).scaleb(decimals)
        return made

    return record


_TIMES = ("date", "due_date", "paid_at", "date_from", "date_to", "updated_at")
_LINE_AMOUNTS = ("amount", "discount_amount", "tax_amount")
_EXPORTS = (
    Export(
        "invoices",
        "invoices (CSV), columns named as the API's fields, amounts as in 12.34",
        ("id", "customer_id", "status", "date", "currency_code", "total"),
        record=_in_units(("total",)),
        times=_TIMES,
        amounts=("total",),
    ),
    Export(
        "invoice_lines",
        "lines of invoices (CSV), columns named as the API's fields, amounts as in 12.34",
        ("id", "invoice_id", "currency_code", "date_from", "date_to", "amount", "entity_type"),
        record=_in_units(_LINE_AMOUNTS),
        times=_TIMES,
        amounts=_LINE_AMOUNTS,
    ),
    Export(
        "credit_notes",
        "credit notes (CSV), columns named as the API's fields, amounts as in 12.34",
        ("id", "customer_id", "reason_code", "status", "date", "currency_code"),
        record=_in_units(("total",)),
        times=_TIMES,
        amounts=("total",),
    ),
    Export(
        "credit_note_lines",
        "lines of credit notes (CSV), columns named as the API's fields, amounts as in 12.34",
        ("id", "credit_note_id", "currency_code", "amount", "entity_type"),
        record=_in_units(_LINE_AMOUNTS),
        times=_TIMES,
        amounts=_LINE_AMOUNTS,
    ),
    Export(
        "customers",
        "customers (CSV), columns named as the API's fields",
        ("id", "first_name", "last_name", "company"),
    ),
    *(
        Export(
            f"{name}s",
            f"{name.replace('_', ' ')}s, as the API lists them (JSON)",
            # that of a subscription holds its customer too
            (name, "customer") if name == "subscription" else (name,),
            record=_opened,
            path=path,
        )
        for name in _ENVELOPES
        # a list that was saved whole, or its items alone
        for path in ("list", "")
    ),
)

# ---------------------------------------------------------------- tables

_FIVETRAN = Layout(
    tables=("invoice", "customer"),
    queries={
        "customers": "select * from customer",
        "subscriptions": "select * from subscription",
        "subscription_items": "select * from subscription_item",
        "item_prices": "select * from item_price",
        "invoices": "select * from invoice",
        "invoice_lines": "select * from invoice_line_item",
        "line_discounts": "select * from invoice_line_item_discount",
        "credit_notes": "select * from credit_note",
        "credit_note_lines": "select * from credit_note_line_item",
    },
    optional={
        "subscription": ("id", "status"),
        "subscription_item": ("subscription_id", "item_price_id"),
        "item_price": ("id", "item_id"),
        "invoice_line_item": ("id", "invoice_id"),
        "invoice_line_item_discount": ("line_item_id", "discount_amount"),
        "credit_note": ("id",),
        "credit_note_line_item": ("id", "credit_note_id"),
    },
)
_AIRBYTE = Layout(
    tables=("invoice", "customer"),
    queries={
        "customers": "select * from customer",
        "subscriptions": "select * from subscription",
        "item_prices": "select * from item_price",
        "invoices": "select * from invoice",
        "credit_notes": "select * from credit_note",
    },
    optional={
        "subscription": ("id", "status"),
        "item_price": ("id", "item_id"),
        "credit_note": ("id",),
    },
)

TEMPLATE = """\
    system: chargebee
    api:
      site: example                   # of example.chargebee.com, with the key CHARGEBEE_KEY
      start: 2025-01-01               # the first day whose changes are read
    time_zone: UTC                    # the site's
    products:                         # item price or item: the service and region that it sells
      premium-eu: {service: SVC-1, region: eu, support_plan: premium}
    # instead, where your subscriptions are delivered otherwise: theirs, and yours
    # subscriptions: {16BjE8S: SUB-1}
    # customers: {16BjE8S: CUST-1}
    # kinds: {setup-eu: one_off}      # of lines that are not what their type says
    credit_notes:                     # which of them are credits of the agreement
      values: {service_unsatisfactory: credit}   # what `reason_code` says: credit or correction
      otherwise: correction
      # field: create_reason_code     # another field that says it
      # month: cf_sla_month           # where they say their month (2026-06)
"""

SYSTEM = System(
    name="chargebee",
    title="Chargebee",
    feeds=("customers", "subscriptions", "invoices", "invoice_lines"),
    names=BillingNames,
    keys={
        "customers": ("id",),
        "item_prices": ("id",),
        "subscriptions": ("id",),
        "subscription_items": ("subscription_id", "item_price_id"),
        "invoices": ("id",),
        "invoice_lines": ("id", "invoice_id"),
        "line_discounts": (),
        "credit_notes": ("id",),
        "credit_note_lines": ("id", "credit_note_id"),
    },
    rows=rows,
    template=TEMPLATE,
    connection=Connection,
    secrets={"key": "CHARGEBEE_KEY"},
    api=api,
    exports=_EXPORTS,
    layouts={"fivetran": _FIVETRAN, "airbyte": _AIRBYTE},
)
