"""Upptime: commits of a status page's repository and its issues; the real ones, whole."""

import csv
import gzip
import json
from collections import Counter
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from makegood.ingestion.connect.instants import moment
from makegood.ingestion.connect.system import Unreadable
from makegood.ingestion.connect.systems.upptime import SYSTEM, Connection, api
from tests.connect.monitors import checks, outages, pulled, rows_of, seconds
from tests.support.vendor import Answer, Handler, Request, Vendor, pages, vendor

COMMITS, SITES, ISSUES, GH_ISSUES = SYSTEM.exports


def commit(sha: str, at: str, message: str, slug: str = "shop") -> dict[str, Any]:
    return {
        "sha": sha,
        "slug": slug,
        "commit": {"message": message, "committer": {"name": "Upptime Bot", "date": at}},
    }


def said(state: str) -> str:
    mark = {"up": "🟩", "down": "🟥", "degraded": "🟨"}[state]
    return f"{mark} Shop is {state} (200 in 437 ms) [skip ci] [upptime]"


LOG = [
    commit("e" * 40, "2026-06-01T10:00:00Z", said("up")),
    commit("d" * 40, "2026-06-01T09:00:00Z", said("up")),
    commit("c" * 40, "2026-06-01T08:30:00Z", said("down")),
    commit("b" * 40, "2026-06-01T08:00:00Z", said("degraded")),
    commit("a" * 40, "2026-06-01T07:00:00Z", said("up")),
]
ISSUE = {
    "number": 12,
    "title": "⚠️ Shop has degraded performance",
    "body": f"In [`{'b' * 7}`](https://github.com/o/r/commit/{'b' * 40}), Shop (https://a.example) "
    "experienced **degraded performance**:\n- HTTP code: 200\n",
    "labels": [{"name": "status"}, {"name": "shop"}],
    "created_at": "2026-06-01T08:00:05Z",
    "closed_at": "2026-06-01T09:00:09Z",
    "updated_at": "2026-06-01T09:00:09Z",
}
MAINTENANCE = {
    "number": 13,
    "title": "Database upgrade",
    "body": "<!--\nstart: 2026-06-02T13:00:00.220Z\nend: 2026-06-02T14:00:00Z\n"
    "expectedDown: shop, api\n-->\nWe upgrade.",
    "labels": [{"name": "maintenance"}],
    "created_at": "2026-06-01T12:00:00Z",
    "updated_at": "2026-06-01T12:00:00Z",
}


def test_commits_become_records_of_states() -> None:
    out = rows_of(SYSTEM, {"commits": LOG}, ["shop"])
    assert outages(out) == [
        ("shop", "up", "2026-06-01T07:00:00Z", "2026-06-01T08:00:00Z"),
        ("shop", "degraded", "2026-06-01T08:00:00Z", "2026-06-01T08:30:00Z"),
        ("shop", "down", "2026-06-01T08:30:00Z", "2026-06-01T09:00:00Z"),
        ("shop", "up", "2026-06-01T09:00:00Z", "2026-06-01T10:00:00Z"),
    ]
    assert out.feeds["components"][0]["service_id"] == "S"
    assert not out.left
    assert not out.unnamed
    assert not out.notes


def test_an_outage_is_open_until_a_commit_says_otherwise() -> None:
    out = rows_of(SYSTEM, {"commits": LOG[2:]}, ["shop"])
    assert outages(out)[-1] == ("shop", "down", "2026-06-01T08:30:00Z", None)


def test_an_issue_is_the_incident_of_the_commit_it_names_and_of_those_while_it_is_open() -> None:
    out = rows_of(SYSTEM, {"commits": LOG, "issues": [ISSUE]}, ["shop"])
    assert {row["state"]: row.get("incident_id") for row in out.feeds["outages"]} == {
        "up": None,
        "degraded": "12",
        "down": "12",
    }
    unlabelled = ISSUE | {"labels": [{"name": "status"}]}
    out = rows_of(SYSTEM, {"commits": LOG, "issues": [unlabelled]}, ["shop"])
    assert {row["state"]: row.get("incident_id") for row in out.feeds["outages"]} == {
        "up": None,
        "degraded": "12",
        "down": None,
    }
    pull_request = ISSUE | {"pull_request": {"url": "https://api.github.com/x"}}
    out = rows_of(SYSTEM, {"commits": LOG, "issues": [pull_request]}, ["shop"])
    assert not any(row.get("incident_id") for row in out.feeds["outages"])


