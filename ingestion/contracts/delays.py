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
# of delays as they are shown: six decimals of a per cent
SHOWN_DENOMINATOR = 10**8
_DUE_DATES = "tickets.due_dates"

_Documents = list[tuple[Location, dict[str, Any]]]


def _documents(contract: Contract) -> _Documents:
    return [
        *((("versions", i, "terms"), flat(v.terms)) for i, v in enumerate(contract.versions)),
        *(
            (("amendments", i, "terms"), flat(a.terms))
            for i, a in enumerate(contract.amendments or [])
        ),
    ]


def averaged_targets(contract: Contract) -> Iterator[tuple[Location, int]]:
    """The resolution targets, in seconds, of the severities over which any document averages delays
    (R3), and where they are set. None where due dates override targets throughout: the mean is
    then that of delays as they are shown."""
    documents = _documents(contract)
    due_dates = [(where[0], terms.get(_DUE_DATES)) for where, terms in documents]
    if all(v == "override" or (v is None and kind == "amendments") for kind, v in due_dates):
        return
    listed = [terms.get("resolution_credit.severities") for _, terms in documents]
    averaged = {
        f"resolution.{severity}.target"
        for severities in listed
        if isinstance(severities, list)
        for severity in severities
    }
    # what a business day is worth on any clock of any document
    worth = [
        value
        for _, terms in documents
        for key, value in terms.items()
        if key.startswith("calendars.") and key.endswith(".business_day")
    ]
    for where, terms in documents:
        for key in terms.keys() & averaged:
            with suppress(ValueError):  # a finding of its own
                target = duration(terms[key])
                place = (*where, *key.split("."))
                yield place, target.seconds
                for day in worth if target.is_business_days else []:
                    yield place, target.seconds // 86_400 * duration(day).seconds


def shown_denominator(contract: Contract) -> int:
    """That of delays as they are shown, where due dates may override targets; else 1."""
    overrides = any(terms.get(_DUE_DATES) == "override" for _, terms in _documents(contract))
    return SHOWN_DENOMINATOR if overrides else 1


def delay_denominator(contract: Contract) -> int:
    """The common multiple of all denominators of the delays that are averaged; 1 without any
    (R3)."""
    targets = (seconds for _, seconds in averaged_targets(contract))
    return math.lcm(shown_denominator(contract), *targets)
