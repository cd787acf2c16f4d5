"""What all systems that bill have in common: the days of a period, exact money, discounts of a
whole invoice, credit notes, and the rows that come of them (E1 to E4, C6).

A day belongs to the period in which it ends. So a period of a vendor, which ends where the next
one begins, ends on the day before that one's first, at whatever hour it begins; no day is in two
periods, and one that begins and ends on one day is of that day.

Does not belong here: what a system calls these things, which is in its file.
"""

import re
from calendar import monthrange
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from makegood.ingestion.connect.instants import from_epoch, moment, utc
from makegood.ingestion.connect.names import BillingNames, NoteKind, ServiceOf
from makegood.ingestion.connect.system import Record, Rows, Unmapped
from makegood.ingestion.feeds.messages import minor_digits
from makegood.ingestion.zones import zone

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_MONTH = re.compile(r"([0-9]{4})-([0-9]{2})(?:-[0-9]{2}(?:[T ].*)?)?")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LONGEST_MONTH = 31


@dataclass(frozen=True)
class Period:
    """First and last day, both inclusive, as ISO 8601 text."""

    start: str
    end: str


@dataclass(frozen=True)
class Line:
    """A line of an invoice or a credit note: what it charges after discounts and without tax
    (`amount`), and its tax. `subscription`: the system's id; `products`: what names its product,
    the narrowest first."""

    line_id: str
    kind: str
    amount: Decimal
    tax: Decimal = Decimal(0)
    period: Period | None = None
    subscription: str | None = None
    products: tuple[str, ...] = ()


@dataclass(frozen=True)
class Span:
    """A time in which a subscription was of one kind and status, by days, both inclusive."""

    start: str
    end: str | None
    kind: str = "paid"
    status: str = "active"


def day(at: str, time_zone: str) -> str:
    """The local day of an instant; a day stays as it is. Raises Unmapped for what is neither."""
    if _DAY.fullmatch(at):
        return at
    seconds, _ = moment(at)
    return (_EPOCH + timedelta(seconds=seconds)).astimezone(zone(time_zone)).date().isoformat()


def day_before(at: str) -> str:
    """The day before a day."""
    return (_date(at) - timedelta(days=1)).isoformat()


def until(start: str, end: str) -> Period:
    """The period of a vendor's start and exclusive end, given as days."""
    return Period(start, max(start, day_before(end)))


def _date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise Unmapped(f"{text!r} is not a day: the form is 2026-06-01") from error


def any_of(record: Record, *paths: str) -> str | None:
    """The first of the values that is there, as text."""
    return next((text for path in paths if (text := record.text(path))), None)


def instant(at: str) -> str:
    """An instant, as Unix time or as tables and exports write it; those without an offset are of
    UTC."""
    return from_epoch(at) if at.replace(".", "", 1).isdigit() else utc(at)


def number(record: Record, path: str) -> Decimal:
    """The number at a path, 0 where there is none. Raises Unmapped for what is not a number."""
    return Decimal(0) if (text := record.text(path)) is None else exact(text, path)


def is_nothing(record: Record, *paths: str) -> bool:
    """Whether the first of the amounts that is there is not above 0, so that there is nothing to
    pay; False where none is there."""
    text = any_of(record, *paths)
    return text is not None and exact(text, paths[0]) <= 0


def exact(text: str, what: str) -> Decimal:
    """The number that a text is. Raises Unmapped for what is not a number."""
    try:
        found = Decimal(text)
    except ArithmeticError as error:
        raise Unmapped(f"{what} is {text!r}, which is not a number") from error
    if not found.is_finite():
        raise Unmapped(f"{what} is {text!r}, which is not a number")
    return found


def digits(currency: str) -> int:
    """Decimals of a currency's minor unit by ISO 4217; 2 where it is not in there, which the feed
    rejects by name."""
    return minor_digits().get(currency) or 0 if currency in minor_digits() else 2


def from_minor(units: Decimal, decimals: int) -> Decimal:
    """The amount of so many minor units, of which a unit has `decimals`."""
    return units.scaleb(-decimals)


def written(amount: Decimal, currency: str) -> str:
    """An amount as text with the decimals of its currency, and more only if it has them."""
    wanted = digits(currency)
    short = amount.quantize(Decimal(1).scaleb(-wanted))
    return format(short if short == amount else amount.normalize(), "f")


