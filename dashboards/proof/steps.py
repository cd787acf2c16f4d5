"""The steps of a proof, read from the published marts; no figure is calculated here.

Each step names its rules, the clauses that the contract gives for them, and the landed rows (file
and line) that it follows from.
"""

from collections.abc import Iterable, Iterator
from datetime import date

from makegood.dashboards.access.reader import Reader, Row
from makegood.dashboards.figures import contract, periods
from makegood.dashboards.figures.evidence import (
    Evidence,
    evidence_of,
    incomplete_words,
    is_incomplete,
    is_unseen,
)
from makegood.dashboards.figures.own_claims import OWN_CLAIMS
from makegood.dashboards.figures.queries import CREDITS, GAPS_OF_CREDIT, GAPS_OF_TICKET, OF_CREDIT
from makegood.dashboards.figures.style import (
    agreed_pct,
    counted,
    exact_pct,
    in_seconds,
    money,
    thousands,
    timestamp,
    to_the_second,
)
from makegood.dashboards.proof import forms
from makegood.dashboards.proof.model import NotFound, Proof, Step
from makegood.dashboards.proof.outcome import Outcome


def prove(reader: Reader, subscription_id: str, month: date) -> Proof:
    """The proof of the credit of the period that holds a month, if the reader may see it.

    `month`: its first day. Raises NotFound."""
    return _Marts(reader, subscription_id, month).proof()


