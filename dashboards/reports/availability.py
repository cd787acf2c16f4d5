"""Availability of the subscription and of its region, downtime, and coverage (A1-A9, M6, X4)."""

from datetime import date, datetime, timedelta

from makegood.dashboards.access.reader import Row
from makegood.dashboards.figures import periods
from makegood.dashboards.figures.evidence import (
    Evidence,
    Verdict,
    evidence_of,
    is_incomplete,
    is_unseen,
    verdict_of,
)
from makegood.dashboards.figures.style import (
    agreed_pct,
    counted,
    exact_duration,
    exact_pct,
    in_seconds,
)
from makegood.dashboards.proof.outcome import verdict_of_steps
from makegood.dashboards.reports import history
from makegood.dashboards.reports.document import (
    LONGEST,
    Block,
    Column,
    Fact,
    Facts,
    Kind,
    Lane,
    Section,
    Table,
    Timeline,
    Value,
    shortened,
)
from makegood.dashboards.reports.figures import Figures
from makegood.dashboards.reports.phrases import listed, met, words


def own_verdict(figures: Figures, steps: Row) -> Verdict:
    """The verdict on the subscription's own figure (A5, A6); met if all time is excluded (A4)."""
    return verdict_of_steps(steps, figures.evidence)


def result(figures: Figures, verdict: Verdict, is_over: bool = True) -> str:
    """A verdict as contracts word it, and whether the figure rests on incomplete data."""
    lacks = (
        ", incomplete data" if figures.period is not None and is_incomplete(figures.period) else ""
    )
    return met(verdict, is_over) + lacks


def measured(name: str, value: Value, kind: Kind, note: str, unseen: bool) -> Fact:
    """A figure of availability; without any data it says so instead of giving a number."""
    return (
        Fact(name, Evidence.NONE.value, Kind.TEXT, note)
        if unseen
        else Fact(name, value, kind, note)
    )


def period_name(figures: Figures) -> str:
    """The period over which availability is measured: the report's, or the longer one around it."""
    if figures.period is None:
        return figures.name
    return periods.name(figures.period["period_kind"], figures.period["period_start"])


def shown_name(figures: Figures) -> str:
    """The name of `figures.shown_time`."""
    return figures.name if figures.has_cover else period_name(figures)


def downtime_of(figures: Figures) -> list[Row]:
    """The intervals that the report shows: the subscription's own, else the region's."""
    return figures.own_downtime if figures.has_cover else figures.regional_downtime


def exclusions_of(figures: Figures) -> list[Row]:
    """The exclusions of the figure whose downtime is shown."""
    return figures.own_exclusions if figures.has_cover else figures.regional_exclusions


def availability(figures: Figures) -> Section:
    blocks: list[Block] = []
    if figures.steps is not None and figures.has_cover:
        blocks += _own(figures, figures.steps)
    elif figures.steps is not None:
        blocks.append(
            f"No part of this {figures.kind} is covered by an availability commitment to this "
            "subscription, so it has no figure of its own. The availability of the region as a "
            "whole is given below, for information."
        )
    blocks.append(_timeline(figures))
    if last := history.table(figures):
        blocks.append(last)
    if figures.period is None:
        blocks.append(
            "No measurements exist for this service in this region: there are no checks and no "
            "outage records for the period."
        )
    elif not figures.has_cover or _differs(figures.steps, figures.period):
        blocks.append(_region(figures, figures.period))
    return Section("Availability", tuple(blocks), "Availability", figures.clause("A4, A5, A6"))


def _own(figures: Figures, steps: Row) -> list[Block]:
    unseen = figures.is_unseen
    facts = [
        measured(
            "Availability",
            steps["availability_pct"],
            Kind.PERCENTAGE,
            "of this subscription, in its covered time",
            unseen,
        ),
        Fact("Commitment", steps["commitment_pct"], Kind.AGREED),
        Fact(
            "Result",
            result(figures, own_verdict(figures, steps)),
            Kind.VERDICT,
            "" if figures.is_final else "so far",
        ),
        Fact(
            "Total time",
            steps["total_seconds"],
            Kind.SECONDS,
            (
                "covered time"
                if figures.term("availability.total") == "covered"
                else f"the whole {figures.kind}"
            )
            + _service_hours(figures.term("availability.service_hours")),
        ),
        Fact(
            "Covered time",
            steps["covered_seconds"],
            Kind.SECONDS,
            "paid, active, and of a plan with service credits",
        ),
        measured(
            "Downtime", steps["downtime_seconds"], Kind.SECONDS, "inside covered time", unseen
        ),
        Fact("Excluded time", steps["excluded_seconds"], Kind.SECONDS, "taken out of the total"),
        *_budget(figures.period, steps),
    ]
    blocks: list[Block] = [Facts("Availability of the subscription", tuple(facts))]
    return [
        *blocks,
        *_method(steps, figures.term("downtime.min_consecutive_s"), figures.is_final, unseen),
    ]


