"""Xero: sales invoices and credit notes with their lines, and whom they are for.

Pages are asked for by number, in the order of an id that never changes, of what was modified since
the last pull: a document that is changed in between repeats others, and hides none. The shape is
that of Xero's own OpenAPI description of the Accounting API.

Xero knows no subscriptions and no periods of service: `subscription` says whose a line is, and
`period` for which days. Dates are days without a zone, whether they are written as
`/Date(1539993600000+0000)/` or as `2018-10-20T00:00:00`. A line's amount is after its discount, and
holds its tax where the document says `Inclusive`. Bills of suppliers (ACCPAY) are left.
"""

import re
from calendar import monthrange
from collections import defaultdict
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import cache
from typing import Any

from pydantic import Field, model_validator

from makegood.ingestion.connect import billing
from makegood.ingestion.connect.billing import Bills, Line, Period, any_of
from makegood.ingestion.connect.names import BillingNames, LineKind, Lookup, Strict
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
    "DRAFT": "draft",
    "SUBMITTED": "draft",
    "AUTHORISED": "issued",
    "PAID": "paid",
    "VOIDED": "void",
}
# as the screens and exports call them
_SHOWN = {
    "draft": "DRAFT",
    "awaiting approval": "SUBMITTED",
    "awaiting payment": "AUTHORISED",
    "paid": "PAID",
    "voided": "VOIDED",
    "deleted": "DELETED",
}
_MS = re.compile(r"/Date\((-?[0-9]+)(?:[+-][0-9]{4})?\)/")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LAG_MS = 600_000
_PARTS = {
    "%d": "[0-9]{1,2}",
    "%m": "[0-9]{1,2}",
    "%Y": "[0-9]{4}",
    "%y": "[0-9]{2}",
    "%b": "[A-Za-z]{3}",
    "%B": "[A-Za-z]{3,9}",
}


class PeriodOf(Strict):
    """For which days a line is. `form`: how they are written in `field` (strptime): with a day in
    it (`%d/%m/%Y`) the first and the last one, without (`%B %Y`) a month, or the first and the
    last. `month`: which month it is where they aren't written, counted from that of the invoice
    (0: the same, -1: the one before, for what is charged afterwards, 1: the next); `months`: how
    many."""

    field: str = "Description"
    form: str | None = None
    month: int | None = None
    months: int = Field(default=1, ge=1)


class XeroNames(BillingNames):
    """`subscription`: which of our subscriptions a line is for; `kinds` are by ItemCode or
    AccountCode, `otherwise_kind` is that of all others."""

    subscription: Lookup = Lookup()
    period: PeriodOf = PeriodOf()
    otherwise_kind: LineKind | None = None

    @model_validator(mode="after")
    def _has_no_subscriptions(self) -> "XeroNames":
        if self.products:
            raise ValueError(
                "Xero knows no subscriptions, so `products` can't make any: deliver them otherwise "
                "(example: under `rows`), and name them in `subscription`"
            )
        return self


class Connection(Strict):
    """`start`: the first day whose changes are read; `tenant`: the id of the organisation, where
    the connection has several; `url` and `token_url`: of other hosts."""

    start: date
    tenant: str | None = None
    url: str = "https://api.xero.com"
    token_url: str = "https://identity.xero.com/connect/token"  # noqa: S105


def api(connection: Connection, secrets: Mapping[str, str]) -> Api:
    """Invoices and credit notes that were modified, in pages, with the client credentials of a
    custom connection."""
    start = datetime.combine(connection.start, datetime.min.time(), UTC)

    def modified(name: str, path: str, key: str, **params: str) -> dict[str, Any]:
        return {
            "name": name,
            "endpoint": {
                "path": f"/api.xro/2.0/{path}",
                "data_selector": path,
                "paginator": {
                    "type": "page_number",
                    "base_page": 1,
                    "page_param": "page",
                    "total_path": None,
                    "has_more_path": "has_more",
                },
                "params": {"pageSize": 200, "order": f"{key} ASC", **params},
                "headers": {"If-Modified-Since": "{incremental.start_value}"},
                "incremental": {
                    "cursor_path": "updated_ms",
                    "initial_value": (start - _EPOCH) // timedelta(milliseconds=1),
                    "lag": _LAG_MS,
                    "convert": _http_time,
                },
            },
        }

    return Api(
        client={
            "base_url": connection.url,
            "headers": {
                "Accept": "application/json",
                **({"xero-tenant-id": connection.tenant} if connection.tenant else {}),
            },
            "auth": {
                "type": "oauth2_client_credentials",
                "access_token_url": connection.token_url,
                "client_id": secrets["client_id"],
                "client_secret": secrets["client_secret"],
                "access_token_request_data": {
                    "grant_type": "client_credentials",
                    "scope": "accounting.transactions.read",
                },
            },
        },
        resources=[
            modified("invoices", "Invoices", "InvoiceID", where='Type=="ACCREC"'),
            modified("credit_notes", "CreditNotes", "CreditNoteID", where='Type=="ACCRECCREDIT"'),
        ],
        page=_page,
    )


