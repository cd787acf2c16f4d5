"""Time zones from the pinned `tzdata` package, whatever the machine's own tables say."""

from functools import cache
from importlib import resources
from typing import NamedTuple
from zoneinfo import ZoneInfo

from makegood.ingestion.nearest import nearest


class Abbreviation(NamedTuple):
    """What an abbreviation most often means: the offset that it names, and a region that uses
    it."""

    offset: str
    region: str


# letters that several regions share, or that leave out how the region's clocks change: none of them
# is a time zone
ABBREVIATIONS = {
    "AEDT": Abbreviation("+11:00", "Australia/Sydney"),
    "AEST": Abbreviation("+10:00", "Australia/Sydney"),
    "AKST": Abbreviation("-09:00", "America/Anchorage"),
    "AST": Abbreviation("-04:00", "America/Halifax"),
    "BST": Abbreviation("+01:00", "Europe/London"),
    "CDT": Abbreviation("-05:00", "America/Chicago"),
    "CEST": Abbreviation("+02:00", "Europe/Amsterdam"),
    "CET": Abbreviation("+01:00", "Europe/Amsterdam"),
    "CST": Abbreviation("-06:00", "America/Chicago"),
    "CST6CDT": Abbreviation("-06:00", "America/Chicago"),
    "EDT": Abbreviation("-04:00", "America/New_York"),
    "EEST": Abbreviation("+03:00", "Europe/Helsinki"),
    "EET": Abbreviation("+02:00", "Europe/Helsinki"),
    "EST": Abbreviation("-05:00", "America/New_York"),
    "EST5EDT": Abbreviation("-05:00", "America/New_York"),
    "GMT": Abbreviation("+00:00", "Europe/London"),
    "HKT": Abbreviation("+08:00", "Asia/Hong_Kong"),
    "HST": Abbreviation("-10:00", "Pacific/Honolulu"),
    "IST": Abbreviation("+05:30", "Asia/Kolkata"),
    "JST": Abbreviation("+09:00", "Asia/Tokyo"),
    "KST": Abbreviation("+09:00", "Asia/Seoul"),
    "MDT": Abbreviation("-06:00", "America/Denver"),
    "MET": Abbreviation("+01:00", "Europe/Brussels"),
    "MSK": Abbreviation("+03:00", "Europe/Moscow"),
    "MST": Abbreviation("-07:00", "America/Denver"),
    "MST7MDT": Abbreviation("-07:00", "America/Denver"),
    "NZDT": Abbreviation("+13:00", "Pacific/Auckland"),
    "NZST": Abbreviation("+12:00", "Pacific/Auckland"),
    "PDT": Abbreviation("-07:00", "America/Los_Angeles"),
    "PRC": Abbreviation("+08:00", "Asia/Shanghai"),
    "PST": Abbreviation("-08:00", "America/Los_Angeles"),
    "PST8PDT": Abbreviation("-08:00", "America/Los_Angeles"),
    "ROC": Abbreviation("+08:00", "Asia/Taipei"),
    "ROK": Abbreviation("+09:00", "Asia/Seoul"),
    "SGT": Abbreviation("+08:00", "Asia/Singapore"),
    "UCT": Abbreviation("+00:00", "UTC"),
    "WEST": Abbreviation("+01:00", "Europe/Lisbon"),
    "WET": Abbreviation("+00:00", "Europe/Lisbon"),
}  # fmt: skip


@cache
def names() -> frozenset[str]:
    """All names that tzdata knows, links included."""
    return frozenset(resources.files("tzdata").joinpath("zones").read_text().split())


@cache
def zone(name: str) -> ZoneInfo:
    """The zone of that IANA name; ValueError if there is none, or if the name is an
    abbreviation."""
    if short := ABBREVIATIONS.get(name.upper()):
        raise ValueError(
            f"{name!r} is an abbreviation, not a time zone: write the region, as in {short.region}"
        )
    if name not in names():
        near = _nearest(name)
        wanted = f"{near}, the nearest" if near else "the region, as in Europe/Amsterdam"
        raise ValueError(f"{name!r} is not a time zone: write {wanted}")
    with resources.files("tzdata").joinpath("zoneinfo", *name.split("/")).open("rb") as stream:
        return ZoneInfo.from_file(stream, key=name)


def _nearest(name: str) -> str | None:
    """The zone whose name, or whose city, is nearest."""
    regions = {known: known for known in names() if known not in ABBREVIATIONS}
    cities = {known.rpartition("/")[2]: known for known in sorted(regions)}
    for known in (regions, cities):
        if near := nearest(name, known):
            return known[near]
    return None
