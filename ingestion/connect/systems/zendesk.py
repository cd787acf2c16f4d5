"""Zendesk Support: tickets, their events and the verdicts of its SLA policies.

Read over the incremental exports as Zendesk's OpenAPI files describe them: what changed since a
time, in order of change, so that a page that is read again repeats records and loses none (10
requests a minute, up to 1,000 records each). An export leaves out the last minute and refuses a
start in it, so each pull starts five minutes before the end of the last one.

A ticket's life is its events: a `Create` holds the first status and priority, a `Change` later
ones, a public `Comment` of somebody other than an end user is a reply; the comment with which a
ticket begins is its description. A ticket that is older than the events that are read is passed
over, since what came first is unknown: let `start` be before the oldest ticket of interest.

Exports that people make: a view's CSV file, and JSON files of tickets, events or audits as the API
writes them. Tables: Fivetran's (history of fields, comments), Airbyte's (`ticket_audits`) and those
of dlt's verified source (`ticket_events`, whose comments say only that they are public).
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any

from makegood.ingestion.connect.instants import (
    Moment,
    first_second,
    from_epoch,
    moment,
    unix_seconds,
)
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
    Unreadable,
    Value,
    grouped,
)
from makegood.ingestion.connect.timeline import Change, Method, Ticket, add_events

STATES: dict[str, State] = {
    "new": "working",
    "open": "working",
    "pending": "paused",
    "hold": "paused",
    # as it is called in views, and in Fivetran's history
    "on-hold": "paused",
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
    """`url`: of the account; `user`: whose token it is; `start`: the first day to be read,
    before the oldest ticket of interest was opened."""

    url: str
    user: str
    start: date


# an export has no more in a page
_PAGE_RECORDS = 1_000
_LAG_SECONDS = 300


def api(connection: Connection, secrets: Mapping[str, str]) -> Api:
    """The incremental exports: by cursor (tickets, users) and by time (events)."""
    start = first_second(connection.start)

    def export(name: str, path: str, cursor: str, **params: str) -> dict[str, Any]:
        by_text = cursor == "updated_at"
        return {
            "name": name,
            "endpoint": {
                "path": f"/api/v2/incremental/{path}.json",
                "data_selector": name,
                "paginator": {"type": "json_link", "next_url_path": "next"},
                "params": {"start_time": "{incremental.start_value}", **params},
                "incremental": {
                    "cursor_path": cursor,
                    "initial_value": f"{connection.start}T00:00:00Z" if by_text else start,
                    "lag": _LAG_SECONDS,
                    **({"convert": unix_seconds} if by_text else {}),
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
            export("users", "users/cursor", "updated_at"),
            export("tickets", "tickets/cursor", "generated_timestamp"),
            export("ticket_events", "ticket_events", "timestamp", include="comment_events"),
            export("ticket_metric_events", "ticket_metric_events", "end_time"),
        ],
        page=_page,
        resumable=frozenset({"tickets", "ticket_events", "ticket_metric_events"}),
    )


def _page(page: dict[str, Value]) -> dict[str, Value]:
    """Adds where the next page is: a stream's last page links to itself. An event of a metric may
    lie in the future (a breach to come), so that pulls go by the time of the export."""
    is_last = page.get("end_of_stream")
    if is_last is None:
        is_last = page.get("count", 0) < _PAGE_RECORDS
    following = None if is_last else page.get("after_url") or page.get("next_page")
    made = page | {"next": following}
    if events := page.get("ticket_metric_events"):
        if "end_time" not in page:
            raise Unreadable(f"the answer lacks 'end_time': it has {', '.join(page)}")
        made["ticket_metric_events"] = [event | {"end_time": page["end_time"]} for event in events]
    return made


def rows(records: Records, names: DeskNames, out: Rows) -> None:
    """Tickets, with their events and verdicts."""
    method = Method(STATES | names.states, frozenset(names.responds), names.resolution_kind)
    desk = _Desk(records)

    def ticket(given: Record) -> None:
        record = Record({**given.data, "custom_fields": _custom(given)}, given.where)
        ticket_id = record.needed("id")
        if record.text("status") == "deleted" or record.is_true("_fivetran_deleted"):
            out.delete("tickets", {"ticket_id": ticket_id})
            return
        if desk.is_cut(record, ticket_id):
            out.note("tickets older than the events that were read are passed over: `start` sooner")
            return
        verdicts = desk.verdicts(ticket_id)
        out.add(
            "tickets",
            names.ticket(
                ticket_id,
                record,
                record.text("type"),
                out,
                _TYPES,
                subject=record.text("subject"),
                incident_id=record.text("problem_id"),
                resolution_due_at=record.text("due_at"),
                source_response_met=verdicts.get("response"),
                source_resolution_met=verdicts.get("resolution"),
            ),
        )
        add_events(desk.life(record, ticket_id, names, out), method, out)

    out.of_each("tickets", "id", records.get("tickets", ()), ticket)


def _custom(ticket: Record) -> Value:
    """A ticket's own fields by their ids."""
    fields = ticket.get("custom_fields")
    if not isinstance(fields, list):
        return fields
    return {field.text("id"): field.get("value") for field in ticket.many("custom_fields")}


