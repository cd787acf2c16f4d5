"""Statuspage: incidents become outages, scheduled maintenance becomes exclusions."""

import json
from pathlib import Path
from typing import Any

import duckdb
import pytest
from pydantic import ValidationError

from makegood.ingestion.connect.system import Rows
from makegood.ingestion.connect.systems.statuspage import SYSTEM, Connection
from tests.connect.conftest import Pull
from tests.support import delivered
from tests.support.records import connect_yaml, faults, made, tables
from tests.support.vendor import Answer, Request, vendor

NAMES = """
places:
  API: {service: SVC-1, region: eu, component: api}
  c-web: {service: SVC-1, region: eu, component: web}
"""
API, WEB = "c-api", "c-web"
OK, PART, MAJOR, SLOW = "operational", "partial_outage", "major_outage", "degraded_performance"
_CALLED = {API: "API", WEB: "Web - Shop", "c-doc": "Docs"}


def update(at: str, status: str, *affected: tuple[str, str, str], **change: Any) -> dict[str, Any]:
    """An update at a time of 1 June 2026; `affected`: component, status before, and after."""
    instant = f"2026-06-01T{at}:00.000Z"
    return {
        "id": f"u-{at}-{status}",
        "status": status,
        "body": "…",
        "incident_id": "i-1",
        "created_at": instant,
        "updated_at": instant,
        "display_at": instant,
        "affected_components": [
            {"code": code, "name": _CALLED[code], "old_status": old, "new_status": new}
            for code, old, new in affected
        ]
        or None,
        **change,
    }


def incident(*updates: dict[str, Any], components: str = "c-api c-web", **change: Any) -> Any:
    """An incident as the API writes it, its updates newest first."""
    return {
        "id": "i-1",
        "name": "Errors",
        "status": updates[-1]["status"] if updates else "investigating",
        "created_at": "2026-06-01T08:00:00.000Z",
        "updated_at": "2026-06-02T00:00:00.000Z",
        "started_at": "2026-06-01T08:00:00.000Z",
        "resolved_at": None,
        "impact": "major",
        "impact_override": None,
        "incident_updates": list(reversed(updates)),
        "components": [
            {"id": code, "name": _CALLED[code], "status": OK} for code in components.split()
        ],
        **change,
    }


def maintenance(*updates: dict[str, Any], **change: Any) -> Any:
    """Announced on 20 May for 1 June, 20:00 to 22:00."""
    announced = "2026-05-20T09:00:00.000Z"
    first = update("00:00", "scheduled", (API, OK, OK), created_at=announced, display_at=announced)
    return incident(
        first,
        *updates,
        **{
            "id": "m-1",
            "name": "New database",
            "components": "c-api",
            "created_at": announced,
            "started_at": announced,
            "impact": "maintenance",
            "scheduled_for": "2026-06-01T20:00:00.000Z",
            "scheduled_until": "2026-06-01T22:00:00.000Z",
            **change,
        },
    )


def rows(*incidents: Any, names: str = "") -> Rows:
    out = made(SYSTEM, NAMES + names, incidents=incidents)
    assert faults(out) == []
    return out


def outages(*incidents: Any, names: str = "") -> list[tuple[str, str, str, str | None]]:
    """Id, state, start and end (minutes of 1 June) of each outage."""
    return [
        (row["outage_id"], row["state"], _minute(row["started_at"]), _minute(row.get("ended_at")))
        for row in rows(*incidents, names=names).feeds.get("outages", [])
    ]


def _minute(at: str | None) -> Any:
    return at if at is None else at.removeprefix("2026-06-01T").removesuffix(":00.000Z")


def exclusions(*incidents: Any, names: str = "") -> list[tuple[str, str, str | None]]:
    """Id, start and end of each exclusion; those taken back are `deleted`."""
    return [
        (row["exclusion_id"], "deleted", None)
        if row.get("deleted")
        else (row["exclusion_id"], _minute(row["starts_at"]), _minute(row.get("ends_at")))
        for row in rows(*incidents, names=names).feeds.get("exclusions", [])
    ]


# ---------------------------------------------------------------- outages


