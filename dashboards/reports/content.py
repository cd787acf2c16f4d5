"""The content of an SLA report (Z4): its head, its highlights and its sections in order."""

from datetime import date

from makegood.dashboards.access.reader import Reader, Row
from makegood.dashboards.figures import periods
from makegood.dashboards.figures.evidence import Evidence, is_incomplete, verdict_of
from makegood.dashboards.figures.style import agreed_pct, counted, instant, money
from makegood.dashboards.proof import outcome
from makegood.dashboards.reports import availability, credit, figures, history, support
from makegood.dashboards.reports.branding import NEUTRAL, Branding
from makegood.dashboards.reports.document import (
    LONGEST,
    Fact,
    Facts,
    Kind,
    Money,
    Report,
    shortened,
)
from makegood.dashboards.reports.figures import Figures
from makegood.dashboards.reports.phrases import listed, reasons, words

__all__ = ["report_of"]


def report_of(
    reader: Reader,
    subscription_id: str,
    month: date,
    branding: Branding = NEUTRAL,
    reference: str = "",
) -> Report:
    """The report on a subscription and the period that holds a month, as the reader may see it.

    `month`: its first day; `reference`: the customer's own, for its head. Raises
    makegood.dashboards.proof.NotFound."""
    return _report(figures.read(reader, subscription_id, month), branding, reference)


def _report(found: Figures, branding: Branding, reference: str) -> Report:
    sections = [
        credit.calculation(found),
        credit.claim(found),
        availability.availability(found),
        availability.downtime(found),
        support.incidents(found),
        support.performance(found),
        support.maintenance(found),
        support.configuration(found),
        availability.coverage(found),
        credit.terms(found),
        credit.steps(found),
    ]
    return Report(
        title=f"SLA report, {found.name}",
        subtitle="{}: {} in {}".format(
            *(
                shortened(found.subscription[k], 200)
                for k in ("customer_name", "service_name", "region")
            )
        ),
        agreement=found.contract["contract_name"],
        subscription_id=found.subscription["subscription_id"],
        period=periods.code(found.kind, found.month),
        as_of=found.as_of,
        head=_head(found, reference),
        highlights=(*_availability(found), _incidents(found), *_credits(found)),
        notes=_notes(found),
        sections=tuple(section for section in sections if section is not None),
        opening=_opening(found),
        strip=history.strip(found),
        branding=branding,
    )


def _opening(found: Figures) -> tuple[str, ...]:
    """What was agreed and whether it was met; what is owed, what to do and until when."""
    if found.outcome is not None:
        return tuple(found.outcome.sentences())
    when = periods.during(availability.period_name(found))
    if found.period is None:
        kept = f"There are no measurements of this service in this region {when}."
    elif found.period["commitment_pct"] is None:
        kept = f"No availability was agreed for this service {when}."
    else:
        kept = outcome.kept(
            availability.period_name(found),
            verdict_of(found.period),
            found.period,
            found.is_period_over,
        )
    return kept, outcome.NO_CREDITS


def _head(found: Figures, reference: str) -> Facts:
    subscription = found.subscription
    plans = [f"{s['support_plan']}, {s['kind']}, {s['status']}" for s in found.spans]
    local = (
        ""
        if found.contract["time_zone"] == "UTC"
        else f"local {found.kind}s of {found.contract['time_zone']}"
    )
    facts = [
        Fact("Agreement", found.contract["contract_name"]),
        Fact("Version in force since", found.contract_version, Kind.DAY),
        Fact(
            "Customer",
            subscription["customer_name"],
            Kind.TEXT,
            shortened(subscription["customer_id"], LONGEST),
        ),
        *([Fact("Your reference", reference)] if reference else []),
        Fact("Subscription", subscription["subscription_id"]),
        Fact(
            "Service",
            subscription["service_name"],
            Kind.TEXT,
            "" if subscription["lifecycle"] == "ga" else words(subscription["lifecycle"]),
        ),
        Fact("Region", subscription["region"]),
        Fact("Support plan", listed(list(dict.fromkeys(plans))) if plans else None),
        Fact(found.kind.capitalize(), found.name, Kind.TEXT, local),
        Fact(
            "Status",
            "final" if found.is_settled else "provisional",
            Kind.TEXT,
            "" if found.is_settled else f"{availability.period_name(found)} is still in progress",
        ),
        Fact("Figures as of (UTC)", found.as_of, Kind.INSTANT),
        *availability.last_seen(found),
    ]
    if stated := credit.statement(found):
        facts.append(Fact("Statement", stated))
    return Facts("This report", tuple(facts))


def _availability(found: Figures) -> list[Fact]:
    if found.steps is not None and found.has_cover:
        commitment, pct, verdict = (
            found.steps["commitment_pct"],
            found.steps["availability_pct"],
            availability.own_verdict(found, found.steps),
        )
        downtime, is_over = found.steps["downtime_seconds"], found.is_final
    elif found.period is not None and found.steps is None:
        commitment, pct, verdict = (
            found.period["commitment_pct"],
            found.period["availability_pct"],
            verdict_of(found.period),
        )
        downtime, is_over = found.period["downtime_seconds"], found.is_period_over
    else:
        return [
            Fact(
                "Availability",
                None,
                Kind.PERCENTAGE,
                "no commitment to this subscription"
                if found.steps is not None
                else "nothing was measured",
            )
        ]
    so_far = "" if is_over else " so far"
    result = availability.result(found, verdict, is_over)
    judged = result if commitment is None else f"commitment {agreed_pct(commitment)}: {result}"
    over = (
        f", {availability.shown_name(found)}"
        if availability.shown_name(found) != found.name
        else ""
    )
    unseen = found.is_unseen
    return [
        availability.measured("Availability", pct, Kind.PERCENTAGE, judged + over, unseen),
        availability.measured(
            "Downtime",
            downtime,
            Kind.SECONDS,
            f"{periods.during(availability.shown_name(found))}{so_far}",
            unseen,
        ),
    ]


