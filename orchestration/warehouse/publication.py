"""A publication: a database with its exports, and what the next run needs to know of it.

Does not belong here: which publication counts, and how one is replaced (`store`).
"""

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from makegood.ingestion.files import sha256_of
from makegood.ingestion.landing.land import DELIVERIES, FILES, SERIES, Landed
from makegood.ingestion.landing.profiles import PROFILES
from makegood.ingestion.sql import quoted

# how what has landed is laid out; a warehouse of another layout can be read, but not continued.
# 1: version 0.4.0. 2: checks and events of tickets keep fractions of a second.
# 3: tickets have due dates. 4: tickets have the ticket system's own verdicts
LAYOUT = 4
DATABASE = "makegood.duckdb"
MANIFEST = "manifest.json"
# marks what has been linked, in its folder and beside the copies of its state
PUBLISHED = "published"


# what the next run needs to know of a publication, and the names of its copies
STATE = {
    "state.layout": "layout.parquet",
    "state.deliveries": "deliveries.parquet",
    "state.files": "files.parquet",
    "state.series": "series.parquet",
    "quality.feed_profiles": "feed_profiles.parquet",
    "quality.runs": "runs.parquet",
    "quality.withdrawn_statements": "withdrawn_statements.parquet",
    "marts.credit_statements": "credit_statements.parquet",
}

RUNS: dict[str, Any] = {
    "run_number": pl.Int64,
    "run_id": pl.String,
    "status": pl.String,
    "as_of": pl.Datetime("us", "UTC"),
    "finished_at": pl.Datetime("us", "UTC"),
    "seconds": pl.Float64,
    "files_read": pl.Int64,
    "rows_read": pl.Int64,
    "rows_rejected": pl.Int64,
}
# columns of STATE that earlier versions wrote under another name
EARLIER_NAMES = {"seal": "sha256"}

_PERCENTAGE, _MONEY = pl.Decimal(18, 6), pl.Decimal(18, 3)
# statements that a rollback took back (C7): as they were, when, and which run had issued them
WITHDRAWN: dict[str, Any] = {
    "subscription_id": pl.String,
    "month": pl.Date,
    "currency": pl.String,
    "statement_version": pl.Int64,
    "monthly_fee": _MONEY,
    "availability_pct": _PERCENTAGE,
    "availability_credit_pct": _PERCENTAGE,
    "resolution_credit_pct": _PERCENTAGE,
    "combined_pct": _PERCENTAGE,
    "combination": pl.String,
    "credit_pct": _PERCENTAGE,
    "credit_amount": _MONEY,
    "issued_at": pl.Datetime("us", "UTC"),
    "changed": pl.String,
    "is_current": pl.Boolean,
    "withdrawn_at": pl.Datetime("us", "UTC"),
    "issued_run_id": pl.String,
}


def write_manifest(folder: Path) -> list[Path]:
    """Writes the SHA-256 of each file of a folder into its manifest; returns all its files."""
    files = sorted(p for p in folder.rglob("*") if p.is_file())
    checksums = {p.relative_to(folder).as_posix(): sha256_of(p) for p in files}
    manifest = folder / MANIFEST
    manifest.write_text(json.dumps(checksums, indent=1) + "\n")
    return [*files, manifest]


def damage(folder: Path) -> dict[str, str]:
    """The files of a folder that differ from its manifest, and what is wrong with each."""
    try:
        manifest = json.loads((folder / MANIFEST).read_bytes())
        checksums = {str(name): str(sha256) for name, sha256 in manifest.items()}
    except (OSError, ValueError, AttributeError) as error:
        return {MANIFEST: f"can't be read: {error}"}
    found = {}
    for name, sha256 in checksums.items():
        try:
            if sha256_of(folder / name) != sha256:
                found[name] = "is not what was published"
        except OSError as error:
            found[name] = f"can't be read: {error.strerror}"
    return found


@dataclass(frozen=True)
class Publication:
    """A published state of the warehouse. `copies`: the folder with copies of STATE."""

    folder: Path
    copies: Path

    @property
    def database(self) -> Path:
        return self.folder / DATABASE

    def connect(self) -> duckdb.DuckDBPyConnection:
        return duckdb.connect(str(self.database), read_only=True)

    @cached_property
    def damage(self) -> dict[str, str]:
        return damage(self.folder)

    @property
    def is_readable(self) -> bool:
        """Whether its database is whole."""
        return not self.damage.keys() & {DATABASE, MANIFEST}

    @property
    def has_state(self) -> bool:
        """Whether the next run can build on it."""
        return self.is_readable or not damage(self.copies)

    def _state(self) -> duckdb.DuckDBPyConnection:
        """A connection to the tables of STATE."""
        if self.is_readable:
            con = self.connect()
        else:
            con = duckdb.connect(":memory:")
            con.execute("create schema state; create schema quality; create schema marts")
            for table, copy in STATE.items():
                # an earlier layout has fewer of them
                if (self.copies / copy).exists():
                    con.execute(f"create view {table} as from '{quoted(self.copies / copy)}'")
        con.execute("set TimeZone = 'UTC'")
        return con

    def _rows(self, table: str, schema: dict[str, Any]) -> pl.DataFrame:
        """A table of STATE; what an earlier layout has not is empty."""
        with self._state() as con:
            known = con.execute(
                "select table_schema || '.' || table_name from information_schema.tables"
            ).fetchall()
            if (table,) not in known:
                return pl.DataFrame(schema=schema)
            found = con.sql(f"select * from {table} order by all").pl()
        found = found.rename(EARLIER_NAMES, strict=False)
        return (
            found.with_columns(
                pl.lit(None).alias(name) for name in schema if name not in found.columns
            )
            .select(*schema)
            .cast(schema)
        )

    @cached_property
    def layout(self) -> int:
        """How what has landed is laid out, see LAYOUT."""
        return int(next(iter(self._rows("state.layout", {"version": pl.Int64})["version"]), 1))

    def runs(self) -> pl.DataFrame:
        """`quality.runs`: a row for each run that led to it, this one last; those that a rollback
        has undone are not among them."""
        return self._rows("quality.runs", RUNS)

    def run(self) -> dict[str, Any]:
        """The row of `quality.runs` of the run that published it."""
        return self.runs().to_dicts()[-1]

    def withdrawn(self) -> pl.DataFrame:
        """The statements that were withdrawn so far (`WITHDRAWN`); their versions are never used
        again (C7)."""
        return self._rows("quality.withdrawn_statements", WITHDRAWN)

    def statements(self) -> list[dict[str, Any]]:
        """The credit statements that have been issued so far (C7)."""
        with self._state() as con:
            return con.sql("select * from marts.credit_statements").pl().to_dicts()

    def profiles(self) -> pl.DataFrame:
        """What feeds looked like so far (`profiles.PROFILES`)."""
        return self._rows("quality.feed_profiles", PROFILES)

    def landed(self) -> Landed:
        return Landed(
            self._rows("state.deliveries", DELIVERIES),
            self._rows("state.files", FILES),
            self._rows("state.series", SERIES),
        )


def frames_of(landed: Landed) -> dict[str, pl.DataFrame]:
    """The tables of the schema `state`."""
    return {"deliveries": landed.deliveries, "files": landed.files, "series": landed.series}


def copy_state(con: duckdb.DuckDBPyConnection, folder: Path) -> None:
    """Makes a folder with copies of STATE."""
    folder.mkdir()
    for table, copy in STATE.items():
        con.execute(f"copy {table} to '{quoted(folder / copy)}' (format parquet, compression zstd)")
