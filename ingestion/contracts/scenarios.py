"""The scenarios of the mart what_if: a contract with one key set to another value."""

from typing import Any

from makegood.ingestion.contracts.model import Contract, ResolutionCredit, Terms

# dotted keys, each with another value
Scenarios = list[tuple[str, Any]]

# what a sensible reader of a contract could read otherwise: key -> its scenarios, for the mart
# what_if
SCENARIOS: dict[str, tuple[Any, ...]] = {
    "downtime.exclusions_apply": ("before_threshold", "after_threshold"),
    "availability.unavailable_states": (["down"], ["down", "degraded"]),
    "availability.unknown_counts_as": ("available", "unavailable"),
    "availability.total": ("calendar", "covered"),
    "monitoring.quorum": ("majority", "any", "all"),
    "severity.basis": ("at_stop", "initial", "highest"),
    "resolution.pause_counts": (False, True),
    "resolution_credit.mean_over": ("missed", "population"),
    "resolution_credit.tier_rounding": ("none", "whole_percent"),
    "maintenance.notice_required": (False, True),
}


def has_credits(contract: Contract) -> bool:
    """Whether any of its documents promises credits."""
    terms = [v.terms for v in contract.versions] + [a.terms for a in contract.amendments or []]
    return any(t.get("credits") for t in terms)


def alternatives(contract: Contract) -> Scenarios:
    """The other values of the keys of SCENARIOS, of a contract under which we owe credits: those
    that at least one version does not have."""
    versions = [Terms.model_validate(v.terms) for v in contract.versions]
    if not has_credits(contract) or contract.party == "customer":
        return []
    result = []
    for key, values in SCENARIOS.items():
        group, name = key.split(".")
        own = [
            getattr(getattr(v, group) or ResolutionCredit.model_construct(), name) for v in versions
        ]
        result += [
            (key, value) for value in values if any(_as_set(value) != _as_set(o) for o in own)
        ]
    return result


def _as_set(value: Any) -> Any:
    return frozenset(value) if isinstance(value, list) else value
