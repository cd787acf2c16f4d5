"""The one description of each feed: `feeds/<feed>.yaml`.

Typing on the way in, expectations, dbt sources and the feed page of the docs all come from it. A
new feed is a new file in that folder; nothing else is edited.
"""

from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from makegood.ingestion.nearest import Candidates, nearest
from makegood.ingestion.strict_yaml import Document

FOLDER = Path(__file__).parent

ColumnType = Literal["text", "ts", "date", "double", "int", "decimal", "boolean"]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Column(_Strict):
    """A column of a feed. `references`: the feed (or `contracts`) whose key the value must be.
    `fraction`: an instant whose fraction of a second decides an order, and is kept for that (T1).
    `long_ago`: it may be empty, and a value such as 1970-01-01 is meant all the same, not a
    placeholder. `also_called`: what other systems call it; such a column is named where this one is
    missing, and never taken for it."""

    name: str
    type: ColumnType
    required: bool = False
    fraction: bool = False
    values: list[str] | None = None
    minimum: int | None = None
    maximum: int | None = None
    long_ago: bool = False
    also_called: list[str] = []
    references: str | None = None
    description: str

    @model_validator(mode="after")
    def _holds_together(self) -> "Column":
        if self.fraction and self.type != "ts":
            raise ValueError(f"{self.name} is a {self.type}: only a ts may have `fraction`")
        if self.type == "int" and None in (self.minimum, self.maximum):
            raise ValueError(
                f"{self.name} is an int, which needs a `minimum` and a `maximum`: sums of it may "
                "not overflow"
            )
        return self

    @property
    def has_placeholders(self) -> bool:
        """Whether 0001-01-01 and the like mean "none" in it (interfaces, Bad input)."""
        return self.type in ("date", "ts") and not self.required and not self.long_ago

    @property
    def landed(self) -> str:
        """Its name once landed: instants are epoch seconds, amounts are minor units."""
        return self.name + {"ts": "_s", "decimal": "_minor"}.get(self.type, "")

    @property
    def landed_fraction(self) -> str | None:
        """The column with the microseconds (0 to 999,999) of its fraction of a second, where it is
        kept."""
        return f"{self.name}_us" if self.fraction else None

    @property
    def landed_columns(self) -> dict[str, str]:
        """All that it lands as: column -> SQL type."""
        return {self.landed: self.landed_type} | (
            {self.landed_fraction: "bigint"} if self.landed_fraction else {}
        )

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
            "boolean": "boolean",
        }[self.type]

    def lookalike(self, names: Iterable[str]) -> str | None:
        """Which of these column names, none of which the feed knows, looks like this column; None
        if none does."""
        candidates = Candidates(names)
        found = (candidates.same(name) for name in (self.name, *self.also_called))
        return next(filter(None, found), None) or next(
            (name for name in sorted(names) if self._is_slip(name)), None
        )

    def _is_slip(self, name: str) -> bool:
        """Whether it is this name but for slips of the pen, word by word: customer_kind is another
        column than customer_id."""
        words, others = (
            self.name.split("_"),
            name.lower().replace("-", "_").replace(" ", "_").split("_"),
        )
        return len(words) == len(others) and all(
            a == b or nearest(a, [b], alike=0.75) for a, b in zip(words, others, strict=True)
        )


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
    """The amount is exact in the minor unit of an ISO 4217 currency of at most three decimals
    (E3)."""

    rule: Literal["money"]
    amount: str
    currency: str


Rule = Annotated[Order | RequiredWhen | FirstDay | Money, Field(discriminator="rule")]


class Feed(_Strict):
    """A feed. `key` is empty where rows are facts that are never replaced; `time_column` says when
    what a row describes happened."""

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
    loaded = {
        f.feed: f
        for f in (Document(path).validated(Feed) for path in sorted(FOLDER.glob("*.yaml")))
    }
    ordered: dict[str, Feed] = {}
    while len(ordered) < len(loaded):
        ready = [
            f
            for f in loaded.values()
            if f.feed not in ordered
            and set(f.references.values()) - {f.feed, "contracts"} <= ordered.keys()
        ]
        if not ready:
            raise ValueError(
                f"feeds refer to each other in a circle: {sorted(loaded.keys() - ordered.keys())}"
            )
        ordered.update((f.feed, f) for f in ready)
    return ordered
