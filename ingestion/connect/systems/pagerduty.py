"""PagerDuty: incidents and their log.

The API gives no more than 10,000 records for a question, of incidents those of at most six months,
and sorts the log the newest first. So the time from `start` to the newest entry of the log is cut
into windows of a day (`window_hours`), and each is asked for by itself: incidents by when they were
created, log entries with the incident as it is now. The last two windows are asked for again by the
next pull. A change of an incident is an entry of its log, which brings the incident itself again.

`acknowledged` is the first response, `resolved` resolves, and an acknowledgement that is taken back
or runs out changes neither. An incident that was merged into another is `merged`, which cancels it.
Its severity is its priority, or its urgency where it has none; the log does not say what they were
before, so that the present one counts from the start. An incident that is older than the log that
is read is passed over, since its first acknowledgement is unknown.

Shapes: the OpenAPI description of REST v2 (`/incidents`, `/log_entries`,
`/analytics/raw/incidents`), the CSV of the incidents report, and the tables of Airbyte's
`source-pagerduty`. No source of dlt's, and no description of Fivetran's tables, was found. An
incident that is deleted is missed.
"""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

from pydantic import Field

from makegood.ingestion.connect.instants import from_epoch, has_offset, moment
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
    "triggered": "working",
    "acknowledged": "working",
    "resolved": "resolved",
    "merged": "cancelled",
}
# with which every log begins
_FIRST = "trigger_log_entry"
_ENTRIES = {
    _FIRST: "triggered",
    "acknowledge_log_entry": "acknowledged",
    "unacknowledge_log_entry": "triggered",
    "resolve_log_entry": "resolved",
}
_PAGE = 100
_MOST = 10_000


class Connection(Strict):
    """`start`: the first day to be read, before the oldest incident of interest was opened; `url`:
    of the API, which is another one in the EU; `window_hours`: how much time one question is
    about, less if there is more than 10,000 of anything within it."""

    start: date
    url: str = "https://api.pagerduty.com"
    window_hours: int = Field(default=24, ge=1, le=24 * 180)


def api(connection: Connection, secrets: Mapping[str, str]) -> Api:
    """The newest entry of the log, and window by window incidents and log entries."""

    def by_window(name: str, params: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "name": name,
            "endpoint": {
                "path": f"/{name}",
                "data_selector": name,
                "paginator": {
                    "type": "offset",
                    "limit": _PAGE,
                    "total_path": None,
                    "has_more_path": "more",
                },
                "params": {
                    "since": "{resources.windows.since}",
                    "until": "{resources.windows.until}",
                    "time_zone": "UTC",
                    **params,
                },
            },
        }

    return Api(
        client={
            "base_url": connection.url,
            "headers": {"Accept": "application/vnd.pagerduty+json;version=2"},
            "auth": {
                "type": "api_key",
                "name": "Authorization",
                "api_key": f"Token token={secrets['token']}",
                "location": "header",
            },
        },
        resources=[
            {
                "name": "windows",
                "endpoint": {
                    "path": "/log_entries",
                    "data_selector": "windows",
                    "paginator": "single_page",
                    "params": {"limit": 1, "is_overview": "true", "time_zone": "UTC"},
                    "incremental": {
                        "cursor_path": "since",
                        "initial_value": f"{connection.start}T00:00:00Z",
                        # a window that was the last one was not full yet
                        "lag": connection.window_hours * 3600,
                    },
                },
            },
            by_window("incidents", {"sort_by": "created_at:asc"}),
            by_window("log_entries", {"is_overview": "true", "include[]": "incidents"}),
        ],
        page=_page(connection),
    )


