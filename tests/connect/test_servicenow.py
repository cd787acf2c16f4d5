"""ServiceNow: the Table API, exports of lists, an incident log of 2016, and Fivetran's tables."""

import csv
import gzip
import re
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from makegood.ingestion.connect.system import Unreadable
from makegood.ingestion.connect.systems.servicenow import SYSTEM
from tests.support import desks
from tests.support.vendor import Answer, Request, vendor

SHARED = Path(__file__).parents[3] / "shared" / "data" / "servicenow_uci"
NAMES = {
    "severities": {"1 - Critical": "P1", "2 - High": "P2", "3 - Moderate": "P3"},
    "subscription": {"field": "company", "values": {"ACME": "SUB-1"}},
}
# the clock of the server
CLOCK = 1_780_913_100  # 2026-06-08T10:05:00Z
CONNECTION = {"user": "makegood", "start": "2026-06-01"}


def _shown(value: str, shown: str) -> dict[str, str]:
    return {"display_value": shown, "value": value}


def _incident(number: str, updated: str, state: tuple[str, str], **more: Any) -> dict[str, Any]:
    """As the Table API writes it, with sysparm_display_value=all."""
    plain = {
        "sys_id": f"id-{number}",
        "number": number,
        "opened_at": "2026-06-01 08:00:00",
        "sys_created_on": "2026-06-01 08:00:05",
        "sys_updated_on": updated,
        "short_description": f"Incident {number}",
        "caller_id.user_name": "caller",
        "resolved_at": "",
        "closed_at": "",
    }
    # what is shown of a time is in the zone of the user, and must not count
    return {
        name: _shown(value, value.replace("2026", "2025") if "_at" in name else value)
        for name, value in plain.items()
    } | {
        "state": _shown(*state),
        "priority": _shown("2", "2 - High"),
        "company": _shown("c0ffee", "ACME"),
        "made_sla": _shown("true", "true"),
        **more,
    }


def _audit(number: str, n: int, at: str, field: str, old: str, new: str) -> dict[str, str]:
    return {
        "sys_id": f"audit-{n:03}",
        "documentkey": f"id-{number}",
        "fieldname": field,
        "oldvalue": old,
        "newvalue": new,
        "sys_created_on": at,
    }


INCIDENTS = [
    _incident("INC1", "2026-06-02 09:00:00", ("7", "Closed")),
    _incident("INC2", "2026-06-02 09:00:00", ("3", "On Hold")),
    _incident("INC3", "2026-06-03 09:00:00", ("8", "Canceled")),
]
AUDITS = [
    _audit("INC1", 1, "2026-06-01 08:10:00", "state", "1", "2"),
    _audit("INC1", 2, "2026-06-01 08:10:00", "incident_state", "1", "2"),
    _audit("INC1", 3, "2026-06-01 08:20:00", "priority", "3", "2"),
    _audit("INC1", 4, "2026-06-01 09:00:00", "state", "2", "3"),
    _audit("INC1", 5, "2026-06-01 10:00:00", "state", "3", "2"),
    _audit("INC1", 6, "2026-06-01 11:00:00", "state", "2", "6"),
    _audit("INC1", 7, "2026-06-02 09:00:00", "state", "6", "7"),
    _audit("INC2", 8, "2026-06-02 09:00:00", "state", "1", "3"),
    _audit("INC3", 9, "2026-06-03 09:00:00", "state", "1", "8"),
]
COMMENTS = [
    {
        "sys_id": f"journal-{n}",
        "element_id": "id-INC1",
        "element": "comments",
        "sys_created_by": by,
        "sys_created_on": at,
    }
    for n, by, at in [
        (1, "caller", "2026-06-01 08:05:00"),
        (2, "agent", "2026-06-01 08:15:00"),
        (3, "agent", "2026-06-01 10:30:00"),
    ]
]


