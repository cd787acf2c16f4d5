"""Jira Service Management: the REST APIs, exports of a search, tables of Fivetran, Airbyte, dlt."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from makegood.ingestion.connect.system import Unreadable
from makegood.ingestion.connect.systems.jira import SYSTEM
from tests.support import desks
from tests.support.vendor import Answer, Request, vendor

SHARED = Path(__file__).parents[3] / "shared" / "data" / "fivetran_jira"
NAMES = {
    "severities": {"High": "P2", "Medium": "P3"},
    "subscription": {"field": "fields.customfield_10002.0.id", "values": {"7": "SUB-1"}},
}
# the clock of the server
CLOCK = 1_780_913_100  # 2026-06-08T10:05:00Z
CONNECTION = {"user": "someone@example.com", "projects": ["SUP"], "start": "2026-06-01"}
CATEGORIES = {
    "Waiting for support": "indeterminate",
    "Waiting for customer": "indeterminate",
    "In Progress": "indeterminate",
    "Open": "new",
    "Resolved": "done",
    "Closed": "done",
}


def _status(name: str) -> dict[str, Any]:
    return {"id": f"{1 + list(CATEGORIES).index(name)}", "name": name} | {
        "statusCategory": {"id": 4, "key": CATEGORIES[name], "name": "x"}
    }


def _cycle(breached: bool) -> dict[str, Any]:
    return {
        "startTime": {"epochMillis": 1780300800000},
        "stopTime": {"epochMillis": 1780304400000},
        "breached": breached,
        "goalDuration": {"millis": 14400000, "friendly": "4h"},
    }


def _sla(n: int, name: str, *breached: bool, **more: Any) -> dict[str, Any]:
    return {"id": str(n), "name": name, "completedCycles": [_cycle(b) for b in breached], **more}


def _issue(n: int, updated: str, status: str, **fields: Any) -> dict[str, Any]:
    return {
        "id": str(10000 + n),
        "key": f"SUP-{n}",
        "self": f"https://example.atlassian.net/rest/api/3/issue/{10000 + n}",
        "fields": {
            "summary": f"Issue {n}",
            "created": "2026-06-01T10:00:00.000+0200",
            "updated": updated,
            "resolutiondate": None,
            "status": _status(status),
            "priority": {"id": "2", "name": "High"},
            "issuetype": {"id": "1", "name": "[System] Incident"},
            "reporter": {"accountId": "customer", "accountType": "customer"},
            "customfield_10002": [{"id": "7", "name": "ACME"}],
            "comment": {"comments": [], "total": 0},
            **fields,
        },
    }


def _comment(n: int, by: str, at: str, kind: str = "atlassian", public: bool = True) -> Any:
    author = {"accountId": by, "accountType": kind}
    return {"id": str(n), "author": author, "created": at, "jsdPublic": public}


COMMENTS = [
    _comment(1, "customer", "2026-06-01T10:01:00.000+0200", "customer"),
    _comment(2, "robot", "2026-06-01T10:02:00.000+0200", "app"),
    _comment(3, "agent", "2026-06-01T10:03:00.000+0200", public=False),
    _comment(4, "agent", "2026-06-01T10:15:00.000+0200"),
    _comment(5, "agent", "2026-06-01T10:16:00.000+0200"),
]
ISSUES = [
    _issue(
        1,
        "2026-06-02T10:00:00.000+0200",
        "Closed",
        comment={"comments": COMMENTS[:2], "total": 5},
        customfield_10030=_sla(1, "Time to first response", False),
        customfield_10031=_sla(2, "Time to resolution", False, True),
    ),
    _issue(
        2,
        "2026-06-02T11:00:00.000+0200",
        "Waiting for customer",
        customfield_10031=_sla(2, "Time to resolution", ongoingCycle={"breached": False}),
    ),
    _issue(3, "2026-06-02T12:00:00.000+0200", "Open", priority={"id": "3", "name": "Medium"}),
]


def _change(n: int, at: int, field: str, before: str, after: str) -> dict[str, Any]:
    item = {"field": field, "fieldId": field, "fromString": before, "toString": after}
    return {"id": str(n), "created": at, "items": [item]}


# 2026-06-01T08:00:00Z is 1780300800
LOGS = {
    "10001": [
        _change(101, 1780301400000, "status", "Waiting for support", "In Progress"),
        _change(102, 1780302000000, "priority", "Medium", "High"),
        _change(103, 1780302600000, "status", "In Progress", "Waiting for customer"),
        _change(104, 1780306200000, "status", "Waiting for customer", "In Progress"),
        _change(105, 1780308000000, "status", "In Progress", "Resolved"),
        _change(106, 1780387200000, "status", "Resolved", "Closed"),
    ],
    "10002": [_change(107, 1780390800000, "status", "Open", "Waiting for customer")],
}
LIFE = [
    ("08:00:00", "received"),
    ("08:00:00", "classified", "P3"),
    ("08:15:00", "responded"),
    ("08:16:00", "status_updated"),
    ("08:20:00", "severity_changed", "P2"),
    ("08:30:00", "paused"),
    ("09:30:00", "resumed"),
    ("10:00:00", "resolved", "restored"),
    ("08:00:00", "closed"),
]


class Site:
    """Answers as the site does: two issues a page, three entries of logs a page."""

    def __init__(self) -> None:
        self.issues = list(ISSUES)
        self.logs = {issue: list(entries) for issue, entries in LOGS.items()}
        self.slas: dict[str, list[Any]] = {}

    def handlers(self) -> dict[str, Any]:
        return {
            "/rest/api/3/status": lambda _: Answer([_status(name) for name in CATEGORIES]),
            "/rest/api/3/search/jql": self.search,
            "/rest/api/3/changelog/bulkfetch": self.bulk,
            "/rest/api/3/issue/*": self.comments,
            "/rest/servicedeskapi/request/*": self.sla,
        }

    def search(self, request: Request) -> Answer:
        found = re.fullmatch(
            r'project in \("SUP"\) and updated >= "([-0-9]{10} [0-9:]{5})"'
            " order by updated asc, key asc",
            request.params["jql"],
        )
        assert found
        # the site's day is that of the one who asks, two hours ahead
        wanted = [i for i in self.issues if i["fields"]["updated"] >= found[1].replace(" ", "T")]
        start = int(request.params.get("nextPageToken", "token-0").split("-")[1])
        page: dict[str, Any] = {"issues": wanted[start : start + 2], "isLast": True}
        if len(wanted) > start + 2:
            page |= {"nextPageToken": f"token-{start + 2}", "isLast": False}
        return Answer(page)

    def bulk(self, request: Request) -> Answer:
        asked = request.json
        assert request.method == "POST"
        assert asked["fieldIds"] == ["status", "priority"]
        assert all(isinstance(issue, str) for issue in asked["issueIdsOrKeys"])
        entries = [(i, e) for i in asked["issueIdsOrKeys"] for e in self.logs.get(i, ())]
        start = int(asked.get("nextPageToken") or 0)
        logs: dict[str, list[Any]] = {}
        for issue, entry in entries[start : start + 3]:
            logs.setdefault(issue, []).append(entry)
        more = str(start + 3) if len(entries) > start + 3 else None
        found = [{"issueId": i, "changeHistories": e} for i, e in logs.items()]
        return Answer({"issueChangeLogs": found, "nextPageToken": more})

    def comments(self, request: Request) -> Answer:
        start = int(request.params["startAt"])
        found = COMMENTS if request.path == "/rest/api/3/issue/10001/comment" else []
        body = {"type": "doc", "version": 1, "content": []}
        page = [{**comment, "body": body} for comment in found[start : start + 100]]
        return Answer({"comments": page, "startAt": start, "total": len(found)})

    def sla(self, request: Request) -> Answer:
        issue = request.path.split("/")[-2]
        if issue not in self.slas:
            return Answer({"errorMessage": "The request was not found"}, status=404)
        start = int(request.params["start"])
        page = self.slas[issue][start : start + 50]
        return Answer({"values": page, "isLastPage": True, "start": start, "limit": 50})


def _times(life: list[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """Times in UTC without their day, from whichever form."""
    made = []
    for at, *more in life:
        found = re.fullmatch(
            r"[-0-9]{10}[T ]([0-9]{2})(:[0-9:]{5})(?:\.0+)?(Z|\+02:?00|\+00(?:00)?)", at
        )
        assert found, at
        hour = int(found[1]) - (2 if "02" in found[3] else 0)
        made.append((f"{hour:02}{found[2]}", *more))
    return made


def test_the_api_page_by_page(tmp_path: Path) -> None:
    site = Site()
    with vendor(site.handlers(), clock_s=CLOCK) as server:
        server.faults = {3: Answer({}, status=429, headers={"Retry-After": "0"})}
        records, _ = desks.by_api(SYSTEM, {**CONNECTION, "url": server.url}, tmp_path / "a")
        rows = desks.made(SYSTEM, records, NAMES)
        # statuses; two searches of two pages; logs of three pages for the first page of issues
        # and of one for the second; comments of one issue, and of the last of each page; one was
        # asked twice
        assert len(server.asked) == 1 + 2 * 2 + 3 + 1 + 1 + 2 + 1
        assert all("body" not in comment.data for comment in records["comments"])

        assert _times(desks.events(rows, "SUP-1")) == LIFE
        assert _times(desks.events(rows, "SUP-2")) == [
            ("08:00:00", "received"),
            ("08:00:00", "classified", "P2"),
            ("09:00:00", "paused"),
        ]
        assert len(desks.events(rows, "SUP-3")) == 2
        first = desks.ticket(rows, "SUP-1")
        assert (first["source_response_met"], first["source_resolution_met"]) == (True, False)
        assert (first["ticket_type"], first["subscription_id"]) == ("incident", "SUB-1")
        # still going on: no verdict
        assert "source_resolution_met" not in desks.ticket(rows, "SUP-2")
        assert not rows.left
        assert not rows.notes

        site.issues[1] = _issue(2, "2026-06-05T10:00:00.000+0200", "Resolved")
        site.logs["10002"].append(
            _change(108, 1780646400000, "status", "Waiting for customer", "Resolved")
        )
        asked = len(server.asked)
        records, _ = desks.by_api(SYSTEM, {**CONNECTION, "url": server.url}, tmp_path / "a")
        rows = desks.made(SYSTEM, records, NAMES)
        assert desks.events(rows, "SUP-2")[-1][1] == "resolved"
        # a day before the last update that was seen
        searches = [r.params["jql"] for r in server.asked[asked:] if "search" in r.path]
        assert searches
        assert [jql for jql in searches if '"2026-06-01 10:00"' not in jql] == []


@pytest.mark.long
def test_a_first_pull_that_is_kept_page_by_page(tmp_path: Path) -> None:
    """What is asked for by issues goes on with them, whatever there was of it so far."""
    site = Site()
    site.issues = [_issue(n, f"2026-06-{n:02}T10:00:00.000+0200", "Resolved") for n in range(1, 28)]
    site.logs = {
        issue["id"]: [_change(n, 1780308000000, "status", "Open", "Resolved")]
        for n, issue in enumerate(site.issues, 1)
    }
    site.slas = {"10027": [_sla(1, "Time to resolution", True)]}
    with vendor(site.handlers()) as server:
        connection = {**CONNECTION, "url": server.url, "sla_requests": True}
        records, _ = desks.by_api(SYSTEM, connection, tmp_path, chunk_pages=2)
    assert {issue.text("id") for issue in records["issues"]} == {
        log.text("issueId") for log in records["changelogs"]
    }
    assert len(records["issues"]) == 27
    rows = desks.made(SYSTEM, records, NAMES)
    assert desks.ticket(rows, "SUP-27")["source_resolution_met"] is False


def test_slas_asked_for_one_by_one(tmp_path: Path) -> None:
    site = Site()
    site.issues = [_issue(n, "2026-06-02T10:00:00.000+0200", "Resolved") for n in (1, 2)]
    site.slas = {"10001": [_sla(1, "Time to resolution", True), _sla(2, "Time to review", False)]}
    with vendor(site.handlers()) as server:
        connection = {**CONNECTION, "url": server.url, "sla_requests": True}
        records, _ = desks.by_api(SYSTEM, connection, tmp_path)
    rows = desks.made(SYSTEM, records, NAMES)
    assert desks.ticket(rows, "SUP-1")["source_resolution_met"] is False
    # not a request: nothing was found, and nothing failed
    assert "source_resolution_met" not in desks.ticket(rows, "SUP-2")
    assert list(rows.notes) == ["SLA 'Time to review' is of no promise: name it in `slas`"]


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (Answer({}, status=401), "JIRA_TOKEN is wrong, expired or revoked"),
        (Answer({"values": []}), "lacks 'pages'"),
    ],
)
def test_what_the_api_refuses(answer: Answer, words: str, tmp_path: Path) -> None:
    handlers = Site().handlers() | {"/rest/api/3/search/jql": lambda _: answer}
    with vendor(handlers) as server, pytest.raises(Unreadable, match=words):
        desks.by_api(SYSTEM, {**CONNECTION, "url": server.url}, tmp_path)


def _with_log(issue: dict[str, Any], total: int | None = None) -> dict[str, Any]:
    entries = [
        {**entry, "created": f"2026-06-0{1 + n // 5}T{at}.000+0000"}
        for n, (entry, at) in enumerate(
            zip(
                LOGS["10001"],
                ["08:10:00", "08:20:00", "08:30:00", "09:30:00", "10:00:00", "08:00:00"],
                strict=True,
            )
        )
    ]
    log = {"startAt": 0, "total": total or len(entries), "histories": entries[::-1]}
    fields = issue["fields"] | {"comment": {"comments": COMMENTS, "total": 5}}
    return {**issue, "changelog": log, "fields": fields}


def test_a_search_that_was_kept_as_json_and_a_log_that_is_cut() -> None:
    rows = desks.made(SYSTEM, desks.by_export(SYSTEM, 1, [_with_log(ISSUES[0])]), NAMES)
    assert _times(desks.events(rows, "SUP-1")) == LIFE

    rows = desks.made(SYSTEM, desks.by_export(SYSTEM, 1, [_with_log(ISSUES[0], 46)]), NAMES)
    assert not rows.feeds.get("tickets")
    assert [left.why for left in rows.left] == ["its log is cut: 6 of 46 entries are there"]


def test_the_csv_of_a_search() -> None:
    export = desks.rows_of_csv(
        """