def _http_time(ms: object) -> str:
    """As Xero takes If-Modified-Since: a time of UTC, to the second."""
    at = _EPOCH + timedelta(seconds=int(str(ms)) // 1000)
    return at.strftime("%Y-%m-%dT%H:%M:%S")


def _page(page: dict[str, Value]) -> dict[str, Value]:
    """Adds when each document was modified, as a number, and whether there are more pages."""
    made = dict(page)
    for path in ("Invoices", "CreditNotes"):
        if isinstance(page.get(path), list):
            made[path] = [
                item | {"updated_ms": _milliseconds(item["UpdatedDateUTC"])} for item in page[path]
            ]
            pages = page.get("pagination")
            made["has_more"] = pages["page"] < pages["pageCount"] if pages else bool(page[path])
    return made


def _milliseconds(text: str) -> int:
    if found := _MS.fullmatch(text):
        return int(found[1])
    raise ValueError(f"UpdatedDateUTC is {text!r}: the form is /Date(1541176290160+0000)/")


def rows(records: Records, names: XeroNames, out: Rows) -> None:
    """Sales invoices and credit notes with their lines, and their customers."""
    books = _Books(records, names, out)
    out.of_each("invoices", "InvoiceID", books.invoices, books.invoice)
    out.of_each("credit notes", "CreditNoteID", books.notes, books.note)
    books.bills.add_customers()


class _Books:
    """All documents, and how their lines are read."""

    def __init__(self, records: Records, names: XeroNames, out: Rows) -> None:
        self.names, self.out = names, out
        self.bills = Bills(names, out)
        self.contacts = {
            contact.text("ContactID"): contact.text("Name")
            for contact in all_nested(records, "contacts")
        }
        self.lines = grouped(all_nested(records, "invoice_lines"), "InvoiceID")
        self.note_lines = grouped(all_nested(records, "credit_note_lines"), "CreditNoteID")
        self.tracking = grouped(all_nested(records, "tracking"), "LineItemID")
        sold, credited = _from_rows(all_nested(records, "rows"))
        self.invoices = all_nested(records, "invoices") + sold
        self.notes = all_nested(records, "credit_notes") + credited

    def invoice(self, record: Record) -> None:
        invoice_id = record.needed("InvoiceID")
        if record.text("Type") == "ACCPAY":
            self.out.note("bills of suppliers (ACCPAY) are left: they are not what you charge")
            return
        status = record.needed("Status")
        if status == "DELETED":
            self.out.delete("invoices", {"invoice_id": invoice_id})
            return
        customer = self._customer(record)
        is_draft = _STATUSES.get(status) == "draft"
        issued = _day(record, "DateString", "Date")
        self.bills.add_invoice(
            invoice_id,
            customer,
            _STATUSES.get(status, status),
            issued_on=None if is_draft else issued,
            due_on=_day(record, "DueDateString", "DueDate"),
            paid_on=self._paid(record) if status == "PAID" else None,
        )
        self._add(record, invoice_id, self.lines[invoice_id], 1, issued)

    def note(self, record: Record) -> None:
        """A credit note as an invoice of its own, whose lines are negative."""
        note_id = record.needed("CreditNoteID")
        if record.text("Type") == "ACCPAYCREDIT":
            self.out.note("credit notes of suppliers (ACCPAYCREDIT) are left")
            return
        status = record.needed("Status")
        if status == "DELETED":
            self.out.delete("invoices", {"invoice_id": note_id})
            return
        known = _STATUSES.get(status, status)
        self.bills.add_invoice(
            note_id,
            self._customer(record),
            # one that is used up was issued as well
            "issued" if known == "paid" else known,
            issued_on=None if known == "draft" else _day(record, "DateString", "Date"),
        )
        self._add(record, note_id, self.note_lines[note_id], -1, None)

    def _customer(self, record: Record) -> str:
        customer = any_of(record, "Contact.ContactID", "ContactID", "Contact.Name")
        if customer is None:
            raise Unmapped("Contact is missing")
        self.bills.add_customer(
            customer, record.text("Contact.Name") or self.contacts.get(customer)
        )
        return customer

    def _paid(self, record: Record) -> str | None:
        """The day on which the last of it was paid."""
        if day := _day(record, "FullyPaidOnDate"):
            return day
        days = [_day(part, "Date") for part in record.many("Payments")]
        return max((day for day in days if day), default=None)

    def _add(
        self, record: Record, bill_id: str, own: list[Record], sign: int, issued: str | None
    ) -> None:
        currency = record.needed("CurrencyCode").upper()
        # a line without an amount is a text
        found = [
            line for line in record.many("LineItems") or own if line.text("LineAmount") is not None
        ]
        nets = self._nets(record, found, currency)
        self.bills.add_lines(
            bill_id,
            currency,
            [
                self._line(line, record, net * sign, sign, issued)
                for line, net in zip(found, nets, strict=True)
            ],
        )

    def _nets(self, record: Record, found: list[Record], currency: str) -> list[Decimal]:
        """What lines charge without tax. They must add up to the document's own sum, but for a
        rounding of each."""
        amounts = [billing.number(line, "LineAmount") for line in found]
        taxes = [billing.number(line, "TaxAmount") for line in found]
        withheld = [amount - tax for amount, tax in zip(amounts, taxes, strict=True)]
        wanted = billing.number(record, "SubTotal")
        room = Decimal(len(found)).scaleb(-billing.digits(currency))
        kind = (record.text("LineAmountTypes") or "").lower()
        if not kind and sum(amounts) != wanted and abs(sum(withheld) - wanted) <= room:
            # an export doesn't say it: its sums do
            kind = "inclusive"
        nets = withheld if kind == "inclusive" else amounts
        if record.text("SubTotal") is not None and abs(sum(nets) - wanted) > room:
            raise Unmapped(
                f"its lines add up to {sum(nets)}, and its sum without tax is {wanted}: "
                "lines are missing, or are there twice"
            )
        return nets

    def _line(
        self, line: Record, bill: Record, net: Decimal, sign: int, issued: str | None
    ) -> Line:
        seen = self._seen(line, bill)
        says = [text for path in ("ItemCode", "AccountCode") if (text := line.text(path))]
        kind = self._kind(says, bill, sign)
        period = self._period(seen, issued)
        if kind == "credit":
            period = self.bills.credited(seen, bill, period)
        return Line(
            line.needed("LineItemID"),
            kind,
            net,
            billing.number(line, "TaxAmount") * sign,
            period,
            self.names.subscription.of(seen, "subscription", self.out),
        )

    def _kind(self, says: list[str], bill: Record, sign: int) -> str:
        """By item and account. A line of a credit note is a credit too where the note is one."""
        named = next((self.names.kinds[said] for said in says if said in self.names.kinds), None)
        if (
            sign < 0
            and named != "credit"
            and self.bills.note_kind(bill, "Reference", {}) == "credit"
        ):
            return "credit"
        return self.bills.kind(says, self.names.otherwise_kind)

    def _seen(self, line: Record, bill: Record) -> Record:
        """What settings may refer to: the line's own fields, `Tracking.<category>`, and those of
        the document that the line hasn't."""
        tracking = {
            name: part.text("Option")
            for part in (*line.many("Tracking"), *self.tracking[line.text("LineItemID") or ""])
            if (name := part.text("Name"))
        }
        return Record({**bill.data, **line.data, "Tracking": tracking}, line.where)

    def _period(self, seen: Record, issued: str | None) -> Period | None:
        setting = self.names.period
        text = seen.text(setting.field)
        if setting.form and text and (found := _written(text, setting.form)):
            return found
        if setting.month is None or issued is None:
            return None
        return _months(issued, setting.month, setting.months)


def _day(record: Record, *paths: str) -> str | None:
    """The day at the first of the paths that is there, whatever form it has."""
    text = any_of(record, *paths)
    if text is None:
        return None
    if found := _MS.fullmatch(text):
        return (_EPOCH + timedelta(milliseconds=int(found[1]))).date().isoformat()
    return billing.day(text[:10], "UTC")


def _months(issued: str, offset: int, months: int) -> Period:
    year, month = int(issued[:4]), int(issued[5:7])
    start = year * 12 + month - 1 + offset
    end = start + months - 1
    last = monthrange(end // 12, end % 12 + 1)[1]
    return Period(
        f"{start // 12:04}-{start % 12 + 1:02}-01", f"{end // 12:04}-{end % 12 + 1:02}-{last}"
    )


@cache
def _pattern(form: str) -> re.Pattern[str]:
    parts = re.split("(%[A-Za-z])", form)
    return re.compile("".join(_PARTS.get(part, re.escape(part)) for part in parts))


def _written(text: str, form: str) -> Period | None:
    """The period that a text names; None where it names none. Raises Unmapped where it names more
    than a first and a last day."""
    days = []
    for found in _pattern(form).findall(text):
        try:
            days.append(datetime.strptime(found, form).date())  # noqa: DTZ007
        except ValueError:
            if "%d" in form:
                raise Unmapped(f"{found!r} in {text!r} is not a day of the form {form}") from None
            continue
    if not days or ("%d" in form and len(days) == 1):
        return None
    if len(days) > 2:
        raise Unmapped(f"{text!r} names more than a first and a last day")
    first_day, last = days[0], days[-1]
    if "%d" not in form:
        last = last.replace(day=monthrange(last.year, last.month)[1])
    return Period(first_day.isoformat(), last.isoformat())


# ---------------------------------------------------------------- exports


def _from_rows(lines: list[Record]) -> tuple[list[Record], list[Record]]:
    """Invoices and credit notes of an export whose rows are lines. Of a document that is in several
    files that of the last one counts."""
    files: dict[tuple[str, str], dict[str, list[Record]]] = defaultdict(dict)
    for line in lines:
        key = (line.text("Kind") or "", line.text("InvoiceNumber") or "")
        files[key].setdefault(line.where.rpartition(":")[0], []).append(line)
    sold: list[Record] = []
    credited: list[Record] = []
    for (kind, number), by_file in files.items():
        found = [*by_file.values()][-1]
        head = found[0]
        is_note = kind.endswith("CREDIT")
        sign = -1 if is_note and billing.number(head, "Total") < 0 else 1
        document = {
            **head.data,
            "Type": kind,
            "CreditNoteID" if is_note else "InvoiceID": number or None,
            "SubTotal": sign * (billing.number(head, "Total") - billing.number(head, "TaxTotal")),
            "LineItems": [
                {
                    **line.data,
                    "LineItemID": f"{number}:{position}",
                    **{
                        name: None if line.text(name) is None else sign * billing.number(line, name)
                        for name in ("LineAmount", "TaxAmount")
                    },
                }
                for position, line in enumerate(found, 1)
            ],
        }
        (credited if is_note else sold).append(Record(document, head.where))
    return sold, credited


def _row(row: Mapping[str, Value]) -> dict[str, Value]:
    """A row of the export: a line, with what all lines of its invoice say."""
    kind = str(row.get("Type") or "").lower()
    is_ours, is_note = not kind.startswith("bill"), "credit" in kind
    status = str(row.get("Status") or "")
    return {
        "Kind": ("ACCREC" if is_ours else "ACCPAY") + ("CREDIT" if is_note else ""),
        "InvoiceNumber": row["InvoiceNumber"],
        "Reference": row.get("Reference"),
        "Contact": {"Name": row["ContactName"]},
        "Date": row["InvoiceDate"],
        "DueDate": row.get("DueDate"),
        "Status": _SHOWN.get(status.lower(), status),
        "CurrencyCode": row.get("Currency"),
        "Total": row.get("Total"),
        "TaxTotal": row.get("TaxTotal"),
        "ItemCode": row.get("InventoryItemCode"),
        "AccountCode": row.get("AccountCode"),
        "Description": row.get("Description"),
        "LineAmount": row.get("LineAmount"),
        "TaxAmount": row.get("TaxAmount"),
        "Tracking": [
            {"Name": row.get(f"TrackingName{number}"), "Option": row.get(f"TrackingOption{number}")}
            for number in (1, 2)
        ],
    }


_EXPORTS = (
    Export(
        "rows",
        "sales invoices, as Xero exports them (CSV); each row is a line",
        ("ContactName", "InvoiceNumber", "InvoiceDate", "LineAmount", "Currency", "Status"),
        record=_row,
        times=("InvoiceDate", "DueDate"),
        amounts=("Total", "TaxTotal", "LineAmount", "TaxAmount"),
    ),
    Export(
        "invoices",
        "invoices, as the API lists them (JSON)",
        ("InvoiceID", "Type", "LineItems"),
        path="Invoices",
    ),
    Export(
        "credit_notes",
        "credit notes, as the API lists them (JSON)",
        ("CreditNoteID", "Type", "LineItems"),
        path="CreditNotes",
    ),
)

# ---------------------------------------------------------------- tables

_HEAD = """
    contact_id as "ContactID", type as "Type", status as "Status", iso(date) as "Date",
    iso(due_date) as "DueDate", currency_code as "CurrencyCode", reference as "Reference",
    line_amount_types as "LineAmountTypes", sub_total as "SubTotal"
"""
_LINE = """
    line_item_id as "LineItemID", item_code as "ItemCode", account_code as "AccountCode",
    description as "Description", line_amount as "LineAmount", tax_amount as "TaxAmount"
"""
_LAYOUTS = {
    "fivetran": Layout(
        tables=("invoice", "invoice_line_item", "contact"),
        queries={
            "contacts": 'select contact_id as "ContactID", name as "Name" from contact',
            "invoices": f"""
                select
                    invoice_id as "InvoiceID", invoice_number as "InvoiceNumber",
                    iso(fully_paid_on_date) as "FullyPaidOnDate", {_HEAD}
                from invoice
            """,
            "invoice_lines": f'select invoice_id as "InvoiceID", {_LINE} from invoice_line_item',
            "tracking": """
                select t.line_item_id as "LineItemID", c.name as "Name", t.option as "Option"
                from invoice_line_item_has_tracking_category as t
                inner join tracking_category as c
                    on t.tracking_category_id = c.tracking_category_id
            """,
            "credit_notes": f"""
                select
                    credit_note_id as "CreditNoteID", credit_note_number as "CreditNoteNumber",
                    {_HEAD}
                from credit_note
            """,
            "credit_note_lines": f"""
                select credit_note_id as "CreditNoteID", {_LINE} from credit_note_line_item
            """,
        },
        optional={
            "credit_note": (
                "credit_note_id",
                "credit_note_number",
                "contact_id",
                "type",
                "status",
                "date",
                "due_date",
                "currency_code",
                "reference",
                "line_amount_types",
                "sub_total",
            ),
            "credit_note_line_item": (
                "credit_note_id",
                "line_item_id",
                "item_code",
                "account_code",
                "description",
                "line_amount",
                "tax_amount",
            ),
            "invoice_line_item_has_tracking_category": (
                "line_item_id",
                "tracking_category_id",
                "option",
            ),
            "tracking_category": ("tracking_category_id", "name"),
        },
    ),
    "airbyte": Layout(
        tables=("invoices",),
        queries={
            "invoices": "select * from invoices",
            "credit_notes": "select * from credit_notes",
        },
        optional={"credit_notes": ("CreditNoteID", "Type")},
    ),
}

TEMPLATE = """\
    system: xero
    api:                              # a custom connection: XERO_CLIENT_ID, XERO_CLIENT_SECRET
      start: 2025-01-01               # the first day whose changes are read
    kinds: {PREMIUM: recurring, "260": one_off}   # item or account: kind of its lines
    # otherwise_kind: one_off         # of all other lines
    subscription:
      field: ItemCode                 # or Tracking.Region, Reference, Contact.ContactID …
      values: {PREMIUM: SUB-1}        # what it says: the subscription
    period:                           # for which days a line is: Xero doesn't know them
      form: "%d/%m/%Y"                # the first and last day in its description; %B %Y: a month
      month: 0                        # where they aren't written: the invoice's own month
    credit_notes:                     # which of them are credits of the agreement
      field: Reference
      values: {SLA: credit}
      otherwise: correction
"""

SYSTEM = System(
    name="xero",
    title="Xero",
    feeds=("customers", "invoices", "invoice_lines"),
    names=XeroNames,
    keys={
        "contacts": ("ContactID",),
        "invoices": ("InvoiceID",),
        "invoice_lines": ("LineItemID",),
        "tracking": (),
        "credit_notes": ("CreditNoteID",),
        "credit_note_lines": ("LineItemID",),
        "rows": (),
    },
    rows=rows,
    template=TEMPLATE,
    connection=Connection,
    secrets={"client_id": "XERO_CLIENT_ID", "client_secret": "XERO_CLIENT_SECRET"},
    api=api,
    exports=_EXPORTS,
    layouts=_LAYOUTS,
)