def test_maintenance_excludes_the_monitors_it_names_and_never_everything() -> None:
    out = rows_of(SYSTEM, {"issues": [MAINTENANCE]}, ["shop"])
    assert out.feeds["exclusions"] == [
        {
            "exclusion_id": "maintenance:13:shop",
            "kind": "scheduled_maintenance",
            "component_id": "shop",
            "starts_at": "2026-06-02T13:00:00.220Z",
            "ends_at": "2026-06-02T14:00:00Z",
            "announced_at": "2026-06-01T12:00:00Z",
            "note": "Database upgrade",
        }
    ]
    assert out.unnamed == {("places", "api"): 1}
    for body, why in [
        ("<!--\nstart: 2026-06-02T13:00:00Z\nend: 2026-06-02T14:00:00Z\n-->", "so it has no scope"),
        ("<!--\nstart: 2026-06-02T13:00:00Z\nexpectedDown: shop\n-->", "needs `start:` and `end:`"),
        (
            "<!--\nstart: 2026-06-02 13:00\nend: 2026-06-02 14:00\nexpectedDown: shop\n-->",
            "'2026-06-02 13:00' has no offset",
        ),
    ]:
        out = rows_of(SYSTEM, {"issues": [MAINTENANCE | {"body": body}]}, ["shop"])
        assert "exclusions" not in out.feeds or not out.feeds["exclusions"]
        assert [left.what for left in out.left] == ["issues 13"]
        assert why in out.left[0].why


def test_a_maintenance_that_is_closed_before_its_end_is_over() -> None:
    for closed, ends in [
        ("2026-06-02T13:10:00Z", "2026-06-02T13:10:00Z"),
        # by Upptime itself, some minutes late
        ("2026-06-02T14:03:00Z", "2026-06-02T14:00:00Z"),
        (None, "2026-06-02T14:00:00Z"),
    ]:
        out = rows_of(SYSTEM, {"issues": [MAINTENANCE | {"closed_at": closed}]}, ["shop"])
        assert [row["ends_at"] for row in out.feeds["exclusions"]] == [ends]
    called_off = MAINTENANCE | {"closed_at": "2026-06-02T12:00:00Z"}
    out = rows_of(SYSTEM, {"issues": [called_off]}, ["shop"])
    assert out.feeds["exclusions"] == [{"exclusion_id": "maintenance:13:shop", "deleted": True}]


def test_only_the_first_comment_of_a_maintenance_says_when_and_what() -> None:
    # text for people, as Upptime's update.ts ends at `-->`
    body = f"{MAINTENANCE['body']}\nIf need be,\nend: 2026-07-02T14:00:00Z\nexpectedDown: shop, x\n"
    out = rows_of(SYSTEM, {"issues": [MAINTENANCE | {"body": body}]}, ["shop"])
    assert [row["ends_at"] for row in out.feeds["exclusions"]] == ["2026-06-02T14:00:00Z"]
    assert out.unnamed == {("places", "api"): 1}
    # an empty field takes nothing of the next line
    empty = str(MAINTENANCE["body"]).replace("expectedDown: shop, api", "expectedDown:")
    out = rows_of(SYSTEM, {"issues": [MAINTENANCE | {"body": empty}]}, ["shop"])
    assert "so it has no scope" in out.left[0].why
    assert not out.unnamed


