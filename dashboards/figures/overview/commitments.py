"""Are we keeping our commitments: a sentence on the last finished period of each contract, one on
the current period so far, and one on its goal for support (A6-A8, M6, Z6)."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from makegood.dashboards.access.reader import Row
from makegood.dashboards.figures import periods
from makegood.dashboards.figures.evidence import (
    MISSES,
    THIN_BUDGET,
    Evidence,
    Verdict,
    budget_status_of,
    evidence_of,
    is_incomplete,
    verdict_of,
)
from makegood.dashboards.figures.overview.lines import Line, Link, Tone, listed
from makegood.dashboards.figures.queries import service_and_region
from makegood.dashboards.figures.style import (
    agreed_pct,
    counted,
    day,
    percentage,
    share_of,
    thousands,
)

# the contracts, each with whether time without a record counts as up (M3), and whether it sets a
# goal for resolutions (Z6)
CONTRACTS = """
    select c.contract_id, c.contract_name, c.time_zone,
           coalesce(bool_or(t.policy_key = 'monitoring.without_checks' and t.value = 'up'), false)
               as is_up_without_record,
           coalesce(bool_or(t.policy_key = 'resolution.attainment_pct'), false) as has_goal
    from marts.contracts as c
    left join marts.contract_terms as t
        on c.contract_id = t.contract_id and t.value is not null
        and t.policy_key in ('monitoring.without_checks', 'resolution.attainment_pct')
    group by all order by c.contract_name, c.contract_id
"""

# resolutions that a goal is set for, by contract and month (Z6)
SUPPORT = """
    select contract_id, month, goal_pct,
           sum(met)::bigint as met, sum(missed)::bigint as missed
    from marts.attainment
    where promise = 'resolution' and goal_pct is not null
    group by all order by contract_id, month
"""

# tickets that lack rows, by contract and month of receipt; not in publications of older versions
INCOMPLETE = """
    select contract_id, period_start as month, count(distinct ticket_id) as tickets
    from marts.evidence_gaps where figure = 'ticket_sla' group by all
