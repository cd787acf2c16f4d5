"""Tickets against their targets, maintenance, and assistance hours (K1-K9, R1-R3, Z1, Z2)."""

import re
from collections.abc import Iterable
from datetime import date

from makegood.dashboards.access.reader import Row
from makegood.dashboards.figures import periods
from makegood.dashboards.figures.evidence import is_incomplete
from makegood.dashboards.figures.style import agreed_pct, counted, instant, thousands
from makegood.dashboards.figures.support import mean_seconds
from makegood.dashboards.reports.availability import (
    downtime_of,
    exclusions_of,
    shown_name,
)
from makegood.dashboards.reports.document import (
    LONGEST,
    Block,
    Column,
    Fact,
    Facts,
    Kind,
    Section,
    Table,
    shortened,
)
from makegood.dashboards.reports.figures import Figures
from makegood.dashboards.reports.phrases import (
    listed,
    reason,
    sentence_case,
    target_words,
    ticket_type,
    words,
)

_TARGET = re.compile(r"(response|updates|resolution)\.([^.]+)\.(target|every|clock)")


def incidents(figures: Figures) -> Section:
    received = periods.during(figures.name)
    if not figures.tickets:
        return Section(
            "Incidents and requests",
            (f"No ticket was received {received}.",),
            "Incidents",
            figures.clause("K1, K2, K8, K9"),
        )
    columns = (
        Column("Ticket"),
        Column("Subject"),
        Column("Type"),
        Column("Severity"),
        Column("Received (UTC)", Kind.INSTANT),
        Column("Responded (UTC)", Kind.INSTANT),
        Column("Resolved (UTC)", Kind.INSTANT),
        Column("State"),
        Column("Cause"),
    )
    rows = tuple(
        (
            t["ticket_id"],
            # publications of older versions lack it
            t.get("subject"),
            ticket_type(t["ticket_type"]),
            t["severity"],
            t["received_at"],
            t["responded_at"],
            t["resolved_at"],
            _state(t) + (", incomplete data" if is_incomplete(t) else ""),
            _cause(figures, t),
        )
        for t in figures.tickets
    )
    counts = [_counts(row) for row in figures.ticket_counts]
    table = Table(f"Tickets received {received}", columns, rows)
    return Section(
        "Incidents and requests",
        (f"Received {received}: {listed(counts)}.", table),
        "Incidents",
        figures.clause("K1, K2, K8, K9"),
    )


def _cause(figures: Figures, ticket: Row) -> str | None:
    """The downtime that a ticket's incident is, else the incident that it names."""
    incident = ticket.get("incident_id")
    if incident is None:
        return None
    for row in downtime_of(figures):
        if row["incident_id"] == incident:
            return f"downtime from {instant(row['started_at'])} UTC ({incident})"
    return f"incident {incident}"


def _counts(row: Row) -> str:
    kind = ticket_type(row["ticket_type"])
    received = counted(row["received"], kind, kind if kind.endswith("assistance") else None)
    beside = [f"{thousands(row['counted'])} counted"] if row["counted"] != row["received"] else []
    beside += [f"{thousands(row['still_open'])} still open"] if row["still_open"] else []
    return received + (f" ({', '.join(beside)})" if beside else "")


def _state(ticket: Row) -> str:
    match ticket["status"]:
        case "counted":
            return "open" if ticket["resolved_at"] is None else "resolved"
        case "excluded":
            return f"not counted: {reason(ticket['reason'])}"
        case "unclassified":
            return "not classified yet"
        case status:
            return words(status)


def performance(figures: Figures) -> Section:
    reference = figures.clause("K2-K7, R1-R3")
    blocks: list[Block] = [*_targets(figures)]
    if figures.outcomes:
        blocks += [_outcomes(figures.outcomes), _times(figures)]
    else:
        blocks.append(
            f"No ticket received {periods.during(figures.name)} counts, "
            "so there is nothing to compare with the targets."
        )
    blocks += _due_dates(figures)
    blocks += _support_performance(figures)
    blocks += _resolution_performance(figures)
    return Section("Response, updates and resolution", tuple(blocks), "Performance", reference)


def _targets(figures: Figures) -> Iterable[Block]:
    """The agreed targets by severity."""
    agreed: dict[tuple[str, str], dict[str, str]] = {}
    for key, row in figures.terms.items():
        if found := _TARGET.fullmatch(key):
            kind, severity, part = found.groups()
            agreed.setdefault((kind, severity), {})[
                "length" if part in ("target", "every") else "clock"
            ] = row["value"]
    if not agreed:
        return ["The agreement sets no targets for response, updates or resolution."]

    def target(kind: str, severity: str) -> str:
        terms = agreed.get((kind, severity), {})
        return target_words(terms.get("length"), terms.get("clock"))

    severities = sorted({severity for _, severity in agreed})
    columns = (
        Column("Severity"),
        Column("Response within"),
        Column("Updates every"),
        Column("Resolution within"),
    )
    rows = tuple(
        (s, target("response", s), target("updates", s), target("resolution", s))
        for s in severities
    )
    return [Table("Agreed targets", columns, rows)]


