"""Agreed terms in words: what each key of a contract means, how its value reads, and its clause."""

import re
from collections.abc import Callable, Iterator
from decimal import Decimal

from makegood.dashboards.access.reader import Row
from makegood.dashboards.figures import periods
from makegood.dashboards.figures.contract import Terms, clause, is_quoted
from makegood.dashboards.figures.style import (
    agreed_duration,
    agreed_pct,
    counted,
    exact_duration,
    money,
)
from makegood.dashboards.figures.words import sentence_case, words
from makegood.dashboards.reports.document import Block, Column, Kind, Table
from makegood.dashboards.reports.phrases import clock_words


def _names(value: str) -> str:
    found = value.strip("[]")
    return ", ".join(words(name) for name in found.split(", ")) if found else "none"


def _yes_no(value: str) -> str:
    return {"true": "yes", "false": "no"}.get(value, value)


def _seconds(value: str) -> str:
    return exact_duration(int(value))


def _days(value: str) -> str:
    return counted(int(value), "day")


def _months(value: str) -> str:
    return counted(int(value), "month")


def _times(value: str) -> str:
    return f"{value} times the fee"


def _one_of(**known: str) -> Callable[[str], str]:
    """A value from a fixed set, by what it means."""
    return lambda value: known.get(value, words(value))