class _Desk:
    """Events, people and verdicts by ticket."""

    def __init__(self, records: Records) -> None:
        self.agents = {
            record.text("id")
            for record in records.get("users", ())
            if record.text("role") in ("agent", "admin")
        }
        self.has_users = bool(records.get("users"))
        self.events = grouped(records.get("ticket_events", ()), "ticket_id")
        for ticket_id, audits in grouped(records.get("ticket_audits", ()), "ticket_id").items():
            self.events.setdefault(ticket_id, audits)
        self.metrics = grouped(records.get("ticket_metric_events", ()), "ticket_id")
        self.known = _latest(records)

    def is_cut(self, ticket: Record, ticket_id: str) -> bool:
        """Whether there are events, and none of the creation: of a ticket that is older than what
        is read, the first reply and the first priority may be among those that are not there."""
        events = self.events.get(ticket_id, ())
        created = ticket.needed("created_at")
        return bool(events) and not any(_is_creation(event, created) for event in events)

    def life(self, ticket: Record, ticket_id: str, names: DeskNames, out: Rows) -> Ticket:
        """The ticket's log. Without events it is what the ticket itself says: created, and in
        its state since it was last updated."""
        log: list[Change] = []
        created = ticket.needed("created_at")
        status, priority = None, None
        number = 0
        for event in self.events.get(ticket_id, ()):
            at = _at(event)
            children = list(_children(event))
            # the comment with which a ticket begins is its description
            is_creation = _is_creation(event, created)
            for child in children:
                number += 1
                order = _order(child, number)
                if child.text("event_type") == "Create":
                    status = child.text("status") or status
                    priority = child.text("priority") or priority
                else:
                    log += _changes(child, at, order, names, out)
                if not is_creation and self._is_reply(child, event, ticket):
                    log.append(Change(at, "reply", order=order))
        if not self.events.get(ticket_id):
            out.note("tickets without events: their states are known by their last update alone")
            priority = ticket.text("priority")
            log += _known(ticket)
        return Ticket(ticket_id, created, names.severity(priority, out), status, log)

    def _is_reply(self, child: Record, event: Record, ticket: Record) -> bool:
        if child.text("event_type") not in ("Comment", "VoiceComment"):
            return False
        if "false" in (child.text("public"), child.text("comment_public")):
            return False
        author = child.text("author_id") or event.text("updater_id") or event.text("author_id")
        # without the list of people, whoever is not the requester counts as the desk
        return author in self.agents if self.has_users else author != ticket.text("requester_id")

    def verdicts(self, ticket_id: str) -> dict[str, bool]:
        """Promise -> whether the desk's own policy was met: false with a breach, true where it was
        fulfilled without one. The first reply alone counts as the response."""
        found: dict[str, bool] = {}
        metrics = self.metrics.get(ticket_id, [])
        for event in metrics:
            promise = _PROMISES.get(event.text("metric") or "")
            if promise is None or event.is_true("deleted"):
                continue
            if promise == "response" and event.text("instance_id") not in ("1", None):
                continue
            match event.text("type"):
                case "breach" if self._happened(event, metrics):
                    found[promise] = False
                case "fulfill" if any(_is_of(other, event, "apply_sla") for other in metrics):
                    of_it = [m for m in metrics if m.text("metric") == event.text("metric")]
                    if promise == "response" or _is_over(of_it):
                        found.setdefault(promise, True)
        return found

    def _happened(self, breach: Record, metrics: Sequence[Record]) -> bool:
        """Breaches are noted ahead: one after all that is known hasn't happened yet, and one after
        the metric was fulfilled never did."""
        at = moment(breach.needed("time"))
        if self.known is None or at > self.known:
            return False
        of_it = [
            e for e in metrics if _is_of(e, breach, "fulfill") or _is_of(e, breach, "activate")
        ]
        return not _is_over(of_it, at)


