"""Upptime: the history that a status page of GitHub Actions keeps in its own repository.

A monitor is a file, `history/<slug>.yml`; each commit to it says in its message what the site was
then: `🟥 Shop is down (0 in 0 ms) [skip ci] [upptime]`. There is a commit when a state changes and
a few times a day besides, so commits become outages, not checks (why: `spans`). The shapes are
those of GitHub's REST API (2022-11-28) and of Upptime's update.ts.

- `sites`: history/summary.json, which lists the monitors that there are now.
- `commits`: of each monitor's file. A commit whose message says no state (the first one of a
  repository, an update of the template) says nothing, unless an export has its `status`.
- `issues`: an incident's issue is named by its number; a maintenance issue, with `start`, `end`
  and `expectedDown` or `expectedDegraded` in a comment of its body, becomes an exclusion for each
  monitor it names, up to when it was closed where that came sooner.

A monitor that was removed leaves its last state behind: give its place an `active_to`. An export
that says `deleted` ends it, and what follows is unknown.

No connector of Fivetran, Airbyte or dlt for Upptime was found. Theirs for GitHub have commits
without the files that they change, so they can't say which monitor a commit is about.
"""

import re
from collections import defaultdict
from collections.abc import Mapping
from datetime import date
from http.client import FORBIDDEN
from typing import Any, Literal

from pydantic import Field

from makegood.ingestion.connect.instants import from_epoch, has_offset, moment
from makegood.ingestion.connect.names import Strict
from makegood.ingestion.connect.spans import MonitorNames, Seen, State, add_outages
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

LOCATION = "github-actions"
_DEFAULT = re.compile(r" is (up|down|degraded) \([0-9]+ in [0-9]+ ms\)")
_PREFIXES: dict[str, State] = {"🟩": "up", "🟨": "degraded", "🟥": "down"}
_STATES: dict[str, State | None] = {
    "up": "up",
    "degraded": "degraded",
    "down": "down",
    "deleted": None,
}
_COMMENT = re.compile(r"<!--(.*?)(?:-->|\Z)", re.DOTALL)
_METADATA = re.compile(r"^[ \t]*(start|end|expectedDown|expectedDegraded)[ \t]*:(.*)$", re.M)
_SHA = re.compile(r"\b[0-9a-f]{7,40}\b")


class Names(MonitorNames):
    """`messages`: how a commit's message begins or what it holds -> the state, for repositories
    that write their own (`commitMessages`, `commitPrefixStatus…` in .upptimerc.yml)."""

    messages: dict[str, Literal["up", "degraded", "down"]] = Field(default_factory=dict)


class Connection(Strict):
    """`repository`: owner/name; `start`: the first day to be read; `url`: of the API, for GitHub
    Enterprise."""

    repository: str
    start: date
    url: str = "https://api.github.com"


def api(connection: Connection, secrets: Mapping[str, str]) -> Api:
    """Newest first, as GitHub lists commits: one that arrives while pages are read moves others to
    later pages, where they are read again. The lag is for commits that are pushed late."""
    repository = f"/repos/{connection.repository}"
    start = f"{connection.start}T00:00:00Z"

    def listed(path: str, params: dict[str, Any], cursor: str) -> dict[str, Any]:
        return {
            "path": f"{repository}/{path}",
            "data_selector": "$",
            "paginator": "header_link",
            "params": {**params, "since": "{incremental.start_value}", "per_page": 100},
            "incremental": {"cursor_path": cursor, "initial_value": start, "lag": 86400},
            "response_actions": [_limited],
        }

    token = secrets.get("token")
    return Api(
        client={
            "base_url": connection.url,
            **({"auth": {"type": "bearer", "token": token}} if token else {}),
            "headers": {
                "Accept": "application/vnd.github+json",
                "X-GitHub-Api-Version": "2022-11-28",
            },
        },
        resources=[
            {
                "name": "sites",
                "endpoint": {
                    "path": f"{repository}/contents/history/summary.json",
                    "headers": {"Accept": "application/vnd.github.raw+json"},
                    "data_selector": "$",
                    "paginator": "single_page",
                    "response_actions": [_limited],
                },
            },
            {
                "name": "commits",
                "endpoint": listed(
                    "commits",
                    {"path": "history/{resources.sites.slug}.yml"},
                    "commit.committer.date",
                ),
                "include_from_parent": ["slug"],
                "processing_steps": [{"map": _with_slug}],
            },
            {
                "name": "issues",
                "endpoint": listed(
                    "issues",
                    {"state": "all", "sort": "updated", "direction": "desc"},
                    "updated_at",
                ),
            },
        ],
    )