def test_messages_of_ones_own_are_named_and_others_say_nothing() -> None:
    own = [
        commit("a" * 40, "2026-06-01T07:00:00Z", "✅ Shop answers again"),
        commit("b" * 40, "2026-06-01T08:00:00Z", "❌ Shop is gone"),
        commit("c" * 40, "2026-06-01T09:00:00Z", ":arrow_up: Update @upptime to v1.41.0"),
        commit("d" * 40, "2026-06-01T09:30:00Z", "🟩 Shop läuft"),
    ]
    out = rows_of(SYSTEM, {"commits": own}, ["shop"], messages={"✅": "up", "❌": "down"})
    assert outages(out) == [
        ("shop", "up", "2026-06-01T07:00:00Z", "2026-06-01T08:00:00Z"),
        ("shop", "down", "2026-06-01T08:00:00Z", "2026-06-01T09:30:00Z"),
    ]
    assert out.notes == {"commits whose message says no state are passed over": 1}
    # a site's own name does not decide
    named = commit("a" * 40, "2026-06-01T07:00:00Z", "🟥 a is up (1 in 1 ms) is down (0 in 0 ms)")
    assert outages(rows_of(SYSTEM, {"commits": [named]}, ["shop"]))[0][1] == "down"


def test_monitors_without_a_place_are_named_unless_they_are_ignored() -> None:
    of = {"commits": LOG, "sites": [{"slug": "other", "name": "Other", "status": "up"}]}
    assert rows_of(SYSTEM, of).unnamed == {("places", "shop"): 5, ("places", "other"): 1}
    assert not rows_of(SYSTEM, of, ignore=["shop", "other"]).unnamed
    assert "outages" not in rows_of(SYSTEM, of).feeds


def test_bad_commits_are_left_and_the_others_count() -> None:
    bad = [
        commit("f" * 40, "", said("up")),
        commit("f" * 40, "soon", said("up")),
        LOG[0] | {"status": "broken"},
    ]
    out = rows_of(SYSTEM, {"commits": [*bad, *LOG]}, ["shop"])
    assert len(outages(out)) == 4
    assert [left.why for left in out.left] == [
        "commit.committer.date is missing; there are sha, slug, commit",
        "'soon' is not an instant: the form is 2026-06-01T08:30:00Z or with an offset",
        "status 'broken' is not one of up, degraded, down, deleted",
    ]


def test_exports_give_the_records_of_the_api() -> None:
    row = {
        "commit": "c" * 40,
        "committed_at": "2026-06-01T08:30:00Z",
        "slug": "shop",
        "status": "down",
        "subject": said("down"),
    }
    assert outages(rows_of(SYSTEM, {"commits": [COMMITS.record(row)]}, ["shop"])) == outages(
        rows_of(SYSTEM, {"commits": [LOG[2]]}, ["shop"])
    )
    by_gh = {name: value for name, value in ISSUE.items() if not name.endswith("_at")} | {
        "createdAt": ISSUE["created_at"],
        "closedAt": ISSUE["closed_at"],
    }
    rows = [
        rows_of(SYSTEM, {"commits": LOG, "issues": [issue]}, ["shop"]).feeds
        for issue in (ISSUES.record(ISSUE), GH_ISSUES.record(by_gh))
    ]
    assert rows[0] == rows[1]


def test_the_api_lists_each_monitors_commits() -> None:
    made = api(
        Connection.model_validate({"repository": "o/r", "start": "2026-01-01"}), {"token": "t"}
    )
    sites, commits, issues = made.resources
    assert sites["endpoint"]["path"] == "/repos/o/r/contents/history/summary.json"
    assert commits["endpoint"]["params"]["path"] == "history/{resources.sites.slug}.yml"
    assert commits["endpoint"]["incremental"]["initial_value"] == "2026-01-01T00:00:00Z"
    assert issues["endpoint"]["params"]["direction"] == "desc"
    step = commits["processing_steps"][0]["map"]
    assert step({"sha": "s", "_sites_slug": "shop", "url": "u", "commit": {}}) == {
        "sha": "s",
        "slug": "shop",
        "commit": {},
    }


@pytest.fixture(scope="module")
def history(shared: Path) -> tuple[Path, list[dict[str, str | None]]]:
    folder = shared / "data" / "upptime_digitaleditions"
    with gzip.open(folder / "status_commits.csv.gz", "rt", encoding="utf-8") as lines:
        return folder, [
            {name: value or None for name, value in row.items()} for row in csv.DictReader(lines)
        ]