def test_one_incident_gives_an_outage_for_each_component() -> None:
    found = rows(
        incident(
            update("08:00", "investigating", (API, OK, MAJOR), (WEB, OK, SLOW)),
            update("08:20", "identified"),
            update("08:30", "monitoring", (API, MAJOR, OK)),
            update("09:00", "resolved", (WEB, SLOW, OK)),
        )
    )
    assert found.feeds["outages"] == [
        {
            "outage_id": "i-1:api",
            "component_id": "api",
            "state": "down",
            "started_at": "2026-06-01T08:00:00.000Z",
            "ended_at": "2026-06-01T08:30:00.000Z",
            "incident_id": "i-1",
        },
        {
            "outage_id": "i-1:web",
            "component_id": "web",
            "state": "degraded",
            "started_at": "2026-06-01T08:00:00.000Z",
            "ended_at": "2026-06-01T09:00:00.000Z",
            "incident_id": "i-1",
        },
    ]
    assert [row["component_id"] for row in found.feeds["components"]] == ["api", "web"]
    assert (found.left, found.unnamed) == ([], {})


def test_an_outage_whose_state_changes_is_one_for_each_state() -> None:
    assert outages(
        incident(
            update("08:00", "investigating", (API, OK, SLOW)),
            update("08:10", "identified", (API, SLOW, PART)),
            # from one status that is down to another, and one that repeats
            update("08:20", "identified", (API, PART, MAJOR)),
            update("08:25", "identified", (API, MAJOR, MAJOR)),
            update("08:40", "monitoring", (API, MAJOR, OK)),
            update("08:50", "investigating", (API, OK, MAJOR)),
            update("09:00", "resolved", (API, MAJOR, OK)),
            components=API,
        )
    ) == [
        ("i-1:api", "degraded", "08:00", "08:10"),
        ("i-1:api:2", "down", "08:10", "08:40"),
        ("i-1:api:3", "down", "08:50", "09:00"),
    ]


def test_an_incident_that_goes_on_is_an_open_outage() -> None:
    assert outages(incident(update("08:00", "investigating", (API, OK, MAJOR)))) == [
        ("i-1:api", "down", "08:00", None)
    ]


def test_the_resolution_ends_what_no_update_has_ended() -> None:
    found = rows(
        incident(
            update("08:00", "investigating", (API, OK, MAJOR)),
            update("08:05", "investigating", (WEB, OK, MAJOR)),
            update("09:00", "resolved", (WEB, MAJOR, MAJOR)),
            # what is written about it later changes nothing
            update("15:00", "postmortem"),
        )
    )
    assert [_minute(row["ended_at"]) for row in found.feeds["outages"]] == ["09:00", "09:00"]
    assert list(found.notes) == [
        "incident i-1: Web - Shop was left as major_outage at the resolution, which ends the "
        "outage here"
    ]
    # of a shortened list of updates the incident's own end
    (row,) = rows(
        incident(
            update("08:00", "investigating", (API, OK, MAJOR)),
            components=API,
            status="resolved",
            resolved_at="2026-06-01T09:30:00.000Z",
        )
    ).feeds["outages"]
    assert _minute(row["ended_at"]) == "09:30"


def test_an_incident_that_was_taken_up_again_has_another_outage() -> None:
    assert outages(
        incident(
            update("08:00", "investigating", (API, OK, MAJOR)),
            update("09:00", "resolved", (API, MAJOR, OK)),
            update("10:00", "investigating", (API, OK, MAJOR)),
            update("11:00", "resolved"),
        )
    ) == [("i-1:api", "down", "08:00", "09:00"), ("i-1:api:2", "down", "10:00", "11:00")]


def test_an_incident_written_down_later_counts_from_when_it_was() -> None:
    late = {"created_at": "2026-06-03T10:00:00.000Z"}
    assert outages(
        incident(
            update("08:00", "investigating", (API, OK, MAJOR), **late),
            update("09:00", "resolved", (API, MAJOR, OK), **late),
            backfilled=True,
            started_at="2026-06-01T07:30:00.000Z",
            **late,
        )
    ) == [("i-1:api", "down", "07:30", "09:00")]
    # an incident that was moved to begin later than its first update begins with that
    assert outages(
        incident(
            update("08:00", "investigating", (API, OK, MAJOR)),
            started_at="2026-06-01T08:30:00.000Z",
        )
    ) == [("i-1:api", "down", "08:00", None)]


