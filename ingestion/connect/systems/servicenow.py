"""ServiceNow: incidents, the log of their changes, their comments and task SLAs.

The Table API writes times in UTC without saying so; they get their `Z` as they arrive. Pages go on
after the last record of the one before (by time, then `sys_id`): a record that is changed while we
read comes again, and none is skipped. The account needs the right to read all incidents, since the
instance leaves out the others, and a page that is empty for it looks like the end. Choices are kept
as they are shown (`1 - Critical`, `On Hold`), as in exports, and the stored value of a field as
`<field>.value`.

A ticket's life is the first of these that there is: `sys_audit` (state and priority, before and
after; the account needs the right to read it), an audit log of incidents (each row is the incident
after one update), the incident itself (when it was resolved and closed). A comment by somebody
other than the caller is a reply. The verdicts are those of task SLAs, whose definition has the
target `response` or `resolution`; `made_sla` is that of the resolution where there are none.

Shapes: the Table API's reference, the export of a list (CSV has the names of fields, Excel their
labels), the incident log of UCI 498, Fivetran's tables as its dbt package `dbt_servicenow` lists
them. Airbyte's source reads no incidents, and none of dlt's was found. An incident that is deleted
is missed, except in Fivetran's tables.
"""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any, Literal

from pydantic import Field

from makegood.ingestion.connect.instants import moment
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
)
from makegood.ingestion.connect.timeline import Change, Method, Ticket, add_events

STATES: dict[str, State] = {
    "New": "working",
    "Active": "working",
    "In Progress": "working",
    "Work in Progress": "working",
    "On Hold": "paused",
    "Awaiting Problem": "paused",
    "Awaiting User Info": "paused",
    "Awaiting Evidence": "paused",
    "Awaiting Vendor": "paused",
    "Awaiting Caller": "paused",
    "Awaiting Change": "paused",
    "Resolved": "resolved",
    "Closed": "closed",
    "Canceled": "cancelled",
    "Cancelled": "cancelled",
}
# stored values of an instance as it comes -> how they are shown in English
_SHOWN = {
    "state": {
        "1": "New",
        "2": "In Progress",
        "3": "On Hold",
        "4": "Awaiting User Info",
        "5": "Awaiting Evidence",
        "6": "Resolved",
        "7": "Closed",
        "8": "Canceled",
    },
    "priority": {
        "1": "1 - Critical",
        "2": "2 - High",
        "3": "3 - Moderate",
        "4": "4 - Low",
        "5": "5 - Planning",
    },
}
_TIMES = frozenset(
    ("opened_at", "resolved_at", "closed_at", "sys_created_on", "sys_updated_on", "start_time")
)
_UTC = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2}) ([0-9]{2}:[0-9]{2}:[0-9]{2})")
_PAGE = 1000


class Names(DeskNames):
    """`slas`: what a task SLA is about, by its name, where its definition has no target."""

    slas: dict[str, Literal["response", "resolution", "ignore"]] = Field(default_factory=dict)


class Connection(Strict):
    """`url`: of the instance; `user`: whose password it is; `start`: the first day to be read:
    incidents that were created before it are not; `fields`: of incidents, those that names in
    connect.yaml look at (`company`, `contract`, your own `u_…`)."""

    url: str
    user: str
    start: date
    fields: list[str] = Field(default_factory=lambda: ["company"])


class _Table(Strict):
    """A table as it is asked for. `marker`: a field that only its answers have; `by`: the time that
    pages are in order of; `query`: which of its records."""

    name: str
    marker: str
    by: str
    fields: list[str]
    query: str = ""
    shows: Literal["all", "false"] = "all"

    def after(self, at: str, sys_id: str) -> str:
        """The query for the page that comes after a record."""
        base = f"{self.query}^" if self.query else ""
        return (
            f"{base}{self.by}={at}^sys_id>{sys_id}^NQ{base}{self.by}>{at}"
            f"^ORDERBY{self.by}^ORDERBYsys_id"
        )

    def since(self, at: str) -> str:
        """The query for the first page."""
        base = f"{self.query}^" if self.query else ""
        return f"{base}{self.by}>={at}^ORDERBY{self.by}^ORDERBYsys_id"


