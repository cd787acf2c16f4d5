"""Keeps what is open, and tells it: each alert once, again when it changes or has long been open, and when it is over.

`<warehouse>/alerts.json` keeps what is open and what was told to whom (`AlertStore`), and is
written only by who holds the warehouse. Nothing here fails a run, and no address is ever shown, logged or kept.
"""

import json
import os
import re
import shlex
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal

from pydantic import AwareDatetime, BaseModel, ValidationError

from makegood.dashboards.figures.words import printable
from makegood.orchestration.alerts.kinds import (
    KINDS,
    OF_RUNS,
    Alert,
    Kind,
    Outcome,
    Severity,
    damaged,
    endings,
    of_publication,
    of_run,
)
from makegood.orchestration.alerts.settings import Receiver, Settings
from makegood.orchestration.settings import PROJECT, quiet_environment
from makegood.orchestration.warehouse.store import Damaged, Warehouse

STATE = "alerts.json"
# for all messages of a run together; whoever has not taken one by then is told with the next run
LIMIT_SECONDS = 45
# alerts in a message, and signs of each of their sentences; the rest is counted
MOST, LONGEST = 20, 600
ENDED = "ended"
ORDER: dict[Severity, int] = {"critical": 0, "warning": 1}


# ---------------------------------------------------------------- what is open


class Notification(BaseModel):
    """What a receiver was last told of an alert: its digest, or that it has ended."""

    what: str
    at: AwareDatetime


class AlertRecord(BaseModel):
    """An alert that is open, or whose end has not been told to everyone. `told` is by label of the receiver."""

    alert: Alert
    since: AwareDatetime
    ended: AwareDatetime | None = None
    ending: str = ""
    told: dict[str, Notification] = {}

    def due(self, label: str, settings: Settings, now: datetime) -> str | None:
        """What a receiver has to be told of it now: `new`, `changed`, `still open`, `over`, or nothing."""
        told = self.told.get(label)
        if ORDER[self.alert.severity] > ORDER[settings.minimum_severity]:
            return None
        if self.ended:
            return None if told and told.what == ENDED else "over"
        if told is None or told.what == ENDED:
            return "new"
        if told.what != self.alert.digest:
            return "changed"
        # by the date: a daily run is some seconds more or less than a day after the last
        long_ago = now.date() - told.at.date() >= timedelta(days=settings.remind_after_days)
        return "still open" if long_ago and KINDS[self.alert.kind].is_reminded else None


class AlertStore(BaseModel):
    """All that is kept of alerts."""

    version: Literal[1] = 1
    entries: list[AlertRecord] = []

    def open(self) -> list[AlertRecord]:
        """What is open: critical first, then the oldest."""
        return sorted(
            (e for e in self.entries if not e.ended),
            key=lambda e: (ORDER[e.alert.severity], e.since, e.alert.key),
        )

    def update(
        self, found: Iterable[Alert], judged: frozenset[Kind], now: datetime
    ) -> list[AlertRecord]:
        """Takes in what was found; ends, and returns, what was not found although its kind was judged."""
        by_key = {alert.key: alert for alert in found}
        known = {entry.alert.key: entry for entry in self.entries}
        gone = [
            e
            for key, e in known.items()
            if key not in by_key and e.alert.kind in judged and not e.ended
        ]
        for entry in gone:
            entry.ended, entry.ending = now, KINDS[entry.alert.kind].over
        for key, alert in by_key.items():
            if key not in known:
                self.entries.append(AlertRecord(alert=alert, since=now))
                continue
            entry = known[key]
            entry.alert = alert
            if entry.ended:
                entry.since, entry.ended, entry.ending = now, None, ""
        return gone

    def prune(self, settings: Settings, now: datetime) -> None:
        """Forgets what is over and told, and receivers that are no more."""
        labels = [r.label for r in settings.receivers()]
        self.entries = [
            e
            for e in self.entries
            if not e.ended or any(e.due(label, settings, now) for label in labels)
        ]
        for entry in self.entries:
            entry.told = {label: told for label, told in entry.told.items() if label in labels}


def kept(root: Path) -> AlertStore:
    """What is kept in a warehouse. Raises ValidationError or UnicodeDecodeError where it can't be read."""
    path = root / STATE
    return (
        AlertStore.model_validate_json(path.read_text("utf-8")) if path.exists() else AlertStore()
    )


