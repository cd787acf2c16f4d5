"""Reading tables of PostgreSQL through dlt's `sql_table`, into tables of a DuckDB connection.

All columns come as the server itself writes them as text, and become the type that they have
there: no number passes through a double on the way, not even one in JSON, and a table without rows
has its columns. Does not belong here: what a layout makes of the tables.
"""

import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any

import duckdb

from makegood.ingestion.connect.api import require
from makegood.ingestion.connect.system import Unreadable
from makegood.ingestion.nearest import nearest
from makegood.ingestion.sql import identifier

_FORM = "postgresql://user:password@host:5432/database"
_CONNECT_S = 30
# digits of the widest DECIMAL that DuckDB has
_WIDEST = 38
# how the server writes instants and doubles, whatever its settings
_WRITTEN = (
    "set local timezone = 'UTC'",
    "set local datestyle = 'ISO'",
    "set local extra_float_digits = 3",
)


@contextmanager
def tables_of(
    con: duckdb.DuckDBPyConnection, url: str, variable: str, schema: str | None
) -> Iterator[Mapping[str, Callable[[], str]]]:
    """The tables and views of a schema (by default `public`). Each is copied into the connection
    when it is called, and gives what to select from. `variable`: the environment variable that
    holds the URL, to name it by. Raises Unreadable, without the password."""
    # psycopg2 is what SQLAlchemy connects with
    require("PostgreSQL is", "psycopg2", "sqlalchemy")
    import sqlalchemy
    from dlt.common.exceptions import DltException

    parsed = _parsed(url, variable)
    wait = {} if "connect_timeout" in parsed.query else {"connect_timeout": _CONNECT_S}
    engine = sqlalchemy.create_engine(parsed, connect_args=wait)
    sqlalchemy.event.listen(engine, "begin", _begun)
    try:
        inspector = sqlalchemy.inspect(engine)
        schemas = inspector.get_schema_names()
        if schema is not None and schema not in schemas:
            near = nearest(schema, schemas)
            raise Unreadable(
                f"PostgreSQL ({variable}) has no schema {schema}"
                + (f"; the nearest is {near}" if near else "")
                + f"; there are {', '.join(sorted(schemas))[:300]}"
            )
        found = _tables(inspector, schema or "public")
        if schema is None and not found:
            having = sorted(
                one for one in schemas if one != "information_schema" and _tables(inspector, one)
            )
            raise Unreadable(
                f"PostgreSQL ({variable}) has no tables in public: name the schema that has them "
                f"as `schema_name`; there are {', '.join(having)[:300] or 'none'}"
            )
        con.execute("create schema kept")
        yield {table: partial(_copied, con, engine, schema or "public", table) for table in found}
    except (sqlalchemy.exc.SQLAlchemyError, DltException) as error:
        words = _words(error)
        for secret in (url, parsed.render_as_string(hide_password=False), parsed.password):
            if secret and len(str(secret)) > 3:
                words = words.replace(str(secret), "***")
        # the cause may hold the URL
        raise Unreadable(f"PostgreSQL ({variable}) can't be read: {words}") from None
    finally:
        engine.dispose()


def _parsed(url: str, variable: str) -> Any:
    """The URL, for the driver that is installed with us."""
    import sqlalchemy

    try:
        parsed = sqlalchemy.make_url(url.strip())
        if "@" in (parsed.host or ""):
            # it is a part of the password
            raise ValueError
    except (sqlalchemy.exc.SQLAlchemyError, ValueError):
        # the cause may hold the password
        raise Unreadable(
            f"{variable} is not a URL of PostgreSQL: the form is {_FORM}; write signs such as @, / "
            "and # in a password as %40, %2F and %23"
        ) from None
    kind = parsed.drivername.partition("+")[0]
    if kind not in ("postgresql", "postgres"):
        raise Unreadable(
            f"{variable} is a URL of {kind}, and tables are read from PostgreSQL: the form is "
            f"{_FORM}"
        )
    return parsed.set(drivername="postgresql+psycopg2")


def _begun(connection: Any) -> None:
    # not with the connection's own options, which are those of a query
    with connection.connection.cursor() as cursor:
        for statement in _WRITTEN:
            cursor.execute(statement)


def _tables(inspector: Any, schema: str) -> list[str]:
    return [
        *inspector.get_table_names(schema),
        *inspector.get_view_names(schema),
        *inspector.get_materialized_view_names(schema),
    ]


def _words(error: BaseException) -> str:
    """The first line of what an error is about, which dlt wraps."""
    inner = error
    while inner.__cause__:
        inner = inner.__cause__
    return (str(inner).strip() or type(inner).__name__).splitlines()[0]


def _copied(con: duckdb.DuckDBPyConnection, engine: Any, schema: str, table: str) -> str:
    """Copies a table part by part, and gives what to select from."""
    import sqlalchemy
    from dlt.sources.sql_database import sql_table

    with warnings.catch_warnings():
        # a type that it does not know is read as text, like all others
        warnings.simplefilter("ignore", sqlalchemy.exc.SAWarning)
        reflected = sqlalchemy.Table(
            table, sqlalchemy.MetaData(schema=schema), autoload_with=engine, resolve_fks=False
        )
        types = {str(column.name): _type(column.type) for column in reflected.columns}
        kept = f"kept.{identifier(table)}"
        as_text = ", ".join(f"{identifier(column)} varchar" for column in types)
        con.execute(f"create table {kept} ({as_text})")
        for part in sql_table(
            credentials=engine,
            table=table,
            schema=schema,
            backend="pyarrow",
            type_adapter_callback=lambda _: sqlalchemy.Text(),
            query_adapter_callback=lambda _, source: _as_text(source),
        ):
            con.register("part", part)
            con.execute(f"insert into {kept} by name select * from part")
            con.unregister("part")
    names = {identifier(column): of for column, of in types.items()}
    columns = (f"cast({name} as {of}) as {name}" for name, of in names.items())
    return f"(select {', '.join(columns)} from {kept})"


def _as_text(table: Any) -> Any:
    """All columns of a table, as the server writes them."""
    import sqlalchemy

    def text(column: Any) -> Any:
        is_list = isinstance(column.type, sqlalchemy.ARRAY)
        shown = sqlalchemy.func.to_json(column) if is_list else column
        return sqlalchemy.cast(shown, sqlalchemy.Text).label(column.name)

    return sqlalchemy.select(*[text(column) for column in table.columns])


def _type(kind: Any) -> str:
    """What a column's type is called in DuckDB; text where it has none that holds all values, as
    for NUMERIC without digits."""
    import sqlalchemy

    if isinstance(kind, sqlalchemy.JSON | sqlalchemy.ARRAY):
        return "json"
    if isinstance(kind, sqlalchemy.Boolean):
        return "boolean"
    if isinstance(kind, sqlalchemy.Integer):
        return "bigint"
    if isinstance(kind, sqlalchemy.DateTime):
        return "timestamptz" if kind.timezone else "timestamp"
    if isinstance(kind, sqlalchemy.Date):
        return "date"
    if isinstance(kind, sqlalchemy.Float):
        return "double"
    if isinstance(kind, sqlalchemy.Numeric) and (digits := kind.precision):
        scale = kind.scale or 0
        return f"decimal({digits}, {scale})" if 0 <= scale <= digits <= _WIDEST else "varchar"
    return "varchar"
