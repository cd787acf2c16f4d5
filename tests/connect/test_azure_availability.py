"""Azure Application Insights: availability results become checks."""

from decimal import Decimal
from typing import Any

import pytest
from pydantic import ValidationError

from makegood.ingestion.connect.instants import from_form
from makegood.ingestion.connect.system import Api, Unmapped
from makegood.ingestion.connect.systems import azure_availability
from makegood.ingestion.connect.systems.azure_availability import SYSTEM, Connection
from tests.support.records import exact, faults, made

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
