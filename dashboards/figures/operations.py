"""What a warehouse keeps beside its publications: `runs/<run_id>.json` and `alerts.json`.

Both formats are described here and nowhere else: orchestration writes these models, pages and
commands read them.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import AwareDatetime, BaseModel, ValidationError

RUNS, ALERTS = "runs", "alerts.json"
# the status of a run whose record can't be read
UNREADABLE = "unreadable"

Severity = Literal["critical", "warning"]
# the gravest first
SEVERITIES: tuple[Severity, ...] = ("critical", "warning")
Kind = Literal[
    "run_blocked", "run_failed", "feed_stale", "monitoring_silent", "feed_unusual", "low_coverage",
    "credit_over_threshold", "claim_lapsing", "credit_not_due", "credit_incomplete", "data_finding",
    "state_damaged",
]  # fmt: skip


class RunRecord(BaseModel):
    """How a run ended, also one that published nothing; what was not known by then is left out.

    `landing`, `rejected_rows`, `data_docs`: paths. `reasons`: why it published nothing, or what a
    rollback did. `as_of`: None if the run was killed. `seconds`: how long it took.
    """

    run_id: str
    status: str
    as_of: AwareDatetime | None
    reasons: list[str]
    run_number: int | None = None
    finished_at: AwareDatetime | None = None
    seconds: float | None = None
    files_read: int | None = None
    rows_read: int | None = None
    rows_rejected: int | None = None
    landing: Path | None = None
    rejected_rows: Path | None = None
    data_docs: Path | None = None
    traceback: list[str] = []
    rolled_back_from: str | None = None
    rolled_back_to: str | None = None

    @property
    def file_name(self) -> str:
        return f"{self.run_id}.json"

    def as_json(self) -> str:
        return self.model_dump_json(indent=2, exclude_unset=True) + "\n"


def runs(warehouse: Path) -> list[RunRecord]:
    """The recorded runs, the latest first; one that can't be read has the status UNREADABLE."""
    return [_run(path) for path in sorted((warehouse / RUNS).glob("*.json"), reverse=True)]


def _run(path: Path) -> RunRecord:
    try:
        return RunRecord.model_validate_json(path.read_bytes())
    except (OSError, ValidationError):
        reasons = [f"{path.name} can't be read"]
        return RunRecord(run_id=path.stem, status=UNREADABLE, as_of=None, reasons=reasons)


@dataclass(frozen=True)
class Alert:
    """What there is to say; each text is one line. `facts`: if they differ, it is another message.

    An alert is known by its kind and subject.
    """

    kind: Kind
    subject: str
    severity: Severity
    happened: str
    means: str
    action: str
    facts: str

    @property
    def key(self) -> tuple[Kind, str]:
        return self.kind, self.subject

    @property
    def digest(self) -> str:
        """A short hash of what makes it another message."""
        return hashlib.sha256(f"{self.severity} {self.facts}".encode()).hexdigest()[:16]


class Notification(BaseModel):
    """What a receiver was last told of an alert: its digest, or that it has ended."""

    what: str
    at: AwareDatetime


class AlertRecord(BaseModel):
    """An alert that is open, or whose end some receiver does not know of yet.

    `told`: what each receiver knows, by its label.
    """

    alert: Alert
    since: AwareDatetime
    ended: AwareDatetime | None = None
    ending: str = ""
    told: dict[str, Notification] = {}


class AlertStore(BaseModel):
    """All that is kept of alerts."""

    version: Literal[1] = 1
    entries: list[AlertRecord] = []

    def sorted(self) -> list[AlertRecord]:
        """The gravest first, then the oldest."""
        return sorted(
            self.entries,
            key=lambda e: (SEVERITIES.index(e.alert.severity), e.since, e.alert.key),
        )

    def open(self) -> list[AlertRecord]:
        """Those that have not ended: the gravest first, then the oldest."""
        return [entry for entry in self.sorted() if not entry.ended]

    def as_json(self) -> str:
        return self.model_dump_json(indent=2) + "\n"


def alert_store(warehouse: Path) -> AlertStore:
    """What is kept of alerts. Raises ValidationError or OSError where it can't be read."""
    path = warehouse / ALERTS
    return AlertStore.model_validate_json(path.read_bytes()) if path.exists() else AlertStore()


def alerts(warehouse: Path) -> list[dict[str, Any]] | None:
    """Alerts for a page, the gravest first; None if they can't be read.

    Keys: those of `Alert`, `since`, `ended` (None: open).
    """
    try:
        entries = alert_store(warehouse).sorted()
    except (OSError, ValidationError):
        return None
    return [vars(entry.alert) | {"since": entry.since, "ended": entry.ended} for entry in entries]
