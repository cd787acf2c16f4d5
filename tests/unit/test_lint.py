"""What the linter finds in contracts that load: each kind of finding, at its place, and not where
there is nothing to find."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

from makegood.ingestion.contracts.lint import Scenario, across, findings
from makegood.ingestion.contracts.loader import FOLDER, PUBLIC, load, load_documents
from tests.conftest import contract

TIERS = [{"below_pct": 99.95, "credit_pct": 10}, {"below_pct": 99.05, "credit_pct": 25}]
# every choice is made, and nothing contradicts itself
SOUND: dict[str, Any] = {
    "monitoring": {"quorum": "majority"},
    "availability": {
        "commitment_pct": 99.95, "unavailable_states": ["down"], "total": "calendar",
        "unknown_counts_as": "available",
    },
    "severity": {"levels": ["P1"], "basis": "initial"},
    "resolution": {"P1": {"target": "4h", "clock": "24x7"}, "pause_counts": False},
    "credits": {"support_plans": ["gold"], "cap_pct": 50, "availability_tiers": TIERS},
}  # fmt: skip


def found(tmp_path: Path, **terms: Any) -> dict[str, str]:
    """Findings by their place below the terms, of the sound contract with `terms` laid over it."""
    laid = {key: {**SOUND.get(key, {}), **value} for key, value in terms.items()}
    document = contract("c", **{**SOUND, **laid})
    (tmp_path / "c.yaml").write_text(yaml.safe_dump(document, sort_keys=False))
    return {".".join(map(str, f.where[3:])): f.what for f in findings(load(tmp_path / "c.yaml"))}


def test_a_sound_contract_has_none(tmp_path: Path) -> None:
    assert found(tmp_path) == {}


# what is laid over the sound contract, the place of the one finding, and what it says
CASES: dict[str, tuple[dict[str, Any], str, str]] = {
    "met and credited": (
        {"credits": {"availability_tiers": [{"at_or_below_pct": 99.95, "credit_pct": 10}]}},
        "credits.availability_tiers.0.at_or_below_pct",
        "a figure of exactly 99.95 meets the commitment and earns 10 %",
    ),
    "missed and not credited": (
        {"credits": {"availability_tiers": [{"below_pct": 99.85, "credit_pct": 10}]}},
        "credits.availability_tiers.0",
        "a figure from 99.85 up to the commitment of 99.95 misses the commitment and earns nothing",
    ),
    "a bound above the commitment": (
        {"credits": {"availability_tiers": [{"below_pct": 99.99, "credit_pct": 10}]}},
        "credits.availability_tiers.0",
        "its bound of 99.99 is above the commitment of 99.95: figures between the two meet the "
        "commitment and earn nothing (C1)",
    ),
    "tiers without a commitment": (
        {"availability": {"commitment_pct": None}},
        "credits.availability_tiers",
        "can never be reached: tiers need availability.commitment_pct, which is not set",
    ),
    "points without a commitment": (
        {"availability": {"commitment_pct": None},
         "credits": {"availability_tiers": [],
                     "availability_steps": {"per_pct": 1, "credit_pct": 5}}},
        "credits.availability_steps.per_pct",
        "can never be reached: points are counted below availability.commitment_pct, which is not "
        "set",
    ),
    "two decimals": (
        {"credits": {"availability_tiers": [TIERS[0], {"below_pct": 99.0, "credit_pct": 25}]}},
        "credits.availability_tiers.1.below_pct",
        "a figure of 98.996 earns the credit, and reads 99.00 where two decimals are shown",
    ),
    "whole per cent": (
        {"resolution_credit": {"severities": ["P1"], "max_missed_pct": 10, "mean_over": "missed",
                               "tier_rounding": "none"},
         "credits": {"resolution_tiers": [{"up_to_pct": 25, "credit_pct": 10},
                                          {"credit_pct": 20}]}},
        "credits.resolution_tiers.0.up_to_pct",
        "a vendor that rounds to whole per cent leaves a hole between 25 and 26: a delay of 25.4 "
        "is in the next tier here, and in this one rounded",
    ),
    "a tier like the one before": (
        {"credits": {"availability_tiers": [TIERS[0], {"below_pct": 99.05, "credit_pct": 10}]}},
        "credits.availability_tiers.1",
        "earns 10 % like the tier before it: it has no effect",
    ),
    "a cap below the first tier": (
        {"credits": {"cap_pct": 5}},
        "credits.cap_pct",
        "is 5, below the 10 % of the first availability tier, which nobody can get",
    ),
    "a cap of nothing in a currency": (
        {"credits": {"cap_amount": {"EUR": 0}}},
        "credits.cap_amount.EUR",
        "is 0: no credit in EUR is ever due",
    ),
    "no plan": (
        {"credits": {"support_plans": []}},
        "credits.support_plans",
        "is empty: no subscription earns a credit",
    ),
    "a clock that is never open": (
        {"calendars": {"never": {"time_zone": "UTC", "hours": {"mon": []}}},
         "resolution": {"P1": {"target": "4h", "clock": "never"}}},
        "resolution.P1.clock",
        "is never, which is never open: the target can't be missed",
    ),
    "a clock that nothing names": (
        {"calendars": {"desk": {"time_zone": "UTC"}}},
        "calendars.desk",
        "is a clock that no target names: it has no effect",
    ),
    "updates slower than resolution": (
        {"updates": {"P1": {"every": "5h", "clock": "24x7"}}},
        "updates.P1.every",
        "is longer than the target for resolution: a ticket that is resolved in time never needs "
        "an update",
    ),
    "maintenance without bounds": (
        {"exclusions": {"kinds": ["scheduled_maintenance"]},
         "maintenance": {"scheduled_notice": "2d", "notice_required": True}},
        "exclusions.kinds",
        "scheduled_maintenance is excluded however long it lasts: maintenance.max_length is not "
        "set",
    ),
    "a choice that is not made": (
        {"availability": {"total": None}},
        "availability.total",
        "is not set, so calendar holds; an agreement that means covered has to say so",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_a_finding_at_its_place(tmp_path: Path, case: str) -> None:
    laid, place, what = CASES[case]
    if case == "a choice that is not made":
        terms = {**SOUND, "availability": {**SOUND["availability"]}}
        del terms["availability"]["total"]
        document = contract("c", **terms)
        (tmp_path / "c.yaml").write_text(yaml.safe_dump(document, sort_keys=False))
        got = {".".join(map(str, f.where[3:])): f.what for f in findings(load(tmp_path / "c.yaml"))}
    else:
        got = found(tmp_path, **laid)
    assert got == {place: what}


def test_a_finding_has_the_scenarios_that_price_it(tmp_path: Path) -> None:
    laid = CASES["met and credited"][0]
    document = contract("c", **{**SOUND, "credits": {**SOUND["credits"], **laid["credits"]}})
    (tmp_path / "c.yaml").write_text(yaml.safe_dump(document, sort_keys=False))
    (one,) = findings(load(tmp_path / "c.yaml"))
    ((key, (tier,)),) = one.scenarios
    assert (key, {k: str(v) for k, v in tier.items()}) == (
        "credits.availability_tiers",
        {"below_pct": "99.95", "credit_pct": "10"},
    )
    assert isinstance(one.scenarios[0], Scenario)


def test_of_several_versions_a_list_is_no_scenario(tmp_path: Path) -> None:
    """It would be laid over the others, too, which have lists of their own, or none."""
    inclusive = CASES["met and credited"][0]["credits"]
    document = contract("c", **{**SOUND, "credits": {**SOUND["credits"], **inclusive}})
    later = {"availability": {"commitment_pct": 99.9}}
    document["versions"].append({"effective_from": date(2026, 7, 1), "terms": later})
    (tmp_path / "c.yaml").write_text(yaml.safe_dump(document, sort_keys=False))
    (one,) = [f for f in findings(load(tmp_path / "c.yaml")) if "meets the commitment" in f.what]
    assert one.scenarios == ()


def as_customer(tmp_path: Path, covers: dict[str, list[str]], **terms: Any) -> dict[str, str]:
    """Findings by their place in the file, of the sound contract as one of a provider of ours."""
    laid = {key: {**SOUND.get(key, {}), **value} for key, value in terms.items()}
    document = contract("c", **{**SOUND, **laid}) | {"party": "customer", "covers": covers}
    if not document["versions"][0]["terms"]["credits"].get("support_plans"):
        del document["versions"][0]["terms"]["credits"]
    (tmp_path / "c.yaml").write_text(yaml.safe_dump(document, sort_keys=False))
    return {".".join(map(str, f.where)): f.what for f in findings(load(tmp_path / "c.yaml"))}


COVERS = {"cloud_down": ["eu"]}
KEPT_BY_HAND = {"without_checks": "up"}


def test_an_agreement_as_customer_has_findings_of_its_own(tmp_path: Path) -> None:
    assert as_customer(tmp_path, COVERS, monitoring=KEPT_BY_HAND) == {}
    of = "versions.0.terms"
    (place,) = as_customer(tmp_path, COVERS)
    assert place == f"{of}.monitoring.without_checks"
    excluded = {"kinds": ["cloud_down", "force_majeure"]}
    found = as_customer(tmp_path, COVERS, monitoring=KEPT_BY_HAND, exclusions=excluded)
    assert list(found) == [f"{of}.exclusions.kinds"]
    assert found[f"{of}.exclusions.kinds"].startswith("cloud_down is in covers, too: ")
    (place,) = as_customer(tmp_path, COVERS, monitoring=KEPT_BY_HAND, credits={"support_plans": []})
    assert place == f"{of}.credits"
    # nothing is covered: probes may see it
    assert list(as_customer(tmp_path, {})) == ["party"]


def test_a_kind_that_excuses_us_nowhere_is_found_across_a_folder(tmp_path: Path) -> None:
    agreed = [contract("k", exclusions={"kinds": ["cloud_down"]}), contract("c")]
    agreed[1] |= {"party": "customer", "covers": {"cloud_down": ["eu"], "cloud_dwn": ["eu"]}}
    # its own exclusions excuse the provider, not us
    agreed[1]["versions"][0]["terms"]["exclusions"] = {"kinds": ["cloud_dwn"]}
    for document in agreed:
        (tmp_path / f"{document['contract_id']}.yaml").write_text(yaml.safe_dump(document))
    ((contract_id, found),) = across([c for _, c in load_documents(tmp_path)])
    assert (contract_id, found.where) == ("c", ("covers", "cloud_dwn"))
    assert found.what.endswith("; did you mean cloud_down?")


def test_the_library_has_findings_with_file_and_line() -> None:
    """Of the two agreements the known gap of TE §9.2, and no place without a line of its own."""
    lines = [
        document.finding(found.where, found.what)
        for folder in (FOLDER, PUBLIC)
        for document, agreement in load_documents(folder)
        for found in findings(agreement)
    ]
    assert any("trueengage.yaml" in line and "between 25 and 26" in line for line in lines)
    assert all(int(line.partition(".yaml:")[2].partition(":")[0]) > 1 for line in lines)
