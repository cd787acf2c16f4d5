"""The credit of a subscription and month as a proof that can be checked by hand.

Every figure is read from the published marts, none is worked out here; each step names the clause it rests on, the rule that reads the
clause, and the landed rows (file and line) from which it follows.
"""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from makegood.dashboards.access.reader import Reader, Row
from makegood.dashboards.figures.evidence import (
    Evidence,
    evidence_of,
    incomplete_words,
    is_incomplete,
    is_unseen,
)
from makegood.dashboards.figures.queries import CREDITS, GAPS_OF_CREDIT, GAPS_OF_TICKET, OF_CREDIT
from makegood.dashboards.figures.words import money, printable

# where the rules are read from in the agreements that come with makegood; other contracts are cited by rule alone
CLAUSES = {
    "trueengage": {
        "T6": "TE §17", "E1": "TE §1, §4.2", "A5": "TE §8", "A2": "TE §2", "X": "TE §10", "C1": "TE §9.1", "K5": "TE §7", "R": "TE §9.2", "C3": "TE §9.3",
        "C4": "TE §9.3", "E3": "TE §9.3", "E2": "TE §1, §9", "C5": "TE §9.4", "C6": "TE §2", "C7": "TE §14",
    },
}  # fmt: skip


class NotFound(ValueError):
    """There is no such credit in what is published; the message says what there is."""


@dataclass
class Step:
    """One step of a proof: sentences, and the rows that they rest on, each with file and line."""

    title: str
    rule: str
    clause: str | None
    sentences: list[str]
    rows: list[Row] = field(default_factory=list)


@dataclass
class Proof:
    """The proof of a subscription's credit in a month, as of the instant that is published."""

    subscription_id: str
    month: date
    as_of: datetime
    contract_id: str
    contract_version: date
    steps: list[Step]

    def as_data(self) -> Row:
        """Plain values for JSON: instants and dates in ISO 8601, amounts and percentages as decimal text."""
        return _plain(asdict(self))

    def as_text(self) -> str:
        """The proof in words, with the rows below each step."""
        lines = [
            f"Credit of subscription {self.subscription_id} for {self.month:%Y-%m}",
            f"under {self.contract_id}, version of {self.contract_version}, as of {_shown(self.as_of)}",
        ]
        for number, step in enumerate(self.steps, 1):
            lines += [
                "",
                f"{number}. {step.title}   [{', '.join(filter(None, [step.clause, f'rule {step.rule}']))}]",
            ]
            lines += [f"   {sentence}" for sentence in step.sentences]
            for row in step.rows:
                first, *rest = _in_words(row)
                lines += [f"     - {first}", *rest]
        return "\n".join(map(printable, lines))


def prove(reader: Reader, subscription_id: str, month: date) -> Proof:
    """The proof of what the reader may see; raises NotFound. `month`: its first day."""
    return _Marts(reader, subscription_id, month).proof()


