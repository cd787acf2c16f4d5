"""Rows of flat tables to the nested shape in which an API writes the same record.

dlt joins the names of nested fields by `__` (`status_transitions__paid_at`), others keep nested
fields as JSON in a text. Does not belong here: what a field means.
"""

import json
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from makegood.ingestion.connect.system import Record, Value, whole_signs


def nested(record: Record) -> Record:
    """The record with `a__b` as `b` in `a`, and JSON objects and lists of them in texts as maps and
    lists. A text that only looks like JSON stays a text."""
    if not any(_is_flat(name, value) for name, value in record.data.items()):
        return record
    made: dict[str, Value] = {}
    for name, value in record.data.items():
        path = name.split("__") if not name.startswith("_") else [name]
        inner: dict[str, Any] = made
        for part in path[:-1]:
            if not isinstance(below := inner.setdefault(part, {}), dict):
                # the field itself is there too: the parts of it stay as they are called
                below = inner.setdefault(f"{part}__", {})
            inner = below
        if path[-1] not in inner:
            inner[path[-1]] = _read(value)
    return Record(made, record.where)


def all_nested(records: Mapping[str, Sequence[Record]], resource: str) -> list[Record]:
    """All records of a resource, nested."""
    return [nested(record) for record in records.get(resource, ())]


def _is_flat(name: str, value: Value) -> bool:
    return ("__" in name and not name.startswith("_")) or (
        isinstance(value, str) and value.startswith(("{", "[{", "[]"))
    )


def _read(value: Value) -> Value:
    if not isinstance(value, str) or not value.startswith(("{", "[{", "[]")):
        return value
    try:
        return whole_signs(json.loads(value, parse_float=Decimal))
    except ValueError:
        return value
