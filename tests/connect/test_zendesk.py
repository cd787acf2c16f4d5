"""Zendesk Support: tickets, their events and the desk's own verdicts."""

import json
from base64 import b64encode
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from makegood.ingestion.connect.exports import read as read_exports
from makegood.ingestion.connect.settings import Files
from makegood.ingestion.connect.system import Rows
from makegood.ingestion.connect.systems import zendesk
from makegood.ingestion.connect.systems.zendesk import SYSTEM
from tests.conftest import SHARED
from tests.connect.conftest import Pull
from tests.support import delivered
from tests.support.records import connect_yaml, faults, from_csv, made, tables
from tests.support.vendor import Answer, Request, vendor

NAMES = """
severities: {urgent: P1, high: P2, normal: P3, low: P4}
subscription: {field: organization_id, values: {"900": SUB-1}}
"""
AGENT, CUSTOMER = 20, 10
USERS = [
    {"id": AGENT, "role": "agent", "updated_at": "2026-01-01T00:00:00Z"},
    {"id": CUSTOMER, "role": "end-user", "updated_at": "2026-01-01T00:00:00Z"},
]


def ticket(**change: Any) -> dict[str, Any]:
    """A ticket as the incremental export writes it."""
    return {
        "id": 35436,
        "url": "https://example.zendesk.com/api/v2/tickets/35436.json",
        "created_at": "2026-06-01T08:00:00Z",
        "updated_at": "2026-06-05T00:00:00Z",
        "generated_timestamp": 1780617600,
        "type": "incident",
        "subject": "The API answers slowly",
        "priority": "high",
        "status": "open",
        "requester_id": CUSTOMER,
        "organization_id": 900,
        "problem_id": None,
        "due_at": None,
        "custom_fields": [{"id": 360001, "value": "eu"}, {"id": 360002, "value": None}],
        **change,
    }


def event(at: str, *children: dict[str, Any], **change: Any) -> dict[str, Any]:
    """An event of 1 June 2026 as the incremental export writes it, with its comments."""
    number = int(at.replace(":", ""))
    return {
        "id": number,
        "ticket_id": 35436,
        "timestamp": 0,
        "created_at": f"2026-06-01T{at}:00Z",
        "updater_id": AGENT,
        "via": "Web form",
        "system": {},
        "event_type": "Audit",
        "child_events": [
            {"id": number * 10 + position, "via": "Web form", **child}
            for position, child in enumerate(children)
        ],
        **change,
    }


def create(**fields: Any) -> dict[str, Any]:
    return {"event_type": "Create", **fields}


def change(previous: str | None, **fields: Any) -> dict[str, Any]:
    return {"event_type": "Change", "previous_value": previous, **fields}


def comment(author: int, public: bool = True) -> dict[str, Any]:
    return {
        "event_type": "Comment",
        "type": "Comment",
        "author_id": author,
        "body": "…",
        "public": public,
    }


def life(*events: dict[str, Any], **ticket_change: Any) -> list[tuple[str, ...]]:
    """The ticket's events: minutes of 1 June, what, and its severity or kind."""
    rows = made(
        SYSTEM, NAMES, tickets=[ticket(**ticket_change)], users=USERS, ticket_events=list(events)
    )
    assert faults(rows) == []
    return summary(rows)


def summary(rows: Rows) -> list[tuple[str, ...]]:
    found = []
    for row in rows.feeds["ticket_events"]:
        more = row.get("severity") or row.get("resolution_kind")
        at = row["occurred_at"].replace(" ", "T")[11:16]
        found.append((at, row["event"], *([more] if more else [])))
    return found


