"""Stripe Billing: customers, subscriptions, invoices and credit notes with their lines.

Lists come newest first and know no order of change, while an invoice changes long after it was
made. So each pull reads again all invoices and credit notes that are at most `again` days older
than the newest one; what is older no longer changes. Lists hold the first ten lines of an invoice;
those beyond are asked for, once it is finalized. The shape is that of API version 2025-03-31.basil
and later; that of earlier ones is understood too, since tables of other tools have it.

The fee of a line is its amount after the line's own and its part of the invoice's discounts, which
Stripe itself splits (`discount_amounts`), and without tax. Where they are missing (tables without
them), the difference to the invoice's total is split by `billing.shares`.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

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
)

VERSION = "2025-03-31.basil"
_PAGE = 100
# docs.stripe.com/currencies: its smallest units, where they are not hundredths. ISK and UGX, which
# have none in ISO 4217, are in hundredths here
_NO_DECIMALS = frozenset(
    ("BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA", "PYG", "RWF", "VND", "VUV", "XAF")
) | {"XOF", "XPF"}
_THREE_DECIMALS = frozenset(("BHD", "JOD", "KWD", "OMR", "TND"))
_STATUSES = {
    "draft": "draft",
    "open": "issued",
    # given up, and still owed
    "uncollectible": "issued",
    "paid": "paid",
    "void": "void",
    "deleted": "void",
}
_NOTE_KINDS: dict[str, NoteKind] = {
    "product_unsatisfactory": "credit",
    "duplicate": "correction",
    "fraudulent": "correction",
    "order_change": "correction",
}


class Connection(Strict):
    """`start`: the first day to be read; `again`: how many days back invoices are read again;
    `url`: of another host."""

    start: date
    again: int = 400
    url: str = "https://api.stripe.com"


def api(connection: Connection, secrets: Mapping[str, str]) -> Api:
    """Lists of all that is needed, and the lines beyond the first ten."""
    start = first_second(connection.start)

    def listed(name: str, path: str, is_dated: bool = False, **params: str) -> dict[str, Any]:
        endpoint: dict[str, Any] = {
            "path": path,
            "data_selector": "data",
            "paginator": {
                "type": "cursor",
                "cursor_path": "last_id",
                "cursor_param": "starting_after",
                "has_more_path": "has_more",
            },
            "params": {"limit": _PAGE, **params},
        }
        if is_dated:
            endpoint["params"]["created[gte]"] = "{incremental.start_value}"
            endpoint["incremental"] = {
                "cursor_path": "created",
                "initial_value": start,
                "lag": connection.again * 86400,
            }
        return {"name": name, "endpoint": endpoint}

    def beyond(name: str, of: str, path: str) -> list[dict[str, Any]]:
        """Those that have more lines than their list holds, and these lines."""
        long = f"long_{of}"
        return [
            listed(long, f"/v1/{of}", is_dated=True)
            | {"processing_steps": [{"filter": _has_more_lines}]},
            listed(name, path.format(id=f"{{resources.{long}.id}}"))
            | {"include_from_parent": ["id"]},
        ]

    return Api(
        client={
            "base_url": connection.url,
            "headers": {"Stripe-Version": VERSION},
            "auth": {"type": "bearer", "token": secrets["key"]},
        },
        resources=[
            listed("customers", "/v1/customers"),
            listed("prices", "/v1/prices"),
            listed("subscriptions", "/v1/subscriptions", status="all"),
            listed("invoices", "/v1/invoices", is_dated=True),
            listed("credit_notes", "/v1/credit_notes", is_dated=True),
            *beyond("invoice_lines", "invoices", "/v1/invoices/{id}/lines"),
            *beyond("credit_note_lines", "credit_notes", "/v1/credit_notes/{id}/lines"),
        ],
        # the second list is only for its lines
        records={"long_invoices": _nothing, "long_credit_notes": _nothing},
        page=_page,
    )


def _has_more_lines(item: Mapping[str, Value]) -> bool:
    """A draft may still change, and none of its lines counts before it is finalized."""
    return item["lines"]["has_more"] is True and item.get("status") != "draft"


def _nothing(_: Mapping[str, Value]) -> Iterator[Mapping[str, Value]]:
    return iter(())


def _page(page: dict[str, Value]) -> dict[str, Value]:
    """Adds the id that the next page starts after."""
    data = page.get("data")
    return page | {"last_id": data[-1]["id"] if data else None}


def rows(records: Records, names: BillingNames, out: Rows) -> None:
    """Customers, subscriptions, and invoices and credit notes with their lines."""
    account = _Account(records, names, out)
    out.of_each("customers", "id", account.customers, account.customer)
    out.of_each("subscriptions", "id", account.subscriptions, account.subscription)
    out.of_each("invoices", "id", account.invoices, account.invoice)
    out.of_each("credit notes", "id", account.notes, account.note)
    account.bills.add_customers()


class _Account:
    """All records, and what is known of one by another."""

    def __init__(self, records: Records, names: BillingNames, out: Rows) -> None:
        self.bills = Bills(names, out)
        self.out = out
        self.customers = all_nested(records, "customers")
        self.subscriptions = all_nested(records, "subscriptions")
        self.invoices = all_nested(records, "invoices")
        self.notes = all_nested(records, "credit_notes")
        self.items = _by(all_nested(records, "subscription_items"), "subscription")
        self.prices = {
            record.text("id"): record
            for record in (*all_nested(records, "prices"), *all_nested(records, "plans"))
        }
        for subscription in self.subscriptions:
            for item in self._items(subscription):
                for path in ("price", "plan"):
                    if isinstance(item.get(path), Mapping):
                        self.prices.setdefault(item.text(f"{path}.id"), _inner(item, path))
        self.lines = _by(all_nested(records, "invoice_lines"), "invoice")
        self.note_lines = _by(all_nested(records, "credit_note_lines"), "credit_note")
        self.periods: dict[str, tuple[Line, ...]] = {}
        self.line_of: dict[str, Line] = {}
        self.customer_of: dict[str, str] = {}
        for subscription in self.subscriptions:
            for item in self._items(subscription):
                self.bills.learn(subscription.text("id"), self._products(item))
        for invoice in self.invoices:
            for line in self._lines(invoice):
                self.bills.learn(_subscription(line), self._products(line))

    # ------------------------------------------------------------ customers and subscriptions

    def customer(self, record: Record) -> None:
        name = any_of(record, "name", "description", "email")
        self.bills.add_customer(record.needed("id"), name)

    def _items(self, subscription: Record) -> list[Record]:
        return subscription.many("items.data") or self.items[subscription.text("id") or ""]

    def _products(self, item: Record) -> list[str]:
        """What names the product of a line or an item, the narrowest first."""
        price = any_of(item, "pricing.price_details.price", "price.id", "price_id") or any_of(
            item, "plan.id", "plan_id"
        )
        if price is None and not isinstance(item.get("price"), Mapping):
            price = item.text("price")
        known = self.prices.get(price) if price else None
        product = any_of(
            item, "pricing.price_details.product", "price.product", "plan.product"
        ) or (any_of(known, "product", "product_id") if known else None)
        return [name for name in (price, product) if name]

    def subscription(self, record: Record) -> None:
        """Its spans: a trial, and what follows it. It is paid for until the day before the one on
        which it ended."""
        status = record.needed("status")
        if status.startswith("incomplete") or not self.bills.names.products:
            # a first payment that never came; or subscriptions that are delivered otherwise
            return
        start = self.bills.day(record, "start_date", "created")
        if start is None:
            raise Unmapped("start_date is missing")
        ended = self.bills.day(record, "ended_at")
        trial_end = self.bills.day(record, "trial_end")
        trial_start = self.bills.day(record, "trial_start") or start
        spans = []
        if trial_end and trial_end > trial_start:
            if trial_start > start:
                # it was paid for before
                spans.append(Span(start, billing.day_before(trial_start)))
            until = min(trial_end, ended) if ended else trial_end
            spans.append(Span(trial_start, billing.until(trial_start, until).end, "trial"))
            start = max(start, trial_end)
        if status != "trialing" and not (ended and trial_end and ended <= trial_end):
            # a trial that ended without a way to pay; else since when it is paused is not known
            is_stopped = status == "paused" and trial_end is not None
            last = billing.until(start, ended).end if ended else None
            spans.append(Span(start, last, status="suspended" if is_stopped else "active"))
        if status == "unpaid" or (status == "paused" and trial_end is None):
            self.out.note(
                f"subscriptions that are {status} count as active: since when they are is not known"
            )
        customer = any_of(record, "customer", "customer_id")
        if customer is None:
            raise Unmapped("customer is missing")
        self.bills.add_customer(customer, None)
        self.bills.add_subscription(record.needed("id"), customer, spans)

    # ------------------------------------------------------------ invoices

    def _lines(self, invoice: Record) -> list[Record]:
        """All lines that are known, those of its own list first."""
        found = {_line_id(line): line for line in invoice.many("lines.data")}
        for line in self.lines[invoice.text("id") or ""]:
            found.setdefault(_line_id(line), line)
        return list(found.values())

    def invoice(self, record: Record) -> None:
        invoice_id = record.needed("id")
        if "true" in (record.text("is_deleted"), record.text("deleted")):
            self.out.delete("invoices", {"invoice_id": invoice_id})
            return
        customer = any_of(record, "customer", "customer_id")
        if customer is None:
            raise Unmapped("customer is missing")
        status = record.needed("status")
        currency = record.needed("currency").upper()
        self.customer_of[invoice_id] = customer
        self.bills.add_customer(customer, record.text("customer_name"))
        issued = self.bills.day(
            record,
            "effective_at",
            "status_transitions.finalized_at",
            "status_transitions_finalized_at",
            "finalized_at",
        )
        if issued is None and status != "draft":
            issued = self.bills.day(record, "date", "created")
        paid = self.bills.day(
            record, "status_transitions.paid_at", "status_transitions_paid_at", "paid_at"
        )
        if status == "paid" and paid is None and billing.is_nothing(record, "amount_due", "total"):
            # there was nothing to pay
            paid = issued
        due = self.bills.day(record, "due_date")
        if due is None and any_of(record, "collection_method", "billing") == "charge_automatically":
            due = issued
        self.bills.add_invoice(
            invoice_id,
            customer,
            _STATUSES.get(status, status),
            issued_on=issued,
            due_on=due,
            paid_on=paid if status == "paid" else None,
        )
        lines = self._charged(record, currency, status)
        self.periods[invoice_id] = tuple(lines)
        self.line_of |= {line.line_id: line for line in lines}
        self.bills.add_lines(invoice_id, currency, lines)

    def _charged(self, invoice: Record, currency: str, status: str) -> list[Line]:
        decimals = stripe_decimals(currency)
        found = self._lines(invoice)
        amounts = [billing.number(line, "amount") for line in found]
        nets = [_net(line) for line in found]
        taxes = [_taxes(line)[0] for line in found]
        whole = {"total", "subtotal"} <= invoice.data.keys() and invoice.text("total") is not None
        if whole and found and status != "draft":
            nets, taxes = self._settled(invoice, amounts, nets, taxes)
        elif not found and status != "draft" and billing.number(invoice, "total"):
            raise Unmapped("none of its lines is known: they are in another export or table")
        made = [
            self._line(line, invoice, net, tax, decimals)
            for line, net, tax in zip(found, nets, taxes, strict=True)
        ]
        if shipping := _shipping(invoice):
            amount = billing.from_minor(shipping, decimals)
            made.append(Line(f"{invoice.text('id')}:shipping", "one_off", amount))
        return made

    def _settled(
        self,
        invoice: Record,
        amounts: list[Decimal],
        nets: list[Decimal],
        taxes: list[Decimal],
    ) -> tuple[list[Decimal], list[Decimal]]:
        """Amounts without discounts and tax, and taxes, that add up to the invoice's own."""
        tax = _tax_of(invoice)
        wanted = any_of(invoice, "total_excluding_tax")
        net = (
            billing.exact(wanted, "total_excluding_tax")
            if wanted
            else billing.number(invoice, "total") - tax
        ) - _shipping(invoice)
        # what was paid before, as prepaid credits, is charged all the same
        prepaid = sum(
            (
                billing.number(part, "amount")
                for part in invoice.many("total_pretax_credit_amounts")
                if part.text("type") == "credit_balance_transaction"
            ),
            Decimal(0),
        )
        charged = sum(nets, Decimal(0))
        if charged not in (net, net + prepaid):
            net += prepaid
            subtotal = billing.number(invoice, "subtotal")
            if sum(amounts) < subtotal or charged < net:
                raise Unmapped(
                    f"its lines add up to {sum(amounts)}, its subtotal is {subtotal} and its "
                    f"total without tax {net}: lines are missing"
                )
            parts = billing.shares(charged - net, nets)
            nets = [value - part for value, part in zip(nets, parts, strict=True)]
        if tax and not any(taxes):
            # known for the invoice alone
            # what is paid back has its tax paid back
            taxes = billing.shares(tax, nets if tax > 0 else [-value for value in nets])
        return nets, taxes

    def _line(
        self, line: Record, invoice: Record, net: Decimal, tax: Decimal, decimals: int
    ) -> Line:
        products = self._products(line)
        price = self.prices.get(products[0]) if products else None
        period = self.bills.period(
            line, ("period.start", "period_start"), ("period.end", "period_end")
        )
        subscription = _subscription(line)
        kind = self.bills.kind(products, _known_kind(line, price, subscription))
        if kind == "credit":
            period = self.bills.credited(line, invoice, period)
        return Line(
            _line_id(line),
            kind,
            billing.from_minor(net, decimals),
            billing.from_minor(tax, decimals),
            period,
            subscription,
            tuple(products),
        )

    # ------------------------------------------------------------ credit notes

    def note(self, record: Record) -> None:
        """A credit note as an invoice of its own, whose lines are negative."""
        note_id, currency = record.needed("id"), record.needed("currency").upper()
        kind = self.bills.note_kind(record, "reason", _NOTE_KINDS)
        invoice_id = any_of(record, "invoice", "invoice_id")
        customer = any_of(record, "customer", "customer_id") or self.customer_of.get(
            invoice_id or ""
        )
        if customer is None:
            raise Unmapped(f"its customer is not known, as invoice {invoice_id} is not there")
        status = record.needed("status")
        self.bills.add_customer(customer, None)
        self.bills.add_invoice(
            note_id,
            customer,
            "void" if status == "void" else "issued",
            issued_on=self.bills.day(record, "effective_at", "created"),
        )
        found = {_line_id(line): line for line in record.many("lines.data")}
        for line in self.note_lines[note_id]:
            found.setdefault(_line_id(line), line)
        known = sum(billing.number(line, "amount") for line in found.values())
        if known < billing.number(record, "subtotal"):
            raise Unmapped(
                f"its lines add up to {known} and its subtotal is {record.text('subtotal')}: lines "
                "are missing"
            )
        decimals = stripe_decimals(currency)
        self.bills.add_lines(
            note_id,
            currency,
            [self._credited(line, record, kind, invoice_id, decimals) for line in found.values()],
        )

    def _credited(
        self, line: Record, note: Record, kind: NoteKind, invoice_id: str | None, decimals: int
    ) -> Line:
        taken_from = self.line_of.get(line.text("invoice_line_item") or "") or self._only(
            invoice_id
        )
        period = taken_from.period if taken_from else None
        if kind == "credit":
            line_kind, period = "credit", self.bills.credited(line, note, period)
        else:
            line_kind = taken_from.kind if taken_from and taken_from.kind != "credit" else "one_off"
        return Line(
            _line_id(line),
            line_kind,
            -billing.from_minor(_net(line), decimals),
            -billing.from_minor(_taxes(line)[0], decimals),
            period,
            taken_from.subscription if taken_from else self._subscription_of(invoice_id),
            taken_from.products if taken_from else (),
        )

    def _subscription_of(self, invoice_id: str | None) -> str | None:
        """The one that an invoice is for, where it is for one."""
        found = {line.subscription for line in self.periods.get(invoice_id or "", ())} - {None}
        return found.pop() if len(found) == 1 else None

    def _only(self, invoice_id: str | None) -> Line | None:
        """A line that stands for the invoice: all of its lines for a subscription are for the same
        one and the same period."""
        lines = [line for line in self.periods.get(invoice_id or "", ()) if line.subscription]
        if len({(line.subscription, line.period, line.kind) for line in lines}) == 1:
            return lines[0]
        return None


