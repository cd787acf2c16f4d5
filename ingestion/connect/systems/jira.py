"""Jira Service Management: issues, the log of their changes, comments and SLAs.

Issues come in order of their update, a page at a time, and for each page the logs of its issues in
one request more (the log that is within an issue is cut). A second search finds issues with more
comments than a search shows, which are asked for one by one. JQL knows minutes, in the time zone of
whoever asks, so a pull begins a day before the last one ended. An issue's SLAs are among its
fields; `sla_requests` asks for those of each issue, where an account sees them only so.

What a status means its category says: to do and in progress work, done resolves; those of the
service projects that Jira makes are known by name (`Waiting for customer` pauses). A public comment
is a reply if its author is neither the reporter nor a customer nor an app. An issue whose log is
cut is left, since the times before are unknown.

Shapes: Jira Cloud REST v3 (`search/jql`, `changelog/bulkfetch`, `status`), the Service Management
REST API (`request/{id}/sla`), the CSV and JSON that a search exports; the tables of Fivetran (dbt
package `dbt_jira`), Airbyte (`source-jira`) and dlt (verified source `jira`). An issue that is
deleted is missed, except in Fivetran's tables.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Literal

from pydantic import Field

from makegood.ingestion.connect.instants import from_epoch, moment
from makegood.ingestion.connect.names import DeskNames, State, Strict
from makegood.ingestion.connect.system import (
    Api,
    Export,
    Layout,
    Record,
    Records,
    Rows,
    System,
    Unmapped,
    Value,
    grouped,
)
from makegood.ingestion.connect.timeline import Change, Method, Ticket, add_events

_CATEGORIES: dict[str, State] = {"new": "working", "indeterminate": "working", "done": "resolved"}
# how categories are shown, and their ids, which are the same everywhere
_SHOWN = {"To Do": "new", "In Progress": "indeterminate", "Done": "done"}
# where no category is known
_USUAL: dict[str, State] = {
    "Open": "working",
    "To Do": "working",
    "Backlog": "working",
    "Reopened": "working",
    "Waiting for support": "working",
    "In Progress": "working",
    "Work in progress": "working",
    "Escalated": "working",
    "Under review": "working",
    "Resolved": "resolved",
    "Completed": "resolved",
    "Done": "resolved",
}
STATES: dict[str, State] = {
    "Waiting for customer": "paused",
    "Pending": "paused",
    "On hold": "paused",
    "Closed": "closed",
    "Canceled": "cancelled",
    "Cancelled": "cancelled",
}
_TYPES = {
    "Incident": "incident",
    "[System] Incident": "incident",
    "Problem": "incident",
    "[System] Problem": "incident",
    "Bug": "incident",
    "Service Request": "request",
    "[System] Service request": "request",
    "Task": "request",
}
_SLAS: dict[str, Literal["response", "resolution", "ignore"]] = {
    "Time to first response": "response",
    "Time to resolution": "resolution",
}


class Names(DeskNames):
    """`slas`: what an SLA is about, by its name, beside `Time to first response` and `Time to
    resolution`."""

    slas: dict[str, Literal["response", "resolution", "ignore"]] = Field(default_factory=dict)


class Connection(Strict):
    """`url`: of the site; `user`: whose token it is; `projects`: the keys of those to be read;
    `start`: the first day to be read; `sla_requests`: ask for the SLAs of each issue."""

    url: str
    user: str
    projects: list[str] = Field(min_length=1)
    start: date
    sla_requests: bool = False


def api(connection: Connection, secrets: Mapping[str, str]) -> Api:
    """Statuses, issues with their logs, and SLAs if they are to be asked for."""
    projects = ", ".join(f'"{project}"' for project in connection.projects)

    def search(name: str, fields: str, selector: str, cursor: str) -> dict[str, Any]:
        return {
            "name": name,
            "endpoint": {
                "path": "/rest/api/3/search/jql",
                "data_selector": selector,
                "paginator": {
                    "type": "cursor",
                    "cursor_path": "nextPageToken",
                    "cursor_param": "nextPageToken",
                },
                "params": {
                    "jql": f"project in ({projects}) and updated >= "
                    '"{incremental.start_value}" order by updated asc, key asc',
                    "fields": fields,
                    "maxResults": 100,
                },
                "incremental": {
                    "cursor_path": cursor,
                    # the day may begin later for whoever asks
                    "initial_value": f"{connection.start - timedelta(days=1)}T00:00:00Z",
                    "convert": _minute,
                    "lag": 86_400,
                },
            },
        }

    resources = [
        {
            "name": "statuses",
            "endpoint": {
                "path": "/rest/api/3/status",
                "data_selector": "$",
                "paginator": "single_page",
            },
        },
        search("issues", "*all,-description,-attachment,-worklog", "pages", "updated"),
        {
            "name": "changelogs",
            "endpoint": {
                "path": "/rest/api/3/changelog/bulkfetch",
                "method": "POST",
                "data_selector": "issueChangeLogs",
                "paginator": {
                    "type": "cursor",
                    "cursor_path": "nextPageToken",
                    "cursor_body_path": "nextPageToken",
                },
                "json": {
                    "issueIdsOrKeys": "{resources.issues.ids}",
                    "fieldIds": ["status", "priority"],
                    "maxResults": 1000,
                },
            },
        },
    ]
    resources += [
        {
            **search("commented", "comment,updated", "issues", "changed"),
            "processing_steps": [
                {"filter": lambda issue: "is_last" in issue or _has_more_comments(issue)}
            ],
        },
        {
            "name": "comments",
            "include_from_parent": ["id"],
            "endpoint": {
                "path": "/rest/api/3/issue/{resources.commented.id}/comment",
                "data_selector": "comments",
                "paginator": {
                    "type": "offset",
                    "limit": 100,
                    "offset_param": "startAt",
                    "limit_param": "maxResults",
                    "total_path": "total",
                },
                "params": {"orderBy": "created"},
                # an issue that was deleted since
                "response_actions": [{"status_code": 404, "action": "ignore"}],
            },
        },
    ]
    if connection.sla_requests:
        resources += [
            search("requests", "updated", "issues", "changed"),
            {
                "name": "slas",
                "include_from_parent": ["id"],
                "endpoint": {
                    "path": "/rest/servicedeskapi/request/{resources.requests.id}/sla",
                    "data_selector": "values",
                    "paginator": {
                        "type": "offset",
                        "limit": 50,
                        "offset_param": "start",
                        "total_path": None,
                        "has_more_path": "has_more",
                    },
                    # an issue that is not a request
                    "response_actions": [{"status_code": 404, "action": "ignore"}],
                },
            },
        ]
    return Api(
        client={
            "base_url": connection.url,
            "auth": {
                "type": "http_basic",
                "username": connection.user,
                "password": secrets["token"],
            },
        },
        resources=resources,
        records={"issues": _issues, "changelogs": _histories, "comments": _comment},
        page=_page,
        resumable=frozenset(("issues", "commented", "requests")),
    )


def _minute(text: object) -> str:
    return str(text).replace("T", " ")[:16]


def _page(page: dict[str, Value]) -> dict[str, Value]:
    """Adds what the logs of a page's issues are asked for by, and its last update in UTC; of SLAs
    whether there are more."""
    if "isLastPage" in page:
        return page | {"has_more": not page["isLastPage"]}
    issues = page.get("issues")
    if not isinstance(issues, list):
        return page
    for issue in issues:
        if updated := Record(issue).text("fields.updated"):
            issue["changed"] = from_epoch(moment(updated)[0])
    for issue in issues[-1:]:
        # passes every filter, so that the cursor goes on
        issue["is_last"] = True
    envelope = {
        "ids": [issue["id"] for issue in issues],
        "updated": max((issue.get("changed", "") for issue in issues), default=""),
        "issues": issues,
    }
    return page | {"pages": [envelope] if issues else []}


def _issues(page: Mapping[str, Value]) -> Iterator[Mapping[str, Value]]:
    for issue in page["issues"]:
        yield {name: value for name, value in issue.items() if name not in ("changed", "is_last")}


def _has_more_comments(issue: Mapping[str, Value]) -> bool:
    """Whether a search holds only some of an issue's comments."""
    record = Record(issue)
    return int(record.text("fields.comment.total") or 0) > len(
        record.many("fields.comment.comments")
    )