def test_updates_count_in_the_order_of_their_times_whatever_order_they_come_in() -> None:
    one = incident(
        update("08:00", "investigating", (API, OK, MAJOR)),
        update("09:00", "resolved", (API, MAJOR, OK)),
    )
    other = one | {"incident_updates": one["incident_updates"][::-1]}
    assert outages(one) == outages(other) == [("i-1:api", "down", "08:00", "09:00")]


def test_partial_outages_are_down_unless_connect_yaml_says_otherwise() -> None:
    one = incident(update("08:00", "investigating", (API, OK, PART)), components=API)
    found = rows(one)
    assert [row["state"] for row in found.feeds["outages"]] == ["down"]
    assert found.notes == {"partial_outage is read as down; `states` can say otherwise": 1}
    found = rows(one, names="states: {partial_outage: degraded}")
    assert [row["state"] for row in found.feeds["outages"]] == ["degraded"]
    assert found.notes == {}
    assert outages(one, names="states: {partial_outage: none}") == []


def test_a_status_without_a_meaning_is_rejected_by_name() -> None:
    found = made(
        SYSTEM, NAMES, incidents=[incident(update("08:00", "investigating", (API, OK, "on_fire")))]
    )
    assert found.unnamed["states", "on_fire"] == 1
    assert "on_fire" in faults(found)[0]


def test_what_a_component_suffered_before_an_update_names_it_is_not_guessed() -> None:
    found = rows(
        incident(
            update("08:00", "investigating", (API, OK, MAJOR)),
            update("09:00", "resolved", (API, MAJOR, OK), (WEB, MAJOR, OK)),
        )
    )
    assert [row["outage_id"] for row in found.feeds["outages"]] == ["i-1:api"]
    (note,) = found.notes
    assert "Web - Shop was major_outage before an update first named it" in note


def test_a_component_whose_status_never_changes_is_left_unless_the_impact_counts() -> None:
    one = incident(
        update("08:00", "investigating", (API, OK, OK)),
        update("09:00", "resolved"),
        components=API,
        impact="minor",
    )
    found = rows(one)
    assert "outages" not in found.feeds
    (left,) = found.left
    assert (left.what, left.why) == (
        "incident i-1",
        "no update gives API a status other than operational; `by_impact: true` reads its impact "
        "instead, `false` counts nothing",
    )
    assert outages(one, names="by_impact: true") == [("i-1:api", "degraded", "08:00", "09:00")]
    # whoever sets the impact has the last word on it
    assert outages(one | {"impact_override": "critical"}, names="by_impact: true") == [
        ("i-1:api", "down", "08:00", "09:00")
    ]
    # news of nothing is no outage, and needs no word; nor does what is said to count nothing
    assert rows(one | {"impact": "none"}).left == []
    said = rows(one, names="by_impact: false")
    assert ("outages" in said.feeds, said.left) == (False, [])


def test_of_an_incident_with_statuses_they_alone_count() -> None:
    one = incident(update("08:00", "investigating", (API, OK, MAJOR), (WEB, OK, OK)))
    assert rows(one).left == []
    assert outages(one, names="by_impact: true") == [("i-1:api", "down", "08:00", None)]


def test_an_incident_without_components_is_left_unless_it_is_about_all() -> None:
    one = incident(
        update(
            "08:00",
            "investigating",
            affected_components=[{"name": "No components were affected by this update."}],
        ),
        update("09:00", "resolved"),
        impact="critical",
    ) | {"components": []}
    found = rows(one)
    assert "outages" not in found.feeds
    assert [left.why for left in found.left] == [
        "it names no components; `is_whole_page: true` takes it for all of them, `false` for none"
    ]
    assert outages(one, names="is_whole_page: true") == [
        ("i-1:api", "down", "08:00", "09:00"),
        ("i-1:web", "down", "08:00", "09:00"),
    ]


def test_components_without_a_place_are_named_unless_they_are_ignored() -> None:
    one = incident(update("08:00", "investigating", ("c-doc", OK, MAJOR)), components="c-doc")
    found = rows(one)
    assert ("outages" in found.feeds, found.unnamed) == (False, {("places", "Docs"): 1})
    assert rows(one, names="ignore: [Docs]").unnamed == {}