class _Marts:
    """The rows of one subscription and period. `month`: the first day of any month inside it."""

    def __init__(self, reader: Reader, subscription_id: str, month: date) -> None:
        self.rows = reader.rows
        self.has_gaps = reader.has("marts.evidence_gaps")
        # older versions published the events of the tickets behind credits alone
        events = ("marts.ticket_events", "marts.credit_ticket_events")
        self.events = next(filter(reader.has, events), None)
        self.as_of = reader.as_of
        self.subscription_id = subscription_id
        found = self.rows(
            "select contract_id from marts.subscriptions where subscription_id = ?", subscription_id
        )
        kinds = periods.kinds(reader)
        self.kind = kinds[found[0]["contract_id"]] if found else "month"
        # a claim of our own is derived as a credit is (C8)
        self.is_claim = bool(found) and found[0]["contract_id"] in contract.as_customer(reader)
        self.month = periods.start(self.kind, month)

    def of_month(self, mart: str, columns: str, order: str) -> list[Row]:
        return self.rows(
            f"""select {columns} from marts.{mart}
                where subscription_id = ? and month = ? order by {order}""",
            self.subscription_id,
            self.month,
        )

    def proof(self) -> Proof:
        found = self.of_month("credit_steps", "*", "1")
        if not found:
            raise NotFound(self._what_there_is())
        (step,) = found
        credits = self.rows(
            f"""select * from ({OWN_CLAIMS if self.is_claim else CREDITS})
                where subscription_id = ? and month = ? order by currency""",
            self.subscription_id,
            self.month,
        )
        # evidence is about the region, and the same in all currencies
        credit = credits[0]
        unseen = is_unseen(credit)
        terms = {
            r["policy_key"]: r
            for r in self.rows(
                "select policy_key, value, document from marts.agreed_terms where terms_id = ?",
                step["terms_id"],
            )
        }

        days = (periods.following(self.kind, self.month) - self.month).days
        name = periods.name(self.kind, self.month)
        outcome = Outcome(name, self.kind, days, step, credits, terms)

        def made(
            title: str, rules: str, sentences: Iterable[str | None], rows: list[Row] | None = None
        ) -> Step:
            clause = contract.clause(terms, rules)
            return Step(title, rules, clause, [s for s in sentences if s], rows or [])

        tickets = self._tickets()
        steps = [
            made(
                "Agreed terms",
                "T5, T6",
                [f"terms in force on {self.month}, each with the document that set it:"],
                _terms(terms),
            ),
            made(
                "Covered time",
                "E1",
                [_covered(step, self.kind)],
                self.of_month("credit_spans", "* exclude (subscription_id, month)", "valid_from"),
            ),
            made(
                _title(periods.FEES[self.kind]),
                "E3",
                (_fee(row, self.kind) for row in credits),
                self._fee_lines(),
            ),
            made("Exclusions", "X1-X4", [_excluded(step)], self._exclusions()),
            made(
                "Downtime in covered time",
                "A1-A3, A5",
                [_downtime(step, unseen), _service_hours(terms)],
                self._intervals(step),
            ),
            made(
                "Evidence", "M6", [_seen(credit, self.kind), _missing(credit)], self._gaps(credit)
            ),
            made("Availability", "A5, A6", _availability(step, unseen, self.kind)),
            made(
                "Availability credit",
                "C1",
                forms.availability_credit(step, terms, days, credit["reasons"], unseen),
            ),
            made("Eligible incidents", "K3, K5, K7, R1", _incidents(step, tickets), tickets),
            made("Resolution credit", "R2, R3, C2", _resolution_credit(step)),
            made("Combination of the two credits", "C3", _combined(step, terms)),
            made(
                "Cap and amount",
                "C4",
                [
                    _capped(step, terms, self.kind),
                    *(sentence for row in credits for sentence in forms.amount(row, step, terms)),
                ],
            ),
            made("Eligibility", "E1, E2, E4", map(_eligible, credits), self._overdue()),
            made("Request and claim window", "C5", _claim(credit, terms), self._claims()),
            made("Payable amount", "C5", (_payable(row, self.kind) for row in credits)),
            made("Issued so far", "C6", self._reconciled(), self._issued()),
        ]
        if not self.is_claim:
            steps.append(made("Statements", "C7", self._stated()))
        return Proof(
            self.subscription_id,
            self.kind,
            self.month,
            self.as_of,
            step["contract_id"],
            step["contract_version"],
            outcome.sentences(),
            outcome.lines(),
            steps,
        )

    def _what_there_is(self) -> str:
        mart = "marts.own_claims" if self.is_claim else "marts.credits"
        months = self.rows(
            f"select distinct month from {mart} where subscription_id = ? order by 1",
            self.subscription_id,
        )
        if months:
            there = ", ".join(periods.code(self.kind, m["month"]) for m in months)
            return (
                f"subscription {self.subscription_id!r} has no credit for "
                f"{periods.code(self.kind, self.month)}, only for {there}"
            )
        some = self.rows("select distinct subscription_id from marts.credits order by 1 limit 6")
        if not some:
            return "no subscription under a contract with credits is published"
        others = ", ".join(s["subscription_id"] for s in some[:5])
        return (
            f"there are no credits of subscription {self.subscription_id!r}; "
            f"subscriptions with credits: {others}{', …' if len(some) > 5 else ''}"
        )

    def _fee_lines(self) -> list[Row]:
        return self.of_month(
            "credit_fee_lines",
            "* exclude (subscription_id, month)",
            "currency, period_start, line_id",
        )

    def _exclusions(self) -> list[Row]:
        return self.of_month(
            "credit_exclusions", "* exclude (subscription_id, month)", "started_at, exclusion_id"
        )

    def _intervals(self, step: Row) -> list[Row]:
        intervals = self.of_month(
            "credit_downtime",
            "started_at, ended_at, downtime_seconds, counted_seconds, is_shared",
            "started_at",
        )
        sources = self.rows(
            # older versions knew no exclusions of providers
            """select sources.started_at, sources.feed, sources.component_id,
                      columns('^(outage_id|exclusion_id)$'),
                      sources.location, sources.state, sources.incident_id, sources.source_from,
                      sources.source_until, sources.file, sources.line, sources.last_file,
                      sources.last_line
               from marts.downtime_sources as sources
               inner join marts.subscriptions as subscriptions
                   on sources.service_id = subscriptions.service_id
                   and sources.region = subscriptions.region
               where sources.availability_policy_id = ? and sources.customer_scope = ?
                   and subscriptions.subscription_id = ?
               order by sources.started_at, sources.source_from, sources.component_id,
                        sources.feed, sources.location, sources.outage_id""",
            step["availability_policy_id"],
            step["customer_scope"],
            self.subscription_id,
        )
        for interval in intervals:
            interval["from"] = [
                {k: v for k, v in s.items() if k != "started_at"}
                for s in sources
                if s["started_at"] == interval["started_at"]
            ]
        return intervals

    def _gaps(self, credit: Row) -> list[Row]:
        """The rows missing from the credit and from the availability of its region."""
        if not self.has_gaps:
            return []
        return self.rows(GAPS_OF_CREDIT, *(credit[k] for k in OF_CREDIT))

    def _tickets(self) -> list[Row]:
        tickets = self.of_month(
            "credit_tickets", "* exclude (subscription_id, month)", "received_at, ticket_id"
        )
        for ticket in tickets:
            ticket["events"] = self._events(ticket["ticket_id"])
            if self.has_gaps:
                ticket["missing"] = self.rows(GAPS_OF_TICKET, ticket["ticket_id"])
        return tickets

    def _events(self, ticket_id: str) -> list[Row]:
        if self.events is None:
            return []
        return self.rows(
            f"""select occurred_at, event, severity, resolution_kind, clock_seconds, event_id,
                      file, line
               from {self.events} where ticket_id = ? order by sequence""",
            ticket_id,
        )

    def _overdue(self) -> list[Row]:
        return self.of_month(
            "credit_overdue_invoices", "* exclude (subscription_id, month)", "due_on, invoice_id"
        )

    def _claims(self) -> list[Row]:
        return self.of_month(
            "credit_claims", "* exclude (subscription_id, month)", "requested_on, request_id"
        )

    def _issued(self) -> list[Row]:
        return self.of_month(
            "credit_issued_lines", "* exclude (subscription_id, month)", "currency, line_id"
        )

    def _reconciled(self) -> list[str]:
        if self.is_claim:
            lines = "in the lines below" if self._issued() else "nothing"
            return [f"the provider has credited us {lines}"]
        rows = self.of_month("credit_reconciliation", "*", "currency")
        return [_difference(row) for row in rows] or ["nothing is due and nothing was issued"]

    def _stated(self) -> list[str]:
        rows = self.of_month("credit_statements", "*", "currency, statement_version")
        return [_statement(row) for row in rows] or [f"none yet: the {self.kind} is not over"]


