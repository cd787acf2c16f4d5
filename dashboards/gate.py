"""The one place where queries of people are made: what a viewer may not see is not in the database that they query."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

if TYPE_CHECKING:
    import pandas as pd

Row = dict[str, Any]


@dataclass(frozen=True)
class Viewer:
    """Who looks. `customers`: whose subscriptions they may see; None: all that is published."""

    customers: frozenset[str] | None


EVERYTHING = Viewer(None)


@dataclass(frozen=True)
class Reader:
    """What a viewer may see of a publication. `database` is its file: another one for each publication."""

    database: Path
    viewer: Viewer
    connection: duckdb.DuckDBPyConnection

    def rows(self, sql: str, *parameters: Any) -> list[Row]:
        """The rows of a query, with exact values."""
        with self.connection.cursor() as cursor:
            done = cursor.execute(sql, list(parameters))
            names = [d[0] for d in done.description]
            return [dict(zip(names, row, strict=True)) for row in done.fetchall()]

    def frame(self, sql: str, *parameters: Any) -> "pd.DataFrame":
        """The result of a query for tables and charts."""
        with self.connection.cursor() as cursor:
            return cursor.execute(sql, list(parameters)).df()

    @property
    def as_of(self) -> datetime:
        """The instant as of which the figures are."""
        (run,) = self.rows("select as_of from quality.runs order by run_number desc limit 1")
        return run["as_of"]


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
    con = duckdb.connect(str(database), read_only=True)
    con.execute("set TimeZone = 'UTC'; set enable_external_access = false; set lock_configuration = true")
    return Reader(database, viewer, con)
