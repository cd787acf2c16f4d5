"""What tests of help desks need: the three ways to records, and whether feeds take the rows."""

import csv
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb

from makegood.ingestion.connect import api, tables
from makegood.ingestion.connect import pull as pulling
from makegood.ingestion.connect.instants import from_form
from makegood.ingestion.connect.settings import Source
from makegood.ingestion.connect.system import Record, Records, Rows, System
from tests.support.records import kept


def latest(system: System[Any], records: Mapping[str, Sequence[Record]]) -> Records:
    """Of records of one key the latest, where the first was."""
    return pulling.latest(Source(system.name, system, None), records)


def of(system: System[Any], resources: Mapping[str, Sequence[Mapping[str, Any]]]) -> Records:
    """Records from plain data."""
    return latest(
        system,
        {
            resource: [Record(data, f"{resource} {number}") for number, data in enumerate(found)]
            for resource, found in resources.items()
        },
    )


def by_api(
    system: System[Any],
    connection: Mapping[str, Any],
    folder: Path,
    secrets: Mapping[str, str] | None = None,
    chunk_pages: int = api.CHUNK_PAGES,
) -> tuple[Records, api.Traffic]:
    """All records that pulls have brought into the folder, after one more; what that one took."""
    assert system.api
    assert system.connection
    secret = secrets or dict.fromkeys(system.secrets, "secret")
    asked = system.api(system.connection.model_validate(connection), secret)
    traffic = api.pull(system, asked, secret, folder, lambda _: None, chunk_pages)
    return latest(system, kept(system, folder)), traffic


def by_export(
    system: System[Any],
    number: int,
    rows: Sequence[Mapping[str, Any]],
    form: str | None = None,
    zone: str | None = "UTC",
) -> Records:
    """Records of the rows of an export, the `number`th of the system, as the reader gives them."""
    export = system.exports[number]
    found = []
    for line, row in enumerate(rows, 2):
        assert set(export.columns) <= row.keys()
        read = {
            name: from_form(value, form, zone) if name in export.times and value else value or None
            for name, value in row.items()
        }
        found.append(Record(export.record(read), f"export.csv:{line}"))
    return latest(system, {export.resource: found})


def by_tables(
    system: System[Any],
    layout: str,
    folder: Path,
    contents: Mapping[str, str | Sequence[Mapping[str, Any]]],
) -> Records:
    """Records of tables: CSV text (read as text), or the rows of a table whose types are those of
    the values."""
    folder.mkdir(parents=True, exist_ok=True)
    for table, content in contents.items():
        if isinstance(content, str):
            (folder / f"{table}.csv").write_text(content)
            continue
        (folder / f"{table}.jsonl").write_text("\n".join(map(json.dumps, content)))
        with duckdb.connect() as con:
            con.execute(
                f"copy (from read_json('{folder}/{table}.jsonl', sample_size = -1))"
                f" to '{folder}/{table}.parquet'"
            )
    where = tables.Tables.model_validate({"layout": layout, "folder": str(folder)})
    return latest(system, tables.read(system, where, folder, {}, lambda _: None))


def made(system: System[Any], records: Records, names: Mapping[str, Any]) -> Rows:
    """The rows of records, with names as connect.yaml has them."""
    out = Rows()
    system.rows(records, system.names.model_validate(names), out)
    return out


def events(rows: Rows, ticket: str) -> list[tuple[str, ...]]:
    """A ticket's life: when, what, and the severity or kind of resolution if there is one."""
    return [
        tuple(
            str(event[name])
            for name in ("occurred_at", "event", "severity", "resolution_kind")
            if event.get(name)
        )
        for event in rows.feeds.get("ticket_events", ())
        if event["ticket_id"] == ticket
    ]


def ticket(rows: Rows, ticket_id: str) -> dict[str, Any]:
    """The row of a ticket."""
    found = [row for row in rows.feeds["tickets"] if row["ticket_id"] == ticket_id]
    assert len(found) == 1
    return found[0]


def rejected(rows: Rows) -> list[tuple[str, str, str]]:
    """What feeds reject of the rows: feed, column and reason."""
    return list(pulling.rejected(rows))


def rows_of_csv(text: str) -> list[dict[str, str]]:
    """The rows of CSV text."""
    return list(csv.DictReader(text.strip().splitlines()))