_TABLES = {
    "sys_audit": _Table(
        name="sys_audit",
        marker="documentkey",
        by="sys_created_on",
        fields=["sys_id", "documentkey", "fieldname", "oldvalue", "newvalue", "sys_created_on"],
        query="tablename=incident^fieldnameINstate,incident_state,priority",
        shows="false",
    ),
    "sys_journal_field": _Table(
        name="sys_journal_field",
        marker="element_id",
        by="sys_created_on",
        fields=["sys_id", "element_id", "element", "sys_created_by", "sys_created_on"],
        query="nameINincident,task^element=comments",
        shows="false",
    ),
    "task_sla": _Table(
        name="task_sla",
        marker="has_breached",
        by="sys_updated_on",
        fields=[
            "sys_id",
            "task",
            "sla",
            "sla.target",
            "sla.type",
            "stage",
            "has_breached",
            "start_time",
            "sys_updated_on",
        ],
        query="task.sys_class_name=incident",
    ),
    "incidents": _Table(
        name="incident",
        marker="number",
        by="sys_updated_on",
        fields=[
            "sys_id",
            "number",
            "state",
            "priority",
            "opened_at",
            "resolved_at",
            "closed_at",
            "sys_created_on",
            "sys_updated_on",
            "made_sla",
            "short_description",
            "category",
            "parent_incident",
            "caller_id",
            "caller_id.user_name",
        ],
    ),
}


def api(connection: Connection, secrets: Mapping[str, str]) -> Api:
    """Four tables of the Table API, each in order of time; of incidents those that are as new as
    the rest, since an older one lacks its first comments."""
    tables = _TABLES | {
        "incidents": _TABLES["incidents"].model_copy(
            update={"query": f"sys_created_on>={connection.start} 00:00:00"}
        )
    }

    def resource(name: str, table: _Table) -> dict[str, Any]:
        more = connection.fields if name == "incidents" else []
        return {
            "name": name,
            "endpoint": {
                "path": f"/api/now/table/{table.name}",
                "data_selector": "result",
                "paginator": {
                    "type": "cursor",
                    "cursor_path": "next_query",
                    "cursor_param": "sysparm_query",
                },
                "params": {
                    "sysparm_query": table.since("{incremental.start_value}"),
                    "sysparm_fields": ",".join(dict.fromkeys([*table.fields, *more])),
                    "sysparm_display_value": table.shows,
                    "sysparm_exclude_reference_link": "true",
                    "sysparm_limit": _PAGE,
                },
                # a record is stored some time after the instant that it bears
                "incremental": {
                    "cursor_path": table.by,
                    "initial_value": f"{connection.start}T00:00:00Z",
                    "convert": _plain_time,
                    "lag": 300,
                },
            },
        }

    return Api(
        client={
            "base_url": connection.url,
            "auth": {
                "type": "http_basic",
                "username": connection.user,
                "password": secrets["password"],
            },
        },
        resources=[resource(name, table) for name, table in tables.items()],
        page=lambda page: _page(page, tables),
        resumable=frozenset(tables),
    )


def _plain_time(text: object) -> str:
    return str(text).replace("T", " ")[:19]


def _page(page: dict[str, Value], tables: Mapping[str, _Table]) -> dict[str, Value]:
    """Plain records, times with their zone, and the query of the next page. An answer that was cut
    off by the instance has an error beside its records."""
    if error := page.get("error"):
        words = error.get("message", error) if isinstance(error, Mapping) else error
        raise Unreadable(f"the instance broke off its answer: {words}")
    if not isinstance(page.get("result"), list):
        return page
    records = [_plain(record) for record in page["result"]]
    return page | {"result": records, "next_query": _next(records, tables)}