def _limited(response: Any, *args: Any, **kwargs: Any) -> Any:
    """GitHub says with 403 that a token has asked too often, and when it may ask again."""
    headers = response.headers
    if response.status_code == FORBIDDEN and headers.get("X-RateLimit-Remaining") == "0":
        again = from_epoch(headers.get("X-RateLimit-Reset", ""))
        raise Unreadable(
            f"the token has asked GitHub {headers.get('X-RateLimit-Limit')} times in an hour, "
            f"which is the most: pull again after {again}"
        )
    return response


def _with_slug(commit: dict[str, Value]) -> dict[str, Value]:
    """The monitor that a commit was listed for, under the name that exports have too."""
    return {
        "slug" if name == "_sites_slug" else name: value
        for name, value in commit.items()
        if name in ("sha", "commit", "_sites_slug")
    }


def rows(records: Records, names: Names, out: Rows) -> None:
    """Components, outages, and what their issues say."""
    names.add_components(out)
    issues = [issue for issue in records.get("issues", ()) if issue.get("pull_request") is None]
    incidents = _Incidents(issues)
    log: dict[str, list[Seen]] = defaultdict(list)

    urls: dict[str, str | None] = {}

    def site(record: Record) -> None:
        slug = record.needed("slug")
        if names.component(slug) is None:
            names.unplaced(slug, out)
        elif urls.setdefault(slug, record.text("url")) != record.text("url"):
            # two sites of one name are one file to Upptime, and each undoes what the other says
            out.note(f"history/{slug}.yml is written for several addresses: its states are mixed")

    def commit(record: Record) -> None:
        slug = record.needed("slug")
        if names.component(slug) is None:
            names.unplaced(slug, out)
        elif (said := _state(record, names)) is None:
            out.note("commits whose message says no state are passed over")
        else:
            at, sha = record.needed("commit.committer.date"), record.needed("sha")
            moment(at)
            log[slug].append(Seen(at, said[0], incident_id=incidents.of(slug, at, sha)))

    def monitor(record: Record) -> None:
        slug = record.needed("slug")
        add_outages(slug, LOCATION, log[slug], names, out)

    out.of_each("sites", "slug", records.get("sites", ()), site)
    out.of_each("commits", "sha", records.get("commits", ()), commit)
    out.of_each("monitors", "slug", [Record({"slug": slug}) for slug in log], monitor)
    out.of_each(
        "issues",
        "number",
        [issue for issue in issues if "maintenance" in _labels(issue)],
        lambda issue: _maintenance(issue, names, out),
    )


def _state(record: Record, names: Names) -> tuple[State | None] | None:
    """What a commit says: (state,), (None,) for a monitor that was removed; None for nothing."""
    if status := record.text("status"):
        if status not in _STATES:
            raise Unmapped(f"status {status!r} is not one of {', '.join(_STATES)}")
        return (_STATES[status],)
    message = record.needed("commit.message")
    for part, state in names.messages.items():
        if part in message:
            return (state,)
    # the last one: what is before it is the name of the site
    if found := _DEFAULT.findall(message):
        return (_STATES[found[-1]],)
    prefix = _PREFIXES.get(message[:1])
    return None if prefix is None else (prefix,)


class _Incidents:
    """The issues that Upptime opened about outages."""

    def __init__(self, issues: list[Record]) -> None:
        self.by_sha: dict[str, str] = {}
        self.by_slug: dict[str, list[Record]] = defaultdict(list)
        for issue in issues:
            labels = _labels(issue)
            if "status" not in labels or "maintenance" in labels:
                continue
            for sha in _SHA.findall(issue.text("body") or ""):
                self.by_sha[sha[:7]] = issue.needed("number")
            for label in labels:
                self.by_slug[label].append(issue)

    def of(self, slug: str, at: str, sha: str) -> str | None:
        """The number of the issue that names the commit, or else of the one of the monitor that
        was open at its time: a state that gets worse while an issue is open has none of its own."""
        if number := self.by_sha.get(sha[:7]):
            return number
        for issue in self.by_slug.get(slug, []):
            opened, closed = issue.needed("created_at"), issue.text("closed_at")
            if moment(opened) <= moment(at) and (not closed or moment(at) < moment(closed)):
                return issue.text("number")
        return None


