"""Freshdesk: tickets with the dates that it keeps of them, and their conversations.

Tickets come in order of their update. A page goes on from the last update of the one before, so
that a ticket that is changed while we read comes again and none is skipped, and the API's limit of
300 pages holds for tickets of one instant only. Conversations are asked for ticket by ticket
(`conversations: false` leaves them out).

The API has no log of statuses. Of each ticket it says when it was first responded to, last
resolved, closed, reopened and began to wait; so a pause that is over is unknown and counts as work,
and so does a resolution that a later one took the place of. Whoever needs them exports the ticket
activities, which are a log (a file a day, kept for 30 days): with the entry of the creation they go
before those dates. Severity is the present priority then, from the start.

The desk's verdicts: late where it says so (`fr_escalated`, and `is_escalated`, which is for any
reason, unless a late response or a resolution in time says that it is another one), else by its own
due times, once responded or resolved. A public outgoing conversation is a reply, unless it is
forwarded or the requester's.

Shapes: API v2's reference (`/tickets`, `/tickets/{id}/conversations`, `/ticket_fields`), the export
of tickets (CSV) and of ticket activities (JSON), the tables of Airbyte (`source-freshdesk`), dlt
(verified source `freshdesk`, without dates of responses) and Fivetran (as public dbt projects name
their columns). A ticket that is deleted is missed, except in Fivetran's tables.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from makegood.ingestion.connect.instants import from_form, moment
from makegood.ingestion.connect.names import DeskNames, State, Strict
from makegood.ingestion.connect.system import (
    Api,
    Export,
    Layout,
    Record,
    Records,
    Rows,
    System,
    Unreadable,
    Value,
    grouped,
)
from makegood.ingestion.connect.timeline import Change, Method, Ticket, add_events

STATES: dict[str, State] = {
    "Open": "working",
    "Pending": "paused",
    "Resolved": "resolved",
    "Closed": "closed",
    "Waiting on Customer": "paused",
    "Waiting on Third Party": "paused",
}
_STATUSES = dict(zip("234567", STATES, strict=True))
_PRIORITIES = {"1": "Low", "2": "Medium", "3": "High", "4": "Urgent"}
_TYPES = {
    "Incident": "incident",
    "Problem": "incident",
    "Question": "request",
    "Feature Request": "request",
    "Service Task": "request",
}
_PAGE = 100
_MOST_PAGES = 300
_FORWARDED = "8"
_ACTIVITY_TIME = "%d-%m-%Y %H:%M:%S %z"


class Connection(Strict):
    """`url`: of the account; `start`: the first day to be read; `conversations`: ask for those of
    each ticket that changed, one request each."""

    url: str
    start: date
    conversations: bool = True


def api(connection: Connection, secrets: Mapping[str, str]) -> Api:
    """The names of statuses, tickets, and their conversations."""
    resources: list[dict[str, Any]] = [
        {
            "name": "ticket_fields",
            "endpoint": {
                "path": "/api/v2/ticket_fields",
                "data_selector": "items",
                "paginator": "single_page",
                # not for everybody: statuses are known by their numbers then
                "response_actions": [{"status_code": 403, "action": "ignore"}],
            },
        },
        {
            "name": "tickets",
            "endpoint": {
                "path": "/api/v2/tickets",
                "data_selector": "items",
                "paginator": {"type": "json_link", "next_url_path": "next"},
                "params": {
                    "updated_since": "{incremental.start_value}",
                    "order_by": "updated_at",
                    "order_type": "asc",
                    "include": "stats",
                    "per_page": _PAGE,
                    "page": 1,
                },
                "incremental": {
                    "cursor_path": "updated_at",
                    "initial_value": f"{connection.start}T00:00:00Z",
                    "lag": 300,
                },
            },
        },
    ]
    if connection.conversations:
        resources.append(
            {
                "name": "conversations",
                "endpoint": {
                    "path": "/api/v2/tickets/{resources.tickets.id}/conversations",
                    "data_selector": "items",
                    "paginator": "header_link",
                    "params": {"per_page": _PAGE},
                    # a ticket that was deleted since
                    "response_actions": [{"status_code": 404, "action": "ignore"}],
                },
            }
        )
    return Api(
        client={
            "base_url": connection.url,
            # the API does not look at the password
            "auth": {"type": "http_basic", "username": secrets["key"], "password": "X"},
        },
        resources=resources,
        records={"conversations": _without_text},
        page=_page,
        resumable=frozenset(("tickets",)),
        list_as="items",
    )


def _page(page: dict[str, Value]) -> dict[str, Value]:
    """Where tickets go on: at the last update so far, or, where a whole page is of that instant, at
    the next page of it."""
    url = urlsplit(str(page.get("url") or ""))
    asked = {name: values[0] for name, values in parse_qs(url.query).items()}
    items = page.get("items")
    if "updated_since" not in asked or not isinstance(items, list) or len(items) < _PAGE:
        return page | {"next": None}
    last, number = items[-1]["updated_at"], int(asked["page"])
    if moment(last)[0] > moment(asked["updated_since"])[0]:
        asked |= {"updated_since": last, "page": "1"}
    elif number < _MOST_PAGES:
        asked["page"] = str(number + 1)
    else:
        raise Unreadable(
            f"more than {_MOST_PAGES * _PAGE:,} tickets were updated at {last}, and the API gives "
            "no more of one instant"
        )
    return page | {"next": f"{url.path}?{urlencode(asked)}"}


def _without_text(conversation: Mapping[str, Value]) -> Iterator[Mapping[str, Value]]:
    texts = ("body", "body_text", "attachments", "to_emails", "cc_emails", "bcc_emails")
    yield {name: value for name, value in conversation.items() if name not in texts}


def rows(records: Records, names: DeskNames, out: Rows) -> None:
    """Tickets, with their events and verdicts."""
    desk = _Desk(records, names)

    def ticket(record: Record) -> None:
        number = record.needed("id")
        if "true" in (record.text("deleted"), record.text("spam")):
            out.delete("tickets", {"ticket_id": number})
            return
        verdicts = desk.verdicts(record)
        out.add(
            "tickets",
            names.ticket(
                number,
                record,
                record.text("type"),
                out,
                _TYPES,
                subject=record.text("subject"),
                response_due_at=record.text("fr_due_by"),
                resolution_due_at=record.text("due_by"),
                source_response_met=verdicts.get("response"),
                source_resolution_met=verdicts.get("resolution"),
            ),
        )
        add_events(desk.life(record, number, out), desk.method, out)

    out.of_each("tickets", "id", records.get("tickets", ()), ticket)


class _Desk:
    """Conversations and activities by ticket, and what numbers mean."""

    def __init__(self, records: Records, names: DeskNames) -> None:
        self.names = names
        self.conversations = grouped(records.get("conversations", ()), "ticket_id")
        self.activities = grouped(records.get("ticket_activities", ()), "ticket_id")
        self.statuses = dict(_STATUSES)
        for field in records.get("ticket_fields", ()):
            choices = field.get("choices")
            if field.text("name") == "status" and isinstance(choices, Mapping):
                for number, shown in choices.items():
                    # as agents see it, and as customers do
                    label = shown[0] if isinstance(shown, list) and shown else shown
                    self.statuses[str(number)] = str(label)
        # a status of the system has its number in every language
        own = {self.statuses[number]: STATES[known] for number, known in _STATUSES.items()}
        self.method = Method(
            STATES | own | names.states, frozenset(names.responds), names.resolution_kind
        )

    def _status(self, value: str | None) -> str | None:
        return self.statuses.get(value, value) if value else None

    def _severity(self, value: str | None, out: Rows) -> str | None:
        return self.names.severity(_PRIORITIES.get(value or "", value), out)

    def life(self, ticket: Record, number: str, out: Rows) -> Ticket:
        created = ticket.needed("created_at")
        log = list(self._replies(ticket, number))
        activities = sorted(
            self.activities.get(number, []), key=lambda a: moment(a.needed("performed_at"))
        )
        if any(a.text("activity.new_ticket") == "true" for a in activities):
            priority, status = None, None
            for order, activity in enumerate(activities, 1):
                at = activity.needed("performed_at")
                is_first = activity.text("activity.new_ticket") == "true"
                if new := self._status(activity.text("activity.status")):
                    status = new if is_first else status
                    log += [] if is_first else [Change(at, "status", new, order)]
                if rank := activity.text("activity.priority"):
                    priority = rank if is_first else priority
                    if not is_first:
                        log.append(Change(at, "severity", self._severity(rank, out), order))
            priority = priority or ticket.text("priority")
            return Ticket(number, created, self._severity(priority, out), status, log)
        out.note("tickets without a log: pauses that are over are unknown, and count as work")
        return Ticket(
            number,
            created,
            self._severity(ticket.text("priority"), out),
            None,
            [*log, *self._by_dates(ticket)],
        )

    def _by_dates(self, ticket: Record) -> Iterator[Change]:
        """The statuses that dates speak of, and last the present one."""
        status = self._status(ticket.text("status"))
        known = self.method.states.get(status or "")
        resolved, closed = ticket.text("stats.resolved_at"), ticket.text("stats.closed_at")
        reopened = ticket.text("stats.reopened_at")
        since = ticket.text("stats.status_updated_at") or ticket.text("updated_at")
        if resolved:
            yield Change(resolved, "status", self.statuses["4"], 1)
        if known == "resolved" and resolved:
            return
        if closed and known == "closed":
            yield Change(closed, "status", status, 2)
            return
        over = max((at for at in (resolved, closed) if at), key=moment, default=None)
        is_open_again = bool(reopened and over and moment(reopened) > moment(over))
        if is_open_again:
            yield Change(str(reopened), "status", self.statuses["2"], 3)
        if known == "paused":
            since = ticket.text("stats.pending_since") or since
        # open is what it is since its creation, or since it was reopened
        is_known = status == self.statuses["2"] and (is_open_again or not over)
        if status and since and not is_known:
            yield Change(since, "status", status, 4)

    def _replies(self, ticket: Record, number: str) -> Iterator[Change]:
        first, requester = ticket.text("stats.first_responded_at"), ticket.text("requester_id")
        found = [
            conversation.needed("created_at")
            for conversation in self.conversations.get(number, [])
            if conversation.text("incoming") == "false"
            and conversation.text("private") == "false"
            and conversation.text("source") != _FORWARDED
            # what comes in over the portal is not `incoming`
            and (requester is None or conversation.text("user_id") != requester)
        ]
        if first:
            # the desk's own first response, and what came after it
            yield Change(first, "reply")
            found = [at for at in found if moment(at)[0] > moment(first)[0]]
        for at in found:
            yield Change(at, "reply")

    def verdicts(self, ticket: Record) -> dict[str, bool]:
        """Promise -> whether it was kept, as the desk sees it."""
        found: dict[str, bool] = {}
        is_over = self.method.states.get(self._status(ticket.text("status")) or "") in (
            "resolved",
            "closed",
        )
        resolved = ticket.text("stats.resolved_at") or ticket.text("stats.closed_at")
        is_first_late = ticket.text("fr_escalated") == "true"
        for promise, late, status, done, due in (
            (
                "response",
                is_first_late,
                ticket.text("first_response_status"),
                ticket.text("stats.first_responded_at"),
                ticket.text("fr_due_by"),
            ),
            (
                "resolution",
                ticket.text("is_escalated") == "true",
                ticket.text("resolution_status"),
                resolved if is_over else None,
                ticket.text("due_by"),
            ),
        ):
            in_time = moment(done) <= moment(due) if done and due else None
            if status == "SLA Violated":
                found[promise] = False
            elif status == "Within SLA" and done:
                found[promise] = True
            elif late and promise == "resolution" and (in_time or is_first_late):
                # `is_escalated` is for any reason, and here there may be another one
                if in_time is False:
                    found[promise] = False
            elif late:
                found[promise] = False
            elif in_time is not None:
                found[promise] = in_time
        return found


_COLUMNS = {
    "id": "Ticket ID",
    "subject": "Subject",
    "status": "Status",
    "priority": "Priority",
    "type": "Type",
    "company_id": "Company Name",
    "created_at": "Created time",
    "updated_at": "Last update time",
    "due_by": "Due by Time",
    "resolution_status": "Resolution status",
    "first_response_status": "First response status",
}


def _ticket_of(row: Mapping[str, Value]) -> dict[str, Value]:
    """A ticket from the CSV of tickets."""
    return {
        **row,
        **{name: row.get(column) for name, column in _COLUMNS.items()},
        "stats": {
            "first_responded_at": row.get("Initial response time"),
            "resolved_at": row.get("Resolved time"),
            "closed_at": row.get("Closed time"),
        },
    }


def _activity_of(row: Mapping[str, Value]) -> dict[str, Value]:
    """An activity, whose times are always of one form, with what makes it the same one."""
    content = json.dumps(row, sort_keys=True, default=str)
    return {
        **row,
        "performed_at": from_form(str(row["performed_at"]), _ACTIVITY_TIME, None),
        "id": hashlib.blake2b(content.encode(), digest_size=12).hexdigest(),
    }


_FIVETRAN = {
    "tickets": """
        select
            cast(t.id as varchar) as id, t.subject, coalesce(
                case when cast(t.status as varchar) not in ('2', '3', '4', '5', '6', '7')
                    then cast(s.status as varchar) end,
                cast(t.status as varchar)
            ) as status,
            cast(t.priority as varchar) as priority, t.type,
            cast(t.company_id as varchar) as company_id, iso(t.created_at) as created_at,
            iso(t.updated_at) as updated_at, iso(t.due_by) as due_by, iso(t.fr_due_by) as fr_due_by,
            lower(cast(t.is_escalated as varchar)) as is_escalated,
            lower(cast(t.fr_escalated as varchar)) as fr_escalated,
            lower(cast(t.deleted as varchar)) as deleted, lower(cast(t.spam as varchar)) as spam, {
                'first_responded_at': iso(t.stats_first_responded_at),
                'resolved_at': iso(t.stats_resolved_at),
                'closed_at': iso(t.stats_closed_at)
            } as stats
        from ticket as t
        left join status_lookup as s on cast(t.status as varchar) = cast(s.id as varchar)
    """,
    "conversations": """
        select
            cast(id as varchar) as id, cast(ticket_id as varchar) as ticket_id,
            iso(created_at) as created_at, lower(cast(incoming as varchar)) as incoming,
            lower(cast(private as varchar)) as private, cast(source as varchar) as source
        from conversation
    """,
}
_AIRBYTE = {
    "tickets": """
        select
            cast(id as varchar) as id, subject, cast(status as varchar) as status,
            cast(priority as varchar) as priority, type, cast(company_id as varchar) as company_id,
            iso(created_at) as created_at, iso(updated_at) as updated_at, iso(due_by) as due_by,
            iso(fr_due_by) as fr_due_by, lower(cast(is_escalated as varchar)) as is_escalated,
            lower(cast(fr_escalated as varchar)) as fr_escalated,
            lower(cast(spam as varchar)) as spam, cast(stats as json) as stats,
            cast(custom_fields as json) as custom_fields
        from tickets
    """,
    "conversations": """
        select
            cast(id as varchar) as id, cast(ticket_id as varchar) as ticket_id,
            iso(created_at) as created_at, lower(cast(incoming as varchar)) as incoming,
            lower(cast(private as varchar)) as private, cast(source as varchar) as source
        from conversations
    """,
    "ticket_activities": """
        select
            _airbyte_ticket_activity_id as id, cast(ticket_id as varchar) as ticket_id,
            iso(performed_at) as performed_at, cast(activity as json) as activity
        from ticket_activities
    """,
    "ticket_fields": """
        select cast(id as varchar) as id, name, cast(choices as json) as choices
        from ticket_fields
    """,
}
# without dates of responses and resolutions: what is known is the present status
_DLT = {
    "tickets": """
        select
            * exclude (
                id, created_at, updated_at, due_by, fr_due_by, status, priority, company_id
            ),
            cast(id as varchar) as id, iso(created_at) as created_at,
            iso(updated_at) as updated_at, iso(due_by) as due_by, iso(fr_due_by) as fr_due_by,
            cast(status as varchar) as status, cast(priority as varchar) as priority,
            cast(company_id as varchar) as company_id
        from tickets
    """,
}

TEMPLATE = """\
    system: freshdesk
    api:
      url: https://example.freshdesk.com   # FRESHDESK_KEY is the key
      start: 2026-01-01               # the first day to be read
      # conversations: false          # without updates to the customer, and one request a ticket
    severities: {Urgent: P1, High: P2, Medium: P3, Low: P4}
    # Open works, Pending and Waiting on … pause, Resolved, Closed; yours, if there are others:
    # states: {With engineering: working}
    subscription:
      field: company_id               # or a field of your own, such as custom_fields.cf_contract
      values: {"67000893975": SUB-1}  # what it says: the subscription
