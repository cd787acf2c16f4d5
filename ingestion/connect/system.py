"""What a system's file says about it, and what its function works with: records in, rows out.

Does not belong here: how records are fetched (`api`, `exports`, `tables`), and what the settings
are called in connect.yaml (`names`).
"""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from pydantic import BaseModel

if TYPE_CHECKING:
    from makegood.ingestion.connect.dialect import Dialect

# numbers of a record are int or Decimal, never float
Value = Any
Row = dict[str, Value]
Origin = str  # "api", "files" or "tables"


# half of a sign beyond the basic plane, which JSON can escape and no text can hold
_HALF = re.compile("[\ud800-\udfff]")


class Unmapped(ValueError):
    """A record of which no row can be made; the message says what it lacks."""


class Unreadable(ValueError):
    """A system, a file or a table that can't be read, or what connect.yaml says about it; the
    message is for the user. `at`: the place below the source in connect.yaml, where there is one
    to name."""

    def __init__(self, what: str, at: tuple[str | int, ...] = ()) -> None:
        super().__init__(what)
        self.at = at


@dataclass(frozen=True)
class Record:
    """A record as its system writes it, and where it is from (`page 3`, `export.csv:17`)."""

    data: Mapping[str, Value]
    where: str = ""

    def get(self, path: str) -> Value:
        """The value at a path such as `fields.status.name` or `organizations.0.name` (the first of
        a list); None where there is none. A key that holds dots is found too."""
        if path in self.data:
            return self.data[path]
        found: Value = self.data
        for part in path.split("."):
            if isinstance(found, list) and part.isdecimal():
                found = found[int(part)] if int(part) < len(found) else None
            elif isinstance(found, Mapping):
                found = found.get(part)
            else:
                return None
        return found

    def text(self, path: str) -> str | None:
        """The value as text; None where there is none, or an empty text. Raises Unmapped for a
        list or a map."""
        value = self.get(path)
        if value is None or value == "":
            return None
        if isinstance(value, Mapping | list):
            raise Unmapped(f"{path} holds {_kind(value)}, and a text or a number is needed")
        if isinstance(value, bool):
            return "true" if value else "false"
        return format(value, "f") if isinstance(value, Decimal) else str(value)

    def needed(self, path: str) -> str:
        """As `text`; raises Unmapped where there is none."""
        if (value := self.text(path)) is None:
            raise Unmapped(f"{path} is missing; there are {', '.join(self.data) or 'no fields'}")
        return value

    def is_true(self, path: str) -> bool:
        """Whether the value is true, in any case of the word."""
        return (self.text(path) or "").lower() == "true"

    def many(self, path: str) -> "list[Record]":
        """The records in a list; none where it is missing. Raises Unmapped for anything else."""
        value = self.get(path)
        if value is None:
            return []
        if not isinstance(value, list):
            raise Unmapped(f"{path} holds {_kind(value)}, and a list is needed")
        return [
            Record(item if isinstance(item, Mapping) else {"value": item}, self.where)
            for item in value
        ]


def whole_signs(value: Value) -> Value:
    """A value read from JSON, with a replacement character for each half of a sign: systems that
    cut texts at a length leave them behind."""
    if isinstance(value, str):
        return value if value.isascii() else _HALF.sub("\N{REPLACEMENT CHARACTER}", value)
    if isinstance(value, list):
        return [whole_signs(inner) for inner in value]
    if isinstance(value, dict):
        return {whole_signs(key): whole_signs(inner) for key, inner in value.items()}
    return value


def _kind(value: Value) -> str:
    return (
        "a list"
        if isinstance(value, list)
        else "a map"
        if isinstance(value, Mapping)
        else f"{value!r}"
    )


def grouped(records: Iterable[Record], path: str) -> defaultdict[str, list[Record]]:
    """Records by the text at a path; those without one by an empty text."""
    found: defaultdict[str, list[Record]] = defaultdict(list)
    for record in records:
        found[record.text(path) or ""].append(record)
    return found


# the records of a system by what they are of, as in `tickets`; of each key the latest, in the order
# of their keys' first appearance
Records = Mapping[str, Sequence[Record]]


@dataclass(frozen=True)
class Left:
    """A record that was left: what it is (`tickets 4711`), where it is from, and why."""

    what: str
    where: str
    why: str


@dataclass
class Rows:
    """What is made of records: rows by feed, what was left, values that have no name yet, and what
    users ought to know."""

    feeds: dict[str, list[Row]] = field(default_factory=dict)
    # of each row the record that it is made of, "" for none; and all that rows were made of
    owners: dict[str, list[str]] = field(default_factory=dict)
    mapped: set[str] = field(default_factory=set)
    owner: str = ""
    left: list[Left] = field(default_factory=list)
    unnamed: Counter[tuple[str, str]] = field(default_factory=Counter)
    notes: Counter[str] = field(default_factory=Counter)

    def add(self, feed: str, row: Row) -> None:
        """Adds a row; fields that are None are left out."""
        made = {name: value for name, value in row.items() if value is not None}
        self.feeds.setdefault(feed, []).append(made)
        self.owners.setdefault(feed, []).append(self.owner)

    def delete(self, feed: str, row: Row) -> None:
        """Adds a row that takes back the one of the same key."""
        self.add(feed, row | {"deleted": True})

    def leave(self, what: str, record: Record, why: str) -> None:
        """Names a record of which nothing is made. It stays among the records as they came."""
        self.left.append(Left(what, record.where, why))

    def note(self, what: str) -> None:
        """What users ought to know, as in `maintenance without components is left`; counted."""
        self.notes[what] += 1

    def named(self, setting: str, value: str, names: Mapping[str, str]) -> str:
        """What connect.yaml calls a value. One without a name stays as it is, so that the feed's
        own checks find it, and is counted as `unnamed`."""
        if value in names:
            return names[value]
        self.unnamed[setting, value] += 1
        return value

    def of_each(
        self, what: str, key: str, records: Sequence[Record], make: Callable[[Record], None]
    ) -> None:
        """Calls `make` with each record; one that raises Unmapped is left, with what it had added
        taken back. `what`, `key`: how it is named, as in `tickets` and `id`."""
        for record in records:
            before = {feed: len(rows) for feed, rows in self.feeds.items()}
            self.owner = f"{what} {record.get(key)}"
            try:
                make(record)
                self.mapped.add(self.owner)
            except Unmapped as error:
                for feed, rows in self.feeds.items():
                    del rows[before.get(feed, 0) :]
                    del self.owners[feed][before.get(feed, 0) :]
                self.leave(self.owner, record, str(error))
            finally:
                self.owner = ""