def test_two_components_of_the_page_may_be_one_of_ours() -> None:
    names = """
places:
  API: {service: SVC-1, region: eu, component: shop}
  c-web: {service: SVC-1, region: eu, component: shop}
"""
    out = made(
        SYSTEM,
        names,
        incidents=[
            incident(
                update("08:00", "investigating", (WEB, OK, MAJOR)),
                update("08:10", "identified", (API, OK, SLOW)),
                update("09:00", "resolved", (API, SLOW, OK), (WEB, MAJOR, OK)),
            )
        ],
    )
    assert [(row["outage_id"], row["state"]) for row in out.feeds["outages"]] == [
        ("i-1:shop", "down"),
        ("i-1:shop:2", "degraded"),
    ]


def test_an_incident_that_can_not_be_read_is_left_whole() -> None:
    found = rows(
        incident(update("08:00", "investigating", (API, OK, MAJOR), created_at="yesterday")),
        incident(update("08:00", "investigating", (API, OK, MAJOR)), id="i-2", components=API),
    )
    (left,) = found.left
    assert (left.what, "'yesterday' is not an instant" in left.why) == ("incidents i-1", True)
    assert [row["outage_id"] for row in found.feeds["outages"]] == ["i-2:api"]


# ---------------------------------------------------------------- exclusions


def test_a_maintenance_excludes_for_each_component_what_was_announced() -> None:
    found = rows(maintenance(components="c-api c-web"))
    assert found.feeds["exclusions"] == [
        {
            "exclusion_id": f"m-1:{component}",
            "kind": "scheduled_maintenance",
            "component_id": component,
            "starts_at": "2026-06-01T20:00:00.000Z",
            "ends_at": "2026-06-01T22:00:00.000Z",
            "announced_at": "2026-05-20T09:00:00.000Z",
            "note": "New database",
        }
        for component in ("api", "web")
    ]
    assert "outages" not in found.feeds


@pytest.mark.parametrize(
    ("began", "over", "announced", "actual"),
    [
        # by the page's own clock, some seconds late
        ("20:01", "22:01", ("20:00", "22:00"), ("20:01", "22:01")),
        # done early: what fails later is no maintenance
        ("20:00", "21:00", ("20:00", "21:00"), ("20:00", "21:00")),
        # begun early and run over: neither was announced
        ("19:30", "23:00", ("20:00", "22:00"), ("19:30", "23:00")),
        ("20:30", None, ("20:00", "22:00"), ("20:30", None)),
        # closed without ever having been marked as begun
        (None, "21:00", ("20:00", "21:00"), ("20:00", "21:00")),
        # over before the announced window
        ("19:00", "19:30", "deleted", ("19:00", "19:30")),
        # called off
        (None, "12:00", "deleted", "deleted"),
    ],
)
def test_the_announced_window_and_the_actual_one(
    began: str | None, over: str | None, announced: Any, actual: Any
) -> None:
    under = "under_maintenance"
    one = maintenance(
        *([update(began, "in_progress", (API, OK, under))] if began else []),
        *([update(over, "completed", (API, under, OK))] if over else []),
    )

    def as_row(window: Any) -> list[tuple[str, str, str | None]]:
        return [("m-1:api", *((window, None) if window == "deleted" else window))]

    assert exclusions(one) == as_row(announced)
    assert exclusions(one, names="window: actual") == as_row(actual)
    assert outages(one) == []


def test_what_fails_in_a_maintenance_is_an_outage_too() -> None:
    one = maintenance(
        update("20:00", "in_progress", (API, OK, "under_maintenance")),
        update("21:00", "verifying", (API, "under_maintenance", MAJOR)),
        update("23:00", "completed", (API, MAJOR, OK)),
    )
    assert outages(one) == [("m-1:api", "down", "21:00", "23:00")]
    assert exclusions(one) == [("m-1:api", "20:00", "22:00")]


def test_a_maintenance_without_components_never_excludes_everything() -> None:
    one = maintenance() | {"components": [], "incident_updates": []}
    found = rows(one)
    assert "exclusions" not in found.feeds
    assert [(left.what, left.why) for left in found.left] == [
        (
            "maintenance m-1",
            "it names no components; `is_whole_page: true` takes it for all of them, `false` for "
            "none",
        )
    ]
    said = rows(one, names="is_whole_page: false")
    assert ("exclusions" in said.feeds, said.left) == (False, [])
    assert exclusions(one, names="is_whole_page: true") == [
        ("m-1:api", "20:00", "22:00"),
        ("m-1:web", "20:00", "22:00"),
    ]