def _sla(n: int, number: str, target: str, stage: str, breached: str) -> dict[str, Any]:
    return {
        "sys_id": f"sla-{n}",
        "task": _shown(f"id-{number}", number),
        "sla": _shown(f"def-{target}", f"Priority 2 {target}"),
        "sla.target": _shown(target, target.title()),
        "sla.type": _shown("SLA", "SLA"),
        "stage": _shown(stage, stage.title()),
        "has_breached": _shown(breached, breached),
        "start_time": _shown("2026-06-01 08:00:00", "2026-06-01 01:00:00"),
        "sys_updated_on": "2026-06-02 09:00:00",
    }


SLAS = [
    # of the priority that it had before
    _sla(1, "INC1", "response", "cancelled", "true"),
    _sla(2, "INC1", "response", "completed", "false"),
    _sla(3, "INC1", "resolution", "completed", "true"),
    _sla(4, "INC2", "resolution", "paused", "false"),
]
LIFE = [
    ("2026-06-01T08:00:00Z", "received"),
    ("2026-06-01T08:00:00Z", "classified", "P3"),
    ("2026-06-01T08:15:00Z", "responded"),
    ("2026-06-01T08:20:00Z", "severity_changed", "P2"),
    ("2026-06-01T09:00:00Z", "paused"),
    ("2026-06-01T10:00:00Z", "resumed"),
    ("2026-06-01T10:30:00Z", "status_updated"),
    ("2026-06-01T11:00:00Z", "resolved", "restored"),
    ("2026-06-02T09:00:00Z", "closed"),
]


class Instance:
    """Answers queries as an instance does, with pages of two records."""

    def __init__(self) -> None:
        self.tables: dict[str, list[dict[str, Any]]] = {
            "incident": [*INCIDENTS],
            "sys_audit": [*AUDITS],
            "sys_journal_field": [*COMMENTS],
            "task_sla": [*SLAS],
        }
        self.password = "secret"

    def __call__(self, request: Request) -> Answer:
        if self.password != "secret":
            return Answer(
                {"error": {"message": "User Not Authenticated", "detail": ""}, "status": "failure"},
                status=401,
            )
        assert request.params["sysparm_exclude_reference_link"] == "true"
        query = request.params["sysparm_query"]
        wanted = [*filter(lambda r: self._is(r, query), self.tables[request.path.split("/")[-1]])]
        by = re.findall(r"\^ORDERBY(\w+)", query)
        assert by[1] == "sys_id"
        wanted.sort(key=lambda r: (_plain(r[by[0]]), _plain(r["sys_id"])))
        return Answer({"result": wanted[:2]}, headers={"X-RateLimit-Limit": "5000"})

    def _is(self, record: dict[str, Any], query: str) -> bool:
        conditions = query.split("^ORDERBY")[0]
        return any(
            all(self._holds(record, term) for term in part.split("^"))
            for part in conditions.split("^NQ")
        )

    @staticmethod
    def _holds(record: dict[str, Any], term: str) -> bool:
        found = re.fullmatch(r"([a-z_.]+)(IN|>=|=|>)(.*)", term)
        assert found, term
        field, operator, value = found.groups()
        if field in ("tablename", "name", "task.sys_class_name"):
            return "incident" in value
        own = _plain(record[field])
        if operator == "IN":
            return own in value.split(",")
        return (
            own >= value if operator == ">=" else own > value if operator == ">" else own == value
        )


def _plain(value: Any) -> str:
    return str(value["value"] if isinstance(value, dict) else value)


