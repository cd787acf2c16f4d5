"""When the sensor has a delivery run, and when once more: a run that came to nothing is tried again
where that can help, and never over and over while nothing changes."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile
from math import ceil
from pathlib import Path
from typing import Self

import dagster as dg
from dagster import DagsterRunStatus as Status

from makegood.dashboards.figures.style import duration

# a tag of each run of the orchestrator: published, blocked, failed, refused, or one of those below
OUTCOME = "makegood/outcome"
# its instant is in the future, or before that of what is published: this says nothing about what is
# delivered now
AS_OF_REFUSED = "as_of refused"
# a selection that can't be run, and one of models, which publishes nothing
SELECTION_REFUSED, TRIED = "selection refused", "tried"

# doubled with each failure in a row, up to a day
PAUSE_SECONDS = 600
LONGEST_PAUSE_SECONDS = 86_400
# as many failures in a row as make the longest pause
LOOKED_BACK = 10


@dataclass(frozen=True)
class Seen:
    """Fingerprints of what a run reads: the landing folder and the inbox of the warehouse; the
    contracts and alerts.yaml."""

    delivered: str
    configured: str

    @classmethod
    def now(cls, landing: Path, inbox: Path, contracts: Path, alerts: Path) -> Self:
        return cls(_fingerprint(landing, inbox), _fingerprint(contracts, alerts))


NOTHING = Seen("-", "-")


@dataclass(frozen=True)
class Cursor:
    """What the sensor remembers: what it saw last, and what it has dealt with."""

    seen: Seen | None = None
    settled: Seen | None = None

    @classmethod
    def read(cls, text: str | None) -> Self:
        """A cursor that can't be read, as that of an earlier version, remembers nothing."""
        words = (text or "").split()
        if len(words) != 4:
            return cls()
        seen, settled = Seen(*words[:2]), Seen(*words[2:])
        return cls(seen, settled if settled != NOTHING else None)

    def __str__(self) -> str:
        both = (self.seen or NOTHING, self.settled or NOTHING)
        return " ".join(f"{s.delivered} {s.configured}" for s in both)


def decide(
    now: Seen,
    cursor: Cursor,
    runs: Sequence[dg.RunRecord],
    at: float,
) -> tuple[Cursor, str | None]:
    """What the sensor remembers from here on, and why it asks for no run; None: it asks for one.

    `runs`: those of the job, the newest first, at most LOOKED_BACK. `at`: epoch seconds."""
    settled, dealt_with = cursor.settled, Cursor(now, now)
    if now != cursor.seen:
        # a delivery may still be under way
        return Cursor(now, settled), "what is delivered or configured is changing"
    if any(r.dagster_run.status == Status.QUEUED for r in runs):
        return dealt_with, "a run is queued, and will read what there is"
    if settled is None or settled.delivered != now.delivered:
        return dealt_with, None
    judged = [r for r in runs if _outcome(r) != AS_OF_REFUSED]
    last = _outcome(judged[0]) if judged else "published"
    if last == "at work":
        return cursor, "a run is at work"
    if last in ("blocked", "refused"):
        if settled.configured != now.configured:
            return dealt_with, None
        wanted = "it is tried again when what is delivered or configured changes"
        return cursor, f"the last run was {last}: {wanted}"
    if last == "failed":
        failures = sum(1 for _ in takewhile(lambda r: _outcome(r) == "failed", judged))
        pause = min(PAUSE_SECONDS * 2 ** (failures - 1), LONGEST_PAUSE_SECONDS)
        left = (judged[0].end_time or at) + pause - at
        if left <= 0:
            return dealt_with, None
        wait = duration(60 * ceil(left / 60))
        return cursor, f"the last run failed: it is tried again in {wait}"
    return dealt_with, "nothing new has been delivered"


def _outcome(record: dg.RunRecord) -> str:
    run = record.dagster_run
    match run.status:
        case Status.SUCCESS:
            return "published"
        case Status.FAILURE:
            # one that was killed could not say so
            return run.tags.get(OUTCOME, "failed")
        case Status.CANCELED:
            return "ended by hand"
        case _:
            return "at work"


def _fingerprint(*places: Path) -> str:
    files = sorted(p for place in places for p in (place, *place.rglob("*")) if p.is_file())
    found = [(p.as_posix(), p.stat().st_size, p.stat().st_mtime_ns) for p in files]
    return hashlib.sha256(repr(found).encode()).hexdigest()
