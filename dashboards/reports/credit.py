"""The service credit: its calculation, claim and terms (E1-E4, C1-C7, T5, T6)."""

from makegood.dashboards.access.reader import Row
from makegood.dashboards.figures import contract, periods
from makegood.dashboards.figures.evidence import Evidence, is_incomplete
from makegood.dashboards.figures.style import agreed_pct, counted, instant, money
from makegood.dashboards.proof import Step
from makegood.dashboards.reports import terms as agreed
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
from makegood.dashboards.reports.phrases import listed, reasons, sentence_case, words

# the columns of a step's rows that a customer is shown: ids and counts, no files; () if there are
# none, or another section lists them
_ROWS: dict[str, tuple[tuple[str, str, Kind], ...]] = {
    "Agreed terms": (),
    "Covered time": (
        ("valid_from", "From", Kind.DAY),
        ("last_day", "Last day", Kind.DAY),
        ("support_plan", "Support plan", Kind.TEXT),
        ("kind", "Kind", Kind.TEXT),
        ("status", "Status", Kind.TEXT),
        ("is_covered", "Covered", Kind.TEXT),
        ("covered_seconds", "Covered time", Kind.SECONDS),
    ),
    "Fee": (
        ("invoice_id", "Invoice", Kind.TEXT),
        ("line_id", "Line", Kind.TEXT),
        ("line_kind", "Kind", Kind.TEXT),
        ("period_start", "From", Kind.DAY),
        ("period_end", "Last day", Kind.DAY),
        ("amount", "Amount", Kind.MONEY),
        ("month_amount", "Share of this {period}", Kind.MONEY),
    ),
    "Exclusions": (),
    "Downtime in covered time": (),
    # only the provider is shown which rows are missing
    "Evidence": (),
    "Availability": (),
    "Availability credit": (),
    "Eligible incidents": (
        ("ticket_id", "Ticket", Kind.TEXT),
        ("severity", "Severity", Kind.TEXT),
        ("target_s", "Target", Kind.CLOCK),
        ("is_due_date", "By its own due date", Kind.TEXT),
        ("elapsed_s", "Time taken", Kind.CLOCK),
        ("outcome", "Outcome", Kind.VERDICT),
        ("delay_pct", "Past the target by", Kind.PERCENTAGE),
        ("shared_downtime_started_at", "Same event as downtime from (UTC)", Kind.INSTANT),
    ),
    "Resolution credit": (),
    "Combination of the two credits": (),
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
    "Payable amount": (),
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
    "Fee": "Invoice lines",
    "Eligible incidents": "Eligible incidents",
    "Eligibility": "Overdue invoices",
    "Request and claim window": "Requests",
    "Issued so far": "Credit lines",
}
_ELSEWHERE = {
    "Agreed terms": "Terms in force",
    "Downtime in covered time": "Downtime intervals",
}
# the groups of terms behind an availability figure
_MEASURED_BY = ("availability.", "monitoring.", "downtime.", "exclusions.", "maintenance.")
# the steps that apply if no part of the period is covered
_WITHOUT_COVER = ("Covered time", "Fee", "Eligibility")


def calculation(figures: Figures) -> Section:
    """The credit in five lines, each with the clause that says so."""
    name = shortened(figures.contract["contract_name"], LONGEST)
    if figures.outcome is None:
        return Section(
            "Service credit", (f"The {name} provides for no service credits.",), "Credit"
        )
    reference = figures.clause("E1-E4, C1-C7")
    if not figures.has_cover:
        why = f": {reasons(figures.common_reasons, figures.kind)}" if figures.common_reasons else ""
        none = f"There is no service credit for this {figures.kind}{why}."
        return Section("Service credit", (none,), "Credit", reference)
    lines = figures.outcome.lines()
    has_clauses = any(line.clause for line in lines)
    table = Table(
        "From availability to the credit",
        (Column("Line"), Column("Calculation"), *([Column("Clause")] if has_clauses else [])),
        tuple(
            (f"{n}. {line.title}", line.sentences[0], *([line.clause] if has_clauses else []))
            for n, line in enumerate(lines, 1)
        ),
    )
    return Section("Service credit", (table, _amounts(figures)), "Credit", reference)


