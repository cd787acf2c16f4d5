"""What comes out of a period, before any step: two sentences on the commitment and the credit, and
the credit in five lines (A4-A6, C1-C5).

Reports, the page of the proof and `makegood explain` all begin with them. What a customer may not
see, such as rows of feeds, does not belong here.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from makegood.dashboards.access.reader import Row
from makegood.dashboards.figures import periods
from makegood.dashboards.figures.contract import Terms, clause
from makegood.dashboards.figures.evidence import Evidence, Verdict, evidence_of, judged, so_far
from makegood.dashboards.figures.style import (
    agreed_pct,
    counted,
    exact_duration,
    exact_pct,
    in_seconds,
    money,
    percentage,
)
from makegood.dashboards.figures.words import reasons, sentence_case
from makegood.dashboards.proof import forms
from makegood.dashboards.proof.model import Step


@dataclass(frozen=True)
class Outcome:
    """A subscription's period. `name`: as in July 2026; `kind`: month, quarter or year; `days`:
    how many it has; `step`: its row of credit_steps; `credits`: its rows of CREDITS."""

    name: str
    kind: str
    days: int
    step: Row
    credits: list[Row]
    terms: Terms

    @property
    def is_over(self) -> bool:
        """Whether the period is over (T3)."""
        return bool(self.credits[0]["status"] == "final")

    @property
    def has_cover(self) -> bool:
        """Whether any of the period is covered time (E1)."""
        return bool(self.step["covered_seconds"] > 0)

    @property
    def verdict(self) -> Verdict:
        """The verdict on the subscription's own figure (A5, A6); met if all time is excluded."""
        return verdict_of_steps(self.step, evidence_of(self.credits[0]))

    def sentences(self) -> list[str]:
        """What was agreed and whether it was met; what is owed, what to do and until when."""
        if self.has_cover and self.verdict is Verdict.NO_DATA and self._is_nothing:
            # what nobody saw is no ground for a credit, nor for none
            far = "" if self.is_over else "so far, "
            return [
                self._kept(),
                f"No credit is owed {far}as far as anyone can tell: there is no monitoring data.",
            ]
        return [self._kept(), owed(self.name, self.kind, self.has_cover, self.credits)]

    @property
    def _is_nothing(self) -> bool:
        return all(row["exposure"] == "none" for row in self.credits)

    def _kept(self) -> str:
        if not self.has_cover:
            common = set.intersection(*(set(row["reasons"].split(",")) for row in self.credits))
            why = ",".join(sorted(common - {""}))
            because = f", because {reasons(why, self.kind)}" if why else ""
            return f"No commitment applied to this subscription {self._when}{because}."
        late = late_words(self.step, self.terms)
        if self.verdict is Verdict.NO_COMMITMENT:
            none = f"No availability was agreed for this service {self._when}"
            return f"{none}; {late}." if late else f"{none}."
        return kept(self.name, self.verdict, self.step, self.is_over, late)

    @property
    def _when(self) -> str:
        return periods.during(self.name)

    def lines(self) -> list[Step]:
        """The credit as a calculation of at most five lines, each with its clause."""
        return list(self._lines())

    def _lines(self) -> Iterator[Step]:
        step, terms = self.step, self.terms
        unseen = self.verdict is Verdict.NO_DATA

        def line(title: str, rules: str, text: str) -> Step:
            signs = text.replace(" x ", " × ").replace(" - ", " − ").replace(" / ", " ÷ ")
            return Step(title, rules, clause(terms, rules), [sentence_case(signs)])

        if not self.has_cover:
            none = f"no part of the {self.kind} is covered, so there is no figure and no credit"
            yield line("Availability", "E1", none)
            return
        yield line("Availability", "A4, A5, A6", self._availability(unseen))
        yield line("Credit for availability", "C1", self._earned(unseen))
        has_late = has_resolution_credit(step, terms)
        if has_late:
            yield line("Credit for late resolution", "R1, R2, R3, C2", self._late())
        title = "Both, and the cap" if has_late else "Cap"
        yield line(title, "C3, C4" if has_late else "C4", self._capped(has_late))
        amounts = ["; ".join(forms.amount(row, step, terms)) for row in self.credits]
        yield line("Amount", "E3, C4", ". ".join(map(sentence_case, amounts)))

    def _availability(self, unseen: bool) -> str:
        step = self.step
        if step["availability_pct"] is None:
            return "all of the time is excluded, so there is no figure"
        if unseen:
            return "there is no data for this time, so no figure can be given"
        pct = f"{exact_pct(step['availability_pct'])}"
        excluded = (
            f" - {in_seconds(step['excluded_seconds'])} excluded"
            if step["base_seconds"] != step["total_seconds"]
            else ""
        )
        total = in_seconds(step["total_seconds"]) + excluded
        base = in_seconds(step["base_seconds"])
        agreed = (
            f"; agreed {agreed_pct(step['commitment_pct'])}"
            if step["commitment_pct"] is not None
            else ""
        )
        return f"({total} - {in_seconds(step['downtime_seconds'])} down) / {base} = {pct}{agreed}"

    def _earned(self, unseen: bool) -> str:
        step = self.step
        bound, credit = step["availability_tier_below_pct"], step["availability_credit_pct"]
        if bound is not None:
            reached = "at or below" if step.get("is_tier_inclusive") else "below"
            return f"{reached} {agreed_pct(bound)}: {agreed_pct(credit)}"
        if self.verdict in (Verdict.KEPT, Verdict.KEPT_ON_THIN) and not credit:
            verb = "was met" if self.is_over else "is met so far"
            return f"the commitment {verb}: {agreed_pct(credit)}"
        because = self.credits[0]["reasons"]
        earned = forms.availability_credit(step, self.terms, self.days, because, unseen)
        return "; ".join(earned)

    def _late(self) -> str:
        step = self.step
        if not step["incidents"]:
            return "no incident counts: 0 %"
        share = (
            f"{step['missed']} of {counted(step['incidents'], 'incident')} past the target = "
            f"{exact_pct(step['missed_pct'])}"
        )
        allowed = agreed_pct(self.terms["resolution_credit.max_missed_pct"]["value"])
        if not step["is_triggered"]:
            return f"{share}, not more than the {allowed} allowed: 0 %"
        credit = agreed_pct(step["resolution_credit_pct"])
        delay = step["average_delay_pct"]
        if delay is None:
            return f"{share}, more than the {allowed} allowed: {credit}"
        up_to = step["resolution_tier_up_to_pct"]
        tier = f"tier up to {agreed_pct(up_to)}" if up_to is not None else "the last tier"
        return (
            f"{share}, more than the {allowed} allowed; on average by {exact_pct(delay)} of "
            f"the target, {tier}: {credit}"
        )

    def _capped(self, has_late: bool) -> str:
        def of(column: str) -> str:
            return forms.share(self.step, self.terms, column)

        cap = (
            f"at most {agreed_pct(self.step['cap_pct'])} of the {periods.FEES[self.kind]}: "
            f"{of('credit_pct')}"
        )
        if not has_late:
            return f"{of('combined_pct')}, {cap}"
        if not self.step["is_shared"]:
            sum_ = f"{of('availability_credit_pct')} + {of('resolution_credit_pct')}"
            return f"{sum_} = {of('combined_pct')}, {cap}"
        # an event counts once (C3)
        first = f"{of('availability_credit_pct')} + {of('resolution_credit_unshared_pct')}"
        second = f"{of('availability_credit_unshared_pct')} + {of('resolution_credit_pct')}"
        return (
            "each event counts once, in the better way: "
            f"{first} = {of('availability_first_pct')} or "
            f"{second} = {of('resolution_first_pct')}; {cap}"
        )


