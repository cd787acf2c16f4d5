"""From a source to the landing folder: records, rows, files.

Nothing is delivered before all of a source was read and mapped, and what of it could not be mapped
is named. Where more of a resource's records can't be mapped than a few, the system has changed its
form, and nothing is delivered.
"""

import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from makegood.ingestion.connect import api, exports, tables
from makegood.ingestion.connect.deliver import Delivered, Runs, identity_of, write_rows
from makegood.ingestion.connect.settings import Settings, Source
from makegood.ingestion.connect.system import Api, Left, Record, Records, Rows, Unmapped, Unreadable
from makegood.ingestion.feeds.specs import feeds
from makegood.ingestion.feeds.typing import typed
from makegood.ingestion.files import write_whole
from makegood.ingestion.readers import readers, suffix

# so many in a hundred records of a kind may be left, beside a few
_MOST_LEFT_PCT = 20
_FEW_LEFT = 10
Progress = Callable[[str], None]


@dataclass
class Pulled:
    """What a pull did: records read by resource, rows made and rows written by feed, what was
    left, values without a name (setting, value) with how often, notes with how often, what feeds
    would reject (of a check) with how often, and requests made."""

    source: str
    read: Counter[str] = field(default_factory=Counter)
    made: Counter[str] = field(default_factory=Counter)
    written: Counter[str] = field(default_factory=Counter)
    left: list[Left] = field(default_factory=list)
    unnamed: Counter[tuple[str, str]] = field(default_factory=Counter)
    notes: Counter[str] = field(default_factory=Counter)
    rejected: Counter[str] = field(default_factory=Counter)
    requests: int = 0

    def add(self, rows: Rows) -> None:
        """Counts what was made of records."""
        self.made.update({feed: len(made) for feed, made in rows.feeds.items()})
        self.left += rows.left
        self.unnamed.update(rows.unnamed)
        self.notes.update(rows.notes)


def pull(
    settings: Settings,
    source: Source,
    landing: Path,
    folder: Path,
    environment: Mapping[str, str],
    progress: Progress,
    from_start: bool = False,
    runs: Runs | None = None,
) -> Pulled:
    """Reads what is new of a source and delivers what changed. `folder`: where what it keeps is;
    `environment`: the variables that hold secrets; `from_start`: an API is read from its start
    again; `runs`: what is known of those that read the landing folder. Raises Unreadable; nothing
    is delivered then."""
    pulled = Pulled(source.name)
    delivered = Delivered(folder / source.name, landing, source.name, runs)
    names = identity_of(source.system.name, repr(source.names))
    records: Records
    gone: set[str] = set()
    loads: Mapping[str, Mapping[str, list[Path]]] = {}
    if source.api:
        api.require()
        secrets = secrets_of(source, environment)
        kept = _folder_of_api(source, folder / source.name, from_start)
        asked = asked_of(source, secrets)
        traffic = api.pull(source.system, asked, secrets, kept, progress)
        pulled.requests = traffic.requests
        pulled.read.update(traffic.records)
        loads = api.loads(source.system, kept)
        records, gone = _kept(source, asked, loads, progress)
    else:
        found, left = read(settings, source, environment, progress)
        pulled.read.update({resource: len(of_it) for resource, of_it in found.items()})
        pulled.left += left
        _refuse_many(source, {"left": len(left), **pulled.read}, left)
        # they come whole each time: what of them is new is for `deliver` to see
        records = found
    rows = mapped(source, records)
    _refuse_many(source, {r: len(found) for r, found in records.items()}, rows.left)
    pulled.add(rows)
    # of what was deleted no rows were made, so that those it had are taken back
    rows.mapped |= gone
    done = delivered.loads(names)
    # one load after the other: checks are too many to be held at once
    for load, files in loads.items():
        if load in done or not source.system.facts & files.keys():
            continue
        facts = {r: [*api.records_of(files[r])] for r in files if r in source.system.facts}
        _deliver_facts(source, facts, load, delivered, names, pulled)
    pulled.written.update(delivered.deliver(rows, names))
    return pulled


def _folder_of_api(source: Source, folder: Path, from_start: bool) -> Path:
    """Where records and cursors of the API are. Raises Unreadable where they are of another
    `api` than connect.yaml has now: a cursor would skip what that one has and the old one had
    not."""
    kept, marker = folder / "api", folder / "api" / "connection"
    connection = identity_of(source.system.name, repr(source.api))
    if marker.exists() and marker.read_text() != connection and not from_start:
        raise Unreadable(
            f"{source.system.title}: `api` of {source.name} has changed since the last pull: read "
            "everything again with --from-start"
        )
    if from_start and kept.exists():
        # in one step: records without their cursors, or the other way round, would be wrong
        gone = folder / f"gone-{identity_of(str(kept.stat().st_mtime_ns))}"
        kept.rename(gone)
        shutil.rmtree(gone)
    kept.mkdir(parents=True, exist_ok=True)
    write_whole(marker, connection)
    return kept


