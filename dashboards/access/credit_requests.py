"""Requests for credits that customers make on the pages: an inbox of the warehouse (C5).

inbox/credit_requests/<request_id>/request.jsonl   a row of the feed credit_requests
inbox/credit_requests/<request_id>/.asked.json     who asked for it, and when

The folder of a request appears in one step and never changes. The next run lands it together with
the landing folder, where a file that begins with a dot is never read.
"""

import hashlib
import json
import os
import secrets
import shutil
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import AwareDatetime, BaseModel, ValidationError

from makegood.dashboards.access.reader import Reader, Row

FOLDER = Path("inbox") / "credit_requests"
REQUEST, ASKED = "request.jsonl", ".asked.json"
# the claims of a token that say who somebody is
_IDENTITY = ("iss", "sub", "email", "name")

# credits that somebody can ask for and would be paid, each with the time zone of its contract
CLAIMABLE = """
    select c.*, s.customer_name, k.time_zone
    from marts.credits as c
    inner join marts.subscriptions as s using (subscription_id)
    inner join marts.contracts as k on c.contract_id = k.contract_id
    where c.exposure = 'claimable'
"""


class Refused(ValueError):
    """The credit can't be asked for by this person, or not any more; the message says why."""


class Request(BaseModel):
    """A row of the feed. `month`: the first day of the period."""

    request_id: str
    subscription_id: str
    month: date
    requested_on: date


class Asked(BaseModel):
    """Who asked, by the claims of their token, and when."""

    asked_at: AwareDatetime
    asked_by: dict[str, str]

    @property
    def name(self) -> str:
        """The person, as people would say."""
        return next((self.asked_by[k] for k in ("email", "name", "sub") if k in self.asked_by), "–")


def request_id(subscription_id: str, month: date) -> str:
    """One for each subscription and period: whoever asks twice asks for the same."""
    key = json.dumps([subscription_id, month.isoformat()])
    return f"page-{hashlib.sha256(key.encode()).hexdigest()[:32]}"


def today(row: Row, now: datetime) -> date:
    """The local date in the contract's time zone, `time_zone` (T2). `now`: aware."""
    return now.astimezone(ZoneInfo(row["time_zone"])).date()


def ask(
    warehouse: Path,
    reader: Reader,
    claims: Mapping[str, Any],
    subscription_id: str,
    month: date,
    now: datetime,
) -> bool:
    """Asks for the credit of a subscription and period; False if it was asked for already.

    `claims`: of the token of who asks; `month`: the first day of the period; `now`: aware. Raises
    Refused, OSError."""
    if reader.viewer.customers is None or claims.get("is_logged_in") is not True:
        raise Refused("only a customer who has signed in can ask for a credit")
    # what the reader does not hold is not theirs to ask for
    found = reader.rows(
        f"{CLAIMABLE} and c.subscription_id = ? and c.month = ?", subscription_id, month
    )
    if not found:
        raise Refused("there is no such credit to ask for")
    requested_on = today(found[0], now)
    if requested_on > found[0]["claim_deadline"]:
        raise Refused(f"it could be asked for until {found[0]['claim_deadline']}")
    request = Request(
        request_id=request_id(subscription_id, month),
        subscription_id=subscription_id,
        month=month,
        requested_on=requested_on,
    )
    who = {name: str(claims[name]) for name in _IDENTITY if claims.get(name) is not None}
    files = {
        REQUEST: request.model_dump_json() + "\n",
        ASKED: Asked(asked_at=now, asked_by=who).model_dump_json() + "\n",
    }
    return _written(warehouse / FOLDER, request.request_id, files)


def _written(folder: Path, name: str, files: Mapping[str, str]) -> bool:
    """Makes a folder of files that appears whole and on disk; False if it is there already."""
    # an empty folder, as a power cut may leave one, holds no request
    if (folder / name / REQUEST).exists():
        return False
    folder.mkdir(parents=True, exist_ok=True)
    draft = folder / f".draft-{secrets.token_hex(8)}"
    try:
        draft.mkdir()
        for file, text in files.items():
            with (draft / file).open("x") as stream:
                stream.write(text)
                stream.flush()
                os.fsync(stream.fileno())
            (draft / file).chmod(0o444)
        _synced(draft)
        try:
            # onto a name that nobody has, or an empty folder: one that holds files is not replaced
            draft.rename(folder / name)
        except OSError:
            if (folder / name / REQUEST).exists():
                return False
            raise
        _synced(folder)
        return True
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _synced(folder: Path) -> None:
    """Waits until the names in a folder are on disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def is_open(warehouse: Path) -> bool:
    """Whether requests can be written down: pages may be served from a folder that is read-only."""
    inbox = warehouse / FOLDER
    there = next(place for place in (inbox, *inbox.parents) if place.exists())
    return os.access(there, os.W_OK)


def asked(warehouse: Path, credits: Iterable[tuple[str, date]]) -> dict[tuple[str, date], Request]:
    """The requests that were made on the pages, of those for some subscriptions and months."""
    folder = warehouse / FOLDER
    names = _names(folder)
    ids = {credit: request_id(*credit) for credit in credits}
    read = {credit: _read(folder / name) for credit, name in ids.items() if name in names}
    return {credit: found[0] for credit, found in read.items() if found}


def inbox(warehouse: Path) -> list[tuple[Request, Asked]]:
    """All requests that were made on the pages, the latest first."""
    return sorted(_all(warehouse / FOLDER), key=lambda found: found[1].asked_at, reverse=True)


def _all(folder: Path) -> Iterator[tuple[Request, Asked]]:
    for name in sorted(_names(folder)):
        if found := _read(folder / name):
            yield found


def _names(folder: Path) -> set[str]:
    """The ids of the requests that are there."""
    try:
        return {name for name in os.listdir(folder) if name.startswith("page-")}
    except FileNotFoundError:
        return set()


def _read(folder: Path) -> tuple[Request, Asked] | None:
    try:
        return _parsed(folder)
    except (OSError, ValidationError):
        return None


@lru_cache(maxsize=100_000)
def _parsed(folder: Path) -> tuple[Request, Asked]:
    """A request, which never changes; what can't be read is tried again each time."""
    return (
        Request.model_validate_json((folder / REQUEST).read_bytes()),
        Asked.model_validate_json((folder / ASKED).read_bytes()),
    )
