"""Agreed terms in words: every key of a contract has some, and values read as people write them."""

import re
from typing import Any

from makegood.dashboards.reports.document import Table
from makegood.dashboards.reports.terms import WORDS, blocks, pattern_of
from makegood.ingestion.contracts.model import Terms
from makegood.ingestion.describe_contracts import keys

# maps from names of their own
_MAPS = ("credits.cap_amount", "credits.minimum_amount", "calendars.x.hours")


def published_keys() -> set[str]:
    """The keys of terms as marts have them, with x for each name."""
    found = {re.sub("<[a-z]+>", "x", key.path) for key in keys(Terms)}
    named = {f"{key}.x" if key in _MAPS else key for key in found}
    quoted = ("clauses", "texts.", "credits.availability_tiers", "credits.resolution_tiers")
    return {key for key in named if not key.startswith(quoted)} | {"availability.commitment_pct.x"}


def test_every_term_of_a_contract_has_words() -> None:
    """A customer would be shown a key without words by its name in YAML; one that is gone from
    contracts has none."""
    found = published_keys()
    assert len(found) > 60
    assert sorted(key for key in found if pattern_of(key) is None) == []
    assert sorted(set(WORDS) - {pattern_of(key) for key in found}) == []


def made(document: str = "sla", **terms: str) -> dict[str, dict[str, Any]]:
    return {
        key.replace("__", "."): {"value": value, "document": document}
        for key, value in terms.items()
    }


def test_terms_read_as_people_write_them() -> None:
    terms = made(
        availability__commitment_pct="99.90",
        availability__total="covered",
        downtime__min_consecutive_s="900",
        exclusions__kinds="[force_majeure, third_party]",
        resolution__P3__target="3bd",
        resolution__P3__clock="business_days",
        response__P1__target="15m",
        response__P1__clock="24x7",
        credits__cap_amount__JPY="500",
        credits__claim_required="true",
        clauses__A4="TE §8",
        credits__availability_tiers="[{below_pct: 99.9, credit_pct: 10}, "
        "{at_or_below_pct: 99, credit_pct: 12.5}]",
        credits__resolution_tiers="[{up_to_pct: 25, credit_pct: 10}, {credit_pct: 25}]",
        texts__claim="Write.",
    )
    sentence, first, second, table = blocks(terms, "quarter", "Terms")
    assert sentence == "All terms below are set by: sla."
    assert isinstance(first, Table)
    assert isinstance(second, Table)
    assert isinstance(table, Table)
    assert [column.title for column in first.columns] == [
        "Availability",
        "Credit, of the quarterly fee",
    ]
    assert [(bound, str(pct)) for bound, pct in first.rows] == [
        ("below 99.9 %", "10"),
        ("at or below 99 %", "12.5"),
    ]
    assert [bound for bound, _ in second.rows] == ["up to 25 %", "more"]
    assert [column.title for column in table.columns] == ["Term", "Agreed", "Clause"]
    assert table.rows == (
        ("Committed availability", "99.9 %", "TE §8"),
        ("Divided by", "the covered time", None),
        ("Downtime counts from", "15 min", None),
        ("Exclusions", "force majeure, third party", None),
        ("Response to P1", "15 minutes, around the clock", None),
        ("Resolution of P3", "3 business days", None),
        ("Highest credit in JPY", "500 JPY", None),
        ("A credit must be requested", "yes", None),
    )


def test_who_set_a_term_is_said_where_documents_differ() -> None:
    """An amended clock is a row of its own; a key without words keeps its name."""
    terms = (
        made(response__P1__target="15m", availability__period="month")
        | made("order form", response__P1__clock="24x7")
        | made(future__key="some_value")
    )
    (table,) = blocks(terms, "month", "Terms")
    assert isinstance(table, Table)
    assert [column.title for column in table.columns] == ["Term", "Agreed", "Set by"]
    assert table.rows == (
        ("Measured by", "month", "sla"),
        ("Response to P1", "15 minutes", "sla"),
        ("Response to P1, clock", "around the clock", "order form"),
        ("Future: key", "some_value", "sla"),
    )