def test_a_component_taken_from_a_maintenance_is_not_excluded() -> None:
    # the first update still names the API
    assert exclusions(maintenance(components=WEB)) == [("m-1:web", "20:00", "22:00")]
    found = rows(maintenance(components="c-doc"))
    assert ("exclusions" in found.feeds, found.unnamed) == (False, {("places", "Docs"): 1})


def test_another_kind_of_maintenance_is_named_by_its_metadata() -> None:
    names = """
kind: {field: metadata.sla.kind, values: {emergency: emergency_maintenance},
       otherwise: scheduled_maintenance}
"""
    found = rows(maintenance(metadata={"sla": {"kind": "emergency"}}), names=names)
    assert [row["kind"] for row in found.feeds["exclusions"]] == ["emergency_maintenance"]
    found = rows(maintenance(metadata={}), names=names)
    assert [row["kind"] for row in found.feeds["exclusions"]] == ["scheduled_maintenance"]


def test_a_window_without_length_is_left_by_name() -> None:
    found = rows(maintenance(scheduled_until="2026-06-01T20:00:00.000Z"))
    assert "exclusions" not in found.feeds
    assert "scheduled_until 2026-06-01T20:00:00.000Z is not after" in found.left[0].why


def test_of_a_maintenance_in_both_lists_the_one_changed_last_counts() -> None:
    moved = maintenance(
        scheduled_until="2026-06-01T23:00:00.000Z", updated_at="2026-06-03T00:00:00.000Z"
    )
    for lists in (
        {"incidents": [moved], "maintenances": [maintenance()]},
        {"incidents": [maintenance()], "maintenances": [moved]},
    ):
        (row,) = made(SYSTEM, NAMES, **lists).feeds["exclusions"]
        assert _minute(row["ends_at"]) == "23:00"


# ---------------------------------------------------------------- the ways in


def test_either_a_page_or_its_address_is_given() -> None:
    assert SYSTEM.needs is not None
    with pytest.raises(ValidationError, match="give one of page and public"):
        Connection.model_validate({})
    public = Connection.model_validate({"public": "https://status.example.com"})
    assert SYSTEM.needs(public) == frozenset()
    assert SYSTEM.needs(Connection.model_validate({"page": "p"})) == {"token"}


INCIDENT = incident(
    update("08:00", "investigating", (API, OK, MAJOR)),
    update("09:00", "resolved", (API, MAJOR, OK)),
)


def as_airbyte(con: duckdb.DuckDBPyConnection) -> None:
    """The stream `incidents`, its lists as JSON, an override as a JSON text."""
    con.execute("create table incidents (data json)")
    for one in (INCIDENT, maintenance(impact_override="none")):
        con.execute("insert into incidents values (?)", [json.dumps(one)])
    con.execute(
        """create or replace view typed as select data->>'id' as id, data->>'name' as name,
            data->>'status' as status, data->>'impact' as impact,
            data->'impact_override' as impact_override,
            cast(data->>'created_at' as timestamptz) as created_at,
            cast(data->>'updated_at' as timestamptz) as updated_at,
            cast(data->>'resolved_at' as timestamptz) as resolved_at,
            cast(data->>'scheduled_for' as timestamptz) as scheduled_for,
            cast(data->>'scheduled_until' as timestamptz) as scheduled_until,
            data->'components' as components, data->'incident_updates' as incident_updates,
            data->'metadata' as metadata from incidents"""
    )
    con.execute("create table kept as from typed")
    con.execute("drop view typed; drop table incidents; alter table kept rename to incidents")


def test_airbytes_table_gives_the_same_rows() -> None:
    found = tables(SYSTEM, "airbyte", as_airbyte)
    direct = rows(INCIDENT, maintenance())
    through = made(SYSTEM, NAMES, **found)
    assert through.feeds["outages"] == direct.feeds["outages"]
    assert faults(through) == []
    (row,) = through.feeds["exclusions"]
    (same,) = direct.feeds["exclusions"]
    times = ("starts_at", "ends_at", "announced_at")
    assert row | dict.fromkeys(times) == same | dict.fromkeys(times)
    assert [row[name] for name in times] == [
        "2026-06-01 20:00:00+00",
        "2026-06-01 22:00:00+00",
        "2026-05-20 09:00:00+00",
    ]


