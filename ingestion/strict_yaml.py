"""YAML read strictly: every value as it is written, every key once, every error with file and line.

Decimals stay exact (`99.90` is `Decimal('99.90')`), `NO` and `08:30` stay text, duplicate keys,
tags, anchors and aliases are refused.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar, get_args

import yaml
from pydantic import BaseModel, ValidationError

from makegood.ingestion.limits import DEEPEST_DOCUMENT, LONGEST_DOCUMENT, LONGEST_NUMBER, MIB
from makegood.ingestion.nearest import nearest

Model = TypeVar("Model", bound=BaseModel)
Location = tuple[str | int, ...]

_WHOLE = re.compile(r"[+-]?(0|[1-9][0-9]*)")
_DECIMAL = re.compile(r"[+-]?(0|[1-9][0-9]*)\.[0-9]+")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_TAGS = {
    f"tag:yaml.org,2002:{name}"
    for name in ("str", "int", "float", "bool", "null", "timestamp", "map", "seq")
}
_PLAIN = {
    "true": True,
    "True": True,
    "false": False,
    "False": False,
    "null": None,
    "~": None,
    "": None,
}


class InvalidDocument(ValueError):
    """A document that may not be used; the message has a line `file:line: where: what` for each
    finding."""

    def __init__(self, findings: list[str]) -> None:
        super().__init__("\n".join(findings))
        self.findings = findings


class Document:
    """A YAML file as plain data, with the line of each value."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.lines: dict[Location, int] = {}
        try:
            if not path.is_file():
                raise InvalidDocument([f"{path}: is not a file"])
            if path.stat().st_size > LONGEST_DOCUMENT:
                raise InvalidDocument([f"{path}: is over {LONGEST_DOCUMENT // MIB} MiB long"])
            text = path.read_bytes().decode("utf-8-sig")
            node = yaml.compose(text, Loader=yaml.SafeLoader)
        except yaml.MarkedYAMLError as error:
            line = error.problem_mark.line + 1 if error.problem_mark else 1
            raise InvalidDocument([f"{path}:{line}: not YAML: {error.problem}"]) from error
        except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
            raise InvalidDocument([f"{path}:1: not YAML: {error}"]) from error
        except OSError as error:
            raise InvalidDocument([f"{path}: can't be read: {error.strerror}"]) from error
        self._seen: set[int] = set()
        self.data = None if node is None else self._value(node, ())

    def finding(self, location: Location, message: str) -> str:
        """The finding as `file:line: where: what`, at the nearest place that has a line."""
        near = location
        while near and near not in self.lines:
            near = near[:-1]
        where = ".".join(str(part) for part in location)
        return (
            f"{self.path}:{self.lines.get(near, 1)}: {where}: {message}"
            if where
            else f"{self.path}:1: {message}"
        )

    def validated(self, model: type[Model]) -> Model:
        """The document as `model`; raises InvalidDocument with all findings."""
        if not isinstance(self.data, dict):
            raise InvalidDocument([self.finding((), "must be a map of keys")])
        try:
            return model.model_validate(self.data)
        except ValidationError as error:
            raise InvalidDocument(
                [self.finding(where, what) for where, what in in_words(error, model)]
            ) from error

    def _value(self, node: yaml.Node, location: Location) -> Any:
        self.lines[location] = node.start_mark.line + 1
        if id(node) in self._seen:
            raise InvalidDocument([self.finding(location, "anchors and aliases are not allowed")])
        self._seen.add(id(node))
        if len(location) > DEEPEST_DOCUMENT:
            raise InvalidDocument(
                [self.finding(location, f"is nested over {DEEPEST_DOCUMENT} deep")]
            )
        if node.tag not in _TAGS:
            raise InvalidDocument([self.finding(location, f"the tag {node.tag} is not allowed")])
        if isinstance(node, yaml.MappingNode):
            result: dict[str, Any] = {}
            for key_node, value_node in node.value:
                key = key_node.value if isinstance(key_node, yaml.ScalarNode) else None
                if key is None or key == "<<":
                    raise InvalidDocument([self.finding(location, "a key must be plain text")])
                self.lines[(*location, key)] = key_node.start_mark.line + 1
                if key in result:
                    raise InvalidDocument(
                        [self.finding((*location, key), "the key is written twice")]
                    )
                result[key] = self._value(value_node, (*location, key))
                self.lines[(*location, key)] = key_node.start_mark.line + 1
            return result
        if isinstance(node, yaml.SequenceNode):
            return [self._value(item, (*location, i)) for i, item in enumerate(node.value)]
        assert isinstance(node, yaml.ScalarNode)
        return node.value if node.style else self._scalar(node.value, location)

    def _scalar(self, text: str, location: Location) -> Any:
        if text in _PLAIN:
            return _PLAIN[text]
        if len(text) > LONGEST_NUMBER:
            return text
        if _WHOLE.fullmatch(text):
            return int(text)
        if _DECIMAL.fullmatch(text):
            return Decimal(text)
        if _DATE.fullmatch(text):
            try:
                return date.fromisoformat(text)
            except ValueError as error:
                raise InvalidDocument(
                    [self.finding(location, f"{text} is not a day of the calendar")]
                ) from error
        return text


