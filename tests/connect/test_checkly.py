"""Checkly: check results become checks."""

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from makegood.ingestion.connect.systems.checkly import SYSTEM, Connection
from tests.connect.conftest import Pull
from tests.support import desks
from tests.support.delivered import rejected, rows
from tests.support.records import connect_yaml, exact, faults, made
from tests.support.vendor import Answer, Request, vendor

NAMES = """
places:
  Checkout API: {service: SVC-1, region: eu-west-1, component: checkout-api}
  7b7e42b2-6f8c-4b9f-9f3c-0f6f0f6f0f6f: {service: SVC-1, region: eu-west-1, component: login}
ignore: [Blog]
"""


def result(**change: Any) -> dict[str, Any]:
    """A result as `/v2/check-results/{checkId}` documents it."""
    return {
        "resultType": "FINAL",
        "id": "r-1",
        "name": "Checkout API",
        "checkId": "1ceaff6c-12ce-4322-9ac1-2dd2c14a2967",
        "hasFailures": False,
        "hasErrors": False,
        "isDegraded": False,
        "overMaxResponseTime": False,
        "runLocation": "eu-west-1",
        "startedAt": "2026-06-01T08:30:00.907Z",
        "stoppedAt": "2026-06-01T08:30:02.141Z",
        "created_at": "2026-06-01T08:30:02.300Z",
        "responseTime": 1234,
        "checkRunId": 99,
        "attempts": 1,
        "sequenceId": "2dbfa2a3-5477-45ea-ac33-ee55b8ea66ff",
        **change,
    }


def checks(**change: Any) -> list[dict[str, Any]]:
    return made(SYSTEM, NAMES, check_results=[result(**change)]).feeds.get("checks", [])


def test_a_result_is_a_check_at_its_start() -> None:
    rows = made(SYSTEM, NAMES, check_results=[result()])
    assert rows.feeds["checks"] == [
        {
            "component_id": "checkout-api",
            "location": "eu-west-1",
            "checked_at": "2026-06-01T08:30:00.907Z",
            "status": "up",
            "latency_ms": 1234,
        }
    ]
    assert [row["component_id"] for row in rows.feeds["components"]] == ["checkout-api", "login"]
    assert faults(rows) == []


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"hasFailures": True}, "down"),
        ({"isDegraded": True}, "degraded"),
        # the worse counts
        ({"hasFailures": True, "isDegraded": True}, "down"),
        ({"isDegraded": None}, "up"),
        # an error of Checkly itself says nothing about the service
        ({"hasErrors": True, "hasFailures": True}, "unknown"),
        ({"isCancelled": True}, "unknown"),
        # as a saved file may have them
        ({"hasFailures": "true"}, "down"),
    ],
)
def test_states(change: dict[str, Any], status: str) -> None:
    assert [row["status"] for row in checks(**change)] == [status]


def test_an_earlier_attempt_of_a_run_does_not_count() -> None:
    rows = made(
        SYSTEM,
        NAMES,
        check_results=[
            result(id="r-1", resultType="ATTEMPT", hasFailures=True),
            result(id="r-2", attempts=2),
        ],
    )
    assert [row["status"] for row in rows.feeds["checks"]] == ["up"]
    assert rows.notes["attempts before the last one of a run are not counted"] == 1


def test_a_place_is_found_by_the_checks_id_also_when_its_name_has_changed() -> None:
    found = checks(checkId="7b7e42b2-6f8c-4b9f-9f3c-0f6f0f6f0f6f", name="Login (new)")
    assert [row["component_id"] for row in found] == ["login"]


def test_a_check_without_a_place_is_named_unless_it_is_ignored() -> None:
    rows = made(
        SYSTEM, NAMES, check_results=[result(id="a", name="Search"), result(id="b", name="Blog")]
    )
    assert "checks" not in rows.feeds
    assert rows.unnamed == {("places", "Search"): 1}


@pytest.mark.parametrize("field", ["startedAt", "runLocation", "hasFailures", "checkId"])
def test_a_result_that_lacks_something_is_left_by_name(field: str) -> None:
    rows = made(SYSTEM, NAMES, check_results=[result(**{field: None}), result(id="r-2")])
    (left,) = rows.left
    assert (left.what, left.where) == ("check_results r-1", "check_results, record 1")
    assert left.why.startswith(f"{field} is missing")
    assert len(rows.feeds["checks"]) == 1


def test_exports_are_the_apis_answers_without_what_was_asked_and_answered() -> None:
    written = result(responseTime=12.5) | {
        "apiCheckResult": {"request": {"headers": {"Authorization": "Bearer secret"}}}
    }
    for export in SYSTEM.exports:
        record = export.record(exact(json.dumps(written)))
        assert "apiCheckResult" not in record
        assert set(export.columns) <= set(record)
        rows = made(SYSTEM, NAMES, check_results=[record])
        assert str(rows.feeds["checks"][0]["latency_ms"]) == "12.5"
        assert faults(rows) == []


def test_definitions_are_kept_without_their_secrets() -> None:
    assert SYSTEM.api is not None
    api = SYSTEM.api(
        Connection.model_validate({"account": "a", "start": "2026-06-01"}), {"token": "t"}
    )
    (step,) = api.resources[0]["processing_steps"]
    kept = step["map"](
        {"id": "c", "name": "Login", "script": "x", "request": {"headers": []}, "locations": ["eu"]}
    )
    assert kept == {"id": "c", "name": "Login", "locations": ["eu"]}


