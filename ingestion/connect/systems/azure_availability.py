"""Azure Application Insights: results of availability tests, each from one location.

Read by queries, as the REST references of Application Insights and of Log Analytics describe them:
tables of columns and rows. A query has no pages, and an answer at most 500,000 rows, so each one
asks for the earliest rows from an instant on, and the next one starts where the last row was. An
answer with an `error` beside its tables is an incomplete one, and fails. Keys of the API
(`x-api-key`) were retired in March 2026 in the public cloud, so a registered application
(client credentials) is the usual way.

Exports: the CSV file of the Logs page (in either naming, `timestamp` or `TimeGenerated`), the list
that `az monitor log-analytics query` prints, and the blobs of diagnostic settings and of continuous
export. No connector of Fivetran, Airbyte or dlt for these tables was found.

A result is `up` or `down`; there is no other.
"""

from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal, InvalidOperation

from pydantic import model_validator

from makegood.ingestion.connect.instants import from_epoch, moment, utc
from makegood.ingestion.connect.names import Id, PlaceNames, Strict
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

# rows an answer; Azure's limits are 500,000 of them and 100 MB
PAGE_ROWS = 10_000
# results come in late by minutes, rarely by hours
_LAG_SECONDS = 6 * 3600
# ten years: to the end of what there is
_SPAN = "P3660D"
_COLUMNS = ("timestamp", "name", "location", "success")
_IN_APPLICATION = "availabilityResults"
# the same columns under the names of a workspace's table
_IN_WORKSPACE = (
    "AppAvailabilityResults | project timestamp = TimeGenerated, id = Id, name = Name, "
    "location = Location, success = Success, duration = DurationMs, message = Message, "
    "itemCount = ItemCount"
)


class Connection(Strict):
    """What is asked: an Application Insights resource (`app`, its Application ID) or a Log
    Analytics workspace (`workspace`, its id). `start`: the first day to be read; `tenant` and
    `client`: of a registered application, whose secret AZURE_CLIENT_SECRET then is (without them
    it is a key of the API). `url`, `login`: of another cloud."""

    app: Id | None = None
    workspace: Id | None = None
    start: date
    tenant: Id | None = None
    client: Id | None = None
    url: str | None = None
    login: str = "https://login.microsoftonline.com"

    @model_validator(mode="after")
    def _is_whole(self) -> "Connection":
        if (self.app is None) == (self.workspace is None):
            raise ValueError("give one of app and workspace")
        if (self.tenant is None) != (self.client is None):
            raise ValueError("tenant and client are given together")
        return self


def api(connection: Connection, secrets: Mapping[str, str]) -> Api:
    """One query a page, from the earliest result on."""
    base = connection.url or (
        "https://api.applicationinsights.io" if connection.app else "https://api.loganalytics.io"
    )
    where = f"apps/{connection.app}" if connection.app else f"workspaces/{connection.workspace}"
    table = _IN_APPLICATION if connection.app else _IN_WORKSPACE
    return Api(
        client={"base_url": base, "auth": _auth(connection, base, secrets["secret"])},
        resources=[
            {
                "name": "availability_results",
                "endpoint": {
                    "path": f"/v1/{where}/query",
                    "method": "POST",
                    "json": {
                        "query": f"{table} | where timestamp >= "
                        "datetime({incremental.start_value}) "
                        f"| top {PAGE_ROWS} by timestamp asc"
                    },
                    "data_selector": "results",
                    "paginator": {
                        "type": "cursor",
                        "cursor_path": "next",
                        "cursor_body_path": "timespan",
                    },
                    "incremental": {
                        "cursor_path": "second",
                        "initial_value": f"{connection.start}T00:00:00Z",
                        "lag": _LAG_SECONDS,
                    },
                },
            }
        ],
        page=_page,
        resumable=frozenset({"availability_results"}),
    )


