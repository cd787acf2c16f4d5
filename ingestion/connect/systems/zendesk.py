"""Zendesk Support: tickets, their audits and the verdicts of its SLA policies.

The API's incremental exports give what changed since a time, in order of change, so that a page
that is read again repeats records and loses none. A ticket's life is its events: a `Create` holds
the first status and priority, a `Change` later ones, a public `Comment` of somebody other than an
end user is a reply.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from typing import Any

from makegood.ingestion.connect.names import DeskNames, State, Strict
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
from makegood.ingestion.connect.timeline import Change, Method, Ticket, add_events

STATES: dict[str, State] = {
    "new": "working",
    "open": "working",
    "pending": "paused",
    "hold": "paused",
    "solved": "resolved",
    "closed": "closed",
}
_TYPES = {
    "incident": "incident",
    "problem": "incident",
    "question": "request",
    "task": "request",
}
# metrics of SLA policies -> the promise that they are about
_PROMISES = {
    "reply_time": "response",
    "resolution_time": "resolution",
    "requester_wait_time": "resolution",
    "agent_work_time": "resolution",
}


class Connection(Strict):
    """`url`: of the account; `user`: whose token it is; `start`: the first day to be read."""

    url: str
    user: str
    start: date


def api(connection: Connection, secrets: Mapping[str, str]) -> Api:
    """Incremental exports by cursor (tickets, users) and by time (events)."""
    start = int(datetime.combine(connection.start, datetime.min.time(), UTC).timestamp())

    def by_cursor(name: str) -> dict[str, Any]:
        return {
            "name": name,
            "endpoint": {
                "path": f"/api/v2/incremental/{name}/cursor.json",
                "data_selector": name,
                "paginator": {
                    "type": "cursor",
                    "cursor_path": "after_cursor",
                    "cursor_param": "cursor",
                    "has_more_path": "has_more",
                },
                "params": {"start_time": "{incremental.start_value}"},
                # what the export is ordered by, in seconds
                "incremental": {
                    "cursor_path": "generated_timestamp" if name == "tickets" else "updated_at",
                    "initial_value": start
                    if name == "tickets"
                    else f"{connection.start}T00:00:00Z",
                    **({} if name == "tickets" else {"convert": _seconds}),
                },
            },
        }

    def by_time(name: str, cursor: str, more: dict[str, str]) -> dict[str, Any]:
        return {
            "name": name,
            "endpoint": {
                "path": f"/api/v2/incremental/{name}.json",
                "data_selector": name,
                "paginator": {"type": "json_link", "next_url_path": "next"},
                "params": {"start_time": "{incremental.start_value}", **more},
                "incremental": {
                    "cursor_path": cursor,
                    "initial_value": start
                    if cursor == "timestamp"
                    else f"{connection.start}T00:00:00Z",
                    **({} if cursor == "timestamp" else {"convert": _seconds}),
                },
            },
        }

    return Api(
        client={
            "base_url": connection.url,
            "auth": {
                "type": "http_basic",
                "username": f"{connection.user}/token",
                "password": secrets["token"],
            },
        },
        resources=[
            by_cursor("users"),
            by_cursor("tickets"),
            by_time("ticket_events", "timestamp", {"include": "comment_events"}),
            by_time("ticket_metric_events", "time", {}),
        ],
        page=_page,
    )


def _seconds(text: object) -> int:
    return int(datetime.fromisoformat(str(text).replace("Z", "+00:00")).timestamp())


def _page(page: dict[str, Value]) -> dict[str, Value]:
    """Adds what says whether there are more pages: a stream's last page links to itself."""
    is_last = page.get("end_of_stream", page.get("count") == 0)
    return page | {
        "has_more": not is_last,
        "next": None if is_last else page.get("next_page"),
    }