def _outcomes(outcomes: list[Row]) -> Table:
    columns = [Column("Type"), Column("Severity"), Column("Tickets", Kind.COUNT)]
    for what in ("Response", "Updates", "Resolution"):
        columns += [
            Column(f"{what} met", Kind.COUNT),
            Column(f"{what} missed", Kind.COUNT),
            Column(f"{what} pending", Kind.COUNT),
        ]
    columns.append(Column("Missed updates in all", Kind.COUNT))
    keys = [
        "tickets",
        "response_met",
        "response_missed",
        "response_pending",
        "updates_met",
        "updates_late",
        "updates_pending",
    ]
    keys += ["resolution_met", "resolution_missed", "resolution_pending", "updates_missed"]
    return Table(
        "Tickets by outcome",
        tuple(columns),
        tuple(
            (ticket_type(o["ticket_type"]), o["severity"], *(o[k] for k in keys)) for o in outcomes
        ),
    )


def _times(figures: Figures) -> Table:
    columns = (
        Column("Ticket"),
        Column("Severity"),
        Column("Response time", Kind.CLOCK),
        Column("Response", Kind.VERDICT),
        Column("Updates missed", Kind.COUNT),
        Column("Resolution time", Kind.CLOCK),
        Column("Resolution target", Kind.CLOCK),
        Column("Resolution", Kind.VERDICT),
        Column("Past the target by", Kind.PERCENTAGE),
    )
    keys = (
        "response_elapsed_s",
        "response_outcome",
        "updates_missed",
        "resolution_elapsed_s",
        "resolution_target_s",
        "resolution_outcome",
        "delay_pct",
    )
    rows = tuple(
        (t["ticket_id"], t["severity"], *(t[k] for k in keys))
        for t in figures.tickets
        if t["status"] == "counted"
    )
    return Table("Times of each counted ticket, on the clock of its target", columns, rows)


def _due_dates(figures: Figures) -> Iterable[Block]:
    """Which tickets were judged by a due date of their own (K7)."""
    own = [
        shortened(t["ticket_id"], LONGEST)
        for t in figures.tickets
        if t["status"] == "counted" and t.get("is_resolution_due_date")
    ]
    if own:
        yield (
            f"The resolution target of {listed(own)} is the ticket's own due date, counted from "
            "the start of its clock."
        )


def _support_performance(figures: Figures) -> list[Block]:
    """The share in time beside the goal, and how long tickets took (K4, K5, Z6)."""
    blocks = [*_attainment(figures), *_percentiles(figures)]
    if not blocks:
        return []
    return [Section("Support performance", tuple(blocks), "", figures.clause("K4, K5, Z6"))]


def _attainment(figures: Figures) -> Iterable[Block]:
    """How many of all tickets of the service in the region were resolved in time (Z6)."""
    if all(row["goal_pct"] is None for row in figures.attainment):
        return
    columns = (
        Column("Month"),
        Column("Severity"),
        Column("Resolved in time", Kind.PERCENTAGE),
        Column("Goal", Kind.AGREED),
        Column("Result", Kind.VERDICT),
    )
    results = {True: "met", False: "missed", None: "no goal"}
    yield Table(
        "Resolved in time, all tickets of this service in this region",
        columns,
        tuple(
            (
                _month(figures, row["month"]),
                row["severity"],
                row["met_pct"],
                row["goal_pct"],
                results[row["is_reached"]],
            )
            for row in figures.attainment
        ),
    )


def _month(figures: Figures, month: date) -> str:
    """A calendar month, with `so far` while it is in progress."""
    end = periods.midnight(periods.following("month", month), figures.zone)
    so_far = "" if periods.is_over(end, figures.as_of) else " so far"
    return periods.name("month", month) + so_far


def _percentiles(figures: Figures) -> Iterable[Block]:
    """How long the subscription's own tickets took; those still open are counted beside them."""
    if not figures.times:
        return
    columns = (
        Column("Time to"),
        Column("Severity"),
        Column("Tickets", Kind.COUNT),
        Column("Still open", Kind.COUNT),
        Column("Median", Kind.SECONDS),
        Column("90 % within", Kind.SECONDS),
        Column("95 % within", Kind.SECONDS),
        Column("Mean", Kind.SECONDS),
    )
    keys = ["target", "target_severity", "stopped", "still_open"]
    keys += ["median_seconds", "p90_seconds", "p95_seconds"]
    yield Table(
        "Time to response and resolution of this subscription's tickets, on the clock of the "
        "target",
        columns,
        tuple((*(t[k] for k in keys), mean_seconds(t)) for t in figures.times),
    )


