"""What got worse: rates of like periods, with sufficient data on both sides (A4, A8, M6, Z6)."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

from makegood.dashboards.access.reader import Row
from makegood.dashboards.figures import periods
from makegood.dashboards.figures.evidence import (
    MISSES,
    Evidence,
    evidence_of,
    verdict_of,
)
from makegood.dashboards.figures.overview.commitments import named
from makegood.dashboards.figures.overview.lines import Line, Link, Tone
from makegood.dashboards.figures.queries import key_of, period, service_and_region
from makegood.dashboards.figures.style import NONE, counted, percentage, thousands

# the intervals of downtime of current periods and of those before, as each period has them
INTERVALS = """
    select d.contract_id, d.service_id, d.region, d.period_start, d.started_at, d.ended_at,
           d.downtime_seconds
    from marts.downtime_by_period as d
    inner join marts.error_budgets as b using (contract_id, service_id, region)
    where d.downtime_seconds > 0 and d.period_start >= b.period_start - interval 1 year
"""


@dataclass(frozen=True)
class Compared:
    """A rate beside that of the like period before.

    `reason`: why they can't be compared; the rates are None then. `text`: both in a sentence;
    `shown` and `shown_before`: each in words."""

    measure: str
    subject: str
    period: str
    now: Fraction | None = None
    before: Fraction | None = None
    reason: str = ""
    text: str = ""
    shown: str = NONE
    shown_before: str = NONE
    is_miss: bool = False
    link: Link | None = None

    @property
    def rise(self) -> Fraction:
        """How much the rate rose; 0 where it can't be compared."""
        return Fraction() if self.now is None or self.before is None else self.now - self.before

    @property
    def verdict(self) -> str:
        """In a word."""
        if self.reason:
            return "can't compare"
        return "worse" if self.rise > 0 else "better" if self.rise < 0 else "as before"


def lines(compared: Sequence[Compared]) -> list[Line]:
    """What got worse: misses first, then by how much."""
    worse = sorted((c for c in compared if c.rise > 0), key=lambda c: (not c.is_miss, -c.rise))
    return [Line(c.text, Tone.MISSED if c.is_miss else Tone.AT_RISK, c.link) for c in worse]


# so many reasons stand in the remark
_REASONS = 2
DOWN, USED, LATE = "time down", "error budget used", "late resolutions"


def remark(compared: Sequence[Compared]) -> str:
    """How many rates were compared, and why the others were not, the most frequent reasons first;
    empty without any rate."""
    reasons = Counter(c.reason for c in compared if c.reason)
    done = sum(not c.reason for c in compared)
    if not compared:
        return ""
    ranked = sorted(reasons.items(), key=lambda r: (-r[1], r[0]))
    parts = [f"{number} with {reason}" for reason, number in ranked[:_REASONS]]
    if more := sum(number for _, number in ranked[_REASONS:]):
        parts.append(f"{more} for other reasons")
    return f"{counted(done, 'rate')} compared" + (
        f"; can't compare {', '.join(parts)}." if parts else "."
    )


# ---------------------------------------------------------------- availability


def finished(figures: Sequence[Row], as_of: datetime) -> Iterator[Compared]:
    """The share of time down in the last finished period of each service and region, beside that in
    the period before. `figures`: of FIGURES."""
    over = [f for f in figures if periods.is_over(f["ends_at"], as_of)]
    by_key = {key_of(f): f for f in over}
    last: dict[str, date] = {}
    for f in over:
        last[f["contract_id"]] = max(f["period_start"], last.get(f["contract_id"], date.min))
    for figure in over:
        if figure["period_start"] != last[figure["contract_id"]]:
            continue
        before = by_key.get((*key_of(figure)[:3], _before(figure)))
        reason = _not_comparable(figure, before)
        if reason or before is None:
            yield Compared(DOWN, service_and_region(figure), named(figure), reason=reason)
            continue
        now, then = _rate(figure), _rate(before)
        yield Compared(
            DOWN,
            service_and_region(figure),
            named(figure),
            now,
            then,
            shown=f"{_pct(now, then)} of {named(figure)}",
            shown_before=f"{_pct(then, now)} of {named(before)}",
            text=f"{service_and_region(figure)}: down {_pct(now, then)} of {named(figure)}, "
            f"{_pct(then, now)} of {named(before)}.",
            is_miss=verdict_of(figure) in MISSES,
            link=figure_link(figure),
        )


def figure_link(row: Row) -> Link:
    """The page of a figure."""
    return Link(
        "availability",
        {
            "contract": row["contract_id"],
            "figure": f"{service_and_region(row)} · {period(row)}",
        },
    )


def _before(row: Row) -> date:
    """The first day of the period before."""
    return periods.before(row["period_kind"], row["period_start"])


def _rate(figure: Row) -> Fraction:
    """The share of the time that counts that was downtime (A4)."""
    return Fraction(
        figure["downtime_seconds"], figure["total_seconds"] - figure["excluded_seconds"]
    )


def _pct(rate: Fraction, other: Fraction | None = None) -> str:
    """A rate, with as many decimals as tell it from the other one."""
    return percentage(_rounded(rate), None if other is None else _rounded(other))


def _rounded(rate: Fraction) -> Decimal:
    """In per cent, with the six decimals that marts have; to be shown only."""
    return round(Decimal(100 * rate.numerator) / rate.denominator, 6)