@dataclass(frozen=True)
class Api:
    """How a system's API is read: `client` and `resources` as dlt's `rest_api` takes them, without
    anything of dlt in it. `records`: of a resource's items those that are records, where an item
    of a page holds several (an envelope). `page`: what is made of each answer before anything else
    reads it, such as a sign that there are more pages. `resumable`: resources that come in the
    order of their cursor, so that a pull that was ended goes on from the last page kept; what is
    asked for by their records goes on with them.
    `listed`: resources of which each pull reads all there is, so that a record that is no longer
    there was deleted; what `rows` makes of it is taken back if it is of `<resource> <key>`.
    `list_as`: what an answer becomes that is a list, before `page` reads it: an object with the
    list under this name, and the URL that was asked for as `url`."""

    client: dict[str, Any]
    resources: list[dict[str, Any]]
    records: Mapping[str, Callable[[Mapping[str, Value]], Iterator[Mapping[str, Value]]]] = field(
        default_factory=dict
    )
    page: Callable[[dict[str, Value]], dict[str, Value]] | None = None
    resumable: frozenset[str] = frozenset()
    listed: frozenset[str] = frozenset()
    list_as: str = ""


@dataclass(frozen=True)
class Export:
    """A file that people export by hand. It is known by `columns`, which all must be in its header
    (or, of JSON, in its first object). `record`: the record, in the API's shape, of a row; `times`
    and `amounts`: its columns that are written in the form of the export; `split`: of a row that
    holds several (an envelope) those, before anything else is made of them.

    Of exports that connect.yaml describes: `files` are the patterns of its files (none: any),
    `dialect` is how they are written where that differs from the source's others, `places` is
    where a column is named, below the source; of rows with one key in a file (`is_unique`) the
    first is read, and those that differ from it are left."""

    resource: str
    title: str
    columns: tuple[str, ...]
    record: Callable[[Mapping[str, Value]], Mapping[str, Value]] = dict
    times: tuple[str, ...] = ()
    amounts: tuple[str, ...] = ()
    # where the rows are in a JSON file that is not a list or lines
    path: str = ""
    files: tuple[str, ...] = ()
    dialect: "Dialect | None" = None
    places: Mapping[str, tuple[str | int, ...]] = field(default_factory=dict)
    is_unique: bool = False
    split: Callable[[Mapping[str, Value]], Iterator[Mapping[str, Value]]] | None = None


@dataclass(frozen=True)
class Layout:
    """Tables that another tool made of a system: `queries` in DuckDB's SQL by resource. Their
    columns are the fields of the records, in the API's shape (STRUCT and JSON become maps);
    `iso(x)` writes an instant of either kind as text with its offset, naive ones as UTC. Tables in
    `optional` may be missing; they are empty then, with these columns (all text)."""

    queries: Mapping[str, str]
    tables: tuple[str, ...]
    optional: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    # those that a table may lack; they are empty then (all text)
    columns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


Names = TypeVar("Names", bound=BaseModel)


@dataclass(frozen=True)
class System(Generic[Names]):
    """A system that can be read.

    `names`: what a user says about it in connect.yaml, whatever the way (pydantic, strict);
    `keys`: the fields that identify a record, by resource; `rows`: makes rows of all records;
    `facts`: resources whose records never change and have no key in a feed (checks): each is
    mapped once, when it arrives, so `rows` must not need others of them;
    `connection`: what the API needs besides (pydantic, strict), `secrets`: what for -> the usual
    name of the environment variable; `needs`: those that a connection needs, where not all;
    `optional_secrets`: those that are used if they are set;
    `api`: connection and secrets -> Api;
    `template`: its part of connect.yaml, to be filled in; `described`: for a system of which
    connect.yaml says what its files hold: the system, with its exports and keys, by the names.
    """

    name: str
    title: str
    feeds: tuple[str, ...]
    names: type[Names]
    keys: Mapping[str, tuple[str, ...]]
    rows: Callable[[Records, Names, Rows], None]
    template: str
    facts: frozenset[str] = frozenset()
    connection: type[BaseModel] | None = None
    secrets: Mapping[str, str] = field(default_factory=dict)
    needs: Callable[[Any], frozenset[str]] | None = None
    optional_secrets: frozenset[str] = frozenset()
    api: Callable[[Any, Mapping[str, str]], Api] | None = None
    exports: tuple[Export, ...] = ()
    layouts: Mapping[str, Layout] = field(default_factory=dict)
    described: "Callable[[Names], System[Names]] | None" = None
