"""What to do next, in order of deadline: claims that expire, tickets about to miss a target, error
budgets that run out (A8, C5, Z5)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from zoneinfo import ZoneInfo

from makegood.dashboards.access.reader import Row
from makegood.dashboards.figures.overview.commitments import will_run_out
from makegood.dashboards.figures.overview.lines import Line, Link, Tone, listed
from makegood.dashboards.figures.overview.worse import figure_link
from makegood.dashboards.figures.periods import midnight
from makegood.dashboards.figures.queries import service_and_region
from makegood.dashboards.figures.style import counted, day, duration, money

# more of a kind are one line
_MOST = 2
# a first response is near from so many seconds on: of others the mart says which are near
_SOON = 4 * 3600
# what is left of each target of a ticket, in the order of a ticket's life
TARGETS = {
    "response": "response_remaining_s",
    "update": "update_remaining_s",
    "resolution": "resolution_remaining_s",
}
# open tickets that may be past a target, or near one
PRESSED = f"""
    select ticket_id, contract_id, severity, target_severity, is_paused, target_status,
           {", ".join(TARGETS.values())}
    from marts.open_tickets
    where target_status <> 'on_track' or response_remaining_s <= {_SOON}
        or least({", ".join(TARGETS.values())}) < 0
"""


@dataclass(frozen=True)
class Step:
    """Something to do. `at`: its deadline; for a ticket the earliest instant at which its target
    can be missed, since its clock may stop."""

    at: datetime
    line: Line


def steps(
    credits: Sequence[Row],
    tickets: Sequence[Row],
    budgets: Sequence[Row],
    zones: Mapping[str, ZoneInfo],
    as_of: datetime,
) -> list[Step]:
    """All steps in order of deadline.

    `credits`: of RECENT; `tickets`: of PRESSED; `budgets`: of error_budgets, each with its
    row of FIGURES as `figure`; `zones`: by contract id."""
    found = [
        *claims(credits, zones),
        *targets(tickets, as_of),
        *run_outs(budgets, zones, as_of),
    ]
    return sorted(found, key=lambda step: (step.at, step.line.text))


def claims(credits: Sequence[Row], zones: Mapping[str, ZoneInfo]) -> list[Step]:
    """Credits that nobody has requested yet, by the last day on which that can be done (C5)."""

    def deadline(credit: Row) -> tuple[str, str]:
        return str(credit["claim_deadline"]), str(zones[credit["contract_id"]])

    found = []
    unclaimed = sorted((c for c in credits if c["exposure"] == "claimable"), key=deadline)
    for _, group in groupby(unclaimed, deadline):
        due = list(group)
        first = due[0]
        sums = [
            money(sum(c["credit_amount"] for c in due if c["currency"] == currency), currency)
            for currency in sorted({c["currency"] for c in due})
        ]
        last = first["claim_deadline"]
        left = first["days_left"]
        when = f"in {counted(left, 'day')}" if left else "today"
        found.append(
            Step(
                # a claim can be made until the end of its last day
                midnight(last + timedelta(days=1), zones[first["contract_id"]]),
                Line(
                    f"{', '.join(sums)} expire{'s' * (len(sums) == 1)} unless claimed by "
                    f"{day(last)}, {when} "
                    f"({counted(sum(c['credits'] for c in due), 'credit')}).",
                    Tone.AT_RISK,
                    Link(
                        "claims",
                        {
                            "claims": "claimable",
                            "contracts": sorted({c["contract_id"] for c in due}),
                        },
                    ),
                ),
            )
        )
    return found


def targets(tickets: Sequence[Row], as_of: datetime) -> list[Step]:
    """Open tickets past a target, in one line, and those about to miss one (Z5)."""
    past, near = [], []
    for ticket in tickets:
        left = {
            name: ticket[column] for name, column in TARGETS.items() if ticket[column] is not None
        }
        late = {name: -seconds for name, seconds in left.items() if seconds < 0}
        ahead = {name: seconds for name, seconds in left.items() if seconds >= 0}
        if late:
            past.append((max(late.values()), ticket))
        elif ahead and (
            ticket["target_status"] == "at_risk" or ahead.get("response", _SOON + 1) <= _SOON
        ):
            # a ticket near a target is so for the one with the least time left
            name = min(ahead, key=lambda n: (ahead[n], n))
            near.append((ahead[name], name, ticket))
    found = []
    if past:
        longest, worst = max(past, key=lambda p: (p[0], p[1]["ticket_id"]))
        text = (
            f"{counted(len(past), 'open ticket')} {'is' if len(past) == 1 else 'are'} past a "
            f"target, {_name(worst)} by {duration(longest, in_hours=True)} on its clock."
        )
        link = _open([ticket for _, ticket in past])
        found.append(Step(as_of - timedelta(seconds=longest), Line(text, Tone.MISSED, link)))
    near.sort(key=lambda n: (n[0], n[2]["ticket_id"]))
    link = _open([ticket for _, _, ticket in near])
    if len(near) > _MOST:
        seconds, name, ticket = near[0]
        text = (
            f"{counted(len(near), 'ticket')} are about to miss a target, first {_name(ticket)}: "
            f"{name} due in {_left(seconds, ticket)}."
        )
        found.append(Step(as_of + timedelta(seconds=seconds), Line(text, Tone.AT_RISK, link)))
    else:
        for seconds, name, ticket in near:
            text = f"{_name(ticket)}: {name} due in {_left(seconds, ticket)}."
            found.append(Step(as_of + timedelta(seconds=seconds), Line(text, Tone.AT_RISK, link)))
    return found


def _open(tickets: Sequence[Row]) -> Link:
    """The list of open tickets, the most urgent first, limited to what these are."""
    return Link(
        "tickets",
        {
            "target_status": sorted({t["target_status"] for t in tickets}),
            "contracts": sorted({t["contract_id"] for t in tickets}),
        },
    )


def _name(ticket: Row) -> str:
    severity = ticket["target_severity"] or ticket["severity"]
    return f"{ticket['ticket_id']} ({severity})" if severity else str(ticket["ticket_id"])


def _left(seconds: int, ticket: Row) -> str:
    paused = ", paused now" if ticket["is_paused"] else ""
    return f"{duration(seconds, in_hours=True)} on its clock{paused}"


def run_outs(budgets: Sequence[Row], zones: Mapping[str, ZoneInfo], as_of: datetime) -> list[Step]:
    """Error budgets at risk, by the day on which they run out at the rate so far (A8)."""
    found = sorted(
        ((at, b) for b in budgets if (at := will_run_out(b, as_of))),
        key=lambda f: (f[0], service_and_region(f[1])),
    )

    def local(at: datetime, budget: Row) -> str:
        return day(at.astimezone(zones[budget["contract_id"]]).date())

    if len(found) > _MOST:
        at, first = found[0]
        names = listed([service_and_region(b) for _, b in found])
        text = (
            f"{counted(len(found), 'error budget')} run out at the present rate, the first about "
            f"{local(at, first)}: {names}."
        )
        return [Step(at, Line(text, Tone.AT_RISK, figure_link(first)))]
    return [
        Step(
            at,
            Line(
                f"The error budget of {service_and_region(b)} runs out about {local(at, b)} at "
                "the present rate.",
                Tone.AT_RISK,
                figure_link(b),
            ),
        )
        for at, b in found
    ]
