"""Codes of the marts in words for a customer; an unlisted code has its underscores as spaces."""

from makegood.dashboards.figures.evidence import Verdict, so_far
from makegood.dashboards.figures.style import agreed_duration

_REASONS = {
    "no_fee": "no fee is invoiced for the {period}",
    "not_ga": "the service is not generally available (beta, preview or early access)",
    "not_paid": "the subscription is a trial or an evaluation",
    "not_subscribed": "the subscription was not in force",
    "overdue": "an invoice was overdue",
    "plan_without_credits": "the support plan has no service credits",
    "suspended": "the subscription was suspended",
    "environment": "the environment is not covered",
}
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


def words(code: str | None) -> str:
    """A code as words: third_party is third party."""
    return "–" if code is None else code.replace("_", " ")


def met(verdict: Verdict, is_over: bool = True) -> str:
    """A verdict as contracts word it: a commitment is met, not kept."""
    return so_far(verdict, is_over).replace("kept", "met")


def sentence_case(text: str) -> str:
    return text[:1].upper() + text[1:]


def reason(code: str | None, period: str = "month") -> str:
    """A reason in words. `period`: month, quarter or year."""
    return words(code) if code not in _REASONS else _REASONS[code].format(period=period)


def reasons(codes: str, period: str) -> str:
    """Comma-joined codes as a list in words. `period`: month, quarter or year."""
    return listed([reason(code, period) for code in codes.split(",")])


def ticket_type(code: str) -> str:
    return _TICKETS.get(code, words(code))


def listed(parts: list[str]) -> str:
    """a, b and c."""
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def target_words(duration: str | None, clock: str | None) -> str:
    """A duration of a contract on its clock, in words: 3bd on business_days is 3 business days."""
    if duration is None:
        return "no target"
    length = agreed_duration(duration)
    if clock is None or clock == "24x7" or duration.endswith("bd"):
        return length
    return f"{length} of {_CLOCKS.get(clock, words(clock))}"
