"""Contracts: YAML, one file a contract, loaded strictly (T5, T6).

A contract is refused, with file and line, for an unknown key, a target without a clock, tiers out
of order, spans that overlap and whatever else could not mean anything. Terms are validated as they
would be in force: each version, and each version with each span of amendments on top.
"""

import math
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from makegood.ingestion.contracts.amendments import flat, nested, overlaid
from makegood.ingestion.contracts.delays import (
    LARGEST_DENOMINATOR,
    averaged_targets,
    shown_denominator,
)
from makegood.ingestion.contracts.model import Amendment, Availability, Contract, Terms, Version
from makegood.ingestion.strict_yaml import Document, InvalidDocument, Location, in_words

FOLDER = Path(__file__).parent / "library"
# agreements of other providers, each read in a public document
PUBLIC = FOLDER / "public"
_PER_VERSION = re.compile(r"availability\.period|monitoring(\..*)?")


def load(path: Path) -> Contract:
    """The contract in a file; raises InvalidDocument."""
    return _loaded(path)[1]


def load_folder(folder: Path) -> list[Contract]:
    """All contracts of a folder (`*.yaml`, `*.yml`); raises InvalidDocument with the findings of
    all of them."""
    return [contract for _, contract in load_documents(folder)]


def _loaded(path: Path) -> tuple[Document, Contract]:
    document = Document(path)
    contract = document.validated(Contract)
    findings = [document.finding(where, what) for where, what in _findings(contract)]
    if findings:
        raise InvalidDocument(list(dict.fromkeys(findings)))
    return document, contract


def load_documents(folder: Path) -> list[tuple[Document, Contract]]:
    """As `load_folder`, each with its file, which knows the line of each key."""
    paths = sorted(
        p for p in folder.glob("*") if p.suffix in {".yaml", ".yml"} and not p.name.startswith(".")
    )
    if not paths:
        raise InvalidDocument([f"{folder}: holds no contract (*.yaml)"])
    loaded: dict[str, tuple[Document, Contract]] = {}
    findings: list[str] = []
    for path in paths:
        try:
            document, contract = _loaded(path)
        except InvalidDocument as error:
            findings += error.findings
            continue
        if contract.contract_id in loaded:
            findings.append(
                f"{path}:1: contract_id: {contract.contract_id!r} is also the id of another file"
            )
        loaded[contract.contract_id] = document, contract
    if findings:
        raise InvalidDocument(findings)
    return list(loaded.values())


def _findings(contract: Contract) -> Iterator[tuple[Location, str]]:
    if contract.covers and contract.party == "provider":
        yield (
            ("covers",),
            "is only for an agreement in which we are the customer: write party: customer beside "
            "it, as in party: customer, covers: {microsoft_azure: [eu]}, or leave it out",
        )
    starts = [v.effective_from for v in contract.versions]
    if len(set(starts)) < len(starts):
        yield ("versions",), "two versions have the same effective_from"
    for i, version in enumerate(contract.versions):
        yield from _terms_findings(version.terms, ("versions", i, "terms"))
        yield from _amount_findings(version.terms, ("versions", i, "terms"))
    for i, amendment in enumerate(contract.amendments or []):
        where: Location = ("amendments", i, "terms")
        for key in flat(amendment.terms):
            if _PER_VERSION.fullmatch(key):
                yield (
                    (*where, *key.split(".")),
                    "an amendment may not set this: it is the same for all",
                )
        yield from _amount_findings(amendment.terms, where)
        own = set(_paths(amendment.terms))
        for version in contract.versions:
            if not _overlap(contract, version, amendment) or any(
                _terms_findings(version.terms, ())
            ):
                continue
            merged = nested(overlaid(flat(version.terms), flat(amendment.terms)))
            for path, what in _terms_findings(merged, ()):
                place = path if path in own else path[:1] if path[:1] in own else ()
                yield (
                    (*where, *place),
                    what if path in own else f"{'.'.join(map(str, path))}: {what}",
                )
    yield from _averaging_findings(contract)
    periods = [_period(v.terms) for v in contract.versions]
    if any(period != periods[0] for period in periods):
        yield ("versions",), "all versions must have the same availability.period"


def _amount_findings(terms: Mapping[str, Any], where: Location) -> Iterator[tuple[Location, str]]:
    """What one document sets: what others do to it is for the lower of the two to bear (C4)."""
    values = flat(terms)
    for key, cap in values.items():
        prefix, _, code = key.rpartition(".")
        least = values.get(f"credits.minimum_amount.{code}")
        if prefix == "credits.cap_amount" and least is not None:
            with suppress(TypeError):  # a finding of its own
                if cap < least:
                    yield (
                        (*where, *key.split(".")),
                        f"{cap} {code} is below the minimum_amount, {least}",
                    )


def _averaging_findings(contract: Contract) -> Iterator[tuple[Location, str]]:
    multiple = shown_denominator(contract)
    for where, seconds in sorted(
        averaged_targets(contract), key=lambda target: (target[1], str(target[0]))
    ):
        multiple = math.lcm(multiple, seconds)
        if multiple > LARGEST_DENOMINATOR:
            what = (
                "with this target, the targets whose delays are averaged "
                "(resolution_credit.severities) have no common multiple below 10^18 seconds"
            )
            yield (
                where,
                (
                    f"{what}, so that delays can't be averaged exactly (R3): choose rounder ones, "
                    "as in 4h, 12h and 3d"
                ),
            )
            return


def _period(terms: Mapping[str, Any]) -> Any:
    availability = terms.get("availability")
    own = availability.get("period") if isinstance(availability, Mapping) else None
    return own or Availability().period


def _overlap(contract: Contract, version: Version, amendment: Amendment) -> bool:
    following = min(
        (v.effective_from for v in contract.versions if v.effective_from > version.effective_from),
        default=date.max,
    )
    return (
        amendment.effective_from < following
        and (amendment.effective_to or date.max) >= version.effective_from
    )


def _paths(terms: Mapping[str, Any], prefix: Location = ()) -> Iterator[Location]:
    for key, value in terms.items():
        yield (*prefix, key)
        if isinstance(value, Mapping):
            yield from _paths(value, (*prefix, key))


def _terms_findings(terms: Mapping[str, Any], where: Location) -> Iterator[tuple[Location, str]]:
    for path in _paths(terms):
        if "." in str(path[-1]):
            yield (*where, *path), "a key may not hold a dot"
            return
    try:
        valid = Terms.model_validate(terms)
    except ValidationError as error:
        for place, what in in_words(error, Terms):
            # the severities of resolution are written beside its other keys
            written = place[:1] + place[2:] if place[:2] == ("resolution", "targets") else place
            yield (*where, *written), what
        return
    for place, what in valid.contradictions():
        yield (*where, *place), what
