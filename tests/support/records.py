"""What tests of systems share: records to rows, exports to records, layouts to records, and whether
feeds take the rows."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb
import yaml

from makegood.ingestion.connect import api
from makegood.ingestion.connect import pull as pulling
from makegood.ingestion.connect.system import Record, Rows, System
from makegood.ingestion.connect.tables import Tables, read


def exact(text: str) -> Any:
    """JSON as records hold it."""
    return json.loads(text, parse_float=Decimal)


def made(
    system: System[Any], names: str | Mapping[str, Any], **records: Sequence[Mapping[str, Any]]
) -> Rows:
    """The rows of records; `names` as connect.yaml has them."""
    settings = yaml.safe_load(names) if isinstance(names, str) else names
    out = Rows()
    system.rows(
        {
            resource: [
                Record(data, f"{resource}, record {number}") for number, data in enumerate(found, 1)
            ]
            for resource, found in records.items()
        },
        system.names.model_validate(settings),
        out,
    )
    return out


def faults(rows: Rows) -> list[str]:
    """Why feeds reject rows: `feed: reason`."""
    return [f"{feed}: {reason}" for feed, _, reason in pulling.rejected(rows)]


def kept(system: System[Any], folder: Path) -> dict[str, list[Record]]:
    """All records that pulls have kept in a folder, by resource, in the order in which they
    came."""
    found: dict[str, list[Record]] = {}
    for files in api.loads(system, folder).values():
        for resource, of_it in files.items():
            found.setdefault(resource, []).extend(api.records_of(of_it))
    return found


def tables(
    system: System[Any], layout: str, made_by: Callable[[duckdb.DuckDBPyConnection], None]
) -> dict[str, list[Mapping[str, Any]]]:
    """The records of a layout, read from a DuckDB file with the tables that `made_by` creates."""
    with TemporaryDirectory() as folder:
        file = Path(folder) / "tables.duckdb"
        with duckdb.connect(str(file)) as con:
            con.execute("set timezone = 'UTC'")
            made_by(con)
        place = Tables.model_validate({"layout": layout, "duckdb": file.name})
        found = read(system, place, Path(folder), {}, lambda _: None)
    return {resource: [record.data for record in records] for resource, records in found.items()}


def from_csv(folder: Path, suffix: str = "") -> Callable[[duckdb.DuckDBPyConnection], None]:
    """Tables from CSV files, as text."""

    def make(con: duckdb.DuckDBPyConnection) -> None:
        for path in _files(folder, suffix):
            table = path.name.removesuffix(f"{suffix}.csv")
            con.execute(
                f"create view \"{table}\" as from read_csv('{path}', all_varchar = true,"
                " header = true)"
            )

    return make


def _files(folder: Path, suffix: str) -> Iterator[Path]:
    yield from sorted(folder.glob(f"*{suffix}.csv"))


def connect_yaml(folder: Path, text: str) -> Path:
    """A connect.yaml with one source, which `text` describes."""
    path = folder / "connect.yaml"
    source = "".join(f"    {line}\n" for line in text.strip("\n").splitlines())
    path.write_text(f"sources:\n  one:\n{source}")
    return path
