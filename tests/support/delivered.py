"""What connectors have delivered to a landing folder, read as the feeds are: the latest row of a
key counts."""

import gzip
import json
from pathlib import Path
from typing import Any

from makegood.ingestion.connect import pull as pulling
from makegood.ingestion.feeds.specs import feeds

Row = dict[str, Any]


def files(landing: Path) -> list[Path]:
    """All files, in the order in which they count."""
    return sorted(path for path in landing.rglob("*") if path.is_file())


def rows(landing: Path, feed: str) -> list[Row]:
    """The rows in force, by key; of a feed without one all of them, ordered."""
    key = feeds()[feed].key
    found: dict[Any, Row] = {}
    for path in files(landing / feed):
        for line in gzip.decompress(path.read_bytes()).splitlines():
            row = json.loads(line)
            identity = tuple(str(row.get(k)) for k in key) or len(found)
            found.pop(identity, None)
            if not row.get("deleted"):
                found[identity] = row
    if key:
        return [found[identity] for identity in sorted(found)]
    return sorted(found.values(), key=lambda row: json.dumps(row, sort_keys=True))


def all_rows(landing: Path) -> dict[str, list[Row]]:
    """The rows in force of each feed that has files."""
    return {feed: rows(landing, feed) for feed in feeds() if (landing / feed).is_dir()}


def rejected(landing: Path) -> list[str]:
    """What typing rejects of the files, as `feed: column: reason`: for connectors that is a fault,
    unless the system itself has said something that feeds don't take."""
    return [
        ": ".join(fault)
        for feed in feeds()
        for path in files(landing / feed)
        for fault in pulling.rejected_of(path, feed)
    ]