# a key, in which * is a name -> its words, how its value reads, and the rules whose clause it has
_Shown = Callable[[str], str]
WORDS: dict[str, tuple[str, _Shown, str]] = {
    "availability.commitment_pct": ("Committed availability", agreed_pct, "A4"),
    "availability.commitment_pct.*": ("Committed availability, {}", agreed_pct, "A4"),
    "availability.period": ("Measured by", words, "T2"),
    "availability.excluded_time": (
        "Taken off the total",
        _one_of(
            windows="all excluded time",
            unavailable_only="excluded time that was unavailable",
            ignored="nothing",
        ),
        "A4",
    ),
    "availability.total": (
        "Divided by",
        _one_of(calendar="the whole period", covered="the covered time"),
        "A5",
    ),
    "availability.service_hours": ("Service hours", words, "A3"),
    "availability.unavailable_states": ("Counts as unavailable", _names, "M5"),
    "availability.unknown_counts_as": ("Time without data counts as", words, "M6"),
    "availability.min_coverage_pct": ("Monitoring covers at least", agreed_pct, "M6"),
    "monitoring.stale_after_s": ("A check holds for", _seconds, "M1"),
    "monitoring.quorum": (
        "Locations that must agree",
        _one_of(majority="more than half", any="one", all="all"),
        "M2",
    ),
    "monitoring.without_checks": ("State without checks", words, "M3"),
    "downtime.min_consecutive_s": ("Downtime counts from", _seconds, "A2"),
    "downtime.exclusions_apply": (
        "Exclusions are taken out",
        _one_of(
            before_threshold="before the length is compared",
            after_threshold="after the length is compared",
        ),
        "A2",
    ),
    "exclusions.kinds": ("Exclusions", _names, "X1"),
    "calendars.*.time_zone": ("{}: time zone", str, "T4"),
    "calendars.*.hours.*": ("{}: open on {}", str, "T4"),
    "calendars.*.days": ("{}: days", _names, "T4"),
    "calendars.*.opens": ("{}: opens", str, "T4"),
    "calendars.*.closes": ("{}: closes", str, "T4"),
    "calendars.*.holidays": ("{}: holidays of", str, "T4"),
    "calendars.*.add": ("{}: further holidays", _names, "T4"),
    "calendars.*.remove": ("{}: no holidays", _names, "T4"),
    "calendars.*.business_day": ("{}: a business day is", agreed_duration, "T4"),
    "tickets.kinds": ("Tickets count of subscriptions that are", _names, "K8"),
    "tickets.statuses": ("Tickets count while the subscription is", _names, "K8"),
    "tickets.environments": ("Tickets count in", _names, "K8"),
    "tickets.due_dates": (
        "Due dates of tickets",
        _one_of(ignore="have no effect", override="replace targets"),
        "K7",
    ),
    "severity.levels": ("Severities of incidents", _names, "K1, K3"),
    "severity.request_levels": ("Severities of requests", _names, "K1"),
    "severity.basis": (
        "Severity that sets a target",
        _one_of(at_stop="the one when the clock stops", initial="the first", highest="the highest"),
        "K3",
    ),
    "severity.non_production_max": ("Highest severity outside production", words, "K3"),
    "response.*.target": ("Response to {}", agreed_duration, "K4, K2, K7"),
    "response.*.clock": ("Response to {}, clock", clock_words, "K4, T4"),
    "updates.*.every": ("Updates of {}", agreed_duration, "K6"),
    "updates.*.clock": ("Updates of {}, clock", clock_words, "K6, T4"),
    "resolution.pause_counts": ("Paused time counts", _yes_no, "K5"),
    "resolution.attainment_pct": ("Goal for tickets resolved in time", agreed_pct, "Z6"),
    "resolution.*.target": ("Resolution of {}", agreed_duration, "K5, K7"),
    "resolution.*.clock": ("Resolution of {}, clock", clock_words, "K5, T4"),
    "resolution_credit.severities": ("Late resolution: severities", _names, "R1"),
    "resolution_credit.max_missed_pct": ("Late resolution: may miss the target", agreed_pct, "R2"),
    "resolution_credit.mean_over": (
        "Late resolution: average delay of incidents",
        _one_of(missed="past the target", population="that count"),
        "R3",
    ),
    "resolution_credit.tier_rounding": ("Late resolution: rounding of the delay", words, "R3"),
    "credits.support_plans": ("Support plans with credits", _names, "E1"),
    "credits.fee_kinds": ("Fees that count", _names, "E3"),
    "credits.cap_pct": ("Highest credit, of the fee", agreed_pct, "C4"),
    "credits.cap_amount.*": ("Highest credit in {}", str, "C4"),
    "credits.minimum_amount.*": ("Lowest credit in {}", str, "C4"),
    "credits.below_minimum": ("A credit below the minimum is", words, "C4"),
    "credits.availability_steps.per_pct": ("Credit for each", "{} points".format, "C1"),
    "credits.availability_steps.per_downtime": ("Credit for each", agreed_duration, "C1"),
    "credits.availability_steps.credit_pct": ("Credit of each step", agreed_pct, "C1"),
    "credits.availability_steps.credit_days": ("Credit of each step, in fees of days", str, "C1"),
    "credits.availability_steps.begun": ("A step that has begun counts", _yes_no, "C1"),
    "credits.availability_refund.multiple": ("Refund of the fee of the downtime", _times, "C1"),
    "credits.claim_days": ("A credit is requested within", _days, "C5"),
    "credits.claim_months": ("Months before these days begin", _months, "C5"),
    "credits.claim_required": ("A credit must be requested", _yes_no, "C5"),
    "events.link_within_s": ("A ticket belongs to downtime for", _seconds, "C3"),
    "maintenance.notice_required": ("Maintenance is excluded only if announced", _yes_no, "X3"),
    "maintenance.scheduled_notice": ("Notice of maintenance", agreed_duration, "Z2"),
    "maintenance.change_notice": ("Notice of changes", agreed_duration, "Z2"),
    "maintenance.emergency_notice": ("Notice of emergency maintenance", agreed_duration, "Z2"),
    "maintenance.max_length": ("Longest maintenance", agreed_duration, "Z2"),
    "configuration_assistance.included": ("Assistance included, a month", agreed_duration, "Z1"),
    "status_page.severities": ("On the status page", _names, "Z3"),
    "escalation.path": ("Escalated to", lambda value: value.strip("[]"), "Z5"),
    "escalation.*": ("Escalation of {}, clock", clock_words, "Z5"),
}
_TIERS = ("credits.availability_tiers", "credits.resolution_tiers")
# one row says both: a length of time, and the clock that measures it
_CLOCKED = re.compile(r"(response|updates|resolution)\.([^.]+)\.clock")