def _service_hours(calendar: str | None) -> str:
    """That only the open time of a calendar counts (A3); empty without one."""
    return f", inside the service hours {words(calendar)}" if calendar else ""


def _budget(period: Row | None, steps: Row) -> list[Fact]:
    """The region's error budget, if the subscription's figure has the same commitment, time and
    downtime."""
    return [] if period is None or _differs(steps, period) else _regional_budget(period)


def _regional_budget(period: Row) -> list[Fact]:
    """The error budget of a regional figure (A8); empty without one."""
    if period["budget_seconds"] is None:
        return []
    left, unseen = period["budget_remaining_seconds"], is_unseen(period)
    meaning = "downtime that the commitment allows"
    return [
        Fact("Error budget", period["budget_seconds"], Kind.SECONDS, meaning),
        measured("Error budget left", left, Kind.SECONDS, "", unseen),
    ]


def _differs(steps: Row | None, period: Row) -> bool:
    own = (
        "availability_pct",
        "commitment_pct",
        "total_seconds",
        "excluded_seconds",
        "downtime_seconds",
    )
    return steps is None or any(steps[k] != period[k] for k in own)


def _method(row: Row, min_consecutive_s: str | None, is_over: bool, unseen: bool) -> list[str]:
    """How a figure follows from its seconds, by the terms that judge it."""
    shortest = int(min_consecutive_s or 0)
    counts = (
        f"Unavailability of {exact_duration(shortest)} or longer is"
        if shortest
        else "Every second of unavailability is"
    )
    sentences = [f"{counts} downtime, unless the agreement excludes it."]
    if unseen:
        return [*sentences, "There is no data for this time, so no figure can be given."]
    if row["availability_pct"] is None:
        return [
            *sentences,
            "All of the time is excluded: there is no figure, and the commitment counts as met.",
        ]
    without = (
        f" − {in_seconds(row['excluded_seconds'])} excluded" if row["excluded_seconds"] else ""
    )
    total = in_seconds(row["total_seconds"]) + without
    base = in_seconds(row["total_seconds"]) if not without else f"({total})"
    sentences.append(
        f"({total} − {in_seconds(row['downtime_seconds'])} downtime) ÷ {base} × 100 = "
        f"{exact_pct(row['availability_pct'])}, rounded to six decimals for display only: "
        "whether the commitment is met is judged by the exact seconds."
    )
    if not is_over:
        sentences.append(
            "Until the period ends, the figure is divided by its full length, "
            "including the time still to come."
        )
    return sentences


def _region(figures: Figures, period: Row) -> Section:
    """The regional figure; for information only if the subscription has no covered time."""
    has_commitment = figures.steps is None or figures.has_cover
    unseen = is_unseen(period)
    excluded = "all of the time is excluded" if period["status"] == "fully_excluded" else ""
    hours = _service_hours(figures.regional_term("availability.service_hours"))
    facts = [
        Fact(
            "Period",
            period_name(figures),
            Kind.TEXT,
            "" if figures.is_period_over else "in progress",
        ),
        measured("Availability", period["availability_pct"], Kind.PERCENTAGE, excluded, unseen),
    ]
    if has_commitment:
        facts += [
            Fact("Commitment", period["commitment_pct"], Kind.AGREED),
            Fact(
                "Result",
                result(figures, verdict_of(period)),
                Kind.VERDICT,
                "" if figures.is_period_over else "so far",
            ),
        ]
    facts += [
        Fact(
            "Total time",
            period["total_seconds"],
            Kind.SECONDS,
            f"the whole {period['period_kind']}{hours}" if hours else "",
        ),
        measured(
            "Total unavailability",
            period["unavailable_seconds"],
            Kind.SECONDS,
            "before exclusions and the minimum length of downtime",
            unseen,
        ),
        measured("Downtime", period["downtime_seconds"], Kind.SECONDS, "", unseen),
        Fact("Excluded time", period["excluded_seconds"], Kind.SECONDS, "taken out of the total"),
    ]
    if has_commitment:
        facts += _regional_budget(period)
    blocks: list[Block] = [Facts("Availability of the region", tuple(facts))]
    if not figures.has_cover:
        blocks += _method(
            period,
            figures.regional_term("downtime.min_consecutive_s"),
            figures.is_period_over,
            unseen,
        )
    else:
        blocks.insert(
            0,
            "The region as a whole, without the covered time, exclusions and terms that apply to "
            "this subscription alone.",
        )
    return Section(
        f"The service in region {shortened(figures.subscription['region'], LONGEST)}",
        tuple(blocks),
        "",
        figures.clause("A4, A8"),
    )