class _Marts:
    """The rows of one subscription and month."""

    def __init__(self, reader: Reader, subscription_id: str, month: date) -> None:
        self.rows = reader.rows
        self.has_gaps = reader.has("marts.evidence_gaps")
        # older versions published the events of the tickets behind credits alone
        events = ("marts.ticket_events", "marts.credit_ticket_events")
        self.events = next(filter(reader.has, events), None)
        self.as_of = reader.as_of
        self.subscription_id = subscription_id
        self.month = month

    def of_month(self, mart: str, columns: str, order: str) -> list[Row]:
        return self.rows(
            f"select {columns} from marts.{mart} where subscription_id = ? and month = ? order by {order}",
            self.subscription_id,
            self.month,
        )

    def proof(self) -> Proof:
        found = self.of_month("credit_steps", "*", "1")
        if not found:
            raise NotFound(self._what_there_is())
        (step,) = found
        clauses = CLAUSES.get(step["contract_id"], {})
        credits = self.rows(
            f"select * from ({CREDITS}) where subscription_id = ? and month = ? order by currency",
            self.subscription_id,
            self.month,
        )
        # evidence is that of the region, and the same in all currencies
        credit = credits[0]
        terms = {
            r["policy_key"]: r
            for r in self.rows(
                "select policy_key, value, document from marts.agreed_terms where terms_id = ?",
                step["terms_id"],
            )
        }

        def made(
            title: str,
            rule: str,
            clause: str,
            sentences: Iterable[str | None],
            rows: list[Row] | None = None,
        ) -> Step:
            return Step(title, rule, clauses.get(clause), [s for s in sentences if s], rows or [])

        steps = [
            made(
                "What was agreed",
                "T5, T6",
                "T6",
                [f"terms in force on {self.month}, each with the document that set it:"],
                _terms(terms),
            ),
            made(
                "Covered time",
                "E1",
                "E1",
                [_covered(step)],
                self.of_month("credit_spans", "* exclude (subscription_id, month)", "valid_from"),
            ),
            made("Fee of the month", "E3", "E3", map(_fee, credits), self._fee_lines()),
            made("Exclusions in the month", "X1-X4", "X", [_excluded(step)], self._exclusions()),
            made(
                "Downtime intervals that take from covered time",
                "A1-A3, A5",
                "A2",
                [_downtime(step, is_unseen(credit))],
                self._intervals(step),
            ),
            made(
                "What the figures rest on",
                "M6",
                "M6",
                [_seen(credit), _missing(credit)],
                self._gaps(credit),
            ),
            made("Availability", "A5, A6", "A5", _availability(step, is_unseen(credit))),
            made("Availability credit", "C1", "C1", _availability_credit(step, is_unseen(credit))),
            made(
                "Incidents and their resolution",
                "K3, K5, K7, R1",
                "K5",
                [_incidents(step)],
                self._tickets(),
            ),
            made("Resolution credit", "R2, R3, C2", "R", _resolution_credit(step)),
            made("Not both for the same event", "C3", "C3", _combined(step)),
            made("Cap and amount", "C4", "C4", [_capped(step), *map(_amount, credits)]),
            made("Eligibility", "E1, E2, E4", "E2", map(_eligible, credits), self._overdue()),
            made("Request and claim window", "C5", "C5", map(_claim, credits[:1]), self._claims()),
            made("Payable", "C5", "C5", map(_payable, credits)),
            made("Issued so far", "C6", "C6", self._reconciled(), self._issued()),
            made("Statements", "C7", "C7", self._stated()),
        ]
        return Proof(
            self.subscription_id,
            self.month,
            self.as_of,
            step["contract_id"],
            step["contract_version"],
            steps,
        )

    def _what_there_is(self) -> str:
        months = self.rows(
            "select distinct strftime(month, '%Y-%m') as month from marts.credits where subscription_id = ? order by 1",
            self.subscription_id,
        )
        if months:
            return f"no credit of {self.subscription_id} for {self.month:%Y-%m}; there is one for {', '.join(m['month'] for m in months)}"
        some = self.rows("select distinct subscription_id from marts.credits order by 1 limit 5")
        if not some:
            return "no subscription under a contract with credits is published"
        return f"no credits of subscription {self.subscription_id!r}; there are some of {', '.join(s['subscription_id'] for s in some)} and others"

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
            """select sources.started_at, sources.feed, sources.component_id, sources.outage_id, sources.location, sources.state, sources.incident_id,
                      sources.source_from, sources.source_until, sources.file, sources.line, sources.last_file, sources.last_line
               from marts.downtime_sources as sources
               inner join marts.credits as credits on sources.service_id = credits.service_id and sources.region = credits.region
               where sources.availability_policy_id = ? and sources.customer_scope = ? and credits.subscription_id = ? and credits.month = ?
               group by all
               order by sources.started_at, sources.source_from, sources.component_id, sources.feed, sources.location, sources.outage_id""",
            step["availability_policy_id"],
            step["customer_scope"],
            self.subscription_id,
            self.month,
        )
        for interval in intervals:
            interval["from"] = [
                {k: v for k, v in s.items() if k != "started_at"}
                for s in sources
                if s["started_at"] == interval["started_at"]
            ]
        return intervals

    def _gaps(self, credit: Row) -> list[Row]:
        """The rows that the credit and the availability of its region lack."""
        if not self.has_gaps:
            return []
        return self.rows(GAPS_OF_CREDIT, *(credit[k] for k in OF_CREDIT))

    def _tickets(self) -> list[Row]:
        tickets = self.of_month(
            "credit_tickets", "* exclude (subscription_id, month)", "received_at, ticket_id"
        )
        for ticket in tickets:
            ticket["events"] = (
                self.rows(
                    f"""select occurred_at, event, severity, resolution_kind, clock_seconds, event_id,
                              file, line
                       from {self.events} where ticket_id = ? order by sequence""",
                    ticket["ticket_id"],
                )
                if self.events
                else []
            )
            if self.has_gaps:
                ticket["missing"] = self.rows(GAPS_OF_TICKET, ticket["ticket_id"])
        return tickets

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
        rows = self.of_month("credit_reconciliation", "*", "currency")
        return [_difference(row) for row in rows] or ["nothing is due and nothing was issued"]

    def _stated(self) -> list[str]:
        rows = self.of_month("credit_statements", "*", "currency, statement_version")
        return [_statement(row) for row in rows] or ["none yet: the month is not over"]


# what of the terms a credit rests on
_CREDIT_TERMS = tuple(
    f"{group}."
    for group in (
        "availability", "monitoring", "downtime", "exclusions", "maintenance", "tickets", "calendars", "severity", "resolution", "resolution_credit",
        "credits", "events",
    )
)  # fmt: skip