EVENTS = [
    event(
        "08:00",
        create(status="new"),
        create(priority="normal"),
        comment(CUSTOMER),
        updater_id=CUSTOMER,
    ),
    event("08:10", comment(AGENT, public=False)),
    event("08:20", comment(AGENT), change("new", status="open")),
    event("08:30", change("normal", priority="high"), change("open", status="pending")),
    event("09:00", comment(CUSTOMER), change("pending", status="open"), updater_id=CUSTOMER),
    event("09:30", comment(AGENT), change("open", status="solved")),
    event("10:00", change("solved", status="closed"), updater_id=-1),
]
LIFE = [
    ("08:00", "received"),
    ("08:00", "classified", "P3"),
    ("08:20", "responded"),
    ("08:30", "severity_changed", "P2"),
    ("08:30", "paused"),
    ("09:00", "resumed"),
    ("09:30", "status_updated"),
    ("09:30", "resolved", "restored"),
    ("10:00", "closed"),
]


# ---------------------------------------------------------------- tickets and their lives


def test_a_ticket_and_its_life() -> None:
    rows = made(SYSTEM, NAMES, tickets=[ticket()], users=USERS, ticket_events=EVENTS)
    assert rows.feeds["tickets"] == [
        {
            "ticket_id": "35436",
            "subscription_id": "SUB-1",
            "ticket_type": "incident",
            "environment": "production",
            "subject": "The API answers slowly",
        }
    ]
    assert summary(rows) == LIFE
    assert (faults(rows), rows.left, rows.unnamed, rows.notes) == ([], [], {}, {})


def test_the_comment_with_which_a_ticket_begins_is_no_reply() -> None:
    # an agent has written it down, for somebody who called
    assert life(event("08:00", create(status="open"), comment(AGENT))) == [("08:00", "received")]


def test_a_private_comment_and_one_of_an_end_user_are_no_replies() -> None:
    assert life(
        event("08:00", create(status="new")),
        event("08:10", comment(AGENT, public=False)),
        event("08:20", comment(CUSTOMER)),
        event("08:30", comment(99)),
    ) == [("08:00", "received")]


def test_without_the_list_of_people_whoever_is_not_the_requester_replies() -> None:
    rows = made(
        SYSTEM,
        NAMES,
        tickets=[ticket()],
        ticket_events=[
            event("08:00", create(status="new")),
            event("08:10", comment(CUSTOMER)),
            event("08:20", comment(99)),
        ],
    )
    assert summary(rows) == [("08:00", "received"), ("08:20", "responded")]


def test_a_ticket_that_is_older_than_its_events_is_passed_over() -> None:
    # the pull began at 08:15, so that the reply at 08:20 may not be the first
    rows = made(
        SYSTEM,
        NAMES,
        tickets=[ticket(), ticket(id=1)],
        users=USERS,
        ticket_events=[*EVENTS[2:], *(e | {"id": 1, "ticket_id": 1} for e in EVENTS[:1])],
    )
    assert {row["ticket_id"] for feed in rows.feeds.values() for row in feed} == {"1"}
    assert list(rows.notes.values()) == [1]
    assert rows.left == []


def test_changes_at_one_instant_are_in_the_order_of_their_ids() -> None:
    one = event("09:00", change("open", status="pending"), change("pending", status="open"))
    other = one | {"child_events": one["child_events"][::-1]}
    for given in (one, other):
        assert life(event("08:00", create(status="open")), given) == [
            ("08:00", "received"),
            ("09:00", "paused"),
            ("09:00", "resumed"),
        ]


def test_a_status_of_ones_own_is_named_or_rejected_by_name() -> None:
    events = [event("08:00", create(status="open")), event("09:00", change("open", status="lab"))]
    rows = made(SYSTEM, NAMES, tickets=[ticket()], ticket_events=events)
    assert rows.unnamed["states", "lab"] == 1
    assert "lab" in faults(rows)[0]
    rows = made(SYSTEM, NAMES + "states: {lab: paused}", tickets=[ticket()], ticket_events=events)
    assert summary(rows)[-1] == ("09:00", "paused")


def test_a_priority_without_a_name_is_counted() -> None:
    rows = made(
        SYSTEM,
        NAMES,
        tickets=[ticket()],
        ticket_events=[event("08:00", create(priority="blocker"))],
    )
    assert rows.unnamed == {("severities", "blocker"): 1}


def test_a_subscription_may_be_in_a_field_of_ones_own() -> None:
    names = "subscription: {field: [organization_id, custom_fields.360001]}"
    (row,) = made(SYSTEM, names, tickets=[ticket()]).feeds["tickets"]
    assert row["subscription_id"] == "900 / eu"


