"""Azure Application Insights: availability results become checks."""

import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from makegood.ingestion.connect.instants import from_form
from makegood.ingestion.connect.system import Api, Unmapped
from makegood.ingestion.connect.systems import azure_availability
from makegood.ingestion.connect.systems.azure_availability import SYSTEM, Connection
from tests.connect.conftest import Pull
from tests.support.delivered import rejected, rows
from tests.support.records import connect_yaml, exact, faults, made
from tests.support.vendor import Answer, Request, vendor

NAMES = """
places:
  homepage-test: {service: SVC-1, region: eu-west-1, component: homepage}
"""
COLUMNS = ("timestamp", "id", "name", "location", "success", "duration")


def result(**change: Any) -> dict[str, Any]:
    return {
        "timestamp": "2026-06-01T08:30:00.1234567Z",
        "id": "run-1",
        "name": "homepage-test",
        "location": "North Central US",
        "success": "1",
        "duration": 812,
        **change,
    }


def table(*results: dict[str, Any], columns: tuple[str, ...] = COLUMNS) -> dict[str, Any]:
    """An answer of the query API."""
    return {
        "tables": [
            {
                "name": "PrimaryResult",
                "columns": [{"name": name, "type": "string"} for name in columns],
                "rows": [[row[name] for name in columns] for row in results],
            }
        ]
    }


def api(**change: Any) -> Api:
    assert SYSTEM.api is not None
    given = {"app": "app-1", "start": "2026-06-01", **change}
    return SYSTEM.api(Connection.model_validate(given), {"secret": "s"})


def page(answer: dict[str, Any]) -> dict[str, Any]:
    normalised = api().page
    assert normalised is not None
    return normalised(answer)


def test_a_result_is_a_check() -> None:
    rows = made(SYSTEM, NAMES, availability_results=[result()])
    assert rows.feeds["checks"] == [
        {
            "component_id": "homepage",
            "location": "North Central US",
            "checked_at": "2026-06-01T08:30:00.1234567Z",
            "status": "up",
            "latency_ms": 812,
        }
    ]
    assert [row["component_id"] for row in rows.feeds["components"]] == ["homepage"]
    assert faults(rows) == []


@pytest.mark.parametrize(
    ("success", "status"),
    [("1", "up"), ("0", "down"), (True, "up"), (False, "down"), ("True", "up"), ("False", "down")],
)
def test_success_is_text_or_a_boolean(success: object, status: str) -> None:
    rows = made(SYSTEM, NAMES, availability_results=[result(success=success)])
    assert [row["status"] for row in rows.feeds["checks"]] == [status]


def test_what_is_neither_success_nor_failure_is_left_by_name() -> None:
    rows = made(
        SYSTEM,
        NAMES,
        availability_results=[
            result(success="maybe"),
            result(location=""),
            result(timestamp=None),
            result(duration="fast"),
            result(name="other-test"),
        ],
    )
    assert "checks" not in rows.feeds
    assert [left.why.split(":")[0] for left in rows.left] == [
        "success is 'maybe'",
        "location is missing; there are timestamp, id, name, location, success, duration",
        "timestamp is missing; there are timestamp, id, name, location, success, duration",
        "duration is 'fast', and a number of milliseconds is needed",
    ]
    assert rows.unnamed == {("places", "other-test"): 1}


def test_a_page_is_the_rows_of_the_first_table() -> None:
    made_of = page(table(result(), result(id="run-2", timestamp="2026-06-01T08:35:00Z")))
    assert made_of == {
        "results": [
            result(second="2026-06-01T08:30:00Z"),
            result(id="run-2", timestamp="2026-06-01T08:35:00Z", second="2026-06-01T08:35:00Z"),
        ],
        "next": None,
    }
    assert page(table()) == {"results": [], "next": None}


