"""What the tests of billing systems share: rows of records, whether feeds accept them, and tables
of other tools."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb

from makegood.ingestion.connect import pull as pulling
from makegood.ingestion.connect import tables
from makegood.ingestion.connect.pull import latest
from makegood.ingestion.connect.settings import Source
from makegood.ingestion.connect.system import Export, Record, Records, Row, Rows, System

SHARED = Path(__file__).parents[3] / "shared" / "data"
MISSING = "the folder ../shared is not here: it holds examples of what vendors write"


def records(of: Mapping[str, Sequence[Mapping[str, Any]]]) -> Records:
    return {
        resource: [Record(item, f"{resource}:{n}") for n, item in enumerate(items, 1)]
        for resource, items in of.items()
    }


def mapped(system: System[Any], found: Records, **names: Any) -> Rows:
    """The rows of records, whether feeds accept them or not."""
    out = Rows()
    source = Source(system.name, system, system.names.model_validate(names))
    system.rows(latest(source, found), source.names, out)
    assert set(out.feeds) <= set(system.feeds)
    return out


def rows_of(
    system: System[Any], of: Mapping[str, Sequence[Mapping[str, Any]]], **names: Any
) -> Rows:
    """The rows of records; fails where a feed rejects one."""
    out = mapped(system, records(of), **names)
    assert rejected(out) == []
    return out


def rejected(out: Rows) -> list[str]:
    """Why feeds reject rows."""
    return [reason for *_, reason in pulling.rejected(out)]


def lines(out: Rows) -> dict[str, Row]:
    """Rows of invoice_lines by id."""
    return {row["line_id"]: row for row in out.feeds.get("invoice_lines", [])}


def invoices(out: Rows) -> dict[str, Row]:
    """Rows of invoices by id."""
    return {row["invoice_id"]: row for row in out.feeds.get("invoices", [])}


def total(out: Rows, invoice: str) -> Decimal:
    """What the lines of an invoice add up to."""
    return sum(
        (
            Decimal(row["amount"])
            for row in out.feeds["invoice_lines"]
            if row["invoice_id"] == invoice
        ),
        Decimal(0),
    )


def as_text(feed: str, out: Rows) -> list[dict[str, str]]:
    """Rows of a feed without regard to their order, as whoever reads the files sees them."""
    return sorted(
        ({name: str(value) for name, value in row.items()} for row in out.feeds.get(feed, [])),
        key=lambda row: tuple(row.items()),
    )


def export_of(system: System[Any], columns: Sequence[str]) -> Export:
    """The first export that a header of these columns is of."""
    return next(export for export in system.exports if set(export.columns) <= set(columns))


def exported(system: System[Any], *files: Sequence[Mapping[str, Any]]) -> Records:
    """The records of the rows of export files, each a list of rows."""
    found: dict[str, list[Record]] = {}
    for rows in files:
        export = export_of(system, list(rows[0]))
        found.setdefault(export.resource, []).extend(
            Record(export.record(row), f"file:{number}") for number, row in enumerate(rows, 2)
        )
    return found


def from_tables(system: System[Any], layout: str, folder: Path, *statements: str) -> Records:
    """The records of tables that SQL statements make in a DuckDB file."""
    file = folder / f"{layout}.duckdb"
    file.unlink(missing_ok=True)
    with duckdb.connect(str(file)) as con:
        for statement in statements:
            con.execute(statement)
    place = tables.Tables.model_validate({"layout": layout, "duckdb": file.name})
    return tables.read(system, place, folder, {}, lambda _: None)


def from_folder(system: System[Any], layout: str, folder: Path, suffix: str) -> Records:
    """The records of tables that are CSV files in a folder."""
    place = tables.Tables.model_validate(
        {"layout": layout, "folder": folder.name, "suffix": suffix}
    )
    return tables.read(system, place, folder.parent, {}, lambda _: None)
