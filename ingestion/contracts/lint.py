"""What a contract says that can be read in two ways, contradicts itself or has no effect: findings
that don't refuse it, each with its place and, where they can be computed, its other scenarios.

Does not belong here: refusals (`loader`), and what a scenario would have cost (orchestration).
"""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NamedTuple

from makegood.ingestion.contracts.amendments import flat
from makegood.ingestion.contracts.model import Cadence, Calendar, Contract, Credits, Target, Terms
from makegood.ingestion.contracts.scenarios import SCENARIOS
from makegood.ingestion.contracts.tables import as_text
from makegood.ingestion.nearest import nearest
from makegood.ingestion.strict_yaml import Location


class Scenario(NamedTuple):
    """Another value of a key, by which a warehouse can price what hangs on it."""

    key: str
    value: Any


@dataclass(frozen=True)
class Finding:
    """`where` is a place in the file; `what` is a sentence."""

    where: Location
    what: str
    scenarios: tuple[Scenario, ...] = ()


def findings(contract: Contract) -> Iterator[Finding]:
    """The findings of each version's own terms, in the order of the file. A scenario is of all
    versions: where there are several, one that is made of a version's own lists is left out."""
    if contract.party == "customer" and not contract.covers:
        yield Finding(
            ("party",),
            "is customer without covers: no exclusion is a claim, only records and checks of the "
            "provider's components are",
        )
    for number, version in enumerate(contract.versions):
        terms = Terms.model_validate(version.terms)
        written = flat(version.terms)
        if contract.party == "customer":
            for found in _as_customer(terms, contract.covers):
                yield Finding(("versions", number, "terms", *found.where), found.what)
        for found in _findings(terms, written):
            scenarios = tuple(
                s for s in found.scenarios if len(contract.versions) == 1 or s.key in SCENARIOS
            )
            yield Finding(("versions", number, "terms", *found.where), found.what, scenarios)


def across(contracts: Sequence[Contract]) -> Iterator[tuple[str, Finding]]:
    """What only the contracts of a folder together show, each with its contract_id: kinds of
    exclusion that one covers and that excuse us nowhere."""
    excluded = {
        kind
        for contract in contracts
        if contract.party == "provider"
        for version in contract.versions
        for kind in Terms.model_validate(version.terms).exclusions.kinds
    }
    for contract in contracts:
        for kind in contract.covers:
            if kind not in excluded:
                near = nearest(kind, sorted(excluded))
                yield (
                    contract.contract_id,
                    Finding(
                        ("covers", kind),
                        "is excluded by no agreement of this folder in which we are the provider"
                        + (f"; did you mean {near}?" if near else ""),
                    ),
                )


def _as_customer(terms: Terms, covers: Mapping[str, object]) -> Iterator[Finding]:
    """Terms under which a claim of our own comes to nothing (C8)."""
    for kind in covers:
        if kind in terms.exclusions.kinds:
            yield Finding(
                ("exclusions", "kinds"),
                f"{kind} is in covers, too: its minutes are downtime of this provider and taken "
                "out again, and are never claimed",
            )
    if covers and terms.monitoring.without_checks == "unknown":
        yield Finding(
            ("monitoring", "without_checks"),
            "is unknown: of a provider that is not probed nothing is known outside exclusions that "
            "are covered, and each claim rests on too little evidence",
        )
    if terms.credits is None:
        yield Finding(("credits",), "is not set: nothing can be claimed from this provider")


def _findings(terms: Terms, written: dict[str, Any]) -> Iterator[Finding]:
    yield from _unclear(terms, written)
    yield from _unreachable(terms)
    yield from _maintenance(terms)
    if terms.credits:
        yield from _commitment(terms, terms.credits)
        yield from _bounds(terms.credits)
        yield from _caps(terms.credits)


def _unclear(terms: Terms, written: dict[str, Any]) -> Iterator[Finding]:
    """Choices that the file does not make: their default holds."""
    if not terms.credits:
        return
    for key, values in SCENARIOS.items():
        group, name = key.split(".")
        part = getattr(terms, group)
        if part is None or key in written:
            continue
        held = getattr(part, name)
        others = [value for value in values if value != held]
        if _matters(terms, key):
            yield Finding(
                (group, name),
                f"is not set, so {as_text(held)} holds; an agreement that means "
                f"{' or '.join(map(as_text, others))} has to say so",
                tuple(Scenario(key, value) for value in others),
            )