def _by(records: Sequence[Record], of: str) -> defaultdict[str, list[Record]]:
    """Records by what they are of, whose id a list in Stripe's API itself or a table has."""
    found: defaultdict[str, list[Record]] = defaultdict(list)
    for record in records:
        parent = any_of(record, of, f"{of}_id", *_parents(record))
        found[parent or ""].append(record)
    return found


def _parents(record: Record) -> list[str]:
    """Where the id of the list's own parent is, as dlt names it (`_long_invoices_id`)."""
    return [name for name in record.data if name.startswith("_long_") and name.endswith("_id")]


def _inner(record: Record, path: str) -> Record:
    return Record(record.get(path), record.where)


def _line_id(line: Record) -> str:
    """Tables of earlier versions call `unique_id` what is the id now."""
    return any_of(line, "unique_id", "unique_line_item_id") or line.needed("id")


def _subscription(line: Record) -> str | None:
    return any_of(
        line,
        "parent.subscription_item_details.subscription",
        "parent.invoice_item_details.subscription",
        "subscription",
        "subscription_id",
    )


def _known_kind(line: Record, price: Record | None, subscription: str | None) -> str:
    """By the price of a line: metered is usage, one that recurs is recurring, and so is the
    proration of one. A line without a subscription is charged once."""
    usage = any_of(line, "price.recurring.usage_type", "plan.usage_type") or (
        any_of(price, "recurring.usage_type", "recurring_usage_type", "usage_type")
        if price
        else None
    )
    if usage == "metered":
        return "usage"
    is_item = (any_of(line, "parent.type") or line.text("type")) in (
        "invoice_item_details",
        "invoiceitem",
    )
    is_proration = "true" in (
        line.text("proration"),
        line.text("parent.invoice_item_details.proration"),
    )
    if subscription is None or (is_item and not is_proration and usage is None):
        return "one_off"
    return "recurring"


