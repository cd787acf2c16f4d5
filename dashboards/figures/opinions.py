"""Second opinions in words: why the ticket system's verdict on a ticket differs from ours, and
what to do about each reason.

Codes are those of `marts.second_opinions`, variants those of `marts.second_opinion_variants`.
"""

from dataclasses import dataclass

from makegood.dashboards.figures.style import exact_duration
from makegood.dashboards.figures.words import listed, words


@dataclass(frozen=True)
class Reason:
    """Why verdicts differ: in words, what one of the two does, and what to do."""

    title: str
    means: str
    action: str


REASONS = {
    "pause_not_counted": Reason(
        "pause not counted",
        "Pauses are on one clock and off the other.",
        "Compare resolution.pause_counts with the ticket system's conditions for a pause; by our "
        "rules nothing pauses a response.",
    ),
    "calendar": Reason(
        "calendar",
        "One clock runs round the clock, or by another calendar of the contract.",
        "Compare the clock of the target with the ticket system's schedule, holidays and time "
        "zone.",
    ),
    "severity_at_another_time": Reason(
        "severity at another time",
        "The target is that of the severity of another time: the first, the highest, at the stop "
        "or the last.",
        "Compare severity.basis with when the ticket system attaches its target.",
    ),
    "due_date": Reason(
        "due date",
        "One goes by the ticket's due date and the other by the target.",
        "Compare tickets.due_dates with what was agreed.",
    ),
    "due_date_edited": Reason(
        "due date edited",
        "The ticket system goes by a due date that was delivered before.",
        "Ask who moved the due date, and whether the contract allows it.",
    ),
    "reopened": Reason(
        "reopened",
        "The ticket system stops at the first resolution, or counts the time until the ticket was "
        "reopened.",
        "Check that its target goes on when a ticket is reopened.",
    ),
    "clock_start": Reason(
        "clock start",
        "The ticket system starts at receipt or at classification, we at the later of the two.",
        "Compare when its target starts; look for tickets that are classified late.",
    ),
    "clock_stop": Reason(
        "clock stop",
        "The ticket system's resolution stops when the ticket is closed, or its response at the "
        "first answer only.",
        "Compare when its target ends; tickets that close by themselves days later count as late.",
    ),
    "rounding": Reason(
        "rounding",
        "The ticket system counts whole minutes, or only what is shorter than the target.",
        "Nothing, unless there are many: deliver instants with their seconds.",
    ),
    "rejected_event": Reason(
        "rejected event",
        "The ticket system knows an event that was rejected or waits here.",
        "Correct the event and deliver it again (page Feeds).",
    ),
}

# what a row is where both verdicts differ and no code holds
APART = {
    "source_target_unknown": Reason(
        "target unknown",
        "No single change explains it, but the clock and the target that the ticket system "
        "probably goes by do.",
        "Ask for the ticket system's targets, and compare them with those of the contract.",
    ),
    "unexplained": Reason(
        "unexplained",
        "No single change explains it, nor does the target that the ticket system probably goes "
        "by.",
        "Look at the timeline: events may be missing, or several things differ at once.",
    ),
}

# what a row is where one of the two says nothing
SILENT = {
    "pending": "still open by our clock",
    "no_target": "without a target of ours",
    "not_counted": "not counted, or not classified yet",
}

_READINGS = {
    "as_ours": "as we do",
    "pauses": "pauses counted the other way",
    "start_received": "from receipt",
    "start_classified": "from classification",
    "stop_responded": "until the first answer",
    "stop_closed": "until it is closed",
    "stop_first_resolved": "until it is first resolved",
    "resolved_counts": "resolved time counted until it is reopened",
    "set_aside": "with the rejected events",
    "calendar_24x7": "round the clock",
    "instants_to_minute": "instants in whole minutes",
    "elapsed_to_minute": "elapsed time in whole minutes",
    "before_target": "in time only before the target",
    "due_date": "by due dates",
    "target": "by targets",
    "closed_pauses": "until it is closed, pauses counted the other way",
    "closed_24x7": "until it is closed, round the clock",
    "pauses_24x7": "pauses counted the other way, round the clock",
    "closed_pauses_24x7": "until it is closed, pauses counted the other way, round the clock",
}
_KINDS = {
    "calendar_": "by another calendar of the contract",
    "due_date_": "by an earlier due date",
    "severity_": "by another severity",
}
_SEVERITIES = {
    "severity_initial": "by the first severity",
    "severity_highest": "by the highest severity",
    "severity_stop": "by the severity at the stop",
    "severity_last": "by the last severity",
}


def variant(name: str) -> str:
    """A variant in words: how the ticket system would count by it."""
    named = _READINGS | _SEVERITIES
    kind = next((text for start, text in _KINDS.items() if name.startswith(start)), words(name))
    return named.get(name, kind)


def title(code: str) -> str:
    """A code, or what a row without one is, in words."""
    known = REASONS | APART
    return known[code].title if code in known else SILENT.get(code, words(code))


def titles(codes: str | None) -> str:
    """Comma-joined codes in words; a dash without any."""
    return listed([title(code) for code in codes.split(",")]) if codes else "–"


def target(at_least: int | None, below: int | None) -> str:
    """The targets that fit, in words: all from `at_least` to below `below`, in seconds."""
    if at_least is None:
        return "none that anything keeps"
    bounds = [exact_duration(s, in_hours=True) for s in (at_least, below) if s is not None]
    return " to below ".join(bounds)