# the groups of terms that a credit depends on
_CREDIT_TERMS = (
    "availability.",
    "monitoring.",
    "downtime.",
    "exclusions.",
    "maintenance.",
    "tickets.",
    "calendars.",
    "severity.",
    "resolution.",
    "resolution_credit.",
    "credits.",
    "events.",
)


def _terms(terms: dict[str, Row]) -> list[Row]:
    return [terms[key] for key in sorted(terms) if key.startswith(_CREDIT_TERMS)]


def _title(text: str) -> str:
    return text[:1].upper() + text[1:]


def _covered(step: Row, kind: str) -> str:
    return (
        f"{to_the_second(step['covered_seconds'])} of the {kind} "
        f"{'is' if step['covered_seconds'] == 1 else 'are'} covered: "
        "a paid, active span of a plan with credits"
    )


def _fee(row: Row, kind: str) -> str:
    if row["currency"] is None:
        return f"no invoice line that counts as a fee falls into the {kind}: no fee and no currency"
    fee = money(row["monthly_fee"], row["currency"])
    return f"{periods.FEES[kind]}: {fee}, the sum of each line's share of the {kind}:"


def _excluded(step: Row) -> str:
    return (
        f"excluded: {to_the_second(step['excluded_seconds'])}, taken out of the total; "
        "downtime inside an exclusion does not count"
    )


