"""Pingdom: states of checks become outages, results become checks of their probes."""

from pathlib import Path
from typing import Any

import pytest

from makegood.ingestion.connect import exports
from makegood.ingestion.connect.dialect import Dialect
from makegood.ingestion.connect.system import Unreadable
from makegood.ingestion.connect.systems.pingdom import SYSTEM
from tests.connect.monitors import checks, outages, pulled, rows_of
from tests.support.vendor import Answer, Request, vendor

START = 1780272000  # 2026-06-01T00:00:00Z
HOUR = 3600


def state(status: str, start: float, end: float, **more: Any) -> dict[str, Any]:
    """From hour to hour."""
    return {
        "checkid": 85975,
        "name": "Shop",
        "status": status,
        "timefrom": START + int(start * HOUR),
        "timeto": START + int(end * HOUR),
        **more,
    }


STATES = [state("up", 0, 3), state("down", 3, 4), state("unknown", 4, 6), state("up", 6, 8)]
OUTAGES = [
    ("Shop", "up", "2026-06-01T00:00:00Z", "2026-06-01T03:00:00Z"),
    ("Shop", "down", "2026-06-01T03:00:00Z", "2026-06-01T04:00:00Z"),
    ("Shop", "up", "2026-06-01T06:00:00Z", "2026-06-01T08:00:00Z"),
]


def test_states_are_records_and_unknown_ones_are_checks() -> None:
    out = rows_of(SYSTEM, {"states": STATES}, ["Shop"])
    assert outages(out) == OUTAGES
    assert checks(out) == [("Shop", "2026-06-01T04:00:00Z", "unknown")]
    assert out.feeds["components"]
    assert len(outages(rows_of(SYSTEM, {"states": STATES}, ["85975"]))) == 3


def test_what_is_down_at_the_end_is_open_unless_its_check_is_paused() -> None:
    found = [state("up", 0, 3), state("down", 3, 4, check_status="down")]
    assert outages(rows_of(SYSTEM, {"states": found}, ["Shop"]))[-1] == (
        "Shop",
        "down",
        "2026-06-01T03:00:00Z",
        None,
    )
    found[-1]["check_status"] = "paused"
    assert outages(rows_of(SYSTEM, {"states": found}, ["Shop"]))[-1][3] == "2026-06-01T04:00:00Z"


def test_a_state_that_is_cut_at_the_time_asked_from_continues_the_one_before() -> None:
    later = [state("up", 7, 9), state("down", 9, 10), state("up", 10, 12)]
    out = rows_of(SYSTEM, {"states": [*STATES, *later]}, ["Shop"])
    assert outages(out) == [
        *OUTAGES[:2],
        ("Shop", "up", "2026-06-01T06:00:00Z", "2026-06-01T09:00:00Z"),
        ("Shop", "down", "2026-06-01T09:00:00Z", "2026-06-01T10:00:00Z"),
        ("Shop", "up", "2026-06-01T10:00:00Z", "2026-06-01T12:00:00Z"),
    ]
    # an outage that was open goes on
    first = [state("down", 3, 4)]
    second = [state("down", 4, 6), state("up", 6, 7)]
    assert outages(rows_of(SYSTEM, {"states": first + second}, ["Shop"])) == [
        ("Shop", "down", "2026-06-01T03:00:00Z", "2026-06-01T06:00:00Z"),
        ("Shop", "up", "2026-06-01T06:00:00Z", "2026-06-01T07:00:00Z"),
    ]


RESULTS = [
    {"probeid": 33, "time": START, "status": "up", "responsetime": 91},
    {"probeid": 34, "time": START + 60, "status": "unconfirmed_down"},
    {"probeid": 35, "time": START + 61, "status": "down"},
    {"probeid": 33, "time": START + 120, "status": "unknown"},
]


def test_results_are_checks_from_their_probes() -> None:
    found = [{"checkid": 85975, "name": "Shop", **item} for item in RESULTS]
    out = rows_of(SYSTEM, {"results": found}, ["Shop"])
    assert [
        (row["location"], row["checked_at"][11:19], row["status"], row.get("latency_ms"))
        for row in out.feeds["checks"]
    ] == [
        ("pingdom-33", "00:00:00", "up", 91),
        ("pingdom-34", "00:01:00", "down", None),
        ("pingdom-35", "00:01:01", "down", None),
        ("pingdom-33", "00:02:00", "unknown", None),
    ]
    assert [row["component_id"] for row in out.feeds["components"]] == ["Shop"]


