"""The service credit: how it is calculated, how it is claimed and until when, and the terms that it rests on (E1-E4, C1-C7, T5, T6)."""

from makegood.dashboards.access.reader import Row
from makegood.dashboards.figures.evidence import Evidence, is_incomplete
from makegood.dashboards.figures.words import instant, money
from makegood.dashboards.proof import CLAUSES, Step
from makegood.dashboards.reports.document import (
    LONGEST,
    Block,
    Column,
    Fact,
    Facts,
    Kind,
    Money,
    Section,
    Table,
    Value,
    shortened,
)
from makegood.dashboards.reports.figures import Figures, codes
from makegood.dashboards.reports.phrases import (
    cited,
    counted,
    listed,
    month_name,
    percent,
    reasons,
    sentence_case,
    words,
)

# what of the rows of a step a customer is shown: ids and what is counted, no files; () where there are none, or another section lists them
_ROWS: dict[str, tuple[tuple[str, str, Kind], ...]] = {
    "What was agreed": (),
    "Covered time": (
        ("valid_from", "From", Kind.DAY),
        ("last_day", "Last day", Kind.DAY),
        ("support_plan", "Support plan", Kind.TEXT),
        ("kind", "Kind", Kind.TEXT),
        ("status", "Status", Kind.TEXT),
        ("is_covered", "Covered", Kind.TEXT),
        ("covered_seconds", "Covered time", Kind.SECONDS),
    ),
    "Fee of the month": (
        ("invoice_id", "Invoice", Kind.TEXT),
        ("line_id", "Line", Kind.TEXT),
        ("line_kind", "Kind", Kind.TEXT),
        ("period_start", "From", Kind.DAY),
        ("period_end", "Last day", Kind.DAY),
        ("amount", "Amount", Kind.MONEY),
        ("month_amount", "Of this month", Kind.MONEY),
    ),
    "Exclusions in the month": (),
    "Downtime intervals that take from covered time": (),
    # which rows are missing is the provider's matter
    "What the figures rest on": (),
    "Availability": (),
    "Availability credit": (),
    "Incidents and their resolution": (
        ("ticket_id", "Ticket", Kind.TEXT),
        ("severity", "Severity", Kind.TEXT),
        ("target_s", "Target", Kind.SECONDS),
        ("elapsed_s", "Time taken", Kind.SECONDS),
        ("outcome", "Outcome", Kind.VERDICT),
        ("delay_pct", "Past the target by", Kind.PERCENTAGE),
        ("shared_downtime_started_at", "Same event as the downtime from (UTC)", Kind.INSTANT),
    ),
    "Resolution credit": (),
    "Not both for the same event": (),
    "Cap and amount": (),
    "Eligibility": (
        ("invoice_id", "Invoice", Kind.TEXT),
        ("due_on", "Due on", Kind.DAY),
        ("paid_on", "Paid on", Kind.DAY),
    ),
    "Request and claim window": (
        ("request_id", "Request", Kind.TEXT),
        ("requested_on", "Requested on", Kind.DAY),
        ("is_earliest", "Counts", Kind.TEXT),
    ),
    "Payable": (),
    "Issued so far": (
        ("invoice_id", "Invoice", Kind.TEXT),
        ("line_id", "Line", Kind.TEXT),
        ("issued_on", "Issued on", Kind.DAY),
        ("amount", "Amount", Kind.MONEY),
    ),
    "Statements": (),
}
_CAPTIONS = {
    "Covered time": "Spans of the subscription",
    "Fee of the month": "Invoice lines",
    "Incidents and their resolution": "Incidents of the population",
    "Eligibility": "Overdue invoices",
    "Request and claim window": "Requests",
    "Issued so far": "Credit lines",
}
_ELSEWHERE = {
    "What was agreed": "Terms in force",
    "Downtime intervals that take from covered time": "Downtime intervals",
}
# what an availability figure rests on
_MEASURED_BY = ("availability.", "monitoring.", "downtime.", "exclusions.", "maintenance.")
# all that there is to say where nothing of the month is covered
_WITHOUT_COVER = ("Covered time", "Fee of the month", "Eligibility")