def downtime(figures: Figures) -> Section:
    title, reference = "Downtime intervals", figures.clause("A1-A3")
    rows = downtime_of(figures)
    whose = "in covered time" if figures.has_cover else "in the region"
    if not rows:
        where = f"{whose} {periods.during(shown_name(figures))}"
        none = {
            Evidence.SUFFICIENT: f"There was no downtime {where}.",
            Evidence.THIN: f"No downtime was recorded {where}, but monitoring data is incomplete.",
            Evidence.NONE: f"No downtime was recorded {where}, but there is no monitoring data.",
        }
        return Section(title, (none[figures.evidence],), "Downtime", reference)
    columns = (
        Column("Started (UTC)", Kind.INSTANT),
        Column("Ended (UTC)", Kind.INSTANT),
        Column("Total length", Kind.SECONDS),
        Column("Counted here", Kind.SECONDS),
        Column("Cause"),
        Column("Incident"),
        Column("Note"),
    )
    table = Table(
        f"Downtime intervals {whose}, {shown_name(figures)}",
        columns,
        tuple(
            (
                r["started_at"],
                r["ended_at"],
                r["downtime_seconds"],
                r["counted_seconds"],
                _cause(figures, r),
                r["incident_id"],
                _note(figures, r),
            )
            for r in rows
        ),
    )
    return Section(title, (table,), "Downtime", reference)


def _cause(figures: Figures, row: Row) -> str | None:
    """What reported an interval, and the subjects of the customer's own tickets that name its
    incident."""
    found: dict[tuple[str, str], list[str]] = {}
    for source in figures.sources:
        if source["started_at"] == row["started_at"]:
            by = _REPORTS.get(source["feed"], words(source["feed"]))
            components = found.setdefault((words(source["state"]), by), [])
            if source["component_id"] not in components:
                components.append(source["component_id"])
    subjects = [
        f"“{shortened(ticket['subject'], LONGEST)}”"
        for ticket in figures.tickets
        if ticket.get("subject")
        and row["incident_id"] is not None
        and ticket.get("incident_id") == row["incident_id"]
    ]
    reported = [f"{listed(names)} {state}, by {by}" for (state, by), names in found.items()]
    return "; ".join([*dict.fromkeys(subjects), *reported]) or None


_REPORTS = {"outages": "operational records", "checks": "checks", "exclusions": "exclusions"}


def _note(figures: Figures, row: Row) -> str:
    notes = ["ongoing"] if row["ended_at"] >= figures.as_of else []
    if row["is_shared"]:
        notes.append("the same event as a ticket that was resolved late")
    return "; ".join(notes)