def _downtime(step: Row, unseen: bool) -> str:
    if step["downtime_seconds"]:
        return f"{to_the_second(step['downtime_seconds'])} of downtime inside covered time:"
    if unseen:
        return "no downtime was recorded inside covered time, and no other state either"
    return "no downtime inside covered time"


def _service_hours(terms: contract.Terms) -> str | None:
    """The calendar whose open time alone counts, if there is one (A3)."""
    calendar = terms.get("availability.service_hours")
    if calendar is None:
        return None
    return f"seconds here and below are those inside the service hours of {calendar['value']}"


def _seen(credit: Row, kind: str) -> str:
    """The coverage of the region, by which every figure here is judged (M6)."""
    so_far = "" if credit["status"] == "final" else " so far"
    if credit["coverage_pct"] is None:
        return f"no data for this service in this region in the {kind}{so_far}"
    # an earlier version published no terms
    least = credit["min_coverage_pct"]
    wanted = f"; the contract requires {agreed_pct(least)}" if least is not None else ""
    judgement = {
        Evidence.SUFFICIENT: "sufficient",
        Evidence.THIN: "too little: the steps below rest on thin evidence",
        Evidence.NONE: "no data: the steps below rest on no evidence",
    }[evidence_of(credit)]
    return (
        f"coverage {exact_pct(credit['coverage_pct'])} of the {kind}{so_far}{wanted}: {judgement}"
    )


def _missing(credit: Row) -> str | None:
    """How many rows are missing; the rows of the step name them."""
    if not is_incomplete(credit):
        return None
    return f"{incomplete_words(credit)}; the figures are calculated without them"


def _availability(step: Row, unseen: bool, kind: str) -> list[str | None]:
    base = (
        f"total {in_seconds(step['total_seconds'])} "
        f"- excluded {in_seconds(step['excluded_seconds'])} "
        f"= {in_seconds(step['base_seconds'])}; "
        f"less downtime {in_seconds(step['downtime_seconds'])}"
    )
    if step["availability_pct"] is None:
        why = (
            "all of the time is excluded"
            if step["covered_seconds"]
            else f"no part of the {kind} is covered"
        )
        return [base, f"no figure: {why}"]
    if unseen:
        return [f"{base}; there is no data, so no figure can be given"]
    return [
        f"{base} = {in_seconds(step['up_seconds'])} available",
        f"{thousands(step['up_seconds'])} / {thousands(step['base_seconds'])} = "
        f"{exact_pct(step['availability_pct'])}",
    ]


def _incidents(step: Row, tickets: list[Row]) -> Iterator[str]:
    yield (
        f"{counted(step['incidents'], 'production incident')} of the credited severities "
        f"with an outcome, of which past the target: {step['missed']}"
    )

    # publications of older versions know no due dates
    due = sum(ticket.get("is_due_date", False) for ticket in tickets)
    if due:
        yield f"for {due} of them, the target is the ticket's own due date"


def _resolution_credit(step: Row) -> list[str | None]:
    if not step["incidents"]:
        return ["no eligible incident: no resolution credit"]
    triggered = (
        "more than allowed" if step["is_triggered"] else "not more than allowed, judged exactly"
    )
    sentences: list[str | None] = [
        f"missed: {step['missed']} of {step['incidents']} = {exact_pct(step['missed_pct'])}, "
        f"{triggered}"
    ]
    if step["average_delay_pct"] is not None:
        sentences.append(f"average delay: {exact_pct(step['average_delay_pct'])} of the target")
    if not step["is_triggered"] or step["resolution_tier"] is None:
        return [*sentences, f"resolution credit {agreed_pct(step['resolution_credit_pct'])}"]
    bound = (
        f"up to {agreed_pct(step['resolution_tier_up_to_pct'])}"
        if step["resolution_tier_up_to_pct"] is not None
        else "beyond the last bound"
    )
    tier = f"tier {step['resolution_tier']}, {bound}: {agreed_pct(step['resolution_credit_pct'])}"
    return [*sentences, tier]


