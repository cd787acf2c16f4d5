"""UptimeRobot: the log of each monitor (API v2), or its incidents (API v3).

- v2, `getMonitors` with logs: an entry says what a monitor was from an instant on: 1 down, 2 up,
  99 paused, 98 started. Paused and just started are unknown, and read as neither up nor down
  (`spans`). All entries that UptimeRobot still has are asked for each time; those that it has
  dropped stay among the records that were kept. The key travels in the body, an error comes with
  status 200 (`"stat": "fail"`), and passwords of monitors, which the answer holds, are not kept.
- v3, `/incidents`: downtime, and slow responses as `degraded`. It does not say when a monitor was
  paused, so what is up or unknown has no records there. Prefer v2 where the account has it.
- Exports: the log as the dashboard writes it (CSV), and an answer of getMonitors saved to a file.

A monitor is found in `places` by the name that it had last, or by its number. The shapes are those
of the documentation at uptimerobot.com/api (v2) and uptimerobot.com/api/v3. No tables of other
tools are read: a `source-uptimerobot` was once written for Airbyte, and no others were found.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Literal

from makegood.ingestion.connect.instants import from_epoch, has_offset, moment
from makegood.ingestion.connect.names import Strict
from makegood.ingestion.connect.spans import (
    MonitorNames,
    Seen,
    State,
    add_outages,
    last_names,
    place_of,
)
from makegood.ingestion.connect.system import (
    Api,
    Export,
    Record,
    Records,
    Rows,
    System,
    Unmapped,
    Unreadable,
    Value,
)

LOCATION = "uptimerobot"
_PAGE = 50
# type of an entry -> the state from there on
_TYPES: dict[str, State | None] = {"1": "down", "2": "up", "98": None, "99": None}
# the same in exports
_EVENTS = {"down": 1, "up": 2, "started": 98, "paused": 99}
_INCIDENTS: dict[str, State] = {
    "downtime": "down",
    "slowresponse": "degraded",
    "slow response": "degraded",
}


class Connection(Strict):
    """`version`: of the API; `start`: the first day to be read (v3; v2 gives all it has)."""

    version: Literal[2, 3] = 2
    start: date = date(2010, 1, 1)
    url: str = "https://api.uptimerobot.com"


def api(connection: Connection, secrets: Mapping[str, str]) -> Api:
    """Pages by offset (v2) or link (v3)."""
    if connection.version == 3:
        return Api(
            client={
                "base_url": f"{connection.url}/v3",
                "auth": {"type": "bearer", "token": secrets["key"]},
            },
            resources=[
                {
                    "name": "incidents",
                    "endpoint": {
                        "path": "/incidents",
                        "params": {"started_after": f"{connection.start}T00:00:00Z"},
                        "data_selector": "data",
                        "paginator": {"type": "json_link", "next_url_path": "nextLink"},
                    },
                }
            ],
        )
    return Api(
        client={"base_url": f"{connection.url}/v2"},
        resources=[
            {
                "name": "logs",
                "endpoint": {
                    "path": "/getMonitors",
                    "method": "POST",
                    "json": {"api_key": secrets["key"], "format": "json", "logs": 1},
                    "data_selector": "monitors",
                    "paginator": {
                        "type": "offset",
                        "limit": _PAGE,
                        "offset_body_path": "offset",
                        "limit_body_path": "limit",
                        "total_path": "pagination.total",
                    },
                },
            }
        ],
        records={"logs": entries},
        page=_page,
    )


def _page(page: dict[str, Value]) -> dict[str, Value]:
    if page.get("stat") == "fail":
        error = page.get("error")
        said = error.get("message") or error.get("type") if isinstance(error, Mapping) else error
        raise Unreadable(f"getMonitors is refused: {said}")
    return page


def entries(monitor: Mapping[str, Value]) -> Iterator[dict[str, Value]]:
    """The entries of a monitor's log, each with the monitor it is of."""
    for entry in monitor.get("logs") or ():
        yield {
            "monitor_id": monitor.get("id"),
            "friendly_name": monitor.get("friendly_name"),
            **entry,
        }


