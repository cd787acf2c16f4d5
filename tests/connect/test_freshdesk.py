"""Freshdesk: API v2, exports of tickets and of activities, tables of Airbyte, dlt, Fivetran."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from makegood.ingestion.connect.system import Unreadable
from makegood.ingestion.connect.systems import freshdesk
from makegood.ingestion.connect.systems.freshdesk import SYSTEM
from tests.support import desks
from tests.support.vendor import Answer, Request, vendor

NAMES = {
    "severities": {"Urgent": "P1", "High": "P2", "Low": "P4"},
    "subscription": {"field": "company_id", "values": {"7": "SUB-1"}},
}
# the clock of the server
CLOCK = 1_780_913_100  # 2026-06-08T10:05:00Z
CONNECTION = {"start": "2026-06-01"}


def _ticket(number: int, updated: str, status: int, **stats: str | None) -> dict[str, Any]:
    return {
        "id": number,
        "subject": f"Ticket {number}",
        "status": status,
        "priority": 4,
        "type": "Incident",
        "company_id": 7,
        "spam": False,
        "created_at": "2026-06-01T08:00:00Z",
        "updated_at": updated,
        "due_by": "2026-06-01T12:00:00Z",
        "fr_due_by": "2026-06-01T08:15:00Z",
        "is_escalated": False,
        "fr_escalated": False,
        "custom_fields": {"cf_contract": None},
        "stats": {
            "first_responded_at": None,
            "resolved_at": None,
            "closed_at": None,
            "reopened_at": None,
            "pending_since": None,
            "status_updated_at": None,
            **stats,
        },
    }


def _said(n: int, at: str, **more: Any) -> dict[str, Any]:
    said = {"id": n, "ticket_id": 1, "user_id": 9, "incoming": False, "private": False, "source": 0}
    return said | {"created_at": at, "body": "<div>secret</div>", "body_text": "secret", **more}


TICKETS = [
    _ticket(
        1,
        "2026-06-02T08:00:00Z",
        5,
        first_responded_at="2026-06-01T08:10:00Z",
        resolved_at="2026-06-01T13:00:00Z",
        closed_at="2026-06-02T08:00:00Z",
    ),
    _ticket(2, "2026-06-02T09:00:00Z", 3, pending_since="2026-06-01T09:00:00Z"),
    _ticket(3, "2026-06-02T10:00:00Z", 8, status_updated_at="2026-06-01T10:00:00Z")
    | {"fr_escalated": True, "priority": 1},
    _ticket(
        4,
        "2026-06-02T11:00:00Z",
        2,
        first_responded_at="2026-06-01T08:20:00Z",
        resolved_at="2026-06-01T09:00:00Z",
        reopened_at="2026-06-01T11:00:00Z",
    ),
]
SAID = [
    _said(1, "2026-06-01T08:05:00Z", incoming=True),
    _said(2, "2026-06-01T08:06:00Z", private=True, source=2),
    _said(3, "2026-06-01T08:10:00Z"),
    _said(4, "2026-06-01T08:30:00Z", source=8),
    _said(5, "2026-06-01T09:10:00Z"),
]
FIELDS = [
    {"id": 1, "name": "subject", "type": "default_subject"},
    {
        "id": 2,
        "name": "status",
        "type": "default_status",
        "choices": {
            "2": ["Open", "Being Processed"],
            "3": ["Pending", "Awaiting your Reply"],
            "4": ["Resolved", "This ticket has been Resolved"],
            "5": ["Closed", "This ticket has been Closed"],
            "8": ["With engineering", "In progress"],
        },
    },
]
LIFE = [
    ("2026-06-01T08:00:00Z", "received"),
    ("2026-06-01T08:00:00Z", "classified", "P1"),
    ("2026-06-01T08:10:00Z", "responded"),
    ("2026-06-01T09:10:00Z", "status_updated"),
    ("2026-06-01T13:00:00Z", "resolved", "restored"),
    ("2026-06-02T08:00:00Z", "closed"),
]


class Account:
    """Answers as the account does: lists, the next page in a header, no more than 300 pages."""

    def __init__(self) -> None:
        self.tickets = list(TICKETS)
        self.most_pages = 300
        self.fields_status = 200

    def handlers(self) -> dict[str, Any]:
        return {
            "/api/v2/ticket_fields": lambda _: Answer(FIELDS, status=self.fields_status),
            "/api/v2/tickets": self.list_tickets,
            "/api/v2/tickets/*": self.conversations,
        }

    def list_tickets(self, request: Request) -> Answer:
        asked = request.params
        assert (asked["order_by"], asked["order_type"]) == ("updated_at", "asc")
        assert asked["include"] == "stats"
        page, size = int(asked["page"]), int(asked["per_page"])
        if page > self.most_pages:
            return Answer({"description": "Validation failed"}, status=400)
        found = [t for t in self.tickets if t["updated_at"] >= asked["updated_since"]]
        found.sort(key=lambda t: (t["updated_at"], t["id"]))
        headers = {"X-RateLimit-Total": "200", "X-RateLimit-Remaining": "199"}
        return Answer(found[(page - 1) * size : page * size], headers=headers)

    def conversations(self, request: Request) -> Answer:
        number = int(request.path.split("/")[4])
        if number == 3:
            return Answer({}, status=404)
        said = [s for s in SAID if s["ticket_id"] == number]
        start = 2 * (int(request.params.get("page", 1)) - 1)
        headers = {}
        if len(said) > start + 2:
            host = request.headers["Host"]
            page = start // 2 + 2
            headers["Link"] = f'<http://{host}{request.path}?per_page=100&page={page}>; rel="next"'
        return Answer(said[start : start + 2], headers=headers)


def test_the_api_page_by_page(tmp_path: Path) -> None:
    account = Account()
    with vendor(account.handlers(), clock_s=CLOCK) as server:
        server.faults = {2: Answer({}, status=429, headers={"Retry-After": "0"})}
        connection = {**CONNECTION, "url": server.url}
        records, _ = desks.by_api(SYSTEM, connection, tmp_path / "a")
        names = NAMES | {"states": {"With engineering": "paused"}}
        rows = desks.made(SYSTEM, records, names)
        # fields; tickets, asked twice; conversations: three pages, and one of each other ticket
        assert len(server.asked) == 1 + 2 + 3 + 3
        assert not any("body" in said.data for said in records["conversations"])

        assert desks.events(rows, "1") == LIFE
        assert desks.events(rows, "2")[-1] == ("2026-06-01T09:00:00Z", "paused")
        assert desks.events(rows, "3")[1:] == [
            ("2026-06-01T08:00:00Z", "classified", "P4"),
            ("2026-06-01T10:00:00Z", "paused"),
        ]
        assert [event[1] for event in desks.events(rows, "4")] == [
            "received",
            "classified",
            "responded",
            "resolved",
            "reopened",
        ]
        assert [
            (t.get("source_response_met"), t.get("source_resolution_met"))
            for t in (desks.ticket(rows, number) for number in "1234")
        ] == [(True, False), (None, None), (False, None), (False, None)]
        assert desks.ticket(rows, "1")["resolution_due_at"] == "2026-06-01T12:00:00Z"
        assert not rows.left
        assert not rows.unnamed
        assert list(rows.notes.values()) == [4]

        account.tickets[1] = _ticket(
            2, "2026-06-03T09:00:00Z", 4, resolved_at="2026-06-01T11:00:00Z"
        )
        asked = len(server.asked)
        records, _ = desks.by_api(SYSTEM, connection, tmp_path / "a")
        assert desks.ticket(desks.made(SYSTEM, records, names), "2")["source_resolution_met"]
        since = [r.params.get("updated_since") for r in server.asked[asked:]]
        # five minutes before the last update that was seen, and two tickets since then
        assert since == [None, "2026-06-02T10:55:00Z", None, None]


def test_a_key_that_may_not_read_fields(tmp_path: Path) -> None:
    account = Account()
    account.fields_status = 403
    with vendor(account.handlers()) as server:
        connection = {**CONNECTION, "url": server.url, "conversations": False}
        records, _ = desks.by_api(SYSTEM, connection, tmp_path)
        assert len(server.asked) == 2
    rows = desks.made(SYSTEM, records, NAMES)
    assert dict(rows.unnamed) == {("states", "8"): 1}
    assert desks.events(rows, "1")[2] == LIFE[2]


def _many(count: int, minutes: int = 1) -> list[dict[str, Any]]:
    """Tickets that were updated one by one, or `minutes=0` all at once."""
    return [
        _ticket(n, f"2026-06-02T{n * minutes // 60:02}:{n * minutes % 60:02}:00Z", 2)
        for n in range(count)
    ]


def test_more_tickets_than_the_pages_that_the_api_gives(tmp_path: Path) -> None:
    account = Account()
    account.tickets = _many(1000)
    account.most_pages = 3
    with vendor(account.handlers()) as server:
        connection = {**CONNECTION, "url": server.url, "conversations": False}
        records, _ = desks.by_api(SYSTEM, connection, tmp_path)
    assert len(records["tickets"]) == 1000


def test_more_tickets_of_one_instant_than_a_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(freshdesk, "_MOST_PAGES", 5)
    account = Account()
    account.tickets = [*_many(350, minutes=0), *_many(420)[350:]]
    with vendor(account.handlers()) as server:
        connection = {**CONNECTION, "url": server.url, "conversations": False}
        records, _ = desks.by_api(SYSTEM, connection, tmp_path / "a")
        assert len(records["tickets"]) == 420

        # so many that the API gives no more
        account.tickets = _many(501, minutes=0)
        with pytest.raises(Unreadable, match="more than 500 tickets were updated at"):
            desks.by_api(SYSTEM, connection, tmp_path / "b")


def test_no_ticket_is_skipped_that_changes_while_it_is_read(tmp_path: Path) -> None:
    """By page numbers the ticket after the first page would move onto it."""
    account = Account()
    account.tickets = _many(150)

    def moving(request: Request) -> Answer:
        answer = account.list_tickets(request)
        account.tickets[5] = _ticket(5, "2026-06-04T08:00:00Z", 4)
        return answer

    with vendor({**account.handlers(), "/api/v2/tickets": moving}) as server:
        connection = {**CONNECTION, "url": server.url, "conversations": False}
        records, _ = desks.by_api(SYSTEM, connection, tmp_path)
    assert len(records["tickets"]) == 150
    assert {t.text("status") for t in records["tickets"] if t.text("id") == "5"} == {"4"}


def test_an_answer_that_is_not_a_list(tmp_path: Path) -> None:
    handlers = Account().handlers() | {"/api/v2/tickets": lambda _: Answer({"tickets": []})}
    with vendor(handlers) as server, pytest.raises(Unreadable, match="lacks 'items'"):
        desks.by_api(SYSTEM, {**CONNECTION, "url": server.url}, tmp_path)


def _activity(at: str, **activity: Any) -> dict[str, Any]:
    return {
        "performed_at": f"01-06-2026 {at} +0000",
        "ticket_id": 1,
        "performer_type": "user",
        "performer_id": 149018,
        "activity": activity,
    }


ACTIVITIES = [
    _activity("08:00:02", new_ticket=True, status="Open", priority=1),
    _activity("08:12:00", priority=4),
    _activity("08:30:00", status="Pending"),
    _activity("09:30:00", status="Open"),
    _activity("13:00:00", status="Resolved"),
    _activity("23:00:00", note={"id": 4025864, "type": 4}),
]
WHOLE_LIFE = [
    ("2026-06-01T08:00:00Z", "received"),
    ("2026-06-01T08:00:00Z", "classified", "P4"),
    ("2026-06-01T08:10:00Z", "responded"),
    ("2026-06-01T08:12:00", "severity_changed", "P1"),
    ("2026-06-01T08:30:00", "paused"),
    ("2026-06-01T09:30:00", "resumed"),
    ("2026-06-01T13:00:00", "resolved", "restored"),
]


def _alike(life: list[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """Of times the first 19 characters where they are of the log."""
    return [(at if more[0] in FIRST else at[:19], *more) for at, *more in life]


FIRST = ("received", "classified", "responded")


def test_activities_are_a_log() -> None:
    records = {
        **desks.by_export(SYSTEM, 1, TICKETS[:1]),
        **desks.by_export(SYSTEM, 2, ACTIVITIES),
    }
    rows = desks.made(SYSTEM, records, NAMES)
    assert _alike(desks.events(rows, "1")) == WHOLE_LIFE
    assert not rows.notes
    # one that begins in the middle is none: what was before is unknown
    records = {
        **desks.by_export(SYSTEM, 1, TICKETS[:1]),
        **desks.by_export(SYSTEM, 2, ACTIVITIES[1:]),
    }
    assert desks.events(desks.made(SYSTEM, records, NAMES), "1") == [
        event for event in LIFE if event[1] != "status_updated"
    ]


CSV = """
Ticket ID,Subject,Status,Priority,Type,Created time,Due by Time,Resolved time,Closed time,\
Last update time,Initial response time,Resolution status,First response status,Company Name
1,One,Closed,Urgent,Problem,2026-06-01 10:00:00,2026-06-01 14:00:00,2026-06-01 15:00:00,\
2026-06-02 10:00:00,2026-06-02 10:00:00,2026-06-01 10:10:00,SLA Violated,Within SLA,7
2,Two,Open,High,Question,2026-06-01 10:00:00,2026-06-01 14:00:00,,,2026-06-02 10:00:00,,\
Within SLA,Within SLA,7
"""


def test_the_csv_of_tickets() -> None:
    records = desks.by_export(SYSTEM, 0, desks.rows_of_csv(CSV), None, "Europe/Berlin")
    rows = desks.made(SYSTEM, records, NAMES)
    assert desks.events(rows, "1") == [
        ("2026-06-01T10:00:00+02:00", "received"),
        ("2026-06-01T10:00:00+02:00", "classified", "P1"),
        ("2026-06-01T10:10:00+02:00", "responded"),
        ("2026-06-01T15:00:00+02:00", "resolved", "restored"),
        ("2026-06-02T10:00:00+02:00", "closed"),
    ]
    first, second = desks.ticket(rows, "1"), desks.ticket(rows, "2")
    assert (first["source_response_met"], first["source_resolution_met"]) == (True, False)
    # nothing has ended: within its time so far
    assert "source_response_met" not in second
    assert "source_resolution_met" not in second
    assert (first["ticket_type"], second["ticket_type"]) == ("incident", "request")


def test_tables_give_what_the_api_gives(tmp_path: Path) -> None:
    with vendor(Account().handlers()) as server:
        api, _ = desks.by_api(SYSTEM, {**CONNECTION, "url": server.url}, tmp_path / "a")
    names = NAMES | {"states": {"With engineering": "paused"}}
    wanted = desks.made(SYSTEM, api, names)

    airbyte: dict[str, Any] = {
        "tickets": [
            ticket | {name: json.dumps(ticket[name]) for name in ("stats", "custom_fields")}
            for ticket in TICKETS
        ],
        "conversations": SAID,
        "ticket_fields": [
            {"id": f["id"], "name": f["name"], "choices": json.dumps(f.get("choices"))}
            for f in FIELDS
        ],
    }
    records = desks.by_tables(SYSTEM, "airbyte", tmp_path / "airbyte", airbyte)
    rows = desks.made(SYSTEM, records, names)
    assert _plain(rows.feeds) == _plain(wanted.feeds)
    assert not desks.rejected(rows)

    airbyte["ticket_activities"] = [
        {
            "_airbyte_ticket_activity_id": f"hash-{n}",
            "ticket_id": 1,
            "performed_at": f"2026-06-01T{activity['performed_at'][11:19]}Z",
            "activity": json.dumps(activity["activity"]),
        }
        for n, activity in enumerate(ACTIVITIES)
    ]
    airbyte["conversations"] = SAID[:3]
    records = desks.by_tables(SYSTEM, "airbyte", tmp_path / "log", airbyte)
    life = desks.events(desks.made(SYSTEM, records, names), "1")
    assert [(event[0][11:16], *event[1:]) for event in life] == [
        (event[0][11:16], *event[1:]) for event in WHOLE_LIFE
    ]

    # Fivetran keeps fewer dates: of these tickets the two that need no others
    fivetran: dict[str, Any] = {
        "ticket": [
            {name: v for name, v in ticket.items() if name not in ("stats", "custom_fields")}
            | {f"stats_{n}": ticket["stats"][n] for n in STATS}
            | {"deleted": ticket["id"] == 2}
            for ticket in TICKETS
        ],
        "status_lookup": [{"id": 2, "status": "Open"}, {"id": 8, "status": "With engineering"}],
        "conversation": SAID,
    }
    records = desks.by_tables(SYSTEM, "fivetran", tmp_path / "fivetran", fivetran)
    rows = desks.made(SYSTEM, records, names)
    assert [event[1:] for event in desks.events(rows, "1")] == [event[1:] for event in LIFE]
    assert desks.ticket(rows, "1") == {
        **desks.ticket(wanted, "1"),
        **{n: v for n, v in desks.ticket(rows, "1").items() if n.endswith("_at")},
    }
    assert desks.ticket(rows, "2") == {"ticket_id": "2", "deleted": True}
    assert desks.events(rows, "3")[-1][1] == "paused"

    dlt = [
        {name: v for name, v in ticket.items() if name not in ("stats", "custom_fields")}
        for ticket in TICKETS
    ]
    records = desks.by_tables(SYSTEM, "dlt", tmp_path / "dlt", {"tickets": dlt})
    rows = desks.made(SYSTEM, records, NAMES | {"states": {"8": "paused"}})
    assert [event[1] for event in desks.events(rows, "1")] == ["received", "classified", "closed"]
    assert desks.events(rows, "2")[-1][1] == "paused"


STATS = ("first_responded_at", "resolved_at", "closed_at")


def _plain(feeds: dict[str, Any]) -> Any:
    """Instants are the same, in whichever form."""
    instant = r"([0-9]{4}-[0-9]{2}-[0-9]{2}) ([0-9:]{8})\+00"
    return json.loads(re.sub(instant, r"\1T\2Z", json.dumps(feeds)))


def test_an_escalation_for_any_reason_is_no_late_resolution() -> None:
    def verdict(status: int, resolved: str | None, **more: Any) -> Any:
        ticket = _ticket(1, "2026-06-02T08:00:00Z", status, resolved_at=resolved) | more
        rows = desks.made(SYSTEM, desks.of(SYSTEM, {"tickets": [ticket]}), NAMES)
        return desks.ticket(rows, "1").get("source_resolution_met")

    # due at 12:00
    in_time, late = "2026-06-01T11:00:00Z", "2026-06-01T13:00:00Z"
    escalated = {"is_escalated": True}
    assert (verdict(4, in_time), verdict(4, late), verdict(2, None)) == (True, False, None)
    assert (verdict(4, late, **escalated), verdict(2, None, **escalated)) == (False, False)
    # why else, nobody can say
    assert verdict(4, in_time, **escalated) is None
    first = escalated | {"fr_escalated": True}
    assert (verdict(2, None, **first), verdict(4, in_time, **first)) == (None, None)
    assert verdict(4, late, **first) is False


def test_what_the_requester_writes_in_the_portal_is_no_reply() -> None:
    ticket = _ticket(1, "2026-06-02T08:00:00Z", 2) | {"requester_id": 5}
    said = [
        _said(1, "2026-06-01T08:20:00Z", user_id=5),
        _said(2, "2026-06-01T08:30:00Z", user_id=9),
    ]
    records = desks.of(SYSTEM, {"tickets": [ticket], "conversations": said})
    assert desks.events(desks.made(SYSTEM, records, NAMES), "1")[2:] == [
        ("2026-06-01T08:30:00Z", "responded")
    ]
