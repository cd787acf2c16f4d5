"""What a delivered file looks like beyond its rows: columns that nothing is made of, and how
amounts are written.

A file can be typed without a fault and still not mean what it says: a column under another name,
thousands points, cents taken for units. What is counted here is kept with the delivery; what it
means is worded in `makegood.orchestration.pipeline.findings`.
"""

import json
from dataclasses import dataclass, field

import polars as pl

from makegood.ingestion.feeds.specs import Feed, Money
from makegood.ingestion.readers import EXTRA, LINE, Batch

# so many rows of a batch are asked for the names of columns that the feed doesn't know, and so many
# are kept
_ROWS_ASKED, _MOST_NAMES = 1_000, 100


@dataclass
class Amounts:
    """How the amounts of a currency are written: all of them, those with a point and three digits
    behind it, those without a point, and the line of the first."""

    amounts: int = 0
    three_decimals: int = 0
    whole: int = 0
    line: int | None = None


@dataclass
class Shape:
    """Counts over the batches of one file."""

    feed: Feed
    unknown: dict[str, None] = field(default_factory=dict)
    filled: set[str] = field(default_factory=set)
    amounts: dict[str, Amounts] = field(default_factory=dict)

    def add(self, batch: Batch) -> None:
        """Counts a batch as it was read."""
        rows = batch.rows
        names = {c.name for c in self.feed.columns} & set(rows.columns)
        has_values = rows.select(pl.col(name).is_not_null().any() for name in names - self.filled)
        self.filled |= {name for name in has_values.columns if has_values[name].any()}
        for text in rows[EXTRA].drop_nulls().head(_ROWS_ASKED) if EXTRA in rows.columns else []:
            self.unknown.update(dict.fromkeys(json.loads(text)))
        for rule in self.feed.rules:
            if isinstance(rule, Money) and {rule.amount, rule.currency} <= names:
                self._add_amounts(
                    rows.select(
                        pl.col(rule.amount), pl.col(rule.currency).cast(pl.String), LINE
                    ).rename({rule.currency: "currency"})
                )

    def _add_amounts(self, rows: pl.DataFrame) -> None:
        amount = rows.columns[0]
        kind = rows.schema[amount]
        text = pl.col(amount).cast(pl.String)
        # the digits of a Parquet DECIMAL are those of its type, not of who wrote the amount
        is_written = kind == pl.String or kind.is_integer()
        counted = (
            rows.filter(pl.col(amount).is_not_null(), pl.col("currency").is_not_null())
            .group_by("currency")
            .agg(
                pl.len().alias("amounts"),
                (text.str.contains(r"^[+-]?[0-9]{1,3}\.[0-9]{3}$") & is_written)
                .sum()
                .alias("three_decimals"),
                (text.str.contains(r"^[+-]?[0-9]+$") & is_written).sum().alias("whole"),
                pl.col(LINE).min().alias("line"),
            )
        )
        for row in counted.iter_rows(named=True):
            known = self.amounts.setdefault(row["currency"], Amounts(line=row["line"]))
            known.amounts += row["amounts"]
            known.three_decimals += row["three_decimals"]
            known.whole += row["whole"]

    def as_columns(self) -> dict[str, str]:
        """As the columns of a delivery: JSON texts."""
        empty = sorted(
            c.name for c in self.feed.columns if not c.required and c.name not in self.filled
        )
        return {
            "unknown_columns": json.dumps(sorted(self.unknown)[:_MOST_NAMES], ensure_ascii=False),
            "empty_columns": json.dumps(empty),
            "amounts": json.dumps(
                {currency: vars(found) for currency, found in sorted(self.amounts.items())}
            ),
        }