def test_the_api_page_by_page(tmp_path: Path) -> None:
    instance = Instance()
    with vendor({"/api/now/table/*": instance}, clock_s=CLOCK) as server:
        # throttled, then broken off
        server.faults = {
            2: Answer({}, status=429, headers={"Retry-After": "0"}),
            4: Answer({"result": []}, cut=3),
        }
        records, _ = desks.by_api(SYSTEM, {**CONNECTION, "url": server.url}, tmp_path / "a")
        rows = desks.made(SYSTEM, records, NAMES)
        assert {r: len(found) for r, found in records.items()} == {
            "incidents": 3,
            "sys_audit": 9,
            "sys_journal_field": 3,
            "task_sla": 4,
        }
        # two records a page, and an empty page that ends each table; two were asked twice
        assert len(server.asked) == (5 + 2 + 2 + 2) + 4 + 2
        assert "2026-06-01 00:00:00" in server.asked[0].params["sysparm_query"]

        assert desks.events(rows, "INC1") == LIFE
        assert desks.events(rows, "INC2")[-1] == ("2026-06-02T09:00:00Z", "paused")
        assert desks.events(rows, "INC3")[-1] == ("2026-06-03T09:00:00Z", "cancelled")
        first = desks.ticket(rows, "INC1")
        assert first["subscription_id"] == "SUB-1"
        assert (first["source_response_met"], first["source_resolution_met"]) == (True, False)
        # neither ended nor breached: no verdict
        assert "source_resolution_met" not in desks.ticket(rows, "INC2")
        assert not rows.left
        assert not rows.unnamed

        # an incident that is changed is read again, the others are not
        instance.tables["incident"][1] = _incident(
            "INC2", "2026-06-05 09:00:00", ("6", "Resolved"), made_sla=_shown("false", "false")
        )
        instance.tables["sys_audit"].append(
            _audit("INC2", 10, "2026-06-05 09:00:00", "state", "3", "6")
        )
        instance.tables["task_sla"][3] = _sla(4, "INC2", "resolution", "completed", "true") | {
            "sys_updated_on": "2026-06-05 09:00:00"
        }
        records, _ = desks.by_api(SYSTEM, {**CONNECTION, "url": server.url}, tmp_path / "a")
        rows = desks.made(SYSTEM, records, NAMES)
        assert desks.events(rows, "INC2")[-1][1] == "resolved"
        assert desks.ticket(rows, "INC2")["source_resolution_met"] is False
        assert desks.events(rows, "INC1") == LIFE


def test_no_record_is_skipped_that_changes_while_it_is_read(tmp_path: Path) -> None:
    """By offsets INC3 would move onto a page that was read already."""
    instance = Instance()
    changed = False

    def moving(request: Request) -> Answer:
        nonlocal changed
        answer = instance(request)
        if request.path.endswith("/incident") and not changed:
            changed = True
            instance.tables["incident"][0] = _incident(
                "INC1", "2026-06-09 09:00:00", ("7", "Closed")
            )
        return answer

    with vendor({"/api/now/table/*": moving}) as server:
        records, _ = desks.by_api(SYSTEM, {**CONNECTION, "url": server.url}, tmp_path)
    assert {record.text("number") for record in records["incidents"]} == {"INC1", "INC2", "INC3"}


def test_an_incident_from_before_the_start_is_not_read(tmp_path: Path) -> None:
    """The first comment to its caller may be from before the start too, and one after it is not
    the response."""
    instance = Instance()
    instance.tables["incident"] += [
        _incident("INC0", "2026-06-02 09:00:00", ("2", "In Progress"))
        | {"sys_created_on": _shown("2026-05-31 23:59:59", "2026-06-01 01:59:59")}
    ]
    with vendor({"/api/now/table/*": instance}) as server:
        records, _ = desks.by_api(SYSTEM, {**CONNECTION, "url": server.url}, tmp_path)
        queries = [r.params["sysparm_query"] for r in server.asked if r.path.endswith("/incident")]
    assert {record.text("number") for record in records["incidents"]} == {"INC1", "INC2", "INC3"}
    # on every page, and on both sides of the `or`
    assert all(q.count("sys_created_on>=") == 1 + q.count("^NQ") for q in queries)
    assert len(queries) > 1


def test_more_records_of_one_second_than_a_page_holds(tmp_path: Path) -> None:
    instance = Instance()
    instance.tables["incident"] = [
        _incident(f"INC{n}", "2026-06-02 09:00:00", ("1", "New")) for n in range(1, 8)
    ]
    with vendor({"/api/now/table/*": instance}) as server:
        records, _ = desks.by_api(SYSTEM, {**CONNECTION, "url": server.url}, tmp_path)
    assert len(records["incidents"]) == 7


