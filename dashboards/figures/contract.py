"""What a contract itself says: where a rule is read from, and sentences that reports quote.

Both come from the terms of the contract as they are published (`clauses.…`, `texts.…`), so that
nothing is shown of any other contract.
"""

from collections.abc import Mapping

from makegood.dashboards.access.reader import Reader, Row

# policy_key -> its row of contract_terms or agreed_terms
Terms = Mapping[str, Row]

_CLAUSE, _TEXT = "clauses.", "texts."


def is_quoted(key: str) -> bool:
    """Whether a key is the contract's wording, not a term that a figure follows from."""
    return key.startswith((_CLAUSE, _TEXT))


def clause(terms: Terms, rules: str) -> str | None:
    """The clauses of rules such as `A1-A3, A5`, each once; None if the contract gives none."""
    found = [terms[key]["value"] for r in _each(rules) if (key := _CLAUSE + r) in terms]
    return "; ".join(dict.fromkeys(found)) or None


def text(terms: Terms, name: str) -> str | None:
    """A sentence of the contract, such as `payable`; None if it has none."""
    return terms[_TEXT + name]["value"] if _TEXT + name in terms else None


def as_customer(reader: Reader) -> set[str]:
    """The ids of the contracts in which we are the customer (C8); publications of older versions
    know none."""
    return {c["contract_id"] for c in reader.rows("from marts.contracts") if is_as_customer(c)}


def is_as_customer(contract: Row) -> bool:
    """Whether we are the customer in it (C8). `contract`: a row of the mart `contracts`, to which
    older versions gave no party."""
    return contract.get("party") == "customer"


def _each(rules: str) -> list[str]:
    found = []
    for part in rules.split(", "):
        first, _, last = part.partition("-")
        numbers = range(int(first[1:]), int((last or first)[1:]) + 1)
        found += [f"{first[0]}{number}" for number in numbers]
    return found