@pytest.mark.parametrize(
    ("kind", "ticket_type"),
    [
        ("incident", "incident"),
        ("problem", "incident"),
        ("question", "request"),
        ("task", "request"),
        (None, "incident"),
    ],
)
def test_types(kind: str | None, ticket_type: str) -> None:
    (row,) = made(SYSTEM, NAMES, tickets=[ticket(type=kind)]).feeds["tickets"]
    assert row["ticket_type"] == ticket_type


def test_a_problem_is_the_incident_and_a_due_date_that_of_the_resolution() -> None:
    given = ticket(problem_id=7, due_at="2026-06-09T17:00:00Z", type="task")
    (row,) = made(SYSTEM, NAMES, tickets=[given]).feeds["tickets"]
    assert (row["incident_id"], row["resolution_due_at"]) == ("7", "2026-06-09T17:00:00Z")


def test_a_deleted_ticket_takes_its_row_back() -> None:
    for given in (ticket(status="deleted"), ticket(_fivetran_deleted=True)):
        rows = made(SYSTEM, NAMES, tickets=[given], ticket_events=EVENTS)
        assert rows.feeds == {"tickets": [{"ticket_id": "35436", "deleted": True}]}


def test_a_ticket_without_events_is_known_by_its_last_update() -> None:
    assert life(status="solved", updated_at="2026-06-01T12:00:00Z") == [
        ("08:00", "received"),
        ("08:00", "classified", "P2"),
        ("12:00", "resolved", "restored"),
    ]
    rows = made(SYSTEM, NAMES, tickets=[ticket()])
    assert list(rows.notes) == [
        "tickets without events: their states are known by their last update alone"
    ]


def test_a_ticket_that_can_not_be_read_is_left_with_its_events() -> None:
    rows = made(
        SYSTEM,
        NAMES,
        tickets=[ticket(), ticket(id=1, created_at=None), ticket(id=2, created_at="soon")],
        ticket_events=[event("08:00", created_at=None, timestamp=None)],
    )
    assert not any(rows.feeds.values())
    assert [(left.what, left.why.split(";")[0]) for left in rows.left] == [
        ("tickets 35436", "event 800 has no created_at"),
        ("tickets 1", "created_at is missing"),
        (
            "tickets 2",
            "'soon' is not an instant: the form is 2026-06-01T08:30:00Z or with an offset",
        ),
    ]


# ---------------------------------------------------------------- verdicts of SLA policies


def metric(kind: str, name: str, at: str, instance: int = 1, **more: Any) -> dict[str, Any]:
    """An event of a metric as the documentation prints them."""
    return {
        "id": hash((kind, name, at, instance)) % 10**9,
        "ticket_id": 35436,
        "metric": name,
        "instance_id": instance,
        "type": kind,
        "time": f"2026-06-01T{at}:00Z",
        **more,
    }


def policy(name: str, instance: int = 1) -> dict[str, Any]:
    return metric(
        "apply_sla",
        name,
        "08:00",
        instance,
        sla={
            "target": 60,
            "business_hours": False,
            "policy": {"id": 25, "title": "VIP", "description": None},
            "target_in_seconds": 3600,
        },
    )


def verdicts(*events: dict[str, Any], **change: Any) -> tuple[Any, Any]:
    rows = made(SYSTEM, NAMES, tickets=[ticket(**change)], ticket_metric_events=list(events))
    assert faults(rows) == []
    (row,) = rows.feeds["tickets"]
    return row.get("source_response_met"), row.get("source_resolution_met")


def test_a_policy_that_was_fulfilled_is_met_and_one_with_a_breach_is_not() -> None:
    reply = [
        metric("activate", "reply_time", "08:00"),
        policy("reply_time"),
        metric("fulfill", "reply_time", "08:20"),
        metric("update_status", "reply_time", "08:20", status={"calendar": 20, "business": 0}),
    ]
    assert verdicts(*reply) == (True, None)
    late = [
        policy("requester_wait_time"),
        metric("breach", "requester_wait_time", "09:00", deleted=False),
        metric("fulfill", "requester_wait_time", "09:30"),
    ]
    assert verdicts(*reply, *late) == (True, False)
    # whatever the order they come in
    assert verdicts(*reversed([*reply, *late])) == (True, False)


