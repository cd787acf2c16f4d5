"""Prometheus: points of series become checks, whichever way they come."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from makegood.ingestion.connect import exports
from makegood.ingestion.connect.dialect import Dialect
from makegood.ingestion.connect.system import Unreadable
from makegood.ingestion.connect.systems.prometheus import (
    POINTS,
    SETTLED_S,
    SYSTEM,
    between,
    labels_of,
    name_of,
    of_answer,
)
from tests.connect.monitors import checks, pulled, rows_of
from tests.support.vendor import Answer, Request, vendor

START = 1780272000  # 2026-06-01T00:00:00Z
SHOP = {"__name__": "up", "job": "web", "instance": "shop:443", "region": "eu"}
NAME = '{instance="shop:443",job="web",region="eu"}'


def series(metric: dict[str, str], *values: list[Any]) -> dict[str, Any]:
    return {"metric": metric, "values": list(values)}


def made(*found: dict[str, Any], places: tuple[str, ...] = (NAME,), **names: Any) -> Any:
    return rows_of(SYSTEM, {"series": [of_answer(item) for item in found]}, places, **names)


def test_points_are_checks_and_missing_ones_are_none() -> None:
    out = made(series(SHOP, [START, "1"], [START + 60, "0"], [START + 240, "NaN"]))
    assert out.feeds["checks"] == [
        {
            "component_id": NAME,
            "location": "prometheus",
            "checked_at": at,
            "status": status,
        }
        for at, status in [
            ("2026-06-01T00:00:00Z", "up"),
            ("2026-06-01T00:01:00Z", "down"),
            ("2026-06-01T00:04:00Z", "unknown"),
        ]
    ]
    # whatever there is: a file holds nothing but series
    assert out.feeds["components"] == rows_of(SYSTEM, {}, [NAME]).feeds["components"]
    assert out.feeds["components"][0]["component_id"] == NAME


def test_fractions_of_a_second_are_kept() -> None:
    out = made(series(SHOP, [Decimal("1780272000.781"), "1"]))
    assert checks(out) == [(NAME, "2026-06-01T00:00:00.781Z", "up")]


@pytest.mark.parametrize(
    ("value", "names", "status"),
    [
        ("1", {}, "up"),
        ("1.0", {}, "up"),
        ("0", {}, "down"),
        ("-0", {}, "down"),
        ("NaN", {"up_from": "0.9"}, "unknown"),
        ("0.9", {"up_from": "0.9"}, "up"),
        ("0.8999999999999999999999", {"up_from": "0.9"}, "down"),
        ("+Inf", {"up_from": "0.9"}, "up"),
        ("-Inf", {"up_from": "0.9", "degraded_from": "0.5"}, "down"),
        ("0.5", {"up_from": "0.9", "degraded_from": "0.5"}, "degraded"),
        ("4.9e-01", {"up_from": "0.9", "degraded_from": "0.5"}, "down"),
    ],
)
def test_values_are_states(value: str, names: dict[str, Any], status: str) -> None:
    assert checks(made(series(SHOP, [START, value]), **names))[0][2] == status


def test_other_values_are_left_and_say_what_is_missing() -> None:
    out = made(series(SHOP, [START, "0.5"], [START, "yes"], [START], [START + 60, "1"]))
    assert [left.why for left in out.left] == [
        "the value 0.5 is neither 1 nor 0: `up_from` says from which value on it is up",
        "'yes' is not a value: the form is 1, 0.5 or NaN",
        "time is missing; there are series, metric, time, value",
    ]
    assert checks(out) == [(NAME, "2026-06-01T00:01:00Z", "up")]
    with pytest.raises(ValueError, match="degraded_from needs an up_from above it"):
        SYSTEM.names.model_validate({"degraded_from": "0.5", "up_from": "0.5"})


def test_labels_name_what_a_series_is_of_and_from_where_it_was_seen() -> None:
    us = SHOP | {"region": "us"}
    both = [series(SHOP, [START, "1"]), series(us, [START, "0"])]
    out = made(*both, places=("shop:443",), label="instance", location={"field": "region"})
    assert [(row["component_id"], row["location"]) for row in out.feeds["checks"]] == [
        ("shop:443", "eu"),
        ("shop:443", "us"),
    ]
    assert not out.notes
    assert made(*both, places=("web / us",), label=["job", "region"]).unnamed == {
        ("places", "web / eu"): 1
    }
    # two series that are the same to us
    out = made(*both, places=("shop:443",), label="instance")
    assert out.notes == {"several series are shop:443 as seen from prometheus: the worst counts": 1}
    out = made(series({"__name__": "up"}, [START, "1"]), label="instance")
    assert out.left[0].why == "has no label 'instance'; there are __name__"


def test_a_series_name_can_be_read_back() -> None:
    odd = {"a": 'say "hi"\\', "b": "x,y={z}", "__name__": "up"}
    assert labels_of("up" + name_of(odd)) == {"a": 'say "hi"\\', "b": "x,y={z}"}
    assert labels_of('{__name__="up", job="web"}') == {"__name__": "up", "job": "web"}
    assert name_of({}) == "{}"
    assert labels_of("{}") == {}
    for text in ("Shop", "{job=web}", '{job="web" region="eu"}', '{job="web"'):
        assert labels_of(text) is None


def test_windows_hold_no_more_points_than_are_given_and_leave_none_out() -> None:
    found = list(between(START - 1, START + 3 * POINTS * 60 + 59, 60))
    points = [at for window in found for at in range(window["start"], window["end"] + 1, 60)]
    assert points == list(range(START, START + 3 * POINTS * 60 + 60, 60))
    assert max((w["end"] - w["start"]) // 60 + 1 for w in found) == POINTS
    assert list(between(START, START + 59, 60)) == []
    assert list(between(START + 1, START + 130, 60)) == [{"start": START + 60, "end": START + 120}]


class Server:
    """As Prometheus answers: points by a range, an error for too many, its clock by `time()`."""

    def __init__(self) -> None:
        self.now = START + 86400 * 20
        self.warnings: list[str] = []
        self.down = {START + 86400}

    def query(self, request: Request) -> Answer:
        assert request.headers["Authorization"] == "Bearer t"
        asked = request.params["query"]
        assert asked.startswith('label_replace(vector(time()), "since", "')
        since = asked.split('"')[3]
        value = [f"{self.now}.781", f"{self.now}.781"]
        text = (
            f'{{"status":"success","data":{{"resultType":"vector","result":[{{"metric":{{"since":'
            f'"{since}"}},"value":[{value[0]},"{value[1]}"]}}]}}}}'
        )
        return Answer(text=text)

    def query_range(self, request: Request) -> Answer:
        assert request.params["query"] == 'up{job="web"}'
        start, end, step = (int(request.params[name]) for name in ("start", "end", "step"))
        if (end - start) // step + 1 > 11_000:
            error = "exceeded maximum resolution of 11,000 points per timeseries"
            return Answer({"status": "error", "errorType": "bad_data", "error": error}, status=400)
        values = [
            [at, "0" if at in self.down else "1"]
            for at in range(start, end + 1, step)
            # an hour in which nothing was scraped
            if not START + 7200 <= at < START + 10800
        ]
        data = {"resultType": "matrix", "result": [series(SHOP, *values)]}
        return Answer({"status": "success", "data": data, "warnings": self.warnings})


CONNECTION = {"query": 'up{job="web"}', "start": "2026-06-01", "step": 60}


@pytest.mark.long
def test_all_points_are_pulled_once_and_later_ones_follow(tmp_path: Path) -> None:
    server = Server()
    handlers = {"/api/v1/query": server.query, "/api/v1/query_range": server.query_range}
    with vendor(handlers) as served:
        served.faults = {2: Answer({"status": "error"}, status=503), 4: Answer(text='{"sta', cut=3)}
        connection = {**CONNECTION, "url": served.url}
        records = pulled(SYSTEM, connection, {"token": "t"}, tmp_path / "kept")
        out = rows_of(SYSTEM, {"series": records["series"]}, [NAME])
        last = server.now - SETTLED_S
        expected = [
            at for at in range(START, last + 1, 60) if not START + 7200 <= at < START + 10800
        ]
        assert len(checks(out)) == len(expected)
        assert len({at for _, at, _ in checks(out)}) == len(expected)
        assert [at for _, at, status in checks(out) if status == "down"] == ["2026-06-02T00:00:00Z"]
        # three windows, and two requests that failed
        assert len(served.asked) == 1 + 3 + 2
        server.now += 600
        served.asked.clear()
        records = pulled(SYSTEM, connection, {"token": "t"}, tmp_path / "kept")
        assert [request.params.get("start") for request in served.asked] == [None, str(last + 60)]
        assert len(checks(rows_of(SYSTEM, {"series": records["series"]}, [NAME]))) == (
            len(expected) + 10
        )
        # nothing has settled since
        served.asked.clear()
        pulled(SYSTEM, connection, {"token": "t"}, tmp_path / "kept")
        assert len(served.asked) == 1


def test_errors_and_incomplete_answers_are_refused_in_words(tmp_path: Path) -> None:
    server = Server()
    handlers = {"/api/v1/query": server.query, "/api/v1/query_range": server.query_range}
    with vendor(handlers) as served:
        connection = {**CONNECTION, "url": served.url}
        server.warnings = ["No StoreAPIs matched for this query"]
        with pytest.raises(Unreadable, match="the answer is incomplete: No StoreAPIs matched"):
            pulled(SYSTEM, connection, {"token": "t"}, tmp_path / "kept")
        server.warnings = ["PromQL info: metric might not be a counter"]
        # of the pull that failed nothing is missing
        records = pulled(SYSTEM, connection, {"token": "t"}, tmp_path / "kept")
        assert [str(START), str(START + POINTS * 60)] == [
            record["time"].split(" ")[0] for record in records["series"][:2]
        ]
        error = {"status": "error", "errorType": "execution", "error": "query timed out"}
        served.handlers["/api/v1/query"] = lambda _: Answer(error)
        with pytest.raises(Unreadable, match="the query failed: execution: query timed out"):
            pulled(SYSTEM, connection, {"token": "t"}, tmp_path / "kept")
        served.handlers["/api/v1/query"] = lambda _: Answer(error, status=422)
        with pytest.raises(Unreadable, match=r"HTTP 422.*query timed out"):
            pulled(SYSTEM, connection, {"token": "t"}, tmp_path / "kept")


JSON = """{"status": "success", "data": {"resultType": "matrix", "result": [
  {"metric": {"__name__": "up", "instance": "shop:443", "job": "web", "region": "eu"},
   "values": [[1780272000, "1"], [1780272060, "0"], [1780272120, "NaN"], [1780272240, "1"]]},
  {"metric": {"__name__": "up", "instance": "api:443", "job": "web", "region": "eu"},
   "values": [[1780272000, "1"]]}
]}}
"""
GRAFANA = """"Time","{__name__=""up"", instance=""shop:443"", job=""web"", region=""eu""}","API"
1780272000000,1,1
1780272060000,0,
1780272120000,NaN,
1780272240000,1,
"""


def read(folder: Path, name: str, text: str, **dialect: Any) -> Any:
    (folder / name).write_text(text, encoding="utf-8")
    return exports.read(SYSTEM, Dialect(**dialect), [name], folder)


def test_exports_give_the_checks_of_the_api(tmp_path: Path) -> None:
    expected = [
        (NAME, "2026-06-01T00:00:00Z", "up"),
        (NAME, "2026-06-01T00:01:00Z", "down"),
        (NAME, "2026-06-01T00:02:00Z", "unknown"),
        (NAME, "2026-06-01T00:04:00Z", "up"),
    ]
    api = NAME.replace("shop", "api")
    found = {}
    for name, text, dialect in [
        ("answer.json", JSON, {}),
        ("panel.csv", GRAFANA, {"time_form": "unix_ms"}),
    ]:
        result = read(tmp_path, name, text, **dialect)
        assert not result.left
        data = [record.data for record in result.records["series"]]
        found[name] = checks(rows_of(SYSTEM, {"series": data}, [NAME, api, "API"]))
    assert [check for check in found["answer.json"] if check[0] == NAME] == expected
    assert [check for check in found["panel.csv"] if check[0] == NAME] == expected
    # a column that is called by its legend, and has one point
    assert [check for check in found["panel.csv"] if check[0] == "API"] == [
        ("API", "2026-06-01T00:00:00Z", "up")
    ]


def test_local_times_of_a_panel_need_their_zone(tmp_path: Path) -> None:
    text = GRAFANA.replace("1780272000000", "2026-06-01 02:00:00").splitlines()[:2]
    local = "\n".join(text) + "\n"
    result = read(tmp_path, "panel.csv", local, time_zone="Europe/Amsterdam")
    out = rows_of(SYSTEM, {"series": [r.data for r in result.records["series"]]}, ["API"])
    assert checks(out) == [("API", "2026-06-01T02:00:00+02:00", "up")]
    data = {"series": [r.data for r in read(tmp_path, "panel.csv", local).records["series"]]}
    # rejected by the feed: nobody knows which instant it is
    with pytest.raises(AssertionError, match="offset"):
        rows_of(SYSTEM, data, ["API"])