def _next(records: list[dict[str, Value]], tables: Mapping[str, _Table]) -> str | None:
    # pages may be short, since records that the account may not read are left out of them
    for table in tables.values():
        if records and table.marker in records[-1]:
            at = _plain_time(records[-1][table.by])
            return table.after(at, records[-1]["sys_id"])
    return None


def _plain(record: Mapping[str, Value]) -> dict[str, Value]:
    made: dict[str, Value] = {}
    for field, value in record.items():
        shown = value
        if isinstance(value, Mapping):
            shown, value = value.get("display_value"), value.get("value")
        if field in _TIMES:
            found = _UTC.fullmatch(str(value))
            made[field] = f"{found[1]}T{found[2]}Z" if found else value
            continue
        made[field] = value if shown in (None, "") else shown
        if value != made[field]:
            made[f"{field}.value"] = value
    return made


def rows(records: Records, names: Names, out: Rows) -> None:
    """Tickets, with their events and verdicts."""
    desk = _Desk(records, names)

    def ticket(record: Record) -> None:
        number = record.needed("number")
        if record.text("is_deleted") == "true":
            out.delete("tickets", {"ticket_id": number})
            return
        verdicts = desk.verdicts(record, number, out)
        out.add(
            "tickets",
            names.ticket(
                number,
                record,
                record.text("category"),
                out,
                subject=record.text("short_description"),
                incident_id=record.text("parent_incident"),
                source_response_met=verdicts.get("response"),
                source_resolution_met=verdicts.get("resolution"),
            ),
        )
        add_events(desk.life(record, number, out), desk.method, out)

    out.of_each("incidents", "number", desk.incidents(), ticket)


def _stored(record: Record, field: str) -> str | None:
    return record.text(f"{field}.value") or record.text(field)


