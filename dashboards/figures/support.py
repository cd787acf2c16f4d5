"""How support keeps its targets: the share in time beside the goal, times, and the backlog (Z6).

Every figure is counted over the tickets themselves, so that several months, regions or customers
are no averages of their percentages or percentiles.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction

from makegood.dashboards.access.reader import Reader, Row
from makegood.dashboards.figures import periods
from makegood.dashboards.figures.style import share_of

# the kinds of target, and what tickets did that met them
TARGETS = {
    "resolution": "resolved in time",
    "response": "answered in time",
    "updates": "updated in time",
}

# a row for each counted ticket and kind of target, each at the severity of its own clock (K3-K7);
# `stopped_at`: null while that clock has not stopped; `hour`: of receipt, by the contract's clock.
# Publications without the mart `support_times` lack a column of it
OF_TARGETS = """
    with tickets as (
        select t.*, s.customer_id, s.customer_name, s.service_id, s.region,
               cast(date_part('hour', t.received_at at time zone c.time_zone) as integer) as hour
        from marts.ticket_sla as t
        inner join marts.subscriptions as s using (subscription_id)
        inner join marts.contracts as c on t.contract_id = c.contract_id
        where t.status = 'counted'
    )
    select *, 'resolution' as target, severity as target_severity, resolution_outcome as outcome,
           resolution_target_s as target_s, resolution_elapsed_s as elapsed_s,
           resolved_at as stopped_at
    from tickets
    union all
    select *, 'response', response_severity, response_outcome, response_target_s,
           response_elapsed_s, responded_at
    from tickets
    union all
    select *, 'updates', severity, update_outcome, null, null, resolved_at from tickets
"""

# the columns of a group, and its counted tickets by outcome
_COUNTS = """
    count(*) filter (outcome = 'met') as met,
    count(*) filter (outcome in ('met', 'missed')) as cases,
    count(*) filter (outcome = 'pending') as pending,
    count(*) filter (is_incomplete) as incomplete
"""


def attained(by: str, condition: str = "true") -> str:
    """A query for tickets by outcome of a kind of target (K7): met, cases (met and missed),
    pending, incomplete; a row for each group that has any.

    `by`: columns of OF_TARGETS; `condition`: over its rows."""
    return f"""
        select {by}, {_COUNTS} from ({OF_TARGETS})
        where outcome is not null and {condition}
        group by {by} order by {by}
    """


def times(by: str, condition: str = "true") -> str:
    """A query for the seconds until response and resolution (K4, K5), each on the clock of its
    target: percentiles by nearest rank, as in `support_times`, sum and count of the tickets whose
    clock has stopped, and those that are still open.

    `by`: columns of OF_TARGETS; `condition`: over its rows."""
    shares = ", ".join(
        f"max(elapsed_s) filter (is_stopped and place = ({share} * places + 99) // 100) as {name}"
        for name, share in (("median_seconds", 50), ("p90_seconds", 90), ("p95_seconds", 95))
    )
    return f"""
        with timed as (
            select *, stopped_at is not null as is_stopped from ({OF_TARGETS})
            where elapsed_s is not null and {condition}
        ),
        placed as (
            select *, row_number() over (same order by elapsed_s) as place,
                   count(*) over same as places
            from timed
            window same as (partition by {by}, is_stopped)
        )
        select {by}, count(*) filter (is_stopped) as stopped,
               count(*) filter (not is_stopped) as still_open, {shares},
               coalesce(cast(sum(elapsed_s) filter (is_stopped) as bigint), 0) as total_seconds
        from placed group by {by} order by {by}
    """


def mean_seconds(row: Row) -> int | None:
    """The mean of the seconds of a row of `times`, rounded once, half up to the second; None for
    none."""
    if not row["stopped"]:
        return None
    return int((2 * row["total_seconds"] + row["stopped"]) // (2 * row["stopped"]))


# open tickets by how long ago their clocks started, in seconds of the calendar; the parameter of it
# is the instant of the figures
BACKLOG = """
    with aged as (
        select o.*, s.service_id, s.region,
               cast(date_diff('second', o.clock_started_at, ?::timestamptz) as bigint) as age_s,
        from marts.open_tickets as o inner join marts.subscriptions as s using (subscription_id)
    )
    select *,
           row_number() over (same order by age_s, ticket_id) as place, count(*) over same as places
    from aged
    where {condition}
    window same as (partition by contract_id, severity)
