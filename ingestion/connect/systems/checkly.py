"""Checkly: results of its checks, each from one location.

Read over the Public API as its OpenAPI file describes it: `/v1/checks` for the checks, and
`/v2/check-results/{checkId}` for their results, newest first, by cursor (100 a request, five
requests in ten seconds). `fields`, which Checkly's own command line sends too, keeps what was asked
and answered, with the secrets in it, out of what we keep. Raw results are there for 30 days, so
they are to be pulled at least once a month. Exports are these answers saved as files. No connector
of Fivetran, Airbyte or dlt for Checkly was found.

A result is the state of the check at its start: `hasErrors` is an error of Checkly itself and says
nothing about the service (`unknown`), `hasFailures` is `down`, `isDegraded` is `degraded`. Of a run
with retries the last attempt counts (`FINAL`), as on Checkly's own pages.
"""

from collections.abc import Mapping
from datetime import date

from makegood.ingestion.connect.instants import unix_seconds
from makegood.ingestion.connect.names import Id, PlaceNames, Strict
from makegood.ingestion.connect.system import (
    Api,
    Export,
    Record,
    Records,
    Rows,
    System,
    Value,
)

_FIELDS = (
    "id,checkId,name,hasFailures,hasErrors,isDegraded,overMaxResponseTime,runLocation,"
    "startedAt,stoppedAt,created_at,responseTime,checkRunId,attempts,resultType,sequenceId"
)
# results are listed when they are done, browser checks minutes after their start
_LAG_SECONDS = 3600


class Connection(Strict):
    """`account`: its id; `start`: the first day to be read; `url`: of another endpoint."""

    account: Id
    start: date
    url: str = "https://api.checklyhq.com"


def api(connection: Connection, secrets: Mapping[str, str]) -> Api:
    """Every check's results since the last pull; of a page of checks one request each."""
    return Api(
        client={
            "base_url": connection.url,
            "headers": {"X-Checkly-Account": connection.account},
            "auth": {"type": "bearer", "token": secrets["token"]},
        },
        resources=[
            {
                "name": "checks",
                "processing_steps": [{"map": _definition}],
                "endpoint": {
                    "path": "/v1/checks",
                    "params": {"limit": 100},
                    "data_selector": "$",
                    "paginator": {
                        "type": "page_number",
                        "base_page": 1,
                        "page_param": "page",
                        "total_path": None,
                    },
                },
            },
            {
                "name": "check_results",
                "endpoint": {
                    "path": "/v2/check-results/{resources.checks.id}",
                    "params": {
                        "limit": 100,
                        "resultType": "FINAL",
                        "fields": _FIELDS,
                        "from": "{incremental.start_value}",
                    },
                    "data_selector": "entries",
                    "paginator": {
                        "type": "cursor",
                        "cursor_path": "nextId",
                        "cursor_param": "nextId",
                    },
                    "incremental": {
                        "cursor_path": "created_at",
                        "initial_value": f"{connection.start}T00:00:00.000Z",
                        "convert": unix_seconds,
                        "lag": _LAG_SECONDS,
                    },
                },
            },
        ],
    )


def rows(records: Records, names: PlaceNames, out: Rows) -> None:
    """A check for each final result of a check that has a place, by its id or its name."""
    names.add_components(out)

    def result(record: Record) -> None:
        if record.text("resultType") == "ATTEMPT":
            out.note("attempts before the last one of a run are not counted")
            return
        name = record.text("name")
        component = names.component(record.needed("checkId"))
        component = component or (name and names.component(name))
        if component is None:
            names.unplaced(name or record.needed("checkId"), out)
            return
        out.add(
            "checks",
            {
                "component_id": component,
                "location": record.needed("runLocation"),
                "checked_at": record.needed("startedAt"),
                "status": _status(record, out),
                "latency_ms": record.get("responseTime"),
            },
        )

    out.of_each("check_results", "id", records.get("check_results", ()), result)


def _status(record: Record, out: Rows) -> str:
    if record.is_true("hasErrors") or record.is_true("isCancelled"):
        out.note("results with an error of Checkly itself, or cancelled, are unknown")
        return "unknown"
    # a result that says nothing of failures says nothing of the service
    record.needed("hasFailures")
    if record.is_true("hasFailures"):
        return "down"
    return "degraded" if record.is_true("isDegraded") else "up"


def _definition(check: Mapping[str, Value]) -> dict[str, Value]:
    """A check without its script, headers and variables, which may hold secrets."""
    kept = ("id", "name", "checkType", "activated", "muted", "frequency", "locations")
    return {name: check[name] for name in kept if name in check}


def _result(row: Mapping[str, Value]) -> Mapping[str, Value]:
    """A result without what was asked and answered, which may hold secrets."""
    kept = {*_FIELDS.split(","), "isCancelled"}
    return {name: value for name, value in row.items() if name in kept}


_COLUMNS = ("id", "checkId", "hasFailures", "runLocation", "startedAt")

TEMPLATE = """\
    system: checkly
    api:
      account: 00000000-0000-0000-0000-000000000000
      start: 2026-06-01               # the first day to be read; Checkly keeps results for 30 days
    # each check, by its name or its id, and the part of a service that it watches
    places:
      Checkout API: {service: SVC-1, region: eu-west-1, component: checkout-api}
    # Checks that run in one location at a time (round robin) see each location rarely: give the
    # contract a `monitoring.stale_after_s` of over twice the time between two runs in a location.
"""

SYSTEM = System(
    name="checkly",
    title="Checkly",
    feeds=("components", "checks"),
    names=PlaceNames,
    keys={"checks": ("id",), "check_results": ("id",)},
    rows=rows,
    template=TEMPLATE,
    facts=frozenset({"check_results"}),
    connection=Connection,
    secrets={"token": "CHECKLY_API_KEY"},
    api=api,
    exports=(
        Export(
            "check_results",
            "results of a check, as the API answers (JSON)",
            _COLUMNS,
            record=_result,
            path="entries",
        ),
        Export(
            "check_results",
            "results of checks as a list, as version 1 of the API answers (JSON)",
            _COLUMNS,
            record=_result,
        ),
    ),
)