def shares(total: Decimal, weights: Sequence[Decimal]) -> list[Decimal]:
    """A total split by weights, to its own last decimal, so that the parts add up to it: the
    cumulative share is rounded half up and the parts are the differences, as E3 spreads a line
    over days. Negative weights count as 0. Raises Unmapped where no weight is positive."""
    weights = [max(weight, Decimal(0)) for weight in weights]
    whole = sum(weights, Decimal(0))
    if whole <= 0:
        raise Unmapped(f"{total} is to be split, and there is no line to take it from")
    exponent = total.as_tuple().exponent
    assert isinstance(exponent, int)
    unit = Decimal(1).scaleb(min(exponent, 0))
    units, sign = int(abs(total) / unit), -1 if total < 0 else 1
    parts: list[Decimal] = []
    before, passed = 0, Decimal(0)
    for weight in weights:
        passed += weight
        # whole numbers: no digit is lost in a division
        scale = Decimal(10) ** max(0, *(_decimals(value) for value in (passed, whole)))
        share = (2 * units * int(passed * scale) + int(whole * scale)) // (2 * int(whole * scale))
        parts.append(sign * (share - before) * unit)
        before = share
    return parts


def _decimals(value: Decimal) -> int:
    exponent = value.as_tuple().exponent
    assert isinstance(exponent, int)
    return -exponent


