"""What tests of systems share: records to rows, exports to records, layouts to records, and whether
feeds take the rows."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import yaml

from makegood.ingestion.connect.system import Record, Rows, System
from makegood.ingestion.feeds.specs import feeds
from makegood.ingestion.feeds.typing import typed
from makegood.ingestion.readers import LINE, Batch, with_extra

_ISO = r"""
create macro iso(x) as case
    when x is null or cast(x as varchar) = '' then null
    when regexp_matches(
        cast(x as varchar), '[0-9]:[0-9]{2}.*([Zz]| UTC|[+-][0-9]{2}(:?[0-9]{2})?)$'
    ) then cast(x as varchar)
    else cast(x as varchar) || 'Z'
end
"""


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
    found = []
    for name, made_rows in rows.feeds.items():
        feed = feeds()[name]
        as_text = [
            {key: None if value is None else _text(value) for key, value in row.items()}
            for row in made_rows
        ]
        columns = list(dict.fromkeys(key for row in as_text for key in row))
        frame = pl.DataFrame(
            [{LINE: number, **row} for number, row in enumerate(as_text, 1)],
            schema={LINE: pl.Int64} | dict.fromkeys(columns, pl.String),
        )
        result = typed(Batch(with_extra(frame, feed)), feed)
        found += [f"{name}: {row['reason']}" for row in result.rejected.iter_rows(named=True)]
    return found


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return format(value, "f") if isinstance(value, Decimal) else str(value)


def tables(
    system: System[Any], layout: str, made_by: Callable[[duckdb.DuckDBPyConnection], None]
) -> dict[str, list[dict[str, Any]]]:
    """The records of a layout's queries over the tables that `made_by` creates."""
    described = system.layouts[layout]
    found: dict[str, list[dict[str, Any]]] = {}
    with duckdb.connect() as con:
        con.execute("set timezone = 'UTC'")
        con.execute(_ISO)
        made_by(con)
        present = {row[0] for row in con.execute("show tables").fetchall()}
        for table, columns in described.optional.items():
            if table not in present:
                nothing = ", ".join(f'cast(null as varchar) as "{c}"' for c in columns)
                con.execute(f'create view "{table}" as select {nothing} limit 0')
        for resource, query in described.queries.items():
            result = con.execute(query)
            names = [(column[0], str(column[1])) for column in result.description or ()]
            found.setdefault(resource, []).extend(
                {
                    name: exact(value) if kind == "JSON" and value is not None else _value(value)
                    for (name, kind), value in zip(names, row, strict=True)
                }
                for row in result.fetchall()
            )
    return found


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


def _value(value: Any) -> Any:
    if isinstance(value, float):
        return Decimal(repr(value))
    if isinstance(value, datetime):
        return value.isoformat() if value.tzinfo else f"{value.isoformat()}Z"
    if isinstance(value, dict):
        return {key: _value(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_value(inner) for inner in value]
    return value


def connect_yaml(folder: Path, text: str) -> Path:
    """A connect.yaml with one source, which `text` describes."""
    path = folder / "connect.yaml"
    source = "".join(f"    {line}\n" for line in text.strip("\n").splitlines())
    path.write_text(f"sources:\n  one:\n{source}")
    return path