def _page(connection: Connection) -> Callable[[dict[str, Value]], dict[str, Value]]:
    """Makes windows of the newest entry. Refuses to go on where the API would stop."""
    start = datetime.combine(connection.start, datetime.min.time(), UTC)
    length = timedelta(hours=connection.window_hours)

    def page(answer: dict[str, Value]) -> dict[str, Value]:
        entries = answer.get("log_entries")
        if answer.get("limit") == 1 and isinstance(entries, list):
            return answer | {"windows": list(_windows(entries))}
        offset, limit = answer.get("offset") or 0, answer.get("limit") or _PAGE
        if answer.get("more") and offset + 2 * limit > _MOST:
            what = "log entries" if entries is not None else "incidents"
            raise Unreadable(
                f"there are more than {_MOST:,} {what} in {connection.window_hours} hours, and no "
                "more can be asked for at once: set `window_hours` to less"
            )
        return answer

    def _windows(entries: list[Any]) -> Any:
        if not entries:
            return
        newest = datetime.fromtimestamp(moment(entries[0]["created_at"])[0], UTC)
        since = start
        while since <= newest:
            yield {
                "since": f"{since:%Y-%m-%dT%H:%M:%SZ}",
                "until": f"{since + length:%Y-%m-%dT%H:%M:%SZ}",
                # so that a window is another one whenever there is something new in it
                "newest": f"{newest:%Y-%m-%dT%H:%M:%SZ}" if since + length > newest else None,
            }
            since += length

    return page


def rows(records: Records, names: DeskNames, out: Rows) -> None:
    """Tickets, with their events."""
    method = Method(
        STATES | names.states, frozenset(("acknowledged", *names.responds)), names.resolution_kind
    )
    logs = grouped(records.get("log_entries", ()), "incident.id")
    latest: dict[str, Record] = {}

    def see(incident: Record) -> None:
        number = incident.text("id") or ""
        if number not in latest or _changed(incident) >= _changed(latest[number]):
            latest[number] = incident

    for incident in records.get("incidents", ()):
        see(incident)
    for entry in records.get("log_entries", ()):
        within = entry.get("incident")
        # a reference alone says nothing of it
        if isinstance(within, Mapping) and within.get("created_at"):
            see(Record(within, entry.where))

    def ticket(incident: Record) -> None:
        number = incident.needed("id")
        if logs[number] and not any(e.text("type") == _FIRST for e in logs[number]):
            out.note("incidents older than the log that was read are passed over: `start` sooner")
            return
        into = incident.text("resolve_reason.incident.id")
        out.add(
            "tickets",
            names.ticket(
                number,
                incident,
                incident.text("incident_type.name"),
                out,
                subject=incident.text("title") or incident.text("description"),
                incident_id=into,
            ),
        )
        priority = incident.text("priority.summary") or incident.text("urgency")
        if any("urgency" in (e.text("type") or "") for e in logs[number]):
            out.note("incidents whose urgency was changed: the present one counts from the start")
        add_events(
            Ticket(
                number,
                incident.needed("created_at"),
                names.severity(priority, out),
                "triggered",
                _log(incident, logs[number], bool(into), out),
            ),
            method,
            out,
        )

    out.of_each("incidents", "id", list(latest.values()), ticket)


def _changed(incident: Record) -> tuple[int, str]:
    at = incident.text("updated_at") or incident.text("last_status_change_at")
    return moment(at or incident.needed("created_at"))


def _log(incident: Record, entries: list[Record], is_merged: bool, out: Rows) -> list[Change]:
    log = []
    for order, entry in enumerate(sorted(entries, key=lambda e: moment(e.needed("created_at")))):
        if status := _ENTRIES.get(entry.text("type") or ""):
            status = "merged" if status == "resolved" and is_merged else status
            log.append(Change(entry.needed("created_at"), "status", status, order))
    if log:
        return log
    out.note("incidents without a log: first acknowledgement and resolution are those they name")
    created = incident.needed("created_at")
    if seconds := incident.text("seconds_to_first_ack"):
        log.append(Change(_later(created, seconds), "status", "acknowledged", 1))
    elif found := incident.many("acknowledgements"):
        log.append(Change(found[0].needed("at"), "status", "acknowledged", 1))
    if incident.text("resolved_at"):
        status = "merged" if is_merged else "resolved"
        log.append(Change(incident.needed("resolved_at"), "status", status, 2))
    return log