def _auth(connection: Connection, base: str, secret: str) -> dict[str, Value]:
    if connection.client is None:
        return {"type": "api_key", "name": "x-api-key", "api_key": secret, "location": "header"}
    return {
        "type": "oauth2_client_credentials",
        "access_token_url": f"{connection.login}/{connection.tenant}/oauth2/v2.0/token",
        "client_id": connection.client,
        "client_secret": secret,
        "access_token_request_data": {"scope": f"{base}/.default"},
    }


def _page(page: dict[str, Value]) -> dict[str, Value]:
    """The rows of an answer as records, and what the next query starts from. Raises Unreadable
    for an incomplete answer."""
    if error := page.get("error"):
        raise Unreadable(f"the answer is incomplete: {_in_words(error)}")
    if "tables" not in page:
        # which is reported by what is there
        return page
    results = _results(page["tables"])
    following = None
    if len(results) >= PAGE_ROWS:
        # a second before the last row: how an interval's start is compared then doesn't matter
        last = moment(results[-1]["timestamp"])[0]
        if last - moment(results[0]["timestamp"])[0] <= 2:
            raise Unreadable(
                f"there are {PAGE_ROWS:,} results in two seconds at {results[-1]['timestamp']}, "
                "and a query can't ask for more"
            )
        following = f"{from_epoch(last - 1)}/{_SPAN}"
    return {"results": results, "next": following}


def _rows(tables: Value) -> list[dict[str, Value]]:
    """The rows of the first table by column."""
    try:
        columns = [column["name"] for column in tables[0]["columns"]]
        return [dict(zip(columns, row, strict=True)) for row in tables[0]["rows"]]
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise Unreadable(
            "the answer is not a table of columns and rows, as the documentation says"
        ) from error


def _results(tables: Value) -> list[dict[str, Value]]:
    """The rows, with the whole second by which they are ordered."""
    found = _rows(tables)
    columns = [column["name"] for column in tables[0]["columns"]]
    if missing := [name for name in _COLUMNS if name not in columns]:
        raise Unreadable(
            f"the answer lacks the column {', '.join(missing)}; there are {', '.join(columns)}"
        )
    return [row | {"second": from_epoch(moment(row["timestamp"])[0])} for row in found]


def _in_words(error: Value) -> str:
    """The innermost code and message of an error as Azure's APIs write them."""
    words = ""
    while isinstance(error, Mapping):
        parts = [str(error[key]) for key in ("code", "message") if error.get(key)]
        words = ": ".join(parts) or words
        details = error.get("details") or [error.get("innererror")]
        error = details[0]
    return words or str(error)


def rows(records: Records, names: PlaceNames, out: Rows) -> None:
    """A check for each result of a test that has a place, by the test's name."""
    names.add_components(out)

    def result(record: Record) -> None:
        name = record.needed("name")
        if (component := names.component(name)) is None:
            names.unplaced(name, out)
            return
        out.add(
            "checks",
            {
                "component_id": component,
                "location": record.needed("location"),
                "checked_at": record.needed("timestamp"),
                "status": _status(record),
                "latency_ms": _number(record, "duration"),
            },
        )

    out.of_each("availability_results", "name", records.get("availability_results", ()), result)


def _status(record: Record) -> str:
    """`success` is text in one table (`1`) and a boolean in the other."""
    match record.needed("success").lower():
        case "1" | "true":
            return "up"
        case "0" | "false":
            return "down"
        case other:
            raise Unmapped(f"success is {other!r}: the form is 1 or 0, or true or false")


def _number(record: Record, path: str) -> Decimal | None:
    text = record.text(path)
    if text is None:
        return None
    try:
        return Decimal(text)
    except InvalidOperation as error:
        raise Unmapped(f"{path} is {text!r}, and a number of milliseconds is needed") from error


def _from_table(row: Mapping[str, Value], time: str, in_workspace: bool) -> dict[str, Value]:
    """A row of either table, with its time in the column `time`, which is in UTC."""
    given = {
        "id": "Id",
        "name": "Name",
        "location": "Location",
        "success": "Success",
        "duration": "DurationMs",
        "message": "Message",
    }
    made = {name: row.get(column if in_workspace else name) for name, column in given.items()}
    at = row.get(time)
    return made | {"timestamp": utc(at) if isinstance(at, str) else at}