def _incidents(found: Figures) -> Fact:
    row = next((r for r in found.ticket_counts if r["ticket_type"] == "incident"), None)
    if row is None:
        return Fact("Incidents", 0, Kind.COUNT, "none received")
    has_targets = any(
        key.startswith("resolution.") and key.endswith(".target") for key in found.terms
    )
    late = [f"{row['resolved_late'] or 'none'} past the resolution target"] if has_targets else []
    incomplete = sum(t["ticket_type"] == "incident" and is_incomplete(t) for t in found.tickets)
    data = [f"{incomplete} on incomplete data"] if incomplete else []
    return Fact(
        "Incidents",
        row["received"],
        Kind.COUNT,
        ", ".join([*late, f"{row['still_open'] or 'none'} still open", *data]),
    )


def _credits(found: Figures) -> list[Fact]:
    if not found.credits:
        return [Fact("Service credit", "none", Kind.TEXT, "the agreement provides for none")]
    facts = []
    for row in found.credits:
        match row["exposure"]:
            case "none" if row["reasons"] and (row["credit_pct"] or not found.has_cover):
                note = reasons(row["reasons"], found.kind)
            case "none":
                note = "nothing to claim" if found.is_final else "so far"
            case "not_eligible":
                note = f"not payable: {reasons(row['reasons'], found.kind)}"
            case "payable":
                note = (
                    "payable without a request"
                    if row["claim_status"] == "automatic"
                    else f"requested on {row['requested_on']}, payable"
                )
            case "claimable":
                note = f"can be claimed until {row['claim_deadline']}"
            case "at_stake":
                note = "so far" + (
                    f", requested on {row['requested_on']}" if row["requested_on"] else ""
                )
            case _:
                note = f"not claimed in time ({row['claim_deadline']}): waived"
        share = (
            f"{agreed_pct(row['credit_pct'])} of {money(row['monthly_fee'], row['currency'])}"
            f"{_limited(row)}; "
            if row["credit_pct"]
            else ""
        )
        facts.append(
            Fact(
                "Service credit",
                Money(row["credit_amount"], row["currency"]),
                Kind.MONEY,
                share + note + credit.evidence(found),
            )
        )
    return facts


def _limited(row: Row) -> str:
    """That amounts of the currency make the credit another one than its percentage (C4).

    Publications of older versions know none."""
    is_limited = row.get("share_amount", row["credit_amount"]) != row["credit_amount"]
    return f", limited by the amounts agreed in {row['currency']}" if is_limited else ""


def _notes(found: Figures) -> tuple[str, ...]:
    notes = []
    if not found.has_begun:
        notes.append(
            f"This subscription had not begun {periods.during(found.name)}: "
            f"its first day is {found.subscription['first_day']}."
        )
    if not found.is_final:
        notes.append(
            f"Provisional: {found.name} is still in progress. The figures are as of "
            f"{instant(found.as_of)} UTC and can still change."
        )
    elif found.is_part and not found.is_period_over:
        notes.append(
            f"Availability is measured over {availability.period_name(found)}, "
            "which is still in progress: that figure can still change."
        )
    if found.period is None:
        notes.append(
            "No measurements exist for this service in this region, so the figures rest on no "
            "evidence of whether it was up or down."
        )
    elif found.is_unseen:
        when = periods.during(availability.shown_name(found))
        notes.append(
            f"There is no monitoring data for this service in this region {when}, so the "
            "figures rest on no evidence of whether it was up or down."
        )
    elif found.evidence is Evidence.THIN:
        notes.append("The availability figure rests on too little evidence: see Data coverage.")
    notes += _incomplete(found)
    if found.subscription["lifecycle"] != "ga":
        notes.append(
            f"The service is offered as {words(found.subscription['lifecycle'])}: "
            "it has no availability commitment and no service credits."
        )
    if found.steps is not None and not found.has_cover:
        why = f": {reasons(found.common_reasons, found.kind)}" if found.common_reasons else ""
        notes.append(
            "No availability commitment or service credit applies to this subscription "
            f"in this {found.kind}{why}."
        )
    return tuple(notes)


def _incomplete(found: Figures) -> list[str]:
    """Which figures lack rows, and how many; only the provider is shown which rows."""
    parts = [
        ("The availability of this service in this region", [found.period] if found.period else []),
        # the same in all currencies
        ("The service credit", found.credits[:1]),
        ("The information on tickets", found.tickets),
    ]
    incomplete = [
        (what, sum(row["incomplete_rows"] for row in rows if is_incomplete(row)))
        for what, rows in parts
    ]
    return [
        f"{what} rests on incomplete data: {counted(rows, 'relevant row')} could not be used."
        for what, rows in incomplete
        if rows
    ]