def _not_comparable(figure: Row, before: Row | None) -> str:
    """Why two figures can't be compared; empty if they can."""
    if figure["commitment_pct"] is None:
        return "no commitment"
    if before is None:
        return f"nothing before {named(figure)}"
    if before["commitment_pct"] is None:
        return f"no commitment before {named(figure)}"
    for one in (figure, before):
        if one["availability_pct"] is None:
            return f"all of {named(one)} excluded"
        if evidence_of(one) is Evidence.NONE:
            return f"no data in {named(one)}"
        if evidence_of(one) is Evidence.THIN:
            return f"too little data in {named(one)}"
    return ""


# ---------------------------------------------------------------- error budgets


def running(
    budgets: Sequence[Row], figures: Sequence[Row], intervals: Sequence[Row]
) -> Iterator[Compared]:
    """The share of each error budget used so far, beside that of the period before at the same
    share of the period.

    `budgets`: of error_budgets, each with its row of FIGURES as `figure`; `figures`: of FIGURES;
    `intervals`: of INTERVALS."""
    by_key = {key_of(f): f for f in figures}
    downtime: dict[tuple[object, ...], list[Row]] = {}
    for interval in intervals:
        downtime.setdefault(key_of(interval), []).append(interval)
    for budget in budgets:
        figure = budget["figure"]
        before = by_key.get((*key_of(budget)[:3], _before(budget)))
        reason = _not_comparable(figure, before)
        then = None
        if not reason and before is not None:
            then = used_by_then(budget, before, downtime.get(key_of(before), []))
            if then is None or not budget["budget_seconds"] or not before["budget_seconds"]:
                reason = "service hours or a budget of 0"
        if reason or before is None or then is None:
            yield Compared(USED, service_and_region(budget), named(budget), reason=reason)
            continue
        now = Fraction(budget["downtime_seconds"], budget["budget_seconds"])
        rate = Fraction(then, before["budget_seconds"])
        passed = Fraction(budget["elapsed_seconds"], budget["total_seconds"])
        yield Compared(
            USED,
            service_and_region(budget),
            named(budget),
            now,
            rate,
            shown=f"{_pct(now, rate)} in {_pct(passed)} of {named(budget)}",
            shown_before=f"{_pct(rate, now)} by then in {named(before)}",
            text=f"{service_and_region(budget)}: {_pct(now, rate)} of the error budget used in "
            f"{_pct(passed)} of {named(budget)}, {_pct(rate, now)} by then in {named(before)}.",
            is_miss=budget["budget_status"] == "exhausted",
            link=figure_link(budget),
        )


def used_by_then(budget: Row, before: Row, intervals: Sequence[Row]) -> int | None:
    """Seconds of downtime of the period before, up to the share of it that has passed of the
    current one; None where only service hours count, whose seconds lie unevenly.

    `intervals`: of INTERVALS, of the period before."""
    whole = int((before["ends_at"] - before["starts_at"]).total_seconds())
    if before["total_seconds"] != whole or not budget["total_seconds"]:
        return None
    until = before["starts_at"] + timedelta(
        seconds=whole * budget["elapsed_seconds"] // budget["total_seconds"]
    )
    seconds = 0
    for interval in intervals:
        start, end = interval["started_at"], min(interval["ended_at"], before["ends_at"])
        start = max(start, before["starts_at"])
        if (end - start).total_seconds() != interval["downtime_seconds"]:
            return None
        seconds += max(0, int((min(end, until) - start).total_seconds()))
    return seconds


# ---------------------------------------------------------------- support


def support(
    resolutions: Sequence[Row], names: Mapping[str, str], today: Mapping[str, date]
) -> Iterator[Compared]:
    """The share of late resolutions of the last full month, beside that of the month before, under
    each contract with a goal.

    `resolutions`: of SUPPORT; `names` of contracts and `today`, the local date, by contract id."""
    for contract in sorted({r["contract_id"] for r in resolutions}):
        by_month = {r["month"]: r for r in resolutions if r["contract_id"] == contract}
        last = periods.before("month", periods.start("month", today[contract]))
        before = periods.before("month", last)
        subject = f"Resolutions of {names[contract]}"
        sides = [
            (row["missed"], row["met"] + row["missed"])
            for month in (last, before)
            if (row := by_month.get(month)) and row["met"] + row["missed"]
        ]
        if len(sides) < 2:
            reason = "no resolution due in one of the months"
            yield Compared(LATE, names[contract], periods.name("month", last), reason=reason)
            continue
        (late, cases), (late_before, cases_before) = sides
        now, then = Fraction(late, cases), Fraction(late_before, cases_before)
        month, month_before = periods.name("month", last), periods.name("month", before)
        yield Compared(
            LATE,
            names[contract],
            periods.name("month", last),
            now,
            then,
            shown=f"{_pct(now, then)} ({thousands(late)} of {thousands(cases)}) in {month}",
            shown_before=f"{_pct(then, now)} ({thousands(late_before)} of "
            f"{thousands(cases_before)}) in {month_before}",
            text=f"{subject}: {_pct(now, then)} late in {month} ({thousands(late)} of "
            f"{counted(cases, 'case')}), {_pct(then, now)} in {month_before}.",
            is_miss=by_month[last]["met"] * 100 < by_month[last]["goal_pct"] * cases,
            link=Link("support", {}),
        )
