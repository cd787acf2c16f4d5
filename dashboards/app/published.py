"""The published database as pages ask it: what is published now, as far as who looks may see it."""

import argparse
import hashlib
import json
import sys
import time
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import streamlit as st

from makegood.dashboards.access import grants as access
from makegood.dashboards.access import reader as gate
from makegood.dashboards.app.navigation import INTERNAL


class NothingPublished(RuntimeError):
    """The warehouse has no publication yet."""


class Unguarded(RuntimeError):
    """The server can be reached from elsewhere or by any name, and nobody has to sign in."""


class NotSignedIn(RuntimeError):
    """Who looks has to sign in first, or again."""


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--warehouse", type=Path, required=True)
    parser.add_argument("--access", type=int)
    return parser.parse_known_args(sys.argv[1:])[0]


class NotGranted(RuntimeError):
    """What is asked for has not been granted to who looks."""


def warehouse() -> Path:
    """The warehouse folder that `makegood dashboards` was started for; what it keeps beside publications is for roles inside. Raises NotGranted."""
    if not granted().roles & INTERNAL:
        raise NotGranted
    return Path(_arguments().warehouse)


def version() -> Path:
    """The database that is published now; its path is another one for each publication. Raises NothingPublished."""
    folder = Path(_arguments().warehouse)
    link = folder / "published" / "makegood.duckdb"
    if not link.exists():
        raise NothingPublished(
            f"nothing is published in {folder} yet: run `makegood run --warehouse {folder} …` first"
        )
    return link.resolve()


_handed_over = cache(access.handed_over)


def granted() -> access.Granted:
    """What is granted to who looks, asked anew each time. Raises Unguarded, NotSignedIn."""
    handle = _arguments().access
    if handle is None:
        # no names: any will do
        if not all(
            map(
                access.is_loopback,
                [
                    st.get_option("server.address"),
                    *(st.get_option("server.allowedHosts") or [None]),
                ],
            )
        ):
            raise Unguarded
        return access.ALL
    claims, known = st.user.to_dict(), _handed_over(handle)
    if not known.sign_in.holds(claims, time.time()):
        raise NotSignedIn
    return known.granted(claims)


def viewer() -> gate.Viewer:
    """Who looks at this page. Raises Unguarded, NotSignedIn."""
    return granted().viewer


# keys of our own: Streamlit's run the parts of a key together, so that two may be one
@st.cache_resource(max_entries=20, show_spinner=False)
def _reader(key: str, _database: Path, _viewer: gate.Viewer) -> gate.Reader:
    return gate.reader(_database, _viewer)


@st.cache_data(max_entries=500, show_spinner=False)
def _listed(
    key: str, _reader: gate.Reader, _sql: str, _parameters: tuple[Any, ...]
) -> list[gate.Row]:
    return _reader.rows(_sql, *_parameters)


def key_of(database: Path, viewer: gate.Viewer, *asked: Any) -> str:
    """What an answer is kept under: equal for the same question about the same publication by who sees the same, and else never."""
    whose = None if viewer.customers is None else sorted(viewer.customers)
    parts = [str(database), whose, [[type(a).__name__, str(a)] for a in asked]]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def reader() -> gate.Reader:
    """What is published now, as far as who looks may see it."""
    database, who = version(), viewer()
    return _reader(key_of(database, who), database, who)


def rows(sql: str, *parameters: Any) -> list[gate.Row]:
    """The rows of a query over what is published now, with exact values, as far as who looks may see it."""
    found = reader()
    return _listed(key_of(found.database, found.viewer, sql, *parameters), found, sql, parameters)


def rows_of_newer(table: str, sql: str, *parameters: Any) -> list[gate.Row]:
    """The rows of a query over a table that older versions did not publish; none where it is not.

    `table`: as `marts.credits`."""
    return rows(sql, *parameters) if reader().has(table) else []


def age(since: datetime) -> str:
    """How long ago, in the largest unit that fits: 3 days."""
    minutes = max(0, int((datetime.now(UTC) - since).total_seconds())) // 60
    for unit, length in (("day", 1440), ("hour", 60), ("minute", 1)):
        if minutes >= length:
            return f"{minutes // length} {unit}{'s' if minutes // length > 1 else ''} ago"
    return "just now"