"""


@dataclass(frozen=True)
class Standing:
    """What is known of a contract. `finished` and `current` never speak of the same period.

    `data`: until when there is data, in words; empty where that is not published. `banner`: what
    its current period lacks, a sentence; None where every region has sufficient data so far."""

    contract_id: str
    name: str
    finished: Line | None
    current: Line | None
    support: Line | None
    data: str
    banner: str | None

    @property
    def lines(self) -> list[Line]:
        return [line for line in (self.finished, self.current, self.support) if line]

    @property
    def rank(self) -> tuple[int, str]:
        """Its place in the list: misses first."""
        return min((line.tone.rank for line in self.lines), default=len(Tone)), self.name


def standings(
    contracts: Iterable[Row],
    figures: Sequence[Row],
    budgets: Sequence[Row],
    support: Sequence[Row],
    incomplete: Sequence[Row],
    lost: Mapping[tuple[str, date], int],
    last_seen: Mapping[str, datetime | None],
    as_of: datetime,
) -> list[Standing]:
    """The contracts, those with a miss first.

    `contracts`: of CONTRACTS; `figures`: of FIGURES; `budgets`: of error_budgets, each with its row
    of FIGURES as `figure`; `support`: of SUPPORT; `incomplete`: of INCOMPLETE; `lost`: of
    `lost_by_month`; `last_seen`: by contract id. The last three are empty in publications of older
    versions."""
    found = []
    for contract in contracts:
        key = contract["contract_id"]
        zone = ZoneInfo(contract["time_zone"])
        own = [f for f in figures if f["contract_id"] == key]
        running = [b for b in budgets if b["contract_id"] == key]
        found.append(
            Standing(
                key,
                contract["contract_name"],
                finished(last_finished(own, as_of)),
                current(running, as_of, zone),
                goal(
                    [s for s in support if s["contract_id"] == key],
                    {i["month"]: i["tickets"] for i in incomplete if i["contract_id"] == key},
                    {m: rows for (c, m), rows in lost.items() if c == key and contract["has_goal"]},
                    as_of.astimezone(zone).date(),
                ),
                _data(contract, running, last_seen, as_of) if own else "",
                banner(contract["contract_name"], running, last_seen.get(key))
                if key in last_seen
                else None,
            )
        )
    return sorted(found, key=lambda s: s.rank)


def last_finished(figures: Sequence[Row], as_of: datetime) -> list[Row]:
    """The figures with a commitment of the last period of a contract that is over (T3)."""
    over = [f for f in figures if periods.is_over(f["ends_at"], as_of) and f["is_met"] is not None]
    last = max((f["period_start"] for f in over), default=None)
    return [f for f in over if f["period_start"] == last]


def named(row: Row) -> str:
    """The period of a figure in a sentence: July 2026."""
    return periods.name(row["period_kind"], row["period_start"])


def _its(number: int) -> str:
    return "its" if number == 1 else "their"


def _some(some: int, number: int) -> str:
    """Some of a number of regions: all 3 regions, 1 of 5 regions."""
    return (
        f"all {number} regions" if some == number > 1 else f"{some} of {counted(number, 'region')}"
    )


def _unproven(rows: Sequence[Row], what: str) -> str:
    """That nothing is known against regions with thin evidence, which proves little."""
    subject = f"none of {len(rows)} regions" if len(rows) > 1 else service_and_region(rows[0])
    is_known = "is known" if len(rows) > 1 else "is not known"
    return (
        f"{subject} {is_known} to have {what}, but evidence is thin: monitoring saw "
        f"{coverage(rows)}"
    )


def _has(number: int) -> str:
    return "has" if number == 1 else "have"


def finished(figures: Sequence[Row]) -> Line | None:
    """The sentence on a finished period. `figures`: those with a commitment, of one period."""
    if not figures:
        return None
    by_verdict: dict[Verdict, list[Row]] = {v: [] for v in Verdict}
    for figure in figures:
        by_verdict[verdict_of(figure)].append(figure)
    missed = [f for verdict in MISSES for f in by_verdict[verdict]]
    kept, thin = by_verdict[Verdict.KEPT], by_verdict[Verdict.KEPT_ON_THIN]
    unseen = by_verdict[Verdict.NO_DATA]
    number = len(figures)
    lacking = sum(map(is_incomplete, figures))
    if len(kept) == number:
        text = (
            f"all {number} regions kept their commitment"
            if number > 1
            else f"{service_and_region(kept[0])} kept its commitment"
        )
    elif len(unseen) == number:
        where = f"any of {number} regions" if number > 1 else service_and_region(unseen[0])
        text = f"no data for {where}, so nothing is known about {_its(number)} commitment"
    elif len(thin) == number:
        text = _unproven(thin, "missed its commitment")
    else:
        parts = []
        if missed:
            names = [_miss(f) for f in sorted(missed, key=_depth)]
            parts.append(
                f"{_some(len(missed), number)} missed {_its(len(missed))} "
                f"commitment: {listed(names)}"
            )
        if kept:
            parts.append(
                f"{len(kept)} kept it"
                if missed
                else f"{len(kept)} of {number} regions kept {_its(len(kept))} commitment"
            )
        if thin:
            what = "it" if missed or kept else f"{_its(len(thin))} commitment"
            parts.append(f"{len(thin)} kept {what} on thin evidence ({coverage(thin)} seen)")
        if unseen:
            parts.append(f"{len(unseen)} {_has(len(unseen))} no data")
        text = f"{'' if missed or kept else f'of {number} regions, '}{'; '.join(parts)}"
    text = f"{named(figures[0])}: {text}{_incomplete(lacking)}."
    tone = (
        Tone.MISSED
        if missed
        else Tone.NO_DATA
        if unseen
        else Tone.THIN
        if thin or lacking
        else Tone.KEPT
    )
    return Line(text, tone, _figures_of(figures[0]))


def _incomplete(lacking: int) -> str:
    if not lacking:
        return ""
    return (
        f"; {counted(lacking, 'figure')} {'rests' if lacking == 1 else 'rest'} on incomplete data"
    )


def _figures_of(row: Row) -> Link:
    return Link("availability", {"contract": row["contract_id"]})


def _depth(figure: Row) -> tuple[Decimal, str]:
    """The farthest below the commitment first."""
    return figure["availability_pct"] - figure["commitment_pct"], service_and_region(figure)


def _miss(figure: Row) -> str:
    thin = ", on thin evidence" if verdict_of(figure) is Verdict.MISSED_ON_THIN else ""
    pct = percentage(figure["availability_pct"], figure["commitment_pct"], is_below=True)
    return f"{service_and_region(figure)} ({pct} of {agreed_pct(figure['commitment_pct'])}{thin})"


def coverage(figures: Sequence[Row]) -> str:
    """What share of the time was seen, over several figures: 32.79 % to 32.88 % of the time."""
    found = sorted(f["coverage_pct"] or Decimal() for f in figures)
    least, most = percentage(found[0]), percentage(found[-1])
    return f"{least if least == most else f'{least} to {most}'} of the time"


def runs_out(budget: Row) -> datetime | None:
    """The instant at which an error budget is used up if downtime goes on at the rate so far (A8),
    rounded down to a second; None without downtime, without a budget, or after its period.

    `budget`: one of error_budgets. Where service hours number, they are taken as even."""
    used, allowed = budget["downtime_seconds"], budget["budget_seconds"]
    if not used or not allowed or not budget["total_seconds"]:
        return None
    whole = int((budget["ends_at"] - budget["starts_at"]).total_seconds())
    after = whole * budget["elapsed_seconds"] * allowed // (budget["total_seconds"] * used)
    return budget["starts_at"] + timedelta(seconds=after) if after <= whole else None


def will_run_out(budget: Row, as_of: datetime) -> datetime | None:
    """The same for a budget that the mart calls at risk, and not before the figures' instant."""
    if budget_status_of(budget) != "at risk":
        return None
    return min(max(runs_out(budget) or budget["ends_at"], as_of), budget["ends_at"])