Issue key,Issue id,Issue Type,Status,Status Category,Priority,Created,Updated,Resolved,Org
SUP-1,10001,Bug,Fixed,Done,High,01/Jun/26 10:00 AM,02/Jun/26 9:00 AM,01/Jun/26 11:00 AM,7
SUP-2,10002,Task,Backlog,To Do,,01/Jun/26 10:00 AM,02/Jun/26 9:00 AM,,7
"""
    )
    records = desks.by_export(SYSTEM, 0, export, "%d/%b/%y %I:%M %p", "Europe/Berlin")
    rows = desks.made(SYSTEM, records, NAMES | {"subscription": {"field": "Org"}})
    assert [event[1:] for event in desks.events(rows, "SUP-1")] == [
        ("received",),
        ("classified", "P2"),
        ("resolved", "restored"),
    ]
    assert desks.events(rows, "SUP-1")[-1][0] == "2026-06-01T11:00:00+02:00"
    assert desks.events(rows, "SUP-2") == [("2026-06-01T10:00:00+02:00", "received")]
    assert desks.ticket(rows, "SUP-2")["ticket_type"] == "request"
    assert list(rows.notes.values()) == [2]


def test_a_status_that_means_two_things_and_one_that_nobody_knows() -> None:
    twice = [
        {"id": "1", "name": "Review", "statusCategory": {"key": "done"}},
        {"id": "2", "name": "Review", "statusCategory": {"key": "indeterminate"}},
    ]
    log = [{"id": "1", "issueId": "10003"} | _change(1, 1780301400, "status", "Open", "Review")]
    records = desks.of(SYSTEM, {"issues": [ISSUES[2]], "statuses": twice, "changelogs": log})
    rows = desks.made(SYSTEM, records, NAMES)
    assert list(rows.notes) == ["status 'Review' is both in progress and done: name it in `states`"]
    assert dict(rows.unnamed) == {("states", "Review"): 1}
    rows = desks.made(SYSTEM, records, NAMES | {"states": {"Review": "paused"}})
    assert desks.events(rows, "SUP-3")[-1] == ("2026-06-01T08:10:00Z", "paused")
    assert not rows.unnamed


FIVETRAN: dict[str, Any] = {
    "issue": """\