def _taxes(line: Record) -> tuple[Decimal, Decimal]:
    """All taxes of a line, and those that its amount includes."""
    total = included = Decimal(0)
    for tax in line.many("taxes") or line.many("tax_amounts"):
        amount = billing.number(tax, "amount")
        total += amount
        if tax.text("tax_behavior") == "inclusive" or tax.text("inclusive") == "true":
            included += amount
    return total, included


def _net(line: Record) -> Decimal:
    """What a line charges after its discounts, without tax, in minor units."""
    discounts = line.many("discount_amounts")
    discount = (
        sum((billing.number(part, "amount") for part in discounts), Decimal(0))
        if discounts
        else billing.number(line, "discount_amount")
    )
    return billing.number(line, "amount") - discount - _taxes(line)[1]


def _shipping(invoice: Record) -> Decimal:
    """What shipping costs, without tax."""
    if not billing.number(invoice, "amount_shipping"):
        return Decimal(0)
    return billing.number(invoice, "shipping_cost.amount_subtotal")


def _tax_of(invoice: Record) -> Decimal:
    if taxes := invoice.many("total_taxes") or invoice.many("total_tax_amounts"):
        return sum((billing.number(tax, "amount") for tax in taxes), Decimal(0))
    return billing.number(invoice, "tax")