def test_real_history_gives_the_outages_that_others_derived(
    history: tuple[Path, list[dict[str, str | None]]],
) -> None:
    folder, rows = history
    slugs = sorted({str(row["slug"]) for row in rows})
    sites = [
        SITES.record(site) for site in json.loads((folder / "summary.json").read_text("utf-8"))
    ]
    out = rows_of(SYSTEM, {"commits": [COMMITS.record(row) for row in rows], "sites": sites}, slugs)
    assert not out.left
    assert not out.unnamed
    # two sites of one name share a file: a fact of this repository
    twice = [slug for slug, times in Counter(site["slug"] for site in sites).items() if times > 1]
    assert [note.split(" ")[0] for note in out.notes] == [f"history/{slug}.yml" for slug in twice]
    assert twice
    ours = {
        (row["component_id"], moment(row["started_at"])): row.get("ended_at")
        for row in out.feeds["outages"]
        if row["state"] == "down"
    }
    with (folder / "derived_outages.csv").open(encoding="utf-8") as lines:
        theirs = {
            (row["slug"], moment(row["down_at"])): row["up_at"] or None
            for row in csv.DictReader(lines)
        }
    assert ours.keys() == theirs.keys()
    differ = {key for key, end in theirs.items() if ours[key] != end}
    # theirs leave open what was down when its monitor was removed; ours end there (M3: an open
    # record would count for ever)
    removed = {row["slug"]: row["committed_at"] for row in rows if row["status"] == "deleted"}
    assert {ours[key] for key in differ} == {removed[slug] for slug, _ in differ}
    assert all(theirs[key] is None for key in differ)
    assert {slug for slug, _, _ in checks(out)} == removed.keys()
    # from a monitor's first commit to its last one all time is known, once
    for slug in slugs:
        of_slug = [row for row in rows if row["slug"] == slug]
        records = [row for row in out.feeds["outages"] if row["component_id"] == slug]
        first, last = (str(of_slug[n]["committed_at"]) for n in (0, -1))
        assert sum(map(seconds, records)) == moment(last)[0] - moment(first)[0]


def test_real_history_is_read_from_messages_alone_too(
    history: tuple[Path, list[dict[str, str | None]]],
) -> None:
    """What the API gives is the same but for the commits that say no state."""
    _, rows = history
    whole = [COMMITS.record(row) for row in rows if "[upptime]" in str(row["subject"])]
    plain = [{k: v for k, v in record.items() if k != "status"} for record in whole]
    slugs = sorted({str(row["slug"]) for row in rows})
    assert (
        rows_of(SYSTEM, {"commits": plain}, slugs).feeds
        == rows_of(SYSTEM, {"commits": whole}, slugs).feeds
    )


def test_real_downtime_is_what_the_page_itself_counts(
    history: tuple[Path, list[dict[str, str | None]]],
) -> None:
    """Minutes down by the page's own summary, of monitors whose incidents it could label (it
    counts by issues, whose labels GitHub limits to 50 characters) and that have a file alone."""
    folder, rows = history
    summary = json.loads((folder / "summary.json").read_text("utf-8"))
    times = Counter(site["slug"] for site in summary)
    sites = {
        site["slug"]: site
        for site in summary
        if len(site["slug"]) <= 50 and site["dailyMinutesDown"] and times[site["slug"]] == 1
    }
    commits = [COMMITS.record(row) for row in rows if row["slug"] in sites]
    out = rows_of(SYSTEM, {"commits": commits}, list(sites))
    found = {
        slug: sum(
            seconds(row)
            for row in out.feeds["outages"]
            if row["component_id"] == slug and row["state"] == "down"
        )
        // 60
        for slug in sites
    }
    assert len(found) > 3
    for slug, minutes in found.items():
        assert minutes == pytest.approx(sum(sites[slug]["dailyMinutesDown"].values()), abs=30), slug


