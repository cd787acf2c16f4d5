"""Plain exports: files of any tool, of which connect.yaml says what their columns mean.

A row of a file becomes one row of a feed or several; or it says something of a ticket's life, which
several rows and several files together tell (the one method of `timeline`). Values go to the feed
as the description makes them, and the feed's own typing judges them. A row that has its key twice
in a file, or says otherwise of a feed's row than another one does, is left: nobody knows which
holds.
"""

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from itertools import pairwise
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from makegood.ingestion.connect.dialect import Dialect
from makegood.ingestion.connect.instants import moment
from makegood.ingestion.connect.names import Id, State, Strict
from makegood.ingestion.connect.system import (
    Export,
    Record,
    Records,
    Row,
    Rows,
    System,
    Unmapped,
    Value,
)
from makegood.ingestion.connect.timeline import Change, Method, Ticket, add_events
from makegood.ingestion.feeds.specs import Feed, feeds
from makegood.ingestion.nearest import nearest_or_all

# of a row that was read: what identifies it
_KEY = "_key"
_NUMBERS = ("decimal", "double", "int")
_TIMES = ("ts", "date")
Place = tuple[str | int, ...]


def _text(value: object) -> object:
    """As a feed has it: YAML reads 1001 as a number and true as a truth."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, date):
        return value.isoformat()
    return format(value, "f") if isinstance(value, int | Decimal) else value


def _texts(value: object) -> object:
    return tuple(value) if isinstance(value, list) else (value,)


def _from_column(value: object) -> object:
    return {"column": value} if isinstance(value, str | list) else value


Text = Annotated[str, BeforeValidator(_text)]
Columns = Annotated[tuple[Text, ...], BeforeValidator(_texts)]
# column -> the texts of which it must hold one; null: it must be empty
Which = dict[str, Annotated[tuple[Text | None, ...], BeforeValidator(_texts)]]


class From(Strict):
    """Where a value is from: a `column` (several are joined by `join`), or a `constant`. `values`:
    what it says -> what it means; `otherwise`: for what is not among them, or empty. `when`: only
    of such rows."""

    column: Columns = ()
    constant: Text | None = None
    values: dict[str, Text] = Field(default_factory=dict)
    otherwise: Text | None = None
    join: str = ":"
    when: Which = Field(default_factory=dict)

    @model_validator(mode="after")
    def _holds_together(self) -> "From":
        if bool(self.column) == (self.constant is not None):
            raise ValueError("needs either a `column` or a `constant`")
        return self

    @property
    def columns(self) -> tuple[str, ...]:
        return (*self.column, *self.when)

    def of(self, record: Record, setting: str, out: Rows) -> str | None:
        """The value; None where the row says nothing."""
        if not _holds(self.when, record):
            return None
        if self.constant is not None:
            return self.constant
        parts = [text for name in self.column if (text := record.text(name)) is not None]
        if len(parts) < len(self.column):
            return self.otherwise
        value = self.join.join(parts)
        if not self.values:
            return value
        if value not in self.values and self.otherwise is not None:
            return self.otherwise
        return out.named(f"{setting}.values", value, self.values)


FromColumn = Annotated[From, BeforeValidator(_from_column)]


class RowOf(Strict):
    """A row of a feed that a row of the file becomes, where `when` holds and `unless` doesn't.
    `columns`: the feed's column -> where its value is from. `each`, for ticket_events: event ->
    the column with its time; each that is filled in becomes an event."""

    feed: str
    when: Which = Field(default_factory=dict)
    unless: Which = Field(default_factory=dict)
    each: dict[str, Text] = Field(default_factory=dict)
    columns: dict[str, FromColumn]

    @model_validator(mode="after")
    def _fits_its_feed(self) -> "RowOf":
        spec = feeds().get(self.feed)
        if spec is None:
            raise ValueError(f"{self.feed} is not a feed: {nearest_or_all(self.feed, feeds())}")
        known = [column.name for column in spec.columns] + (["deleted"] if spec.key else [])
        if unknown := [name for name in self.columns if name not in known]:
            raise ValueError(
                f"{unknown[0]} is not a column of {self.feed}: {nearest_or_all(unknown[0], known)}"
            )
        given = {*self.columns}
        if self.each:
            if self.feed != "ticket_events":
                raise ValueError("`each` is for ticket_events: write a row for each instead")
            events = next(c.values for c in spec.columns if c.name == "event") or []
            if wrong := [event for event in self.each if event not in events]:
                raise ValueError(f"{wrong[0]} is not an event: {nearest_or_all(wrong[0], events)}")
            given |= {"event_id", "event", "occurred_at"}
        needed = spec.key if "deleted" in self.columns else spec.required_columns
        if missing := [name for name in needed if name not in given]:
            raise ValueError(f"{self.feed} needs {', '.join(missing)}, and no column gives it")
        return self

    @property
    def spec(self) -> Feed:
        return feeds()[self.feed]

    def uses(self) -> Iterator[tuple[str, str | None, Place]]:
        """Columns of the file, the type of the feed's column that takes one as it is, and the
        place in this description."""
        types = {column.name: column.type for column in self.spec.columns}
        for where, which in (("when", self.when), ("unless", self.unless)):
            yield from ((name, None, (where, name)) for name in which)
        yield from ((name, "ts", ("each", event)) for event, name in self.each.items())
        for name, source in self.columns.items():
            taken = types.get(name) if len(source.column) == 1 and not source.values else None
            yield from ((column, taken, ("columns", name)) for column in source.column)
            yield from ((column, None, ("columns", name)) for column in source.when)


class TimelineOf(Strict):
    """What a row says of a ticket's life. `ticket`: its id.

    `created`: the column with the time of its creation; `at`: the column with the time from which
    on `status` and `severity` are as the row has them (without `at`: from the creation on);
    `received`: which rows are the creation itself; `reply`: which rows are a reply in public by the
    desk; `status_before`, `severity_before`: what they were until then, for what they were at the
    creation; `instants`: columns with the times at which it was `responded`, `working`, `paused`,
    `resolved`, `closed` or `cancelled`. Rows count where `when` holds and `unless` doesn't.
    """

    ticket: FromColumn
    created: Text | None = None
    at: Text | None = None
    when: Which = Field(default_factory=dict)
    unless: Which = Field(default_factory=dict)
    received: Which = Field(default_factory=dict)
    reply: Which = Field(default_factory=dict)
    status: FromColumn | None = None
    severity: FromColumn | None = None
    status_before: FromColumn | None = None
    severity_before: FromColumn | None = None
    resolution_kind: FromColumn | None = None
    instants: dict[Literal["responded"] | State, Text] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _holds_together(self) -> "TimelineOf":
        if not (self.created or self.at or self.instants):
            raise ValueError("needs a column with a time: `created`, `at`, or `instants`")
        for name in ("received", "reply", "status", "status_before", "severity_before"):
            if getattr(self, name) and not self.at:
                raise ValueError(f"`{name}` needs `at`, the column with the time of the row")
        return self

    def uses(self) -> Iterator[tuple[str, str | None, Place]]:
        """As `RowOf.uses`."""
        for where in ("when", "unless", "received", "reply"):
            yield from ((name, None, (where, name)) for name in getattr(self, where))
        for where in ("created", "at"):
            if name := getattr(self, where):
                yield name, "ts", (where,)
        yield from ((name, "ts", ("instants", what)) for what, name in self.instants.items())
        for where in _VALUES:
            source: From | None = getattr(self, where)
            if source:
                yield from ((name, None, (where,)) for name in source.columns)


_VALUES = (
    "ticket",
    "status",
    "severity",
    "status_before",
    "severity_before",
    "resolution_kind",
)


class ExportOf(Strict):
    """An export: `files`, by patterns relative to connect.yaml (none: any file of the source that
    has these columns); `dialect`, where it is written otherwise than the source's others; `path`:
    where the rows are in a JSON object; `key`: the columns that identify a row, by default those
    of which the keys of feeds are made, else all of them."""

    name: Id | None = None
    files: Columns = ()
    dialect: Dialect | None = None
    path: str = ""
    key: Columns = ()
    rows: list[RowOf] = Field(default_factory=list)
    timeline: TimelineOf | None = None

    @model_validator(mode="after")
    def _holds_together(self) -> "ExportOf":
        if not self.rows and not self.timeline:
            raise ValueError("needs `rows` or a `timeline`: what its rows become")
        taken: dict[str, str] = {}
        for column, kind, _ in self.uses():
            form = "a time" if kind in _TIMES else "a number" if kind in _NUMBERS else None
            if form and taken.setdefault(column, form) != form:
                raise ValueError(f"{column} can't be {taken[column]} and {form}")
        return self

    @property
    def identity(self) -> tuple[str, ...]:
        """The columns that identify a row; none: all of them."""
        is_log = self.timeline is not None and self.timeline.at is not None
        if self.key or is_log or any(not row.spec.key for row in self.rows):
            return self.key
        sources = [row.columns[name] for row in self.rows for name in row.spec.key if not row.each]
        sources += [row.columns["ticket_id"] for row in self.rows if row.each]
        if self.timeline:
            sources.append(self.timeline.ticket)
        return tuple(dict.fromkeys(name for source in sources for name in source.column))

    def uses(self) -> Iterator[tuple[str, str | None, Place]]:
        """As `RowOf.uses`."""
        yield from ((name, None, ("key",)) for name in self.key)
        for number, row in enumerate(self.rows):
            yield from ((n, kind, ("rows", number, *place)) for n, kind, place in row.uses())
        if self.timeline:
            yield from ((n, kind, ("timeline", *p)) for n, kind, p in self.timeline.uses())


class PlainNames(Strict):
    """Exports, and for tickets' lives: `states`, status -> what the clock does in it; `responds`,
    statuses whose first entry is the response; `resolution_kind`, how tickets are resolved."""

    exports: Annotated[list[ExportOf], Field(min_length=1)]
    states: dict[str, State] = Field(default_factory=dict)
    responds: list[Id] = Field(default_factory=list)
    resolution_kind: Literal["restored", "workaround", "integrity_confirmed"] = "restored"

    @model_validator(mode="after")
    def _has_distinct_names(self) -> "PlainNames":
        names = [name for name, _ in self.named()]
        if twice := [name for name in names if names.count(name) > 1]:
            raise ValueError(f"two exports are named {twice[0]}: give each a `name` of its own")
        return self

    def named(self) -> Iterator[tuple[str, ExportOf]]:
        """The exports and their names."""
        for number, export in enumerate(self.exports, 1):
            yield export.name or f"export {number}", export


def described(names: PlainNames) -> System[PlainNames]:
    """The system that the names describe."""
    exports, keys = [], {}
    for number, (name, export) in enumerate(names.named()):
        keys[name] = (_KEY,)
        uses = [(column, kind, place) for column, kind, place in export.uses()]
        places: dict[str, Place] = {"": ("exports", number)}
        for column, _, place in uses:
            places.setdefault(column, ("exports", number, *place))
        exports.append(
            Export(
                name,
                name,
                tuple(dict.fromkeys(column for column, _, _ in uses)),
                _Keyed(export.identity),
                tuple(dict.fromkeys(column for column, kind, _ in uses if kind in _TIMES)),
                tuple(dict.fromkeys(column for column, kind, _ in uses if kind in _NUMBERS)),
                export.path,
                export.files,
                export.dialect,
                places,
                bool(export.identity),
            )
        )
    # no `facts`: rows without a key are delivered once each, however often a file repeats them
    return replace(SYSTEM, exports=tuple(exports), keys=keys)


@dataclass(frozen=True)
class _Keyed:
    """A row with what identifies it: some of its columns, or all."""

    columns: tuple[str, ...]

    def __call__(self, row: Mapping[str, Value]) -> Mapping[str, Value]:
        parts = [Record(row).needed(name) for name in self.columns]
        if len(parts) == 1:
            return {**row, _KEY: parts[0]}
        text = json.dumps(parts or row, default=str, sort_keys=True, ensure_ascii=False)
        if not parts:
            text = hashlib.blake2b(text.encode(), digest_size=12).hexdigest()
        return {**row, _KEY: text}


def rows(records: Records, names: PlainNames, out: Rows) -> None:
    """Rows of all exports, then the lives of tickets."""
    made = _Made(out)
    lives: dict[str, _Life] = defaultdict(_Life)
    for name, export in names.named():
        of_it = records.get(name, ())
        for number, row in enumerate(export.rows, 1):
            # rows that one record becomes are told apart: each is taken back by itself
            is_one = [other.feed for other in export.rows].count(row.feed) == 1
            what = f"{name} as {row.feed}" + ("" if is_one else f" ({number})")
            made.add(what, f"exports.{name}", row, names, of_it)
        if export.timeline:
            _tell(name, export.timeline, of_it, lives, out)
    states = names.states | {_state(state): state for state in _STATES}
    method = Method(states, frozenset(names.responds), names.resolution_kind)

    def life(record: Record) -> None:
        add_events(lives[record.needed("ticket")].ticket(record.needed("ticket")), method, out)

    tickets = [Record({"ticket": ticket}, told.where) for ticket, told in lives.items()]
    out.of_each("timeline of ticket", "ticket", tickets, life)


class _Made:
    """Rows of feeds, each once."""

    def __init__(self, out: Rows) -> None:
        self.out = out
        self.seen: dict[tuple[str, ...], tuple[Row, str]] = {}

    def add(
        self, what: str, setting: str, row_of: RowOf, names: PlainNames, records: Sequence[Record]
    ) -> None:
        """Adds what becomes of each record."""

        def make(record: Record) -> None:
            if not _counts(row_of.when, row_of.unless, record):
                return
            row: Row = {
                name: source.of(record, f"{setting}.{name}", self.out)
                for name, source in row_of.columns.items()
            }
            found = [*_events(row, row_of, names, record)] if row_of.each else [row]
            fresh = [made for made in found if self.is_new(made, row_of, record)]
            for made in fresh:
                if key := row_of.spec.key:
                    identity = (row_of.feed, *(str(made[name]) for name in key))
                    self.seen[identity] = made, record.where
                self.out.add(row_of.feed, made)

        self.out.of_each(what, _KEY, records, make)

    def is_new(self, row: Row, row_of: RowOf, record: Record) -> bool:
        """Whether no such row was made yet. Raises Unmapped if it lacks its key, or another one of
        this key says otherwise."""
        for name in row_of.spec.key:
            if row.get(name) is None:
                source = row_of.columns.get(name) or row_of.columns["ticket_id"]
                columns = ", ".join(source.column)
                raise Unmapped(f"{name} of {row_of.feed} is missing: {columns} is empty")
        if not row_of.spec.key:
            return True
        identity = (row_of.feed, *(str(row[name]) for name in row_of.spec.key))
        if identity not in self.seen:
            return True
        other, where = self.seen[identity]
        if differing := [name for name in row if row[name] != other.get(name)]:
            raise Unmapped(
                f"{row_of.feed} {', '.join(identity[1:])}: {differing[0]} is "
                f"{row[differing[0]]!r}, and {other.get(differing[0])!r} at {where}: it is not "
                "known which of them holds"
            )
        return False


def _events(row: Row, row_of: RowOf, names: PlainNames, record: Record) -> Iterator[Row]:
    for event, column in row_of.each.items():
        if (at := record.text(column)) is None:
            continue
        kind = row.get("resolution_kind") or names.resolution_kind
        yield {
            **row,
            "event_id": f"{row.get('ticket_id')}:{event}" if row.get("ticket_id") else None,
            "event": event,
            "occurred_at": at,
            "severity": row.get("severity") if event in _HAS_SEVERITY else None,
            "resolution_kind": kind if event == "resolved" else None,
        }


_HAS_SEVERITY = ("classified", "severity_changed")
# as they follow each other where they are of one instant
_STATES: tuple[State, ...] = ("working", "paused", "resolved", "closed", "cancelled")


def _state(state: State) -> str:
    """What a time in a column of that state is called in the log."""
    return f"column of {state}"


@dataclass
class _Life:
    """What rows say of a ticket, in the order in which they came."""

    where: str = ""
    created: list[str] = field(default_factory=list)
    severity: str | None = None
    status: str | None = None
    # the earliest of them that says what was before it
    before: dict[str, tuple[tuple[int, str], int, str]] = field(default_factory=dict)
    log: list[Change] = field(default_factory=list)
    # why a row of it was left
    broken: str | None = None

    def ticket(self, ticket_id: str) -> Ticket:
        """The ticket. Raises Unmapped if nothing says when it was created, or how it was then."""
        if self.broken:
            raise Unmapped(f"a row of it was left, so its timeline is not known: {self.broken}")
        if not self.created:
            raise Unmapped(
                "no row says when it was created: name the column as `created`, or as `received` "
                "the rows that are the creation"
            )
        before = {what: value for what, (_, _, value) in self.before.items()}
        severities = sorted(
            (change for change in self.log if change.what == "severity"),
            key=lambda change: (moment(change.at), change.order),
        )
        if "severity" not in before and severities and severities[-1].value == self.severity:
            raise Unmapped(
                f"its severity is {self.severity}, as it is after {len(severities)} changes, and "
                "nothing says what it was at the creation: name the column as `severity_before`"
            )
        return Ticket(
            ticket_id,
            min(self.created, key=moment),
            before.get("severity", self.severity),
            before.get("status", self.status),
            self.log,
        )


def _tell(
    name: str,
    timeline: TimelineOf,
    records: Sequence[Record],
    lives: dict[str, _Life],
    out: Rows,
) -> None:
    """Adds what an export says to the lives of tickets."""
    setting = f"exports.{name}"

    def tell(record: Record) -> None:
        if not _counts(timeline.when, timeline.unless, record):
            return
        ticket_id = timeline.ticket.of(record, f"{setting}.ticket", out)
        if ticket_id is None:
            raise Unmapped(f"{', '.join(timeline.ticket.column)} is empty: whose row is it?")
        life = lives[ticket_id]
        life.where = life.where or record.where
        try:
            _Told(timeline, record, setting, order[id(record)], out).add_to(life)
        except Unmapped as error:
            life.broken = f"{record.where}: {error}"
            raise

    order = _order(timeline, records)
    out.of_each(name, _KEY, records, tell)


class _Told:
    """What one row says."""

    def __init__(
        self, timeline: TimelineOf, record: Record, setting: str, order: int, out: Rows
    ) -> None:
        self.timeline, self.record, self.setting = timeline, record, setting
        self.order, self.out = order, out

    def value(self, what: str) -> str | None:
        source: From | None = getattr(self.timeline, what)
        return source.of(self.record, f"{self.setting}.{what}", self.out) if source else None

    def add_to(self, life: _Life) -> None:
        timeline, record = self.timeline, self.record
        at = record.text(timeline.at) if timeline.at else None
        times = {what: record.text(column) for what, column in timeline.instants.items()}
        for time in (at, *times.values()):
            if time is not None:
                moment(time)
        severity, status = self.value("severity"), self.value("status")
        kind = self.value("resolution_kind")
        if timeline.created and (created := record.text(timeline.created)):
            moment(created)
            life.created.append(created)
        if at is None:
            if timeline.at and (status or severity):
                raise Unmapped(f"{timeline.at} is empty: since when is the ticket so?")
            life.severity = severity or life.severity
        elif timeline.received and _holds(timeline.received, record):
            life.created.append(at)
            life.severity, life.status = severity or life.severity, status or life.status
        else:
            self.change(life, at, severity, status, kind)
        for number, state in enumerate(_STATES, 1):
            if time := times.get(state):
                life.log.append(Change(time, "status", _state(state), number, kind))
        if time := times.get("responded"):
            life.log.append(Change(time, "reply", order=0))

    def change(
        self, life: _Life, at: str, severity: str | None, status: str | None, kind: str | None
    ) -> None:
        for what in ("status", "severity"):
            value = self.value(f"{what}_before")
            found = (moment(at), self.order)
            if value is not None and (what not in life.before or found < life.before[what][:2]):
                life.before[what] = (*found, value)
        if status is not None:
            life.log.append(Change(at, "status", status, self.order, kind))
        if severity is not None:
            life.log.append(Change(at, "severity", severity, self.order))
        if self.timeline.reply and _holds(self.timeline.reply, self.record):
            life.log.append(Change(at, "reply", order=self.order))


def _order(timeline: TimelineOf, records: Sequence[Record]) -> dict[int, int]:
    """What decides between rows of one instant: their order in the file, by id of the record. A
    file in which no ticket's rows go on in time, and some go back, begins with the newest ones."""
    files: dict[str, list[Record]] = defaultdict(list)
    for record in records:
        files[record.where.rpartition(":")[0]].append(record)
    ordered = [
        record
        for of_file in files.values()
        for record in (reversed(of_file) if _goes_back(timeline, of_file) else of_file)
    ]
    # times in columns of their own have the numbers up to 5
    return {id(record): number for number, record in enumerate(ordered, 10)}


