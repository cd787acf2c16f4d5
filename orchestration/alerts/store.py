"""Keeps alerts and sends them: once, again if they change or stay open for long, and when over.

`<warehouse>/alerts.json` keeps what is open and who was notified of what (`AlertStore`), and is
written only by the holder of the warehouse's lock. Nothing here fails a run, and no address is
ever shown, logged or kept.
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

from makegood.dashboards.figures.operations import (
    ALERTS,
    SEVERITIES,
    Alert,
    AlertRecord,
    AlertStore,
    Kind,
    Notification,
    Severity,
    alert_store,
)
from makegood.dashboards.figures.style import counted, instant
from makegood.dashboards.figures.words import printable
from makegood.ingestion.files import write_whole
from makegood.orchestration.alerts.kinds import (
    KINDS,
    OF_RUNS,
    Outcome,
    damaged,
    endings,
    of_publication,
    of_run,
)
from makegood.orchestration.alerts.settings import Receiver, Settings
from makegood.orchestration.settings import PROJECT, quiet_environment
from makegood.orchestration.warehouse.store import Damaged, Warehouse

# for all messages of a run together; receivers that take longer get theirs with the next run
LIMIT_SECONDS = 45
# alerts in a message, and characters in each of their sentences; the rest is counted
MOST, LONGEST = 20, 600
ENDED = "ended"


# ---------------------------------------------------------------- what is open


class OpenAlert(BaseModel):
    """An open alert, for other programs."""

    kind: Kind
    title: str
    subject: str
    severity: Severity
    since: AwareDatetime
    happened: str
    means: str
    action: str


def due(entry: AlertRecord, label: str, settings: Settings, now: datetime) -> str | None:
    """What a receiver must be sent about an alert: `new`, `changed`, `still open`, `over` or None.

    `label`: that of the receiver.
    """
    told = entry.told.get(label)
    if SEVERITIES.index(entry.alert.severity) > SEVERITIES.index(settings.minimum_severity):
        return None
    if entry.ended:
        return None if told and told.what == ENDED else "over"
    if told is None or told.what == ENDED:
        return "new"
    if told.what != entry.alert.digest:
        return "changed"
    # by the date: a daily run is some seconds more or less than a day after the last
    long_ago = now.date() - told.at.date() >= timedelta(days=settings.remind_after_days)
    return "still open" if long_ago and KINDS[entry.alert.kind].is_reminded else None


def update(
    store: AlertStore, found: Iterable[Alert], judged: frozenset[Kind], now: datetime
) -> list[AlertRecord]:
    """Takes in the alerts found; ends and returns those not found of the kinds that were judged."""
    by_key = {alert.key: alert for alert in found}
    known = {entry.alert.key: entry for entry in store.entries}
    gone = [
        e
        for key, e in known.items()
        if key not in by_key and e.alert.kind in judged and not e.ended
    ]
    for entry in gone:
        entry.ended, entry.ending = now, KINDS[entry.alert.kind].over
    for key, alert in by_key.items():
        if key not in known:
            store.entries.append(AlertRecord(alert=alert, since=now))
            continue
        entry = known[key]
        entry.alert = alert
        if entry.ended:
            entry.since, entry.ended, entry.ending = now, None, ""
    return gone


def prune(store: AlertStore, settings: Settings, now: datetime) -> None:
    """Forgets what is over and known to everyone, and receivers that are gone."""
    labels = [r.label for r in settings.receivers()]
    store.entries = [
        e for e in store.entries if not e.ended or any(due(e, lb, settings, now) for lb in labels)
    ]
    for entry in store.entries:
        entry.told = {label: told for label, told in entry.told.items() if label in labels}


def _taken_up(root: Path) -> tuple[AlertStore, Alert | None]:
    """What is kept; a file that can't be read is moved aside, which is an alert itself."""
    try:
        return alert_store(root), None
    except ValidationError:
        aside = next(
            p for n in range(1, 10_000) if not (p := root / f"{ALERTS}.damaged-{n}").exists()
        )
        os.replace(root / ALERTS, aside)
        return AlertStore(), damaged(ALERTS, str(aside))


def _save(root: Path, store: AlertStore) -> None:
    write_whole(root / ALERTS, store.as_json())


# ---------------------------------------------------------------- after a run


def _warn(message: str) -> None:
    print(printable(f"makegood: alerts: {message}"), file=sys.stderr)


def after_run(
    warehouse: Warehouse,
    settings: Settings,
    outcome: Outcome,
    now: datetime,
    warn: Callable[[str], None] = _warn,
) -> None:
    """Finds the alerts of a run, keeps and sends them. Only with the warehouse held.

    Never raises an Exception: what can't be done is warned of, and done by the next run.
    """
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
            gone = update(alerts, found, judged, now)
            ended = endings(publication, [e.alert for e in gone])
            for entry in gone:
                entry.ending = ended.get(entry.alert.key, entry.ending)
        else:
            # it has not looked at what is published: those alerts stay open
            update(alerts, found, frozenset(), now)
        # kept before it is sent: a run killed while sending makes them arrive twice, never not at
        # all
        _save(root, alerts)
        head = (
            f"Run {outcome.run_id}: {outcome.status}, as of {instant(outcome.as_of)} UTC. "
            f"Warehouse: {root}"
        )
        _tell(alerts, settings, head, root, now, warn)
        prune(alerts, settings, now)
        _save(root, alerts)
    except Exception as error:
        warn(
            f"could not be kept or sent; the next run tries again: {type(error).__name__}: {error}"
        )