def _combined(step: Row, terms: contract.Terms) -> list[str | None]:
    def of(column: str) -> str:
        return forms.share(step, terms, column)

    if not step["is_shared"]:
        return [
            "no incident shares an event with a downtime interval: "
            f"both credits add up to {of('combined_pct')}"
        ]
    return [
        "incidents and downtime share events (downtime that is shared: "
        f"{to_the_second(step['shared_seconds'])}); "
        "the better of two ways counts, the first if they are equal:",
        f"availability first: {of('availability_credit_pct')} with all downtime "
        f"+ {of('resolution_credit_unshared_pct')} "
        f"for {counted(step['incidents_unshared'], 'incident')} not shared "
        f"({step['missed_unshared']} missed) = {of('availability_first_pct')}",
        f"resolution first: {of('availability_credit_unshared_pct')} "
        f"without the shared downtime + {of('resolution_credit_pct')} "
        f"for all incidents = {of('resolution_first_pct')}",
        f"taken: {step['combination'].replace('_', ' ')}, {of('combined_pct')}",
    ]


def _capped(step: Row, terms: contract.Terms, kind: str) -> str:
    return (
        f"{forms.share(step, terms, 'combined_pct')}, at most {agreed_pct(step['cap_pct'])} of the "
        f"{periods.FEES[kind]}: {forms.share(step, terms, 'credit_pct')}"
    )


def _eligible(row: Row) -> str:
    reasons = _listed(row["reasons"])
    verdict = f"not eligible: {reasons}" if reasons else "eligible"
    return f"{row['currency'] or 'without currency'}: {verdict}"


def _claim(row: Row, terms: contract.Terms) -> Iterator[str]:
    request = f"requested on {row['requested_on']}" if row["requested_on"] else "not requested"
    if row["claim_deadline"] is None:
        yield f"{request}; no request is needed, and there is no deadline: {row['claim_status']}"
        return
    yield f"{request}; the window ends on {row['claim_deadline']}: {row['claim_status']}"
    if "credits.claim_months" not in terms:
        return
    months = int(terms["credits.claim_months"]["value"])
    days = int(terms["credits.claim_days"]["value"]) if "credits.claim_days" in terms else 30
    if months:
        yield (
            f"from {row['last_day']}, {counted(months, 'month')} on to the last day of that month, "
            f"and {counted(days, 'day')} more: {row['claim_deadline']}"
        )


def _payable(row: Row, kind: str) -> str:
    why = ""
    if row["credit_amount"] and not row["payable_amount"]:
        why = f" ({_listed(row['reasons']) or row['claim_status']})"
    warning = {
        Evidence.SUFFICIENT: "",
        Evidence.THIN: "; it rests on thin evidence",
        Evidence.NONE: f"; there is no data for the {kind}",
    }
    thin = "" if row["availability_pct"] is None else warning[evidence_of(row)]
    amount = money(row["payable_amount"], row["currency"])
    return f"{amount}{why}; the {kind} is {row['status']}{thin}"


def _difference(row: Row) -> str:
    flags = f" ({_listed(row['flags'])})" if row["flags"] else ""
    due, issued, difference = (
        money(row[k], row["currency"]) for k in ("due_amount", "issued_amount", "difference")
    )
    return f"due {due}, issued {issued}: difference {difference}{flags}"


def _statement(row: Row) -> str:
    mark = "current" if row["is_current"] else "no longer current"
    changed = f", changed: {_listed(row['changed'])}" if row["changed"] else ""
    amount = money(row["credit_amount"], row["currency"])
    return (
        f"version {row['statement_version']} of {timestamp(row['issued_at'])}: "
        f"{agreed_pct(row['credit_pct'])}, {amount} ({mark}{changed})"
    )


def _listed(names: str) -> str:
    """Reasons, flags or columns of a mart as words: `past_due,trial` is past due, trial."""
    return names.replace(",", ", ").replace("_", " ")
