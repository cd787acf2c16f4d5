"""The names that connect.yaml gives to what systems call otherwise, shared by systems of a kind.

Does not belong here: what only one system has, which is in its file.
"""

import re
from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from makegood.ingestion.connect.system import Record, Row, Rows, Unmapped
from makegood.ingestion.values import Zone

State = Literal["working", "paused", "resolved", "closed", "cancelled"]
LineKind = Literal["recurring", "usage", "one_off", "tax", "credit"]
NoteKind = Literal["credit", "correction"]


class Strict(BaseModel):
    """Settings: what is unknown is refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def _as_text(value: object) -> object:
    """Ids are often numbers, and YAML reads `1001` as one."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _variable(value: object) -> object:
    if not isinstance(value, str) or not re.fullmatch(r"[A-Z_][A-Z0-9_]*", value):
        # not shown: it may be the secret
        raise ValueError(
            "must be the name of an environment variable, in capitals, as in DESK_TOKEN: secrets "
            "themselves are never written here"
        )
    return value


Id = Annotated[str, BeforeValidator(_as_text), Field(min_length=1)]
# the environment variable that holds a secret
Variable = Annotated[str, BeforeValidator(_variable)]


class Lookup(Strict):
    """Which of ours a record is of: `field` is where the record says so (several are joined by
    ` / `), `values` what it says -> our id; without `values` it says our id itself. `otherwise`:
    our id where the record says nothing, or something that is not in `values`."""

    field: str | list[str] | None = None
    values: dict[str, Id] = {}
    otherwise: Id | None = None

    def of(self, record: Record, setting: str, rows: Rows) -> str | None:
        """Our id; None where nothing says it. A value without a name stays as it is, and is
        counted as `unnamed` of the setting."""
        fields = [self.field] if isinstance(self.field, str) else self.field or []
        parts = [text for path in fields if (text := record.text(path))]
        if not parts or len(parts) < len(fields):
            return self.otherwise
        value = " / ".join(parts)
        if not self.values:
            return value
        if value not in self.values and self.otherwise:
            return self.otherwise
        return rows.named(f"{setting}.values", value, self.values)


class Place(Strict):
    """Which part of our service something is: `component` is our id of it, by default the
    system's own. A component that another source describes needs `component` alone."""

    service: Id | None = None
    region: Id | None = None
    component: Id | None = None
    redundancy_group: Id | None = None
    environment: Literal["production", "staging", "test", "development"] = "production"
    active_from: str | None = None
    active_to: str | None = None

    @model_validator(mode="after")
    def _is_described(self) -> "Place":
        if self.component and self.model_fields_set == {"component"}:
            return self
        if not self.service or not self.region:
            raise ValueError(
                "give service and region, or component alone where another source describes it"
            )
        return self


class PlaceNames(Strict):
    """For systems that watch: each monitor, series or component -> its place. What has no place is
    left and named, and so is what is in `ignore`, without a word."""

    places: dict[str, Place] = {}
    ignore: list[Id] = []

    def component(self, name: str) -> str | None:
        """Our id of what the system calls `name`; None if it has no place."""
        place = self.places.get(name)
        return None if place is None else place.component or name

    def add_components(self, rows: Rows) -> None:
        """Adds a row of `components` for each place that is described here."""
        for name, place in self.places.items():
            if not place.service:
                continue
            rows.add(
                "components",
                {
                    "component_id": place.component or name,
                    "service_id": place.service,
                    "region": place.region,
                    "redundancy_group": place.redundancy_group,
                    "environment": place.environment,
                    "active_from": place.active_from,
                    "active_to": place.active_to,
                },
            )

    def unplaced(self, name: str, rows: Rows) -> None:
        """Counts a name that has no place, unless it is to be ignored."""
        if name not in self.ignore:
            rows.unnamed["places", name] += 1


