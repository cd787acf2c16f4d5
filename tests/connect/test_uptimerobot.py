"""UptimeRobot: logs of monitors (v2), incidents (v3), and what people export."""

from pathlib import Path
from typing import Any

import pytest

from makegood.ingestion.connect.system import Rows, Unreadable
from makegood.ingestion.connect.systems.uptimerobot import SYSTEM, entries
from tests.connect.monitors import checks, outages, pulled, records, rows_of
from tests.support.vendor import Answer, Request, vendor

CSV, JSON, INCIDENTS = SYSTEM.exports
START = 1780272000  # 2026-06-01T00:00:00Z


def entry(kind: int, hour: int, duration: int) -> dict[str, Any]:
    return {
        "type": kind,
        "datetime": START + hour * 3600,
        "duration": duration,
        "reason": {"code": "200", "detail": "OK"},
    }


# newest first, as the API lists them
SHOP = {
    "id": 777749809,
    "friendly_name": "Shop",
    "url": "https://shop.example",
    "http_username": "user",
    "http_password": "hunter2",
    "custom_http_headers": {"Authorization": "Bearer secret"},
    "status": 2,
    "logs": [
        entry(2, 9, 1800),
        entry(98, 8, 3600),
        entry(99, 5, 10800),
        entry(2, 4, 3600),
        entry(1, 3, 3600),
        entry(2, 1, 7200),
        entry(98, 0, 3600),
    ],
}
LOGS = list(entries(SHOP))
SHOP_OUTAGES = [
    ("Shop", "up", "2026-06-01T01:00:00Z", "2026-06-01T03:00:00Z"),
    ("Shop", "down", "2026-06-01T03:00:00Z", "2026-06-01T04:00:00Z"),
    ("Shop", "up", "2026-06-01T04:00:00Z", "2026-06-01T05:00:00Z"),
    # paused from 5 to 9; up for as long as its duration says
    ("Shop", "up", "2026-06-01T09:00:00Z", "2026-06-01T09:30:00Z"),
]
SHOP_CHECKS = [
    ("Shop", "2026-06-01T00:00:00Z", "unknown"),
    ("Shop", "2026-06-01T05:00:00Z", "unknown"),
]


def test_a_log_becomes_records_and_paused_time_is_unknown() -> None:
    out = rows_of(SYSTEM, {"logs": LOGS}, ["Shop"])
    assert outages(out) == SHOP_OUTAGES
    assert checks(out) == SHOP_CHECKS
    assert not out.left
    # by its number too
    assert len(outages(rows_of(SYSTEM, {"logs": LOGS}, ["777749809"]))) == 4


def test_what_is_down_now_is_open() -> None:
    log = list(entries(SHOP | {"logs": [entry(1, 3, 600), entry(2, 1, 7200)]}))
    assert outages(rows_of(SYSTEM, {"logs": log}, ["Shop"]))[-1] == (
        "Shop",
        "down",
        "2026-06-01T03:00:00Z",
        None,
    )


def test_two_monitors_of_one_component_have_logs_of_their_own() -> None:
    """Where they disagree the worst counts, which is for M3 to say."""
    other = SHOP | {"id": 2, "friendly_name": "Shop by IPv6", "logs": [entry(2, 0, 36000)]}
    one = {"service": "S", "region": "eu", "component": "C"}
    places = {"Shop": one, "Shop by IPv6": one}
    out = Rows()
    SYSTEM.rows(
        records({"logs": [*LOGS, *entries(other)]}),
        SYSTEM.names.model_validate({"places": places}),
        out,
    )
    found = [(state, start[11:13], str(end)[11:13]) for _, state, start, end in outages(out)]
    assert found == [
        ("up", "00", "10"),
        ("up", "01", "03"),
        ("down", "03", "04"),
        ("up", "04", "05"),
        ("up", "09", "09"),
    ]
    assert len({row["outage_id"] for row in out.feeds["outages"]}) == 5
    # the component is one
    assert {row["component_id"] for row in out.feeds["components"]} == {"C"}


def test_no_password_of_a_monitor_is_kept() -> None:
    assert set(LOGS[0]) == {
        "monitor_id",
        "friendly_name",
        "type",
        "datetime",
        "duration",
        "reason",
    }
    assert "hunter2" not in str(JSON.record(SHOP))
    assert "secret" not in str(JSON.record(SHOP))


