"""Reading the tables that Fivetran, Airbyte or dlt made of a system: in a DuckDB file, in Parquet
or CSV files, or in PostgreSQL.

A layout's queries (in the system's file) make records of them, in the API's own shape. Does not
belong here: what any column means.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import date, datetime
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any, Literal

import duckdb
from pydantic import model_validator

from makegood.ingestion.connect.names import Strict, Variable
from makegood.ingestion.connect.postgres import tables_of
from makegood.ingestion.connect.system import Layout, Record, System, Unreadable, Value, whole_signs
from makegood.ingestion.nearest import nearest
from makegood.ingestion.sql import identifier, quoted

# a double with more digits may not be the number that was written
_EXACT_DIGITS = 15
# nothing about the form of a file is guessed from its first lines
_CSV = "delim = ',', quote = '\"', escape = '\"', comment = '', skip = 0"
_ISO = r"""
create macro iso(x) as case
    when x is null or cast(x as varchar) = '' then null
    when not contains(cast(x as varchar), ':') then cast(x as varchar)
    when regexp_matches(
        cast(x as varchar), '[0-9]:[0-9]{2}.*([Zz]| UTC|[+-][0-9]{2}(:?[0-9]{2})?)$'
    ) then cast(x as varchar)
    else cast(x as varchar) || 'Z'
end
"""


class Tables(Strict):
    """Where the tables are, and whose they are. Of `duckdb` (a file), `folder` (a file
    `<table>.parquet` or `.csv`, or a folder of Parquet files, for each table) and `postgres` (the
    environment variable that holds its URL) exactly one; `schema_name` is that of the tables,
    `prefix` and `suffix` are what is before and behind their names (examples: `zuora_`, `_data`):
    those without them are left."""

    layout: Literal["fivetran", "airbyte", "dlt"]
    duckdb: Path | None = None
    folder: Path | None = None
    postgres: Variable | None = None
    # a pydantic model has a method of that name
    schema_name: str | None = None
    prefix: str = ""
    suffix: str = ""

    @model_validator(mode="after")
    def _is_one_place(self) -> "Tables":
        if sum(place is not None for place in (self.duckdb, self.folder, self.postgres)) != 1:
            raise ValueError("give one of duckdb, folder and postgres")
        return self


def read(
    system: System[Any],
    tables: Tables,
    base: Path,
    secrets: Mapping[str, str],
    progress: Callable[[str], None],
) -> dict[str, list[Record]]:
    """The records of a system by resource. `base`: the folder that paths are relative to;
    `secrets`: the environment variables that `tables` names. Raises Unreadable where tables or
    columns are missing, or can't be read."""
    layout = system.layouts.get(tables.layout)
    if layout is None:
        raise Unreadable(
            f"{system.title}: the tables of {tables.layout} can't be read; those that can be are "
            f"of {', '.join(system.layouts) or 'no tool'}"
        )
    records: dict[str, list[Record]] = {}
    with _opened(system, layout, tables, base, secrets) as con:
        for resource, query in layout.queries.items():
            progress(resource)
            try:
                result = con.execute(query)
                names = [(column[0], str(column[1])) for column in result.description or ()]
                found = records.setdefault(resource, [])
                while rows := result.fetchmany(10_000):
                    for row in rows:
                        where = f"{tables.layout} {resource}, row {len(found) + 1}"
                        found.append(Record(_record(names, row, where), where))
            except duckdb.Error as error:
                raise Unreadable(
                    f"{system.title}: the tables of {tables.layout} are not as expected for "
                    f"{resource}: {_words(error)}"
                ) from error
    return records


