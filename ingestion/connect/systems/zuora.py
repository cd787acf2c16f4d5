"""Zuora Billing: accounts, subscriptions, invoices and credit memos with their items.

Read over the Object Query API, since ZOQL knows no credit memos. Lists are asked for what was
updated since the last pull, in the order of ids: a record that is updated in between repeats
others, and hides none. Fields are known by their letters alone, so that `invoiceDate` (API),
`InvoiceDate` (ZOQL), `invoice_date` (Fivetran), `invoicedate` (Data Query, Airbyte) and
`Invoice: Invoice Date` (data source exports) are one.

Dates are days without a zone, and unlike elsewhere the end of service is its last day. A discount
is an item of its own, negative, of the kind of the item that it is applied to; amounts of items are
without tax. An invoice is paid when its balance is 0, on the day of the last payment or credit that
was applied to it. Subscriptions are called by their number, which all of their versions share.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from makegood.ingestion.connect import billing
from makegood.ingestion.connect.billing import Bills, Line, Period, Span, any_of
from makegood.ingestion.connect.instants import from_epoch, moment
from makegood.ingestion.connect.names import BillingNames, Strict
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
    "draft": "draft",
    "generating": "draft",
    "error": "draft",
    "posted": "issued",
    "canceled": "void",
    "cancelled": "void",
}
_KINDS = {"recurring": "recurring", "onetime": "one_off", "one-time": "one_off", "usage": "usage"}
_DISCOUNTS = frozenset(("1", "discount"))
_TAXES = frozenset(("3", "tax"))
# those that a bill run makes of negative charges
_GENERATED = frozenset(("subscription", "order"))
_LAG_S = 600


class Connection(Strict):
    """`url`: of the data center, as in https://rest.eu.zuora.com; `start`: the first day whose
    changes are read; `invoice_settlement`: whether the tenant has it, and with it credit memos."""

    url: str
    start: date
    invoice_settlement: bool = True


def api(connection: Connection, secrets: Mapping[str, str]) -> Api:
    """Object queries of what was updated, with the client credentials of an OAuth client."""
    start_s = moment(f"{connection.start}T00:00:00Z")[0]

    def updated(name: str) -> dict[str, Any]:
        return {
            "name": name,
            "endpoint": {
                "path": f"/object-query/{name.replace('_', '-')}",
                "data_selector": "data",
                "paginator": {
                    "type": "cursor",
                    "cursor_path": "nextPage",
                    "cursor_param": "cursor",
                },
                "params": {
                    "pageSize": 99,
                    "sort[]": "id.ASC",
                    "filter[]": "updateddate.GE:{incremental.start_value}",
                },
                "incremental": {
                    "cursor_path": "updated_s",
                    "initial_value": start_s,
                    "lag": _LAG_S,
                    "convert": lambda seconds: from_epoch(seconds),
                },
            },
        }

    names = ["accounts", "subscriptions", "rate_plan_charges", "invoices", "invoice_items"]
    if connection.invoice_settlement:
        names += ["credit_memos", "credit_memo_items"]
        names += ["payment_applications", "credit_memo_applications"]
    return Api(
        client={
            "base_url": connection.url,
            "auth": {
                "type": "oauth2_client_credentials",
                "access_token_url": f"{connection.url}/oauth/token",
                "client_id": secrets["client_id"],
                "client_secret": secrets["client_secret"],
            },
        },
        resources=[updated(name) for name in names],
        page=_page,
    )


def _page(page: dict[str, Value]) -> dict[str, Value]:
    """Adds when each record was updated, as Unix time: texts with different offsets have no order.
    Some errors come as an answer like others."""
    if page.get("success") is False:
        raise ValueError(f"Zuora refuses: {page.get('reasons') or page.get('processId')}")
    if not isinstance(page.get("data"), list):
        return page
    return page | {
        "data": [item | {"updated_s": moment(item["updatedDate"])[0]} for item in page["data"]]
    }


def rows(records: Records, names: BillingNames, out: Rows) -> None:
    """Customers, subscriptions, and invoices and credit memos with their items."""
    tenant = _Tenant(records, names, out)
    out.of_each("accounts", "id", tenant.accounts, tenant.account)
    out.of_each("subscriptions", "number", tenant.subscriptions, tenant.subscription)
    out.of_each("invoices", "id", tenant.invoices, tenant.invoice)
    out.of_each("credit memos", "id", tenant.memos, tenant.memo)
    tenant.bills.add_customers()


class _Tenant:
    """All records, and what is known of one by another."""

    def __init__(self, records: Records, names: BillingNames, out: Rows) -> None:
        self.bills, self.out = Bills(names, out), out
        self.accounts = _read(records, "accounts", "account")
        self.invoices = _read(records, "invoices", "invoice")
        self.memos = _read(records, "credit_memos", "creditmemo")
        items = _read(records, "invoice_items", "invoiceitem")
        memo_items = _read(records, "credit_memo_items", "creditmemoitem")
        versions = _read(records, "subscriptions", "subscription")
        charges = _read(records, "rate_plan_charges", "rateplancharge")
        self.currency_of = {one.text("id"): one.text("currency") for one in self.accounts}
        self.number_of = {
            version.text("id"): any_of(version, "subscriptionnumber", "name")
            for version in versions
        }
        self.subscriptions = _latest(versions)
        self.type_of = {
            charge.text("id"): (charge.text("chargetype") or "").lower() for charge in charges
        }
        self.items = grouped(items, "invoiceid")
        self.memo_items = grouped(memo_items, "creditmemoid")
        self.item_of = {item.text("id"): item for item in items}
        self.paid_on: dict[str, str] = {}
        for part in (
            *_read(records, "payment_applications", ""),
            *_read(records, "credit_memo_applications", ""),
        ):
            invoice, at = part.text("invoiceid"), any_of(part, "effectivedate", "applicationdate")
            if invoice and at:
                self.paid_on[invoice] = max(at[:10], self.paid_on.get(invoice, ""))
        present = {version.text("id") for version in self.subscriptions}
        for charge in sorted(charges, key=lambda one: one.text("subscriptionid") not in present):
            products = _texts(charge, "productrateplanchargeid", "name", "productid")
            self.bills.learn(self._subscription(charge), products)
        for item in items:
            if not charges:
                self.bills.learn(self._subscription(item), _products(item))

    # ------------------------------------------------------------ accounts and subscriptions

    def account(self, record: Record) -> None:
        if _is_deleted(record):
            return
        self.bills.add_customer(record.needed("id"), record.text("name"))

    def _subscription(self, record: Record) -> str | None:
        """The number of a subscription, which its versions share."""
        version = record.text("subscriptionid")
        return any_of(record, "subscriptionnumber") or (
            self.number_of.get(version) or version if version else None
        )

    def subscription(self, record: Record) -> None:
        """The span of its latest version. A day on which it ends is the first one after it."""
        status = (record.text("status") or "").lower().replace(" ", "")
        if not self.bills.names.products or status in (
            "draft",
            "pendingactivation",
            "pendingacceptance",
        ):
            return
        start = _day(
            record, "serviceactivationdate", "contracteffectivedate", "subscriptionstartdate"
        )
        if start is None:
            raise Unmapped("contractEffectiveDate is missing")
        end = _day(record, "subscriptionenddate", "termenddate")
        if status == "cancelled":
            # its end is then the day of the cancellation's effect; the term ends as before
            end = _day(record, "subscriptionenddate", "cancelleddate", "termenddate")
        elif status != "expired" and (
            record.text("autorenew") == "true" or (record.text("termtype") or "") == "EVERGREEN"
        ):
            # the term ends, and the next one begins
            end = None
        if status == "suspended":
            self.out.note(
                "subscriptions that are suspended count as active: since when they are is not known"
            )
        customer = record.needed("accountid")
        self.bills.add_customer(customer, None)
        if end is not None and end <= start:
            self.out.note("subscriptions that were cancelled before they began are left")
            return
        last = billing.day_before(end) if end else None
        self.bills.add_subscription(record.needed("number"), customer, [Span(start, last)])

    # ------------------------------------------------------------ invoices

    def _currency(self, record: Record) -> str:
        found = any_of(record, "currency", "transactioncurrency") or self.currency_of.get(
            record.text("accountid")
        )
        if not found:
            raise Unmapped("its currency is not known: neither it nor its account says it")
        return found.upper()

    def invoice(self, record: Record) -> None:
        invoice_id = record.needed("id")
        if _is_deleted(record):
            self.out.delete("invoices", {"invoice_id": invoice_id})
            return
        customer = record.needed("accountid")
        currency = self._currency(record)
        given = record.needed("status")
        status = _STATUSES.get(given.lower(), given)
        issued, paid = _day(record, "invoicedate"), None
        if status == "issued" and record.text("balance") is None:
            raise Unmapped("balance is missing, so nothing says whether it is paid")
        if status == "issued" and not billing.number(record, "balance"):
            status, paid = "paid", self.paid_on.get(invoice_id)
            if billing.is_nothing(record, "amount", "amountwithouttax"):
                # there was nothing to pay
                paid = paid or issued
        self.bills.add_customer(customer, record.text("accountname"))
        self.bills.add_invoice(
            invoice_id,
            customer,
            status,
            issued_on=None if status == "draft" else issued,
            due_on=_day(record, "duedate"),
            paid_on=paid,
        )
        found = self.items[invoice_id]
        self._check(record, found, status)
        self.bills.add_lines(
            invoice_id, currency, [self._line(item, record) for item in found if self._kept(item)]
        )

    def _kept(self, item: Record) -> bool:
        """Whether the item is there still; what was deleted is taken back."""
        if _is_deleted(item):
            self.out.delete("invoice_lines", {"line_id": item.needed("id")})
            return False
        return True

    def _check(self, record: Record, found: list[Record], status: str) -> None:
        """Items must add up to the invoice, else some are missing."""
        wanted = record.text("amountwithouttax")
        if status == "draft" or (wanted is None and record.text("amount") is None):
            return
        kept = [item for item in found if not _is_deleted(item)]
        taxes = sum(
            (
                billing.number(item, "chargeamount")
                for item in kept
                if (item.text("processingtype") or "").lower() in _TAXES
            ),
            Decimal(0),
        )
        net = sum((billing.number(item, "chargeamount") for item in kept), Decimal(0)) - taxes
        tax = sum((billing.number(item, "taxamount") for item in kept), Decimal(0)) + taxes
        total = billing.exact(wanted, "amountWithoutTax") if wanted else None
        if total is not None and net == total:
            return
        if total is None and net + tax == billing.number(record, "amount"):
            return
        raise Unmapped(
            f"its items add up to {net} without tax, and its own amount is "
            f"{wanted or record.text('amount')}: items are missing"
        )

    def _kind(self, item: Record) -> str:
        products = _products(item)
        processing = (item.text("processingtype") or "").lower()
        if processing in _TAXES:
            return "tax"
        applied = self.item_of.get(item.text("appliedtoinvoiceitemid"))
        if processing in _DISCOUNTS and applied and not self._is_named(products):
            return self._kind(applied)
        said = (item.text("chargetype") or "").lower() or self.type_of.get(
            item.text("rateplanchargeid"), ""
        )
        known = _KINDS.get(said)
        if known is None and (item.text("sourceitemtype") or "").lower() == "rounding":
            known = "one_off"
        return self.bills.kind([*products, *([said] if said else [])], known)

    def _is_credit(self, item: Record) -> bool:
        """Whether `kinds` says that an item is a credit, whatever its memo says."""
        names = self.bills.names.kinds
        return next((names[name] for name in _products(item) if name in names), None) == "credit"

    def _is_named(self, products: Iterable[str]) -> bool:
        return any(name in self.bills.names.kinds for name in products)

    def _line(self, item: Record, invoice: Record) -> Line:
        kind, period = self._kind(item), _period(item)
        if kind == "credit":
            period = self.bills.credited(item, invoice, period)
        return Line(
            item.needed("id"),
            kind,
            billing.number(item, "chargeamount"),
            billing.number(item, "taxamount"),
            period,
            self._subscription(item),
            tuple(_products(item)),
        )

    # ------------------------------------------------------------ credit memos

    def memo(self, record: Record) -> None:
        """A credit memo as an invoice of its own, whose lines are negative."""
        memo_id = record.needed("id")
        if _is_deleted(record):
            self.out.delete("invoices", {"invoice_id": memo_id})
            return
        is_generated = (record.text("sourcetype") or "").lower() in _GENERATED
        found = [item for item in self.memo_items[memo_id] if self._kept(item)]
        is_asked = not is_generated and not all(self._is_credit(item) for item in found)
        kind = self.bills.note_kind(record, "reasoncode", {}) if is_asked else "correction"
        customer, currency = record.needed("accountid"), self._currency(record)
        given = record.needed("status")
        total = any_of(record, "totalamount", "amount")
        if total and not found:
            raise Unmapped("none of its items is known: they are in another export or table")
        charged = sum(
            (_without_tax(item) + billing.number(item, "taxamount") for item in found), Decimal(0)
        )
        if given.lower() == "posted" and total and charged != billing.exact(total, "totalAmount"):
            raise Unmapped(
                f"its items add up to {charged}, and its own amount is {total}: items are missing, "
                "or were deleted while it was a draft; the latter go with --from-start"
            )
        self.bills.add_customer(customer, None)
        status = _STATUSES.get(given.lower(), given)
        if record.is_true("reversed"):
            # a debit memo, which is not read, takes all of it back
            status = "void"
        self.bills.add_invoice(
            memo_id,
            customer,
            status,
            issued_on=None if status == "draft" else _day(record, "creditmemodate", "memodate"),
        )
        self.bills.add_lines(
            memo_id, currency, [self._credited(item, record, kind) for item in found]
        )

    def _credited(self, item: Record, memo: Record, kind: str) -> Line:
        taken_from = self.item_of.get(
            any_of(item, "invoiceitemid", "creditfromitemid", "sourceitemid")
        )
        products = _products(item) or (_products(taken_from) if taken_from else [])
        of_item = _period(taken_from) if taken_from else None
        period = _period(item) or of_item
        if kind == "credit" or self._is_credit(item):
            line_kind = "credit"
        elif taken_from and not self._is_named(_products(item)):
            line_kind = self._kind(taken_from)
        else:
            line_kind = self._kind(item)
        if line_kind == "credit":
            period = self.bills.credited(item, memo, of_item or period)
        return Line(
            item.needed("id"),
            line_kind,
            -_without_tax(item),
            -billing.number(item, "taxamount"),
            period,
            self._subscription(item) or (self._subscription(taken_from) if taken_from else None),
            tuple(products),
        )


def _letters(name: str) -> str:
    return "".join(name.split()).replace("_", "").lower()


def _read(records: Records, resource: str, base: str) -> list[Record]:
    """Records with their fields by their letters, and as they are called; of an export's rows, the
    part that is of `base`, each once."""
    found = [
        Record(
            {**record.data, **{_letters(name): value for name, value in record.data.items()}},
            record.where,
        )
        for record in records.get(resource, ())
    ]
    if not base:
        return found
    parts: dict[str, Record] = {}
    for row in (*records.get("invoice_item_rows", ()), *records.get("memo_item_rows", ())):
        part = row.get(base)
        if isinstance(part, Mapping) and (key := Record(part).text("id")):
            # each row knows what it shows of it
            shown = {name: value for name, value in part.items() if value not in (None, "")}
            known = parts[key].data if key in parts else {}
            parts[key] = Record({**known, **shown}, row.where)
    return [*found, *parts.values()]


def _latest(versions: list[Record]) -> list[Record]:
    """Of the versions of each subscription the latest, with its number as `number`."""
    found: dict[str, Record] = {}
    for version in versions:
        number = any_of(version, "subscriptionnumber", "name", "id")
        if number is None or _is_deleted(version):
            continue
        known = found.get(number)
        if known is None or _version(version) >= _version(known):
            found[number] = Record({**version.data, "number": number}, version.where)
    return [*found.values()]


def _version(record: Record) -> Decimal:
    return billing.number(record, "version")


def _is_deleted(record: Record) -> bool:
    return (any_of(record, "_fivetran_deleted", "deleted") or "").lower() == "true"


def _texts(record: Record, *paths: str) -> list[str]:
    return [text for path in paths if (text := record.text(path))]


def _products(item: Record) -> list[str]:
    """What names the product of an item, the narrowest first."""
    return _texts(item, "productrateplanchargeid", "chargename", "sku", "productid", "productname")


def _day(record: Record, *paths: str) -> str | None:
    """The day at the first of the paths that is there. A time behind it says nothing: Zuora's days
    have no zone."""
    text = any_of(record, *paths)
    return None if text is None else billing.day(text[:10], "UTC")


def _period(item: Record) -> Period | None:
    start, end = _day(item, "servicestartdate"), _day(item, "serviceenddate")
    return Period(start, max(start, end or start)) if start else None


def _without_tax(item: Record) -> Decimal:
    if item.text("amountwithouttax") is not None:
        return billing.number(item, "amountwithouttax")
    amount = billing.number(item, "amount")
    if (item.text("taxmode") or "").lower() == "taxinclusive":
        amount -= billing.number(item, "taxamount")
    return amount


# ---------------------------------------------------------------- exports


def _row(row: Mapping[str, Value]) -> dict[str, Value]:
    """A row of a data source: its objects, each by the letters of its fields. Columns are called
    `Invoice Item: Charge Amount` on screen, `InvoiceItem.ChargeAmount` where a program asked."""
    made: dict[str, dict[str, Value]] = defaultdict(dict)
    for column, value in row.items():
        of, _, name = column.partition(": " if ": " in column else ".")
        made[_letters(of)][_letters(name)] = value
    invoice, account = made["invoice"], made["account"]
    memo, subscription = made["creditmemo"], made["subscription"]
    account["id"] = account.get("id") or account.get("accountnumber")
    subscription_id = subscription.get("name") or subscription.get("subscriptionnumber")
    for head, number in ((invoice, "invoicenumber"), (memo, "memonumber")):
        head["id"] = head.get("id") or head.get(number)
        head["accountid"] = head.get("accountid") or account["id"]
    for item, of, head in (
        (made["invoiceitem"], "invoiceid", invoice),
        (made["creditmemoitem"], "creditmemoid", memo),
    ):
        item[of] = item.get(of) or head["id"]
        item["subscriptionnumber"] = item.get("subscriptionnumber") or subscription_id
        item["chargetype"] = made["rateplancharge"].get("chargetype")
        item["productname"] = made["product"].get("name")
        item["sku"] = item.get("sku") or made["product"].get("sku")
    # what a subscription is, only its own data source says
    made.pop("subscription")
    made.pop("rateplancharge")
    return dict(made)


_EXPORTS = (
    Export(
        "invoice_item_rows",
        "the data source Invoice Item (CSV)",
        (
            "Invoice Item: ID",
            "Invoice Item: Charge Amount",
            "Invoice Item: Service Start Date",
            "Invoice Item: Service End Date",
            "Invoice: Invoice Number",
            "Invoice: Invoice Date",
            "Invoice: Status",
            "Invoice: Balance",
            "Rate Plan Charge: Charge Type",
        ),
        record=_row,
        times=(
            "Invoice: Invoice Date",
            "Invoice: Due Date",
            "Invoice Item: Service Start Date",
            "Invoice Item: Service End Date",
        ),
        amounts=(
            "Invoice: Amount",
            "Invoice: Amount Without Tax",
            "Invoice: Balance",
            "Invoice Item: Charge Amount",
            "Invoice Item: Tax Amount",
        ),
    ),
    Export(
        "memo_item_rows",
        "the data source Credit Memo Item (CSV)",
        (
            "Credit Memo Item: ID",
            "Credit Memo Item: Amount",
            "Credit Memo: Memo Number",
            "Credit Memo: Status",
        ),
        record=_row,
        times=(
            "Credit Memo: Credit Memo Date",
            "Credit Memo: Memo Date",
            "Credit Memo Item: Service Start Date",
            "Credit Memo Item: Service End Date",
        ),
        amounts=("Credit Memo: Total Amount", "Credit Memo Item: Amount"),
    ),
    *(
        Export(
            resource,
            f"{resource.replace('_', ' ')}, as object queries list them (JSON)",
            columns,
            path="data",
        )
        for resource, columns in (
            ("accounts", ("id", "accountNumber", "name")),
            ("subscriptions", ("id", "contractEffectiveDate", "version")),
            ("rate_plan_charges", ("id", "chargeType", "productRatePlanChargeId")),
            ("invoices", ("id", "invoiceDate", "balance")),
            ("invoice_items", ("id", "invoiceId", "chargeAmount")),
            ("credit_memos", ("id", "creditMemoDate", "status")),
            ("credit_memo_items", ("id", "creditMemoId", "amount")),
            ("payment_applications", ("id", "paymentId", "invoiceId", "effectiveDate")),
        )
    ),
)

# ---------------------------------------------------------------- tables

_FIVETRAN = Layout(
    tables=("account", "invoice", "invoice_item"),
    queries={
        "accounts": "select * from account",
        "subscriptions": "select * from subscription",
        "rate_plan_charges": "select * from rate_plan_charge",
        "invoices": "select * from invoice",
        "invoice_items": "select * from invoice_item",
        "credit_memos": "select * from credit_memo",
        "credit_memo_items": "select * from credit_memo_item",
        "payment_applications": """
            select i.id, i.invoice_id, iso(p.effective_date) as effective_date
            from invoice_payment as i
            inner join payment as p on i.payment_id = p.id
            where lower(p.status) = 'processed'
        """,
    },
    optional={
        "subscription": ("id", "name"),
        "rate_plan_charge": ("id", "charge_type"),
        "credit_memo": ("id",),
        "credit_memo_item": ("id", "credit_memo_id"),
        "invoice_payment": ("id", "invoice_id", "payment_id"),
        "payment": ("id", "effective_date", "status"),
    },
)
_AIRBYTE = Layout(
    tables=("account", "invoice", "invoiceitem"),
    queries={
        "accounts": "select * from account",
        "subscriptions": "select * from subscription",
        "rate_plan_charges": "select * from rateplancharge",
        "invoices": "select * from invoice",
        "invoice_items": "select * from invoiceitem",
        "credit_memos": "select * from creditmemo",
        "credit_memo_items": "select * from creditmemoitem",
        "payment_applications": "select * from paymentapplication",
        "credit_memo_applications": "select * from creditmemoapplication",
    },
    optional={
        "subscription": ("id", "name"),
        "rateplancharge": ("id", "chargetype"),
        "creditmemo": ("id",),
        "creditmemoitem": ("id", "creditmemoid"),
        "paymentapplication": ("id", "invoiceid", "effectivedate"),
        "creditmemoapplication": ("id", "invoiceid", "effectivedate"),
    },
)

TEMPLATE = """\
    system: zuora
    api:                              # an OAuth client: ZUORA_CLIENT_ID, ZUORA_CLIENT_SECRET
      url: https://rest.eu.zuora.com  # of your data center
      start: 2025-01-01               # the first day whose changes are read
    products:                         # charge, SKU or product: the service and region it sells
      SKU-00000016: {service: SVC-1, region: eu, support_plan: premium}
    # instead, where your subscriptions are delivered otherwise: theirs, and yours
    # subscriptions: {A-S00000019: SUB-1}
    # customers: {8a8082e65b27f6c3: CUST-1}
    # kinds: {Setup: one_off}         # of items that are not what their charge says
    credit_notes:                     # which credit memos are credits of the agreement
      values: {SLA credit: credit}    # what their reason code says: credit or correction
      otherwise: correction
      # month: SLAMonth__c            # where they say their month (2026-06)
"""

SYSTEM = System(
    name="zuora",
    title="Zuora",
    feeds=("customers", "subscriptions", "invoices", "invoice_lines"),
    names=BillingNames,
    keys={
        "accounts": ("id",),
        "subscriptions": ("id",),
        "rate_plan_charges": ("id",),
        "invoices": ("id",),
        "invoice_items": ("id",),
        "credit_memos": ("id",),
        "credit_memo_items": ("id",),
        "payment_applications": ("id",),
        "credit_memo_applications": ("id",),
        "invoice_item_rows": ("invoiceitem.id",),
        "memo_item_rows": ("creditmemoitem.id",),
    },
    rows=rows,
    template=TEMPLATE,
    connection=Connection,
    secrets={"client_id": "ZUORA_CLIENT_ID", "client_secret": "ZUORA_CLIENT_SECRET"},
    api=api,
    exports=_EXPORTS,
    layouts={"fivetran": _FIVETRAN, "airbyte": _AIRBYTE},
)