def _taken_up(root: Path) -> tuple[AlertStore, Alert | None]:
    """What is kept; what can't be read is moved aside, which is an alert itself."""
    try:
        return kept(root), None
    except (ValidationError, UnicodeDecodeError):
        aside = next(
            p for n in range(1, 10_000) if not (p := root / f"{STATE}.damaged-{n}").exists()
        )
        os.replace(root / STATE, aside)
        return AlertStore(), damaged(STATE, str(aside))


def _save(root: Path, alerts: AlertStore) -> None:
    draft = root / f"{STATE}.draft"
    draft.write_text(alerts.model_dump_json(indent=2) + "\n", "utf-8")
    os.replace(draft, root / STATE)


# ---------------------------------------------------------------- what becomes of a run


def _warn(message: str) -> None:
    print(printable(f"makegood: alerts: {message}"), file=sys.stderr)


def after_run(
    warehouse: Warehouse,
    settings: Settings,
    outcome: Outcome,
    now: datetime,
    warn: Callable[[str], None] = _warn,
) -> None:
    """Judges what became of a run, keeps it and tells it. Only with the warehouse held. Never raises an Exception: what can't be done is
    warned of, and done by the next run."""
    root = warehouse.root
    try:
        alerts, lost = _taken_up(root)
        if lost:
            warn(lost.happened)
        try:
            publication = warehouse.last()
        except Damaged:
            publication = None
        as_of: datetime | None = publication.run()["as_of"] if publication else None
        found = [*of_run(outcome, root, as_of), *([lost] if lost else [])]
        if publication and outcome.status in ("published", "rolled back"):
            found += of_publication(publication, root, settings.credit_over, settings.lapsing_days)
            judged = (
                frozenset(KINDS) if outcome.status == "published" else frozenset(KINDS) - OF_RUNS
            )
            gone = alerts.update(found, judged, now)
            said = endings(publication, [e.alert for e in gone])
            for entry in gone:
                entry.ending = said.get(entry.alert.key, entry.ending)
        else:
            # it has seen nothing of what was found in what is published: that stays open
            alerts.update(found, frozenset(), now)
        # before anyone is told: a run that is killed while it tells has them told again, never not at all
        _save(root, alerts)
        head = f"Run {outcome.run_id}: {outcome.status}, as of {outcome.as_of:%Y-%m-%dT%H:%M:%SZ}. Warehouse: {root}"
        _tell(alerts, settings, head, root, now, warn)
        alerts.prune(settings, now)
        _save(root, alerts)
    except Exception as error:
        warn(
            f"could not be kept or told, the next run tries again: {type(error).__name__}: {error}"
        )


def _tell(
    alerts: AlertStore,
    settings: Settings,
    head: str,
    root: Path,
    now: datetime,
    warn: Callable[[str], None],
) -> None:
    told = {}
    for receiver in settings.receivers():
        due = [(what, e) for e in alerts.entries if (what := e.due(receiver.label, settings, now))]
        if due:
            told[receiver] = sorted(
                due, key=lambda d: (d[0] == "over", ORDER[d[1].alert.severity], d[1].alert.key)
            )
    for receiver, outcome in deliver(
        {receiver: message(due, head, root) for receiver, due in told.items()}
    ).items():
        if outcome != "taken":
            warn(f"{receiver.label}: {OUTCOMES[outcome]}; it is told with the next run")
            continue
        for what, entry in told[receiver]:
            entry.told[receiver.label] = Notification(
                what=ENDED if what == "over" else entry.alert.digest, at=now
            )


# ---------------------------------------------------------------- messages


@dataclass(frozen=True)
class Message:
    title: str
    body: str
    kind: Literal["failure", "warning", "success", "info"]


def message(due: list[tuple[str, AlertRecord]], head: str, root: Path) -> Message:
    """All that a receiver has to be told, the gravest first. `due`: what there is to say of each, and the entry."""
    counts = Counter("over" if what == "over" else entry.alert.severity for what, entry in due)
    parts = [
        f"{counts[name]} {word}{'s' if word == 'warning' and counts[name] > 1 else ''}"
        for name, word in WORDS.items()
        if counts[name]
    ]
    title = f"Makegood: {', '.join(parts)}"
    if len(due) == 1:
        title += f": {KINDS[due[0][1].alert.kind].title}"
    lines = [head]
    for what, entry in due[:MOST]:
        lines += ["", *_paragraph(what, entry)]
    if len(due) > MOST:
        lines += [
            "",
            f"… and {len(due) - MOST} more: makegood alerts --warehouse {shlex.quote(str(root))}",
        ]
    kind: Literal["failure", "warning", "success"] = (
        "failure" if counts["critical"] else "warning" if counts["warning"] else "success"
    )
    return Message(title, "\n".join(lines), kind)