def verdict_of_steps(step: Row, evidence: Evidence) -> Verdict:
    """The verdict on a subscription's own figure (A5, A6); met if all time is excluded (A4).

    `step`: a row of credit_steps."""
    is_met = None if step["commitment_pct"] is None else not step["is_below_commitment"]
    return judged(is_met, Evidence.SUFFICIENT if step["availability_pct"] is None else evidence)


def has_resolution_credit(step: Row, terms: Terms) -> bool:
    """Whether the agreement gives a credit for late resolution."""
    return "resolution_credit.max_missed_pct" in terms or bool(step["incidents"])


def kept(name: str, verdict: Verdict, row: Row, is_over: bool, late: str = "") -> str:
    """Whether a commitment to availability was met. `row`: of credit_steps or FIGURES; `late`: a
    part about late resolutions, or empty."""
    agreed = f"The commitment for {name}, an availability of {agreed_pct(row['commitment_pct'])},"
    more = f"; {late}" if late else ""
    word = so_far(verdict, is_over).replace("kept", "met")
    verb = "was" if is_over else "is"
    so_far_ = "" if is_over else " so far"
    if row["availability_pct"] is None:
        return f"{agreed} counts as met: all of the time is excluded{more}."
    if verdict is Verdict.NO_DATA:
        return f"{agreed} can't be judged{so_far_}: there is no monitoring data{more}."
    is_below = row.get("is_below_commitment", not row["is_met"] if "is_met" in row else None)
    pct = percentage(
        row["availability_pct"],
        row["commitment_pct"],
        row.get("availability_tier_below_pct"),
        is_below=is_below,
    )
    down = row["downtime_seconds"]
    with_ = f"{exact_duration(down)} of downtime" if down else "no downtime"
    return f"{agreed} {verb} {word}: {pct}, with {with_}{more}."