class DeskNames(Strict):
    """For help desks: what their values mean to us.

    `severities`: priority -> severity of the contract, `request_severities`: that of requests,
    where a contract has other levels for them (K4); `states`: status -> what the clock does in
    it, beside those that the system knows itself; `types`: type -> ticket_type (others are
    `otherwise_type`); `subscription`: whose a ticket is; `resolution_kind`: how tickets are
    resolved, where the desk doesn't say; `responds`: statuses whose first entry is the response,
    for desks without public replies.
    """

    severities: dict[str, Id] = {}
    request_severities: dict[str, Id] = {}
    states: dict[str, State] = {}
    types: dict[str, Literal["incident", "request", "configuration_assistance"]] = {}
    otherwise_type: Literal["incident", "request", "configuration_assistance"] = "incident"
    environment: Lookup = Lookup(otherwise="production")
    subscription: Lookup = Lookup()
    resolution_kind: Literal["restored", "workaround", "integrity_confirmed"] = "restored"
    responds: list[str] = []
    incident: Lookup = Lookup()
    outage: Lookup = Lookup()
    exclusion_kind: Lookup = Lookup()

    def severity(self, priority: str | None, rows: Rows) -> str | None:
        """Our severity of a priority of the ticket whose row was added last; None for a ticket
        without one."""
        if priority is None:
            return None
        tickets = rows.feeds.get("tickets", [])
        is_request = bool(tickets) and tickets[-1].get("ticket_type") == "request"
        if is_request and priority in self.request_severities:
            return self.request_severities[priority]
        return rows.named("severities", priority, self.severities)

    def ticket(
        self,
        ticket_id: str,
        record: Record,
        kind: str | None,
        rows: Rows,
        known: Mapping[str, str] | None = None,
        **more: str | bool | None,
    ) -> Row:
        """A row of `tickets`. `kind`: the type, as the desk calls it; `known`: what its types are
        without a name; `more`: what the desk itself says, which the names go before."""
        types = {**(known or {}), **self.types}
        row: Row = {
            "ticket_id": ticket_id,
            "subscription_id": self.subscription.of(record, "subscription", rows),
            "ticket_type": types.get(kind or "", self.otherwise_type),
            "environment": self.environment.of(record, "environment", rows),
            "exclusion_kind": self.exclusion_kind.of(record, "exclusion_kind", rows),
            "incident_id": self.incident.of(record, "incident", rows),
            "outage_id": self.outage.of(record, "outage", rows),
        }
        return row | {name: value for name, value in more.items() if row.get(name) is None}


class ServiceOf(Strict):
    """A service and region of ours."""

    service: Id
    region: Id
    support_plan: Id | None = None


class CreditNotes(Strict):
    """What credit notes are: a credit that the agreement promises (`credit`, C6), or the correction
    of a fee (`correction`, E3).

    `field`: where a credit note says what it is for, by default where the system keeps its reason;
    `values`: what it says -> which of the two, beside those that the system knows itself;
    `otherwise`: for all others; without it they are left by name. `month`: where a line or its
    credit note says for which month it is (2026-06), by default the period of the line.
    """

    field: str | None = None
    values: dict[str, NoteKind] = {}
    otherwise: NoteKind | None = None
    month: str | None = None

    def kind(self, note: Record, field: str, known: Mapping[str, NoteKind]) -> NoteKind:
        """Which of the two a credit note is. `field` and `known`: where the system keeps its
        reason, and what those reasons are. Raises Unmapped where nothing says it."""
        path = self.field or field
        said = note.text(path)
        names = self.values if self.field else dict(known) | self.values
        found = names.get(said, self.otherwise) if said else self.otherwise
        if found is None:
            raise Unmapped(
                f"{path} is {said!r}, and nothing says whether that is a credit or a correction: "
                "write it into credit_notes.values, or set credit_notes.otherwise: correction"
                if said
                else f"{path} is empty, and nothing says whether that is a credit or a correction: "
                "set credit_notes.otherwise: correction"
            )
        return found


class BillingNames(Strict):
    """For systems that bill.

    `subscriptions`: which of our subscriptions theirs are, by default their own id; `customers`:
    the same of customers; `kinds`: what says the kind of a line (a product, a charge type) ->
    line_kind, beside those that the system knows itself; `products`: product or price -> service
    and region, from which rows of `subscriptions` are made, where the system has subscriptions;
    `support_plan`: theirs, where the product doesn't say; `time_zone`: the zone in which the
    account bills, of which days are the dates; `paid_on`: what counts as the day of payment where
    it says that an invoice is paid, and not when (without it, the feed rejects such an invoice).
    """

    subscriptions: dict[str, Id] = {}
    customers: dict[str, Id] = {}
    kinds: dict[str, LineKind] = {}
    products: dict[str, ServiceOf] = {}
    support_plan: Id = "standard"
    time_zone: Zone = "UTC"
    credit_notes: CreditNotes = CreditNotes()
    paid_on: Literal["due_on"] | None = None