def blocks(terms: Terms, kind: str, caption: str) -> Iterator[Block]:
    """The terms as a table, and a table for each set of tiers. `kind`: month, quarter or year."""
    shown = {key: row for key, row in terms.items() if not is_quoted(key)}
    documents = {row["document"] for row in shown.values()}
    if len(documents) == 1:
        (document,) = documents
        yield f"All terms below are set by: {document}."
    yield from tiers(shown, terms, kind)
    rows = [row for key in _ordered(shown) if (row := _row(shown, terms, key)) is not None]
    columns = [Column("Term"), Column("Agreed"), Column("Clause"), Column("Set by")]
    is_clear = len(documents) == 1
    without = {n for n in (2, 3) if (is_clear if n == 3 else not any(row[n] for row in rows))}
    kept = [n for n in range(4) if n not in without]
    if rows:
        yield Table(
            caption,
            tuple(columns[n] for n in kept),
            tuple(tuple(row[n] for n in kept) for row in rows),
        )


def tiers(shown: Terms, terms: Terms, kind: str) -> Iterator[Block]:
    """The tiers of credits, a table for each kind."""
    fee = Column(f"Credit, of the {periods.FEES[kind]}", Kind.AGREED)
    for key, what, caption, rules in (
        (_TIERS[0], "Availability", "Credit for availability", "C1"),
        (_TIERS[1], "Average delay, of the target", "Credit for late resolution", "R3, C2"),
    ):
        found = _parsed(shown[key]["value"]) if key in shown else []
        if not found:
            continue
        place = clause(terms, rules)
        rows = tuple((_bound(tier), Decimal(tier["credit_pct"])) for tier in found)
        yield Table(f"{caption}, {place}" if place else caption, (Column(what), fee), rows)


def _bound(tier: dict[str, str]) -> str:
    for key, text in (
        ("below_pct", "below"),
        ("at_or_below_pct", "at or below"),
        ("up_to_pct", "up to"),
    ):
        if key in tier:
            return f"{text} {agreed_pct(tier[key])}"
    return "more"


def _parsed(value: str) -> list[dict[str, str]]:
    """`[{below_pct: 99.9, credit_pct: 10}]`, as it is published."""
    return [
        dict(pair.split(": ", 1) for pair in one.split(", "))
        for one in re.findall(r"{([^}]*)}", value)
    ]


def _ordered(shown: Terms) -> list[str]:
    """Keys as WORDS has them; unlisted ones last."""
    places = {pattern: number for number, pattern in enumerate(WORDS)}
    return sorted(shown, key=lambda key: (places.get(pattern_of(key) or "", len(places)), key))


def pattern_of(key: str) -> str | None:
    """The key of WORDS that is or covers a key; None if it has no words."""
    if key in WORDS:
        return key
    parts = key.split(".")
    for pattern in WORDS:
        wanted = pattern.split(".")
        if len(wanted) == len(parts) and all(
            w in ("*", p) for w, p in zip(wanted, parts, strict=True)
        ):
            return pattern
    return None


def _row(shown: Terms, terms: Terms, key: str) -> tuple[str, str, str | None, str] | None:
    """None for what another row, or a table of tiers, says."""
    row: Row = shown[key]
    if key in _TIERS and (_parsed(row["value"]) or row["value"] == "[]"):
        return None
    if found := _CLOCKED.fullmatch(key):
        length = f"{found[1]}.{found[2]}.{'every' if found[1] == 'updates' else 'target'}"
        if length in shown and shown[length]["document"] == row["document"]:
            return None
    pattern = pattern_of(key)
    if pattern is None:
        return sentence_case(words(key.replace(".", ": "))), row["value"], None, row["document"]
    label, how, rules = WORDS[pattern]
    names = [
        words(part)
        for part, wanted in zip(key.split("."), pattern.split("."), strict=True)
        if wanted == "*"
    ]
    value = row["value"]
    if pattern in ("credits.cap_amount.*", "credits.minimum_amount.*"):
        text = money(Decimal(value), names[0])
    else:
        text = how(value)
    clock = re.sub(r"\.(target|every)$", ".clock", key)
    if clock != key and clock in shown and shown[clock]["document"] == row["document"]:
        on = clock_words(shown[clock]["value"])
        text = listed_on(text, on, value)
    return sentence_case(label.format(*names)), text, clause(terms, rules), row["document"]


def listed_on(length: str, clock: str, value: str) -> str:
    """A length of time on its clock: 15 minutes, around the clock; 3 business days."""
    return length if value.endswith("bd") else f"{length}, {clock}"
