"""The sections of docs/contracts.md on the library of public agreements: which they are, where each
was read, and what of them the format can't say, from the comments at the head of the files."""

import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from makegood.ingestion.contracts.loader import PUBLIC, load

FOLDER = "ingestion/contracts/library/public"

# the rule that a clause would need -> what such clauses say
MISSING = {
    "per_resource": "the downtime of one of the customer's resources, or a share of them",
    "claim_from_incident": "days to claim that count from the incident",
    "fee_of_affected_part": "a credit on the fee of the affected part alone",
    "discretionary": "what the provider decides case by case",
    "request_ratio": "the share of requests that failed",
    "maintenance_allowance": "so many hours of maintenance a month that count as available",
    "billing_cycle": "billing cycles in place of calendar months",
    "whole_intervals": "whole minutes, or blocks of minutes, alone count",
    "terms_by_plan": "targets or commitments by the customer's plan",
    "duration_of_one_incident": "a credit by the length of a single outage",
    "error_minutes": "minutes in which more than some share of requests fails",
    "tiers_by_category": "other tiers for another product category",
    "clock_from_report": "downtime that begins when the customer reports it",
    "clock_from_response": "resolution that counts from the response",
    "amount_per_event": "a fixed amount, or an hour's fee, for each event",
    "latency": "delays above a bound",
    "packet_loss": "packets lost above a bound",
    "call_quality": "a score for the quality of calls",
    "termination_right": "a right to end the contract after so many failures",
    "extension_of_service": "time added to the term in place of money",
    "cap_of_later_invoice": "a cap by the invoice on which the credit is issued",
    "cap_per_event": "a cap on what one event earns",
    "daily_cap": "a cap on what one day earns",
    "annual_cap": "a cap on what a year's credits come to",
    "trailing_window": "a window of days that ends with the incident",
    "lower_of_two_commitments": "the lower of the commitment and another measured figure",
    "notice_in_business_days": "notice of maintenance in business days",
    "target_by_receipt": "targets that depend on the hour of receipt",
    "second_target": "a second target for the rest of the tickets",
    "cadence_after_workaround": "another cadence of updates after a workaround",
    "breach_count": "a credit by the number of late responses and resolutions",
    "response_credit": "a credit for late first responses",
    "fixed_month": "a month of always thirty days",
    "merged_incidents": "interruptions near each other that count as one",
}


def head(path: Path) -> dict[str, list[str]]:
    """The comments before a contract, by what they begin with: `Source`, `Left out`, ..."""
    found: dict[str, list[str]] = defaultdict(list)
    text = path.read_text().partition("\ncontract_id:")[0]
    for label, comment in re.findall(
        r"# ([A-Z][a-z]+(?: [a-z]+)?): (.*?)(?=\n# [A-Z][a-z]+(?: [a-z]+)?: |\Z)", text, re.DOTALL
    ):
        found[label].append(re.sub(r"\s*\n#\s*", " ", comment))
    return found


def missing() -> dict[str, list[str]]:
    """The rules that clauses would need, those that most agreements need first, each with the
    agreements."""
    found: dict[str, list[str]] = defaultdict(list)
    for path in sorted(PUBLIC.glob("*.yaml")):
        tags = {
            tag for comment in head(path)["Left out"] for tag in re.findall(r"`([a-z_]+)`", comment)
        }
        for tag in tags:
            found[tag].append(path.stem)
    return dict(sorted(found.items(), key=lambda item: (-len(item[1]), item[0])))


def library_page() -> Iterator[str]:
    """The lines of both sections."""
    paths = sorted(PUBLIC.glob("*.yaml"))
    left_out = sum(len(head(path)["Left out"]) for path in paths)
    clauses = sum(len(load(path).versions[-1].terms["clauses"]) for path in paths)
    yield from (
        "## The library",
        "",
        f"[{FOLDER}](../{FOLDER}) has",
        f"{len(paths)} agreements of other providers, in which {clauses} clauses name their rule.",
        "They were read in public documents, which the first lines of each file name, and are",
        "written in our own words. They are examples to start from, not legal advice: the",
        "provider's current text is what holds. Each has examples worked out by hand in",
        "`tests/integration/library`.",
        "",
    )
    for path in paths:
        yield f"- `{path.name}`: {load(path).name}"
    yield from (
        "",
        "## What the format can't say",
        "",
        f"These agreements have {left_out} clauses for which there is no rule yet. Each is a",
        "comment in its file, with one of these names; the number is that of the agreements that",
        "need it.",
        "",
        "| rule | agreements | such clauses say |",
        "|---|---|---|",
    )
    for tag, agreements in missing().items():
        yield f"| `{tag}` | {len(agreements)} | {MISSING[tag]} |"