def rows(records: Records, names: DeskNames, out: Rows) -> None:
    """Tickets, with their events and verdicts."""
    method = Method(STATES | names.states, frozenset(names.responds), names.resolution_kind)
    desk = _Desk(records)

    def ticket(record: Record) -> None:
        ticket_id = record.needed("id")
        if record.text("status") == "deleted":
            out.delete("tickets", {"ticket_id": ticket_id})
            return
        out.add("tickets", _ticket(record, ticket_id, names, desk.verdicts(ticket_id), out))
        add_events(desk.life(record, ticket_id, names, out), method, out)

    out.of_each("tickets", "id", records.get("tickets", ()), ticket)


def _ticket(
    record: Record, ticket_id: str, names: DeskNames, verdicts: Mapping[str, bool], out: Rows
) -> dict[str, Value]:
    kind = record.text("type")
    return {
        "ticket_id": ticket_id,
        "subscription_id": names.subscription.of(record, "subscription", out),
        "ticket_type": names.types.get(kind or "", _TYPES.get(kind or "", names.otherwise_type)),
        "environment": names.environment.of(record, "environment", out),
        "subject": record.text("subject"),
        "exclusion_kind": names.exclusion_kind.of(record, "exclusion_kind", out),
        "incident_id": names.incident.of(record, "incident", out) or record.text("problem_id"),
        "outage_id": names.outage.of(record, "outage", out),
        "resolution_due_at": record.text("due_at"),
        "source_response_met": verdicts.get("response"),
        "source_resolution_met": verdicts.get("resolution"),
    }


class _Desk:
    """Events, people and verdicts by ticket."""

    def __init__(self, records: Records) -> None:
        self.agents = {
            record.text("id")
            for record in records.get("users", ())
            if record.text("role") in ("agent", "admin")
        }
        self.has_users = bool(records.get("users"))
        self.events: dict[str, list[Record]] = defaultdict(list)
        for record in records.get("ticket_events", ()):
            self.events[record.text("ticket_id") or ""].append(record)
        self.metrics: dict[str, list[Record]] = defaultdict(list)
        for record in records.get("ticket_metric_events", ()):
            self.metrics[record.text("ticket_id") or ""].append(record)

    def life(self, ticket: Record, ticket_id: str, names: DeskNames, out: Rows) -> Ticket:
        """The ticket's log. Without events it is what the ticket itself says: created, and in
        its state since it was last updated."""
        log: list[Change] = []
        status, priority = None, None
        number = 0
        for event in self.events[ticket_id]:
            at = _at(event)
            for child in event.many("child_events"):
                number += 1
                order = int(child.text("id") or number)
                is_first = child.text("event_type") == "Create"
                if is_first:
                    status = child.text("status") or status
                    priority = child.text("priority") or priority
                else:
                    log += _changes(child, at, order, names, out)
                if self._is_reply(child, event, ticket):
                    log.append(Change(at, "reply", order=order))
        if not self.events[ticket_id]:
            out.note("tickets without events: their states are known by their last update alone")
            priority = ticket.text("priority")
            if (state := ticket.text("status")) != "new":
                log.append(Change(ticket.needed("updated_at"), "status", state))
        return Ticket(
            ticket_id,
            ticket.needed("created_at"),
            names_severity(priority, names, out),
            status,
            log,
        )

    def _is_reply(self, child: Record, event: Record, ticket: Record) -> bool:
        if child.text("event_type") != "Comment" or child.text("public") == "false":
            return False
        author = child.text("author_id") or event.text("updater_id")
        # without the list of people, whoever is not the requester counts as the desk
        return author in self.agents if self.has_users else author != ticket.text("requester_id")

    def verdicts(self, ticket_id: str) -> dict[str, bool]:
        """Promise -> whether the desk's own policy was met: false with a breach, true where it was
        fulfilled without one. The first reply alone counts as the response."""
        found: dict[str, bool] = {}
        for event in self.metrics[ticket_id]:
            promise = _PROMISES.get(event.text("metric") or "")
            if promise is None or event.text("deleted") == "true":
                continue
            if promise == "response" and event.text("instance_id") not in ("1", None):
                continue
            match event.text("type"):
                case "breach":
                    found[promise] = False
                case "fulfill" if self._had_policy(ticket_id, event):
                    found.setdefault(promise, True)
        return found

    def _had_policy(self, ticket_id: str, fulfilled: Record) -> bool:
        return any(
            event.text("type") == "apply_sla"
            and event.text("metric") == fulfilled.text("metric")
            and event.text("instance_id") == fulfilled.text("instance_id")
            for event in self.metrics[ticket_id]
        )