def _matters(terms: Terms, key: str) -> bool:
    """Whether a scenario can change anything under these terms."""
    return {
        "downtime.exclusions_apply": bool(
            terms.downtime.min_consecutive_s and terms.exclusions.kinds
        ),
        "maintenance.notice_required": "scheduled_maintenance" in terms.exclusions.kinds
        and terms.maintenance.scheduled_notice is not None,
        "severity.basis": bool(terms.resolution.targets),
        "resolution.pause_counts": bool(terms.resolution.targets),
    }.get(key, True)


def _commitments(terms: Terms) -> list[Decimal]:
    commitment = terms.availability.commitment_pct
    if commitment is None:
        return []
    return sorted(commitment.values()) if isinstance(commitment, dict) else [commitment]


def _commitment(terms: Terms, credits: Credits) -> Iterator[Finding]:
    """Figures that meet the commitment and earn a credit, or miss it and earn none."""
    where: Location = ("credits", "availability_tiers")
    commitments = _commitments(terms)
    tiers = credits.availability_tiers
    if tiers and not commitments:
        yield Finding(
            where,
            "can never be reached: tiers need availability.commitment_pct, which is not set",
        )
    if credits.availability_steps and credits.availability_steps.per_pct and not commitments:
        yield Finding(
            ("credits", "availability_steps", "per_pct"),
            "can never be reached: points are counted below availability.commitment_pct, which is "
            "not set",
        )
    if not tiers or not commitments:
        return
    first = tiers[0]
    for commitment in dict.fromkeys(commitments):
        if first.at_or_below_pct is not None and first.bound_pct >= commitment:
            strict = [{"below_pct": first.bound_pct, "credit_pct": first.credit_pct}]
            yield Finding(
                (*where, 0, "at_or_below_pct"),
                f"a figure of exactly {commitment} meets the commitment and earns "
                f"{first.credit_pct} %",
                (Scenario("credits.availability_tiers", [*strict, *_as_written(tiers[1:])]),),
            )
        elif first.bound_pct > commitment:
            yield Finding(
                (*where, 0),
                f"its bound of {first.bound_pct} is above the commitment of {commitment}: figures "
                "between the two meet the commitment and earn nothing (C1)",
            )
        elif first.bound_pct < commitment:
            yield Finding(
                (*where, 0),
                f"a figure from {first.bound_pct} up to the commitment of {commitment} misses the "
                "commitment and earns nothing",
                (
                    Scenario(
                        "credits.availability_tiers",
                        [
                            {"below_pct": commitment, "credit_pct": first.credit_pct},
                            *_as_written(tiers[1:]),
                        ],
                    ),
                ),
            )


def _as_written(tiers: list[Any]) -> list[dict[str, Any]]:
    return [tier.model_dump(exclude_none=True) for tier in tiers]


def _bounds(credits: Credits) -> Iterator[Finding]:
    """Tiers that have a hole as soon as somebody rounds the figure."""
    for number, (tier, following) in enumerate(itertools.pairwise(credits.availability_tiers)):
        if tier.credit_pct == following.credit_pct:
            yield Finding(
                ("credits", "availability_tiers", number + 1),
                f"earns {following.credit_pct} % like the tier before it: it has no effect",
            )
    for number, late in enumerate(credits.resolution_tiers):
        bound = late.up_to_pct
        if bound is not None and bound == bound.to_integral_value():
            above = int(bound) + 1
            yield Finding(
                ("credits", "resolution_tiers", number, "up_to_pct"),
                f"a vendor that rounds to whole per cent leaves a hole between {bound} and "
                f"{above}: a delay of {bound}.4 is in the next tier here, and in this one rounded",
                (Scenario("resolution_credit.tier_rounding", "whole_percent"),),
            )
            return
    for number, tier in enumerate(credits.availability_tiers):
        if tier.below_pct is not None and -int(tier.below_pct.as_tuple().exponent) <= 1:
            shown = f"{tier.below_pct:.2f}"
            low = tier.below_pct - Decimal("0.004")
            yield Finding(
                ("credits", "availability_tiers", number, "below_pct"),
                f"a figure of {low} earns the credit, and reads {shown} where two decimals are "
                "shown",
            )
            return