def check(
    settings: Settings, source: Source, environment: Mapping[str, str], progress: Progress
) -> Pulled:
    """What a pull would read and make, and what it would leave: of an API by the first page of each
    resource, of files and tables by all of them. Nothing is kept. Raises Unreadable."""
    checked = Pulled(source.name)
    records: Records
    if source.api:
        api.require()
        secrets = secrets_of(source, environment)
        asked = asked_of(source, secrets)
        records, traffic = api.first_page(source.system, asked, secrets, progress)
        checked.requests = traffic.requests
    else:
        records, checked.left = read(settings, source, environment, progress)
    checked.read.update({resource: len(found) for resource, found in records.items()})
    rows = mapped(source, latest(source, records))
    checked.add(rows)
    checked.rejected.update(map(": ".join, rejected(rows)))
    return checked


def check_own_rows(settings: Settings) -> Pulled:
    """As `check`, of the rows that are written in connect.yaml itself."""
    checked = Pulled("rows")
    rows = _own(settings)
    checked.add(rows)
    checked.rejected.update(map(": ".join, rejected(rows)))
    return checked


def _own(settings: Settings) -> Rows:
    rows = Rows()
    for feed, found in settings.rows.items():
        for row in found:
            rows.add(feed, row)
    return rows


def own_rows(settings: Settings, landing: Path, folder: Path, runs: Runs | None = None) -> Pulled:
    """Delivers the rows that are written in connect.yaml itself."""
    pulled = Pulled("rows")
    rows = _own(settings)
    pulled.add(rows)
    # one that was wrong, and held back the whole file, must not lie there for good
    names = identity_of(repr(settings.rows))
    delivered = Delivered(folder / "rows", landing, "rows", runs)
    pulled.written.update(delivered.deliver(rows, names))
    return pulled


def read(
    settings: Settings, source: Source, environment: Mapping[str, str], progress: Progress
) -> tuple[Records, list[Left]]:
    """All records of a source that is read from files or tables, and what could not be read."""
    if source.files:
        try:
            found = exports.read(source.system, source.files, source.files.paths, settings.base)
        except Unreadable as error:
            raise settings.located(source, error) from error
        return latest(source, found.records), found.left
    assert source.tables
    secrets = {name: environment.get(name, "") for name in source.variables}
    _require(source, environment)
    return (
        latest(
            source,
            tables.read(source.system, source.tables, settings.base, secrets, progress),
        ),
        [],
    )


def secrets_of(source: Source, environment: Mapping[str, str]) -> dict[str, str]:
    """What for -> the secret. Raises Unreadable where a variable is not set."""
    _require(source, environment)
    return {
        what: environment[variable]
        for what, variable in source.secrets.items()
        if variable in environment
    }


def asked_of(source: Source, secrets: Mapping[str, str]) -> Api:
    """How the source's API is asked."""
    assert source.system.api
    return source.system.api(source.api, secrets)


def _require(source: Source, environment: Mapping[str, str]) -> None:
    optional = {source.secrets.get(what) for what in source.system.optional_secrets}
    missing = [
        name for name in source.variables if name not in optional and not environment.get(name)
    ]
    if missing:
        what = next(iter(source.secrets), None) if source.api else None
        raise Unreadable(
            f"{source.system.title}: the environment variable {', '.join(missing)} is not set"
            + (f"; others are named as in `secrets: {{{what}: MY_VARIABLE}}`" if what else "")
        )


def mapped(source: Source, records: Records) -> Rows:
    """The rows of records. Raises Unreadable where one that others need has another form."""
    rows = Rows()
    try:
        source.system.rows(records, source.names, rows)
    except Unmapped as error:
        raise Unreadable(
            f"{source.system.title}: a record that others need can't be read, so nothing is "
            f"delivered: {error}"
        ) from error
    _note_tickets(rows)
    return rows


def _note_tickets(rows: Rows) -> None:
    """What no log says, and every figure of tickets needs."""
    events = rows.feeds.get("ticket_events", ())
    tickets = {row["ticket_id"] for row in rows.feeds.get("tickets", ())}
    responded = {row["ticket_id"] for row in events if row.get("event") == "responded"}
    classified = {row["ticket_id"] for row in events if row.get("event") == "classified"}
    if tickets and events and not responded:
        rows.note(
            "no ticket has a response: if the system has no public replies, `responds` names the "
            "statuses that are one"
        )
    if events and (unclassified := len(tickets - classified)):
        rows.notes["tickets without a severity, which start no clock"] += unclassified