def test_an_answer_that_the_instance_broke_off(tmp_path: Path) -> None:
    def cut(request: Request) -> Answer:
        words = "Transaction cancelled: maximum execution time exceeded"
        return Answer({"result": [INCIDENTS[0]], "error": {"message": words}, "status": "failure"})

    with (
        vendor({"/api/now/table/*": cut}) as server,
        pytest.raises(Unreadable, match=r"ServiceNow: .*Transaction cancelled: maximum"),
    ):
        desks.by_api(SYSTEM, {**CONNECTION, "url": server.url}, tmp_path)


def test_a_password_that_is_no_longer_right(tmp_path: Path) -> None:
    instance = Instance()
    instance.password = "changed"
    with (
        vendor({"/api/now/table/*": instance}) as server,
        pytest.raises(Unreadable, match="SERVICENOW_PASSWORD is wrong, expired or revoked"),
    ):
        desks.by_api(SYSTEM, {**CONNECTION, "url": server.url}, tmp_path)


def test_states_in_another_language() -> None:
    incident = {
        "number": "INC1",
        "sys_id": "i",
        "opened_at": "2026-06-01T08:00:00Z",
        "sys_updated_on": "2026-06-01T09:00:00Z",
        "state": "Zurückgestellt",
        "state.value": "3",
        "priority": "2 - Hoch",
        "priority.value": "2",
        "company": "ACME",
    }
    audit = _audit("", 1, "2026-06-01T09:00:00Z", "state", "1", "3") | {"documentkey": "i"}
    records = desks.of(SYSTEM, {"incidents": [incident], "sys_audit": [audit]})
    rows = desks.made(SYSTEM, records, NAMES | {"severities": {"2 - Hoch": "P2"}})
    assert desks.events(rows, "INC1")[1:] == [
        ("2026-06-01T08:00:00Z", "classified", "P2"),
        ("2026-06-01T09:00:00Z", "paused"),
    ]


def test_a_priority_that_was_logged_at_the_creation() -> None:
    incident = {"number": "INC1", "sys_id": "i", "opened_at": "2026-06-01T08:00:00Z"} | {
        "state": "New",
        "priority": "1 - Critical",
        "company": "ACME",
    }
    audits = [
        _audit("", n, at, "priority", old, new) | {"documentkey": "i"}
        for n, at, old, new in [
            (1, "2026-06-01T08:00:05Z", "", "3"),
            (2, "2026-06-01T08:30:00Z", "3", "1"),
        ]
    ]
    rows = desks.made(
        SYSTEM, desks.of(SYSTEM, {"incidents": [incident], "sys_audit": audits}), NAMES
    )
    assert desks.events(rows, "INC1")[1:] == [
        ("2026-06-01T08:00:00Z", "classified", "P3"),
        ("2026-06-01T08:30:00Z", "severity_changed", "P1"),
    ]


def test_made_sla_is_no_verdict_beside_task_slas() -> None:
    # late with the response, and the resolution is not over
    incident = {"number": "INC1", "sys_id": "id-INC1", "opened_at": "2026-06-01T08:00:00Z"} | {
        "state": "In Progress",
        "sys_updated_on": "2026-06-01T09:00:00Z",
        "made_sla": "false",
        "company": "ACME",
    }
    slas = [
        {"task": "id-INC1", "sys_id": target, "sla": target, "sla.target": target} | more
        for target, more in [
            ("response", {"stage": "completed", "has_breached": "true"}),
            ("resolution", {"stage": "in_progress", "has_breached": "false"}),
        ]
    ]
    for found, verdicts in [(slas, (False, None)), (slas[1:], (None, None)), ([], (None, False))]:
        records = {"incidents": [incident], "task_sla": found}
        ticket = desks.ticket(desks.made(SYSTEM, desks.of(SYSTEM, records), NAMES), "INC1")
        assert verdicts == (
            ticket.get("source_response_met"),
            ticket.get("source_resolution_met"),
        )


LIST = """
number,state,priority,opened_at,resolved_at,closed_at,sys_updated_on,company,made_sla
INC1,Closed,2 - High,01.06.2026 10:00:00,01.06.2026 13:00:00,02.06.2026 11:00:00,,ACME,false
INC2,On Hold,2 - High,01.06.2026 10:00:00,,,02.06.2026 11:00:00,ACME,true
INC3,New,,01.06.2026 10:00:00,,,02.06.2026 11:00:00,ACME,true
"""