def _comment(comment: Mapping[str, Value]) -> Iterator[Mapping[str, Value]]:
    """A comment without its text."""
    kept = {name: value for name, value in comment.items() if name not in ("body", "updateAuthor")}
    yield {**kept, "issueId": comment["_commented_id"]}


def _histories(log: Mapping[str, Value]) -> Iterator[Mapping[str, Value]]:
    """Entries of an issue's log; a long log goes on in the next page."""
    for entry in log.get("changeHistories") or ():
        yield {**entry, "issueId": log.get("issueId")}


def rows(records: Records, names: Names, out: Rows) -> None:
    """Tickets, with their events and verdicts."""
    desk = _Desk(records, names, out)

    def ticket(record: Record) -> None:
        key = record.needed("key")
        if record.text("is_deleted") == "true":
            out.delete("tickets", {"ticket_id": key})
            return
        verdicts = desk.verdicts(record, out)
        out.add(
            "tickets",
            names.ticket(
                key,
                record,
                record.text("fields.issuetype.name"),
                out,
                _TYPES,
                subject=record.text("fields.summary"),
                source_response_met=verdicts.get("response"),
                source_resolution_met=verdicts.get("resolution"),
            ),
        )
        add_events(desk.life(record, key, out), desk.method, out)

    out.of_each("issues", "id", records.get("issues", ()), ticket)