def _terms(terms: dict[str, Row]) -> list[Row]:
    return [terms[key] for key in sorted(terms) if key.startswith(_CREDIT_TERMS)]


def _covered(step: Row) -> str:
    return f"{step['covered_seconds']} s of the month are covered: a paid, active span of a plan with credits"


def _fee(row: Row) -> str:
    if row["currency"] is None:
        return "no line of a kind that counts as a fee falls into the month: there is no fee, and no currency"
    return f"monthly fee: {money(row['monthly_fee'], row['currency'])}, the sum of what falls into the month of each line:"


def _excluded(step: Row) -> str:
    return f"{step['excluded_seconds']} s leave the total; downtime inside an exclusion is none"


def _downtime(step: Row, unseen: bool) -> str:
    if step["downtime_seconds"]:
        return f"{step['downtime_seconds']} s of downtime inside covered time:"
    return (
        "none was seen inside covered time; nothing else was seen either"
        if unseen
        else "none: no downtime inside covered time"
    )


def _seen(credit: Row) -> str:
    """How much of the time was seen in the region, by which every figure here is judged (M6)."""
    when = "of the month" if credit["status"] == "final" else "of the month so far"
    if credit["coverage_pct"] is None:
        return f"nothing {when} was seen of this service in this region"
    # an earlier version published no terms
    asked = credit["min_coverage_pct"]
    least = f"; the agreement asks for {_pct(Decimal(asked))}" if asked is not None else ""
    told = {
        Evidence.SUFFICIENT: "enough",
        Evidence.THIN: "too little: what follows rests on thin evidence",
        Evidence.NONE: "nothing was seen: what follows rests on no evidence",
    }
    return f"coverage {_pct(credit['coverage_pct'])} {when}{least}: {told[evidence_of(credit)]}"


def _missing(credit: Row) -> str | None:
    """That rows are missing, and how many; which, the rows of the step say."""
    return f"{incomplete_words(credit)}; no figure changes by it" if is_incomplete(credit) else None


def _availability(step: Row, unseen: bool) -> list[str | None]:
    base = f"total {step['total_seconds']} s - excluded {step['excluded_seconds']} s = {step['base_seconds']} s; less downtime {step['downtime_seconds']} s"
    if step["availability_pct"] is None:
        return [
            base,
            "no figure: "
            + (
                "nothing of the month is covered"
                if not step["covered_seconds"]
                else "all of the time is excluded"
            ),
        ]
    if unseen:
        return [f"{base}; nothing was seen: there is no figure to state"]
    return [
        f"{base} = {step['up_seconds']} s available",
        f"{step['up_seconds']} / {step['base_seconds']} = {_pct(step['availability_pct'])}",
    ]


def _availability_credit(step: Row, unseen: bool) -> list[str | None]:
    if step["commitment_pct"] is None:
        return ["no commitment is in force for this service: no availability credit"]
    said = f"commitment {_pct(step['commitment_pct'])}"
    if step["availability_pct"] is None:
        return [f"{said}: without a figure no availability credit"]
    if unseen:
        return [
            f"{said}: no downtime was seen, so there is no availability credit; nothing else was seen either"
        ]
    if not step["is_below_commitment"]:
        return [f"{said}: not below it, judged by the exact seconds: no availability credit"]
    if step["availability_tier_below_pct"] is None:
        return [f"{said}: below it, but not below the bound of any tier: no availability credit"]
    tier = f"the deepest tier that it is below: {_pct(step['availability_tier_below_pct'])}"
    return [f"{said}: below it; {tier}, which gives {_pct(step['availability_credit_pct'])}"]


def _incidents(step: Row) -> str:
    return f"{step['incidents']} production incidents of the credited severities with an outcome, {step['missed']} of them past their target"


def _resolution_credit(step: Row) -> list[str | None]:
    if not step["incidents"]:
        return ["no incident in the population: no resolution credit"]
    triggered = (
        "more than allowed" if step["is_triggered"] else "not more than allowed, judged exactly"
    )
    said: list[str | None] = [
        f"missed: {step['missed']} of {step['incidents']} = {_pct(step['missed_pct'])}, {triggered}"
    ]
    if step["average_delay_pct"] is not None:
        said.append(f"average delay: {_pct(step['average_delay_pct'])} of the target")
    if step["is_triggered"] and step["resolution_tier"] is not None:
        bound = (
            f"up to {_pct(step['resolution_tier_up_to_pct'])}"
            if step["resolution_tier_up_to_pct"] is not None
            else "beyond the last bound"
        )
        said.append(
            f"tier {step['resolution_tier']}, {bound}: {_pct(step['resolution_credit_pct'])}"
        )
    else:
        said.append(f"resolution credit {_pct(step['resolution_credit_pct'])}")
    return said