def _labels(issue: Record) -> list[str]:
    return [label.text("name") or label.text("value") or "" for label in issue.many("labels")]


def _maintenance(issue: Record, names: Names, out: Rows) -> None:
    """An exclusion of each monitor that a maintenance issue names. One that names none is left:
    without a scope it would exclude everything."""
    number, comment = issue.needed("number"), _COMMENT.search(issue.text("body") or "")
    found = _METADATA.findall(comment[1]) if comment else []
    said = {name: text.strip() for name, text in found if text.strip()}
    slugs = [
        slug
        for key in ("expectedDown", "expectedDegraded")
        for part in said.get(key, "").split(",")
        if (slug := part.strip())
    ]
    if "start" not in said or "end" not in said:
        raise Unmapped("a maintenance issue needs `start:` and `end:` in a comment of its body")
    if not slugs:
        raise Unmapped("the maintenance names no monitor in `expectedDown:`, so it has no scope")
    for at in (said["start"], said["end"]):
        if not has_offset(at):
            raise Unmapped(f"{at!r} has no offset: the form is 2026-06-01T08:30:00Z")
    # Upptime closes it after its end; whoever closes it sooner says that it is over
    ends_at = min(said["end"], issue.text("closed_at") or said["end"], key=moment)
    for slug in dict.fromkeys(slugs):
        component = names.component(slug)
        if component is None:
            names.unplaced(slug, out)
            continue
        row = {"exclusion_id": f"maintenance:{number}:{component}"}
        if moment(ends_at) <= moment(said["start"]) < moment(said["end"]):
            out.delete("exclusions", row)
            continue
        out.add(
            "exclusions",
            row
            | {
                "kind": "scheduled_maintenance",
                "component_id": component,
                "starts_at": said["start"],
                "ends_at": ends_at,
                "announced_at": issue.text("created_at"),
                "note": issue.text("title"),
            },
        )


TEMPLATE = """\
    system: upptime
    api:
      repository: example/status      # whose history is read with GITHUB_TOKEN
      start: 2026-01-01               # the first day to be read
    places:                           # slug of a monitor (history/<slug>.yml): what it watches
      shop: {service: SVC-1, region: eu-1}
      shop-api: {service: SVC-1, region: eu-1, component: API-1}
    # ignore: [google]                # monitors that are none of your services
    # messages: {"❌": down}           # if commitMessages in .upptimerc.yml are your own
    # up_records: false               # if another system checks the same components
"""

SYSTEM = System(
    name="upptime",
    title="Upptime",
    feeds=("components", "outages", "checks", "exclusions"),
    names=Names,
    keys={"sites": ("slug", "url"), "commits": ("sha", "slug"), "issues": ("number",)},
    rows=rows,
    template=TEMPLATE,
    connection=Connection,
    secrets={"token": "GITHUB_TOKEN"},
    # public repositories can be read without one, a few times an hour
    optional_secrets=frozenset({"token"}),
    api=api,
    exports=(
        Export(
            "commits",
            "commits of history/*.yml with the status in them (CSV)",
            ("commit", "committed_at", "slug", "status"),
            record=lambda row: {
                **row,
                "sha": row["commit"],
                "commit": {
                    "message": row.get("subject"),
                    "committer": {"date": row["committed_at"]},
                },
            },
            times=("committed_at",),
        ),
        Export(
            "sites",
            "history/summary.json, as the repository has it",
            ("name", "url", "slug", "status"),
        ),
        Export(
            "issues",
            "issues, as the API writes them (JSON)",
            ("number", "title", "labels", "created_at"),
        ),
        Export(
            "issues",
            "issues, as `gh issue list --json` writes them",
            ("number", "title", "labels", "createdAt"),
            record=lambda row: {
                "created_at": row["createdAt"],
                "closed_at": row.get("closedAt"),
                "updated_at": row.get("updatedAt"),
                **row,
            },
        ),
    ),
)