# ---------------------------------------------------------------- over the API

LOGIN = "7b7e42b2-6f8c-4b9f-9f3c-0f6f0f6f0f6f"
CHECKOUT = "1ceaff6c-12ce-4322-9ac1-2dd2c14a2967"


class Account:
    """Two checks, whose results the server gives newest first."""

    def __init__(self) -> None:
        self.results = {
            LOGIN: [result(id=f"l-{n}", checkId=LOGIN, **self.at(n)) for n in range(5)],
            CHECKOUT: [result(id=f"c-{n}", checkId=CHECKOUT, **self.at(n)) for n in range(3)],
        }

    @staticmethod
    def at(minute: int) -> dict[str, str]:
        return {
            "startedAt": f"2026-06-01T08:{minute:02}:00.000Z",
            "created_at": f"2026-06-01T08:{minute:02}:02.500Z",
        }

    def checks(self, request: Request) -> Answer:
        if request.headers.get("Authorization") != "Bearer key-of-ours":
            return Answer({"statusCode": 401, "error": "Unauthorized", "message": "Bad Token"}, 401)
        assert request.headers["X-Checkly-Account"] == "account-1"
        ids = [LOGIN, CHECKOUT] if request.params["page"] == "1" else []
        return Answer([{"id": check, "name": "n", "script": "secret"} for check in ids])

    def listed(self, request: Request) -> Answer:
        start = int(request.params["from"])
        found = [
            one
            for one in reversed(self.results[request.path.split("/")[-1]])
            if datetime.fromisoformat(one["startedAt"]).timestamp() >= start
        ]
        after = request.params.get("nextId")
        begin = 0 if after is None else [one["id"] for one in found].index(after) + 1
        page = found[begin : begin + 2]
        more = begin + 2 < len(found)
        assert "hasErrors" in request.params["fields"].split(",")
        return Answer(
            {"length": len(page), "entries": page, "nextId": page[-1]["id"] if more else None}
        )


@pytest.mark.usefixtures("quiet")
def test_pulls(tmp_path: Path, pull: Pull, monkeypatch: pytest.MonkeyPatch) -> None:
    account = Account()
    landing = tmp_path / "landing"
    with vendor({"/v1/checks": account.checks, "/v2/check-results/*": account.listed}) as server:
        config = connect_yaml(
            tmp_path,
            f"""
system: checkly
api: {{account: account-1, start: 2026-06-01, url: "{server.url}"}}
{NAMES}""",
        )
        monkeypatch.setenv("CHECKLY_API_KEY", "key-that-was-revoked")
        _, failures = pull(config)
        assert "CHECKLY_API_KEY is wrong, expired or revoked" in failures[0]
        assert "Bad Token" in failures[0]

        monkeypatch.setenv("CHECKLY_API_KEY", "key-of-ours")
        server.faults = {
            len(server.asked) + 3: Answer({"statusCode": 429}, 429, {"Retry-After": "0"})
        }
        found, failures = pull(config)
        assert failures == []
        assert found[0].read == {"checks": 2, "check_results": 8}
        assert (len(rows(landing, "checks")), rejected(landing)) == (8, [])
        assert {row["component_id"] for row in rows(landing, "checks")} == {"login", "checkout-api"}

        # a page read again repeats what the hour before the last result holds
        server.asked.clear()
        account.results[LOGIN].append(result(id="l-9", checkId=LOGIN, **account.at(59)))
        found, failures = pull(config)
        assert failures == []
        starts = {r.params["from"] for r in server.asked if "from" in r.params}
        # an hour before the last result, 08:04:02, but not before the first day
        assert starts == {str(int(datetime.fromisoformat("2026-06-01T07:04:02Z").timestamp()))}
    minutes = {(row["component_id"], row["checked_at"][11:16]) for row in rows(landing, "checks")}
    assert ("login", "08:59") in minutes
    assert len(minutes) == 9
    # neither scripts nor tokens are kept
    kept = b"".join(path.read_bytes() for path in (tmp_path / "warehouse").rglob("*.jsonl*"))
    assert b"key-of-ours" not in kept


def test_checks_of_every_page_are_read_from_where_the_last_pull_ended(tmp_path: Path) -> None:
    """The results of the first page's checks must not move the start of the second page's."""
    checks = [f"check-{n}" for n in range(6)]

    def listed(request: Request) -> Answer:
        page = int(request.params["page"])
        return Answer([{"id": check} for check in checks[(page - 1) * 3 : page * 3]])

    def results(request: Request) -> Answer:
        check = request.path.split("/")[-1]
        found = [
            result(id=f"{check} at {hour}", checkId=check, startedAt=at, created_at=at)
            for hour in ("20", "04")
            for at in [f"2026-06-01T{hour}:00:00.000Z"]
        ]
        return Answer({"length": 2, "entries": found, "nextId": None})

    with vendor({"/v1/checks": listed, "/v2/check-results/*": results}) as server:
        connection = {"account": "a", "start": "2026-06-01", "url": server.url}
        records, _ = desks.by_api(SYSTEM, connection, tmp_path)
    assert sorted(record.text("id") or "" for record in records["check_results"]) == [
        f"{check} at {hour}" for check in checks for hour in ("04", "20")
    ]
