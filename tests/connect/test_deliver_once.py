"""Rows without a key that are made of records that may change: delivered once each."""

import gzip
import json
from pathlib import Path
from typing import Any

from makegood.ingestion.connect.deliver import Delivered
from makegood.ingestion.connect.system import Rows


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
