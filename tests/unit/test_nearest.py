"""The nearest match of a value that matches nothing, which messages name."""

import pytest

from makegood.ingestion.feeds.specs import feeds
from makegood.ingestion.nearest import MOST_COMPARED, Candidates, nearest

IDS = [
    "0004711",
    "SUB-0012",
    "C-1",
    "C-2",
    "Müller",
    "9900000000000123",
    "1234567890123456789",
    "eu-west-1",
    "O-77",
]


@pytest.mark.parametrize(
    ("value", "match"),
    [
        ("4711", "0004711"),
        ("00004711", "0004711"),
        ("4711.0", "0004711"),
        ("4711,00", "0004711"),
        ("sub-0012", "SUB-0012"),
        ("SUB-12", "SUB-0012"),
        ("SUB 0012", "SUB-0012"),
        (" C-1", "C-1"),
        ("C-1\u00a0", "C-1"),
        ("C\u200b-1", "C-1"),
        ("\ufeffC-2", "C-2"),
        # a Cyrillic letter, another dash, wide digits
        ("С-1", "C-1"),
        ("C–2", "C-2"),
        ("C-１", "C-1"),
        ("Muller", "Müller"),
        ("Mu\u0308ller", "Müller"),
        ("EU_West_1", "eu-west-1"),
        ("0-77", "O-77"),
        ("9.9E+15", "9900000000000123"),
        ("9,9e15", "9900000000000123"),
        ("1234567890123450000", "1234567890123456789"),
        ("1.2345678901234568e+18", "1234567890123456789"),
    ],
)
@pytest.mark.parametrize("more", [0, MOST_COMPARED])
def test_what_is_written_otherwise_is_found_among_few_and_many(
    value: str, match: str, more: int
) -> None:
    candidates = Candidates([*IDS, *(f"other {n}x" for n in range(more))])
    assert candidates.same(value) == candidates.nearest(value) == match


@pytest.mark.parametrize(
    "value",
    [
        "C-3",
        "C-10",
        "4712",
        "47110",
        "4711.5",
        "9.8E+15",
        "1234567890123440000",
        "nobody",
        "",
        " ",
        "-",
        "\u200b",
        "1e99",
        "eu-west-2",
        "c",
    ],
)
def test_what_is_another_value_has_no_nearest(value: str) -> None:
    """Digits tell ids apart: the next number is no slip of the pen."""
    assert nearest(value, IDS) is None


@pytest.mark.parametrize(
    ("value", "match"),
    [
        ("degrade", "degraded"),
        ("donw", "down"),
        ("unkown", "unknown"),
        ("Dwon", "down"),
        ("operational", None),
        ("u", None),
    ],
)
def test_slips_of_the_pen_are_found_among_few(value: str, match: str | None) -> None:
    assert nearest(value, ["up", "degraded", "down", "unknown"]) == match
    assert Candidates(["up", "degraded", "down", "unknown"]).same(value) is None


def test_of_equals_the_one_that_swaps_letters_is_nearest() -> None:
    assert nearest("UDS", ["UYS", "USD", "UZS"]) == "USD"


def test_of_several_numbers_the_closest_is_nearest() -> None:
    assert nearest("9.9E+3", ["9860", "9903", "9940"]) == "9903"
    assert nearest("9.9E+3", ["9700", "10100"]) is None


def test_slips_of_the_pen_are_not_looked_for_among_many() -> None:
    assert nearest("alpga", ["alpha", *(f"x{n}" for n in range(MOST_COMPARED))]) is None
    assert nearest("alpga", ["alpha"]) == "alpha"
    assert nearest("alpha" * 100 + "x", ["alpha" * 100]) is None


@pytest.mark.parametrize(
    ("feed", "column", "names", "name"),
    [
        ("outages", "ended_at", ["note", "resolved_at"], "resolved_at"),
        ("invoices", "due_on", ["due_date"], "due_date"),
        ("outages", "component_id", ["Component ID"], "Component ID"),
        ("ticket_events", "occurred_at", ["occured_at"], "occured_at"),
        ("subscriptions", "subscription_id", ["subscription_ids"], "subscription_ids"),
        ("subscriptions", "subscription_id", ["subscription_kind", "subscription_note", ""], None),
        ("outages", "component_id", ["component_name"], None),
    ],
)
def test_columns_that_look_like_one_of_a_feed(
    feed: str, column: str, names: list[str], name: str | None
) -> None:
    assert next(c for c in feeds()[feed].columns if c.name == column).lookalike(names) == name


def test_no_column_is_called_as_another_of_its_feed() -> None:
    """What other systems call a column must not be a column that the feed knows: a file may have
    both."""
    for feed in feeds().values():
        assert not {c.name for c in feed.columns} & {
            name for c in feed.columns for name in c.also_called
        }, feed.feed