def coverage(figures: Figures) -> Section:
    period = figures.period
    reference = figures.clause("M6")
    key = "availability.unknown_counts_as"
    own, unknown = (words(of(key) or "available") for of in (figures.term, figures.regional_term))
    if figures.has_cover and own != unknown:
        unknown = f"{unknown} for the region, as {own} for this subscription"
    if period is None:
        return Section(
            "Data coverage",
            ("No measurements exist for this service in this region, so there is no coverage.",),
            "Coverage",
            reference,
        )
    evidence = evidence_of(period)
    judgements = {
        Evidence.SUFFICIENT: "sufficient",
        Evidence.THIN: "too little",
        Evidence.NONE: "none",
    }
    facts = (
        Fact(
            "Coverage",
            period["coverage_pct"],
            Kind.PERCENTAGE,
            f"share of {period_name(figures)} so far with a known state"
            if not figures.is_period_over
            else f"share of {period_name(figures)} with a known state",
        ),
        Fact("Unknown time", period["unknown_seconds"], Kind.SECONDS, f"counted as {unknown}"),
        Fact(
            "Evidence", judgements[evidence], Kind.TEXT, "" if figures.is_period_over else "so far"
        ),
        *last_seen(figures),
    )
    blocks: list[Block] = [Facts("Coverage of the measurement", facts)]
    least = figures.regional_term("availability.min_coverage_pct")
    if evidence is Evidence.NONE:
        blocks.append(
            "There is no monitoring data for this time, and so no evidence of whether the service "
            "was up or down."
        )
    elif evidence is Evidence.THIN:
        blocks.append(
            f"Monitoring covered less than {agreed_pct(least)} of the time: the availability "
            "figure rests on too little evidence and should be read with care."
        )
    if not figures.gaps and evidence is Evidence.NONE:
        return Section("Data coverage", tuple(blocks), "Coverage", reference)
    if not figures.gaps:
        blocks.append("There are no gaps: the state of the service was known throughout.")
        return Section("Data coverage", tuple(blocks), "Coverage", reference)
    columns = (
        Column("From (UTC)", Kind.INSTANT),
        Column("Until (UTC)", Kind.INSTANT),
        Column("Length", Kind.SECONDS),
    )
    rows = tuple((g["started_at"], g["ended_at"], g["unknown_seconds"]) for g in figures.gaps)
    blocks.append(Table(f"Gaps in monitoring, {period_name(figures)}", columns, rows))
    return Section("Data coverage", tuple(blocks), "Coverage", reference)


def last_seen(figures: Figures) -> list[Fact]:
    """When the latest data on the service in the region is from."""
    if figures.last_seen_at is None:
        return []
    return [
        Fact(
            "Latest data (UTC)",
            figures.last_seen_at,
            Kind.INSTANT,
            "latest check or outage record of this service in this region",
        )
    ]


def _timeline(figures: Figures) -> Timeline:
    start, end = figures.shown_time
    maintenance = [(m["starts_at"], m["ends_at"]) for m in figures.maintenance]
    others = [
        (e["started_at"], e["ended_at"])
        for e in exclusions_of(figures)
        if not e["kind"].endswith("_maintenance")
    ]
    lanes = [
        ("downtime", "Downtime", [(d["started_at"], d["ended_at"]) for d in downtime_of(figures)]),
        ("maintenance", "Maintenance", maintenance),
        ("exclusion", "Other exclusions", others),
        ("unknown", "No data", [(g["started_at"], g["ended_at"]) for g in figures.gaps]),
    ]
    cut = tuple(
        Lane(
            key,
            name,
            tuple((max(a, start), min(b, end)) for a, b in found if a < end and b > start),
        )
        for key, name, found in lanes
    )
    counts = listed(
        [f"{lane.name.lower()}: {counted(len(lane.intervals), 'interval')}" for lane in cut]
    )
    return Timeline(
        f"Timeline of {shown_name(figures)}",
        f"Timeline of {shown_name(figures)}: {counts}. "
        "The tables of this report list each interval with its start and end.",
        start,
        end,
        min(figures.as_of, end),
        _ticks(figures, start, end),
        cut,
    )


def _ticks(figures: Figures, start: datetime, end: datetime) -> tuple[tuple[datetime, str], ...]:
    """Local midnights: every seventh day of a month; of each month, or each quarter of a year, the
    first day."""
    first: date = start.astimezone(figures.zone).date()
    length = (end - start).days
    ticked = (1,) if length > 31 else (1, 8, 15, 22, 29)
    days = [first + timedelta(days=n) for n in range(length + 1)]
    chosen = [d for d in days if d.day in ticked and (length < 100 or d.month in (1, 4, 7, 10))]
    return tuple(
        (periods.midnight(d, figures.zone), f"{d.day} {periods.name('month', d)[:3]}")
        for d in chosen
        if periods.midnight(d, figures.zone) < end
    )