WORDS = {"critical": "critical", "warning": "warning", "over": "over"}


def _paragraph(what: str, entry: AlertRecord) -> Iterator[str]:
    alert = entry.alert
    mark = "over" if what == "over" else f"{alert.severity}, {what}"
    yield _shown(f"[{mark}] {KINDS[alert.kind].title}: {alert.subject}")
    if what == "over":
        yield _shown(f"Was so from {_at(entry.since)} on: {alert.happened}")
        yield f"Since {_at(entry.ended)}: {entry.ending}"
        return
    if what != "new":
        yield f"Open since: {_at(entry.since)}"
    yield from in_words(alert)


def in_words(alert: Alert) -> list[str]:
    """What happened, what it means, what to do: a line each."""
    return [
        _shown(f"{word}: {text}")
        for word, text in (
            ("Happened", alert.happened),
            ("Means", alert.means),
            ("Do", alert.action),
        )
    ]


def _shown(text: str) -> str:
    """Short enough; a name that would call everyone in a chat does not."""
    text = text if len(text) <= LONGEST else text[:LONGEST] + " …"
    return re.sub(r"([@!])(?=everyone|channel|here|all\b)", "\\1\u200b", text, flags=re.IGNORECASE)


def _at(instant: datetime | None) -> str:
    return f"{instant:%Y-%m-%d %H:%M} UTC" if instant else ""


OUTCOMES = {
    "taken": "the message was taken",
    "refused": "the message was not taken (receiver down or not reached, refused, wrong password)",
    "unknown": "no address that Apprise knows",
    "late": f"the message was not taken within {LIMIT_SECONDS} s",
    "unset": "its environment variable is not set",
}


def deliver(messages: dict[Receiver, Message]) -> dict[Receiver, str]:
    """Sends each receiver its message; what became of it, as a key of OUTCOMES."""
    outcomes = dict.fromkeys(messages, "late") | {r: "unset" for r in messages if not r.url}
    addressed = [r for r in messages if r.url]
    if not addressed:
        return outcomes
    job = json.dumps([{"url": r.url, **vars(messages[r])} for r in addressed]).encode()
    # addresses by a pipe, since arguments of a process are seen by all; its errors to nobody, since they may quote them
    command = [sys.executable, "-P", "-m", "makegood.orchestration.alerts.sender"]
    try:
        options = {
            "stdout": subprocess.PIPE,
            "stderr": subprocess.DEVNULL,
            "cwd": PROJECT,
            "env": quiet_environment(),
        }
        said = subprocess.run(
            command, input=job, timeout=LIMIT_SECONDS, check=False, **options
        ).stdout  # type: ignore[call-overload]
        outcomes |= dict.fromkeys(addressed, "refused")
    except subprocess.TimeoutExpired as late:
        said = late.stdout
    for line in (said or b"").decode().splitlines():
        number, outcome = line.split()
        outcomes[addressed[int(number)]] = outcome
    return outcomes


def test_message(root: Path) -> Message:
    """What tells that a receiver is reached."""
    body = f"This is a test. Alerts of the warehouse {root} arrive here.\nNothing has happened, no figure is concerned, and nothing has to be done."
    return Message("Makegood: a test", body, "info")


def listed(root: Path, most: int | None = None) -> list[str]:
    """What is open, a line each and what to do below it; of each kind at most so many."""
    try:
        entries = kept(root).open()
    except (ValidationError, UnicodeDecodeError, OSError):
        return [f"  {STATE} can't be read; the next run starts it anew"]
    lines = []
    shown: Counter[Kind] = Counter()
    for entry in entries:
        shown[entry.alert.kind] += 1
        if most is None or shown[entry.alert.kind] <= most:
            lines.append(
                f"  since {_at(entry.since)}  {entry.alert.severity:<8}  {KINDS[entry.alert.kind].title}: {entry.alert.subject}"
            )
            lines += [f"    {line}" for line in in_words(entry.alert)]
    more = [
        f"{count - most} more of {KINDS[kind].title}"
        for kind, count in shown.items()
        if most is not None and count > most
    ]
    lines += (
        [f"  and {', '.join(more)}: makegood alerts --warehouse {shlex.quote(str(root))}"]
        if more
        else []
    )
    return lines or ["  none"]