def test_a_full_page_goes_on_a_second_before_its_last_row(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(azure_availability, "PAGE_ROWS", 2)
    last = "2026-06-01T08:35:00.5Z"
    assert page(table(result(), result(timestamp=last)))["next"] == "2026-06-01T08:34:59Z/P3660D"
    # without end, as the next page would start before this one
    with pytest.raises(ValueError, match="2 results in two seconds at 2026-06-01T08:30:00"):
        page(table(result(), result()))


def test_an_incomplete_answer_fails_with_its_reason() -> None:
    answer = table(result()) | {
        "error": {
            "code": "PartialError",
            "message": "There were some errors when processing your query.",
            "details": [
                {
                    "code": "EngineError",
                    "message": "Something went wrong processing your query on the server.",
                    "innererror": {
                        "code": "-2133196797",
                        "message": "The results of this query exceed the set limit",
                    },
                }
            ],
        }
    }
    with pytest.raises(ValueError, match="incomplete: -2133196797: The results of this query"):
        page(answer)


def test_a_table_without_what_is_needed_fails_by_name() -> None:
    with pytest.raises(ValueError, match="lacks the column success; there are timestamp, name"):
        page(table(columns=("timestamp", "name", "location")))
    with pytest.raises(ValueError, match="not a table of columns and rows"):
        page({"tables": [{"columns": [{"name": "timestamp"}], "rows": [[1, 2]]}]})


def test_who_asks_and_what_is_asked() -> None:
    asked = api(tenant="t", client="c")
    assert asked.client["auth"] == {
        "type": "oauth2_client_credentials",
        "access_token_url": "https://login.microsoftonline.com/t/oauth2/v2.0/token",
        "client_id": "c",
        "client_secret": "s",
        "access_token_request_data": {"scope": "https://api.applicationinsights.io/.default"},
    }
    assert api().client["auth"]["name"] == "x-api-key"
    workspace = api(app=None, workspace="w")
    assert workspace.client["base_url"] == "https://api.loganalytics.io"
    assert workspace.resources[0]["endpoint"]["path"] == "/v1/workspaces/w/query"
    with pytest.raises(ValidationError, match="one of app and workspace"):
        api(workspace="w")
    with pytest.raises(ValidationError, match="tenant and client are given together"):
        api(tenant="t")


def exported(row: dict[str, Any]) -> dict[str, Any]:
    """The record of an export's row, with its times as the reader has them."""
    (export,) = [e for e in SYSTEM.exports if set(e.columns) <= set(row)][:1]
    return dict(export.record(row))


@pytest.mark.parametrize(
    "row",
    [
        {
            # its times are read by their form: "6/1/2026, 8:30:00.123 AM"
            "timestamp [UTC]": from_form(
                "6/1/2026, 8:30:00.123 AM", "%m/%d/%Y, %I:%M:%S.%f %p", None
            ),
            "id": "run-1",
            "name": "homepage-test",
            "location": "North Central US",
            "success": "1",
            "duration": "812",
        },
        {
            "TimeGenerated [UTC]": "2026-06-01 08:30:00.123",
            "Name": "homepage-test",
            "Location": "North Central US",
            "Success": "True",
            "DurationMs": "812",
        },
        # az monitor log-analytics query
        {
            "TableName": "PrimaryResult",
            "TimeGenerated": "2026-06-01T08:30:00.123Z",
            "Name": "homepage-test",
            "Location": "North Central US",
            "Success": "True",
            "DurationMs": "812",
        },
        # diagnostic settings
        {
            "time": "2026-06-01T08:30:00.123Z",
            "resourceId": "/SUBSCRIPTIONS/S/RESOURCEGROUPS/R/PROVIDERS/MICROSOFT.INSIGHTS/X",
            "Type": "AppAvailabilityResults",
            "Name": "homepage-test",
            "Location": "North Central US",
            "Success": True,
            "DurationMs": 812,
        },
        # continuous export
        exact(
            """{"availability": [{"testRunId": "run-1", "testName": "homepage-test",
                "testTimestamp": "2026-06-01T08:30:00.123Z", "runLocation": "North Central US",
                "result": "Pass", "availabilityMetric": {"name": "availability", "value": 1.0},
                "durationMetric": {"name": "duration", "value": 8120000.0}}],
              "internal": {"data": {"id": "7f15", "documentVersion": "1.61"}},
              "context": {"data": {"eventTime": "2026-06-01T08:30:00.2Z"}}}"""
        ),
    ],
)
def test_every_export_gives_the_same_check(row: dict[str, Any]) -> None:
    rows = made(SYSTEM, NAMES, availability_results=[exported(row)])
    (check,) = rows.feeds["checks"]
    at = check["checked_at"].replace(" ", "T").replace("+00:00", "Z")
    assert check | {"checked_at": at} == {
        "component_id": "homepage",
        "location": "North Central US",
        "checked_at": "2026-06-01T08:30:00.123Z",
        "status": "up",
        "latency_ms": Decimal(812),
    }
    assert faults(rows) == []


def test_a_document_of_several_results_is_not_guessed_at() -> None:
    with pytest.raises(Unmapped, match="a document with 2 results"):
        exported({"availability": [{}, {}], "context": {}})


# ---------------------------------------------------------------- over the API, and from files


class Application:
    """What the query API answers: the earliest rows from an instant on."""

    def __init__(self, minutes: range) -> None:
        self.results = [result(timestamp=self.at(minute)) for minute in minutes]
        self.size = 3

    @staticmethod
    def at(minute: int) -> str:
        return f"2026-06-01T{8 + minute // 60:02}:{minute % 60:02}:00.1234567Z"

    def token(self, request: Request) -> Answer:
        assert b"client_id=app-of-ours" in request.body
        assert b"client_secret=secret-of-ours" in request.body
        assert b"scope=http" in request.body
        return Answer({"access_token": "t-1", "expires_in": 3599, "token_type": "Bearer"})

    def query(self, request: Request) -> Answer:
        if request.headers.get("Authorization") != "Bearer t-1":
            return Answer({"error": {"code": "InvalidTokenError", "message": "no token"}}, 403)
        asked = re.fullmatch(
            r"availabilityResults \| where timestamp >= datetime\((\S+)\) "
            r"\| top 3 by timestamp asc",
            request.json["query"],
        )
        assert asked
        # an interval's start may be exclusive
        after = request.json.get("timespan", "/").split("/")[0]
        found = [
            row for row in self.results if row["timestamp"] >= asked[1] and row["timestamp"] > after
        ]
        return Answer(table(*found[: self.size]))


@pytest.mark.usefixtures("quiet")
def test_pulls(tmp_path: Path, pull: Pull, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(azure_availability, "PAGE_ROWS", 3)
    monkeypatch.setenv("AZURE_CLIENT_SECRET", "secret-of-ours")
    application = Application(range(0, 50, 5))
    handlers = {
        "/tenant-1/oauth2/v2.0/token": application.token,
        "/v1/apps/app-1/query": application.query,
    }
    landing = tmp_path / "landing"
    with vendor(handlers) as server:
        config = connect_yaml(
            tmp_path,
            f"""
system: azure_availability
api:
  app: app-1
  tenant: tenant-1
  client: app-of-ours
  start: 2026-06-01
  url: "{server.url}"
  login: "{server.url}"
{NAMES}""",
        )
        server.faults = {3: Answer({"error": {"code": "Throttled"}}, 429, {"Retry-After": "0"})}
        _, failures = pull(config)
        assert failures == []
        assert rejected(landing) == []
        minutes = {row["checked_at"] for row in rows(landing, "checks")}
        assert minutes == {row["timestamp"] for row in application.results}

        # an incomplete answer in the middle delivers nothing
        application.results += [result(timestamp=Application.at(m)) for m in range(500, 520, 5)]
        before = rows(landing, "checks")
        server.faults = {
            len(server.asked) + 3: Answer(
                table(result()) | {"error": {"code": "PartialError", "message": "limit exceeded"}}
            )
        }
        _, failures = pull(config)
        assert "the answer is incomplete: PartialError: limit exceeded" in failures[0]
        assert rows(landing, "checks") == before

        server.asked.clear()
        _, failures = pull(config)
        assert failures == []
        first = next(r for r in server.asked if r.path.endswith("query"))
        # six hours before the last result, but not before the first day
        assert "datetime(2026-06-01T02:45:00Z)" in first.json["query"]
        minutes = {row["checked_at"] for row in rows(landing, "checks")}
        assert minutes == {row["timestamp"] for row in application.results}


@pytest.mark.usefixtures("quiet")
def test_the_logs_pages_file_gives_the_same_checks(tmp_path: Path, pull: Pull) -> None:
    (tmp_path / "query_data.csv").write_text(
        '\ufeff"timestamp [UTC]",id,name,location,success,duration\n'
        '"6/1/2026, 8:30:00.123 AM",run-1,homepage-test,North Central US,1,812\n'
        '"6/1/2026, 1:05:00.000 PM",run-2,homepage-test,North Central US,0,30000.5\n'
    )
    config = connect_yaml(
        tmp_path,
        f"""
system: azure_availability
files: {{paths: ["*.csv"], time_form: "%m/%d/%Y, %I:%M:%S.%f %p"}}
{NAMES}""",
    )
    _, failures = pull(config)
    assert failures == []
    landing = tmp_path / "landing"
    assert rejected(landing) == []
    found = [(r["checked_at"], r["status"], r["latency_ms"]) for r in rows(landing, "checks")]
    assert found == [
        ("2026-06-01T08:30:00.123Z", "up", "812"),
        ("2026-06-01T13:05:00Z", "down", "30000.5"),
    ]
