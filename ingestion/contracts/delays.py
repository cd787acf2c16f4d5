"""The common denominator of the delays that a contract averages, so that their mean is exact
(R3)."""

import math
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from makegood.ingestion.contracts.amendments import flat
from makegood.ingestion.contracts.model import Contract, duration
from makegood.ingestion.strict_yaml import Location

# sums of delays stay far below 38 digits
LARGEST_DENOMINATOR = 10**18


def averaged_targets(contract: Contract) -> Iterator[tuple[Location, int]]:
    """The resolution targets, in seconds, of the severities over which any document averages delays
    (R3), and where they are set."""
    documents: list[tuple[Location, dict[str, Any]]] = [
        *((("versions", i, "terms"), flat(v.terms)) for i, v in enumerate(contract.versions)),
        *(
            (("amendments", i, "terms"), flat(a.terms))
            for i, a in enumerate(contract.amendments or [])
        ),
    ]
    listed = [terms.get("resolution_credit.severities") for _, terms in documents]
    averaged = {
        f"resolution.{severity}.target"
        for severities in listed
        if isinstance(severities, list)
        for severity in severities
    }
    for where, terms in documents:
        for key in terms.keys() & averaged:
            with suppress(ValueError):  # a finding of its own
                yield (*where, *key.split(".")), duration(terms[key]).seconds


def delay_denominator(contract: Contract) -> int:
    """The common multiple, in seconds, of the targets whose delays are averaged; 1 where none are
    (R3)."""
    return math.lcm(*(seconds for _, seconds in averaged_targets(contract)))