"""

SYSTEM = System(
    name="freshdesk",
    title="Freshdesk",
    feeds=("tickets", "ticket_events"),
    names=DeskNames,
    keys={
        "tickets": ("id",),
        "conversations": ("id",),
        "ticket_fields": ("id",),
        "ticket_activities": ("id",),
    },
    rows=rows,
    template=TEMPLATE,
    connection=Connection,
    secrets={"key": "FRESHDESK_KEY"},
    api=api,
    exports=(
        Export(
            "tickets",
            "tickets, as they are exported (CSV)",
            ("Ticket ID", "Status", "Priority", "Created time"),
            record=_ticket_of,
            times=(
                "Created time",
                "Due by Time",
                "Resolved time",
                "Closed time",
                "Last update time",
                "Initial response time",
            ),
        ),
        Export(
            "tickets",
            "tickets, as the API writes them (JSON)",
            ("id", "status", "priority", "created_at"),
        ),
        Export(
            "ticket_activities",
            "ticket activities, as they are exported every day (JSON)",
            ("performed_at", "ticket_id", "activity"),
            record=_activity_of,
            path="activities_data",
        ),
    ),
    layouts={
        "fivetran": Layout(
            tables=("ticket",),
            queries=_FIVETRAN,
            columns={"ticket": ("deleted", "spam", "company_id", "type")},
            optional={
                "status_lookup": ("id", "status"),
                "conversation": (
                    "id",
                    "ticket_id",
                    "created_at",
                    "incoming",
                    "private",
                    "source",
                ),
            },
        ),
        "airbyte": Layout(
            tables=("tickets",),
            queries=_AIRBYTE,
            columns={"tickets": ("stats", "custom_fields", "spam")},
            optional={
                "conversations": (
                    "id",
                    "ticket_id",
                    "created_at",
                    "incoming",
                    "private",
                    "source",
                ),
                "ticket_activities": (
                    "_airbyte_ticket_activity_id",
                    "ticket_id",
                    "performed_at",
                    "activity",
                ),
                "ticket_fields": ("id", "name", "choices"),
            },
        ),
        "dlt": Layout(
            tables=("tickets",),
            queries=_DLT,
            columns={"tickets": ("due_by", "fr_due_by", "company_id")},
        ),
    },
)