def test_what_cannot_be_mapped_is_left_and_named() -> None:
    out = rows_of(
        SYSTEM,
        {
            "states": [
                *STATES,
                state("broken", 8, 9),
                state("up", 8, 9, timeto=None),
                state("up", 8, 9, name="Other"),
            ],
            "results": [RESULTS[0], {"checkid": 85975, "name": "Shop", "time": START}],
            "checks": [{"id": 1, "name": "Blog"}],
        },
        ["Shop"],
    )
    assert outages(out) == OUTAGES
    assert [left.why.split(";")[0] for left in out.left] == [
        "status broken is not one of up, down, unknown",
        "timeto is missing",
        "neither name nor checkid says which monitor it is of",
        "status is missing",
    ]
    assert out.unnamed == {("places", "Other"): 1, ("places", "Blog"): 1}


class Server:
    """As api.pingdom.com answers: states are cut at `from` and at now."""

    def __init__(self) -> None:
        self.states = STATES[:-1]
        self.now = START + 7 * HOUR
        self.results = [
            {"probeid": 30 + n % 7, "time": START + 60 * n, "status": "up"} for n in range(2500)
        ]

    def checks(self, request: Request) -> Answer:
        assert request.headers["Authorization"] == "Bearer t"
        found = [
            {"id": 85975, "name": "Shop", "status": "up", "type": "http"},
            {"id": 85976, "name": "New", "status": "paused", "type": "http"},
        ]
        return Answer({"checks": found, "counts": {"total": 2, "limited": 2, "filtered": 2}})

    def outage(self, request: Request) -> Answer:
        start = int(request.params["from"])
        found = [
            {
                "status": item["status"],
                "timefrom": max(item["timefrom"], start),
                "timeto": min(item["timeto"], self.now),
            }
            for item in self.states
            if item["timeto"] > start and item["timefrom"] < self.now
        ]
        if request.path.endswith("/85976"):
            found = []
        limits = {"Req-Limit-Short": "Remaining: 394 Time until reset: 3589"}
        return Answer({"summary": {"states": found}}, headers=limits)

    def result(self, request: Request) -> Answer:
        start, offset = int(request.params["from"]), int(request.params["offset"])
        limit = int(request.params["limit"])
        if limit > 1000 or offset > 43_200:
            error = {
                "statuscode": 400,
                "statusdesc": "Bad Request",
                "errormessage": "Invalid offset",
            }
            return Answer({"error": error}, status=400)
        found = [item for item in reversed(self.results) if item["time"] >= start]
        if request.path.endswith("/85976"):
            found = []
        return Answer({"activeprobes": [33], "results": found[offset : offset + limit]})

    @property
    def handlers(self) -> dict[str, Any]:
        return {
            "/checks": self.checks,
            "/summary.outage/*": self.outage,
            "/results/*": self.result,
        }


def test_states_are_pulled_and_later_ones_continue_them(tmp_path: Path) -> None:
    server = Server()
    with vendor(server.handlers) as served:
        limit = {"error": {"statuscode": 429, "errormessage": "Request limit exceeded"}}
        served.faults = {2: Answer(limit, status=429, headers={"Retry-After": "0"})}
        connection = {"url": served.url, "start": "2026-05-01"}
        server.states = [state("up", 0, 3), state("down", 3, 7)]
        records = pulled(SYSTEM, connection, {"token": "t"}, tmp_path / "kept")
        out = rows_of(SYSTEM, records, ["Shop"], ignore=["New"])
        assert outages(out) == [OUTAGES[0], ("Shop", "down", "2026-06-01T03:00:00Z", None)]
        # one request for the checks, one for each, and the one that was throttled
        assert len(served.asked) == 1 + 2 + 1
        server.now = START + 80 * HOUR
        server.states = [state("up", 0, 3), state("down", 3, 30), state("up", 30, 99)]
        served.asked.clear()
        records = pulled(SYSTEM, connection, {"token": "t"}, tmp_path / "kept")
        assert served.asked[1].params["from"] == str(START + 7 * HOUR - 86_400)
        server.now = START + 90 * HOUR
        records = pulled(SYSTEM, connection, {"token": "t"}, tmp_path / "kept")
        assert served.asked[-1].params["from"] == str(START + 80 * HOUR - 86_400)
        assert outages(rows_of(SYSTEM, records, ["Shop"])) == [
            OUTAGES[0],
            ("Shop", "down", "2026-06-01T03:00:00Z", "2026-06-02T06:00:00Z"),
            ("Shop", "up", "2026-06-02T06:00:00Z", "2026-06-04T18:00:00Z"),
        ]


