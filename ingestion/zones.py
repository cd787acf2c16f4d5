"""Time zones from the pinned `tzdata` package, whatever the machine's own tables say."""

from functools import cache
from importlib import resources
from zoneinfo import ZoneInfo


@cache
def names() -> frozenset[str]:
    return frozenset(resources.files("tzdata").joinpath("zones").read_text().split())


@cache
def zone(name: str) -> ZoneInfo:
    """The zone of that IANA name; ValueError if there is none."""
    if name not in names():
        raise ValueError(f"{name!r} is no time zone, as in Europe/Amsterdam")
    with resources.files("tzdata").joinpath("zoneinfo", *name.split("/")).open("rb") as stream:
        return ZoneInfo.from_file(stream, key=name)