class _Desk:
    """What there is of each incident, by its number."""

    def __init__(self, records: Records, names: Names) -> None:
        self.names = names
        self.by_number = {
            number: record
            for record in records.get("incidents", ())
            if (number := record.text("number"))
        }
        self.left = [r for r in records.get("incidents", ()) if not r.text("number")]
        numbers = {
            sys_id: number
            for number, record in self.by_number.items()
            if (sys_id := record.text("sys_id"))
        }

        def by_number(resource: str, field: str) -> dict[str, list[Record]]:
            found: dict[str, list[Record]] = defaultdict(list)
            for record in records.get(resource, ()):
                # exports write it as `Incident: INC0010001`
                whose = (record.text(field) or "").rpartition(": ")[2]
                found[numbers.get(whose, whose)].append(record)
            return found

        self.audits = by_number("sys_audit", "documentkey")
        self.comments = by_number("sys_journal_field", "element_id")
        self.slas = by_number("task_sla", "task")
        self.updates = by_number("incident_updates", "number")
        for found in self.updates.values():
            found.sort(key=_when)
        self.shown = {field: dict(shown) for field, shown in _SHOWN.items()}
        states: dict[str, State] = dict(STATES)
        for record in self.by_number.values():
            for field in ("state", "priority"):
                value, shown = record.text(f"{field}.value"), record.text(field)
                if value and shown:
                    self.shown[field][value] = shown
        for value, known in _SHOWN["state"].items():
            # in another language
            states.setdefault(self.shown["state"][value], STATES[known])
        self.method = Method(
            states | names.states, frozenset(names.responds), names.resolution_kind
        )

    def incidents(self) -> list[Record]:
        """One record for each, where there is only a log the last one of it."""
        last = [found[-1] for number, found in self.updates.items() if number not in self.by_number]
        return [*self.left, *self.by_number.values(), *last]

    def _as_shown(self, field: str, value: str | None) -> str | None:
        return self.shown[field].get(value, value) if value else None

    def state(self, record: Record) -> str | None:
        return self._as_shown("state", record.text("state") or record.text("incident_state"))

    def _severity(self, value: str | None, out: Rows) -> str | None:
        return self.names.severity(self._as_shown("priority", value), out)

    def life(self, record: Record, number: str, out: Rows) -> Ticket:
        opened = record.text("opened_at") or record.needed("sys_created_on")
        replies = list(self._replies(record, number, out))
        if self.audits[number]:
            return self._by_audit(record, number, opened, replies, out)
        if self.updates.get(number):
            return self._by_updates(number, opened, replies, out)
        out.note("incidents without a log: their states are known by their last dates alone")
        return Ticket(
            number,
            opened,
            self._severity(record.text("priority"), out),
            None,
            [*replies, *self._by_dates(record)],
        )

    def _by_audit(
        self, record: Record, number: str, opened: str, replies: list[Change], out: Rows
    ) -> Ticket:
        """The first entry of a field says what it was before; without one, it never changed."""
        audits = self.audits[number]
        fields = {entry.text("fieldname") for entry in audits}
        # an older instance logs this one; a newer one logs both, as one change
        which = "state" if "state" in fields else "incident_state"
        log = replies
        first: dict[str, str | None] = {}
        for order, entry in enumerate(sorted(audits, key=_created), 1):
            at, new = entry.needed("sys_created_on"), entry.text("newvalue")
            what = entry.text("fieldname")
            if what == which:
                first.setdefault("state", entry.text("oldvalue"))
                log.append(Change(at, "status", self._as_shown("state", new), order))
            elif what == "priority":
                before = first.setdefault("priority", entry.text("oldvalue"))
                if before is None and "new" not in first:
                    # the entry of the creation
                    first["new"] = new
                log.append(Change(at, "severity", self._severity(new, out), order))
        priority = (
            first["priority"] or first.get("new")
            if "priority" in first
            else record.text("priority")
        )
        state = self._as_shown("state", first["state"]) if "state" in first else self.state(record)
        return Ticket(number, opened, self._severity(priority, out), state, log)

    def _by_updates(self, number: str, opened: str, replies: list[Change], out: Rows) -> Ticket:
        """What an update changed is what differs from the row before it."""
        updates = self.updates[number]
        log = replies
        state, priority = None, updates[0].text("priority")
        severity = self._severity(priority, out)
        for order, update in enumerate(updates, 1):
            at = update.needed("sys_updated_at")
            if (new := self.state(update)) and new != state:
                log.append(Change(at, "status", new, order))
                state = new
            if (rank := update.text("priority")) and rank != priority:
                log.append(Change(at, "severity", self._severity(rank, out), order))
                priority = rank
        return Ticket(number, opened, severity, None, log)

    def _by_dates(self, record: Record) -> Iterator[Change]:
        state = self.state(record)
        known = self.method.states.get(state or "")
        updated = record.text("sys_updated_on") or record.text("sys_updated_at")
        if known in ("resolved", "closed") and (at := record.text("resolved_at")):
            yield Change(at, "status", state if known == "resolved" else "Resolved", 1)
        if known == "closed":
            at = record.text("closed_at") or updated
        elif known == "resolved":
            at = record.text("resolved_at") or updated
        else:
            at = updated
        if state and state != self.shown["state"]["1"]:
            yield Change(at or record.needed("sys_updated_on"), "status", state, 2)

    def _replies(self, record: Record, number: str, out: Rows) -> Iterator[Change]:
        caller = record.text("caller_id.user_name")
        for comment in self.comments[number]:
            if comment.text("element") not in ("comments", None):
                continue
            if caller is None:
                out.note("comments of incidents whose caller has no user name: nobody's reply")
            elif comment.text("sys_created_by") != caller:
                yield Change(comment.needed("sys_created_on"), "reply")

    def verdicts(self, record: Record, number: str, out: Rows) -> dict[str, bool]:
        """Promise -> whether it was kept: false once it is breached, true when it ended without."""
        found: dict[str, bool] = {}
        slas = [s for s in self.slas[number] if (_stored(s, "sla.type") or "SLA").upper() == "SLA"]
        for sla in slas:
            stage = (_stored(sla, "stage") or "").lower()
            if stage == "cancelled":
                continue
            name = sla.text("sla") or ""
            promise = self.names.slas.get(name, (_stored(sla, "sla.target") or "").lower())
            if promise not in ("response", "resolution"):
                if promise != "ignore":
                    out.note(f"task SLA {name!r} has no target: name it in `slas`")
            elif (_stored(sla, "has_breached") or "").lower() == "true":
                found[promise] = False
            elif stage in ("completed", "achieved"):
                found.setdefault(promise, True)
        made = (_stored(record, "made_sla") or "").lower()
        is_over = self.method.states.get(self.state(record) or "") in ("resolved", "closed")
        # of the one SLA that a task had once; beside task SLAs it may be about the response
        if not slas and (made == "false" or (made == "true" and is_over)):
            found["resolution"] = made == "true"
        return found