def test_results_are_pulled_in_pages(tmp_path: Path) -> None:
    server = Server()
    with vendor(server.handlers) as served:
        served.faults = {3: Answer(text='{"results": [', cut=5)}
        connection = {"url": served.url, "start": "2026-06-01", "read": "results"}
        records = pulled(SYSTEM, connection, {"token": "t"}, tmp_path / "kept")
        assert len(records["results"]) == 2500
        assert len(served.asked) == 1 + 3 + 1 + 1
        server.results += [{"probeid": 1, "time": START + 60 * 2500, "status": "down"}]
        records = pulled(SYSTEM, connection, {"token": "t"}, tmp_path / "kept")
        out = rows_of(SYSTEM, {"results": records["results"]}, ["Shop"])
        assert len(checks(out)) == 2501
        # more than Pingdom gives at once
        server.results = server.results * 20
        with pytest.raises(Unreadable, match=r"HTTP 400.*Invalid offset"):
            pulled(SYSTEM, connection, {"token": "t"}, tmp_path / "other")


def test_a_revoked_token_and_another_form_are_named(tmp_path: Path) -> None:
    server = Server()
    with vendor(server.handlers) as served:
        connection = {"url": served.url, "start": "2026-06-01"}
        error = {"error": {"statuscode": 401, "errormessage": "Invalid token"}}
        served.handlers["/checks"] = lambda _: Answer(error, status=401)
        with pytest.raises(Unreadable, match="PINGDOM_TOKEN is wrong, expired or revoked"):
            pulled(SYSTEM, connection, {"token": "t"}, tmp_path / "kept")
        served.handlers["/checks"] = server.checks
        served.handlers["/summary.outage/*"] = lambda _: Answer({"outages": []})
        with pytest.raises(Unreadable, match="lacks 'summary'"):
            pulled(SYSTEM, connection, {"token": "t"}, tmp_path / "kept")


def read(folder: Path, text: str, **dialect: Any) -> Any:
    (folder / "file.csv").write_text(text, encoding="utf-8")
    result = exports.read(SYSTEM, Dialect(**dialect), ["file.csv"], folder)
    assert not result.left
    return {name: [record.data for record in found] for name, found in result.records.items()}


def test_exports_give_the_rows_of_the_api(tmp_path: Path) -> None:
    lines = [f"{s['name']},{s['status']},{s['timefrom']},{s['timeto']}" for s in STATES]
    text = "\n".join(["checkid,status,timefrom,timeto", *lines, ""])
    expected = rows_of(SYSTEM, {"states": STATES}, ["Shop"]).feeds
    assert rows_of(SYSTEM, read(tmp_path, text, time_form="unix"), ["Shop"]).feeds == expected
    # of a page that calls them otherwise
    text = text.replace("checkid,status,timefrom,timeto", "Check,State,Start,End")
    columns = {"Check": "checkid", "State": "status", "Start": "timefrom", "End": "timeto"}
    found = read(tmp_path, text, time_form="unix", columns=columns)
    assert rows_of(SYSTEM, found, ["Shop"]).feeds == expected
    text = (
        "Check ID,Time,Probe ID,Status,Status description,Status long description,Response time\n"
        f"85975,{START},33,up,OK,OK,91\n85975,{START + 60},34,down,Timeout,Timeout,n/a\n"
    )
    out = rows_of(SYSTEM, read(tmp_path, text, time_form="unix"), ["85975"])
    assert out.feeds["checks"] == [
        {
            "component_id": "85975",
            "location": "pingdom-33",
            "checked_at": "2026-06-01T00:00:00Z",
            "status": "up",
            "latency_ms": 91,
        },
        {
            "component_id": "85975",
            "location": "pingdom-34",
            "checked_at": "2026-06-01T00:01:00Z",
            "status": "down",
        },
    ]


def test_a_check_that_was_renamed_while_it_was_down_is_one() -> None:
    # what was read before keeps the old name
    old = [state("up", 0, 3), state("down", 3, 4)]
    new = [state("down", 3.5, 5, name="Shop EU"), state("up", 5, 8, name="Shop EU")]
    for places in (["Shop EU"], ["Shop", "Shop EU"]):
        assert outages(rows_of(SYSTEM, {"states": [*old, *new]}, places)) == [
            ("Shop EU", "up", "2026-06-01T00:00:00Z", "2026-06-01T03:00:00Z"),
            ("Shop EU", "down", "2026-06-01T03:00:00Z", "2026-06-01T05:00:00Z"),
            ("Shop EU", "up", "2026-06-01T05:00:00Z", "2026-06-01T08:00:00Z"),
        ]
