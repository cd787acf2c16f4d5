"""connect.yaml, read strictly: which systems, how they are reached, and the few names.

Secrets are never in it: it names the environment variables that hold them. Every finding names the
file and the line.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, Field, ValidationError, create_model

from makegood.ingestion.connect.dialect import Dialect, as_list
from makegood.ingestion.connect.names import Strict, Variable
from makegood.ingestion.connect.system import System, Unreadable
from makegood.ingestion.connect.systems import systems
from makegood.ingestion.connect.tables import Tables
from makegood.ingestion.feeds.specs import feeds
from makegood.ingestion.nearest import nearest, nearest_or_all
from makegood.ingestion.strict_yaml import Document, InvalidDocument, in_words

HOURLY = "17 * * * *"
_KEYS = ("sources", "rows", "cron")
# minute, hour, day, month and weekday: the first and the last number of each
_CRON = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))
# a number or a range, or all, and perhaps a step
_CRON_PART = re.compile(r"(?:\*|([0-9]{1,2})(?:-([0-9]{1,2}))?)(?:/([0-9]{1,2}))?")
_NAME = "abcdefghijklmnopqrstuvwxyz0123456789_-"


class Files(Dialect):
    """Export files: `paths` are patterns relative to connect.yaml (example: `exports/*.csv`), the
    rest says how they are written."""

    paths: Annotated[list[str], BeforeValidator(as_list)] = Field(default_factory=list)


@dataclass(frozen=True)
class Source:
    """A system to read, and one way to it: `api`, `files` or `tables`. `secrets`: what for -> the
    environment variable that holds it."""

    name: str
    system: System[Any]
    names: Any
    api: Any = None
    files: Files | None = None
    tables: Tables | None = None
    secrets: Mapping[str, str] = field(default_factory=dict)

    @property
    def variables(self) -> list[str]:
        """The environment variables that are needed."""
        if self.tables and self.tables.postgres:
            return [self.tables.postgres]
        return list(self.secrets.values()) if self.api else []


@dataclass(frozen=True)
class Settings:
    """All of connect.yaml. `rows`: rows of feeds that are written in it, for what no system holds,
    such as services. `base`: the folder that its paths are relative to; `cron`: when Dagster pulls,
    in UTC; `document`: the file."""

    sources: Mapping[str, Source]
    rows: Mapping[str, list[dict[str, Any]]]
    base: Path
    cron: str = HOURLY
    document: Document | None = None

    def located(self, source: Source, error: Unreadable) -> Unreadable:
        """The error with the line of connect.yaml that it is about, where there is one."""
        if not error.at or self.document is None:
            return error
        return Unreadable(self.document.finding(("sources", source.name, *error.at), str(error)))


def load(path: Path) -> Settings:
    """The settings in a file. Raises InvalidDocument with a line `file:line: where: what` for each
    finding."""
    document = Document(path)
    if not isinstance(document.data, dict):
        raise InvalidDocument([document.finding((), "must be a map of keys")])
    findings: list[str] = []
    for key in document.data:
        if key not in _KEYS:
            near = nearest(str(key), _KEYS)
            hint = f"the nearest is {near}" if near else f"known here are {', '.join(_KEYS)}"
            findings.append(document.finding((key,), f"unknown key: {hint}"))
    cron = document.data.get("cron", HOURLY)
    if not isinstance(cron, str) or not _is_schedule(cron):
        what = f"{cron!r} is not a schedule: it has five fields, as in '{HOURLY}' (each hour)"
        findings.append(document.finding(("cron",), what))
    rows = _rows(document, findings)
    sources: dict[str, Source] = {}
    wanted = document.data.get("sources") or {}
    if not isinstance(wanted, dict):
        raise InvalidDocument([document.finding(("sources",), "must be a map of names")])
    for name, data in wanted.items():
        found = _source(document, str(name), data, findings)
        if found:
            sources[found.name] = found
    if not wanted and not rows:
        findings.append(document.finding((), "names no source: `makegood connect init` writes one"))
    if findings:
        raise InvalidDocument(findings)
    return Settings(sources, rows, path.parent, cron, document)


def _is_schedule(cron: str) -> bool:
    """Whether a schedule has five fields, each of numbers, lists, ranges and steps that it can
    have."""
    fields = cron.split()
    return len(fields) == len(_CRON) and all(
        _is_in(part, *bounds)
        for field_, bounds in zip(fields, _CRON, strict=True)
        for part in field_.split(",")
    )


def _is_in(part: str, first: int, last: int) -> bool:
    found = _CRON_PART.fullmatch(part)
    if not found:
        return False
    start = int(found[1] or first)
    end = int(found[2] or found[1] or last)
    return first <= start <= end <= last and found[3] not in ("0", "00")


def _source(document: Document, name: str, data: Any, findings: list[str]) -> Source | None:
    where = ("sources", name)
    if name == "rows" or not name or set(name) - set(_NAME):
        findings.append(
            document.finding(where, "a source's name is of small letters, digits, - and _")
        )
        return None
    if not isinstance(data, dict):
        findings.append(document.finding(where, "must be a map of keys, with `system`"))
        return None
    chosen = data.get("system")
    system = systems().get(str(chosen))
    if system is None:
        what = f"{chosen} is not a system that can be read" if chosen else "is missing"
        what += f": {nearest_or_all(str(chosen or ''), systems())}"
        findings.append(document.finding((*where, "system"), what))
        return None
    model = _model(system)
    try:
        read = model.model_validate(data)
    except ValidationError as error:
        findings += [
            document.finding((*where, *inner), what) for inner, what in in_words(error, model)
        ]
        return None
    given: dict[str, Any] = {way: getattr(read, way, None) for way in ("api", "files", "tables")}
    if sum(value is not None for value in given.values()) != 1:
        ways = [way for way in given if way in model.model_fields]
        findings.append(document.finding(where, f"give one of {', '.join(ways)}"))
        return None
    if (tables := given["tables"]) and tables.layout not in system.layouts:
        known = ", ".join(system.layouts)
        what = f"{tables.layout} has no tables of {system.title} that are known: {known}"
        findings.append(document.finding((*where, "tables", "layout"), what))
        return None
    renamed = getattr(read, "secrets", None)
    secrets = dict(system.secrets) | (renamed.model_dump(exclude_none=True) if renamed else {})
    if system.needs and given["api"]:
        needed = system.needs(given["api"])
        secrets = {what: variable for what, variable in secrets.items() if what in needed}
    names = system.names.model_validate(
        {key: value for key, value in data.items() if key in system.names.model_fields}
    )
    if system.described:
        system = system.described(names)
    return Source(name, system, names, **given, secrets=secrets)


def _model(system: System[Any]) -> type[BaseModel]:
    """All that a source of this system may say."""
    fields: dict[str, Any] = {"system": (str, ...)}
    if system.connection:
        fields["api"] = (system.connection | None, None)
    if system.secrets:
        variables: dict[str, Any] = dict.fromkeys(system.secrets, (Variable | None, None))
        secrets = create_model("Secrets", __base__=Strict, **variables)
        fields["secrets"] = (secrets | None, None)
    if system.exports or system.described:
        fields["files"] = (Files | None, None)
    if system.layouts:
        fields["tables"] = (Tables | None, None)
    return create_model(f"{system.name}_source", __base__=system.names, **fields)


def _rows(document: Document, findings: list[str]) -> dict[str, list[dict[str, Any]]]:
    """Rows of feeds, written as they are."""
    assert isinstance(document.data, dict)
    wanted = document.data.get("rows") or {}
    if not isinstance(wanted, dict):
        findings.append(document.finding(("rows",), "must be a map of feeds"))
        return {}
    found: dict[str, list[dict[str, Any]]] = {}
    for feed, rows in wanted.items():
        where = ("rows", str(feed))
        if feed not in feeds() or not feeds()[feed].key:
            known = [name for name, spec in feeds().items() if spec.key]
            hint = nearest_or_all(str(feed), known)
            findings.append(document.finding(where, f"is not a feed with a key: {hint}"))
        elif not isinstance(rows, list):
            findings.append(document.finding(where, "must be a list of rows"))
        else:
            findings += _faults(document, str(feed), rows)
            found[str(feed)] = [
                {name: _plain(value) for name, value in row.items()}
                for row in rows
                if isinstance(row, dict)
            ]
    return found


def _faults(document: Document, feed: str, rows: list[Any]) -> Iterator[str]:
    known = [column.name for column in feeds()[feed].columns]
    values = {column.name: column.values for column in feeds()[feed].columns if column.values}
    for number, row in enumerate(rows):
        where = ("rows", feed, number)
        if not isinstance(row, dict):
            yield document.finding(where, "must be a map of columns")
            continue
        for column in row:
            if column not in known:
                hint = nearest_or_all(str(column), known)
                yield document.finding((*where, str(column)), f"unknown column: {hint}")
            elif column in values and row[column] not in (None, *values[column]):
                allowed = ", ".join(values[column])
                near = nearest(str(row[column]), values[column])
                hint = f": the nearest is {near}" if near else ""
                what = f"{row[column]!r} is not one of {allowed}{hint}"
                yield document.finding((*where, str(column)), what)
        for column in feeds()[feed].required_columns:
            if row.get(column) is None:
                yield document.finding(where, f"{column} is missing")


def _plain(value: Any) -> Any:
    """As a row of a feed holds it."""
    if isinstance(value, date):
        return value.isoformat()
    return format(value, "f") if isinstance(value, Decimal) else value