def test_a_ticket_that_was_reopened_has_not_met_its_resolution_yet() -> None:
    name = "requester_wait_time"
    solved = [
        metric("activate", name, "08:00"),
        policy(name),
        metric("pause", name, "08:10"),
        metric("activate", name, "08:30"),
        metric("fulfill", name, "09:30"),
    ]
    assert verdicts(*solved) == (None, True)
    reopened = [*solved, metric("activate", name, "10:00", 2), policy(name, 2)]
    assert verdicts(*reopened) == (None, None)
    again = [*reopened, metric("fulfill", name, "11:00", 2)]
    assert verdicts(*again) == verdicts(*reversed(again)) == (None, True)
    # taken up again as the same instance, and then too late
    late = [*solved, metric("activate", name, "10:00"), metric("breach", name, "11:00")]
    assert verdicts(*late, metric("fulfill", name, "11:30")) == (None, False)
    # of a reply the first is the response, whatever follows
    replied = [e | {"metric": "reply_time"} for e in reopened]
    assert verdicts(*replied) == (True, None)


def test_without_a_policy_there_is_no_verdict() -> None:
    assert verdicts(metric("activate", "reply_time", "08:00")) == (None, None)
    assert verdicts(metric("fulfill", "reply_time", "08:20")) == (None, None)
    # the policy of another metric, and of another instance
    assert verdicts(metric("fulfill", "reply_time", "08:20"), policy("agent_work_time")) == (
        None,
        None,
    )


def test_only_the_first_reply_is_the_response() -> None:
    assert verdicts(
        policy("reply_time"),
        metric("fulfill", "reply_time", "08:20"),
        policy("reply_time", 2),
        metric("breach", "reply_time", "09:20", 2),
    ) == (True, None)


def test_metrics_of_updates_are_no_promise_of_ours() -> None:
    assert verdicts(
        policy("periodic_update_time"), metric("breach", "periodic_update_time", "09:00")
    ) == (None, None)


def test_a_breach_that_was_taken_back_or_never_came_is_none() -> None:
    target = [policy("reply_time"), metric("fulfill", "reply_time", "08:20")]
    assert verdicts(*target, metric("breach", "reply_time", "09:00", deleted=True)) == (True, None)
    # noted ahead, and fulfilled before; Airbyte's table doesn't say that it was taken back
    assert verdicts(*target, metric("breach", "reply_time", "09:00")) == (True, None)


def test_a_breach_to_come_is_no_verdict_yet() -> None:
    ahead = [policy("reply_time"), metric("breach", "reply_time", "20:00")]
    assert verdicts(*ahead, updated_at="2026-06-01T08:30:00Z") == (None, None)
    # other records show that the time has come
    assert verdicts(*ahead, updated_at="2026-06-01T20:30:00Z") == (False, None)


# ---------------------------------------------------------------- exports


def exported(folder: Path, pattern: str, **dialect: Any) -> dict[str, list[dict[str, Any]]]:
    files = Files(paths=[pattern], **dialect)
    read = read_exports(SYSTEM, files, files.paths, folder)
    assert read.left == []
    return {
        resource: [dict(record.data) for record in records]
        for resource, records in read.records.items()
    }