def github(served: Vendor, log: list[dict[str, Any]], size: int) -> dict[str, Handler]:
    """As GitHub answers: newest first, `since`, pages by Link headers."""

    def listed(request: Request, items: list[dict[str, Any]]) -> Answer:
        assert request.headers["Authorization"] == "Bearer t"
        number = int(request.params.get("page", "1"))
        all_of_it = pages(items, size)
        if number == len(all_of_it):
            return Answer(all_of_it[-1])
        query = urlencode({**request.params, "page": number + 1})
        link = f'<{served.url}{request.path}?{query}>; rel="next", <{served.url}>; rel="last"'
        return Answer(all_of_it[number - 1], headers={"Link": link})

    def commits(request: Request) -> Answer:
        slug = request.params["path"].removeprefix("history/").removesuffix(".yml")
        found = [
            {name: value for name, value in item.items() if name != "slug"}
            for item in log
            if item["slug"] == slug
            and item["commit"]["committer"]["date"] >= request.params["since"]
        ]
        return listed(request, found)

    def summary(request: Request) -> Answer:
        assert request.headers["Accept"] == "application/vnd.github.raw+json"
        return Answer([{"slug": "shop", "url": "a", "name": "Shop"}, {"slug": "api", "url": "b"}])

    return {
        "/repos/o/r/contents/history/summary.json": summary,
        "/repos/o/r/commits": commits,
        "/repos/o/r/issues": lambda request: listed(request, [MAINTENANCE, ISSUE]),
    }


def test_commits_of_all_monitors_are_pulled_and_later_ones_continue_them(tmp_path: Path) -> None:
    log = [*LOG, *[item | {"slug": "api", "sha": item["sha"][::-1] + "0"} for item in LOG]]
    with vendor({}) as served:
        served.handlers = github(served, log, 2)
        served.faults = {3: Answer({"message": "Server Error"}, status=502)}
        connection = {"repository": "o/r", "start": "2026-01-01", "url": served.url}
        records = pulled(SYSTEM, connection, {"token": "t"}, tmp_path / "kept")
        out = rows_of(SYSTEM, records, ["shop", "api"])
        assert out.feeds == rows_of(
            SYSTEM,
            {"sites": records["sites"], "commits": log, "issues": [ISSUE, MAINTENANCE]},
            ["shop", "api"],
        ).feeds | {"exclusions": out.feeds["exclusions"]}
        assert len(out.feeds["exclusions"]) == 2
        log.insert(0, commit("f" * 40, "2026-06-03T08:30:00Z", said("down")))
        served.asked.clear()
        records = pulled(SYSTEM, connection, {"token": "t"}, tmp_path / "kept")
        assert outages(rows_of(SYSTEM, records, ["shop"]))[-2:] == [
            ("shop", "up", "2026-06-01T09:00:00Z", "2026-06-03T08:30:00Z"),
            ("shop", "down", "2026-06-03T08:30:00Z", None),
        ]
        # a day before the last commit that was read: one may be pushed late
        since = {r.params["since"] for r in served.asked if r.path.endswith("/commits")}
        assert since == {"2026-05-31T10:00:00Z"}


def test_an_expired_token_is_named(tmp_path: Path) -> None:
    refused = Answer({"message": "Bad credentials"}, status=401)
    with vendor({"/repos/o/r/*": lambda _: refused}) as served:
        connection = {"repository": "o/r", "start": "2026-01-01", "url": served.url}
        with pytest.raises(Unreadable, match="GITHUB_TOKEN is wrong, expired or revoked"):
            pulled(SYSTEM, connection, {"token": "old"}, tmp_path / "kept")


def test_a_token_that_has_asked_too_often_is_told_when_to_come_back(tmp_path: Path) -> None:
    headers = {
        "X-RateLimit-Limit": "5000",
        "X-RateLimit-Remaining": "0",
        "X-RateLimit-Reset": "1780272000",
    }
    refused = Answer({"message": "API rate limit exceeded"}, status=403, headers=headers)
    with vendor({}) as served:
        served.handlers = github(served, LOG, 2) | {"/repos/o/r/commits": lambda _: refused}
        connection = {"repository": "o/r", "start": "2026-01-01", "url": served.url}
        with pytest.raises(Unreadable, match=r"5000 times in an hour.*after 2026-06-01T00:00:00Z"):
            pulled(SYSTEM, connection, {"token": "t"}, tmp_path / "kept")
        headers["X-RateLimit-Remaining"] = "17"
        with pytest.raises(Unreadable, match="give them the right"):
            pulled(SYSTEM, connection, {"token": "t"}, tmp_path / "kept")