class _Desk:
    """Logs, comments and SLAs by issue, and what its statuses mean."""

    def __init__(self, records: Records, names: Names, out: Rows) -> None:
        self.names = names
        self.logs = grouped(records.get("changelogs", ()), "issueId")
        self.comments = grouped(records.get("comments", ()), "issueId")
        self.slas = grouped(records.get("slas", ()), "_requests_id")
        found: dict[str, set[State]] = defaultdict(set)
        statuses = [(s, "") for s in records.get("statuses", ())]
        statuses += [(i, "fields.status.") for i in records.get("issues", ())]
        for record, path in statuses:
            category = _CATEGORIES.get(record.text(f"{path}statusCategory.key") or "")
            if category and (name := record.text(f"{path}name")):
                found[name].add(category)
        by_category = {name: next(iter(s)) for name, s in found.items() if len(s) == 1}
        usual = {n: s for n, s in _USUAL.items() if n not in found}
        for name in found.keys() - by_category.keys() - STATES.keys() - names.states.keys():
            out.note(f"status {name!r} is both in progress and done: name it in `states`")
        self.method = Method(
            usual | by_category | STATES | names.states,
            frozenset(names.responds),
            names.resolution_kind,
        )

    def life(self, issue: Record, key: str, out: Rows) -> Ticket:
        """The issue's log; without one, what it says itself."""
        log = list(self._replies(issue))
        first: dict[str, str | None] = {}
        entries = self._entries(issue)
        for order, entry in enumerate(entries or (), 1):
            at = _at(entry)
            for item in entry.many("items"):
                field = item.text("fieldId") or (item.text("field") or "").lower()
                if field not in ("status", "priority"):
                    continue
                before, new = item.text("fromString"), item.text("toString")
                # an entry without a value before is that of the creation
                first.setdefault(field, before or new)
                if field == "status":
                    log.append(Change(at, "status", new, order))
                else:
                    severity = self.names.severity(new, out)
                    log.append(Change(at, "severity", severity, order))
        status = issue.text("fields.status.name")
        if entries is None:
            out.note("issues without a log: their states are known by their last dates alone")
            log += self._by_dates(issue, status)
        return Ticket(
            key,
            issue.needed("fields.created"),
            self.names.severity(first.get("priority") or issue.text("fields.priority.name"), out),
            None if entries is None else first.get("status", status),
            log,
        )

    def _entries(self, issue: Record) -> list[Record] | None:
        """Entries in order of time; None where there is no log at all."""
        entries = self.logs.get(issue.needed("id"))
        if entries is None and issue.get("changelog") is not None:
            entries = issue.many("changelog.histories")
            total = int(issue.text("changelog.total") or len(entries))
            if total > len(entries):
                raise Unmapped(f"its log is cut: {len(entries)} of {total} entries are there")
        if entries is None and self.logs:
            # it never changed
            entries = []
        return None if entries is None else sorted(entries, key=lambda e: moment(_at(e)))

    def _by_dates(self, issue: Record, status: str | None) -> Iterator[Change]:
        known = self.method.states.get(status or "")
        at = issue.text("fields.updated")
        if known in ("resolved", "closed"):
            at = issue.text("fields.resolutiondate") or at
        if at and status and _category(issue) != "new":
            yield Change(at, "status", status)

    def _replies(self, issue: Record) -> Iterator[Change]:
        comments = self.comments.get(issue.needed("id"))
        reporter = issue.text("fields.reporter.accountId")
        for comment in comments or issue.many("fields.comment.comments"):
            # a comment may also be for a role or a group alone
            if comment.text("jsdPublic") == "false" or comment.get("visibility"):
                continue
            if comment.text("author.accountType") in ("customer", "app"):
                continue
            if comment.text("author.accountId") != reporter:
                yield Change(comment.needed("created"), "reply")
        if not comments and _has_more_comments(issue.data):
            raise Unmapped("its comments are cut: the first reply may be among those not there")

    def verdicts(self, issue: Record, out: Rows) -> dict[str, bool]:
        """Promise -> whether it was kept: false once a cycle breached, true when all cycles ended
        without."""
        found: dict[str, bool] = {}
        fields = issue.get("fields")
        own = [
            Record(value, issue.where)
            for value in (fields.values() if isinstance(fields, Mapping) else ())
            if isinstance(value, Mapping) and "completedCycles" in value
        ]
        for sla in own or self.slas.get(issue.needed("id"), []):
            name = sla.text("name") or ""
            promise = (_SLAS | self.names.slas).get(name)
            if promise is None:
                out.note(f"SLA {name!r} is of no promise: name it in `slas`")
            if promise is None or promise == "ignore":
                continue
            cycles = sla.many("completedCycles")
            if any(cycle.text("breached") == "true" for cycle in cycles) or (
                sla.text("ongoingCycle.breached") == "true"
            ):
                found[promise] = False
            elif cycles and sla.get("ongoingCycle") is None:
                found.setdefault(promise, True)
        return found