def _table(title: str, time: str, in_workspace: bool) -> Export:
    columns = ("Name", "Location", "Success") if in_workspace else ("name", "location", "success")
    return Export(
        "availability_results",
        title,
        (time, *columns),
        record=lambda row: _from_table(row, time, in_workspace),
        times=(time,),
    )


def _continuous(row: Mapping[str, Value]) -> dict[str, Value]:
    """A document of continuous export, whose lengths are in units of a ten-millionth second."""
    record = Record(row)
    result = record.many("availability")[0]
    ticks = _number(result, "durationMetric.value")
    passed = result.needed("result").lower()
    return {
        "id": result.text("testRunId"),
        "name": result.text("testName"),
        "location": result.text("runLocation"),
        "timestamp": result.text("testTimestamp") or record.text("context.data.eventTime"),
        "success": {"pass": "1", "fail": "0"}.get(passed, passed),
        "duration": None if ticks is None else ticks / 10_000,
        "message": result.text("message"),
    }


def _documents(row: Mapping[str, Value]) -> Iterator[Mapping[str, Value]]:
    """Continuous export's document once for each of its results."""
    for result in Record(row).many("availability"):
        yield {**row, "availability": [result.data]}


def _answer(row: Mapping[str, Value]) -> Iterator[Mapping[str, Value]]:
    """The rows of an answer of the query API, in either naming."""
    if error := row.get("error"):
        raise Unmapped(f"the answer is incomplete: {_in_words(error)}")
    try:
        yield from _rows(row["tables"])
    except ValueError as error:
        raise Unmapped(str(error)) from error


def _either(row: Mapping[str, Value]) -> dict[str, Value]:
    in_workspace = "TimeGenerated" in row
    return _from_table(row, "TimeGenerated" if in_workspace else "timestamp", in_workspace)


TEMPLATE = """\
    system: azure_availability
    api:
      app: 00000000-0000-0000-0000-000000000000   # its Application ID, or `workspace` and its id
      tenant: 00000000-0000-0000-0000-000000000000
      client: 00000000-0000-0000-0000-000000000000 # whose secret AZURE_CLIENT_SECRET is
      start: 2026-01-01               # the first day to be read
    # or files in place of api; those of the Logs page have times such as 6/1/2026, 8:30:00.000 AM
    # files: {paths: [exports/*.csv], time_form: "%m/%d/%Y, %I:%M:%S.%f %p"}
    # each availability test, by its name, and the part of a service that it watches
    places:
      homepage-test: {service: SVC-1, region: eu-west-1, component: homepage}
"""

SYSTEM = System(
    name="azure_availability",
    title="Azure Application Insights",
    feeds=("components", "checks"),
    names=PlaceNames,
    # two results of one test and place at one instant are one result
    keys={"availability_results": ("name", "location", "timestamp")},
    rows=rows,
    template=TEMPLATE,
    facts=frozenset({"availability_results"}),
    connection=Connection,
    secrets={"secret": "AZURE_CLIENT_SECRET"},
    api=api,
    exports=(
        _table("results, as the Logs page exports them (CSV)", "timestamp [UTC]", False),
        _table(
            "results of a workspace, as the Logs page exports them (CSV)",
            "TimeGenerated [UTC]",
            True,
        ),
        _table("results, as a query prints them", "timestamp", False),
        _table("results of a workspace, as a query prints them", "TimeGenerated", True),
        _table("results, as diagnostic settings store them (JSON lines)", "time", True),
        Export(
            "availability_results",
            "results, as diagnostic settings send them to an event hub (JSON)",
            ("time", "Name", "Location", "Success"),
            record=lambda row: _from_table(row, "time", True),
            times=("time",),
            path="records",
        ),
        Export(
            "availability_results",
            "results, as continuous export stores them (JSON lines)",
            ("availability", "context"),
            record=_continuous,
            split=_documents,
        ),
        Export(
            "availability_results",
            "results, as the query API answers (JSON)",
            ("tables",),
            record=_either,
            split=_answer,
        ),
    ),
)
