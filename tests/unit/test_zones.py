"""Names of time zones: what is taken, and what is said of the others."""

import re

import pytest

from makegood.ingestion.zones import ABBREVIATIONS, names, zone


@pytest.mark.parametrize(
    "name",
    ["UTC", "Etc/UTC", "Europe/Amsterdam", "America/Argentina/Buenos_Aires", "Etc/GMT+5", "Japan"],
)
def test_regions_are_zones(name: str) -> None:
    assert zone(name).key == name


@pytest.mark.parametrize(
    ("name", "said"),
    [
        (
            "EST",
            "'EST' is an abbreviation, not a time zone: write the region, as in America/New_York",
        ),
        (
            "est",
            "'est' is an abbreviation, not a time zone: write the region, as in America/New_York",
        ),
        (
            "MST7MDT",
            "'MST7MDT' is an abbreviation, not a time zone: write the region, as in America/Denver",
        ),
        # one that tzdata does not know
        (
            "CEST",
            "'CEST' is an abbreviation, not a time zone: write the region, as in Europe/Amsterdam",
        ),
        (
            "Europe/Amsterdm",
            "'Europe/Amsterdm' is not a time zone: write Europe/Amsterdam, the nearest",
        ),
        (
            "europe/amsterdam",
            "'europe/amsterdam' is not a time zone: write Europe/Amsterdam, the nearest",
        ),
        (
            "America/New York",
            "'America/New York' is not a time zone: write America/New_York, the nearest",
        ),
        ("Warsaw", "'Warsaw' is not a time zone: write Europe/Warsaw, the nearest"),
        (
            "Mars/Olympus",
            "'Mars/Olympus' is not a time zone: write the region, as in Europe/Amsterdam",
        ),
        ("", "'' is not a time zone: write the region, as in Europe/Amsterdam"),
    ],
)
def test_what_is_not_a_zone_is_refused_with_what_to_write(name: str, said: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(said)}$"):
        zone(name)


def test_every_abbreviation_that_tzdata_knows_is_refused() -> None:
    """Its names in capitals, as EST and PST8PDT; UTC is not one that regions share."""
    short = {name for name in names() if re.fullmatch(r"[A-Z]{3,4}([0-9][A-Z]{3})?", name)} - {
        "UTC"
    }
    assert "EST" in short
    assert short <= ABBREVIATIONS.keys()
    assert {zone(short.region).key for short in ABBREVIATIONS.values()} <= names(), (
        "what is to be written is a zone"
    )
