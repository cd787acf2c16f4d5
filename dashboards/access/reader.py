"""The one place that runs queries: a viewer's database holds only what the viewer may see."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

import duckdb

from makegood.dashboards.access.policies import OWN, POLICIES, PUBLICATION

if TYPE_CHECKING:
    import polars as pl

Row = dict[str, Any]


@dataclass(frozen=True)
class Viewer:
    """A person who looks at figures. `customers`: whose data they may see; None: everyone's."""

    customers: frozenset[str] | None


EVERYTHING = Viewer(None)

_opening = Lock()


class Refused(ValueError):
    """The text is not a single SELECT query."""


@dataclass(frozen=True)
class Reader:
    """What a viewer may see of a publication. `database`: its file, a new one each time."""

    database: Path
    viewer: Viewer
    connection: duckdb.DuckDBPyConnection

    def rows(self, sql: str, *parameters: Any) -> list[Row]:
        """The rows of a query, with exact values."""
        with self._query(sql) as (cursor, query):
            done = cursor.execute(query, list(parameters))
            names = [d[0] for d in done.description]
            return [dict(zip(names, row, strict=True)) for row in done.fetchall()]

    def table(self, sql: str, *parameters: Any) -> "pl.DataFrame":
        """The result of a query for `exports`: exact, with the types of the marts."""
        with self._query(sql) as (cursor, query):
            return cursor.sql(query, params=list(parameters)).pl()

    @contextmanager
    def _query(self, sql: str) -> Iterator[tuple[duckdb.DuckDBPyConnection, duckdb.Statement]]:
        """A single query; raises Refused for anything else."""
        with self.connection.cursor() as cursor:
            statements = cursor.extract_statements(sql)
            if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
                raise Refused("only a single SELECT query is allowed")
            # even a SELECT can contain a part that deletes
            cursor.execute("begin transaction read only")
            yield cursor, statements[0]

    def has(self, table: str) -> bool:
        """Whether the publication has a table such as `marts.credits`: older versions lack some."""
        return bool(
            self.rows(
                "select 1 from duckdb_tables() where schema_name || '.' || table_name = ?", table
            )
        )

    @cached_property
    def run(self) -> Row:
        """The run that published it: run_number, as_of, finished_at."""
        (run,) = self.rows(
            """select run_number, as_of, finished_at from quality.runs
               order by run_number desc limit 1"""
        )
        return run

    @property
    def as_of(self) -> datetime:
        """The instant of the figures."""
        return self.run["as_of"]


@contextmanager
def opened(database: Path, viewer: Viewer) -> Iterator[Reader]:
    """A reader that is closed at the end; pages keep theirs open (`reader`)."""
    found = reader(database, viewer)
    try:
        yield found
    finally:
        found.connection.close()


def reader(database: Path, viewer: Viewer) -> Reader:
    """A reader of a publication: read-only, without access to anything else."""
    # all connections of a process to a file share their settings, which can be locked only once
    with _opening:
        con = (
            duckdb.connect(str(database), read_only=True)
            if viewer.customers is None
            else _copied(database, viewer.customers)
        )
        if not con.execute("select current_setting('lock_configuration')").fetchall()[0][0]:
            # global, because a cursor does not inherit its connection's settings; without external
            # access a query can't reach files, extensions or Python variables
            con.execute(
                """set global TimeZone = 'UTC';
                   set global enable_external_access = false;
                   set global lock_configuration = true"""
            )
    return Reader(database, viewer, con)


def _copied(database: Path, customers: frozenset[str]) -> duckdb.DuckDBPyConnection:
    """A database in memory with what the customers may see, and nothing else.

    Its tables and columns are those of the publication, so that the same queries work for everyone;
    what a customer may not see is empty or null.
    """
    con = duckdb.connect(":memory:", config={"threads": 2, "temp_directory": ""})
    con.execute(f"attach {_text(str(database))} as {PUBLICATION} (read_only)")
    con.execute(
        """create schema own;
           create table own.customers as select unnest(?::varchar[]) as customer_id""",
        [sorted(customers)],
    )
    for name, rows in OWN.items():
        con.execute(f"create table own.{name} as {rows}")
    con.execute("create schema marts; create schema quality")
    columns = con.execute(
        """select schema_name || '.' || table_name,
                  list(column_name order by column_index),
                  list(data_type order by column_index)
           from duckdb_columns() where database_name = ? group by all""",
        [PUBLICATION],
    ).fetchall()
    for table, names, types in columns:
        # without a policy the table is hidden
        if (policy := POLICIES.get(table)) is not None:
            shown = ", ".join(
                f"cast(null as {t}) as {_name(n)}" if n in policy.without else _name(n)
                for n, t in zip(names, types, strict=True)
            )
            con.execute(
                f"""create table {table} as
                    select {shown} from {PUBLICATION}.{table} as listed where {policy.condition}"""
            )
    con.execute(f"drop schema own cascade; detach {PUBLICATION}")
    return con


def _name(identifier: str) -> str:
    return '"' + identifier.replace('"', '""') + '"'


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