def calculation(figures: Figures) -> Section:
    name = shortened(figures.contract["contract_name"], LONGEST)
    if figures.steps is None:
        return Section("Service credit", (f"The {name} promises no service credits.",), "Credit")
    blocks: list[Block] = []
    steps = figures.calculation
    if not figures.has_cover:
        why = f": {reasons(figures.common_reasons)}" if figures.common_reasons else ""
        blocks.append(f"There is no service credit for this month{why}.")
        steps = [step for step in steps if step.title in _WITHOUT_COVER]
    else:
        blocks.append(
            "How the credit follows from the figures, step by step, each with the clause and the rule it rests on. "
            "The terms are listed at the end of the report."
        )
        blocks.append(_amounts(figures))
    blocks += [_step(number, step) for number, step in enumerate(steps, 1)]
    return Section("Service credit", tuple(blocks), "Credit", cited(None, "E1-E4, C1-C7"))


def _amounts(figures: Figures) -> Table:
    columns = (
        Column("Monthly fee", Kind.MONEY),
        Column("Availability credit", Kind.PERCENTAGE),
        Column("Resolution credit", Kind.PERCENTAGE),
        Column("Combined", Kind.PERCENTAGE),
        Column("After the cap", Kind.PERCENTAGE),
        Column("Credit", Kind.MONEY),
        Column("Payable", Kind.MONEY),
    )
    rows = []
    for row in figures.credits:
        fee, credit, payable = (
            Money(row[k], row["currency"])
            for k in ("monthly_fee", "credit_amount", "payable_amount")
        )
        pcts = (
            row[k]
            for k in (
                "availability_credit_pct",
                "resolution_credit_pct",
                "combined_pct",
                "credit_pct",
            )
        )
        rows.append((fee, *pcts, credit, payable))
    return Table("The credit in short", columns, tuple(rows))


def _step(number: int, step: Step) -> Section:
    columns = _ROWS[step.title]
    blocks: list[Block] = [_sentence(step, text) for text in step.sentences]
    if columns and step.rows:
        rows = tuple(tuple(_value(row, key, kind) for key, _, kind in columns) for row in step.rows)
        blocks.append(
            Table(
                _CAPTIONS[step.title],
                tuple(Column(title, kind) for _, title, kind in columns),
                rows,
            )
        )
    return Section(f"Step {number}: {step.title}", tuple(blocks), "", cited(step.clause, step.rule))


def _sentence(step: Step, text: str) -> str:
    """A sentence of the proof for print: codes as words, and where the rows are that it announces."""
    text = sentence_case(text.replace(" x ", " × ").replace(" - ", " − ").replace("_", " "))
    if not text.endswith(":") or step.title not in _ELSEWHERE:
        return text
    return f"{text[:-1]}; they are listed under {_ELSEWHERE[step.title]}."


def _value(row: Row, key: str, kind: Kind) -> Value:
    if kind is Kind.MONEY:
        return Money(row[key], row["currency"])
    return row[key] if not isinstance(row[key], bool) else "yes" if row[key] else "no"


def claim(figures: Figures) -> Section:
    reference = cited(CLAUSES.get(figures.contract["contract_id"], {}).get("C5"), "C5, E2")
    title = "How to claim"
    if not figures.credits:
        name = shortened(figures.contract["contract_name"], LONGEST)
        return Section(
            title,
            (f"There is nothing to claim: the {name} promises no service credits.",),
            "Claim",
            reference,
        )
    row = figures.credits[0]
    facts = [
        Fact("Claim", words(row["claim_status"])),
        Fact(
            "Claim until",
            row["claim_deadline"],
            Kind.DAY,
            f"that day included, by the clock of {figures.contract['time_zone']}",
        ),
        Fact("Requested on", row["requested_on"], Kind.DAY),
        *(
            Fact("Credit by the figures", Money(r["credit_amount"], r["currency"]), Kind.MONEY)
            for r in figures.credits
        ),
        *(
            Fact("Payable", Money(r["payable_amount"], r["currency"]), Kind.MONEY)
            for r in figures.credits
        ),
        *(
            Fact("Issued so far", Money(i["issued_amount"], i["currency"]), Kind.MONEY)
            for i in figures.issued
        ),
    ]
    said = [_standing(figures, r) for r in figures.credits]
    if figures.has_cover and figures.evidence is not Evidence.SUFFICIENT:
        seen = (
            "Nothing was seen of the month"
            if figures.is_unseen
            else "Too little was seen of the month"
        )
        said.append(
            f"{seen}: the availability behind this is not backed by monitoring (see Data coverage)."
        )
    if figures.is_final and all(r["exposure"] == "none" for r in figures.credits):
        return Section(title, tuple(said), "Claim", reference)
    return Section(
        title, (Facts("The claim", tuple(facts)), *said, *_what_to_do(figures)), "Claim", reference
    )