@contextmanager
def _opened(
    system: System[Any], layout: Layout, tables: Tables, base: Path, secrets: Mapping[str, str]
) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection in which each table of the layout is a view of that name."""
    con = duckdb.connect()
    with ExitStack() as opened:
        opened.callback(con.close)
        con.execute("set timezone = 'UTC'")
        con.execute(_ISO)
        present: Mapping[str, Callable[[], str]]
        if tables.duckdb:
            present = _in_duckdb(con, base / tables.duckdb, tables.schema_name)
        elif tables.folder:
            present = _in_folder(base / tables.folder)
        else:
            variable = tables.postgres or ""
            present = opened.enter_context(
                tables_of(con, secrets[variable], variable, tables.schema_name)
            )
        known = {
            name.removeprefix(tables.prefix).removesuffix(tables.suffix): source
            for name, source in present.items()
            if name.startswith(tables.prefix) and name.endswith(tables.suffix)
        }
        for table in (*layout.tables, *layout.optional):
            # some tools write all names in capitals
            if source := known.get(table) or known.get(table.upper()):
                try:
                    _view(con, table, source(), layout.columns.get(table, ()))
                except duckdb.Error as error:
                    raise Unreadable(
                        f"{system.title}: the table {table} of {tables.layout} can't be read: "
                        f"{_words(error)}"
                    ) from error
            elif columns := layout.optional.get(table):
                nothing = ", ".join(f"cast(null as varchar) as {identifier(c)}" for c in columns)
                con.execute(f"create view {identifier(table)} as select {nothing} limit 0")
            else:
                near = nearest(table, known)
                raise Unreadable(
                    f"{system.title}: the table {table} of {tables.layout} is missing"
                    + (f"; the nearest is {near}" if near else "")
                    + f"; there are {', '.join(sorted(known))[:300] or 'none'}"
                )
        yield con


def _view(
    con: duckdb.DuckDBPyConnection, table: str, source: str, columns: tuple[str, ...]
) -> None:
    """Makes a view of a table, with those of the columns that it does not have, which are empty.
    Where no column has a small letter (Snowflake's), all are in small letters."""
    found = con.execute(f"select * from {source} limit 0").description or ()
    names = [str(column[0]) for column in found]
    is_loud = not any(letter.islower() for name in names for letter in name)
    shown = {name: name.lower() if is_loud else name for name in names}
    present = {name.lower() for name in names}
    parts = [
        *(f"{identifier(name)} as {identifier(small)}" for name, small in shown.items()),
        *(f"cast(null as varchar) as {identifier(one)}" for one in columns if one not in present),
    ]
    con.execute(f"create view {identifier(table)} as select {', '.join(parts)} from {source}")


def _words(error: duckdb.Error) -> str:
    """What DuckDB says, and the columns that it knows, without the query."""
    lines = str(error).splitlines()
    more = [line for line in lines[1:] if line.startswith("Candidate bindings")]
    return "; ".join([*lines[:1], *more[:1]])


def _in_duckdb(
    con: duckdb.DuckDBPyConnection, file: Path, schema: str | None
) -> dict[str, Callable[[], str]]:
    """Table -> what to select from."""
    if not file.is_file():
        raise Unreadable(f"{file} is not a file")
    try:
        con.execute(f"attach '{quoted(file)}' as source (read_only)")
    except duckdb.Error as error:
        raise Unreadable(f"{file} can't be read: {_words(error)}") from error
    found = con.execute(
        "select table_schema, table_name from information_schema.tables"
        " where table_catalog = 'source'"
    ).fetchall()
    schemas = {name for name, _ in found}
    names = ", ".join(sorted(schemas))
    if schema is None and len(schemas) > 1:
        raise Unreadable(f"{file} has tables in {names}: name one as `schema_name`")
    if schema is not None and schema not in schemas:
        near = nearest(schema, schemas)
        raise Unreadable(
            f"{file} has no tables in {schema}"
            + (f"; the nearest is {near}" if near else "")
            + f"; there are some in {names or 'no schema'}"
        )
    return {
        table: partial(str, f"source.{identifier(name)}.{identifier(table)}")
        for name, table in found
        if schema in (None, name)
    }


def _in_folder(folder: Path) -> dict[str, Callable[[], str]]:
    """Table -> what to select from."""
    if not folder.is_dir():
        raise Unreadable(f"{folder} is not a folder")
    found: dict[str, Callable[[], str]] = {}
    paths: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        shown = f"'{quoted(path)}'"
        if path.is_dir() and any(path.glob("*.parquet")):
            source = f"read_parquet({shown[:-1]}/*.parquet', union_by_name = true)"
        elif path.name.lower().endswith(".parquet"):
            source = f"read_parquet({shown})"
        elif path.name.lower().endswith((".csv", ".csv.gz")):
            # as text: what a column holds is decided by the query
            source = f"read_csv({shown}, all_varchar = true, header = true, {_CSV})"
        else:
            continue
        table = path.name.split(".")[0]
        if table in paths:
            raise Unreadable(
                f"{folder} has {paths[table].name} and {path.name}, which are one table: leave one"
            )
        found[table], paths[table] = partial(str, source), path
    return found


def _record(names: list[tuple[str, str]], row: tuple[Any, ...], where: str) -> dict[str, Value]:
    return {
        name: whole_signs(json.loads(value, parse_float=Decimal))
        if kind == "JSON" and value is not None
        else _value(value, name, where)
        for (name, kind), value in zip(names, row, strict=True)
    }


def _value(value: Any, name: str, where: str) -> Value:
    """As records hold it: text, int, Decimal, bool, list or map."""
    if isinstance(value, float):
        number = Decimal(repr(value))
        if len(number.as_tuple().digits) > _EXACT_DIGITS:
            raise Unreadable(
                f"{where}: {name} is {value!r}, a DOUBLE of more than {_EXACT_DIGITS} digits, "
                "which may not be the number that was written"
            )
        return number
    if isinstance(value, datetime):
        return value.isoformat() if value.tzinfo else f"{value.isoformat()}Z"
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, dict):
        return {key: _value(inner, f"{name}.{key}", where) for key, inner in value.items()}
    if isinstance(value, list):
        return [_value(inner, name, where) for inner in value]
    return value
