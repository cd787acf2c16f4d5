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
`status_updated`. A cancelled ticket has its `cancelled` only if it ends so: one that is taken up
again was never cancelled, and the time in between counts as work. Events of one instant keep the
order of the log by their ids, which are numbered (`4711:0001`), as K1 orders ties by id.

Does not belong here: what a desk calls these things, which is in its system's file.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from makegood.ingestion.connect.instants import moment
from makegood.ingestion.connect.names import State
from makegood.ingestion.connect.system import Rows

What = Literal["status", "severity", "reply"]


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
    itself as an event, which the feed rejects by name; it changes no state. Raises Unmapped where
    an instant can't be read."""
    events = _Events(ticket, method, rows)
    events.run()


class _Events:
    def __init__(self, ticket: Ticket, method: Method, rows: Rows) -> None:
        self.ticket, self.method, self.rows = ticket, method, rows
        self.number = 0
        self.state: State = "working"
        self.severity: str | None = None
        self.has_response = False

    def run(self) -> None:
        log = sorted(self.ticket.log, key=lambda change: (moment(change.at), change.order))
        created = self.ticket.created_at
        # what a log says about the time before the creation is of the creation
        start = moment(created)
        self._add(created, "received")
        self._severity(created, self.ticket.severity)
        self._status(created, self.ticket.status, None, is_first=True)
        final = self._final(log)
        for change in log:
            at = change.at if moment(change.at) > start else created
            match change.what:
                case "severity":
                    self._severity(at, change.value)
                case "reply":
                    self._reply(at)
                case "status":
                    self._status(at, change.value, change.resolution_kind)
        if final:
            self._add(final, "cancelled")

    def _final(self, log: list[Change]) -> str | None:
        """When the ticket was cancelled, if it ends so: since the last change to that state."""
        state, since = self._known(self.ticket.status), self.ticket.created_at
        for change in log:
            if change.what == "status" and (new := self._known(change.value)):
                if new != state:
                    since = change.at
                state = new
        if state != "cancelled":
            return None
        return since if moment(since) > moment(self.ticket.created_at) else self.ticket.created_at

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

    def _reply(self, at: str) -> None:
        self._add(at, "status_updated" if self.has_response else "responded")
        self.has_response = True

    def _status(
        self, at: str, status: str | None, resolution_kind: str | None, is_first: bool = False
    ) -> None:
        if status is None:
            return
        if not is_first and status in self.method.responds and not self.has_response:
            self._reply(at)
        new = self._known(status)
        if new is None:
            self.rows.unnamed["states", status] += 1
            self._add(at, status)
            return
        if new == "cancelled":
            # only the last one counts, and it is added at the end
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