def stripe_decimals(currency: str) -> int:
    """Decimals of the unit in which Stripe writes amounts of a currency."""
    if currency in _NO_DECIMALS:
        return 0
    return 3 if currency in _THREE_DECIMALS else 2


# ---------------------------------------------------------------- exports


def _units(row: Mapping[str, Value], column: str) -> Decimal | None:
    """An amount that the dashboard writes in units of the currency, in the API's unit."""
    text = row.get(column)
    if text in (None, ""):
        return None
    decimals = stripe_decimals(str(row.get("Currency") or "").upper())
    return billing.exact(str(text), column).scaleb(decimals)


def _dashboard_invoice(row: Mapping[str, Value]) -> dict[str, Value]:
    """An invoice of the dashboard's list, which has no lines: where it is for one subscription it
    is one line over the span of its lines."""
    total, tax = _units(row, "Total"), _units(row, "Tax") or Decimal(0)
    span = (
        row.get("Minimum Line Item Period Start (UTC)"),
        row.get("Maximum Line Item Period End (UTC)"),
    )
    subscription = row.get("Subscription")
    line = {
        "id": f"{row['id']}:total",
        "amount": None if total is None else total - tax,
        "subscription": subscription,
        "period": {"start": span[0], "end": span[1]},
        "tax_amounts": [{"amount": tax, "inclusive": False}] if tax else [],
    }
    return {
        "id": row["id"],
        "customer": row.get("Customer"),
        "customer_name": row.get("Customer Name"),
        "currency": row.get("Currency"),
        "status": row.get("Status"),
        "number": row.get("Number"),
        "created": row.get("Date (UTC)") or row.get("Created (UTC)"),
        "due_date": row.get("Due Date (UTC)"),
        "collection_method": row.get("Billing"),
        "amount_due": _units(row, "Amount Due"),
        "status_transitions": {
            "finalized_at": row.get("Finalized At (UTC)"),
            "paid_at": row.get("Paid At (UTC)"),
        },
        **({"lines": {"data": [line]}} if subscription and all(span) else {}),
        "total": total,
        "subtotal": None if total is None else total - tax,
        "tax": tax,
    }


