"""Records of runs (published or not) and alerts, which a warehouse keeps beside publications."""

import json
from datetime import datetime
from pathlib import Path
from typing import Any

Record = dict[str, Any]

_SEVERITIES = ("critical", "warning")


def runs(warehouse: Path) -> list[Record]:
    """The recorded runs, the latest first.

    Each has run_number, status, as_of, finished_at, seconds, files_read, rows_read, rows_rejected
    and reasons. A record that can't be read is a run with the status `unreadable`."""
    return [_run(path) for path in sorted((warehouse / "runs").glob("*.json"), reverse=True)]


def _run(path: Path) -> Record:
    empty: Record = {
        "run_number": None,
        "as_of": None,
        "finished_at": None,
        "seconds": None,
        "files_read": None,
        "rows_read": None,
        "rows_rejected": None,
        "reasons": [],
    }
    try:
        kept = json.loads(path.read_text("utf-8"))
        instants = {
            name: datetime.fromisoformat(kept[name]) if kept.get(name) else None
            for name in ("as_of", "finished_at")
        }
        return (
            empty
            | {name: kept.get(name) for name in (*empty, "status")}
            | instants
            | {"reasons": list(kept.get("reasons") or [])}
        )
    except (OSError, ValueError, TypeError, AttributeError):
        return empty | {"status": "unreadable", "reasons": [f"{path.name} can't be read"]}


def alerts(warehouse: Path) -> list[Record] | None:
    """The alerts, the most severe first; None if they can't be read.

    Each has kind, subject, severity, happened, means, action, since and ended (None: open)."""
    path = warehouse / "alerts.json"
    if not path.exists():
        return []
    try:
        entries = json.loads(path.read_text("utf-8"))["entries"]
        found = [
            {
                k: str(e["alert"][k])
                for k in ("kind", "subject", "severity", "happened", "means", "action")
            }
            | {
                name: datetime.fromisoformat(e[name]) if e[name] else None
                for name in ("since", "ended")
            }
            for e in entries
        ]
    except (OSError, ValueError, TypeError, KeyError):
        return None
    return sorted(
        found,
        key=lambda a: (
            _SEVERITIES.index(a["severity"]) if a["severity"] in _SEVERITIES else len(_SEVERITIES),
            a["since"],
            a["subject"],
        ),
    )