def test_a_views_file(tmp_path: Path) -> None:
    (tmp_path / "view.csv").write_text(
        "ID,Subject,Requester,Requested,Updated,Solved,Ticket type,Priority,Status,Organization\n"
        "1,Slow,Ann,01/06/2026 10:00,01/06/2026 12:00,-,Incident,High,On-hold,Example\n"
        "2,Slow,Ann,01/06/2026 10:00,02/06/2026 12:00,01/06/2026 11:00,-,-,Closed,Example\n"
    )
    found = exported(
        tmp_path, "*.csv", time_form="%d/%m/%Y %H:%M", time_zone="Europe/Warsaw", empty=["-"]
    )
    names = NAMES.replace('"900"', "Example")
    rows = made(SYSTEM, names, **found)
    assert faults(rows) == []
    assert [(row["ticket_id"], row["subscription_id"]) for row in rows.feeds["tickets"]] == [
        ("1", "SUB-1"),
        ("2", "SUB-1"),
    ]
    assert [
        (row["ticket_id"], row["event"], row["occurred_at"]) for row in rows.feeds["ticket_events"]
    ] == [
        ("1", "received", "2026-06-01T10:00:00+02:00"),
        ("1", "classified", "2026-06-01T10:00:00+02:00"),
        ("1", "paused", "2026-06-01T12:00:00+02:00"),
        ("2", "received", "2026-06-01T10:00:00+02:00"),
        ("2", "resolved", "2026-06-01T11:00:00+02:00"),
        ("2", "closed", "2026-06-02T12:00:00+02:00"),
    ]