def _caps(credits: Credits) -> Iterator[Finding]:
    first = min((t.credit_pct for t in credits.availability_tiers), default=None)
    late = min((t.credit_pct for t in credits.resolution_tiers), default=None)
    steps = credits.availability_steps
    for what, least in (
        ("the first availability tier", first),
        ("the first resolution tier", late),
        ("the first step", steps.credit_pct if steps else None),
    ):
        if least is not None and credits.cap_pct < least:
            yield Finding(
                ("credits", "cap_pct"),
                f"is {credits.cap_pct}, below the {least} % of {what}, which nobody can get",
            )
    for code, cap in credits.cap_amount.items():
        if cap == 0:
            yield Finding(("credits", "cap_amount", code), f"is 0: no credit in {code} is ever due")
    if not credits.support_plans:
        yield Finding(("credits", "support_plans"), "is empty: no subscription earns a credit")
    if credits.cap_pct == 0:
        yield Finding(("credits", "cap_pct"), "is 0: no credit is ever due")


def _open_minutes(calendar: Calendar) -> int:
    return sum(closes - opens for spans in calendar.week().values() for opens, closes in spans)


def _unreachable(terms: Terms) -> Iterator[Finding]:
    """Targets that no clock can reach, and calendars that nothing uses."""
    promises: dict[str, Mapping[str, Target | Cadence]] = {
        "response": terms.response,
        "resolution": terms.resolution.targets,
        "updates": terms.updates,
    }
    clocks = {clock for clock in terms.escalation.values() if isinstance(clock, str)}
    for promise, targets in promises.items():
        for severity, target in targets.items():
            clocks.add(target.clock)
            calendar = terms.calendars.get(target.clock)
            if calendar and not _open_minutes(calendar):
                yield Finding(
                    (promise, severity, "clock"),
                    f"is {target.clock}, which is never open: the target can't be missed",
                )
    hours = terms.availability.service_hours
    if hours and not _open_minutes(terms.calendars[hours]):
        yield Finding(
            ("availability", "service_hours"),
            f"is {hours}, which is never open: no period ever has a figure",
        )
    # business_hours also measures maintenance (Z2)
    for name in terms.calendars:
        if name not in {*clocks, hours, "business_hours"}:
            yield Finding(("calendars", name), "is a clock that no target names: it has no effect")
    for severity, target in terms.resolution.targets.items():
        cadence = terms.updates.get(severity)
        is_alike = cadence and cadence.clock == target.clock
        if cadence and is_alike and cadence.every.seconds > target.target.seconds:
            yield Finding(
                ("updates", severity, "every"),
                "is longer than the target for resolution: a ticket that is resolved in time never "
                "needs an update",
            )
    credit = terms.resolution_credit
    for severity in credit.severities if credit else []:
        if severity not in terms.resolution.targets and terms.tickets.due_dates == "ignore":
            yield Finding(
                ("resolution_credit", "severities"),
                f"{severity} has no target for resolution: none of its tickets is ever counted",
            )


def _maintenance(terms: Terms) -> Iterator[Finding]:
    """Maintenance that may exclude everything."""
    where: Location = ("exclusions", "kinds")
    upkeep = terms.maintenance
    if "scheduled_maintenance" in terms.exclusions.kinds:
        if upkeep.max_length is None:
            yield Finding(
                where,
                "scheduled_maintenance is excluded however long it lasts: maintenance.max_length "
                "is not set",
            )
        if upkeep.scheduled_notice is None:
            yield Finding(
                where,
                "scheduled_maintenance is excluded if it was announced a second before it began: "
                "maintenance.scheduled_notice is not set",
            )
    if "emergency_maintenance" in terms.exclusions.kinds:
        yield Finding(
            where,
            "emergency_maintenance is excluded without notice and however long it lasts: whoever "
            "calls upkeep an emergency owes nothing for it",
            (
                Scenario(
                    "exclusions.kinds",
                    [k for k in terms.exclusions.kinds if k != "emergency_maintenance"],
                ),
            ),
        )