_UTC = (
    "Date (UTC)",
    "Created (UTC)",
    "Due Date (UTC)",
    "Finalized At (UTC)",
    "Paid At (UTC)",
    "Minimum Line Item Period Start (UTC)",
    "Maximum Line Item Period End (UTC)",
)
_SUBSCRIPTION_TIMES = (
    "Created (UTC)",
    "Start (UTC)",
    "Start Date (UTC)",
    "Trial Start (UTC)",
    "Trial End (UTC)",
    "Ended At (UTC)",
)
_EXPORTS = (
    Export(
        "invoices",
        "invoices, as the dashboard exports them (CSV); each is one line",
        ("id", "Customer", "Currency", "Status", "Total"),
        record=_dashboard_invoice,
        times=_UTC,
        amounts=("Total", "Tax", "Subtotal", "Amount Due"),
    ),
    Export(
        "customers",
        "customers, as the dashboard exports them (CSV)",
        ("id", "Name", "Email"),
        record=lambda row: {
            "id": row["id"],
            "name": row.get("Name"),
            "email": row.get("Email"),
            "description": row.get("Description"),
        },
    ),
    Export(
        "subscriptions",
        "subscriptions, as the dashboard exports them (CSV)",
        ("id", "Customer ID", "Plan", "Status"),
        record=lambda row: {
            "id": row["id"],
            "customer": row["Customer ID"],
            "status": row["Status"],
            "created": row.get("Created (UTC)"),
            "start_date": row.get("Start (UTC)") or row.get("Start Date (UTC)"),
            "trial_start": row.get("Trial Start (UTC)"),
            "trial_end": row.get("Trial End (UTC)"),
            "ended_at": row.get("Ended At (UTC)"),
            "items": {
                "data": [{"plan": {"id": row["Plan"], "product": row.get("Product")}}],
            },
        },
        times=_SUBSCRIPTION_TIMES,
    ),
    Export(
        "invoices",
        "invoices, as Sigma and Data Pipeline have them (CSV)",
        ("id", "customer_id", "currency", "status", "subtotal", "total"),
        times=("date", "due_date", "finalized_at", "paid_at", "status_transitions_paid_at"),
    ),
    Export(
        "invoice_lines",
        "lines of invoices, as Sigma and Data Pipeline have them (CSV)",
        ("id", "invoice_id", "amount", "period_start", "period_end"),
        times=("period_start", "period_end"),
    ),
    Export(
        "credit_notes",
        "credit notes, as Sigma and Data Pipeline have them (CSV)",
        ("id", "invoice_id", "currency", "reason", "status", "created"),
        times=("created",),
    ),
    Export(
        "credit_note_lines",
        "lines of credit notes, as Sigma and Data Pipeline have them (CSV)",
        ("id", "credit_note_id", "amount", "type"),
    ),
    *(
        Export(
            resource,
            f"{resource.replace('_', ' ')}, as the API lists them (JSON)",
            ("id", "object", *columns),
            path="data",
        )
        for resource, columns in (
            ("invoices", ("lines", "status_transitions")),
            ("credit_notes", ("lines", "reason")),
            ("subscriptions", ("items", "start_date")),
            ("customers", ("invoice_settings",)),
            ("prices", ("unit_amount", "product")),
        )
    ),
)

