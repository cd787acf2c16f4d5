"""The current publication as pages query it, limited to what the viewer may see."""

import argparse
import hashlib
import json
import sys
import time
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path
from typing import Any

import streamlit as st

from makegood.dashboards.access import credit_requests, grants
from makegood.dashboards.access.reader import Reader, Row, Viewer
from makegood.dashboards.access.reader import reader as open_reader
from makegood.dashboards.app.navigation import INTERNAL
from makegood.dashboards.figures import periods, style
from makegood.dashboards.reports.branding import NEUTRAL, Branding, handed_over


class NothingPublished(RuntimeError):
    """The warehouse has no publication yet."""


class Unguarded(RuntimeError):
    """The server can be reached from other machines, but has no sign-in."""


class NotSignedIn(RuntimeError):
    """The viewer has to sign in, for the first time or again."""


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--warehouse", type=Path, required=True)
    parser.add_argument("--access", type=int)
    parser.add_argument("--branding", type=int)
    return parser.parse_known_args(sys.argv[1:])[0]


class NotGranted(RuntimeError):
    """The viewer has not been granted access."""


def warehouse() -> Path:
    """The warehouse folder; its runs and alerts are for internal roles. Raises NotGranted."""
    if not granted().roles & INTERNAL:
        raise NotGranted
    return Path(_arguments().warehouse)


def version() -> Path:
    """The database of the current publication; each publication has a path of its own.

    Raises NothingPublished."""
    folder = Path(_arguments().warehouse)
    link = folder / "published" / "makegood.duckdb"
    if not link.exists():
        raise NothingPublished(
            f"nothing is published in {folder} yet: run `makegood run --warehouse {folder} …` first"
        )
    return link.resolve()


_handed_over = cache(grants.handed_over)
_branding = cache(handed_over)


def branding() -> Branding:
    """Who sends reports, as it was when the server started."""
    handle = _arguments().branding
    return NEUTRAL if handle is None else _branding(handle)


def granted() -> grants.Granted:
    """What the viewer has been granted, checked on every call. Raises Unguarded, NotSignedIn."""
    handle = _arguments().access
    if handle is None:
        # without a list of names the server answers to any
        if not all(
            map(
                grants.is_loopback,
                [
                    st.get_option("server.address"),
                    *(st.get_option("server.allowedHosts") or [None]),
                ],
            )
        ):
            raise Unguarded
        return grants.ALL
    claims, known = st.user.to_dict(), _handed_over(handle)
    if not known.sign_in.holds(claims, time.time()):
        raise NotSignedIn
    return known.granted(claims)


def viewer() -> Viewer:
    """The viewer of this page. Raises Unguarded, NotSignedIn."""
    return granted().viewer


# with keys of our own: Streamlit joins the parts of a key, so that different keys may be equal
@st.cache_resource(max_entries=20, show_spinner=False)
def _reader(key: str, _database: Path, _viewer: Viewer) -> Reader:
    return open_reader(_database, _viewer)


@st.cache_data(max_entries=500, show_spinner=False)
def _listed(key: str, _reader: Reader, _sql: str, _parameters: tuple[Any, ...]) -> list[Row]:
    return _reader.rows(_sql, *_parameters)


def key_of(database: Path, viewer: Viewer, *asked: Any) -> str:
    """The cache key of a result: equal only for the same query, publication and visible data."""
    whose = None if viewer.customers is None else sorted(viewer.customers)
    parts = [str(database), whose, [[type(a).__name__, str(a)] for a in asked]]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def reader() -> Reader:
    """A reader of the current publication, limited to what the viewer may see."""
    database, who = version(), viewer()
    return _reader(key_of(database, who), database, who)


def rows(sql: str, *parameters: Any) -> list[Row]:
    """The rows of a query on the current publication that the viewer may see, with exact values."""
    found = reader()
    return _listed(key_of(found.database, found.viewer, sql, *parameters), found, sql, parameters)


def rows_of_newer(table: str, sql: str, *parameters: Any) -> list[Row]:
    """The rows of a query on a table that older versions did not publish; none without it.

    `table`: such as `marts.credits`."""
    return rows(sql, *parameters) if reader().has(table) else []


def with_period_kind(found: list[Row]) -> list[Row]:
    """Rows of credits, each with `period_kind`, that of its contract. They have `contract_id`."""
    kinds = periods.kinds(reader())
    return [row | {"period_kind": kinds[row["contract_id"]]} for row in found]


def can_ask() -> bool:
    """Whether the viewer is a customer, and what they ask for can be written down."""
    is_customer = viewer().customers is not None
    return is_customer and credit_requests.is_open(Path(_arguments().warehouse))


def today(row: Row) -> date:
    """The local date in the time zone of a contract. `row`: with `time_zone`."""
    return credit_requests.today(row, datetime.now(UTC))


def ask(subscription_id: str, month: date) -> bool:
    """Asks for a credit in the name of the viewer; False if it was asked for already.

    Raises what `credit_requests.ask` does, Unguarded, NotSignedIn."""
    folder, now = Path(_arguments().warehouse), datetime.now(UTC)
    return credit_requests.ask(folder, reader(), st.user.to_dict(), subscription_id, month, now)


def asked(found: list[Row]) -> dict[tuple[str, date], credit_requests.Request]:
    """The requests that were made on these pages, by subscription and month. `found`: credits that
    the viewer sees."""
    keys = ((row["subscription_id"], row["month"]) for row in found)
    return credit_requests.asked(Path(_arguments().warehouse), keys)


def age(since: datetime) -> str:
    """How long ago, by the clock of this machine: 3 days ago."""
    return style.age(int((datetime.now(UTC) - since).total_seconds()))