def current(budgets: Sequence[Row], as_of: datetime, zone: ZoneInfo) -> Line | None:
    """The sentence on the period in progress. `budgets`: all of a contract, as in `standings`."""
    if not budgets:
        return None
    by_status: dict[str, list[Row]] = {}
    for budget in budgets:
        by_status.setdefault(budget_status_of(budget), []).append(budget)
    over, risk = by_status.get("exhausted", []), by_status.get("at risk", [])
    thin, unseen = by_status.get(THIN_BUDGET, []), by_status.get("no data", [])
    well = by_status.get("on track", [])
    number = len(budgets)
    lacking = sum(is_incomplete(b["figure"]) for b in budgets)
    where = f"{number} regions" if number > 1 else service_and_region(budgets[0])
    if len(well) == number:
        text = (
            f"all {number} regions are on track to keep their commitment"
            if number > 1
            else f"{where} is on track to keep its commitment"
        )
    elif len(unseen) == number:
        text = f"no data for {'any of ' * (number > 1)}{where}"
    elif len(thin) == number:
        text = _unproven([b["figure"] for b in thin], "used up its error budget")
    else:
        parts = []
        if over:
            names = [service_and_region(b) for b in sorted(over, key=_remaining)]
            parts.append(
                f"{_some(len(over), number)} {_has(len(over))} used up "
                f"{_its(len(over))} error budget: {listed(names)}"
            )
        if risk:
            dates = [at for b in risk if (at := will_run_out(b, as_of))]
            last = day(max(dates).astimezone(zone).date())
            names = [service_and_region(b) for b in sorted(risk, key=_remaining)]
            parts.append(
                f"{len(risk)} more will have used it up by {last}: {listed(names)}"
                if over
                else f"{_some(len(risk), number)} will have used up "
                f"{_its(len(risk))} error budget by {last}: {listed(names)}"
            )
        if unseen:
            parts.append(f"{len(unseen)} {_has(len(unseen))} no data")
        if thin:
            parts.append(f"{len(thin)} {_has(len(thin))} thin evidence")
        if well:
            parts.append(f"{len(well)} {'is' if len(well) == 1 else 'are'} on track")
        text = f"{'' if over or risk else f'of {number} regions, '}{'; '.join(parts)}"
    text = f"{named(budgets[0])} so far: {text}{_incomplete(lacking)}."
    tone = (
        Tone.MISSED
        if over
        else Tone.AT_RISK
        if risk
        else Tone.NO_DATA
        if unseen
        else Tone.THIN
        if thin or lacking
        else Tone.KEPT
    )
    return Line(text, tone, _figures_of(budgets[0]))