def test_bad_entries_are_left_and_others_count() -> None:
    bad = [
        LOGS[0] | {"type": 3},
        LOGS[0] | {"datetime": None},
        LOGS[0] | {"monitor_id": None, "friendly_name": None},
    ]
    out = rows_of(SYSTEM, {"logs": [*bad, *LOGS]}, ["Shop"])
    assert outages(out) == SHOP_OUTAGES
    assert [left.why.split(";")[0] for left in out.left] == [
        "type 3 is not one of 1, 2, 98, 99",
        "datetime is missing",
        "neither friendly_name nor monitor_id says which monitor it is of",
    ]
    assert rows_of(SYSTEM, {"logs": LOGS}).unnamed == {("places", "Shop"): 7}
    assert not rows_of(SYSTEM, {"logs": LOGS}, ignore=["777749809"]).unnamed


def exported(event: str, at: str, minutes: str | None) -> dict[str, Any]:
    return {
        "Event": event,
        "Monitor": "Shop",
        "Monitor URL": "https://shop.example",
        "Date-Time": at,
        "Reason": "OK",
        "Duration": "1 hrs, 0 mins",
        "Duration (in mins.)": minutes,
    }


def test_both_exports_give_the_rows_of_the_api() -> None:
    names = {1: "Down", 2: "Up", 98: "Started", 99: "Paused"}
    csv = [
        CSV.record(
            exported(
                names[log["type"]],
                f"2026-06-01T{(log['datetime'] - START) // 3600:02}:00:00Z",
                str(log["duration"] // 60),
            )
        )
        for log in LOGS
    ]
    by_api = rows_of(SYSTEM, {"logs": LOGS}, ["Shop"])
    assert rows_of(SYSTEM, {"logs": csv}, ["Shop"]).feeds == by_api.feeds
    saved = rows_of(SYSTEM, {"monitors": [JSON.record(SHOP)]}, ["Shop"])
    assert saved.feeds == by_api.feeds
    out = rows_of(
        SYSTEM, {"logs": [CSV.record(exported("Broken", "2026-06-01T00:00:00Z", None))]}, ["Shop"]
    )
    assert out.left[0].why == "type Broken is not one of 1, 2, 98, 99"


INCIDENT = {
    "id": "358532761126055015",
    "status": "Resolved",
    "type": "Downtime",
    "cause": 503,
    "reason": "503 Service Unavailable",
    "monitor": {"id": 777749809, "friendlyName": "Shop"},
    "startedAt": "2026-06-01T03:00:00.469Z",
    "resolvedAt": "2026-06-01T04:00:00.469Z",
    "duration": 3600,
}
OTHERS = [
    INCIDENT | {"id": "358532761126055016", "type": "SlowResponse", "resolvedAt": None},
    INCIDENT | {"id": "358532761126055017", "type": "VisualChange"},
]


def test_incidents_become_outages() -> None:
    out = rows_of(SYSTEM, {"incidents": [INCIDENT, *OTHERS]}, ["Shop"])
    assert out.feeds["outages"] == [
        {
            "outage_id": "358532761126055015:Shop",
            "component_id": "Shop",
            "state": "down",
            "started_at": "2026-06-01T03:00:00.469Z",
            "ended_at": "2026-06-01T04:00:00.469Z",
            "incident_id": "358532761126055015",
        },
        {
            "outage_id": "358532761126055016:Shop",
            "component_id": "Shop",
            "state": "degraded",
            "started_at": "2026-06-01T03:00:00.469Z",
            "incident_id": "358532761126055016",
        },
    ]
    assert sum("VisualChange" in note for note in out.notes) == 1
    assert INCIDENTS.path == "data"


def monitors(count: int, logs: int = 1) -> list[dict[str, Any]]:
    return [
        {"id": n, "friendly_name": f"M{n}", "logs": [entry(2, hour, 60) for hour in range(logs)]}
        for n in range(count)
    ]


def get_monitors(found: list[dict[str, Any]]) -> Any:
    """As getMonitors answers: POST, key and page in the body, errors with status 200."""

    def answer(request: Request) -> Answer:
        asked = request.json
        if request.method != "POST" or asked.get("api_key") != "u1-key":
            error = {
                "type": "invalid_parameter",
                "parameter_name": "api_key",
                "message": "api_key u2-old is invalid.",
            }
            return Answer({"stat": "fail", "error": error})
        page = found[asked["offset"] : asked["offset"] + asked["limit"]]
        page = [m if asked.get("logs") else m | {"logs": []} for m in page]
        counts = {"offset": asked["offset"], "limit": asked["limit"], "total": len(found)}
        return Answer({"stat": "ok", "pagination": counts, "monitors": page})

    return answer


def test_all_pages_are_read_through_throttling_and_failures(tmp_path: Path) -> None:
    found = [*monitors(119), SHOP]
    with vendor({"/v2/getMonitors": get_monitors(found)}) as served:
        served.faults = {
            1: Answer({"stat": "fail"}, status=429, headers={"Retry-After": "0"}),
            3: Answer({"stat": "fail"}, status=503),
            5: Answer(text='{"stat": "ok", "monit', cut=15),
        }
        connection = {"url": served.url}
        kept = pulled(SYSTEM, connection, {"key": "u1-key"}, tmp_path / "kept")
        assert len(kept["logs"]) == 119 + 7
        assert len(served.asked) == 6
        assert all("u1-key" not in request.path + str(request.params) for request in served.asked)
        assert outages(rows_of(SYSTEM, kept, ["Shop"])) == SHOP_OUTAGES
        # once more, after UptimeRobot dropped the older entries and something happened
        found[-1] = SHOP | {"logs": [entry(1, 10, 60), entry(2, 9, 3600)]}
        kept = pulled(SYSTEM, connection, {"key": "u1-key"}, tmp_path / "kept")
        assert outages(rows_of(SYSTEM, kept, ["Shop"])) == [
            *SHOP_OUTAGES[:3],
            ("Shop", "up", "2026-06-01T09:00:00Z", "2026-06-01T10:00:00Z"),
            ("Shop", "down", "2026-06-01T10:00:00Z", None),
        ]
    kept = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert b"u1-key" not in kept


def test_a_refusal_with_status_200_is_an_error_in_words(tmp_path: Path) -> None:
    with vendor({"/v2/getMonitors": get_monitors([SHOP])}) as served:
        with pytest.raises(Unreadable) as refused:
            pulled(SYSTEM, {"url": served.url}, {"key": "u2-old"}, tmp_path / "kept")
        assert "getMonitors is refused: api_key *** is invalid." in str(refused.value)
        served.handlers["/v2/getMonitors"] = lambda _: Answer({"stat": "ok", "data": []})
        with pytest.raises(Unreadable, match="lacks 'monitors'"):
            pulled(SYSTEM, {"url": served.url}, {"key": "u1-key"}, tmp_path / "kept")


def test_incidents_are_read_by_their_links(tmp_path: Path) -> None:
    def answer(request: Request) -> Answer:
        assert request.headers["Authorization"] == "Bearer u1-key"
        if request.params.get("cursor") == "358532761126055015":
            # the last page has no link
            return Answer({"data": OTHERS})
        assert request.params["started_after"] == "2026-01-01T00:00:00Z"
        link = f"{served.url}/v3/incidents?cursor=358532761126055015"
        return Answer({"data": [INCIDENT], "nextLink": link})

    with vendor({"/v3/incidents": answer}) as served:
        connection = {"url": served.url, "version": 3, "start": "2026-01-01"}
        kept = pulled(SYSTEM, connection, {"key": "u1-key"}, tmp_path / "kept")
    assert [item["id"] for item in kept["incidents"]] == [
        "358532761126055015",
        "358532761126055016",
        "358532761126055017",
    ]


def test_a_monitor_that_was_renamed_keeps_its_log() -> None:
    # UptimeRobot has dropped the first two entries since, so that they have the old name for good
    old = [LOGS[-2], LOGS[-3]]
    new = [entry | {"friendly_name": "Shop EU"} for entry in LOGS[:-3]]
    assert [entry["type"] for entry in (*old, new[-1])] == [2, 1, 2]
    for places in (["Shop EU"], ["Shop", "Shop EU"]):
        out = rows_of(SYSTEM, {"logs": [*old, *new]}, places)
        assert [row[1:] for row in outages(out)] == [row[1:] for row in SHOP_OUTAGES]
        assert {row[0] for row in outages(out)} == {"Shop EU"}
        assert not out.unnamed
    # who has the old name alone is told, and keeps what there was
    out = rows_of(SYSTEM, {"logs": [*old, *new]}, ["Shop"])
    assert outages(out)[0] == SHOP_OUTAGES[0]
    assert out.unnamed == {("places", "Shop EU"): len(new)}