"""


def backlog(condition: str = "true") -> str:
    """A query for open tickets as of now by contract and severity: how many, their median age by
    nearest rank and the oldest one, in seconds of the calendar since clock start (K2).

    Its first parameter is the instant of the figures. `condition`: over columns of `open_tickets`,
    service_id and region."""
    return f"""
        select contract_id, severity, count(*) as tickets,
               max(age_s) filter (place = (50 * places + 99) // 100) as median_s,
               max(age_s) as oldest_s, arg_max(ticket_id, place) as oldest_id
        from ({BACKLOG.format(condition=condition)})
        group by contract_id, severity order by contract_id, severity
    """


class Goals:
    """The goals for the share of resolutions in time, as contracts write them (Z6)."""

    def __init__(self, reader: Reader) -> None:
        self._versions: dict[str, list[tuple[date, Decimal | None]]] = {}
        for row in reader.rows(
            """select contract_id, contract_version,
                      max(value) filter (policy_key = 'resolution.attainment_pct') as goal
               from marts.contract_terms group by all order by all"""
        ):
            goal = None if row["goal"] is None else Decimal(row["goal"])
            self._versions.setdefault(row["contract_id"], []).append(
                (row["contract_version"], goal)
            )

    def of(self, contract_id: str, month: date) -> Decimal | None:
        """By the contract's own terms on the month's first day, or its first version's where that
        begins later; None without a goal."""
        versions = self._versions.get(contract_id, [])
        in_force = [goal for since, goal in versions if since <= month]
        return in_force[-1] if in_force else versions[0][1] if versions else None


@dataclass(frozen=True)
class InTime:
    """Tickets received in a calendar month that met a kind of target (K9, Z6).

    `cases`: met and missed; `pending`: open and not past it, in neither; `incomplete`: tickets
    that lack rejected or waiting rows; `goal_pct`: None without one, or where contracts differ."""

    month: date
    is_over: bool
    met: int
    cases: int
    pending: int
    incomplete: int
    goal_pct: Decimal | None

    @property
    def is_reached(self) -> bool | None:
        """Whether the goal is reached, exactly (A6); None without a goal or cases."""
        if self.goal_pct is None or not self.cases:
            return None
        return self.met * 100 >= Fraction(self.goal_pct) * self.cases

    @property
    def share(self) -> str:
        """The share in time as it may be shown: 88.89 %; without cases there is none."""
        return share_of(self.met, self.cases, self.goal_pct) if self.cases else "no cases"

    @property
    def result(self) -> str:
        """The verdict in words; a month in progress, or that lacks rows, says so."""
        if not self.cases:
            words = "no cases" + ("" if self.is_over else " so far")
        elif self.is_reached is None:
            words = "no goal" + ("" if self.is_over else ", in progress")
        else:
            words = "goal reached" if self.is_reached else "goal missed"
            words += "" if self.is_over else " so far"
        return words + (", incomplete data" if self.incomplete else "")


# rejected or waiting rows of tickets that are in no mart, by the period of the credit without them
LOST = """
    select contract_id, service_id, region, period_start, count(distinct (feed, file, line)) as lost
    from marts.evidence_gaps
    where figure = 'credits' and feed in ('tickets', 'ticket_events')
      and (feed, file, line) not in (
          select (feed, file, line) from marts.evidence_gaps where figure = 'ticket_sla'
      )
    group by all
"""


def lost_by_month(gaps: Iterable[Row], kinds: Mapping[str, str]) -> Counter[tuple[str, date]]:
    """How many rows of LOST each month of a contract may lack: by contract id and month.

    `kinds`: of period, by contract id; which month of a longer period a row is of is unknown."""
    found: Counter[tuple[str, date]] = Counter()
    for gap in gaps:
        contract, month = gap["contract_id"], gap["period_start"]
        end = periods.following(kinds[contract], month)
        while month < end:
            found[contract, month] += gap["lost"]
            month = periods.following("month", month)
    return found


def in_time(
    counts: Iterable[Row], goals: Goals | None, month: date, *, is_over: bool, more: int = 0
) -> InTime:
    """The tickets of a month together. `counts`: rows of `attained` by contract_id and month at
    least; `goals`: None for targets other than resolutions; `more`: further missing rows."""
    every = list(counts)
    own = [row for row in every if row["month"] == month]
    # a month without tickets has the goal of those around it
    found = {goals.of(row["contract_id"], month) if goals else None for row in own or every}
    met, cases, pending, incomplete = (
        sum(row[k] for row in own) for k in ("met", "cases", "pending", "incomplete")
    )
    goal = found.pop() if len(found) == 1 else None
    return InTime(month, is_over, met, cases, pending, incomplete + more, goal)
