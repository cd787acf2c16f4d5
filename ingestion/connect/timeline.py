"""One method for all desks: the log of a ticket's changes becomes its `ticket_events` (K1).

The log is ordered by time, ties by `order`, then as it came. A status is one of five states:
working, paused, resolved, closed, cancelled. From state to state:

| to \\ from | working | paused | resolved, closed |
|---|---|---|---|
| working | | resumed | reopened |
| paused | paused | | reopened, paused |
| resolved | resolved | resolved | (closed to resolved: nothing) |
| closed | closed | closed | closed (resolved to closed) |

`received` is the ticket's creation, `classified` the first severity that it has, and later ones
are `severity_changed`. The first reply in public by the desk is `responded`, others are
`status_updated`. A cancelled ticket has its `cancelled` only if it ends so, or was only closed
since: one that is taken up again was never cancelled, and the time in between counts as work. What
a log says of the time before the creation is of the creation. Events of one instant keep the order
of the log by their ids, which are numbered (`4711:0001`), as K1 orders ties by id.

Does not belong here: what a desk calls these things, which is in its system's file.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Literal

from makegood.ingestion.connect.instants import moment
from makegood.ingestion.connect.names import State
from makegood.ingestion.connect.system import Rows
from makegood.ingestion.feeds.specs import feeds

What = Literal["status", "severity", "reply"]
# where a ticket is cancelled from its creation on: before the first entry of the log
_CREATION = -1


@dataclass(frozen=True)
class Change:
    """An entry of a ticket's log. `at`: an instant as text, with its offset; `what`: the status,
    the severity (our name of it) or a public reply of the desk; `value`: the new status (the
    desk's name) or severity; `order`: decides between entries of one instant, such as the number of
    the entry."""

    at: str
    what: What
    value: str | None = None
    order: int = 0
    resolution_kind: str | None = None


@dataclass(frozen=True)
class Ticket:
    """A ticket's life as its desk has it. `severity` and `status`: those at its creation, None
    where unknown."""

    ticket_id: str
    created_at: str
    severity: str | None
    status: str | None
    log: Iterable[Change]


@dataclass(frozen=True)
class Method:
    """What a desk's statuses mean (`states`), which statuses are a response by being entered
    (`responds`), and how tickets are resolved where the log doesn't say."""

    states: Mapping[str, State]
    responds: frozenset[str] = frozenset()
    resolution_kind: str = "restored"


def add_events(ticket: Ticket, method: Method, rows: Rows) -> None:
    """Adds the rows of `ticket_events` of a ticket. A status that has no state adds the status
    itself as an event (`status closed`, if it is called as an event is), which the feed rejects by
    name; it changes no state. Raises Unmapped where an instant can't be read."""
    events = _Events(ticket, method, rows)
    events.run()


class _Events:
    def __init__(self, ticket: Ticket, method: Method, rows: Rows) -> None:
        self.ticket, self.method, self.rows = ticket, method, rows
        self.number = 0
        self.state: State = "working"
        self.severity: str | None = None
        self.has_response = False
        self.is_cancelled = False

    def run(self) -> None:
        log = sorted(self.ticket.log, key=lambda change: (moment(change.at), change.order))
        created = self.ticket.created_at
        # what a log says about the time before the creation is of the creation
        start = moment(created)
        self._add(created, "received")
        self._severity(created, self.ticket.severity)
        final = self._final(log)
        if final == _CREATION:
            self._cancel(created)
        else:
            self._status(created, self.ticket.status, None, is_first=True)
        for number, change in enumerate(log):
            at = change.at if moment(change.at) > start else created
            match change.what:
                case "severity":
                    self._severity(at, change.value)
                case "reply":
                    self._reply(at)
                case "status" if number == final:
                    self._responds(at, change.value)
                    self._cancel(at)
                case "status":
                    self._status(at, change.value, change.resolution_kind)

    def _cancel(self, at: str) -> None:
        self._add(at, "cancelled")
        self.is_cancelled = True

    def _final(self, log: list[Change]) -> int | None:
        """Which entry of the log cancelled the ticket, if it ends so."""
        found = _CREATION if self._known(self.ticket.status) == "cancelled" else None
        for number, change in enumerate(log):
            state = self._known(change.value) if change.what == "status" else None
            if state == "cancelled" and found is None:
                found = number
            elif state not in (None, "cancelled", "closed"):
                found = None
        return found

    def _known(self, status: str | None) -> State | None:
        return self.method.states.get(status) if status else None

    def _add(self, at: str, event: str, **more: str | None) -> None:
        self.number += 1
        self.rows.add(
            "ticket_events",
            {
                "event_id": f"{self.ticket.ticket_id}:{self.number:04}",
                "ticket_id": self.ticket.ticket_id,
                "occurred_at": at,
                "event": event,
                **more,
            },
        )

    def _severity(self, at: str, severity: str | None) -> None:
        """A severity that is taken away leaves the last one in force."""
        if severity is None or severity == self.severity:
            return
        self._add(
            at, "classified" if self.severity is None else "severity_changed", severity=severity
        )
        self.severity = severity

    def _responds(self, at: str, status: str | None) -> None:
        if status in self.method.responds and not self.has_response:
            self._reply(at)

    def _reply(self, at: str) -> None:
        self._add(at, "status_updated" if self.has_response else "responded")
        self.has_response = True

    def _status(
        self, at: str, status: str | None, resolution_kind: str | None, is_first: bool = False
    ) -> None:
        if status is None:
            return
        if not is_first:
            self._responds(at, status)
        new = self._known(status)
        if new is None:
            self.rows.unnamed["states", status] += 1
            self._add(at, f"status {status}" if status in _events() else status)
            return
        if new == "cancelled":
            if self.is_cancelled:
                return
            # it was taken up again
            new = "working"
        if new == self.state:
            return
        is_over = self.state in ("resolved", "closed")
        if new in ("working", "paused") and is_over:
            self._add(at, "reopened")
        if new == "working" and self.state == "paused":
            self._add(at, "resumed")
        elif new == "paused":
            self._add(at, "paused")
        elif new == "resolved":
            if self.state == "closed":
                return
            self._add(
                at, "resolved", resolution_kind=resolution_kind or self.method.resolution_kind
            )
        elif new == "closed":
            self._add(at, "closed")
        self.state = new


@cache
def _events() -> frozenset[str]:
    """The events that the feed knows."""
    event = next(c for c in feeds()["ticket_events"].columns if c.name == "event")
    return frozenset(event.values or ())