def _remaining(budget: Row) -> tuple[int, str]:
    return budget["budget_remaining_seconds"], service_and_region(budget)


def goal(
    support: Sequence[Row], incomplete: Mapping[date, int], lost: Mapping[date, int], today: date
) -> Line | None:
    """Resolutions in time against the goal (Z6): the last full month, and the current one so far.

    `support`: of SUPPORT, of one contract; `incomplete`: its tickets on incomplete data by month;
    `lost`: missing rows of tickets that nothing else is known of, by month; `today`: its local
    date. None without a goal."""
    by_month = {row["month"]: row for row in support}
    this = periods.start("month", today)
    last = periods.before("month", this)
    if not support and not lost.get(last) and not lost.get(this):
        return None
    parts, tones = [], []
    for month, is_over in ((last, True), (this, False)):
        row = by_month.get(month)
        when = periods.name("month", month) + ("" if is_over else " so far")
        tickets, rows = incomplete.get(month, 0), lost.get(month, 0)
        lacking = f", {counted(tickets, 'ticket')} on incomplete data" if tickets else ""
        if rows:
            lacking += f", {counted(rows, 'row')} of tickets missing"
        if row is None or not row["met"] + row["missed"]:
            # what is missing may have been due
            nothing = (
                "no resolution is known to have been due" if lacking else "no resolution was due"
            )
            parts.append(f"{when}: {nothing}{lacking}")
            tones += [Tone.NO_DATA] if lacking else []
            continue
        cases = row["met"] + row["missed"]
        is_reached = row["met"] * 100 >= row["goal_pct"] * cases
        share = share_of(row["met"], cases, row["goal_pct"])
        parts.append(
            f"{when}: {share} in time ({thousands(row['met'])} of {counted(cases, 'case')}), "
            f"goal of {agreed_pct(row['goal_pct'])} {'reached' if is_reached else 'not reached'}"
            f"{lacking}"
        )
        if is_reached:
            tones.append(Tone.THIN if lacking else Tone.KEPT)
        else:
            tones.append(Tone.MISSED if is_over else Tone.AT_RISK)
    return Line(
        f"Support. {'; '.join(parts)}.",
        min(tones, key=lambda tone: tone.rank, default=Tone.NEUTRAL),
        Link("support", {}),
    )


def _data(
    contract: Row, budgets: Sequence[Row], last_seen: Mapping[str, datetime | None], as_of: datetime
) -> str:
    """Until when a contract has data; and that time without a record counts as up, where it
    does."""
    if contract["contract_id"] not in last_seen:
        return ""
    at = last_seen[contract["contract_id"]]
    if at is None:
        return "no data yet"
    words = f"data until {day(at)}"
    is_by_hand = as_of - at > timedelta(days=1) and any(
        evidence_of(b["figure"]) is Evidence.SUFFICIENT for b in budgets
    )
    if is_by_hand and contract["is_up_without_record"]:
        return f"{words}; by contract, time without records counts as up"
    return words


def banner(name: str, budgets: Sequence[Row], last_seen_at: datetime | None) -> str | None:
    """What the current period lacks: the regions, and the day (UTC) on which the data ends."""
    evidence = [evidence_of(b["figure"]) for b in budgets]
    unseen, thin = evidence.count(Evidence.NONE), evidence.count(Evidence.THIN)
    if not unseen and not thin:
        return None
    parts = [
        f"{_some(some, len(budgets))} {_has(some)} {words}"
        for some, words in ((unseen, "no data"), (thin, "too little data"))
        if some
    ]
    ends = (
        "there has never been any" if last_seen_at is None else f"data ends on {day(last_seen_at)}"
    )
    return f"{name}: {ends}; {', '.join(parts)} in {named(budgets[0])} so far."