def in_words(error: ValidationError, model: type[BaseModel]) -> Iterator[tuple[Location, str]]:
    """What pydantic found: (where, what), in the words of who wrote the file."""
    for detail in error.errors():
        # names of union members and validators are not keys of the file
        where = tuple(
            p
            for p in detail["loc"]
            if isinstance(p, int) or not re.search(r"[\[\]()]|^(dict|list|decimal|function)", p)
        )
        if detail["type"] == "extra_forbidden":
            yield where, _unknown_key(where, model)
        else:
            yield where, _what(detail)


def _unknown_key(where: Location, model: type[BaseModel]) -> str:
    """A key that a model does not have, beside those that it has at that place."""
    known: type[BaseModel] | None = model
    for part in where[:-1]:
        # numbers of lists and names in maps lead into no other model
        if known and part in known.model_fields:
            known = next(models_in(known.model_fields[str(part)].annotation), None)
    keys = list(known.model_fields) if known else []
    if near := nearest(str(where[-1]), keys):
        return f"unknown key: the nearest is {near}"
    return "unknown key" + (f": known here are {', '.join(keys)}" if keys else "")


def models_in(hint: Any) -> Iterator[type[BaseModel]]:
    """The models inside a type, such as `list[Model] | None`."""
    if isinstance(hint, type) and issubclass(hint, BaseModel):
        yield hint
    for inner in get_args(hint):
        yield from models_in(inner)


def _what(detail: Mapping[str, Any]) -> str:
    value = detail["input"]
    match detail["type"]:
        case "missing":
            return "is missing"
        case "string_type" if value is None:
            return "is empty, and a text is needed: if null is meant as a text, put it in quotes"
        case "string_type" if isinstance(value, int | Decimal | date):
            kind = (
                "true or false"
                if isinstance(value, bool)
                else "a date"
                if isinstance(value, date)
                else "a number"
            )
            text = str(value).lower()
            return (
                f"{text} is read as {kind}, and a text is needed: put it in quotes, as in '{text}'"
            )
        case "literal_error" if isinstance(value, str):
            allowed = re.findall("'([^']*)'", detail["ctx"]["expected"])
            near = nearest(value, allowed)
            return f"{value!r} is not one of {', '.join(allowed)}" + (
                f": the nearest is {near}" if near else ""
            )
        case "list_type":
            return "must be a list, with a line `- …` for each"
        case "model_type" | "model_attributes_type" | "dict_type":
            return "must be a map of keys"
        case kind if kind.startswith("date_"):
            return f"{value!r} is not a day of the calendar: the form is 2026-06-01"
    return str(detail["msg"]).removeprefix("Value error, ")