def _when(update: Record) -> tuple[tuple[int, str], int]:
    return moment(update.needed("sys_updated_at")), int(update.text("sys_mod_count") or 0)


def _created(entry: Record) -> tuple[int, str]:
    return moment(entry.needed("sys_created_on"))


def _without_marks(row: Mapping[str, Value]) -> dict[str, Value]:
    """`?` is how the log writes that there is nothing."""
    return {name: None if value == "?" else value for name, value in row.items()}


_LABELS = {
    "Number": "number",
    "State": "state",
    "Incident state": "incident_state",
    "Opened": "opened_at",
    "Resolved": "resolved_at",
    "Closed": "closed_at",
    "Created": "sys_created_on",
    "Updated": "sys_updated_on",
    "Priority": "priority",
    "Made SLA": "made_sla",
    "Short description": "short_description",
    "Category": "category",
    "Parent Incident": "parent_incident",
    "Caller": "caller_id",
    "Company": "company",
}


def _by_fields(row: Mapping[str, Value]) -> dict[str, Value]:
    return {_LABELS.get(name, name): value for name, value in row.items()}


def _with_id(*fields: str) -> Any:
    """Lists are exported without `sys_id`: what makes a row of them the same one."""

    def record(row: Mapping[str, Value]) -> dict[str, Value]:
        made = ":".join(str(row.get(field) or "") for field in fields)
        return {"sys_id": made} | {name: value for name, value in row.items() if value}

    return record


_FIVETRAN = {
    "incidents": """
        select
            t.sys_id, t.number, cast(coalesce(t.state, i.incident_state) as varchar) as state,
            cast(t.priority as varchar) as priority, iso(t.opened_at) as opened_at,
            iso(i.resolved_at) as resolved_at, iso(t.closed_at) as closed_at,
            iso(t.sys_created_on) as sys_created_on, iso(t.sys_updated_on) as sys_updated_on,
            lower(cast(t.made_sla as varchar)) as made_sla, t.short_description, i.category,
            p.number as parent_incident, i.caller_id_value as "caller_id.value",
            u.user_name as "caller_id.user_name", coalesce(c.name, t.company_value) as company,
            t.company_value as "company.value", t.contract_value as contract,
            lower(coalesce(cast(t._fivetran_deleted as varchar), 'false')) as is_deleted
        from task as t
        inner join incident as i on t.sys_id = i.sys_id
        left join task as p on i.parent_incident_value = p.sys_id
        left join sys_user as u on i.caller_id_value = u.sys_id
        left join core_company as c on t.company_value = c.sys_id
        where t.number is not null
    """,
    "sys_audit": """
        select
            sys_id, documentkey, fieldname, oldvalue, newvalue,
            iso(sys_created_on) as sys_created_on
        from sys_audit
        where tablename = 'incident' and fieldname in ('state', 'incident_state', 'priority')
    """,
    "sys_journal_field": """
        select
            j.sys_id, j.element_id, j.element, j.sys_created_by,
            iso(j.sys_created_on) as sys_created_on
        from sys_journal_field as j
        inner join incident as i on j.element_id = i.sys_id
        where j.element = 'comments'
    """,
    "task_sla": """
        select
            s.sys_id, s.task_value as task, coalesce(d.name, s.sla_value) as sla,
            d.target as "sla.target", d.type as "sla.type", s.stage,
            lower(cast(s.has_breached as varchar)) as has_breached,
            iso(s.start_time) as start_time, iso(s.sys_updated_on) as sys_updated_on
        from task_sla as s
        inner join incident as i on s.task_value = i.sys_id
        left join contract_sla as d on s.sla_value = d.sys_id
        where lower(coalesce(cast(s._fivetran_deleted as varchar), 'false')) = 'false'
    """,
}