def test_the_export_of_a_list_is_in_the_users_zone() -> None:
    rows = desks.made(
        SYSTEM,
        desks.by_export(SYSTEM, 1, desks.rows_of_csv(LIST), "%d.%m.%Y %H:%M:%S", "Europe/Berlin"),
        NAMES,
    )
    assert desks.events(rows, "INC1") == [
        ("2026-06-01T10:00:00+02:00", "received"),
        ("2026-06-01T10:00:00+02:00", "classified", "P2"),
        ("2026-06-01T13:00:00+02:00", "resolved", "restored"),
        ("2026-06-02T11:00:00+02:00", "closed"),
    ]
    assert desks.events(rows, "INC2")[-1] == ("2026-06-02T11:00:00+02:00", "paused")
    # new since it was opened, and without a priority not classified
    assert desks.events(rows, "INC3") == [("2026-06-01T10:00:00+02:00", "received")]
    assert desks.ticket(rows, "INC1")["source_resolution_met"] is False
    assert "source_resolution_met" not in desks.ticket(rows, "INC2")
    assert list(rows.notes.values()) == [3]


def test_audits_and_slas_exported_beside_the_list() -> None:
    audits = desks.rows_of_csv(
        """
documentkey,fieldname,oldvalue,newvalue,sys_created_on
Incident: INC1,state,1,6,2026-06-01 09:00:00
Incident: INC1,state,6,7,2026-06-02 09:00:00
"""
    )
    slas = desks.rows_of_csv(
        """
task,sla,stage,has_breached
INC1,P2 resolution,Completed,false
INC1,P2 reaction,Completed,true
"""
    )
    records = {
        **desks.by_export(SYSTEM, 1, desks.rows_of_csv(LIST), "%d.%m.%Y %H:%M:%S"),
        **desks.by_export(SYSTEM, 3, audits),
        **desks.by_export(SYSTEM, 4, slas),
    }
    rows = desks.made(SYSTEM, records, NAMES | {"slas": {"P2 resolution": "resolution"}})
    assert [event[1] for event in desks.events(rows, "INC1")][-2:] == ["resolved", "closed"]
    # the SLA's verdict goes before made_sla
    assert desks.ticket(rows, "INC1")["source_resolution_met"] is True
    assert "source_response_met" not in desks.ticket(rows, "INC1")
    assert "task SLA 'P2 reaction' has no target: name it in `slas`" in rows.notes


def test_fivetran_gives_what_the_api_gives(tmp_path: Path) -> None:
    instance = Instance()
    with vendor({"/api/now/table/*": instance}) as server:
        api, _ = desks.by_api(SYSTEM, {**CONNECTION, "url": server.url}, tmp_path / "a")
    tasks = [
        {
            "sys_id": _plain(i["sys_id"]),
            "number": _plain(i["number"]),
            "opened_at": _plain(i["opened_at"]),
            "closed_at": None,
            "sys_created_on": _plain(i["sys_created_on"]),
            "sys_updated_on": _plain(i["sys_updated_on"]),
            "short_description": _plain(i["short_description"]),
            "made_sla": True,
            "state": int(i["state"]["value"]),
            "priority": int(i["priority"]["value"]),
            "company_value": "c0ffee",
            "contract_value": None,
        }
        for i in INCIDENTS
    ]
    tables: dict[str, Any] = {
        "task": tasks,
        "incident": [
            {
                "sys_id": task["sys_id"],
                "incident_state": task["state"],
                "resolved_at": None,
                "category": "software",
                "parent_incident_value": None,
                "caller_id_value": "person",
            }
            for task in tasks
        ],
        "sys_user": [{"sys_id": "person", "user_name": "caller"}],
        "core_company": [{"sys_id": "c0ffee", "name": "ACME"}],
        "sys_audit": [audit | {"tablename": "incident"} for audit in AUDITS],
        "sys_journal_field": COMMENTS,
        "contract_sla": [
            {"sys_id": f"def-{t}", "name": t, "target": t, "type": "SLA"}
            for t in ("response", "resolution")
        ],
        "task_sla": [
            {
                "sys_id": sla["sys_id"],
                "task_value": sla["task"]["value"],
                "sla_value": sla["sla"]["value"],
                "stage": sla["stage"]["value"],
                "has_breached": sla["has_breached"]["value"] == "true",
                "start_time": _plain(sla["start_time"]),
                "sys_updated_on": sla["sys_updated_on"],
            }
            for sla in SLAS
        ],
    }
    rows = desks.made(SYSTEM, desks.by_tables(SYSTEM, "fivetran", tmp_path / "t", tables), NAMES)
    assert [_sorted(rows.feeds[feed]) for feed in rows.feeds] == [
        _sorted(found) for found in desks.made(SYSTEM, api, NAMES).feeds.values()
    ]
    assert not desks.rejected(rows)

    tables["task"] = [task | {"_fivetran_deleted": task["number"] == "INC3"} for task in tasks]
    rows = desks.made(SYSTEM, desks.by_tables(SYSTEM, "fivetran", tmp_path / "d", tables), NAMES)
    assert {"ticket_id": "INC3", "deleted": True} in rows.feeds["tickets"]
    assert not desks.events(rows, "INC3")