def steps(figures: Figures) -> Section | None:
    """Every step of the calculation, with what it follows from."""
    if figures.steps is None:
        return None
    found = figures.calculation
    if not figures.has_cover:
        found = [step for step in found if _kept(step, figures.kind) in _WITHOUT_COVER]
    return Section(
        "The calculation in full",
        tuple(_step(number, step, figures.kind) for number, step in enumerate(found, 1)),
        "Calculation",
    )


def _amounts(figures: Figures) -> Table:
    columns = (
        Column(sentence_case(periods.FEES[figures.kind]), Kind.MONEY),
        Column("Availability credit", Kind.AGREED),
        Column("Resolution credit", Kind.AGREED),
        Column("Combined", Kind.AGREED),
        Column("After the cap", Kind.AGREED),
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
    return Table("Summary of the credit", columns, tuple(rows))


def _kept(step: Step, period: str) -> str:
    """The title of a step in the tables above; that of the fee follows the period."""
    return "Fee" if step.title == sentence_case(periods.FEES[period]) else step.title


def _step(number: int, step: Step, period: str) -> Section:
    title = _kept(step, period)
    columns = _ROWS[title]
    blocks: list[Block] = [_sentence(step, text) for text in step.sentences]
    if columns and step.rows:
        rows = tuple(tuple(_value(row, key, kind) for key, _, kind in columns) for row in step.rows)
        blocks.append(
            Table(
                _CAPTIONS[title],
                tuple(Column(heading.format(period=period), kind) for _, heading, kind in columns),
                rows,
            )
        )
    return Section(f"Step {number}: {step.title}", tuple(blocks), "", step.clause or "")


def _sentence(step: Step, text: str) -> str:
    """A sentence of the proof for print: codes as words, and where its rows are listed."""
    text = sentence_case(text.replace(" x ", " × ").replace(" - ", " − ").replace("_", " "))
    if not text.endswith(":") or step.title not in _ELSEWHERE:
        return text
    return f"{text[:-1]}; they are listed under {_ELSEWHERE[step.title]}."


def _value(row: Row, key: str, kind: Kind) -> Value:
    if kind is Kind.MONEY:
        return Money(row[key], row["currency"])
    # publications of older versions lack some columns
    value = row.get(key)
    return value if not isinstance(value, bool) else "yes" if value else "no"


def claim(figures: Figures) -> Section:
    reference = figures.clause("C5, E2")
    title = "How to claim"
    if not figures.credits:
        name = shortened(figures.contract["contract_name"], LONGEST)
        return Section(
            title,
            (f"There is nothing to claim: the {name} provides for no service credits.",),
            "Claim",
            reference,
        )
    row = figures.credits[0]
    facts = [
        Fact("Claim", words(row["claim_status"])),
        Fact("Claim until", "no request is needed")
        if row["claim_deadline"] is None
        else Fact(
            "Claim until",
            row["claim_deadline"],
            Kind.DAY,
            f"that day included, in the time zone {figures.contract['time_zone']}",
        ),
        Fact("Requested on", row["requested_on"], Kind.DAY),
        *(
            Fact("Calculated credit", Money(r["credit_amount"], r["currency"]), Kind.MONEY)
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
    sentences = [_status(figures, r) for r in figures.credits]
    if figures.has_cover and figures.evidence is not Evidence.SUFFICIENT:
        data = "no" if figures.is_unseen else "too little"
        sentences.append(
            f"There is {data} monitoring data for the {figures.kind} to back the availability "
            "behind this credit (see Data coverage)."
        )
    if figures.is_final and all(r["exposure"] == "none" for r in figures.credits):
        return Section(title, tuple(sentences), "Claim", reference)
    return Section(
        title,
        (Facts("The claim", tuple(facts)), *sentences, *_what_to_do(figures)),
        "Claim",
        reference,
    )


def evidence(figures: Figures) -> str:
    """The warning beside a credit with too little data behind it, else empty."""
    data = "; on incomplete data" if any(map(is_incomplete, figures.credits)) else ""
    if not figures.has_cover:
        return data
    if figures.is_unseen:
        return f"; no data for the {figures.kind}" + ("" if figures.is_final else " so far") + data
    return ("; on thin evidence" if figures.evidence is Evidence.THIN else "") + data


def _status(figures: Figures, row: Row) -> str:
    """The status of the credit in one currency."""
    amount = money(row["credit_amount"], row["currency"])
    where = figures.name + (f" in {row['currency']}" if len(figures.credits) > 1 else "")
    because = (
        f", because {reasons(row['reasons'], figures.kind)}"
        if row["reasons"] and (row["credit_pct"] or not figures.has_cover)
        else ""
    )
    changing = f"The {figures.kind} is still in progress, so this can change."
    match row["exposure"]:
        case "none" if figures.is_final:
            return f"No credit is due for {where}{because}: there is nothing to claim."
        case "none":
            return f"So far, no credit is due for {where}{because}. {changing}"
        case "not_eligible":
            return (
                f"The calculated credit is {amount} ({agreed_pct(row['credit_pct'])} of the "
                f"{periods.FEES[figures.kind]}), but it is not payable: "
                f"{reasons(row['reasons'], figures.kind)}."
            )
        case "payable":
            use = contract.text(figures.terms, "payable")
            why = (
                "no request is needed"
                if row["claim_status"] == "automatic"
                else f"it was requested on {row['requested_on']}, in time"
            )
            return f"{amount} is payable: {why}." + (f" {use}" if use else "")
        case "claimable":
            return f"{amount} can be claimed until {row['claim_deadline']}."
        case "at_stake":
            return f"So far, a credit of {amount} would be due. {changing}"
        case _ if row["claim_status"] == "late":
            return (
                f"A credit of {amount} was requested on {row['requested_on']}, "
                f"after {row['claim_deadline']}: it is waived."
            )
        case _:
            return (
                f"A credit of {amount} was not requested by {row['claim_deadline']}: it is waived."
            )


def _what_to_do(figures: Figures) -> list[str]:
    """How to request a credit, if a request can still have an effect in some currency.

    The window and the request are the same in all currencies."""
    row = figures.credits[0]
    sentences = []
    if figures.overdue:
        invoices = listed([shortened(str(o["invoice_id"]), LONGEST) for o in figures.overdue])
        sentences.append(
            f"Overdue: {invoices}. A credit is payable only if no invoice is overdue "
            "on the day of the request."
        )
    if row["claim_status"] == "claimable" and any(
        r["exposure"] in ("claimable", "not_eligible") and codes(r) <= {"overdue"}
        for r in figures.credits
    ):
        left = (
            f"{counted(row['days_left'], 'day')} left as of the date of these figures."
            if row["days_left"]
            else "The date of these figures is the last day."
        )
        sentences.append(f"{_request(figures)} {left}")
    if row["claim_deadline"] is None:
        return sentences
    if row["claim_status"] == "accruing" and row["requested_on"] is not None:
        sentences.append(
            f"It was requested on {row['requested_on']}. "
            "Only the earliest request counts: there is no need for another one."
        )
    elif row["claim_status"] == "accruing" and any(
        codes(r) <= {"overdue", "no_fee"} for r in figures.credits
    ):
        sentences.append(
            f"If a credit is due when the {figures.kind} ends, it has to be requested; "
            f"the request may be sent before the {figures.kind} ends. {_request(figures)}"
        )
    return sentences


def _request(figures: Figures) -> str:
    subscription = shortened(figures.subscription["subscription_id"], LONGEST)
    deadline = figures.credits[0]["claim_deadline"]
    form = contract.text(figures.terms, "claim")
    return (
        f"Send a request that names subscription {subscription} and the {figures.kind} "
        f"{figures.name}, dated no later than {deadline}. "
        + (f"{form} " if form else "")
        + "Without a request by then the credit is waived."
    )


def statement(figures: Figures) -> str | None:
    """The versions of the statement, by currency (C7); None until the period ends."""
    versions = [
        f"version {s['statement_version']}"
        + (f" ({s['currency']})" if len(figures.statements) > 1 else "")
        + f" of {instant(s['issued_at'])} UTC"
        for s in figures.statements
    ]
    return listed(versions) if versions else None


def terms(figures: Figures) -> Section:
    """All terms behind the figures, and the region's where they differ."""
    blocks = list(agreed.blocks(figures.terms, figures.kind, "Terms behind the figures"))
    others = {
        key: row
        for key, row in figures.regional_terms.items()
        if key.startswith(_MEASURED_BY) and row["value"] != figures.terms.get(key, {}).get("value")
    }
    if others:
        caption = "Terms of the region as a whole, where they differ"
        blocks += agreed.blocks(others, figures.kind, caption)
    return Section("Terms in force", tuple(blocks), "Terms", figures.clause("T5, T6"))
