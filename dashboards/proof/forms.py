"""How availability earns a credit, in words and numbers: by tiers, by steps or as a refund (C1),
and the amount that follows (C4)."""

from collections.abc import Iterator
from decimal import Decimal

from makegood.dashboards.access.reader import Row
from makegood.dashboards.figures.contract import Terms
from makegood.dashboards.figures.style import (
    agreed_duration,
    agreed_pct,
    counted,
    in_seconds,
    money,
)


def availability_credit(
    step: Row, terms: Terms, days: int, reasons: str, unseen: bool
) -> Iterator[str]:
    """The sentences of the step. `step`: a row of credit_steps; `days`: those of the period;
    `reasons`: those of the credit; `unseen`: whether there is no data for the period."""
    # publications of older versions know tiers alone
    form, commitment = step.get("credit_form", "tiers"), step["commitment_pct"]
    if form is None:
        yield "the terms give no availability credit"
        return
    if commitment is None and form in ("tiers", "steps_of_pct"):
        yield "no commitment is in force for this service: no availability credit"
        return
    judged = f"commitment {agreed_pct(commitment)}: " if commitment is not None else ""
    if none := _why_none(step, reasons, unseen):
        yield f"{judged}{none}"
    elif form == "tiers":
        yield f"{judged}{_tier(step)}"
    elif commitment is not None:
        yield f"{judged}below it"
        yield _other(step, terms, days)
    else:
        yield "no commitment is in force for this service: all downtime counts"
        yield _other(step, terms, days)
    if is_ratio(step, terms):
        yield (
            "six decimals of this ratio are shown; it stays exact until the amount is rounded, once"
        )


def is_ratio(step: Row, terms: Terms) -> bool:
    """Whether a credit is a ratio of days or seconds, of which six decimals are a part."""
    form = step.get("credit_form", "tiers")
    is_of_time = form == "refund" or (form in _STEPS and _DAYS in terms)
    return is_of_time and step["availability_credit_pct"] > 0


def share(step: Row, terms: Terms, column: str) -> str:
    """A percentage of the fee, with all six decimals where it is a ratio, or holds one."""
    value = step[column]
    is_exact = column.startswith("resolution_credit") or not is_ratio(step, terms)
    return agreed_pct(value) if is_exact or not value else f"{value:f} %"


_STEPS = ("steps_of_pct", "steps_of_downtime")
_DAYS = "credits.availability_steps.credit_days"


def _why_none(step: Row, reasons: str, unseen: bool) -> str | None:
    """Why there is nothing to look up; None where there is."""
    if step["availability_pct"] is None:
        return "there is no figure, so no availability credit"
    if unseen:
        return "no downtime was recorded (and no other state), so no availability credit"
    if "not_ga" in reasons.split(","):
        return "the service is not generally available: no availability credit"
    if step["commitment_pct"] is None:
        return None if step["downtime_seconds"] else "no downtime, so no availability credit"
    if step["is_below_commitment"] or step["availability_tier_below_pct"] is not None:
        return None
    return "not below it, judged by the exact seconds: no availability credit"


def _tier(step: Row) -> str:
    where = "below it" if step["is_below_commitment"] else "exactly at it"
    bound = step["availability_tier_below_pct"]
    if bound is None:
        return f"{where}, but not below the bound of any tier: no availability credit"
    reached = "at or below" if step.get("is_tier_inclusive") else "below"
    return (
        f"{where}; the lowest tier bound that it is {reached} is {agreed_pct(bound)}, "
        f"which gives {agreed_pct(step['availability_credit_pct'])}"
    )


def _other(step: Row, terms: Terms, days: int) -> str:
    """Steps or a refund, from what is counted to the percentage."""
    factor = f"{step['credit_factor'].normalize():f}"
    credit = share(step, terms, "availability_credit_pct")
    if step["credit_form"] == "refund":
        return (
            f"{factor} times the fee of the time that was down: {factor} x "
            f"{in_seconds(step['downtime_seconds'])} of {in_seconds(step['total_seconds'])} "
            f"= {credit}"
        )
    steps = step["steps"]
    begun = terms["credits.availability_steps.begun"]["value"] if _BEGUN in terms else "true"
    counts, suffix = ("step", " begun") if begun == "true" else ("whole step", "")
    if step["credit_form"] == "steps_of_pct":
        points = terms["credits.availability_steps.per_pct"]["value"]
        what = f"of {points} points{suffix} below {agreed_pct(step['commitment_pct'])}"
    else:
        length = agreed_duration(terms["credits.availability_steps.per_downtime"]["value"])
        what = f"of {length}{suffix} in {in_seconds(step['downtime_seconds'])} of downtime"
    if _DAYS not in terms:
        return f"{counted(steps, counts)} {what}, {factor} % each: {credit}"
    each, in_days = (
        ("one day's fee", f"{steps}")
        if step["credit_factor"] == 1
        else (f"the fee of {factor} days", f"{steps} x {factor}")
    )
    return f"{counted(steps, counts)} {what}, {each} each: {in_days} of {days} days = {credit}"


_BEGUN = "credits.availability_steps.begun"


def amount(row: Row, step: Row, terms: Terms) -> Iterator[str]:
    """From fee and percentage to the amount in a currency (C4). `row`: one of CREDITS."""
    if row["monthly_fee"] <= 0:
        yield "no fee above 0: the amount is 0"
        return
    fee, credit = (money(row[k], row["currency"]) for k in ("monthly_fee", "credit_amount"))
    # publications of older versions know no amounts that limit a credit
    uncapped: Decimal = row["share_amount"] if "share_amount" in row else row["credit_amount"]
    yield (
        f"{fee} x {share(step, terms, 'credit_pct')} = {money(uncapped, row['currency'])}, "
        "rounded once"
    )
    cap, least = (
        money(Decimal(terms[key]["value"]), row["currency"]) if key in terms else None
        for key in (
            f"credits.{name}.{row['currency']}" for name in ("cap_amount", "minimum_amount")
        )
    )
    if cap is not None and 0 < row["credit_amount"] < uncapped:
        yield f"more than the cap of {cap}: {credit}"
    elif least is not None and row["credit_amount"] == 0 < uncapped:
        yield f"less than the minimum of {least}: {credit}"
    elif least is not None and row["credit_amount"] > uncapped:
        limits = "raised to it, as far as the caps allow"
        yield f"less than the minimum of {least}, {limits}: {credit}"
    elif uncapped and (cap or least):
        words = [f"at most {cap}"] if cap else []
        words += [f"not below {least}"] if least else []
        yield f"{' and '.join(words)}: {credit}"