id,key,created,updated,resolved,status,priority,issue_type,summary,reporter,_fivetran_deleted
10001,SUP-1,2026-06-01 08:00:00,2026-06-02 08:00:00,,6,2,1,Issue 1,customer,FALSE
10002,SUP-2,2026-06-01 08:00:00,2026-06-02 09:00:00,,2,2,1,Issue 2,customer,FALSE
10003,SUP-3,2026-06-01 08:00:00,2026-06-02 10:00:00,,4,3,1,Issue 3,customer,FALSE
10004,SUP-4,2026-06-01 08:00:00,2026-06-02 10:00:00,,4,3,1,Issue 4,customer,TRUE
""",
    "status": "id,name,status_category_id\n"
    + "".join(
        f"{n},{name},{ {'new': 2, 'indeterminate': 4, 'done': 3}[category] }\n"
        for n, (name, category) in enumerate(CATEGORIES.items(), 1)
    ),
    "priority": "id,name\n2,High\n3,Medium\n",
    "issue_type": "id,name\n1,[System] Incident\n",
    "issue_field_history": '''\
field_id,issue_id,time,value,is_active,author_id
status,10001,2026-06-01 08:00:00,1,false,customer
status,10001,2026-06-01 08:10:00,3,false,agent
priority,10001,2026-06-01 08:00:00,3,false,customer
priority,10001,2026-06-01 08:20:00,2,true,agent
status,10001,2026-06-01 08:30:00,2,false,agent
status,10001,2026-06-01 09:30:00,3,false,agent
status,10001,2026-06-01 10:00:00,5,false,agent
status,10001,2026-06-02 08:00:00,6,true,agent
status,10002,2026-06-01 08:00:00,4,false,customer
status,10002,2026-06-02 09:00:00,2,true,agent
customfield_10077,10001,2026-06-01 08:00:00,of old,false,customer
customfield_10077,10001,2026-06-01 09:00:00,"now ""so""",true,customer
''',
    "issue_multiselect_history": "issue_id,field_id,time,value,is_active\n"
    + "".join(f"1000{n},customfield_10002,2026-06-01 08:00:00,7,true\n" for n in (1, 2, 3)),
    "comment": "id,issue_id,author_id,is_public,created\n"
    + "".join(
        f"{c['id']},10001,{c['author']['accountId']},{c['jsdPublic']},"
        f"2026-06-01 08{c['created'][13:19]}\n"
        for c in COMMENTS
        if c["author"]["accountType"] != "app"
    ),
}


def test_fivetran_gives_what_the_api_gives(tmp_path: Path) -> None:
    records = desks.by_tables(SYSTEM, "fivetran", tmp_path, FIVETRAN)
    assert records["issues"][0].get("fields.customfield_10077") == 'now "so"'
    rows = desks.made(SYSTEM, records, NAMES)
    assert _times(desks.events(rows, "SUP-1")) == LIFE
    assert _times(desks.events(rows, "SUP-2"))[-1] == ("09:00:00", "paused")
    assert desks.ticket(rows, "SUP-3")["subscription_id"] == "SUB-1"
    assert desks.ticket(rows, "SUP-4") == {"ticket_id": "SUP-4", "deleted": True}
    assert not rows.left
    assert not rows.unnamed
    assert not desks.rejected(rows)


def test_the_sample_tables_of_fivetran(tmp_path: Path) -> None:
    if not SHARED.exists():
        pytest.skip(f"{SHARED} is not there: sample tables are not part of the project")
    tables = {file.stem: file.read_text() for file in SHARED.glob("*.csv")}
    tables["comment"] = tables.pop("comment_redshift")
    records = desks.by_tables(SYSTEM, "fivetran", tmp_path, tables)
    assert len(records["issues"]) == 4
    # a list of ids, and the last value of a field
    found = {i.text("key"): i for i in records["issues"]}
    assert [v.text("id") for v in found["TP-8"].many("fields.customfield_10002")] == ["1", "3", "4"]
    assert found["TP-10"].text(
        "fields.customfield_10001",
    ) == ("01e9ac93-bccf-4ad2-af92-3317a37ec67b")
    # the sample has no history of statuses, and lacks a status and a name of one
    names = {"severities": {"Highest": "P1", "Medium": "P3", "Lowest": "P4"}}
    rows = desks.made(SYSTEM, records, names | {"subscription": {"otherwise": "SUB-1"}})
    assert {t["ticket_id"] for t in rows.feeds["tickets"]} == {"TP-8", "TP-10", "TP-12", "TCP-1"}
    assert not rows.left


def _columns(issue: dict[str, Any]) -> dict[str, Any]:
    """An issue as dlt flattens it."""
    fields = issue["fields"]
    return {
        "id": issue["id"],
        "key": issue["key"],
        "fields__summary": fields["summary"],
        "fields__created": "2026-06-01T08:00:00Z",
        "fields__updated": "2026-06-02T08:00:00Z",
        "fields__status__name": fields["status"]["name"],
        "fields__status__status_category__key": fields["status"]["statusCategory"]["key"],
        "fields__priority__name": fields["priority"]["name"],
        "fields__issuetype__name": fields["issuetype"]["name"],
        "fields__reporter__account_id": "customer",
        "fields__customfield_10077": "7",
        "changelog__total": 6,
        "_dlt_id": f"row-{issue['id']}",
    }


def test_dlt_and_airbyte_give_what_the_api_gives(tmp_path: Path) -> None:
    issue = _with_log(ISSUES[0])
    histories = [
        {"id": h["id"], "created": h["created"], "_dlt_id": f"h{h['id']}"}
        | {"_dlt_parent_id": "row-10001"}
        for h in issue["changelog"]["histories"]
    ]
    items = [
        {
            "field_id": item["fieldId"],
            "field": item["field"],
            "from_string": item["fromString"],
            "to_string": item["toString"],
            "_dlt_parent_id": f"h{h['id']}",
        }
        for h in issue["changelog"]["histories"]
        for item in h["items"]
    ]
    comments = [
        {
            "id": c["id"],
            "jsd_public": c["jsdPublic"],
            "author__account_id": c["author"]["accountId"],
            "author__account_type": c["author"]["accountType"],
            "created": c["created"],
            "_dlt_parent_id": "row-10001",
        }
        for c in COMMENTS
    ]
    tables: dict[str, Any] = {
        "issues": [_columns(issue)],
        "issues__changelog__histories": histories,
        "issues__changelog__histories__items": items,
        "issues__fields__comment__comments": comments,
    }
    names = NAMES | {"subscription": {"field": "fields__customfield_10077"}}
    rows = desks.made(SYSTEM, desks.by_tables(SYSTEM, "dlt", tmp_path / "d", tables), names)
    assert _times(desks.events(rows, "SUP-1")) == LIFE
    assert desks.ticket(rows, "SUP-1")["subscription_id"] == "7"
    assert not rows.left
    assert not rows.unnamed

    # JSON within Parquet or CSV is text
    airbyte: dict[str, Any] = {
        "issues": [
            {
                "id": issue["id"],
                "key": issue["key"],
                "fields": json.dumps(issue["fields"]),
                "changelog": json.dumps(issue["changelog"]),
            }
        ],
        "workflow_statuses": [
            {"id": s["id"], "name": s["name"], "statusCategory": json.dumps(s["statusCategory"])}
            for s in map(_status, CATEGORIES)
        ],
    }
    rows = desks.made(SYSTEM, desks.by_tables(SYSTEM, "airbyte", tmp_path / "a", airbyte), NAMES)
    assert _times(desks.events(rows, "SUP-1")) == LIFE
    assert desks.ticket(rows, "SUP-1")["source_resolution_met"] is False
    assert not rows.unnamed


def test_a_comment_for_a_role_alone_is_no_reply() -> None:
    hidden, shown = (_comment(n, "agent", f"2026-06-01T10:0{n}:00.000+0200") for n in (3, 5))
    hidden |= {"visibility": {"type": "role", "value": "Administrators"}}
    for comment in (hidden, shown):
        # a project without customers says nothing of them
        del comment["jsdPublic"]
    issue = _issue(1, "2026-06-02T10:00:00.000+0200", "Open")
    issue["fields"]["comment"] = {"comments": [hidden, shown], "total": 2}
    rows = desks.made(SYSTEM, desks.of(SYSTEM, {"issues": [issue]}), NAMES)
    assert desks.events(rows, "SUP-1")[2:] == [("2026-06-01T10:05:00.000+0200", "responded")]
