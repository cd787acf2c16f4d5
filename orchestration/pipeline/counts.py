"""How many rows each model has after a build, and had in the last publication."""

from dataclasses import dataclass

import duckdb

from makegood.orchestration.pipeline.run import Run


@dataclass(frozen=True)
class Count:
    """Rows of a model; `before`: in the last publication, None where that has no such table."""

    rows: int
    before: int | None


def counted(run: Run) -> dict[str, Count]:
    """The counts of all models that a run has built, by their names."""
    built: dict[str, int] = {}
    for database in (run.work, run.database):
        with duckdb.connect(str(database), read_only=True) as con:
            built |= _rows(con)
    before: dict[str, int] = {}
    # a damaged publication is only compared with by its state
    if run.before and run.before.is_readable:
        with run.before.connect() as con:
            before = _rows(con)
    return {
        table.partition(".")[2]: Count(rows, before.get(table))
        for table, rows in built.items()
        if table.partition(".")[2] in run.seconds
    }


def _rows(con: duckdb.DuckDBPyConnection) -> dict[str, int]:
    """Rows of each table by schema and name, without what models only read."""
    tables = con.execute(
        """select table_schema || '.' || table_name from information_schema.tables
           where table_schema not in ('inputs', 'landed')"""
    ).fetchall()
    counts = [f"select '{table}', count(*) from {table}" for (table,) in tables]
    return dict(con.execute(" union all ".join(counts)).fetchall()) if counts else {}
