"""Rows without a key that are made of records that may change: delivered once each."""

import gzip
import json
from collections import Counter
from pathlib import Path
from typing import Any

from makegood.ingestion.connect import pull as pulling
from makegood.ingestion.connect.deliver import Delivered
from makegood.ingestion.connect.settings import load
from makegood.ingestion.connect.system import Rows
from tests.support.delivered import rows


def check(at: str) -> dict[str, Any]:
    return {"component_id": "C", "location": "l", "checked_at": at, "status": "unknown"}


def deliver(folder: Path, names: str, *found: dict[str, Any]) -> tuple[dict[str, int], list[str]]:
    made = Rows()
    for row in found:
        made.add("checks", row)
    written = Delivered(folder / "kept", folder / "landing", "s").deliver(made, names)
    files = sorted((folder / "landing").rglob("*.jsonl.gz"))
    lines = [line for file in files for line in gzip.decompress(file.read_bytes()).splitlines()]
    return written, [json.loads(line)["checked_at"] for line in lines]


def test_each_check_of_a_log_is_delivered_once(tmp_path: Path) -> None:
    first, second = check("2026-06-01T00:00:00Z"), check("2026-06-02T00:00:00Z")
    assert deliver(tmp_path, "n", first, first) == ({"checks": 1}, [first["checked_at"]])
    assert deliver(tmp_path, "n", first) == ({}, [first["checked_at"]])
    both = [first["checked_at"], second["checked_at"]]
    assert deliver(tmp_path, "n", first, second) == ({"checks": 1}, both)
    # other names: one file with everything takes the place of those before
    assert deliver(tmp_path, "other", second, first) == ({"checks": 2}, both[::-1])
    assert len(list((tmp_path / "landing").rglob("*.jsonl.gz"))) == 1


def test_checks_of_one_more_file_are_delivered_alone(tmp_path: Path) -> None:
    """Files come whole each time: those that were delivered are not again."""
    config = tmp_path / "connect.yaml"
    config.write_text(
        "sources:\n  probes:\n    system: checkly\n    files: {paths: ['results/*.json']}\n"
        "    places: {Web: {service: web, region: eu}}\n"
    )
    (tmp_path / "results").mkdir()
    settings = load(config)

    def pulled(day: int) -> Counter[str]:
        result = {
            "id": f"r{day}",
            "checkId": "Web",
            "name": "Web",
            "resultType": "FINAL",
            "runLocation": "eu-west-1",
            "startedAt": f"2026-06-0{day}T00:00:00.000Z",
            "responseTime": 12,
            "hasFailures": False,
            "hasErrors": False,
            "isDegraded": False,
        }
        (tmp_path / "results" / f"{day}.json").write_text(json.dumps({"entries": [result]}))
        landing, kept = tmp_path / "landing", tmp_path / "warehouse"
        source = settings.sources["probes"]
        return pulling.pull(settings, source, landing, kept, {}, lambda message: None).written

    assert pulled(1)["checks"] == 1
    assert pulled(2)["checks"] == 1
    assert len(rows(tmp_path / "landing", "checks")) == 2