def _category(issue: Record) -> str | None:
    return issue.text("fields.status.statusCategory.key")


def _at(entry: Record) -> str:
    """When an entry was made. Requests for many logs are answered with Unix times."""
    created = entry.get("created")
    if isinstance(created, int | Decimal):
        return from_epoch(created, 1000 if created > 10**11 else 1)
    return entry.needed("created")


def _issue_of(row: Mapping[str, Value]) -> dict[str, Value]:
    """An issue from the CSV of a search, whose custom fields are `Custom field (…)`."""

    def named(column: str) -> dict[str, Value] | None:
        return {"name": row[column]} if row.get(column) else None

    category = _SHOWN.get(str(row.get("Status Category") or ""))
    return {
        **row,
        "id": row["Issue id"],
        "key": row["Issue key"],
        "fields": {
            "summary": row.get("Summary"),
            "issuetype": named("Issue Type"),
            "status": {
                "name": row["Status"],
                "statusCategory": {"key": category} if category else None,
            },
            "priority": named("Priority"),
            "created": row["Created"],
            "updated": row.get("Updated"),
            "resolutiondate": row.get("Resolved"),
        },
    }


_FIVETRAN = {
    "statuses": """
        select
            id, name, {
                'key': case cast(status_category_id as varchar)
                    when '2' then 'new' when '4' then 'indeterminate' when '3' then 'done' end
            } as "statusCategory"
        from status
    """,
    "issues": """
        with custom as (
            select issue_id, json_group_object(field_id, value) as own
            from (
                select
                    cast(issue_id as varchar) as issue_id, field_id,
                    to_json(arg_max(cast(value as varchar), time)) as value
                from issue_field_history
                where
                    field_id like 'customfield%'
                    and lower(cast(is_active as varchar)) = 'true' and value is not null
                group by all
                union all
                select
                    cast(issue_id as varchar), field_id,
                    to_json(list({'id': value} order by value))
                from (
                    select distinct issue_id, field_id, cast(value as varchar) as value
                    from issue_multiselect_history
                    where
                        field_id like 'customfield%'
                        and lower(cast(is_active as varchar)) = 'true' and value is not null
                )
                group by all
            )
            group by issue_id
        )

        select
            cast(i.id as varchar) as id, i.key,
            lower(coalesce(cast(i._fivetran_deleted as varchar), 'false')) as is_deleted,
            cast(json_merge_patch(coalesce(c.own, '{}'), to_json({
                'summary': cast(i.summary as varchar),
                'issuetype': {'name': t.name},
                'status': {'name': s.name},
                'priority': {'name': p.name},
                'reporter': {'accountId': i.reporter},
                'created': iso(i.created),
                'updated': iso(i.updated),
                'resolutiondate': iso(i.resolved)
            })) as json) as fields
        from issue as i
        left join status as s on cast(i.status as varchar) = cast(s.id as varchar)
        left join priority as p on cast(i.priority as varchar) = cast(p.id as varchar)
        left join issue_type as t on cast(i.issue_type as varchar) = cast(t.id as varchar)
        left join custom as c on cast(i.id as varchar) = c.issue_id
    """,
    # values are ids; the first of a field is that of the creation
    "changelogs": """
        with named as (
            select
                cast(h.issue_id as varchar) as issue_id, h.field_id, h.time,
                coalesce(s.name, p.name, cast(h.value as varchar)) as value
            from issue_field_history as h
            left join status as s
                on h.field_id = 'status' and cast(h.value as varchar) = cast(s.id as varchar)
            left join priority as p
                on h.field_id = 'priority' and cast(h.value as varchar) = cast(p.id as varchar)
            where h.field_id in ('status', 'priority')
        )

        select
            concat_ws(':', issue_id, field_id, iso(time)) as id, issue_id as "issueId",
            iso(time) as created, [{
                'fieldId': field_id,
                'fromString': lag(value) over (partition by issue_id, field_id order by time),
                'toString': value
            }] as items
        from named
        order by time
    """,
    "comments": """
        select
            cast(id as varchar) as id, cast(issue_id as varchar) as "issueId",
            lower(cast(is_public as varchar)) as "jsdPublic", {'accountId': author_id} as author,
            iso(created) as created
        from comment
    """,
}
_AIRBYTE = {
    "statuses": """
        select cast(id as varchar) as id, name, cast("statusCategory" as json) as "statusCategory"
        from workflow_statuses
    """,
    "issues": """
        select
            cast(id as varchar) as id, key, cast(fields as json) as fields,
            cast(changelog as json) as changelog
        from issues
    """,
    "comments": """
        select
            cast(id as varchar) as id, cast("issueId" as varchar) as "issueId",
            lower(cast("jsdPublic" as varchar)) as "jsdPublic", cast(author as json) as author,
            iso(created) as created
        from issue_comments
    """,
}
_DLT = {
    "issues": """
        select
            i.*, {
                'summary': cast(fields__summary as varchar),
                'issuetype': {'name': fields__issuetype__name},
                'status': {
                    'name': fields__status__name,
                    'statusCategory': {'key': fields__status__status_category__key}
                },
                'priority': {'name': fields__priority__name},
                'reporter': {'accountId': fields__reporter__account_id},
                'created': iso(fields__created),
                'updated': iso(fields__updated),
                'resolutiondate': iso(fields__resolutiondate)
            } as fields, {
                'total': cast(changelog__total as bigint),
                'histories': coalesce(h.histories, [])
            } as changelog
        from issues as i
        left join (
            select
                h._dlt_parent_id as parent, list({
                    'id': cast(h.id as varchar), 'created': iso(h.created), 'items': t.items
                }) as histories
            from issues__changelog__histories as h
            left join (
                select
                    _dlt_parent_id as parent, list({
                        'fieldId': field_id, 'field': field,
                        'fromString': from_string, 'toString': to_string
                    }) as items
                from issues__changelog__histories__items
                group by all
            ) as t on h._dlt_id = t.parent
            group by all
        ) as h on i._dlt_id = h.parent
    """,
    "comments": """
        select
            cast(c.id as varchar) as id, cast(i.id as varchar) as "issueId",
            lower(cast(c.jsd_public as varchar)) as "jsdPublic",
            {'accountId': c.author__account_id, 'accountType': c.author__account_type} as author,
            iso(c.created) as created
        from issues__fields__comment__comments as c
        inner join issues as i on c._dlt_parent_id = i._dlt_id
    """,
}