def source(how: str) -> str:
    return f"system: statuspage\n{how}\n{NAMES}"


@pytest.mark.usefixtures("quiet")
def test_pulls_of_a_managed_page(
    tmp_path: Path, pull: Pull, monkeypatch: pytest.MonkeyPatch
) -> None:
    everything = [maintenance(), INCIDENT, INCIDENT | {"id": "i-0"}]

    def listed(request: Request) -> Answer:
        if request.headers.get("Authorization") != "OAuth token-of-ours":
            return Answer({"error": "Could not authenticate"}, 401)
        start = (int(request.params["page"]) - 1) * 2
        return Answer(everything[start : start + 2])

    landing = tmp_path / "landing"
    with vendor({"/v1/pages/p-1/incidents": listed}) as server:
        config = connect_yaml(tmp_path, source(f'api: {{page: p-1, url: "{server.url}"}}'))
        monkeypatch.setenv("STATUSPAGE_TOKEN", "token-that-was-revoked")
        _, failures = pull(config)
        assert "STATUSPAGE_TOKEN is wrong, expired or revoked" in failures[0]

        monkeypatch.setenv("STATUSPAGE_TOKEN", "token-of-ours")
        # more than a request a second
        server.faults = {len(server.asked) + 2: Answer({"error": "rate limit"}, 420)}
        found, failures = pull(config)
        assert failures == []
        assert found[0].read == {"incidents": 3}
        assert delivered.rejected(landing) == []
        assert [r["outage_id"] for r in delivered.rows(landing, "outages")] == [
            "i-0:api",
            "i-1:api",
        ]
        assert [r["exclusion_id"] for r in delivered.rows(landing, "exclusions")] == ["m-1:api"]

        # deleted on the page: nothing says so but that they are missing
        del everything[0], everything[1]
        found, failures = pull(config)
        assert failures == []
        assert [r["outage_id"] for r in delivered.rows(landing, "outages")] == ["i-1:api"]
        assert delivered.rows(landing, "exclusions") == []

        # an empty list is no reason to take everything back
        everything.clear()
        assert pull(config)[1] == []
        assert [r["outage_id"] for r in delivered.rows(landing, "outages")] == ["i-1:api"]


@pytest.mark.usefixtures("quiet")
def test_the_public_pages_answers_and_files_of_them_give_the_same_rows(
    tmp_path: Path, pull: Pull
) -> None:
    page = {"id": "p-1", "name": "Example", "url": "https://status.example.com"}
    answers = {
        "incidents": {"page": page, "incidents": [INCIDENT]},
        "scheduled-maintenances": {"page": page, "scheduled_maintenances": [maintenance()]},
    }
    by_api, by_files = tmp_path / "api", tmp_path / "files"
    for folder in (by_api, by_files):
        folder.mkdir()
    with vendor(
        {f"/api/v2/{name}.json": lambda r, a=data: Answer(a) for name, data in answers.items()}
    ) as server:
        # without any token
        config = connect_yaml(by_api, source(f'api: {{public: "{server.url}"}}'))
        assert pull(config, by_api)[1] == []
        # the list is of the latest 50: what is no longer in it was not deleted
        answers["incidents"]["incidents"] = [INCIDENT | {"id": "i-2"}]
        assert pull(config, by_api)[1] == []
        answers["incidents"]["incidents"] = [INCIDENT]
    for name, data in answers.items():
        (by_files / f"{name}.json").write_text(json.dumps(data))
    assert pull(connect_yaml(by_files, source('files: {paths: ["*.json"]}')), by_files)[1] == []

    through_api = delivered.all_rows(by_api / "landing")
    through_files = delivered.all_rows(by_files / "landing")
    assert delivered.rejected(by_files / "landing") == []
    assert [r["outage_id"] for r in through_api.pop("outages")] == ["i-1:api", "i-2:api"]
    assert [r["outage_id"] for r in through_files.pop("outages")] == ["i-1:api"]
    assert through_api == through_files
    assert [r["exclusion_id"] for r in through_files["exclusions"]] == ["m-1:api"]
