"""The published database as a connection of Streamlit: read-only, and without access to anything else."""

import argparse
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st

from dashboards import gate


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


@st.cache_resource(max_entries=20, show_spinner=False)
def _reader(database: Path, viewer: gate.Viewer) -> gate.Reader:
    return gate.reader(database, viewer)


@st.cache_data(max_entries=500, show_spinner=False)
def _queried(database: Path, viewer: gate.Viewer, sql: str, parameters: tuple[Any, ...]) -> pd.DataFrame:
    return _reader(database, viewer).frame(sql, *parameters)


def viewer() -> gate.Viewer:
    """Who looks at this page."""
    return gate.EVERYTHING


def reader() -> gate.Reader:
    """What is published now, as far as who looks may see it."""
    return _reader(version(), viewer())


def query(sql: str, *parameters: Any) -> pd.DataFrame:
    """The result of a query over what is published now, as far as who looks may see it."""
    return _queried(version(), viewer(), sql, parameters)


def published_as_of() -> tuple[datetime, datetime]:
    """The instant as of which the figures are, and the instant at which they were published."""
    row = query("select as_of, finished_at from quality.runs order by run_number desc limit 1").iloc[0]
    return row["as_of"].to_pydatetime(), row["finished_at"].to_pydatetime()
