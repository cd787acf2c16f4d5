"""One method for all monitors that log changes of state: what they say becomes `outages` (M3).

A monitor says which state holds from an instant on. Entries are ordered by time; of one instant the
worst counts. Entries of one state that follow each other are one span. It ends where the next one
starts, or earlier, where its monitor says how far it knows.

| state | record | at the end of the log |
|---|---|---|
| down, degraded | a record of that state | open |
| up | a record `up` | up to where it is known |
| unknown (paused, removed, not checked yet) | none | |

Why records and not checks: a check holds for `stale_after_s` at most (M1), and such logs hold a
line only when something changes, so nearly all time would read as unknown. Why records `up`, too:
by M3 a component without checks is, outside its records, what `without_checks` says, from its
first record on, so one that is never down would have no figure, or no coverage.

A record can't say `unknown`, and with `without_checks: up` a gap between records reads as up. So
each unknown span also gives one check of state `unknown`: a component that has a check is, outside
its records, what its checks say, under any policy, and no check says more than unknown here (M2).

`up_records: false` leaves out both, for components that another system checks: records would beat
its checks.

Does not belong here: what a monitor calls these things, which is in its system's file.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from makegood.ingestion.connect.instants import Moment, moment
from makegood.ingestion.connect.names import PlaceNames
from makegood.ingestion.connect.system import Record, Rows, Unmapped

State = Literal["up", "degraded", "down"]
# of one instant the last of these counts
_ORDER = (None, "up", "degraded", "down")


class MonitorNames(PlaceNames):
    """For monitors that log changes. `up_records`: whether the time that is known to be up gets
    records, and unknown time its checks; false, where another system checks the same components."""

    up_records: bool = True


def place_of(
    record: Record,
    paths: Sequence[str],
    names: PlaceNames,
    rows: Rows,
    last_name: str | None = None,
) -> str | None:
    """What a monitor is called in `places`: the first that is there of its `last_name` and of what
    is at `paths`. One without a place is counted. Raises Unmapped where nothing says which one it
    is."""
    called = [text for path in paths if (text := record.text(path))]
    if not called:
        raise Unmapped(f"neither {' nor '.join(paths)} says which monitor it is of")
    if last_name:
        called.insert(0, last_name)
    for text in called:
        if text in names.places:
            return text
    if not set(called) & set(names.ignore):
        names.unplaced(called[0], rows)
    return None


def last_names(
    records: Iterable[Record], number: str, name: str, at: Callable[[Record], str]
) -> dict[str, str]:
    """What each monitor was called last, by what is at `number`: one that was renamed is the same
    one, and what was kept of it under its old name belongs to its log. `at`: a record's time."""
    found: dict[str, tuple[Moment, str]] = {}
    for record in records:
        try:
            when, who, called = moment(at(record)), record.text(number), record.text(name)
        except Unmapped:
            # it is left by name where it is mapped
            continue
        if who and called and (who not in found or when >= found[who][0]):
            found[who] = when, called
    return {who: called for who, (_, called) in found.items()}


@dataclass(frozen=True)
class Seen:
    """What a monitor says: the state from `at` on, None where it doesn't know. `until`: how far
    it knows; None: up to the next entry. `incident_id`: of a state that is not up."""

    at: str
    state: State | None
    until: str | None = None
    incident_id: str | None = None


@dataclass
class _Span:
    state: State | None
    start: str
    last: str
    until: str | None
    incident_id: str | None


def add_outages(
    place: str, location: str, log: Iterable[Seen], names: MonitorNames, rows: Rows
) -> None:
    """Adds the rows of a monitor that has a place. The id of an outage is what the monitor is
    called there and the Unix time of its start, whatever way the log came. Several monitors of one
    component have logs of their own, and where they disagree the worst counts (M3). Raises Unmapped
    where an instant can't be read."""
    component = names.component(place)
    spans = _spans(log)
    for span, following in zip(spans, [*spans[1:], None], strict=True):
        if span.state is None:
            if names.up_records:
                rows.add(
                    "checks",
                    {
                        "component_id": component,
                        "location": location,
                        "checked_at": span.start,
                        "status": "unknown",
                    },
                )
            continue
        if span.state == "up" and not names.up_records:
            continue
        end = _end(span, following)
        if end is not None and moment(end)[0] <= moment(span.start)[0]:
            continue
        rows.add(
            "outages",
            {
                "outage_id": f"{place}:{moment(span.start)[0]}",
                "component_id": component,
                "state": span.state,
                "started_at": span.start,
                "ended_at": end,
                "incident_id": None if span.state == "up" else span.incident_id,
            },
        )


def _spans(log: Iterable[Seen]) -> list[_Span]:
    """Spans of one state each, in order."""
    spans: list[_Span] = []
    for seen in sorted(log, key=lambda seen: (moment(seen.at), _ORDER.index(seen.state))):
        before = spans[-1] if spans else None
        if before and before.state == seen.state and not _is_after(seen.at, before.until):
            before.last = seen.at
            if before.until is not None:
                before.until = _later(before.until, seen.until)
            before.incident_id = before.incident_id or seen.incident_id
        else:
            spans.append(_Span(seen.state, seen.at, seen.at, seen.until, seen.incident_id))
    return spans


def _later(first: str, second: str | None) -> str | None:
    return None if second is None else max(first, second, key=moment)


def _is_after(at: str, until: str | None) -> bool:
    return until is not None and moment(at) > moment(until)


def _end(span: _Span, following: _Span | None) -> str | None:
    if following is None:
        return span.until or (span.last if span.state == "up" else None)
    if span.until is not None and moment(span.until) < moment(following.start):
        return span.until
    return following.start