def _combined(step: Row) -> list[str | None]:
    if not step["is_shared"]:
        return [
            f"no incident shares an event with a downtime interval: both credits add up to {_pct(step['combined_pct'])} ({step['combination']})"
        ]
    return [
        f"incidents and downtime share events ({step['shared_seconds']} s of downtime are shared); the better of two ways, the first on a tie:",
        f"availability first: {_pct(step['availability_credit_pct'])} with all downtime + {_pct(step['resolution_credit_unshared_pct'])} "
        f"for the {step['incidents_unshared']} incidents not shared ({step['missed_unshared']} missed) = {_pct(step['availability_first_pct'])}",
        f"resolution first: {_pct(step['availability_credit_unshared_pct'])} without the shared downtime + {_pct(step['resolution_credit_pct'])} "
        f"for all incidents = {_pct(step['resolution_first_pct'])}",
        f"taken: {step['combination']}, {_pct(step['combined_pct'])}",
    ]


def _capped(step: Row) -> str:
    return f"{_pct(step['combined_pct'])}, at most {_pct(step['cap_pct'])} of the monthly fee: {_pct(step['credit_pct'])}"


def _amount(row: Row) -> str | None:
    if row["monthly_fee"] <= 0:
        return "no fee above 0: the amount is 0"
    return f"{money(row['monthly_fee'], row['currency'])} x {_pct(row['credit_pct'])} = {money(row['credit_amount'], row['currency'])}, rounded once"


def _eligible(row: Row) -> str:
    said = f"{row['currency'] or 'without currency'}: "
    return said + (
        "eligible" if not row["reasons"] else f"not eligible: {row['reasons'].replace(',', ', ')}"
    )


def _claim(row: Row) -> str:
    asked = f"requested on {row['requested_on']}" if row["requested_on"] else "not requested"
    return f"{asked}; the window ends on {row['claim_deadline']}: {row['claim_status']}"


def _payable(row: Row) -> str:
    why = (
        ""
        if row["payable_amount"]
        else f" ({row['reasons'].replace(',', ', ') or row['claim_status']})"
        if row["credit_amount"]
        else ""
    )
    told = {
        Evidence.THIN: "; it rests on thin evidence",
        Evidence.NONE: "; nothing was seen of the month",
    }
    thin = "" if row["availability_pct"] is None else told.get(evidence_of(row), "")
    return f"{money(row['payable_amount'], row['currency'])}{why}, month {row['status']}{thin}"


def _difference(row: Row) -> str:
    flags = f" ({row['flags'].replace(',', ', ')})" if row["flags"] else ""
    due, issued, difference = (
        money(row[k], row["currency"]) for k in ("due_amount", "issued_amount", "difference")
    )
    return f"due {due}, issued {issued}: difference {difference}{flags}"


def _statement(row: Row) -> str:
    mark = "current" if row["is_current"] else "no longer current"
    changed = f", changed: {row['changed'].replace(',', ', ')}" if row["changed"] else ""
    amount = money(row["credit_amount"], row["currency"])
    return f"version {row['statement_version']} of {_shown(row['issued_at'])}: {_pct(row['credit_pct'])}, {amount} ({mark}{changed})"


def _pct(value: Decimal | None) -> str:
    return "-" if value is None else f"{value.normalize():f} %"


def _shown(value: Any) -> str:
    if isinstance(value, datetime):
        return f"{value.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
    return ("yes" if value else "no") if isinstance(value, bool) else str(value)


def _in_words(row: Row, depth: int = 1) -> list[str]:
    """Names and values, then where the row was landed; rows below it on lines of their own."""
    if row.keys() == {"policy_key", "value", "document"}:
        return [f"{row['policy_key']}: {row['value']}  [{row['document']}]"]
    if "sentence" in row:
        place = _place(row, "file", "line")
        return [
            row["sentence"]
            + (f": {row['reason']}" if row["reason"] else "")
            + (f"  [{place}]" if place else "")
        ]
    below = {k: v for k, v in row.items() if isinstance(v, list)}
    places = [p for p in (_place(row, "file", "line"), _place(row, "last_file", "last_line")) if p]
    own = [
        f"{k} {_shown(v)}"
        for k, v in row.items()
        if k not in {*below, "file", "line", "last_file", "last_line"} and v is not None
    ]
    lines = [", ".join(own) + (f"  [{' to '.join(places)}]" if places else "")]
    for rows in below.values():
        for r in rows:
            first, *rest = _in_words(r, depth + 1)
            lines += [f"{'  ' * depth}     - {first}", *rest]
    return lines


def _place(row: Row, file: str, line: str) -> str | None:
    return f"{row[file]}:{row[line]}" if row.get(file) is not None else None


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_plain(v) for v in value]
    if isinstance(value, datetime):
        return _shown(value)
    if isinstance(value, Decimal | date):
        return str(value)
    return value