TEMPLATE = """\
    system: servicenow
    api:
      url: https://example.service-now.com
      user: makegood                  # whose password SERVICENOW_PASSWORD is
      start: 2026-01-01               # the first day to be read
      fields: [company]               # those of incidents that are named below
    severities: {1 - Critical: P1, 2 - High: P2, 3 - Moderate: P3, 4 - Low: P4}
    # New and In Progress work, On Hold pauses, Resolved, Closed, Canceled; yours, if others:
    # states: {With supplier: paused}
    # without comments to the caller, what the first response is:
    # responds: [In Progress]
    subscription:
      field: company                  # as it is shown; company.value is its sys_id
      values: {ACME: SUB-1}           # what it says: the subscription
"""

SYSTEM = System(
    name="servicenow",
    title="ServiceNow",
    feeds=("tickets", "ticket_events"),
    names=Names,
    keys={
        "incidents": ("number",),
        "incident_updates": ("number", "sys_mod_count", "sys_updated_at"),
        "sys_audit": ("sys_id",),
        "sys_journal_field": ("sys_id",),
        "task_sla": ("sys_id",),
    },
    rows=rows,
    template=TEMPLATE,
    connection=Connection,
    secrets={"password": "SERVICENOW_PASSWORD"},
    api=api,
    exports=(
        Export(
            "incident_updates",
            "an audit log of incidents: each row is an incident after one update (CSV)",
            ("number", "incident_state", "sys_mod_count", "sys_updated_at", "opened_at"),
            record=_without_marks,
            times=("opened_at", "sys_updated_at"),
        ),
        Export(
            "incidents",
            "incidents, as a list exports them (CSV)",
            ("number", "state", "opened_at"),
            record=dict,
            times=("opened_at", "resolved_at", "closed_at", "sys_created_on", "sys_updated_on"),
        ),
        Export(
            "incidents",
            "incidents, as a list exports them (Excel, saved as CSV)",
            ("Number", "State", "Opened"),
            record=_by_fields,
            times=("Opened", "Resolved", "Closed", "Created", "Updated"),
        ),
        Export(
            "sys_audit",
            "the audit of incidents, as a list exports it (CSV)",
            ("documentkey", "fieldname", "oldvalue", "newvalue", "sys_created_on"),
            record=_with_id("documentkey", "fieldname", "sys_created_on", "newvalue"),
            times=("sys_created_on",),
        ),
        Export(
            "task_sla",
            "task SLAs, as a list exports them (CSV)",
            ("task", "sla", "stage", "has_breached"),
            record=_with_id("task", "sla", "start_time"),
            times=("start_time",),
        ),
    ),
    layouts={
        "fivetran": Layout(
            tables=("task", "incident"),
            queries=_FIVETRAN,
            # there once something was deleted
            columns={"task": ("_fivetran_deleted",), "task_sla": ("_fivetran_deleted",)},
            optional={
                "sys_audit": (
                    "sys_id",
                    "documentkey",
                    "fieldname",
                    "oldvalue",
                    "newvalue",
                    "tablename",
                    "sys_created_on",
                ),
                "sys_journal_field": (
                    "sys_id",
                    "element_id",
                    "element",
                    "sys_created_by",
                    "sys_created_on",
                ),
                "sys_user": ("sys_id", "user_name"),
                "core_company": ("sys_id", "name"),
                "contract_sla": ("sys_id", "name", "target", "type"),
                "task_sla": (
                    "sys_id",
                    "task_value",
                    "sla_value",
                    "stage",
                    "has_breached",
                    "start_time",
                    "sys_updated_on",
                    "_fivetran_deleted",
                ),
            },
        ),
    },
)
