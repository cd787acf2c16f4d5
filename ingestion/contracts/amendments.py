"""The terms in force for a party on a local date: a version, with its amendments on top (T5,
T6)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from pydantic import ValidationError

from makegood.ingestion.contracts.model import CREDIT_FORMS, RANKS, Contract, Terms
from makegood.ingestion.strict_yaml import InvalidDocument, in_words


def flat(terms: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Terms as dotted key -> value, maps taken apart (T6); a list is one value, an empty map sets
    nothing."""
    result: dict[str, Any] = {}
    for key, value in terms.items():
        if isinstance(value, Mapping):
            result |= flat(value, f"{prefix}{key}.")
        else:
            result[prefix + key] = value
    return result


def nested(values: Mapping[str, Any]) -> dict[str, Any]:
    """The inverse of `flat`."""
    result: dict[str, Any] = {}
    for dotted, value in values.items():
        *parents, last = dotted.split(".")
        place = result
        for parent in parents:
            place = place.setdefault(parent, {})
        place[last] = value
    return result


COMMITMENT = "availability.commitment_pct"
# what is set in one of these ways only: a document that sets one lays aside the others of those
# below it (C1)
_IN_PLACE_OF = (
    tuple(f"credits.{form}" for form in CREDIT_FORMS),
    ("credits.availability_steps.per_pct", "credits.availability_steps.per_downtime"),
    ("credits.availability_steps.credit_pct", "credits.availability_steps.credit_days"),
)


def overlaid(values: Mapping[str, Any], more: Mapping[str, Any]) -> dict[str, Any]:
    """`values` with those of `more` on top; the commitment is one key with or without its map
    (T6), and what is set in one of several ways is set in one (C1)."""
    result = dict(values)
    if any(_is_commitment(k) for k in more):
        result = {k: v for k, v in result.items() if not _is_commitment(k)}
    for ways in _IN_PLACE_OF:
        named = [key for key, value in more.items() if value is not None]
        chosen = [way for way in ways if any(_is_below(key, way) for key in named)]
        aside = [way for way in ways if chosen and way not in chosen]
        result = {k: v for k, v in result.items() if not any(_is_below(k, w) for w in aside)}
    for key in more:
        # a null in place of a map gives way to what is set inside it, and the other way round
        for other in [k for k in result if k.startswith(key + ".") or key.startswith(k + ".")]:
            del result[other]
    return result | dict(more)


def _is_commitment(key: str) -> bool:
    return _is_below(key, COMMITMENT)


def _is_below(key: str, parent: str) -> bool:
    """Whether a dotted key is another, or lies inside it."""
    return key == parent or key.startswith(parent + ".")


@dataclass(frozen=True)
class Resolved:
    """The terms in force, as they are valid, and the document that set each key."""

    terms: Terms
    values: dict[str, Any]
    documents: dict[str, str]
    version: date


def amendment_name(contract: Contract, number: int) -> str:
    """How evidence names an amendment: `order_form #2 of trueengage from 2026-07-01`."""
    amendment = (contract.amendments or [])[number]
    return (
        f"{amendment.rank} #{number + 1} of {contract.contract_id} from {amendment.effective_from}"
    )


def amendments_in_force(
    contract: Contract,
    day: date,
    customer_id: str | None = None,
    subscription_id: str | None = None,
) -> tuple[int, ...]:
    """The places in the file of the amendments that speak of a party on a local date (T6)."""
    return tuple(
        number
        for number, amendment in enumerate(contract.amendments or [])
        if amendment.in_force(day)
        and (
            (amendment.subscription_id is not None and amendment.subscription_id == subscription_id)
            or (amendment.customer_id is not None and amendment.customer_id == customer_id)
        )
    )


def resolve(
    contract: Contract,
    day: date,
    amended_by: tuple[int, ...] = (),
    scenario: tuple[str, Any] | None = None,
) -> Resolved | None:
    """The terms on a local date with `amendments_in_force` on top (T5, T6); None before the first
    version. `scenario`: a key and the value that each version is read with instead. Raises
    InvalidDocument where amendments that are sound one by one contradict each other."""
    version = contract.version_on(day)
    if version is None:
        return None
    sla = RANKS.index("sla")
    own = flat(version.terms)
    if scenario:
        own = overlaid(own, {scenario[0]: scenario[1]})
    # (rank, scope, effective_from, place in the file): the last to be laid on wins
    layers: list[tuple[tuple[int, int, date, int], str, dict[str, Any]]] = [
        (
            (-sla, 0, date.min, 0),
            f"sla of {contract.contract_id} from {version.effective_from}",
            own,
        )
    ]
    for number in amended_by:
        amendment = (contract.amendments or [])[number]
        order = (
            -RANKS.index(amendment.rank),
            2 if amendment.subscription_id else 1,
            amendment.effective_from,
            number,
        )
        layers.append((order, amendment_name(contract, number), flat(amendment.terms)))
    values: dict[str, Any] = {}
    documents: dict[str, str] = {}
    for _, document, layer in sorted(layers, key=lambda layer: layer[0]):
        values = overlaid(values, layer)
        documents = {key: document if key in layer else documents[key] for key in values}
    if (
        scenario
        and scenario[0].startswith("resolution_credit.")
        and "resolution_credit.severities" not in values
    ):
        # a way to read what nothing promises
        values.pop(scenario[0], None)
        documents.pop(scenario[0], None)
    try:
        terms = Terms.model_validate(nested(values))
        wrong = [".".join(map(str, where)) + ": " + what for where, what in terms.contradictions()]
    except ValidationError as error:
        wrong = [".".join(map(str, where)) + ": " + what for where, what in in_words(error, Terms)]
    if wrong:
        # each amendment is sound by itself, or it would have been refused when it was loaded
        by = " with ".join(
            document for _, document, _ in sorted(layers, key=lambda layer: layer[0])
        )
        raise InvalidDocument(
            [
                (
                    f"{contract.contract_id}: the terms in force on {day} by {by} contradict each "
                    f"other: {w}"
                )
                for w in wrong
            ]
        )
    return Resolved(terms, values, documents, version.effective_from)