def rows(records: Records, names: MonitorNames, out: Rows) -> None:
    """Components, and outages by logs or by incidents."""
    names.add_components(out)
    logs: dict[str, list[Record]] = defaultdict(list)
    saved = [
        Record(entry, monitor.where)
        for monitor in records.get("monitors", ())
        for entry in entries(monitor.data)
    ]

    everything = [*records.get("logs", ()), *saved]
    called = last_names(everything, "monitor_id", "friendly_name", _at)

    def entry(record: Record) -> None:
        last = called.get(record.text("monitor_id") or "")
        place = place_of(record, ("friendly_name", "monitor_id"), names, out, last)
        if place is None:
            return
        kind = record.needed("type")
        if kind not in _TYPES:
            raise Unmapped(f"type {kind} is not one of {', '.join(_TYPES)}")
        moment(_at(record))
        logs[place].append(record)

    def monitor(record: Record) -> None:
        place = record.needed("place")
        add_outages(place, LOCATION, _log(logs[place]), names, out)

    def incident(record: Record) -> None:
        place = place_of(record, ("monitor.friendlyName", "monitor.id"), names, out)
        kind = record.needed("type")
        if place is None:
            return
        if kind.lower() not in _INCIDENTS:
            out.note(f"incidents of type {kind} are about no downtime, and are passed over")
            return
        number, component = record.needed("id"), names.component(place)
        out.add(
            "outages",
            {
                "outage_id": f"{number}:{component}",
                "component_id": component,
                "state": _INCIDENTS[kind.lower()],
                "started_at": record.needed("startedAt"),
                "ended_at": record.text("resolvedAt"),
                "incident_id": number,
            },
        )

    out.of_each("logs", "monitor_id", everything, entry)
    out.of_each("monitors", "place", [Record({"place": place}) for place in logs], monitor)
    out.of_each("incidents", "id", records.get("incidents", ()), incident)
    if records.get("incidents"):
        out.note("incidents (API v3) don't say what was up or paused: only outages have records")


def _at(record: Record) -> str:
    """API: Unix time; exports: text."""
    text = record.needed("datetime")
    return from_epoch(text) if text.isdecimal() else text


def _log(found: list[Record]) -> list[Seen]:
    """The last entry is known for as long as it says; one that is down is open."""
    last = max(moment(_at(record)) for record in found)
    return [
        Seen(_at(record), state, _until(record) if is_last and state == "up" else None)
        for record in found
        for state in [_TYPES[record.needed("type")]]
        for is_last in [moment(_at(record)) == last]
    ]


def _until(record: Record) -> str | None:
    duration = record.text("duration")
    if duration is None or not duration.isdecimal():
        return None
    at = _at(record)
    until = from_epoch(moment(at)[0] + int(duration))
    return until if has_offset(at) else until.removesuffix("Z")


def _of_export(row: Mapping[str, Value]) -> dict[str, Value]:
    event = str(row["Event"] or "")
    minutes = str(row.get("Duration (in mins.)") or "")
    return {
        **row,
        "monitor_id": row["Monitor"],
        "friendly_name": row["Monitor"],
        "type": _EVENTS.get(event.strip().lower(), event),
        "datetime": row["Date-Time"],
        "duration": int(minutes) * 60 if minutes.isdecimal() else None,
    }


def _of_answer(monitor: Mapping[str, Value]) -> dict[str, Value]:
    """Without passwords; `newest` tells a later answer from an earlier one, which may hold entries
    that UptimeRobot has dropped since."""
    logs = monitor.get("logs") or []
    return {
        "id": monitor.get("id"),
        "friendly_name": monitor.get("friendly_name"),
        "logs": logs,
        "newest": max((str(entry.get("datetime")) for entry in logs), default=None),
    }


TEMPLATE = """\
    system: uptimerobot
    api:
      version: 2                      # whose key UPTIMEROBOT_KEY is; 3: incidents alone
    places:                           # name (or number) of a monitor: what it watches
      Shop: {service: SVC-1, region: eu-1}
      Shop API: {service: SVC-1, region: eu-1, component: API-1}
    # ignore: [Our blog]              # monitors that are none of your services
    # up_records: false               # if another system checks the same components
"""

SYSTEM = System(
    name="uptimerobot",
    title="UptimeRobot",
    feeds=("components", "outages", "checks"),
    names=MonitorNames,
    keys={
        "logs": ("monitor_id", "datetime", "type"),
        "monitors": ("id", "newest"),
        "incidents": ("id",),
    },
    rows=rows,
    template=TEMPLATE,
    connection=Connection,
    secrets={"key": "UPTIMEROBOT_KEY"},
    api=api,
    exports=(
        Export(
            "logs",
            "the log of monitors, as the dashboard exports it (CSV)",
            ("Event", "Monitor", "Date-Time"),
            record=_of_export,
            times=("Date-Time",),
        ),
        Export(
            "monitors",
            "an answer of getMonitors with logs (JSON)",
            ("id", "friendly_name", "logs"),
            record=_of_answer,
            path="monitors",
        ),
        Export(
            "incidents",
            "an answer of /v3/incidents (JSON)",
            ("id", "type", "monitor", "startedAt"),
            path="data",
        ),
    ),
)