def late_words(step: Row, terms: Terms) -> str:
    """How many incidents were resolved late, beside how many may be; empty where it has no effect
    or none counts."""
    if not step["incidents"] or not has_resolution_credit(step, terms):
        return ""
    incidents = counted(step["incidents"], "incident")
    missed = f"{step['missed'] or 'none'} of {incidents} missed the resolution target"
    if not step["missed"]:
        return missed
    allowed = agreed_pct(terms["resolution_credit.max_missed_pct"]["value"])
    return f"{missed}, {'more than' if step['is_triggered'] else 'within'} the {allowed} allowed"


def owed(name: str, kind: str, has_cover: bool, credits: list[Row]) -> str:
    """What is owed, what to do and until when (C5). `credits`: rows of CREDITS, one a currency."""
    found = dict.fromkeys(
        _owed(name, kind, has_cover, row)
        for row in credits
        if row["credit_amount"] or not any(r["credit_amount"] for r in credits)
    )
    return " ".join(found)


def _owed(name: str, kind: str, has_cover: bool, row: Row) -> str:
    amount = money(row["credit_amount"], row["currency"])
    why = row["reasons"] if row["credit_pct"] or not has_cover else ""
    because = f", because {reasons(why, kind)}" if why else ""
    deadline, requested = row["claim_deadline"], row["requested_on"]
    match row["exposure"]:
        case "none" if row["status"] == "final":
            return f"No credit is owed{because}, and there is nothing to do."
        case "none":
            return f"So far no credit is owed{because}; {name} is still in progress."
        case "not_eligible":
            when = "" if row["status"] == "final" else " so far"
            later = (
                f"; it can be requested until {deadline}, on a day without overdue invoices"
                if row["claim_status"] == "claimable" and row["reasons"] == "overdue"
                else ""
            )
            return (
                f"A credit of {amount} was calculated{when}, but it is not payable{because}{later}."
            )
        case "payable" if row["claim_status"] == "automatic":
            return f"{amount} is owed, and no request is needed: there is nothing to do."
        case "payable":
            return (
                f"{amount} is owed; it was requested in time, on {requested}: "
                "there is nothing more to do."
            )
        case "claimable":
            return f"{amount} is owed: request it by {deadline}, or it is waived."
        case "at_stake":
            request = (
                "no request is needed"
                if deadline is None
                else f"it was requested on {requested}"
                if requested
                else f"it has to be requested by {deadline}"
            )
            return f"So far {amount} would be owed, and {request}; {name} is still in progress."
        case _ if row["claim_status"] == "late":
            return (
                f"A credit of {amount} is waived: it was requested on {requested}, "
                f"after the last day, {deadline}."
            )
        case _:
            return f"A credit of {amount} is waived: nobody requested it by {deadline}."


NO_CREDITS = (
    "The agreement provides for no service credits: nothing is owed, and there is nothing to do."
)
