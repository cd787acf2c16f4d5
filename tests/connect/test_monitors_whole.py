"""Monitoring systems the whole way: connect.yaml, a pull by API and one by exports, and the files
below the landing folder, which hold the same rows by both ways."""

import gzip
import json
import re
from pathlib import Path
from typing import Any

import pytest

from makegood.ingestion.connect import pull
from makegood.ingestion.connect.settings import load
from makegood.ingestion.connect.systems import systems
from tests.connect import test_pingdom as pingdom
from tests.connect import test_prometheus as prometheus
from tests.connect import test_upptime as upptime
from tests.connect import test_uptimerobot as uptimerobot
from tests.support.vendor import Vendor, vendor

NAMES = ["pingdom", "prometheus", "upptime", "uptimerobot"]


@pytest.mark.parametrize("name", NAMES)
def test_a_template_is_a_source_that_can_be_read(name: str, tmp_path: Path) -> None:
    path = tmp_path / "connect.yaml"
    path.write_text(f"sources:\n  mine:\n{systems()[name].template}", encoding="utf-8")
    source = load(path).sources["mine"]
    assert source.api
    assert source.names.places
    # what is commented out is right, too
    text = re.sub("(?m)^( +)# ", r"\1", path.read_text(encoding="utf-8"))
    path.write_text(text, encoding="utf-8")
    assert load(path).sources["mine"].names != source.names


def pulled(folder: Path, way: str, places: list[str], **environment: str) -> dict[str, Any]:
    """The rows below the landing folder, by feed, after a pull with the system and the way that
    `way` says in YAML."""
    folder.mkdir(exist_ok=True)
    placed = [f"      {json.dumps(place)}: {{service: S, region: eu}}" for place in places]
    config = folder / "connect.yaml"
    text = "\n".join(["sources:", "  mine:", way, "    places:", *placed, ""])
    config.write_text(text, encoding="utf-8")
    settings = load(config)
    landing = folder / "landing"
    for _ in range(2):
        # the second one finds nothing new
        last = pull.pull(
            settings,
            settings.sources["mine"],
            landing,
            folder / "kept",
            environment,
            lambda _: None,
        )
    assert not +last.written
    assert not last.left
    found: dict[str, list[str]] = {}
    for path in sorted(landing.rglob("*.jsonl.gz")):
        lines = gzip.decompress(path.read_bytes()).decode().splitlines()
        found.setdefault(path.relative_to(landing).parts[0], []).extend(lines)
    return {feed: sorted(map(str, map(json.loads, rows))) for feed, rows in found.items()}


def export(folder: Path, name: str, text: str) -> None:
    (folder / "exports").mkdir(parents=True, exist_ok=True)
    (folder / "exports" / name).write_text(text, encoding="utf-8")


def files(system: str, *more: str) -> str:
    lines = [f"    system: {system}", "    files:", '      paths: ["exports/*"]']
    return "\n".join([*lines, *(f"      {line}" for line in more)])


def test_pingdom(tmp_path: Path) -> None:
    server = pingdom.Server()
    server.states, server.now = pingdom.STATES, pingdom.START + 8 * 3600
    with vendor(server.handlers) as served:
        way = (
            "    system: pingdom\n    ignore: [New]\n"
            f"    api: {{url: {served.url}, start: 2026-05-01}}"
        )
        by_api = pulled(tmp_path / "api", way, ["Shop"], PINGDOM_TOKEN="t")
    lines = ["checkid,status,timefrom,timeto"]
    lines += [f"Shop,{s['status']},{s['timefrom']},{s['timeto']}" for s in pingdom.STATES]
    export(tmp_path / "files", "states.csv", "\n".join([*lines, ""]))
    by_files = pulled(tmp_path / "files", files("pingdom", "time_form: unix"), ["Shop"])
    assert by_api == by_files
    assert {feed: len(rows) for feed, rows in by_api.items()} == {
        "components": 1,
        "outages": 3,
        "checks": 1,
    }


def test_prometheus(tmp_path: Path) -> None:
    server = prometheus.Server()
    server.now = prometheus.START + 86_400
    places = [prometheus.NAME]

    def serve(served: Vendor) -> str:
        served.handlers = {
            "/api/v1/query": server.query,
            "/api/v1/query_range": server.query_range,
        }
        return (
            "    system: prometheus\n"
            "    api:\n"
            f"      url: {served.url}\n"
            "      query: 'up{job=\"web\"}'\n"
            "      start: 2026-06-01"
        )

    with vendor({}) as served:
        by_api = pulled(tmp_path / "api", serve(served), places, PROMETHEUS_TOKEN="t")
        ranges = next(r for r in served.asked if r.path.endswith("_range"))
        answer = server.query_range(ranges).body.decode()
    export(tmp_path / "files", "answer.json", answer)
    by_files = pulled(tmp_path / "files", files("prometheus"), places)
    assert by_api == by_files
    assert len(by_api["checks"]) == (86_400 - 3600 - 300) // 60 + 1
    assert len(by_api["components"]) == 1


def test_upptime(tmp_path: Path) -> None:
    with vendor({}) as served:
        served.handlers = upptime.github(served, upptime.LOG, 2)
        way = (
            "    system: upptime\n    ignore: [api]\n"
            f"    api: {{url: {served.url}, repository: o/r, start: 2026-01-01}}"
        )
        by_api = pulled(tmp_path / "api", way, ["shop"], GITHUB_TOKEN="t")
    lines = ["commit,committed_at,slug,status,subject"]
    for item in upptime.LOG:
        message, at = item["commit"]["message"], item["commit"]["committer"]["date"]
        lines.append(f"{item['sha']},{at},shop,{message.split()[3]},{message}")
    export(tmp_path / "files", "commits.csv", "\n".join([*lines, ""]))
    issues = [upptime.ISSUE, upptime.MAINTENANCE]
    export(tmp_path / "files", "issues.json", json.dumps(issues))
    by_files = pulled(
        tmp_path / "files",
        files("upptime").replace("    files", "    ignore: [api]\n    files"),
        ["shop"],
    )
    assert by_api == by_files
    assert {feed: len(rows) for feed, rows in by_api.items()} == {
        "components": 1,
        "outages": 4,
        "exclusions": 1,
    }


def test_uptimerobot(tmp_path: Path) -> None:
    monitor = uptimerobot.SHOP
    with vendor({"/v2/getMonitors": uptimerobot.get_monitors([monitor])}) as served:
        way = f"    system: uptimerobot\n    api: {{url: {served.url}}}"
        by_api = pulled(tmp_path / "api", way, ["Shop"], UPTIMEROBOT_KEY="u1-key")
    export(tmp_path / "files", "answer.json", json.dumps({"stat": "ok", "monitors": [monitor]}))
    by_files = pulled(tmp_path / "files", files("uptimerobot"), ["Shop"])
    assert by_api == by_files
    assert {feed: len(rows) for feed, rows in by_api.items()} == {
        "components": 1,
        "outages": 4,
        "checks": 2,
    }