def _later(at: str, seconds: str) -> str:
    if not re.fullmatch("[0-9]+", seconds):
        raise Unmapped(f"{seconds!r} is not a number of seconds: the form is 300")
    later = from_epoch(moment(at)[0] + int(seconds))
    return later if has_offset(at) else later.removesuffix("Z")


def _analytics(row: Mapping[str, Value]) -> dict[str, Value]:
    """An incident from the analytics of one, whose names are flat."""
    return {
        **row,
        "title": row.get("description"),
        "priority": {"summary": row["priority_name"]} if row.get("priority_name") else None,
        "service": {"id": row.get("service_id"), "summary": row.get("service_name")},
    }


def _report(row: Mapping[str, Value]) -> dict[str, Value]:
    return _analytics(
        {**row, "created_at": row["created_on"], "resolved_at": row.get("resolved_on")}
    )


_AIRBYTE = {
    "incidents": """
        select
            id, title, description, iso(created_at) as created_at, iso(updated_at) as updated_at,
            iso(resolved_at) as resolved_at, iso(last_status_change_at) as last_status_change_at,
            status, urgency, cast(priority as json) as priority, cast(service as json) as service,
            cast(acknowledgements as json) as acknowledgements,
            cast(resolve_reason as json) as resolve_reason,
            cast(incident_type as json) as incident_type
        from incidents
    """,
    "log_entries": """
        select id, type, iso(created_at) as created_at, cast(incident as json) as incident
        from incident_logs
    """,
}

TEMPLATE = """\
    system: pagerduty
    api:
      start: 2026-01-01               # the first day to be read; PAGERDUTY_TOKEN is the token
      # url: https://api.eu.pagerduty.com
    severities: {P1: P1, P2: P2, high: P2, low: P4}   # priorities, and urgencies for want of one
    subscription:
      field: service.id
      values: {PIJ90N7: SUB-1}        # the service: the subscription
"""

SYSTEM = System(
    name="pagerduty",
    title="PagerDuty",
    feeds=("tickets", "ticket_events"),
    names=DeskNames,
    keys={"windows": ("since",), "incidents": ("id",), "log_entries": ("id",)},
    rows=rows,
    template=TEMPLATE,
    connection=Connection,
    secrets={"token": "PAGERDUTY_TOKEN"},
    api=api,
    exports=(
        Export(
            "incidents",
            "the incidents report (CSV)",
            ("id", "incident_number", "created_on", "seconds_to_first_ack"),
            record=_report,
            times=("created_on", "resolved_on"),
        ),
        Export(
            "incidents",
            "incidents of the analytics (CSV, or JSON as the API writes it)",
            ("id", "incident_number", "created_at", "seconds_to_first_ack"),
            record=_analytics,
            times=("created_at", "resolved_at", "updated_at"),
            path="data",
        ),
        Export(
            "incidents",
            "incidents, as the API writes them (JSON)",
            ("id", "incident_number", "created_at", "urgency", "service"),
            path="incidents",
        ),
        Export(
            "log_entries",
            "log entries, as the API writes them (JSON)",
            ("id", "type", "created_at", "incident"),
            path="log_entries",
        ),
    ),
    layouts={
        "airbyte": Layout(
            tables=("incidents",),
            queries=_AIRBYTE,
            columns={
                "incidents": (
                    "acknowledgements",
                    "description",
                    "incident_type",
                    "last_status_change_at",
                    "priority",
                    "resolve_reason",
                    "resolved_at",
                    "updated_at",
                )
            },
            optional={"incident_logs": ("id", "type", "created_at", "incident")},
        )
    },
)