def _latest(records: Records) -> Moment | None:
    """The latest time that the records know of."""
    times = [record.text("updated_at") for record in records.get("tickets", ())]
    times += [
        event.text("time")
        for event in records.get("ticket_metric_events", ())
        if event.text("type") != "breach"
    ]
    found = None
    for time in times:
        try:
            at = moment(time or "")
        except Unmapped:
            # of a record that is left by name
            continue
        found = at if found is None or at > found else found
    return found


def _is_of(event: Record, other: Record, kind: str) -> bool:
    """Whether an event is of this kind, and of the same metric and instance as another."""
    return event.text("type") == kind and all(
        event.text(name) == other.text(name) for name in ("metric", "instance_id")
    )


def _is_over(metrics: Sequence[Record], until: Moment | None = None) -> bool:
    """Whether a metric, whose events these are, was fulfilled last (by an instant): that of a
    reopened ticket is active again."""
    last: dict[str, Moment] = {}
    for event in metrics:
        kind, at = event.text("type"), moment(event.needed("time"))
        if kind in ("activate", "fulfill") and (until is None or at <= until):
            last[kind] = max(last.get(kind, at), at)
    return "fulfill" in last and last.get("activate", last["fulfill"]) <= last["fulfill"]


def _children(event: Record) -> Iterator[Record]:
    """What happened in an event. An audit says the same in other words: `field_name` and `value`
    for what an event has as a field of that name."""
    yield from event.many("child_events")
    for child in event.many("events"):
        field = child.text("field_name")
        changed = {field: child.get("value")} if field in ("status", "priority") else {}
        yield Record({**child.data, "event_type": child.text("type"), **changed}, child.where)


def _is_creation(event: Record, created: str) -> bool:
    """Whether a ticket began with the event."""
    is_create = any(child.text("event_type") == "Create" for child in _children(event))
    return is_create or moment(_at(event)) <= moment(created)


def _order(child: Record, number: int) -> int:
    """Of changes at one instant the one of the smaller id came first."""
    given = child.text("id") or ""
    return int(given) if given.isdecimal() else number


def _known(ticket: Record) -> Iterator[Change]:
    """The states that a ticket without events says it has had."""
    state, solved = ticket.text("status"), ticket.text("solved_at")
    if state == "new":
        return
    if solved and state in ("solved", "closed"):
        yield Change(solved, "status", "solved")
        if state == "solved":
            return
    yield Change(ticket.needed("updated_at"), "status", state, order=1)


def _at(event: Record) -> str:
    if at := event.text("created_at"):
        return at
    if (seconds := event.text("timestamp")) is not None:
        return from_epoch(seconds)
    raise Unmapped(f"event {event.get('id')} has no created_at")


def _changes(child: Record, at: str, order: int, names: DeskNames, out: Rows) -> Iterator[Change]:
    if status := child.text("status"):
        yield Change(at, "status", status, order)
    if priority := child.text("priority"):
        yield Change(at, "severity", names.severity(priority, out), order)


def _from_view(row: Mapping[str, Value]) -> dict[str, Value]:
    """A ticket as a view lists it: with names as people see them."""

    def small(*columns: str) -> str | None:
        found = next((row[column] for column in columns if row.get(column)), None)
        return None if found is None else str(found).lower()

    return {
        **row,
        "id": row["ID"],
        "status": small("Status"),
        "created_at": row["Requested"],
        "updated_at": row.get("Updated"),
        "solved_at": row.get("Solved"),
        "priority": small("Priority"),
        "type": small("Ticket type", "Type"),
        "subject": row.get("Subject"),
        "organization_id": row.get("Organization"),
    }