# ---------------------------------------------------------------- tables

_FIVETRAN = Layout(
    tables=("invoice", "invoice_line_item", "customer"),
    queries={
        "customers": "select * from customer",
        "subscriptions": """
            select * from subscription_history
            where lower(cast(_fivetran_active as varchar)) = 'true'
            union all by name
            select * from subscription
        """,
        "subscription_items": "select * from subscription_item",
        "prices": "select * from price",
        "plans": "select * from plan",
        "invoices": "select * from invoice",
        "invoice_lines": "select * from invoice_line_item",
        "credit_notes": "select * from credit_note",
        "credit_note_lines": "select * from credit_note_line_item",
    },
    optional={
        "subscription": ("id", "status"),
        "subscription_history": ("id", "status", "_fivetran_active"),
        "subscription_item": ("id", "subscription_id", "plan_id"),
        "price": ("id", "product_id"),
        "plan": ("id", "product_id"),
        "credit_note": ("id",),
        "credit_note_line_item": ("id", "credit_note_id"),
    },
)
_AIRBYTE = Layout(
    tables=("invoices", "customers"),
    queries={
        "customers": "select * from customers",
        "subscriptions": "select * from subscriptions",
        "subscription_items": "select * from subscription_items",
        "prices": "select * from prices",
        "plans": "select * from plans",
        "invoices": "select * from invoices",
        "invoice_lines": "select * from invoice_line_items",
        "credit_notes": "select * from credit_notes",
    },
    optional={
        "subscriptions": ("id", "status"),
        "subscription_items": ("id", "subscription"),
        "prices": ("id", "product"),
        "plans": ("id", "product"),
        "invoice_line_items": ("id", "invoice_id"),
        "credit_notes": ("id",),
    },
)
# its own source (stripe_analytics) loads customers, subscriptions, prices and invoices
_PARTS = "(select list({{'amount': p.amount{more}}}) from {table} as p" + (
    " where p._dlt_parent_id = l._dlt_id)"
)
_DLT = Layout(
    tables=("invoice", "invoice__lines__data", "customer"),
    queries={
        "customers": "select * from customer",
        "subscriptions": "select * from subscription",
        "subscription_items": """
            select i.*, s.id as subscription_id
            from subscription__items__data as i
            inner join subscription as s on i._dlt_parent_id = s._dlt_id
        """,
        "prices": "select * from price",
        "invoices": "select * from invoice",
        "invoice_lines": f"""
            select
                l.*, i.id as invoice_id,
                {_PARTS.format(more="", table="invoice__lines__data__discount_amounts")}
                    as discount_amounts,
                {
            _PARTS.format(
                more=", 'tax_behavior': p.tax_behavior", table="invoice__lines__data__taxes"
            )
        } as taxes,
                {
            _PARTS.format(
                more=", 'inclusive': p.inclusive", table="invoice__lines__data__tax_amounts"
            )
        } as tax_amounts
            from invoice__lines__data as l
            inner join invoice as i on l._dlt_parent_id = i._dlt_id
        """,
        "credit_notes": "select * from credit_note",
        "credit_note_lines": """
            select l.*, n.id as credit_note_id
            from credit_note__lines__data as l
            inner join credit_note as n on l._dlt_parent_id = n._dlt_id
        """,
    },
    optional={
        "subscription": ("id", "status", "_dlt_id"),
        "subscription__items__data": ("id", "_dlt_parent_id"),
        "price": ("id", "product"),
        "invoice__lines__data__discount_amounts": ("amount", "_dlt_parent_id"),
        "invoice__lines__data__taxes": ("amount", "tax_behavior", "_dlt_parent_id"),
        "invoice__lines__data__tax_amounts": ("amount", "inclusive", "_dlt_parent_id"),
        "credit_note": ("id", "_dlt_id"),
        "credit_note__lines__data": ("id", "_dlt_parent_id"),
    },
)

