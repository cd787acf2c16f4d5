"""The published database as a connection of Streamlit: read-only, and without access to anything else."""

import argparse
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import streamlit as st


class NothingPublished(RuntimeError):
    """The warehouse has no publication yet."""


def warehouse() -> Path:
    """The warehouse folder that `makegood dashboards` was started for."""
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--warehouse", type=Path, required=True)
    known, _ = parser.parse_known_args(sys.argv[1:])
    return Path(known.warehouse)


def version() -> Path:
    """The database that is published now; its path is another one for each publication. Raises NothingPublished."""
    link = warehouse() / "published" / "makegood.duckdb"
    if not link.exists():
        raise NothingPublished(f"nothing is published in {warehouse()} yet: run `makegood run --warehouse {warehouse()} …` first")
    return link.resolve()


@st.cache_resource(max_entries=2, show_spinner=False)
def _connected(database: Path) -> duckdb.DuckDBPyConnection:
    con = duckdb.connect(str(database), read_only=True)
    con.execute("set TimeZone = 'UTC'; set enable_external_access = false; set lock_configuration = true")
    return con


@st.cache_data(max_entries=200, show_spinner=False)
def _queried(database: Path, sql: str, parameters: tuple[Any, ...]) -> pd.DataFrame:
    return _connected(database).cursor().execute(sql, list(parameters)).df()


def query(sql: str, *parameters: Any) -> pd.DataFrame:
    """The result of a query over what is published now."""
    return _queried(version(), sql, parameters)


def published_as_of() -> tuple[datetime, datetime]:
    """The instant as of which the figures are, and the instant at which they were published."""
    row = query("select as_of, finished_at from quality.runs order by run_number desc limit 1").iloc[0]
    return row["as_of"].to_pydatetime(), row["finished_at"].to_pydatetime()
