"""PagerDuty: REST v2 window by window, reports and analytics, Airbyte's tables."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from makegood.ingestion.connect.system import Unreadable
from makegood.ingestion.connect.systems import pagerduty
from makegood.ingestion.connect.systems.pagerduty import SYSTEM
from tests.support import desks
from tests.support.vendor import Answer, Request, vendor

NAMES = {
    "severities": {"P1": "P1", "high": "P2", "low": "P4"},
    "subscription": {"field": "service.id", "values": {"PIJ90N7": "SUB-1"}},
}
# the clock of the server
CLOCK = 1_780_478_700  # 2026-06-03T09:25:00Z
CONNECTION = {"start": "2026-06-01"}


def _incident(number: int, created: str, status: str, **more: Any) -> dict[str, Any]:
    return {
        "id": f"Q{number}",
        "type": "incident",
        "summary": f"[#{number}] The server is on fire.",
        "incident_number": number,
        "title": "The server is on fire.",
        "created_at": created,
        "updated_at": created,
        "status": status,
        "service": {"id": "PIJ90N7", "type": "service_reference", "summary": "My Mail Service"},
        "acknowledgements": [],
        "resolved_at": None,
        "urgency": "high",
        "priority": None,
        "incident_type": {"name": "incident_default"},
        **more,
    }


def _entry(n: int, incident: str, kind: str, at: str) -> dict[str, Any]:
    return {
        "id": f"R{n:03}",
        "type": f"{kind}_log_entry",
        "created_at": at,
        "channel": {"type": "api"},
        "incident": {"id": incident, "type": "incident_reference"},
    }


INCIDENTS = [
    _incident(
        1,
        "2026-06-01T08:00:00Z",
        "resolved",
        updated_at="2026-06-03T09:00:00Z",
        priority={"id": "P53ZZH5", "type": "priority_reference", "summary": "P1"},
    ),
    _incident(2, "2026-06-01T08:30:00Z", "triggered", urgency="low"),
    _incident(
        3,
        "2026-06-02T08:00:00Z",
        "resolved",
        resolve_reason={"type": "merge_resolve_reason", "incident": {"id": "Q1"}},
    ),
]
ENTRIES = [
    _entry(1, "Q1", "trigger", "2026-06-01T08:00:00Z"),
    _entry(2, "Q1", "notify", "2026-06-01T08:00:01Z"),
    _entry(3, "Q1", "acknowledge", "2026-06-01T08:05:00Z"),
    _entry(4, "Q1", "unacknowledge", "2026-06-01T08:35:00Z"),
    _entry(5, "Q1", "acknowledge", "2026-06-01T08:40:00Z"),
    _entry(6, "Q1", "resolve", "2026-06-01T09:00:00Z"),
    _entry(7, "Q1", "trigger", "2026-06-02T10:00:00Z"),
    _entry(8, "Q1", "resolve", "2026-06-03T09:00:00Z"),
    _entry(9, "Q2", "trigger", "2026-06-01T08:30:00Z"),
    _entry(10, "Q3", "trigger", "2026-06-02T08:00:00Z"),
    _entry(11, "Q3", "resolve", "2026-06-02T08:01:00Z"),
]
LIFE = [
    ("2026-06-01T08:00:00Z", "received"),
    ("2026-06-01T08:00:00Z", "classified", "P1"),
    ("2026-06-01T08:05:00Z", "responded"),
    ("2026-06-01T09:00:00Z", "resolved", "restored"),
    ("2026-06-02T10:00:00Z", "reopened"),
    ("2026-06-03T09:00:00Z", "resolved", "restored"),
]


class Account:
    """Answers as the account does: the log the newest first, ranges of six months, two a page."""

    def __init__(self) -> None:
        self.incidents = list(INCIDENTS)
        self.entries = list(ENTRIES)
        self.most = 10_000

    def handlers(self) -> dict[str, Callable[[Request], Answer]]:
        return {"/incidents": self.list_incidents, "/log_entries": self.list_entries}

    def list_incidents(self, request: Request) -> Answer:
        assert request.params["sort_by"] == "created_at:asc"
        since, until = request.params["since"], request.params["until"]
        assert (int(until[:4]) - int(since[:4])) * 12 + int(until[5:7]) - int(since[5:7]) <= 6
        found = [i for i in self.incidents if since <= i["created_at"] < until]
        return self._page(request, "incidents", sorted(found, key=lambda i: i["created_at"]))

    def list_entries(self, request: Request) -> Answer:
        assert request.headers["Authorization"] == "Token token=secret"
        assert "version=2" in request.headers["Accept"]
        since, until = request.params.get("since", ""), request.params.get("until", "9")
        found = [e for e in self.entries if since <= e["created_at"] < until]
        if request.params.get("include[]") == "incidents":
            whole = {incident["id"]: incident for incident in self.incidents}
            found = [e | {"incident": whole[e["incident"]["id"]]} for e in found]
        return self._page(request, "log_entries", sorted(found, key=_created, reverse=True))

    def _page(self, request: Request, what: str, found: list[Any]) -> Answer:
        offset, limit = int(request.params.get("offset", 0)), int(request.params["limit"])
        if offset + limit > self.most:
            return Answer({"error": {"message": "Offset must be less"}}, status=400)
        # the server has pages as long as it likes, and steps are by the limit that was asked for
        more = len(found) > offset + limit
        page = found[offset : offset + limit]
        return Answer({what: page, "limit": limit, "offset": offset, "more": more, "total": None})


def _created(entry: dict[str, Any]) -> str:
    return str(entry["created_at"])


def test_the_api_window_by_window(tmp_path: Path) -> None:
    account = Account()
    with vendor(account.handlers(), clock_s=CLOCK) as server:
        server.faults = {2: Answer({}, status=429, headers={"Retry-After": "0"})}
        connection = {**CONNECTION, "url": server.url}
        records, _ = desks.by_api(SYSTEM, connection, tmp_path / "a")
        rows = desks.made(SYSTEM, records, NAMES)
        # the newest entry; three days of incidents and of entries; one was asked twice
        assert len(server.asked) == 1 + 3 * 2 + 1
        assert desks.events(rows, "Q1") == LIFE
        assert desks.events(rows, "Q2")[-1] == ("2026-06-01T08:30:00Z", "classified", "P4")
        assert desks.events(rows, "Q3")[-1] == ("2026-06-02T08:01:00Z", "cancelled")
        assert desks.ticket(rows, "Q3")["incident_id"] == "Q1"
        assert desks.ticket(rows, "Q1")["subscription_id"] == "SUB-1"
        assert not rows.left
        assert not rows.unnamed
        assert not rows.notes

        # an old incident is resolved days later: its entry brings it along, as it is now
        account.incidents[1] = _incident(
            2, "2026-06-01T08:30:00Z", "resolved", updated_at="2026-06-09T08:00:00Z", title="Out"
        )
        account.entries.append(_entry(12, "Q2", "resolve", "2026-06-09T08:00:00Z"))
        server.clock_s = CLOCK + 6 * 86_400
        # and one comes into the day that was the last
        account.incidents.append(_incident(4, "2026-06-03T23:00:00Z", "triggered"))
        account.entries.append(_entry(13, "Q4", "trigger", "2026-06-03T23:00:00Z"))
        asked = len(server.asked)
        records, _ = desks.by_api(SYSTEM, connection, tmp_path / "a")
        rows = desks.made(SYSTEM, records, NAMES)
        assert desks.events(rows, "Q2")[-1] == ("2026-06-09T08:00:00Z", "resolved", "restored")
        assert desks.ticket(rows, "Q2")["subject"] == "Out"
        assert len(desks.events(rows, "Q4")) == 2
        assert desks.events(rows, "Q1") == LIFE
        since = [r.params["since"][:10] for r in server.asked[asked:] if r.path == "/incidents"]
        assert since == [f"2026-06-0{day}" for day in range(2, 10)]


def test_pages_of_a_busy_day(tmp_path: Path) -> None:
    account = Account()
    account.incidents = [
        _incident(n, f"2026-06-01T{n // 60:02}:{n % 60:02}:00Z", "triggered") for n in range(350)
    ]
    account.entries = [
        _entry(n, f"Q{n}", "trigger", i["created_at"]) for n, i in enumerate(account.incidents)
    ]
    with vendor(account.handlers()) as server:
        records, _ = desks.by_api(SYSTEM, {**CONNECTION, "url": server.url}, tmp_path)
        assert len(server.asked) == 1 + 4 + 4
    assert len(records["incidents"]) == len(records["log_entries"]) == 350


def test_more_in_a_window_than_the_api_gives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pagerduty, "_MOST", 1_000)
    account = Account()
    account.most = 1_000
    account.incidents = [_incident(0, "2026-06-01T08:00:00Z", "triggered")]
    account.entries = [
        _entry(n, "Q0", "acknowledge", f"2026-06-01T{n // 3600:02}:{n // 60 % 60:02}:{n % 60:02}Z")
        for n in range(0, 10_010, 10)
    ]
    with vendor(account.handlers()) as server:
        with pytest.raises(Unreadable, match="more than 1,000 log entries in 24 hours"):
            desks.by_api(SYSTEM, {**CONNECTION, "url": server.url}, tmp_path / "a")
        connection = {**CONNECTION, "url": server.url, "window_hours": 1}
        records, _ = desks.by_api(SYSTEM, connection, tmp_path / "b")
    assert len(records["log_entries"]) == 1_001


def test_an_account_without_anything_and_a_token_without_rights(tmp_path: Path) -> None:
    account = Account()
    account.entries = []
    with vendor(account.handlers()) as server:
        records, _ = desks.by_api(SYSTEM, {**CONNECTION, "url": server.url}, tmp_path / "a")
        assert not records
        server.handlers["/log_entries"] = lambda _: Answer({}, status=403)
        with pytest.raises(Unreadable, match="give them the right to"):
            desks.by_api(SYSTEM, {**CONNECTION, "url": server.url}, tmp_path / "b")


REPORT = """
id,incident_number,description,service_id,service_name,created_on,resolved_on,seconds_to_first_ack,urgency
Q1,1,Fire,PIJ90N7,Mail,2026-06-01 10:00:00,2026-06-01 11:00:00,300,high
Q2,2,Fire,PIJ90N7,Mail,2026-06-01 10:00:00,,,low
Q3,3,Fire,PIJ90N7,Mail,2026-06-01 10:00:00,,soon,low
"""


def test_the_report_and_the_analytics() -> None:
    records = desks.by_export(SYSTEM, 0, desks.rows_of_csv(REPORT), None, "Europe/Berlin")
    rows = desks.made(SYSTEM, records, NAMES)
    assert desks.events(rows, "Q1") == [
        ("2026-06-01T10:00:00+02:00", "received"),
        ("2026-06-01T10:00:00+02:00", "classified", "P2"),
        ("2026-06-01T08:05:00Z", "responded"),
        ("2026-06-01T11:00:00+02:00", "resolved", "restored"),
    ]
    assert [event[1] for event in desks.events(rows, "Q2")] == ["received", "classified"]
    assert [left.why for left in rows.left] == [
        "'soon' is not a number of seconds: the form is 300"
    ]

    # without a zone, the feed decides which instant a time is: all of them alike
    analytics = {
        "id": "Q1",
        "incident_number": 1,
        "created_at": "2026-06-01T10:00:00",
        "resolved_at": "2026-06-01T11:00:00",
        "seconds_to_first_ack": 300,
        "priority_name": "P1",
        "service_id": "PIJ90N7",
        "urgency": "low",
    }
    rows = desks.made(SYSTEM, desks.by_export(SYSTEM, 1, [analytics], zone=None), NAMES)
    assert [event[0] for event in desks.events(rows, "Q1")] == [
        f"2026-06-01T{at}" for at in ("10:00:00", "10:00:00", "10:05:00", "11:00:00")
    ]
    assert desks.events(rows, "Q1")[1][2] == "P1"


def test_an_urgency_that_was_changed_is_noted() -> None:
    entries = [*ENTRIES[:1], _entry(20, "Q1", "urgency_change", "2026-06-01T08:10:00Z")]
    records = desks.of(SYSTEM, {"incidents": INCIDENTS[:1], "log_entries": entries})
    rows = desks.made(SYSTEM, records, NAMES)
    assert list(rows.notes) == [
        "incidents whose urgency was changed: the present one counts from the start"
    ]


def test_an_incident_that_is_older_than_its_log_is_passed_over() -> None:
    # it was acknowledged on the day before the first that was read
    old = _incident(7, "2026-05-31T08:00:00Z", "resolved", updated_at="2026-06-01T09:00:00Z")
    entries = [_entry(30, "Q7", "resolve", "2026-06-01T09:00:00Z") | {"incident": old}]
    records = desks.of(
        SYSTEM, {"incidents": INCIDENTS[:2], "log_entries": [*ENTRIES[:3], *entries]}
    )
    rows = desks.made(SYSTEM, records, NAMES)
    # one without any log is not older than it
    assert [row["ticket_id"] for row in rows.feeds["tickets"]] == ["Q1", "Q2"]
    assert {row["ticket_id"] for row in rows.feeds["ticket_events"]} == {"Q1", "Q2"}
    assert rows.notes["incidents older than the log that was read are passed over: `start` sooner"]


def test_airbyte_gives_what_the_api_gives(tmp_path: Path) -> None:
    with vendor(Account().handlers()) as server:
        api, _ = desks.by_api(SYSTEM, {**CONNECTION, "url": server.url}, tmp_path / "a")
    texts = ("priority", "service", "acknowledgements", "resolve_reason", "incident_type")
    tables = {
        "incidents": [
            {name: json.dumps(v) if name in texts else v for name, v in incident.items()}
            | {"description": None, "last_status_change_at": None}
            for incident in INCIDENTS
        ],
        "incident_logs": [e | {"incident": json.dumps(e["incident"])} for e in ENTRIES],
    }
    records = desks.by_tables(SYSTEM, "airbyte", tmp_path / "t", tables)
    rows = desks.made(SYSTEM, records, NAMES)
    assert [event[1:] for number in (1, 2, 3) for event in desks.events(rows, f"Q{number}")] == [
        event[1:]
        for number in (1, 2, 3)
        for event in desks.events(desks.made(SYSTEM, api, NAMES), f"Q{number}")
    ]
    assert not rows.left
    assert not desks.rejected(rows)