TEMPLATE = """\
    system: jira
    api:
      url: https://example.atlassian.net
      user: someone@example.com       # whose token JIRA_TOKEN is
      projects: [SUP]                 # their keys
      start: 2026-01-01               # the first day to be read
    severities: {Highest: P1, High: P2, Medium: P3, Low: P4, Lowest: P4}
    # to do and in progress work, Waiting for customer and Pending pause, done resolves; yours:
    # states: {With supplier: paused}
    # SLAs beside Time to first response and Time to resolution:
    # slas: {Time to review: ignore}
    subscription:
      field: fields.customfield_10002.0.name   # here the first of the issue's organizations
      values: {ACME: SUB-1}           # what it says: the subscription
"""

SYSTEM = System(
    name="jira",
    title="Jira Service Management",
    feeds=("tickets", "ticket_events"),
    names=Names,
    keys={
        "issues": ("id",),
        "statuses": ("id",),
        "changelogs": ("id",),
        "comments": ("id",),
        "requests": ("id",),
        "slas": ("_requests_id", "id"),
    },
    rows=rows,
    template=TEMPLATE,
    connection=Connection,
    secrets={"token": "JIRA_TOKEN"},
    api=api,
    exports=(
        Export(
            "issues",
            "issues, as a search exports them (CSV, all fields)",
            ("Issue key", "Issue id", "Status", "Created"),
            record=_issue_of,
            times=("Created", "Updated", "Resolved"),
        ),
        Export(
            "issues",
            "issues, as a search of the API writes them, with their logs (JSON)",
            ("id", "key", "fields"),
            path="issues",
        ),
    ),
    layouts={
        "fivetran": Layout(
            tables=("issue", "status", "issue_field_history"),
            queries=_FIVETRAN,
            columns={"issue": ("_fivetran_deleted",)},
            optional={
                "priority": ("id", "name"),
                "issue_type": ("id", "name"),
                "issue_multiselect_history": ("issue_id", "field_id", "value", "is_active"),
                "comment": ("id", "issue_id", "author_id", "is_public", "created"),
            },
        ),
        "airbyte": Layout(
            tables=("issues",),
            queries=_AIRBYTE,
            optional={
                "workflow_statuses": ("id", "name", "statusCategory"),
                "issue_comments": ("id", "issueId", "jsdPublic", "author", "created"),
            },
        ),
        "dlt": Layout(
            tables=("issues",),
            queries=_DLT,
            columns={
                "issues": (
                    "fields__priority__name",
                    "fields__reporter__account_id",
                    "fields__resolutiondate",
                    "changelog__total",
                )
            },
            optional={
                "issues__changelog__histories": ("id", "created", "_dlt_id", "_dlt_parent_id"),
                "issues__changelog__histories__items": (
                    "field_id",
                    "field",
                    "from_string",
                    "to_string",
                    "_dlt_parent_id",
                ),
                "issues__fields__comment__comments": (
                    "id",
                    "jsd_public",
                    "author__account_id",
                    "author__account_type",
                    "created",
                    "_dlt_parent_id",
                ),
            },
        ),
    },
)