def as_audits(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The same events as the Ticket Audits API writes them: one for each property."""
    audits = []
    for one in events:
        children = []
        for child in one["child_events"]:
            field = next((name for name in ("status", "priority") if name in child), None)
            children.append(
                {
                    "id": child["id"],
                    "type": child["event_type"],
                    **(
                        {
                            "field_name": field,
                            "value": child[field],
                            "previous_value": child.get("previous_value"),
                        }
                        if field
                        else {key: child[key] for key in ("author_id", "public", "body")}
                    ),
                }
            )
        # what we don't read has values of all kinds
        children.append(
            {"id": 1, "type": "Change", "field_name": "tags", "value": ["a"], "previous_value": []}
        )
        audits.append(
            {
                "id": one["id"],
                "ticket_id": one["ticket_id"],
                "created_at": one["created_at"],
                "author_id": one["updater_id"],
                "events": children,
            }
        )
    return audits


METRICS = [policy("reply_time"), metric("fulfill", "reply_time", "08:20")]


@pytest.mark.parametrize("log", ["ticket_events", "ticket_audits"])
def test_files_of_the_apis_answers(tmp_path: Path, log: str) -> None:
    events = EVENTS if log == "ticket_events" else as_audits(EVENTS)
    people = [person | {"email": "someone@example.com"} for person in USERS]
    for name, records in {
        "tickets": [ticket()],
        log: events,
        "users": people,
        "metrics": METRICS,
    }.items():
        (tmp_path / f"{name}.json").write_text(json.dumps(records))
    found = exported(tmp_path, "*.json")
    assert set(found) == {"tickets", log, "users", "ticket_metric_events"}
    rows = made(SYSTEM, NAMES, **found)
    assert summary(rows) == LIFE
    assert rows.feeds["tickets"][0]["source_response_met"] is True
    assert faults(rows) == []


# ---------------------------------------------------------------- tables of other tools


def test_airbytes_tables_give_the_same_life() -> None:
    def make(con: duckdb.DuckDBPyConnection) -> None:
        con.execute(
            "create table users as select * from (values (20.0, 'agent'), (10.0, 'end-user'))"
            " as t(id, role)"
        )
        con.execute(
            "create table tickets (id double, status varchar, priority varchar, type varchar,"
            " subject varchar, created_at timestamptz, updated_at timestamptz, due_at timestamptz,"
            " organization_id decimal(38, 9), requester_id bigint, problem_id bigint,"
            " custom_fields json, _airbyte_raw_id varchar)"
        )
        given = ticket()
        names = [
            "id",
            "status",
            "priority",
            "type",
            "subject",
            "created_at",
            "updated_at",
            "due_at",
            "organization_id",
            "requester_id",
            "problem_id",
        ]
        con.execute(
            f"insert into tickets values ({', '.join('?' * 13)})",
            [*(given[name] for name in names), json.dumps(given["custom_fields"]), "raw"],
        )
        con.execute(
            "create table ticket_audits (id bigint, ticket_id bigint, created_at timestamptz,"
            " author_id bigint, events json)"
        )
        for audit in as_audits(EVENTS):
            con.execute(
                "insert into ticket_audits values (?, ?, ?, ?, ?)",
                [*list(audit.values())[:4], json.dumps(audit["events"])],
            )
        con.execute(
            "create table ticket_metric_events (id bigint, ticket_id bigint, metric varchar,"
            " instance_id bigint, type varchar, time varchar)"
        )
        for one in METRICS:
            con.execute(
                "insert into ticket_metric_events values (?, ?, ?, ?, ?, ?)",
                [
                    one[name]
                    for name in ("id", "ticket_id", "metric", "instance_id", "type", "time")
                ],
            )

    rows = made(SYSTEM, NAMES, **tables(SYSTEM, "airbyte", make))
    assert summary(rows) == LIFE
    assert rows.feeds["tickets"] == [
        {
            "ticket_id": "35436",
            "subscription_id": "SUB-1",
            "ticket_type": "incident",
            "environment": "production",
            "subject": "The API answers slowly",
            "source_response_met": True,
        }
    ]
    assert faults(rows) == []


def test_dlts_tables_give_the_same_life() -> None:
    def make(con: duckdb.DuckDBPyConnection) -> None:
        con.execute(
            "create table users as select * from (values (20, 'agent'), (10, 'end-user'))"
            " as t(id, role)"
        )
        # without a column for what no ticket ever had, such as due_at; a field of one's own
        con.execute(
            "create table tickets as select 35436 as id, 'closed' as status, 'high' as priority,"
            " 'incident' as type, 'The API answers slowly' as subject, 900 as organization_id,"
            " 10 as requester_id, timestamptz '2026-06-01 08:00:00+00' as created_at,"
            " timestamptz '2026-06-05 00:00:00+00' as updated_at, 'eu' as region_of_ours,"
            " 'x' as _dlt_id"
        )
        con.execute(
            "create table ticket_events (id bigint, ticket_id bigint, timestamp bigint,"
            " updater_id bigint, created_at timestamptz, _dlt_id varchar)"
        )
        con.execute(
            "create table ticket_events__child_events (id bigint, event_type varchar,"
            " status varchar, priority varchar, comment_present boolean, comment_public boolean,"
            " _dlt_parent_id varchar, _dlt_list_idx bigint)"
        )
        for one in EVENTS:
            key = str(one["id"])
            con.execute(
                "insert into ticket_events values (?, ?, epoch(?::timestamptz), ?, ?, ?)",
                [one["id"], 35436, one["created_at"], one["updater_id"], one["created_at"], key],
            )
            for number, child in enumerate(one["child_events"]):
                is_comment = child["event_type"] == "Comment"
                con.execute(
                    "insert into ticket_events__child_events values (?, ?, ?, ?, ?, ?, ?, ?)",
                    [
                        child["id"],
                        child["event_type"],
                        child.get("status"),
                        child.get("priority"),
                        True if is_comment else None,
                        child["public"] if is_comment else None,
                        key,
                        number,
                    ],
                )

    rows = made(
        SYSTEM,
        NAMES.replace("organization_id", "[organization_id, region_of_ours]").replace(
            '"900"', '"900 / eu"'
        ),
        **tables(SYSTEM, "dlt", make),
    )
    assert summary(rows) == LIFE
    assert rows.feeds["tickets"][0]["subscription_id"] == "SUB-1"
    assert faults(rows) == []


needs_shared = pytest.mark.skipif(
    not (SHARED / "data" / "fivetran_zendesk").is_dir(),
    reason="needs ../shared/data/fivetran_zendesk, which is not part of the project",
)


@needs_shared
def test_fivetrans_tables() -> None:
    folder = SHARED / "data" / "fivetran_zendesk"
    found = tables(SYSTEM, "fivetran", from_csv(folder, "_data"))
    names = """
severities: {urgent: P1, high: P2, medium: P3, normal: P4}
subscription: {otherwise: SUB-1}
"""
    rows = made(SYSTEM, names, **found)
    assert faults(rows) == []
    assert (rows.left, rows.unnamed) == ([], {})
    kept = {row["ticket_id"] for row in rows.feeds["tickets"] if not row.get("deleted")}
    gone = {row["ticket_id"] for row in rows.feeds["tickets"] if row.get("deleted")}
    statuses = {record["id"]: record["status"] for record in found["tickets"]}
    assert gone == {key for key, status in statuses.items() if status == "deleted"} != set()
    assert kept == statuses.keys() - gone
    assert {row["ticket_id"] for row in rows.feeds["ticket_events"]} == kept
    # the one with a history: from pending to on hold and back nothing happens
    assert [
        (row["occurred_at"][:10], row["event"], row.get("severity"))
        for row in rows.feeds["ticket_events"]
        if row["ticket_id"] == "11071"
    ] == [
        ("2020-08-28", "received", None),
        ("2020-08-28", "classified", "P4"),
        ("2020-08-29", "paused", None),
        ("2020-09-15", "resumed", None),
        ("2020-09-30", "paused", None),
        ("2020-09-30", "severity_changed", "P3"),
        ("2020-10-15", "resumed", None),
        ("2020-10-15", "severity_changed", "P2"),
        ("2020-10-17", "paused", None),
        ("2020-11-02", "resumed", None),
        ("2020-11-02", "severity_changed", "P1"),
        ("2020-11-14", "resolved", None),
        ("2020-11-15", "closed", None),
    ]


def test_fivetrans_comments_are_replies_and_its_own_fields_can_be_named() -> None:
    def make(con: duckdb.DuckDBPyConnection) -> None:
        con.execute(
            """create table "user" as
                select * from (values (20, 'agent'), (10, 'end-user')) as t(id, role)"""
        )
        con.execute(
            """create table ticket as select 1 as id, 'open' as status, null as priority,
                null as type, 'x' as subject, 10 as requester_id, null as problem_id,
                timestamp '2026-06-01 08:00:00' as created_at, null::timestamp as due_at,
                timestamp '2026-06-01 09:00:00' as updated_at, 'SUB-1' as custom_contract"""
        )
        con.execute(
            """create table ticket_field_history (ticket_id bigint, field_name varchar,
                updated timestamp, user_id bigint, value varchar)"""
        )
        con.execute(
            """create table ticket_comment as select * from (values
                (1, 1, timestamp '2026-06-01 08:00:00', true, 20),
                (2, 1, timestamp '2026-06-01 08:10:00', false, 20),
                (3, 1, timestamp '2026-06-01 08:20:00', true, 10),
                (4, 1, timestamp '2026-06-01 08:30:00', true, 20)
            ) as t(id, ticket_id, created, public, user_id)"""
        )

    rows = made(
        SYSTEM, "subscription: {field: custom_contract}", **tables(SYSTEM, "fivetran", make)
    )
    assert summary(rows) == [("08:00", "received"), ("08:30", "responded")]
    assert rows.feeds["tickets"][0]["subscription_id"] == "SUB-1"
    assert faults(rows) == []


# ---------------------------------------------------------------- over the API


def seconds(at: str) -> int:
    return int(datetime.fromisoformat(at).timestamp())


class Desk:
    """The incremental exports, two records a page."""

    def __init__(self) -> None:
        self.url = ""
        self.data: dict[str, list[dict[str, Any]]] = {
            "users": USERS,
            "tickets": [
                ticket(id=n, generated_timestamp=seconds("2026-06-05T00:00:00Z") + n)
                for n in (1, 2)
            ]
            + [ticket(generated_timestamp=seconds("2026-06-05T00:00:03Z"))],
            "ticket_events": [e | {"timestamp": seconds(e["created_at"])} for e in EVENTS],
            # a breach to come is in the future
            "ticket_metric_events": [*METRICS, metric("breach", "reply_time", "23:00", 9)],
        }

    def answer(self, request: Request) -> Answer:
        expected = b64encode(b"someone@example.com/token:token-of-ours").decode()
        if request.headers.get("Authorization") != f"Basic {expected}":
            return Answer({"error": "Couldn't authenticate you"}, 401)
        name = request.path.split("/")[4].removesuffix(".json")
        cursor = {"tickets": "generated_timestamp", "ticket_events": "timestamp"}.get(name)
        if "cursor" in request.params:
            assert "start_time" not in request.params
        start = int(request.params.get("start_time", 0))
        found = [one for one in self.data[name] if cursor is None or one[cursor] >= start]
        begin = int(request.params.get("cursor", request.params.get("at", 0)))
        page = found[begin : begin + 2]
        is_last = begin + 2 >= len(found)
        after = str(begin + (0 if is_last else 2))
        if name in ("users", "tickets"):
            link = f"{self.url}/api/v2/incremental/{name}/cursor.json?cursor={after}"
            more = {
                "after_url": link,
                "after_cursor": after,
                "before_cursor": None,
                "end_of_stream": is_last,
            }
        else:
            link = f"{self.url}{request.path}?start_time={start}&at={after}"
            more = {"next_page": link, "count": len(page), "end_time": 1_780_639_000}
            if name == "ticket_events":
                # without which the number of records says it
                more["end_of_stream"] = is_last
                assert request.params.get("include", "comment_events") == "comment_events"
        return Answer({name: page} | more)


@pytest.mark.usefixtures("quiet")
def test_pulls(tmp_path: Path, pull: Pull, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zendesk, "_PAGE_RECORDS", 2)
    desk = Desk()
    landing = tmp_path / "landing"
    clock = seconds("2026-06-05T06:00:00Z")
    with vendor({"/api/v2/incremental/*": desk.answer}, clock_s=clock) as server:
        desk.url = server.url
        config = connect_yaml(
            tmp_path,
            f"""
system: zendesk
api: {{url: "{server.url}", user: someone@example.com, start: 2026-01-01}}
{NAMES}""",
        )
        monkeypatch.setenv("ZENDESK_TOKEN", "token-that-was-revoked")
        _, failures = pull(config)
        assert "ZENDESK_TOKEN is wrong, expired or revoked" in failures[0]

        monkeypatch.setenv("ZENDESK_TOKEN", "token-of-ours")
        server.faults = {
            len(server.asked) + 3: Answer({"error": "TooManyRequests"}, 429, {"Retry-After": "0"})
        }
        found, failures = pull(config)
        assert failures == []
        assert {r.params.get("start_time") for r in server.asked} == {
            None,
            str(seconds("2026-01-01T00:00:00Z")),
        }
        assert found[0].read == {
            "users": 2,
            "tickets": 3,
            "ticket_events": len(EVENTS),
            "ticket_metric_events": 3,
        }
        assert delivered.rejected(landing) == []
        ours = [r for r in delivered.rows(landing, "ticket_events") if r["ticket_id"] == "35436"]
        assert [
            (
                r["occurred_at"][11:16],
                r["event"],
                *([m] if (m := r.get("severity") or r.get("resolution_kind")) else []),
            )
            for r in ours
        ] == LIFE

        # what is new: a ticket that was deleted, and one whose life goes on
        server.asked.clear()
        desk.data["tickets"][1] = ticket(
            id=2, status="deleted", generated_timestamp=seconds("2026-06-05T02:00:00Z")
        )
        desk.data["ticket_events"].append(
            event("11:00", change("closed", status="open"))
            | {"timestamp": seconds("2026-06-01T11:00:00Z")}
        )
        assert pull(config)[1] == []
        starts = {
            r.path.split("/")[4]: int(r.params["start_time"])
            for r in server.asked
            if "start_time" in r.params and "at" not in r.params
        }
        # five minutes before the last one of each
        assert starts == {
            "users": seconds("2026-01-01T00:00:00Z"),
            "tickets": seconds("2026-06-05T00:00:03Z") - 300,
            "ticket_events.json": seconds("2026-06-01T10:00:00Z") - 300,
            "ticket_metric_events.json": 1_780_639_000 - 300,
        }
        assert [r["ticket_id"] for r in delivered.rows(landing, "tickets")] == ["1", "35436"]
        assert delivered.rows(landing, "ticket_events")[-1]["event"] == "reopened"
