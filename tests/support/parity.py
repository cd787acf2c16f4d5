"""Whether two warehouses hold the same: every table of marts and quality, cell by cell, with the
types and the order of its columns."""

from pathlib import Path

import duckdb

# when and how a run worked, not what it found
OF_THE_RUN = {("quality", "runs")}
# in tables of figures: numbers and instants of runs
COLUMNS_OF_THE_RUN = {"issued_at", "run_id", "run_number"}


def differences(one: Path, other: Path) -> list[str]:
    """What differs between the publications of two warehouses, in words."""
    found = []
    with duckdb.connect() as con:
        for name, warehouse in (("one", one), ("other", other)):
            path = (warehouse / "published" / "makegood.duckdb").resolve()
            con.execute(f"attach '{path}' as {name} (read_only)")
        shapes = {
            name: {
                (schema, table): columns
                for schema, table, columns in con.execute(
                    "select table_schema, table_name, list((column_name, data_type) order by "
                    "ordinal_position) from information_schema.columns where table_catalog = ? "
                    "and table_schema in ('marts', 'quality') group by all",
                    [name],
                ).fetchall()
            }
            for name in ("one", "other")
        }
        for table in sorted(shapes["one"].keys() | shapes["other"].keys()):
            columns = shapes["one"].get(table)
            if columns != shapes["other"].get(table):
                found.append(f"{table}: {columns} and {shapes['other'].get(table)}")
            elif table not in OF_THE_RUN:
                listed = ", ".join(f'"{c}"' for c, _ in columns if c not in COLUMNS_OF_THE_RUN)
                where = f"{table[0]}.{table[1]}"
                for here, there in (("one", "other"), ("other", "one")):
                    rows = con.execute(
                        f"select {listed} from {here}.{where} except all "
                        f"select {listed} from {there}.{where} limit 3"
                    ).fetchall()
                    found += [f"{where}, only in {here}: {row}" for row in rows]
    return found


def cells(warehouse: Path) -> int:
    """How many cells are compared."""
    path = (warehouse / "published" / "makegood.duckdb").resolve()
    with duckdb.connect(str(path), read_only=True) as con:
        tables = con.execute(
            "select schema_name, table_name, column_count from duckdb_tables() "
            "where schema_name in ('marts', 'quality')"
        ).fetchall()
        return sum(
            columns * con.execute(f"select count(*) from {schema}.{table}").fetchall()[0][0]
            for schema, table, columns in tables
        )