def _urgency(change: tuple[str, AlertRecord]) -> tuple[bool, int, tuple[Kind, str]]:
    what, entry = change
    return what == "over", SEVERITIES.index(entry.alert.severity), entry.alert.key


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
        changes = [
            (what, e) for e in alerts.entries if (what := due(e, receiver.label, settings, now))
        ]
        if changes:
            told[receiver] = sorted(changes, key=_urgency)
    for receiver, outcome in deliver(
        {receiver: message(changes, head, root) for receiver, changes in told.items()}
    ).items():
        if outcome != "taken":
            warn(f"{receiver.label}: {OUTCOMES[outcome]}; the next run tries again")
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


def message(changes: list[tuple[str, AlertRecord]], head: str, root: Path) -> Message:
    """One message for a receiver, the gravest alert first.

    `changes`: each alert's record, and what is due of it (`due`).
    """
    counts = Counter("over" if what == "over" else entry.alert.severity for what, entry in changes)
    parts = [
        counted(counts[name], word, None if word == "warning" else word)
        for name, word in WORDS.items()
        if counts[name]
    ]
    title = f"Makegood: {', '.join(parts)}"
    if len(changes) == 1:
        title += f": {KINDS[changes[0][1].alert.kind].title}"
    lines = [head]
    for what, entry in changes[:MOST]:
        lines += ["", *_paragraph(what, entry)]
    if len(changes) > MOST:
        lines += [
            "",
            f"… and {len(changes) - MOST} more: "
            f"makegood alerts --warehouse {shlex.quote(str(root))}",
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
        yield _shown(f"Open from {_at(entry.since)}: {alert.happened}")
        yield f"Since {_at(entry.ended)}: {entry.ending}"
        return
    if what != "new":
        yield f"Open since: {_at(entry.since)}"
    yield from in_words(alert)


def in_words(alert: Alert | OpenAlert) -> list[str]:
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
    """Cut to length, and so that a name can't notify everyone in a chat."""
    text = text if len(text) <= LONGEST else text[:LONGEST] + " …"
    return re.sub(r"([@!])(?=everyone|channel|here|all\b)", "\\1\u200b", text, flags=re.IGNORECASE)


def _at(at: datetime | None) -> str:
    return f"{instant(at)} UTC" if at else ""


OUTCOMES = {
    "taken": "the message was taken",
    "refused": "the message was not taken (receiver down or not reached, refused, wrong password)",
    "unknown": "not an address that Apprise knows",
    "late": f"the message was not taken within {LIMIT_SECONDS} s",
    "unset": "its environment variable is not set",
}


def deliver(messages: dict[Receiver, Message]) -> dict[Receiver, str]:
    """Sends each receiver its message; the outcome of each is a key of OUTCOMES."""
    outcomes = dict.fromkeys(messages, "late") | {r: "unset" for r in messages if not r.url}
    addressed = [r for r in messages if r.url]
    if not addressed:
        return outcomes
    job = json.dumps([{"url": r.url, **vars(messages[r])} for r in addressed]).encode()
    # addresses go through a pipe, since everyone can see the arguments of a process; errors are
    # dropped, since they may quote addresses
    command = [sys.executable, "-P", "-m", "makegood.orchestration.alerts.sender"]
    try:
        options = {
            "stdout": subprocess.PIPE,
            "stderr": subprocess.DEVNULL,
            "cwd": PROJECT,
            "env": quiet_environment(),
        }
        answers = subprocess.run(
            command, input=job, timeout=LIMIT_SECONDS, check=False, **options
        ).stdout  # type: ignore[call-overload]
        outcomes |= dict.fromkeys(addressed, "refused")
    except subprocess.TimeoutExpired as late:
        answers = late.stdout
    for line in (answers or b"").decode().splitlines():
        number, outcome = line.split()
        outcomes[addressed[int(number)]] = outcome
    return outcomes


def test_message(root: Path) -> Message:
    """A message that tests whether a receiver is reached."""
    body = (
        f"This is a test. Alerts of the warehouse {root} arrive here.\n"
        "Nothing has happened, no figure is affected, and nothing has to be done."
    )
    return Message("Makegood: a test", body, "info")


def open_alerts(root: Path) -> list[OpenAlert] | None:
    """The open alerts, the gravest first; None if they can't be read."""
    try:
        entries = alert_store(root).open()
    except (ValidationError, OSError):
        return None
    return [
        OpenAlert(title=KINDS[e.alert.kind].title, since=e.since, **vars(e.alert)) for e in entries
    ]


def listed(root: Path, most: int | None = None) -> list[str]:
    """What is open, a line each and what to do below it; of each kind at most so many."""
    found = open_alerts(root)
    if found is None:
        return [f"  {ALERTS} can't be read; the next run starts it again"]
    lines = []
    shown: Counter[Kind] = Counter()
    for alert in found:
        shown[alert.kind] += 1
        if most is None or shown[alert.kind] <= most:
            lines.append(
                f"  since {_at(alert.since)}  {alert.severity:<8}  {alert.title}: {alert.subject}"
            )
            lines += [f"    {line}" for line in in_words(alert)]
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