def _resolution_performance(figures: Figures) -> list[Block]:
    allowed, severities = (
        figures.term("resolution_credit.max_missed_pct"),
        figures.term("resolution_credit.severities"),
    )
    if allowed is None or severities is None or not figures.has_cover:
        return []
    which = (
        f"production incidents of severity {severities.strip('[]')}, "
        "received in covered time and with an outcome"
    )
    row = figures.performance
    if row is None:
        return [
            Section(
                "Resolution performance",
                (f"There were no {which}, so resolution performance is not judged.",),
                "",
                figures.clause("R1-R3"),
            )
        ]
    facts = (
        Fact("Incidents", row["incidents"], Kind.COUNT, which),
        Fact("Past the target", row["missed"], Kind.COUNT, "or still open past the target"),
        Fact(
            "Share past the target",
            row["missed_pct"],
            Kind.PERCENTAGE,
            f"a credit is due above {agreed_pct(allowed)}",
        ),
        Fact("Average delay", row["average_delay_pct"], Kind.PERCENTAGE, "of the target"),
        Fact("Result", "missed" if row["is_triggered"] else "met", Kind.VERDICT),
    )
    return [
        Section(
            "Resolution performance",
            (Facts(f"Resolution performance of the {figures.kind}", facts),),
            "",
            figures.clause("R1-R3"),
        )
    ]


def maintenance(figures: Figures) -> Section:
    name = shown_name(figures)
    start, end = figures.shown_time
    works = [m for m in figures.maintenance if m["starts_at"] < end and m["ends_at"] > start]
    others = [e for e in exclusions_of(figures) if not e["kind"].endswith("_maintenance")]
    blocks: list[Block] = []
    if works:
        columns = (
            Column("Maintenance"),
            Column("Kind"),
            Column("Started (UTC)", Kind.INSTANT),
            Column("Ended (UTC)", Kind.INSTANT),
            Column("Length", Kind.SECONDS),
            Column("Notice given", Kind.SECONDS),
            Column("Notice agreed", Kind.SECONDS),
            Column("As agreed"),
        )
        rows = tuple(
            (
                m["exclusion_id"],
                _work(m),
                m["starts_at"],
                m["ends_at"],
                m["length_seconds"],
                m["notice_seconds"],
                m["notice_required_seconds"],
                _kept(m),
            )
            for m in works
        )
        blocks.append(Table(f"Maintenance of this service in this region, {name}", columns, rows))
    else:
        blocks.append(
            f"There was no maintenance of this service in this region {periods.during(name)}."
        )
    if others:
        kinds = (
            Column("Exclusion"),
            Column("Kind"),
            Column("From (UTC)", Kind.INSTANT),
            Column("Until (UTC)", Kind.INSTANT),
            Column("For"),
        )
        times = tuple(
            (
                e["exclusion_id"],
                sentence_case(words(e["kind"])),
                e["started_at"],
                e["ended_at"],
                "this customer alone" if e["customer_id"] else "everyone",
            )
            for e in others
        )
        blocks.append(Table(f"Other excluded times, {name}", kinds, times))
    return Section(
        "Maintenance and exclusions", tuple(blocks), "Maintenance", figures.clause("X1-X4, Z2")
    )


def _work(row: Row) -> str:
    kind = words(row["kind"].removesuffix("_maintenance"))
    return sentence_case(kind) + (
        f", {row['change_type']}" if row["change_type"] not in (None, "other") else ""
    )


def _kept(row: Row) -> str:
    notice = {
        None: "no notice agreed",
        True: "announced in time",
        False: "notice too short" if row["notice_seconds"] is not None else "never announced",
    }
    length = {None: [], False: [], True: ["longer than agreed"]}
    return "; ".join([notice[row["notice_met"]], *length[row["over_length"]]])


def configuration(figures: Figures) -> Section | None:
    """None if the agreement includes no such hours and none were used."""
    if not figures.configuration:
        return None
    columns = (
        Column("Month"),
        Column("Included", Kind.MINUTES),
        Column("Used", Kind.MINUTES),
        Column("Left", Kind.MINUTES),
        Column("Over the limit", Kind.MINUTES),
    )
    keys = ("included_minutes", "used_minutes", "remaining_minutes", "over_minutes")
    caption = f"Configuration assistance, {figures.name}"
    notes = ("per calendar month, without carry-over", "", "", "")
    if figures.kind == "month":
        (row,) = figures.configuration
        facts = tuple(
            Fact(column.title, row[key], column.kind, note)
            for column, key, note in zip(columns[1:], keys, notes, strict=True)
        )
        block: Block = Facts(caption, facts)
    else:
        block = Table(
            caption,
            columns,
            tuple(
                (periods.name("month", row["month"]), *(row[key] for key in keys))
                for row in figures.configuration
            ),
        )
    return Section("Configuration assistance", (block,), "Configuration", figures.clause("Z1"))
