"""The one description of each feed: `feeds/<feed>.yaml`.

Typing on the way in, expectations, dbt sources and the feed page of the docs all come from it. A new feed is a new
file in that folder; nothing else is edited.
"""

from functools import cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from ingestion.strict_yaml import Document

FOLDER = Path(__file__).parent / "feeds"

ColumnType = Literal["text", "ts", "date", "double", "int", "decimal"]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Column(_Strict):
    """A column of a feed. `references`: the feed (or `contracts`) whose key the value must be."""

    name: str
    type: ColumnType
    required: bool = False
    values: list[str] | None = None
    minimum: int | None = None
    references: str | None = None
    description: str

    @property
    def landed(self) -> str:
        """Its name once landed: instants are epoch seconds, amounts are minor units."""
        return self.name + {"ts": "_s", "decimal": "_minor"}.get(self.type, "")

    @property
    def landed_type(self) -> str:
        """Its type once landed, in SQL that every engine has."""
        return {
            "text": "varchar",
            "ts": "bigint",
            "date": "date",
            "double": "double",
            "int": "bigint",
            "decimal": "bigint",
        }[self.type]


class Order(_Strict):
    """The interval may not end before it starts."""

    rule: Literal["order"]
    start: str
    end: str


class RequiredWhen(_Strict):
    """`column` must have a value where `when` has one of `values`."""

    rule: Literal["required_when"]
    column: str
    when: str
    values: list[str]


class FirstDay(_Strict):
    """A month is given by its first day."""

    rule: Literal["first_day"]
    column: str


class Money(_Strict):
    """The amount is exact in the minor unit of an ISO 4217 currency of at most three decimals (E3)."""

    rule: Literal["money"]
    amount: str
    currency: str


Rule = Annotated[Order | RequiredWhen | FirstDay | Money, Field(discriminator="rule")]


class Feed(_Strict):
    """A feed. `key` is empty where rows are facts that are never replaced; `time_column` says when what a row tells of happened."""

    feed: str
    description: str
    required: Literal["always", "one_of_monitoring", "never"] = "never"
    key: list[str] = []
    time_column: str | None = None
    columns: list[Column]
    rules: list[Rule] = []

    @property
    def required_columns(self) -> list[str]:
        return [c.name for c in self.columns if c.required]

    @property
    def references(self) -> dict[str, str]:
        """Column -> feed that it refers to."""
        return {c.name: c.references for c in self.columns if c.references}


@cache
def feeds() -> dict[str, Feed]:
    """All feeds by name, referenced ones before those that refer to them."""
    loaded = {f.feed: f for f in (Document(path).validated(Feed) for path in sorted(FOLDER.glob("*.yaml")))}
    ordered: dict[str, Feed] = {}
    while len(ordered) < len(loaded):
        ready = [f for f in loaded.values() if f.feed not in ordered and set(f.references.values()) - {f.feed, "contracts"} <= ordered.keys()]
        if not ready:
            raise ValueError(f"feeds refer to each other in a circle: {sorted(loaded.keys() - ordered.keys())}")
        ordered.update((f.feed, f) for f in ready)
    return ordered