TEMPLATE = """\
    system: stripe
    api:
      start: 2025-01-01               # the first day to be read, with the key STRIPE_KEY
      again: 400                      # days back that invoices are read again: they still change
    time_zone: UTC                    # the zone in which the account bills
    products:                         # product or price: the service and region that it sells
      prod_1: {service: SVC-1, region: eu, support_plan: premium}
    # instead, where your subscriptions are delivered otherwise: theirs, and yours
    # subscriptions: {sub_1: SUB-1}
    # customers: {cus_1: CUST-1}
    # kinds: {prod_setup: one_off}    # of lines that are not what their price says
    credit_notes:                     # which of them are credits of the agreement
      values: {product_unsatisfactory: credit}   # what `reason` says: credit or correction
      otherwise: correction
      # field: metadata.kind          # another field that says it
      # month: metadata.sla_month     # where they say their month (2026-06)
"""

SYSTEM = System(
    name="stripe",
    title="Stripe",
    feeds=("customers", "subscriptions", "invoices", "invoice_lines"),
    names=BillingNames,
    keys={
        "customers": ("id",),
        "prices": ("id",),
        "plans": ("id",),
        "subscriptions": ("id",),
        "subscription_items": ("id",),
        "invoices": ("id",),
        "invoice_lines": ("id", "invoice_id"),
        "credit_notes": ("id",),
        "credit_note_lines": ("id",),
    },
    rows=rows,
    template=TEMPLATE,
    connection=Connection,
    secrets={"key": "STRIPE_KEY"},
    api=api,
    exports=_EXPORTS,
    layouts={"fivetran": _FIVETRAN, "airbyte": _AIRBYTE, "dlt": _DLT},
)