TEMPLATE = """\
    system: zendesk
    api:
      url: https://example.zendesk.com
      user: someone@example.com       # whose token ZENDESK_TOKEN is
      start: 2026-01-01               # the first day to be read
    # or files in place of api: paths, how their times are written, and what stands for nothing
    # files: {paths: [exports/*.csv], time_form: "%Y-%m-%d %H:%M", time_zone: UTC, empty: ["-"]}
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
        "ticket_audits": ("id",),
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
            record=_from_view,
            times=("Requested", "Updated", "Solved"),
        ),
        Export(
            "tickets",
            "tickets, as the API writes them (JSON)",
            ("id", "status", "created_at", "updated_at"),
        ),
        Export(
            "ticket_events",
            "events of tickets, as the API writes them (JSON)",
            ("id", "ticket_id", "child_events"),
        ),
        Export(
            "ticket_audits",
            "audits of tickets, as the API writes them (JSON)",
            ("id", "ticket_id", "events", "author_id"),
        ),
        Export(
            "ticket_metric_events",
            "events of metrics, as the API writes them (JSON)",
            ("id", "ticket_id", "metric", "instance_id", "time"),
        ),
        Export("users", "users, as the API writes them (JSON)", ("id", "role", "email")),
    ),
    layouts={
        "fivetran": Layout(
            tables=("ticket", "ticket_field_history", "ticket_comment", "user"),
            queries={
                "users": 'select id, role from "user"',
                # with the account's own fields, as `custom_...`
                "tickets": """
                    select * replace (
                        iso(created_at) as created_at, iso(updated_at) as updated_at,
                        iso(due_at) as due_at
                    )
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
                    union all by name
                    select
                        concat(c.ticket_id, ':comment:', c.id) as id, c.ticket_id,
                        iso(c.created) as created_at, c.user_id as updater_id,
                        [{
                            'event_type': 'Comment', 'public': lower(cast(c.public as varchar)),
                            'author_id': cast(c.user_id as varchar)
                        }] as child_events
                    from ticket_comment as c
                """,
            },
        ),
        "airbyte": Layout(
            tables=("tickets", "users", "ticket_audits"),
            optional={
                "ticket_metric_events": (
                    "id",
                    "ticket_id",
                    "metric",
                    "instance_id",
                    "type",
                    "time",
                )
            },
            # numbers are of the type that the destination has for them, some with a point
            queries={
                "users": "select cast(id as bigint) as id, role from users",
                "tickets": """
                    select cast(id as bigint) as id, status, priority, type, subject,
                        iso(created_at) as created_at, iso(updated_at) as updated_at,
                        iso(due_at) as due_at, cast(organization_id as bigint) as organization_id,
                        cast(requester_id as bigint) as requester_id,
                        cast(problem_id as bigint) as problem_id,
                        cast(custom_fields as json) as custom_fields
                    from tickets
                """,
                "ticket_audits": """
                    select cast(id as bigint) as id, cast(ticket_id as bigint) as ticket_id,
                        iso(created_at) as created_at, cast(author_id as bigint) as author_id,
                        cast(events as json) as events
                    from ticket_audits
                """,
                "ticket_metric_events": """
                    select cast(id as bigint) as id, cast(ticket_id as bigint) as ticket_id, metric,
                        cast(instance_id as bigint) as instance_id, type, iso(time) as time
                    from ticket_metric_events
                """,
            },
        ),
        "dlt": Layout(
            tables=("tickets", "users", "ticket_events", "ticket_events__child_events"),
            optional={
                "ticket_metric_events": (
                    "id",
                    "ticket_id",
                    "metric",
                    "instance_id",
                    "type",
                    "time",
                )
            },
            # a column in which nothing ever was does not exist, so columns are named by patterns;
            # the account's own fields are columns named by their titles
            queries={
                "users": "select id, role from users",
                "tickets": "select * from tickets",
                "ticket_events": """
                    with child as (
                        select _dlt_parent_id, columns(
                            '^(id|event_type|status|priority|author_id|public|comment_public)$'
                        )
                        from ticket_events__child_events
                    )
                    select
                        min(event.id) as id, min(event.ticket_id) as ticket_id,
                        min(event.timestamp) as timestamp,
                        min(event.updater_id) as updater_id,
                        to_json(list(child order by child.id)) as child_events
                    from ticket_events as event
                    join child on child._dlt_parent_id = event._dlt_id
                    group by event._dlt_id
                """,
                "ticket_metric_events": """
                    select columns('^(id|ticket_id|metric|instance_id|type|time|deleted)$')
                    from ticket_metric_events
                """,
            },
        ),
    },
)