def rejected(rows: Rows) -> Iterator[tuple[str, str, str]]:
    """What feeds reject of rows, tried beforehand: feed, column and reason, a row each."""
    with TemporaryDirectory() as folder:
        for feed, made in rows.feeds.items():
            path = Path(folder) / f"{feed}.jsonl.gz"
            write_rows(path, made)
            yield from rejected_of(path, feed)


def rejected_of(path: Path, feed: str) -> Iterator[tuple[str, str, str]]:
    """As `rejected`, of a delivered file."""
    for batch in readers()[suffix(path.name) or ""](path, feeds()[feed]):
        for row in typed(batch, feeds()[feed]).rejected.iter_rows(named=True):
            yield feed, row["column_name"] or "the row", row["reason"]


def latest(source: Source, records: Mapping[str, Iterable[Record]]) -> Records:
    """Of records of one key the latest, where the first was."""
    found: dict[str, Sequence[Record]] = {}
    for resource, all_of_it in records.items():
        latest_of_it = _Latest(source.system.keys.get(resource, ()))
        latest_of_it.add(all_of_it)
        found[resource] = latest_of_it.records
    return found


class _Latest:
    """Of records of one key the latest, where the first was. One that has nothing of its key is
    like no other."""

    def __init__(self, key: Sequence[str]) -> None:
        self._key = key
        self._found: dict[Any, Record] = {}

    @property
    def records(self) -> Sequence[Record]:
        return [*self._found.values()]

    def add(self, records: Iterable[Record]) -> None:
        for record in records:
            values = [record.get(path) for path in self._key]
            is_known = any(value is not None for value in values)
            self._found[tuple(map(str, values)) if is_known else len(self._found)] = record


def _kept(
    source: Source, asked: Api, loads: Mapping[str, Mapping[str, list[Path]]], progress: Progress
) -> tuple[Records, set[str]]:
    """The records that pulls have kept but for facts, of each key the latest, and the owners of
    rows that the last listing of a resource lacks."""
    progress("reading the records that were kept")
    found: dict[str, _Latest] = {}
    owners: dict[str, set[str]] = {}
    for files in loads.values():
        for resource in files.keys() - source.system.facts:
            if resource in asked.listed:
                # a listing has all there is
                found.pop(resource, None)
            of_it = found.setdefault(resource, _Latest(source.system.keys[resource]))
            of_it.add(api.records_of(files[resource]))
            if resource in asked.listed:
                owners.setdefault(resource, set()).update(
                    _owner(source, resource, record) for record in of_it.records
                )
    records = {name: found[name].records for name in source.system.keys if name in found}
    gone: set[str] = set()
    for resource, listed in owners.items():
        gone |= listed - {_owner(source, resource, record) for record in records[resource]}
    return records, gone


def _owner(source: Source, resource: str, record: Record) -> str:
    """As `Rows.of_each` names what it makes rows of."""
    return f"{resource} {record.get(source.system.keys[resource][0])}"


def _deliver_facts(
    source: Source,
    facts: Records,
    load: str,
    delivered: Delivered,
    names: str,
    pulled: Pulled,
) -> None:
    if not facts:
        return
    rows = mapped(source, latest(source, facts))
    # what has a key is made of all records, and delivered with them
    rows.feeds = {feed: made for feed, made in rows.feeds.items() if not feeds()[feed].key}
    new = {resource: len(found) for resource, found in facts.items()}
    _refuse_many(source, new, rows.left, is_all=False)
    pulled.add(rows)
    for feed, made in rows.feeds.items():
        pulled.written[feed] += delivered.deliver_facts(feed, load, made, names)
    delivered.keep_facts(load, names)


def _refuse_many(
    source: Source, read: Mapping[str, int], left: list[Left], is_all: bool = True
) -> None:
    """Raises Unreadable where so much is left that the system must have changed its form: a part of
    many records, or all that there are. `read`: all that was read; `is_all`: whether that is all
    there is, and not only what is new."""
    total = max(sum(read.values()), len(left))
    is_much = len(left) > _FEW_LEFT and len(left) * 100 > _MOST_LEFT_PCT * total
    if left and (is_much or (is_all and len(left) == total)):
        first = left[0]
        raise Unreadable(
            f"{source.system.title}: {len(left):,} of {total:,} records can't be mapped, so the "
            f"form must have changed, and nothing is delivered; the first: {first.what} "
            f"({first.where}): {first.why}"
        )