def _sorted(rows: list[dict[str, Any]]) -> list[Any]:
    """Instants are the same, in whichever form."""
    return sorted(
        [
            sorted((k, str(v).replace(" ", "T").replace("+00", "Z")) for k, v in row.items())
            for row in rows
        ]
    )


@pytest.mark.long
def test_the_log_of_24918_incidents(tmp_path: Path) -> None:
    file = SHARED / "incident_event_log.csv.gz"
    if not file.exists():
        pytest.skip(f"{file} is not there: the log is not part of the project")
    with gzip.open(file, "rt") as lines:
        log = list(csv.DictReader(lines))
    records = desks.by_export(SYSTEM, 0, log, "%d/%m/%Y %H:%M")
    assert len(records["incident_updates"]) == len(log) == 141_712
    names = {
        "severities": {f"{n} - {word}": f"P{n}" for n, word in enumerate(WORDS, 1)},
        "responds": ["Active"],
        "subscription": {"otherwise": "SUB-1"},
    }
    rows = desks.made(SYSTEM, records, names)
    assert not rows.left
    assert list(rows.unnamed.items()) == [(("states", "-100"), 2)]
    assert len(rows.feeds["tickets"]) == 24_918

    # counted from the rows as they are, by another way
    updates: dict[str, list[dict[str, str]]] = {}
    for row in sorted(log, key=_order):
        updates.setdefault(row["number"], []).append(row)
    found = Counter(event["event"] for event in rows.feeds["ticket_events"])
    assert found["received"] == found["classified"] == 24_918
    assert found["responded"] == sum(
        any(row["incident_state"] == "Active" for row in life) for life in updates.values()
    )
    assert found["severity_changed"] == sum(
        a["priority"] != b["priority"] for life in updates.values() for a, b in pairwise(life)
    )
    over = ("Resolved", "Closed")
    assert found["reopened"] == sum(
        a["incident_state"] in over and b["incident_state"] not in (*over, "-100")
        for life in updates.values()
        for a, b in pairwise(life)
    )
    last = {number: life[-1]["made_sla"] == "true" for number, life in updates.items()}
    assert {t["ticket_id"]: t["source_resolution_met"] for t in rows.feeds["tickets"]} == last
    # two changes to `-100` are rejected by name, and nothing else
    faults = desks.rejected(rows)
    assert [column for _, column, _ in faults] == ["event", "event"]
    assert all("-100" in reason for *_, reason in faults)


WORDS = ["Critical", "High", "Moderate", "Low"]


def _order(row: dict[str, str]) -> Any:
    day, month, year = row["sys_updated_at"].split()[0].split("/")
    return (
        (int(year), int(month), int(day), row["sys_updated_at"].split()[1]),
        int(row["sys_mod_count"]),
    )
