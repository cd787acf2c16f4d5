"""What the tests of monitoring systems share: rows of records, and whether feeds accept them."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from makegood.ingestion.connect import api
from makegood.ingestion.connect.instants import moment
from makegood.ingestion.connect.pull import latest, rejected
from makegood.ingestion.connect.settings import Source
from makegood.ingestion.connect.system import Record, Records, Row, Rows, System
from tests.support.records import kept

PLACE = {"service": "S", "region": "eu"}


def records(of: Mapping[str, Sequence[Mapping[str, Any]]]) -> Records:
    return {
        resource: [Record(item, f"{resource}:{n}") for n, item in enumerate(items, 1)]
        for resource, items in of.items()
    }


def rows_of(
    system: System[Any],
    of: Mapping[str, Sequence[Mapping[str, Any]]],
    places: Sequence[str] = (),
    **names: Any,
) -> Rows:
    """The rows of records, with a place for each name; all that are made are typed by their
    feeds."""
    out = Rows()
    settings = {"places": dict.fromkeys(places, PLACE), **names}
    system.rows(records(of), system.names.model_validate(settings), out)
    accepted(out)
    assert set(out.feeds) <= set(system.feeds)
    return out


def accepted(out: Rows) -> None:
    """Fails where a feed rejects a row."""
    found = list(rejected(out))
    assert found == [], found[:3]


def outages(out: Rows) -> list[tuple[str, str, str, str | None]]:
    """Component, state, start and end of outages, in order of time."""
    return [
        (row["component_id"], row["state"], row["started_at"], row.get("ended_at"))
        for row in sorted(
            out.feeds.get("outages", []),
            key=lambda row: (row["component_id"], moment(row["started_at"])),
        )
    ]


def checks(out: Rows) -> list[tuple[str, str, str]]:
    """Component, instant and status of checks, as they come."""
    return [
        (row["component_id"], row["checked_at"], row["status"])
        for row in out.feeds.get("checks", [])
    ]


def seconds(row: Row) -> int:
    """The length of an outage that has ended."""
    return moment(row["ended_at"])[0] - moment(row["started_at"])[0]


def pulled(
    system: System[Any], connection: Mapping[str, Any], secrets: Mapping[str, str], folder: Path
) -> Mapping[str, list[Mapping[str, Any]]]:
    """The records that pulls into `folder` have kept so far, after one more; of each key the
    latest."""
    assert system.connection
    assert system.api
    made = system.api(system.connection.model_validate(connection), secrets)
    folder.mkdir(exist_ok=True)
    api.pull(system, made, secrets, folder, lambda _: None)
    source = Source(system.name, system, None)
    return {
        resource: [record.data for record in records]
        for resource, records in latest(source, kept(system, folder)).items()
    }