def _goes_back(timeline: TimelineOf, records: Sequence[Record]) -> bool:
    times: dict[tuple[str | None, ...], list[tuple[int, str]]] = defaultdict(list)
    for record in records:
        try:
            if at := record.text(timeline.at or ""):
                times[tuple(map(record.text, timeline.ticket.column))].append(moment(at))
        except Unmapped:
            continue
    steps = [(a, b) for of_ticket in times.values() for a, b in pairwise(of_ticket) if a != b]
    return bool(steps) and all(a > b for a, b in steps)


def _counts(when: Which, unless: Which, record: Record) -> bool:
    return _holds(when, record) and not (unless and _holds(unless, record))


def _holds(which: Which, record: Record) -> bool:
    return all(record.text(name) in texts for name, texts in which.items())


TEMPLATE = """\
    system: plain
    files:                            # how they are written; all of it may be left out
      separator: ";"
      encoding: cp1252
      time_form: "%d/%m/%Y %H:%M"
      time_zone: Europe/Amsterdam
      decimal: ","
    states: {In progress: working, On hold: paused, Resolved: resolved}
    exports:
      - name: tickets
        files: exports/tickets*.csv
        rows:
          - feed: tickets
            columns:                  # a feed's column: the file's column
              ticket_id: Number
              subject: Title
              subscription_id: {column: Customer, values: {ACME: SUB-1}}
              ticket_type: {constant: incident}
              environment: {constant: production}
        timeline:                     # or `rows` of ticket_events, with `each`
          ticket: Number
          created: Opened
          severity: {column: Priority, values: {High: P1, Low: P3}}
          instants: {responded: First reply, resolved: Resolved}
"""

SYSTEM = System(
    name="plain",
    title="Plain exports",
    feeds=tuple(feeds()),
    names=PlainNames,
    keys={},
    rows=rows,
    template=TEMPLATE,
    described=described,
)
