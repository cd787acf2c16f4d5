"""Reading the tables that Fivetran, Airbyte or dlt made of a system: in a DuckDB file, in Parquet
or CSV files, or in PostgreSQL.

A layout's queries (in the system's file) make records of them, in the API's own shape. Does not
belong here: what any column means.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

import duckdb
from pydantic import model_validator

from makegood.ingestion.connect.names import Strict, Variable
from makegood.ingestion.connect.system import Layout, Record, System, Unreadable, Value, whole_signs
from makegood.ingestion.nearest import nearest
from makegood.ingestion.sql import quoted

# a double with more digits may not be the number that was written
_EXACT_DIGITS = 15
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
    environment variable that holds its URL) exactly one; `schema` is that of the tables, `suffix`
    what is behind their names in a folder (example: `_data`)."""

    layout: Literal["fivetran", "airbyte", "dlt"]
    duckdb: Path | None = None
    folder: Path | None = None
    postgres: Variable | None = None
    # a pydantic model has a method of that name
    schema_name: str | None = None
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
                    f"{resource}: {str(error).splitlines()[0]}"
                ) from error
    return records


@contextmanager
def _opened(
    system: System[Any], layout: Layout, tables: Tables, base: Path, secrets: Mapping[str, str]
) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection in which each table of the layout is a view of that name."""
    con = duckdb.connect()
    try:
        con.execute("set timezone = 'UTC'")
        con.execute(_ISO)
        present = (
            _in_duckdb(con, base / tables.duckdb, tables.schema_name)
            if tables.duckdb
            else _in_folder(base / tables.folder, tables.suffix)
            if tables.folder
            else _in_postgres(con, layout, tables, secrets)
        )
        for table in (*layout.tables, *layout.optional):
            if source := present.get(table):
                more = "".join(
                    f", cast(null as varchar) as {_name(column)}"
                    for column in _lacking(con, source, layout.columns.get(table, ()))
                )
                con.execute(f"create view {_name(table)} as select *{more} from {source}")
            elif columns := layout.optional.get(table):
                nothing = ", ".join(f"cast(null as varchar) as {_name(c)}" for c in columns)
                con.execute(f"create view {_name(table)} as select {nothing} limit 0")
            else:
                near = nearest(table, present)
                raise Unreadable(
                    f"{system.title}: the table {table} of {tables.layout} is missing"
                    + (f"; the nearest is {near}" if near else "")
                    + f"; there are {', '.join(sorted(present))[:300] or 'none'}"
                )
        yield con
    finally:
        con.close()


def _lacking(con: duckdb.DuckDBPyConnection, source: str, columns: tuple[str, ...]) -> list[str]:
    """Those of the columns that a table does not have."""
    found = con.execute(f"select * from {source} limit 0").description or ()
    present = {str(column[0]).lower() for column in found}
    return [column for column in columns if column not in present]


def _name(identifier: str) -> str:
    """An identifier in SQL, whatever its letters."""
    return '"' + identifier.replace('"', '""') + '"'


def _in_duckdb(con: duckdb.DuckDBPyConnection, file: Path, schema: str | None) -> dict[str, str]:
    """Table -> what to select from."""
    if not file.is_file():
        raise Unreadable(f"{file} is not a file")
    try:
        con.execute(f"attach '{quoted(file)}' as source (read_only)")
    except duckdb.Error as error:
        raise Unreadable(f"{file} can't be read: {str(error).splitlines()[0]}") from error
    found = con.execute(
        "select table_schema, table_name from information_schema.tables"
        " where table_catalog = 'source' and (table_schema = $1 or $1 is null)",
        [schema],
    ).fetchall()
    if schema is None and len({name for name, _ in found}) > 1:
        names = ", ".join(sorted({name for name, _ in found}))
        raise Unreadable(f"{file} has tables in {names}: name one as `schema_name`")
    return {table: f"source.{_name(name)}.{_name(table)}" for name, table in found}


def _in_folder(folder: Path, suffix: str) -> dict[str, str]:
    if not folder.is_dir():
        raise Unreadable(f"{folder} is not a folder")
    found = {}
    for path in sorted(folder.iterdir()):
        shown = f"'{quoted(path)}'"
        name = path.name.split(".")[0]
        if suffix and not name.endswith(suffix):
            continue
        table = name.removesuffix(suffix)
        if path.is_dir() and any(path.glob("*.parquet")):
            found[table] = f"read_parquet({shown[:-1]}/*.parquet', union_by_name = true)"
        elif path.name.endswith(".parquet"):
            found[table] = f"read_parquet({shown})"
        elif path.name.endswith((".csv", ".csv.gz")):
            # as text: what a column holds is decided by the query
            found[table] = f"read_csv({shown}, all_varchar = true, header = true)"
    return found


def _in_postgres(
    con: duckdb.DuckDBPyConnection, layout: Layout, tables: Tables, secrets: Mapping[str, str]
) -> dict[str, str]:
    """The tables, copied into the connection by dlt's own source."""
    try:
        import sqlalchemy
        from dlt.sources.sql_database import sql_table
    except ImportError as error:
        raise Unreadable(
            "PostgreSQL is read with dlt, which is not installed: install makegood[connect] "
            "(example: pip install 'makegood[connect]')"
        ) from error
    url = secrets[tables.postgres or ""]
    schema = tables.schema_name or "public"
    try:
        engine = sqlalchemy.create_engine(url)
        present = set(sqlalchemy.inspect(engine).get_table_names(schema))
        for table in {*layout.tables, *layout.optional} & present:
            parts = list(
                sql_table(credentials=engine, table=table, schema=schema, backend="pyarrow")
            )
            _keep(con, table, parts)
    except sqlalchemy.exc.SQLAlchemyError as error:
        words = str(error).replace(url, "***").splitlines()[0]
        raise Unreadable(f"PostgreSQL ({tables.postgres}) can't be read: {words}") from error
    wanted = {*layout.tables, *layout.optional}
    return {table: f"kept.{_name(table)}" if table in wanted else _name(table) for table in present}


def _keep(con: duckdb.DuckDBPyConnection, table: str, parts: list[Any]) -> None:
    con.execute("create schema if not exists kept")
    for number, part in enumerate(parts):
        con.register("part", part)
        verb = (
            f"create table kept.{_name(table)} as"
            if number == 0
            else (f"insert into kept.{_name(table)} by name")
        )
        con.execute(f"{verb} select * from part")
        con.unregister("part")


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
