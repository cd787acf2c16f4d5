"""Typing: raw rows in, landed rows and rejections out (T1, E2, E3, and the list of bad input in the
interfaces).

Instants become epoch seconds (and, where they decide an order, microseconds within the second),
dates days, amounts integers of the currency's minor unit. A row with any fault is rejected whole,
with the rule, the column and the reason of each fault; nothing is guessed. Whether a row has a
fault is worked out for all rows at once, its reason row by row.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from functools import lru_cache, partial
from typing import Any

import polars as pl

from makegood.ingestion.feeds import messages
from makegood.ingestion.feeds.specs import Column, Feed, FirstDay, Money, Order, RequiredWhen
from makegood.ingestion.readers import EXTRA, LINE, Batch
from makegood.ingestion.zones import zone as named_zone

DELETED = "is_deleted"
# `named`: the values that could be typed, as JSON by landed column; `raw`: the row as it was read
REJECTED = {
    "line": pl.Int64,
    "rule": pl.String,
    "column_name": pl.String,
    "reason": pl.String,
    "named": pl.String,
    "raw": pl.String,
}

_INSTANT = (
    r"^([0-9]{4}-[0-9]{2}-[0-9]{2})[Tt "
    r"]((?:[01][0-9]|2[0-3]):[0-5][0-9])(?::([0-5][0-9])(?:[.,]([0-9]+))?)?"
    r"(?:( ?[Zz]| UTC)| ?([+-])([01][0-9]|2[0-3]):?([0-5][0-9])?)?$"
)
# the years 1 to 9999, and of naive times a day less on either side, so that every zone can show
# them
_RANGE = (-62_135_596_800, 253_402_300_799)
_LOCAL_RANGE = (_RANGE[0] + 86_400, _RANGE[1] - 86_400)
_EXACT = rf"^[+-]?[0-9]{{1,{messages.MOST_AMOUNT_DIGITS}}}(?:\.[0-9]+)?$"
# what means "none" in many exports
PLACEHOLDERS = [date(1, 1, 1), date(1900, 1, 1), date(1970, 1, 1)]
_PLACEHOLDER_SECONDS = [(day - date(1970, 1, 1)).days * 86_400 for day in PLACEHOLDERS]

# a rejected row: its values as text by column, what was worked out of them (`local:<column>`), and
# `_extra`
Row = Mapping[str, Any]


@dataclass(frozen=True)
class Typed:
    """Landed rows (`_line`, the feed's landed columns, `is_deleted` where keyed, `_extra`) and
    rejected ones (REJECTED)."""

    rows: pl.DataFrame
    rejected: pl.DataFrame


@dataclass(frozen=True)
class Fault:
    """What may be wrong with a column: where it is, by what rule, and why, in words."""

    is_wrong: pl.Expr
    rule: str
    column: str
    why: Callable[[Row], str]


def typed(batch: Batch, feed: Feed, zone: str | None = None) -> Typed:
    """The rows of a batch by the feed's description. `zone`: the time zone the feed declares for
    naive times (T1)."""
    typing = _Typing(feed, zone, _with_all_columns(batch.rows, feed))
    faults = typing.faults()
    numbers = [f"fault:{n}" for n in range(len(faults))]
    frame = typing.frame.with_columns(
        _first(found).alias(name) for name, found in zip(numbers, faults, strict=True)
    )
    is_bad = frame.select(pl.any_horizontal(pl.col(numbers).is_not_null())).to_series()
    good, bad = (
        (frame.filter(~is_bad), frame.filter(is_bad)) if is_bad.any() else (frame, frame.clear())
    )
    kept = bad.select(batch.rows.columns)
    named = bad.select(
        pl.struct(
            pl.col(f"typed:{c.name}").alias(c.landed) for c in feed.columns
        ).struct.json_encode()
    )
    return Typed(
        _minor_units(good.select(typing.landed()), feed),
        _rejected(bad, kept, named.to_series(), faults, batch),
    )


def _with_all_columns(rows: pl.DataFrame, feed: Feed) -> pl.DataFrame:
    wanted = [c.name for c in feed.columns] + ["deleted"] * bool(feed.key)
    frame = rows.with_columns(
        pl.lit(None, pl.String).alias(name) for name in wanted if name not in rows.columns
    )
    texts = [c.name for c in feed.columns if c.type == "text" and frame.schema[c.name] == pl.String]
    # an empty text says nothing, in every format
    return frame.with_columns(
        pl.when(pl.col(name) != "").then(pl.col(name)).alias(name) for name in texts
    )


def _first(faults: list[Fault]) -> pl.Expr:
    """The number of the first fault that a row has; null if it has none."""
    chain: Any = pl
    for number, fault in enumerate(faults):
        chain = chain.when(fault.is_wrong).then(pl.lit(number, pl.UInt8))
    return chain if faults else pl.lit(None, pl.UInt8)


def _rejected(
    bad: pl.DataFrame, kept: pl.DataFrame, named: pl.Series, faults: list[list[Fault]], batch: Batch
) -> pl.DataFrame:
    """`kept`: the columns of bad rows that are kept whole; `named`: what could be typed of them, as
    JSON."""
    rows: list[tuple[int, str, str | None, str, str | None, str]] = []
    # far dates exist in Parquet, not in Python
    kept = kept.with_columns(pl.selectors.temporal().cast(pl.String, strict=False))
    numbers = bad.select(pl.selectors.starts_with("fault:"))
    texts = bad.select(
        pl.selectors.starts_with("local:"),
        # no message shows more of a value
        (~pl.selectors.contains(":") - pl.selectors.by_name(EXTRA))
        .cast(pl.String, strict=False)
        .str.slice(0, messages.LONGEST + 1),
        EXTRA,
    )
    for raw, text, names, found in zip(
        kept.iter_rows(named=True),
        texts.iter_rows(named=True),
        named,
        numbers.iter_rows(),
        strict=True,
    ):
        those = [
            chain[number] for chain, number in zip(faults, found, strict=True) if number is not None
        ]
        columns = ", ".join(dict.fromkeys(fault.column for fault in those))
        reason = "; ".join(fault.why(text) for fault in those)
        line = raw.pop(LINE)
        rows.append(
            (
                line,
                those[0].rule,
                columns,
                reason,
                names,
                json.dumps(raw, default=str, ensure_ascii=False),
            )
        )
    rows += [(r.line, "readable", None, f"the row {r.reason}", None, r.raw) for r in batch.refused]
    return pl.DataFrame(rows, schema=REJECTED, orient="row")


@dataclass
class _Typing:
    """Rows on their way: `frame` gains `typed:<column>` for each column of the feed, and what else
    faults are worked out of."""

    feed: Feed
    zone: str | None
    frame: pl.DataFrame
    lookalikes: dict[tuple[str, frozenset[str]], str | None] = field(default_factory=dict)

    def faults(self) -> list[list[Fault]]:
        """Types all columns. What may be wrong; of each list the first fault that a row has
        counts."""
        if not self.feed.key:
            return [*(self._column(column) for column in self.feed.columns), *self._between()]
        found = [self._deleted()]
        for column in self.feed.columns:
            faults = self._column(column)
            # a row that is deleted needs only its key
            found.append(faults if column.name in self.feed.key else _unless_deleted(faults))
        return found + [_unless_deleted(faults) for faults in self._between()]

    def landed(self) -> list[pl.Expr]:
        """What good rows land as; of a row that is deleted its key."""
        values = [pl.col(LINE), pl.col(EXTRA), *([pl.col(DELETED)] if self.feed.key else [])]
        for column in self.feed.columns:
            landed = {column.landed: pl.col(f"typed:{column.name}")}
            if column.landed_fraction:
                landed[column.landed_fraction] = self._microseconds(column.name)
            is_kept = not self.feed.key or column.name in self.feed.key
            values += [
                (value if is_kept else pl.when(~pl.col(DELETED)).then(value)).alias(name)
                for name, value in landed.items()
            ]
        return values

    # ---------------------------------------------------------------- columns

    def _column(self, column: Column) -> list[Fault]:
        """Types a column. What may be wrong with it, the first that is counts."""
        name, value = column.name, pl.col(f"typed:{column.name}")
        types = {
            "text": self._text,
            "ts": self._instant,
            "date": self._date,
            "double": self._double,
            "int": self._int,
            "decimal": self._decimal,
            "boolean": self._boolean,
        }
        untyped = types[column.type](column, self.frame.schema[name])
        found = []
        if column.required:
            found.append(
                Fault(pl.col(name).is_null(), "required", name, partial(self._missing, column))
            )
        if column.has_placeholders:
            found.append(self._placeholder(column))
        found += untyped
        if column.values:
            listed = tuple(column.values)
            why = partial(_of, name, lambda text: messages.not_listed(text, listed))
            found.append(Fault(~value.is_in(column.values), "values", name, why))
        if (minimum := column.minimum) is not None:
            why = partial(_of, name, lambda text: messages.below(text, minimum))
            found.append(Fault(value < minimum, "minimum", name, why))
        if (maximum := column.maximum) is not None:
            why = partial(_of, name, lambda text: messages.above(text, maximum))
            found.append(Fault(value > maximum, "maximum", name, why))
        return found

    def _typed(self, name: str, value: pl.Expr) -> None:
        self.frame = self.frame.with_columns(value.alias(f"typed:{name}"))

    def _untyped(self, name: str, words: Callable[[str], str], rule: str = "type") -> Fault:
        """Of a column with a value that is not of its type."""
        is_untyped = pl.col(name).is_not_null() & pl.col(f"typed:{name}").is_null()
        return Fault(is_untyped, rule, name, partial(_of, name, words))

    def _missing(self, column: Column, row: Row) -> str:
        """In JSON lines a field may have another name; where other rows have the field, this one
        simply lacks it."""
        if self.frame[column.name].null_count() < self.frame.height:
            return messages.missing(column, None)
        names = frozenset(
            name
            for name, value in json.loads(row[EXTRA] or "{}").items()
            if value not in (None, "")
        )
        if (column.name, names) not in self.lookalikes:
            self.lookalikes[column.name, names] = column.lookalike(names)
        return messages.missing(column, self.lookalikes[column.name, names])

    def _deleted(self) -> list[Fault]:
        self._typed("deleted", _true_or_false("deleted"))
        self.frame = self.frame.with_columns(
            pl.col("typed:deleted").fill_null(False).alias(DELETED)
        )
        return [self._untyped("deleted", messages.boolean, "boolean")]

    def _text(self, column: Column, dtype: pl.DataType) -> list[Fault]:
        name = column.name
        if dtype.is_float():
            self._typed(name, pl.lit(None, pl.String))
            return [self._untyped(name, lambda text: messages.inexact_text(text, name), "exact")]
        self._typed(name, pl.col(name).cast(pl.String))
        return []

    def _date(self, column: Column, dtype: pl.DataType) -> list[Fault]:
        name, words = column.name, messages.not_a_date
        value = pl.lit(None, pl.Date)
        if dtype == pl.Date:
            value = pl.when(pl.col(name).dt.year().is_between(1, 9999)).then(pl.col(name))
        elif isinstance(dtype, pl.Datetime) and dtype.time_zone is None:
            value = pl.when(pl.col(name).dt.truncate("1d") == pl.col(name)).then(
                pl.col(name).cast(pl.Date)
            )
            words = messages.not_midnight
        elif isinstance(dtype, pl.Datetime):
            words = messages.zoned_date
        elif dtype == pl.String:
            # no year 0, which Python has no date for
            is_date = pl.col(name).str.contains(r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$") & ~pl.col(
                name
            ).str.starts_with("0000")
            value = pl.when(is_date).then(pl.col(name)).str.to_date("%Y-%m-%d", strict=False)
        self._typed(name, value)
        return [self._untyped(name, words)]

    def _double(self, column: Column, dtype: pl.DataType) -> list[Fault]:
        name = column.name
        value = pl.lit(None, pl.Float64)
        if dtype.is_numeric():
            value = pl.col(name).cast(pl.Float64)
        elif dtype == pl.String:
            is_number = pl.col(name).str.contains(
                r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$"
            )
            value = pl.when(is_number).then(pl.col(name)).cast(pl.Float64, strict=False)
        self._typed(name, pl.when(value.is_finite()).then(value))
        return [self._untyped(name, messages.not_a_number)]

    def _int(self, column: Column, dtype: pl.DataType) -> list[Fault]:
        """What is beyond the bounds, however far, as the next number beyond them."""
        name, number = column.name, pl.col(column.name)
        assert column.minimum is not None
        assert column.maximum is not None
        whole: pl.Expr = pl.lit(False)
        above = below = pl.lit(False)
        if dtype.is_integer() or dtype.is_decimal():
            whole = pl.lit(True) if dtype.is_integer() else number == number.round(0)
            above, below = number > column.maximum, number < column.minimum
        elif dtype == pl.String:
            whole = number.str.contains(r"^[+-]?[0-9]+$")
            is_long = number.str.strip_chars_start("+-0").str.len_chars() > len(str(column.maximum))
            above, below = (
                is_long & ~number.str.starts_with("-"),
                is_long & number.str.starts_with("-"),
            )
            number = number.str.strip_prefix("+")
        beyond = pl.when(above).then(column.maximum + 1).when(below).then(column.minimum - 1)
        value = beyond.otherwise(number.cast(pl.Int64, strict=False))
        self._typed(name, pl.when(whole & pl.col(name).is_not_null()).then(value))
        return [self._untyped(name, messages.not_whole)]

    def _decimal(self, column: Column, dtype: pl.DataType) -> list[Fault]:
        """As exact text; `_minor_units` makes integers of it."""
        name = column.name
        if dtype.is_float():
            self._typed(name, pl.lit(None, pl.String))
            return [self._untyped(name, messages.inexact_amount, "exact")]
        text = pl.col(name).cast(pl.String)
        self._typed(name, pl.when(text.str.contains(_EXACT)).then(text))
        return [self._untyped(name, messages.not_an_amount)]

    def _boolean(self, column: Column, dtype: pl.DataType) -> list[Fault]:
        """`true` and `false`, in capitals too, and booleans."""
        self._typed(column.name, _true_or_false(column.name))
        return [self._untyped(column.name, messages.boolean)]

    # ---------------------------------------------------------------- instants (T1)

    def _instant(self, column: Column, dtype: pl.DataType) -> list[Fault]:
        """Adds `written:<name>`, the seconds as they are written, whatever their offset, and
        `local:<name>`, those without one."""
        name = column.name
        written, local, nothing = (
            pl.col(f"written:{name}"),
            pl.col(f"local:{name}"),
            pl.lit(None, pl.Int64),
        )
        zoned = nothing
        if isinstance(dtype, pl.Datetime):
            seconds = pl.col(name).dt.epoch("us").floordiv(1_000_000)
            self.frame = self.frame.with_columns(seconds.alias(f"written:{name}"))
            naive = nothing if dtype.time_zone else written
            self.frame = self.frame.with_columns(naive.alias(f"local:{name}"))
            zoned = written if dtype.time_zone else nothing
        elif dtype == pl.String:
            zoned = self._read_instants(name)
        else:
            self.frame = self.frame.with_columns(
                nothing.alias(f"written:{name}"), nothing.alias(f"local:{name}")
            )
        self.frame = self.frame.with_columns(
            pl.when(zoned.is_between(*_RANGE)).then(zoned).alias(f"typed:{name}"),
            pl.when(local.is_between(*_LOCAL_RANGE)).then(local).alias(f"local:{name}"),
        )
        return [*self._from_local(name), self._untyped(name, messages.not_an_instant)]

    def _read_instants(self, name: str) -> pl.Expr:
        """Texts as `written:<name>`, `local:<name>` and `fraction:<name>`, the digits of the
        second's fraction; those with an offset as seconds."""
        parts = (
            self.frame.select(pl.col(name).str.extract_groups(_INSTANT)).to_series().struct.unnest()
        )
        day, minute, second, fraction, utc, sign, hours, minutes = (
            pl.col(c) for c in parts.columns
        )
        local = pl.concat_str([day, pl.lit(" "), minute, pl.lit(":"), second.fill_null("00")])
        offset_s = hours.cast(pl.Int64) * 3600 + minutes.fill_null("00").cast(pl.Int64) * 60
        found = parts.select(
            local.str.to_datetime("%Y-%m-%d %H:%M:%S", strict=False)
            .dt.epoch("s")
            .alias(f"written:{name}"),
            pl.when(utc.is_not_null())
            .then(0)
            .when(sign == "-")
            .then(-offset_s)
            .otherwise(offset_s)
            .alias(f"offset:{name}"),
            fraction.alias(f"fraction:{name}"),
        )
        written, offset = pl.col(f"written:{name}"), pl.col(f"offset:{name}")
        self.frame = self.frame.hstack(found).with_columns(
            pl.when(offset.is_null()).then(written).alias(f"local:{name}")
        )
        return written - offset

    def _from_local(self, name: str) -> list[Fault]:
        """Types naive local seconds (`local:<name>`) in the zone that the feed declares."""
        local, column = self.frame[f"local:{name}"], pl.col(f"local:{name}")
        if not local.is_not_null().any():
            return []
        if (zone := self.zone) is None:
            why = partial(_of, name, lambda text: messages.no_offset(text, self.feed.feed))
            return [Fault(column.is_not_null(), "T1", name, why)]
        instants = {s: _instants(s, zone) for s in local.unique().drop_nulls()}
        once = {s: found[0] if len(found) == 1 else None for s, found in instants.items()}
        zoned = column.replace_strict(once, default=None, return_dtype=pl.Int64)
        self._typed(name, pl.coalesce(f"typed:{name}", zoned))

        def of_change(row: Row) -> str:
            words = messages.repeated if instants[row[f"local:{name}"]] else messages.skipped
            return words(row[name], row[f"local:{name}"], zone)

        return [
            Fault(column.is_not_null() & pl.col(f"typed:{name}").is_null(), "T1", name, of_change)
        ]

    def _microseconds(self, name: str) -> pl.Expr:
        """The microseconds within the second of an instant that is typed; further digits are
        cut."""
        if isinstance(self.frame.schema[name], pl.Datetime):
            return pl.col(name).dt.epoch("us").mod(1_000_000)
        if f"fraction:{name}" not in self.frame.columns:
            return pl.lit(None, pl.Int64)
        digits = pl.col(f"fraction:{name}").str.slice(0, 6).str.pad_end(6, "0")
        # offsets and zones shift by whole seconds
        return pl.when(pl.col(f"typed:{name}").is_not_null()).then(
            digits.cast(pl.Int64).fill_null(0)
        )

    def _placeholder(self, column: Column) -> Fault:
        """Whether it means "none", by its instant or as it is written; then it is not a value
        that others are compared with."""
        name, value, is_one = (
            column.name,
            pl.col(f"typed:{column.name}"),
            pl.col(f"placeholder:{column.name}"),
        )
        if column.type == "date":
            found = value.is_in(PLACEHOLDERS)
        else:
            found = value.is_in(_PLACEHOLDER_SECONDS) | pl.col(f"written:{name}").is_in(
                _PLACEHOLDER_SECONDS
            )
        self.frame = self.frame.with_columns(found.fill_null(False).alias(f"placeholder:{name}"))
        self._typed(name, pl.when(~is_one).then(value))
        return Fault(
            is_one,
            "placeholder",
            name,
            partial(_of, name, lambda text: messages.placeholder(text, name)),
        )

    # ---------------------------------------------------------------- between columns

    def _between(self) -> Iterator[list[Fault]]:
        for rule in self.feed.rules:
            match rule:
                case Order(start=start, end=end):
                    is_wrong = pl.col(f"typed:{end}") < pl.col(f"typed:{start}")
                    yield [Fault(is_wrong, "order", end, partial(_ends_early, start, end))]
                case RequiredWhen(column=column, when=when, values=values):
                    is_wrong = pl.col(f"typed:{when}").is_in(values) & pl.col(column).is_null()
                    yield [
                        Fault(is_wrong, "required", column, partial(_missing_when, column, when))
                    ]
                case FirstDay(column=column):
                    is_wrong = pl.col(f"typed:{column}").dt.day() != 1
                    yield [
                        Fault(
                            is_wrong,
                            "first_day",
                            column,
                            partial(_of, column, messages.not_first_day),
                        )
                    ]
                case Money(amount=amount, currency=currency):
                    yield _money(amount, currency)


def _true_or_false(name: str) -> pl.Expr:
    text = pl.col(name).cast(pl.String).str.to_lowercase()
    return pl.when(text == "true").then(True).when(text == "false").then(False)


def _unless_deleted(faults: list[Fault]) -> list[Fault]:
    return [replace(fault, is_wrong=~pl.col(DELETED) & fault.is_wrong) for fault in faults]


def _ends_early(start: str, end: str, row: Row) -> str:
    return messages.ends_early(end, row[end], start, row[start])


def _missing_when(column: str, when: str, row: Row) -> str:
    return messages.missing_when(column, when, row[when])


def _of(column: str, words: Callable[[str], str], row: Row) -> str:
    """Words about a single value of the row."""
    return words(row[column])


@lru_cache(1 << 16)
def _instants(local_s: int, zone: str) -> list[int]:
    """The instants at which clocks in the zone show these local seconds: none, one or two."""
    tz = named_zone(zone)
    naive = datetime.fromtimestamp(local_s, UTC).replace(tzinfo=None)
    found = {int(naive.replace(tzinfo=tz, fold=fold).timestamp()) for fold in (0, 1)}
    return sorted(s for s in found if datetime.fromtimestamp(s, tz).replace(tzinfo=None) == naive)


# ---------------------------------------------------------------- money (E3)


def _money(amount: str, currency: str) -> list[Fault]:
    """What makes an amount no money."""
    code, text = pl.col(f"typed:{currency}"), pl.col(f"typed:{amount}")
    digits = _digits(code)
    is_unknown = ~code.is_in(list(messages.minor_digits()))
    is_too_fine = _fraction(text).str.len_chars() > digits

    def too_fine(row: Row) -> str:
        return messages.too_fine(row[amount], row[currency])

    return [
        Fault(is_unknown, "E3", currency, partial(_of, currency, messages.not_a_currency)),
        Fault(
            code.is_not_null() & digits.is_null(),
            "E3",
            currency,
            partial(_of, currency, messages.no_minor_unit),
        ),
        Fault(digits > 3, "E3", currency, partial(_of, currency, messages.too_many_decimals)),
        Fault(is_too_fine, "E3", amount, too_fine),
    ]


def _digits(code: pl.Expr) -> pl.Expr:
    return code.replace_strict(messages.minor_digits(), default=None, return_dtype=pl.Int64)


def _fraction(text: pl.Expr) -> pl.Expr:
    return text.str.extract(r"\.([0-9]+)$").fill_null("").str.strip_chars_end("0")


def _minor_units(rows: pl.DataFrame, feed: Feed) -> pl.DataFrame:
    """Good rows with their amounts, until here exact text, as integers of minor units."""
    for rule in feed.rules:
        if isinstance(rule, Money):
            column = f"{rule.amount}_minor"
            text = pl.col(column)
            # the digits up to the minor unit, zeros added: at most 15 + 3, which 64 bits hold
            fraction = pl.concat_str([_fraction(text), pl.lit("000")]).str.slice(
                0, _digits(pl.col(rule.currency))
            )
            whole = text.str.extract(r"^([+-]?[0-9]+)").str.strip_prefix("+")
            rows = rows.with_columns(pl.concat_str([whole, fraction]).cast(pl.Int64).alias(column))
    return rows
