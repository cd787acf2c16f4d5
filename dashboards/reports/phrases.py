"""Verdicts, types and targets in words for a customer."""

from makegood.dashboards.figures.evidence import Verdict, so_far
from makegood.dashboards.figures.style import agreed_duration
from makegood.dashboards.figures.words import listed, reason, reasons, sentence_case, words

__all__ = [
    "clock_words",
    "listed",
    "met",
    "reason",
    "reasons",
    "sentence_case",
    "target_words",
    "ticket_type",
    "words",
]

_TICKETS = {
    "incident": "incident",
    "request": "request",
    "configuration_assistance": "configuration assistance",
}
_CLOCKS = {
    "24x7": "around the clock",
    "business_hours": "business hours",
    "business_days": "business days",
}


def met(verdict: Verdict, is_over: bool = True) -> str:
    """A verdict as contracts word it: a commitment is met, not kept."""
    return so_far(verdict, is_over).replace("kept", "met")


def ticket_type(code: str) -> str:
    return _TICKETS.get(code, words(code))


def target_words(duration: str | None, clock: str | None) -> str:
    """A duration of a contract on its clock, in words: 3bd on business_days is 3 business days."""
    if duration is None:
        return "no target"
    length = agreed_duration(duration)
    if clock is None or clock == "24x7" or duration.endswith("bd"):
        return length
    return f"{length} of {clock_words(clock)}"


def clock_words(clock: str) -> str:
    """A clock of a contract: 24x7 is around the clock."""
    return _CLOCKS.get(clock, words(clock))