def evidence(figures: Figures) -> str:
    """What is said beside a credit that rests on too little; empty where it rests on enough."""
    data = "; on incomplete data" if any(map(is_incomplete, figures.credits)) else ""
    if not figures.has_cover:
        return data
    if figures.is_unseen:
        return "; nothing was seen of the month" + ("" if figures.is_final else " so far") + data
    return ("; on thin evidence" if figures.evidence is Evidence.THIN else "") + data


def _standing(figures: Figures, row: Row) -> str:
    """What becomes of the amount in one currency."""
    amount = money(row["credit_amount"], row["currency"])
    in_currency = f" in {row['currency']}" if len(figures.credits) > 1 else ""
    because = (
        f", because {reasons(row['reasons'])}"
        if row["reasons"] and (row["credit_pct"] or not figures.has_cover)
        else ""
    )
    match row["exposure"]:
        case "none" if figures.is_final:
            return f"No credit is due for {month_name(figures.month)}{in_currency}{because}: there is nothing to claim."
        case "none":
            return f"As things stand no credit is due for {month_name(figures.month)}{in_currency}{because}. The month is not over; this can change."
        case "not_eligible":
            return f"By the figures the credit is {amount} ({percent(row['credit_pct'])} of the monthly fee), but it is not payable: {reasons(row['reasons'])}."
        case "payable":
            return f"{amount} is payable: it was requested on {row['requested_on']}, in time. It is applied to a future invoice and has no cash value."
        case "claimable":
            return f"{amount} can be claimed until {row['claim_deadline']}."
        case "at_stake":
            return f"As things stand a credit of {amount} would be due. The month is not over; this can change."
        case _ if row["claim_status"] == "late":
            return f"A credit of {amount} was requested on {row['requested_on']}, after {row['claim_deadline']}: it is waived."
        case _:
            return (
                f"A credit of {amount} was not requested by {row['claim_deadline']}: it is waived."
            )


def _what_to_do(figures: Figures) -> list[str]:
    """How a request is made, where one can still be made to some effect in a currency; window and request are the same in all."""
    row = figures.credits[0]
    said = []
    subscription = shortened(figures.subscription["subscription_id"], LONGEST)
    request = f"Send a written request that names subscription {subscription} and the month {month_name(figures.month)}, dated no later than {row['claim_deadline']}."
    waived = "Without a request by then the credit is waived."
    if figures.overdue:
        invoices = listed([shortened(str(o["invoice_id"]), LONGEST) for o in figures.overdue])
        said.append(
            f"Overdue: {invoices}. A credit is payable only if no invoice is overdue on the day of the request."
        )
    if row["claim_status"] == "claimable" and any(
        r["exposure"] in ("claimable", "not_eligible") and codes(r) <= {"overdue"}
        for r in figures.credits
    ):
        left = row["days_left"]
        said.append(
            f"{request} {waived} "
            + (
                f"{counted(left, 'day')} left from the day of these figures."
                if left
                else "The day of these figures is the last."
            )
        )
    if row["claim_status"] == "accruing" and row["requested_on"] is not None:
        said.append(
            f"It was requested on {row['requested_on']}. The earliest request is the one that counts: another one changes nothing."
        )
    elif row["claim_status"] == "accruing" and any(
        codes(r) <= {"overdue", "no_fee"} for r in figures.credits
    ):
        said.append(
            f"Should a credit be due when the month is over: {request[0].lower()}{request[1:]} It may be sent before the month is over. {waived}"
        )
    return said


def statement(figures: Figures) -> str | None:
    """The version of what was stated of the month, a currency at a time (C7); None while it is not over."""
    said = [
        f"version {s['statement_version']}"
        + (f" ({s['currency']})" if len(figures.statements) > 1 else "")
        + f" of {instant(s['issued_at'])} UTC"
        for s in figures.statements
    ]
    return listed(said) if said else None


def terms(figures: Figures) -> Section:
    """Everything the figures rest on, as it is agreed; those of the region where they are others."""
    columns = (Column("Term"), Column("Value"), Column("Set by"))

    def table(caption: str, of: dict[str, Row]) -> Table:
        return Table(
            caption,
            columns,
            tuple((key, row["value"], row["document"]) for key, row in sorted(of.items())),
        )

    blocks = [table("Terms that the figures rest on", figures.terms)]
    others = {
        key: row
        for key, row in figures.regional_terms.items()
        if key.startswith(_MEASURED_BY) and row["value"] != figures.terms.get(key, {}).get("value")
    }
    if others:
        blocks.append(
            table("Terms that judge the region as a whole, where they are others", others)
        )
    return Section("Terms in force", tuple(blocks), "Terms", cited(None, "T5, T6"))