def names_severity(priority: str | None, names: DeskNames, out: Rows) -> str | None:
    """Our severity of a priority; None for a ticket without one."""
    return None if priority is None else out.named("severities", priority, names.severities)


def _at(event: Record) -> str:
    if at := event.text("created_at"):
        return at
    raise Unmapped(f"event {event.get('id')} has no created_at")


def _changes(child: Record, at: str, order: int, names: DeskNames, out: Rows) -> Iterator[Change]:
    if status := child.text("status"):
        yield Change(at, "status", status, order)
    if priority := child.text("priority"):
        yield Change(at, "severity", names_severity(priority, names, out), order)


TEMPLATE = """\
    system: zendesk
    api:
      url: https://example.zendesk.com
      user: someone@example.com       # whose token ZENDESK_TOKEN is
      start: 2026-01-01               # the first day to be read
    severities: {urgent: P1, high: P2, normal: P3, low: P4}
    # new and open work, pending and hold pause, solved resolves; yours, if there are others:
    # states: {Waiting for parts: paused}
    subscription:
      field: organization_id          # or a field of your own, such as custom_fields.360001
      values: {"1001": SUB-1}         # what it says: the subscription
"""

SYSTEM = System(
    name="zendesk",
    title="Zendesk Support",
    feeds=("tickets", "ticket_events"),
    names=DeskNames,
    keys={
        "tickets": ("id",),
        "users": ("id",),
        "ticket_events": ("id",),
        "ticket_metric_events": ("id",),
    },
    rows=rows,
    template=TEMPLATE,
    connection=Connection,
    secrets={"token": "ZENDESK_TOKEN"},
    api=api,
    exports=(
        Export(
            "tickets",
            "tickets, as a view exports them (CSV)",
            ("ID", "Status", "Requested"),
            record=lambda row: {
                "id": row["ID"],
                "status": str(row["Status"]).lower(),
                "created_at": row["Requested"],
                "updated_at": row.get("Updated"),
                "priority": str(row.get("Priority") or "").lower() or None,
                "type": str(row.get("Ticket type") or row.get("Type") or "").lower() or None,
                "subject": row.get("Subject"),
                "organization_id": row.get("Organization"),
                **row,
            },
            times=("Requested", "Updated"),
        ),
        Export(
            "tickets",
            "tickets, as the account's JSON export writes them",
            ("id", "status", "created_at", "updated_at"),
        ),
        Export(
            "ticket_events",
            "events of tickets, as the API writes them (JSON)",
            ("id", "ticket_id", "child_events"),
        ),
    ),
    layouts={
        "fivetran": Layout(
            tables=("ticket", "ticket_field_history", "ticket_comment", "user"),
            queries={
                "users": "select id, role from user",
                "tickets": """
                    select id, status, iso(created_at) as created_at, iso(updated_at) as updated_at,
                        priority, type, subject, organization_id, requester_id, problem_id,
                        iso(due_at) as due_at
                    from ticket
                """,
                # a change of a field at a time is an event; those of the creation are its first
                "ticket_events": """
                    select
                        concat(h.ticket_id, ':', h.field_name, ':', h.updated) as id, h.ticket_id,
                        iso(h.updated) as created_at, h.user_id as updater_id,
                        [{
                            'event_type': 'Change',
                            'status': case when h.field_name = 'status' then h.value end,
                            'priority': case when h.field_name = 'priority' then h.value end
                        }] as child_events
                    from ticket_field_history as h
                    where h.field_name in ('status', 'priority')
                    union all
                    select
                        concat(c.ticket_id, ':comment:', c.id), c.ticket_id, iso(c.created),
                        c.user_id, [{
                            'event_type': 'Comment', 'public': lower(cast(c.public as varchar)),
                            'author_id': cast(c.user_id as varchar)
                        }]
                    from ticket_comment as c
                """,
            },
        ),
    },
)