@dataclass
class Bills:
    """Makes the rows of customers, subscriptions, invoices and lines.

    Subscriptions whose products are of several services or regions are several of ours, as ours
    never change theirs (E1): each is called `<id>/<service>/<region>`. Call `learn` with all
    products of all subscriptions first.
    """

    names: BillingNames
    out: Rows
    places: dict[str, dict[tuple[str, str], ServiceOf]] = field(
        default_factory=lambda: defaultdict(dict)
    )
    customers: dict[str, str] = field(default_factory=dict)
    lines: dict[str, str] = field(default_factory=dict)

    def day(self, record: Record, *paths: str) -> str | None:
        """The local day of the first of the instants that is there; None where there is none."""
        at = any_of(record, *paths)
        return None if at is None else day(instant(at), self.names.time_zone)

    def end(self, record: Record, *paths: str) -> str | None:
        """As `day`, of what ends then: the first day after it. What ends with the last second of a
        day, 23:59:59, holds that day."""
        at = any_of(record, *paths)
        if at is None or _DAY.fullmatch(at):
            return at
        seconds, _ = moment(instant(at))
        local = (_EPOCH + timedelta(seconds=seconds)).astimezone(zone(self.names.time_zone))
        if (local.hour, local.minute, local.second) == (23, 59, 59):
            local += timedelta(seconds=1)
        return local.date().isoformat()

    def period(self, record: Record, start: Sequence[str], end: Sequence[str]) -> Period | None:
        """The period from a start to an exclusive end, each at the first of the paths that is
        there; None where one is missing."""
        first_day, after = self.day(record, *start), self.end(record, *end)
        if first_day and after and any_of(record, *start) == any_of(record, *end):
            # an instant, whichever it is
            return Period(first_day, first_day)
        return until(first_day, after) if first_day and after else None

    def customer_id(self, theirs: str) -> str:
        """Our id of a customer."""
        return self.names.customers.get(theirs, theirs)

    def add_customer(self, theirs: str, name: str | None) -> None:
        """Names a customer. The first name counts, a customer without one is called by its id."""
        if name or theirs not in self.customers:
            self.customers[theirs] = self.customers.get(theirs) or name or ""

    def add_customers(self) -> None:
        """Adds the rows of `customers`: those that were named, on invoices too."""
        for theirs, name in self.customers.items():
            self.out.add(
                "customers", {"customer_id": self.customer_id(theirs), "name": name or theirs}
            )

    def learn(self, subscription: str | None, products: Iterable[str]) -> None:
        """Tells of a product of a subscription, those that it has now first. One without a name is
        counted as unnamed, unless `kinds` has it: it is then charged without being a service."""
        known = list(products)
        if not self.names.products or not subscription or not known:
            return
        if place := self._place(known):
            first = self.places[subscription].setdefault((place.service, place.region), place)
            if first.support_plan != place.support_plan:
                self.out.note(
                    "subscriptions with several support plans for one service count with that of "
                    "their present product: since when they have it is not known"
                )
        elif not any(product in self.names.kinds for product in known):
            # its widest name, of which there are the fewest
            self.out.unnamed["products", known[-1]] += 1

    def _place(self, products: Iterable[str]) -> ServiceOf | None:
        return next(
            (self.names.products[name] for name in products if name in self.names.products), None
        )

    def subscription_id(self, theirs: str | None, products: Iterable[str]) -> str | None:
        """Our id of the subscription that a line with these products is for."""
        if theirs is None:
            return None
        if self.names.subscriptions and not self.names.products:
            return self.out.named("subscriptions", theirs, self.names.subscriptions)
        base = self.names.subscriptions.get(theirs, theirs)
        place = self._place(products)
        if len(self.places[theirs]) < 2 or place is None:
            return base
        return f"{base}/{place.service}/{place.region}"

    def add_subscription(self, theirs: str, customer: str, spans: Sequence[Span]) -> None:
        """Adds the rows of `subscriptions` of one of theirs. Raises Unmapped if none of its
        products has a name."""
        if not self.places[theirs]:
            raise Unmapped("none of its products is in `products`, so its service is not known")
        for place in self.places[theirs].values():
            base = self.names.subscriptions.get(theirs, theirs)
            ours = (
                base if len(self.places[theirs]) == 1 else f"{base}/{place.service}/{place.region}"
            )
            for span in spans:
                self.out.add(
                    "subscriptions",
                    {
                        "subscription_id": ours,
                        "customer_id": self.customer_id(customer),
                        "service_id": place.service,
                        "region": place.region,
                        "support_plan": place.support_plan or self.names.support_plan,
                        "kind": span.kind,
                        "status": span.status,
                        "valid_from": span.start,
                        "valid_to": span.end,
                    },
                )

    def kind(self, says: Sequence[str], known: str | None) -> str:
        """The kind of a line: by the first of `says` (its product, its type; the narrowest first)
        that `kinds` names, else what the system knows. Where neither knows it, the widest stays as
        it is, and is counted."""
        for said in says:
            if said in self.names.kinds:
                return self.names.kinds[said]
        if known:
            return known
        if not says:
            raise Unmapped("nothing says the kind of the line")
        return self.out.named("kinds", says[-1], self.names.kinds)

    def add_invoice(self, invoice_id: str, customer: str, status: str, **days: str | None) -> None:
        """Adds a row of `invoices`."""
        if status == "paid" and days.get("paid_on") is None and self.names.paid_on:
            self.out.note("invoices that are paid, nobody says when, count as paid when due")
            days["paid_on"] = days.get("due_on") or days.get("issued_on")
        self.out.add(
            "invoices",
            {
                "invoice_id": invoice_id,
                "customer_id": self.customer_id(customer),
                "status": status,
                **days,
            },
        )

    def add_lines(self, invoice_id: str, currency: str, lines: Iterable[Line]) -> None:
        """Adds the rows of `invoice_lines`, and one for the tax of each. Raises Unmapped where a
        line's id is that of another invoice's line, which it would replace."""
        for line in lines:
            other = self.lines.setdefault(line.line_id, invoice_id)
            if other != invoice_id:
                raise Unmapped(f"its line {line.line_id} is one of {other} too: ids are not unique")
            ours = self.subscription_id(line.subscription, line.products)
            if line.kind == "credit" and ours is None:
                self.out.note("credits without a subscription count for none")
            for line_id, kind, amount in (
                (line.line_id, line.kind, line.amount),
                (f"{line.line_id}:tax", "tax", line.tax),
            ):
                if kind == "tax" and not amount:
                    continue
                self.out.add(
                    "invoice_lines",
                    {
                        "line_id": line_id,
                        "invoice_id": invoice_id,
                        "subscription_id": ours,
                        "line_kind": kind,
                        "period_start": line.period.start if line.period else None,
                        "period_end": line.period.end if line.period else None,
                        "amount": written(amount, currency),
                        "currency": currency,
                    },
                )

    def credited(self, line: Record, note: Record, period: Period | None) -> Period | None:
        """The period for which a credit is: the month that its line or note says, else the period
        of the line that it takes from. One that is longer than a month doesn't say which month is
        meant: it is left out, and the feed rejects the line by name."""
        if path := self.names.credit_notes.month:
            if said := line.text(path) or note.text(path):
                return month(said, path)
            self.out.note("credits that don't say their month: it is that of the line's period")
        if period is None:
            self.out.note("credits without a month: name where they say it in credit_notes.month")
            return None
        if (_date(period.end) - _date(period.start)).days >= _LONGEST_MONTH:
            self.out.note(
                "credits of lines of more than a month: name where they say theirs in "
                "credit_notes.month"
            )
            return None
        if period.start[:7] != period.end[:7]:
            self.out.note(
                "credits of lines over two months count for the first: name where they say theirs "
                "in credit_notes.month"
            )
        return period

    def note_kind(self, note: Record, path: str, known: Mapping[str, NoteKind]) -> NoteKind:
        """Whether a credit note is a credit or a correction."""
        return self.names.credit_notes.kind(note, path, known)


def month(said: str, what: str) -> Period:
    """The month that a text says: 2026-06, or a day in it. Raises Unmapped for anything else."""
    found = _MONTH.fullmatch(said)
    if not found or not 1 <= int(found[2]) <= 12:
        raise Unmapped(f"{what} is {said!r}, which is not a month: the form is 2026-06")
    year, number = int(found[1]), int(found[2])
    return Period(f"{year}-{number:02}-01", f"{year}-{number:02}-{monthrange(year, number)[1]}")
