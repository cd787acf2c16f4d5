"""The one place where queries of people are made: what a viewer may not see is not in the database that they query."""

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
    """Who looks. `customers`: whose subscriptions they may see; None: all that is published."""

    customers: frozenset[str] | None


EVERYTHING = Viewer(None)

_opening = Lock()


class Refused(ValueError):
    """A query that is anything but one question."""


@dataclass(frozen=True)
class Reader:
    """What a viewer may see of a publication. `database` is its file: another one for each publication."""

    database: Path
    viewer: Viewer
    connection: duckdb.DuckDBPyConnection

    def rows(self, sql: str, *parameters: Any) -> list[Row]:
        """The rows of a query, with exact values."""
        with self._asking(sql) as (cursor, question):
            done = cursor.execute(question, list(parameters))
            names = [d[0] for d in done.description]
            return [dict(zip(names, row, strict=True)) for row in done.fetchall()]

    def table(self, sql: str, *parameters: Any) -> "pl.DataFrame":
        """The result of a query for files: exact, with the types of the marts (`exports`)."""
        with self._asking(sql) as (cursor, question):
            return cursor.sql(question, params=list(parameters)).pl()

    @contextmanager
    def _asking(self, sql: str) -> Iterator[tuple[duckdb.DuckDBPyConnection, duckdb.Statement]]:
        """One query; raises Refused for what is more or something else."""
        with self.connection.cursor() as cursor:
            statements = cursor.extract_statements(sql)
            if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
                raise Refused("only one query at a time, and nothing but queries")
            # a query may delete, in a part of it
            cursor.execute("begin transaction read only")
            yield cursor, statements[0]

    def has(self, table: str) -> bool:
        """Whether the publication has a table, as `marts.credits`: older versions lack some."""
        return bool(
            self.rows(
                "select 1 from duckdb_tables() where schema_name || '.' || table_name = ?", table
            )
        )

    @cached_property
    def run(self) -> Row:
        """The run that published it: run_number, as_of, finished_at."""
        (run,) = self.rows(
            "select run_number, as_of, finished_at from quality.runs order by run_number desc limit 1"
        )
        return run

    @property
    def as_of(self) -> datetime:
        """The instant as of which the figures are."""
        return self.run["as_of"]


@contextmanager
def opened(database: Path, viewer: Viewer) -> Iterator[Reader]:
    """A reader that is closed again; pages keep theirs (`reader`)."""
    found = reader(database, viewer)
    try:
        yield found
    finally:
        found.connection.close()


def reader(database: Path, viewer: Viewer) -> Reader:
    """A reader of a publication: read-only, without access to anything else."""
    # connections of one process to one file share its settings, which can be locked once
    with _opening:
        con = (
            duckdb.connect(str(database), read_only=True)
            if viewer.customers is None
            else _copied(database, viewer.customers)
        )
        if not con.execute("select current_setting('lock_configuration')").fetchall()[0][0]:
            # global: a cursor has no settings of the connection it is of; without external access there are no files, no extensions, no variables of Python
            con.execute(
                "set global TimeZone = 'UTC'; set global enable_external_access = false; set global lock_configuration = true"
            )
    return Reader(database, viewer, con)


def _copied(database: Path, customers: frozenset[str]) -> duckdb.DuckDBPyConnection:
    """A database in memory with what the customers may see, and nothing else: no query reaches what is not in it.

    Tables and columns are those of the publication, so that pages ask everyone's questions; what is withheld is empty or null.
    """
    con = duckdb.connect(":memory:", config={"threads": 2, "temp_directory": ""})
    con.execute(f"attach {_text(str(database))} as {PUBLICATION} (read_only)")
    con.execute(
        "create schema own; create table own.customers as select unnest(?::varchar[]) as customer_id",
        [sorted(customers)],
    )
    for name, rows in OWN.items():
        con.execute(f"create table own.{name} as {rows}")
    con.execute("create schema marts; create schema quality")
    columns = con.execute(
        """select schema_name || '.' || table_name, list(column_name order by column_index), list(data_type order by column_index)
           from duckdb_columns() where database_name = ? group by all""",
        [PUBLICATION],
    ).fetchall()
    for table, names, types in columns:
        # no policy: no table
        if (policy := POLICIES.get(table)) is not None:
            shown = ", ".join(
                f"cast(null as {t}) as {_name(n)}" if n in policy.without else _name(n)
                for n, t in zip(names, types, strict=True)
            )
            con.execute(
                f"create table {table} as select {shown} from {PUBLICATION}.{table} as listed where {policy.condition}"
            )
    con.execute(f"drop schema own cascade; detach {PUBLICATION}")
    return con


def _name(identifier: str) -> str:
    return '"' + identifier.replace('"', '""') + '"'


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
