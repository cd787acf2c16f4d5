"""Pingdom: the states that a check was in (API 3.1), or its single results.

- `states` of `/summary.outage/{checkid}`, by default: from when to when a check was up, down or
  unknown, as Pingdom itself decided it, with the second opinion that it asks for. They become
  outages and known time (`spans`); unknown, which is paused too, reads as neither up nor down. The
  first state of an answer is cut at the time that was asked from, so states that touch are joined.
  One request a check.
- `results` of `/results/{checkid}`, with `read: results`: each test as a check from its probe.
  Probes take turns, so each one's checks are far apart: unless `stale_after_s` (M1) is more than a
  round of them takes, most of the time is unknown. `unconfirmed_down` is what one probe saw before
  another one was asked, so it is `down` there: M2 asks the others. At most 43,200 results of a
  check can be read at once, a month of them.

A check is found in `places` by its name (for states the one that it had last), or by its number.
One that is deleted in Pingdom leaves its last state behind: give its place an `active_to`.

Exports: states or results as CSV or JSON with the API's names, and the CSV of pingdomexport. What
the web pages export has no documented form: `columns` in connect.yaml can say what is what. The
API's answers say nothing of the check they are of, so they are no export by themselves.

Fivetran's tables of Pingdom have only the last outage of each check (`last_down_start`), and
Airbyte's sums by the hour: of neither can all outages be made. None of dlt's was found.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Literal

from makegood.ingestion.connect.instants import first_second, from_epoch, moment
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
    Value,
)

LOCATION = "pingdom"
# the most that an answer holds, by what it holds
_PAGES = {"checks": 25_000, "results": 1_000}
_STATES: dict[str, State | None] = {"up": "up", "down": "down", "unknown": None}
_RESULTS = {"up": "up", "down": "down", "unconfirmed_down": "down", "unknown": "unknown"}
_CALLED = ("name", "checkid")


class Connection(Strict):
    """`start`: the first day to be read; `read`: what."""

    start: date
    read: Literal["outages", "results"] = "outages"
    url: str = "https://api.pingdom.com/api/3.1"


def api(connection: Connection, secrets: Mapping[str, str]) -> Api:
    """All checks, and what each of them saw since the last pull."""
    start = first_second(connection.start)
    return Api(
        client={
            "base_url": connection.url,
            "auth": {"type": "bearer", "token": secrets["token"]},
        },
        resources=[
            {
                "name": "checks",
                "endpoint": {
                    "path": "/checks",
                    "data_selector": "checks",
                    "paginator": _offset(_PAGES["checks"]),
                },
            },
            _states(start) if connection.read == "outages" else _results(start),
        ],
        page=_page,
    )


def _states(start: int) -> dict[str, Any]:
    return {
        "name": "states",
        "endpoint": {
            "path": "/summary.outage/{resources.checks.id}",
            "params": {"from": "{incremental.start_value}", "order": "asc"},
            "data_selector": "summary.states",
            "paginator": "single_page",
            # the last state of each check ends now; a day again, for what Pingdom decides late
            "incremental": {"cursor_path": "timeto", "initial_value": start, "lag": 86_400},
        },
        **_OF_CHECK,
    }


def _results(start: int) -> dict[str, Any]:
    return {
        "name": "results",
        "endpoint": {
            "path": "/results/{resources.checks.id}",
            # newest first: what arrives while pages are read repeats others, and loses none
            "params": {"from": "{incremental.start_value}"},
            "data_selector": "results",
            "paginator": _offset(_PAGES["results"]),
            "incremental": {"cursor_path": "time", "initial_value": start, "lag": 600},
        },
        **_OF_CHECK,
    }


def _offset(limit: int) -> dict[str, Any]:
    return {"type": "offset", "limit": limit, "total_path": None, "has_more_path": "has_more"}


def _page(page: dict[str, Value]) -> dict[str, Value]:
    """Adds whether there may be more: an answer that is full says so."""
    has_more = any(len(page.get(name) or ()) >= most for name, most in _PAGES.items())
    return page | {"has_more": has_more}


def _of_check(item: dict[str, Value]) -> dict[str, Value]:
    """Under the names that exports have too."""
    names = {"_checks_id": "checkid", "_checks_name": "name", "_checks_status": "check_status"}
    return {names.get(name, name): value for name, value in item.items()}


_OF_CHECK: dict[str, Any] = {
    "include_from_parent": ["id", "name", "status"],
    "processing_steps": [{"map": _of_check}],
}


def rows(records: Records, names: MonitorNames, out: Rows) -> None:
    """Components, outages of states, and checks of results."""
    names.add_components(out)
    found: dict[str, list[Record]] = defaultdict(list)

    def check(record: Record) -> None:
        place_of(record, ("name", "id"), names, out)

    called = last_names(records.get("states", ()), "checkid", "name", lambda r: _at(r, "timeto"))

    def state(record: Record) -> None:
        last = called.get(record.text("checkid") or "")
        place = place_of(record, _CALLED, names, out, last)
        status = record.needed("status")
        if status not in _STATES:
            raise Unmapped(f"status {status} is not one of {', '.join(_STATES)}")
        for path in ("timefrom", "timeto"):
            moment(_at(record, path))
        if place is not None:
            found[place].append(record)

    def monitor(record: Record) -> None:
        place = record.needed("place")
        add_outages(place, LOCATION, _log(found[place]), names, out)

    def result(record: Record) -> None:
        place = place_of(record, _CALLED, names, out)
        status = record.needed("status")
        if status not in _RESULTS:
            raise Unmapped(f"status {status} is not one of {', '.join(_RESULTS)}")
        if place is not None:
            out.add(
                "checks",
                {
                    "component_id": names.component(place),
                    "location": f"{LOCATION}-{record.needed('probeid')}",
                    "checked_at": _at(record, "time"),
                    "status": _RESULTS[status],
                    "latency_ms": record.get("responsetime"),
                },
            )

    out.of_each("checks", "id", records.get("checks", ()), check)
    out.of_each("states", "checkid", records.get("states", ()), state)
    out.of_each("monitors", "place", [Record({"place": place}) for place in found], monitor)
    out.of_each("results", "checkid", records.get("results", ()), result)


def _at(record: Record, path: str) -> str:
    """API: Unix time; exports: text."""
    text = record.needed(path)
    return from_epoch(text) if text.isdecimal() else text


def _log(found: Sequence[Record]) -> list[Seen]:
    """The last state ends with the answer that it is in. One that is down then is still open,
    unless its check is paused."""
    last = max(moment(_at(record, "timeto")) for record in found)
    return [
        Seen(at, state, None if is_open else until)
        for record in found
        for at, until in [(_at(record, "timefrom"), _at(record, "timeto"))]
        for state in [_STATES[record.needed("status")]]
        for is_open in [
            state == "down" and moment(until) == last and record.text("check_status") != "paused"
        ]
    ]


def _of_pingdomexport(row: Mapping[str, Value]) -> dict[str, Value]:
    milliseconds = str(row.get("Response time") or "")
    return {
        "checkid": row["Check ID"],
        "probeid": row["Probe ID"],
        "time": row["Time"],
        "status": row["Status"],
        "responsetime": int(milliseconds) if milliseconds.isdecimal() else None,
    }


TEMPLATE = """\
    system: pingdom
    api:
      start: 2026-01-01               # the first day to be read; whose token PINGDOM_TOKEN is
      # read: results                 # each test from its probe; by default outages
    places:                           # name (or number) of a check: what it watches
      Shop: {service: SVC-1, region: eu-1}
      "85975": {service: SVC-1, region: eu-1, component: API-1}
    # ignore: [Our blog]              # checks that are of none of your services
    # up_records: false               # if another system checks the same components
"""

SYSTEM = System(
    name="pingdom",
    title="Pingdom",
    feeds=("components", "outages", "checks"),
    names=MonitorNames,
    keys={
        "checks": ("id",),
        "states": ("checkid", "timefrom"),
        "results": ("checkid", "probeid", "time"),
    },
    rows=rows,
    template=TEMPLATE,
    facts=frozenset({"results"}),
    connection=Connection,
    secrets={"token": "PINGDOM_TOKEN"},
    api=api,
    exports=(
        Export(
            "states",
            "states of checks, with the names of the API (`time_form: unix` for its times)",
            ("checkid", "status", "timefrom", "timeto"),
            times=("timefrom", "timeto"),
        ),
        Export(
            "results",
            "results of checks, with the names of the API (`time_form: unix` for its times)",
            ("checkid", "probeid", "time", "status"),
            times=("time",),
        ),
        Export(
            "results",
            "results of checks, as pingdomexport writes them (`time_form: unix`)",
            ("Check ID", "Time", "Probe ID", "Status"),
            record=_of_pingdomexport,
            times=("Time",),
        ),
    ),
)
