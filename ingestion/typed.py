"""Typing: raw rows in, landed rows and rejections out (T1, E2, E3, and the list of bad input in the interfaces).

Instants become epoch seconds (and, where they decide an order, microseconds within the second), dates days, amounts
integers of the currency's minor unit. A row with any fault is rejected whole, with the rule, the column and the reason
of each fault; nothing is guessed.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache, lru_cache
from typing import Any

import polars as pl
from iso4217 import Currency

from ingestion.feeds import Column, Feed, FirstDay, Money, Order, RequiredWhen
from ingestion.formats import EXTRA, LINE, Batch
from ingestion.zones import zone as named_zone

DELETED = "is_deleted"
# beside the columns of a feed, which never begin like this
_NAMED = "named:"
# `named`: the values of the row that could be typed, as JSON by landed column; `raw`: the row as it was read
REJECTED = {"line": pl.Int64, "rule": pl.String, "column_name": pl.String, "reason": pl.String, "named": pl.String, "raw": pl.String}

_INSTANT = (
    r"^([0-9]{4}-[0-9]{2}-[0-9]{2})[Tt ]((?:[01][0-9]|2[0-3]):[0-5][0-9])(?::([0-5][0-9])(?:[.,]([0-9]+))?)?"
    r"(?:([Zz])|([+-])([01][0-9]|2[0-3]):?([0-5][0-9])?)?$"
)
# the years 1 to 9999, and of naive times a day less on either side, so that every zone can show them
_RANGE = (-62_135_596_800, 253_402_300_799)
_LOCAL_RANGE = (_RANGE[0] + 86_400, _RANGE[1] - 86_400)
_EXACT = r"^[+-]?[0-9]{1,15}(?:\.[0-9]+)?$"


@dataclass(frozen=True)
class Typed:
    """Landed rows (`_line`, the feed's landed columns, `is_deleted` where keyed, `_extra`) and rejected ones (REJECTED)."""

    rows: pl.DataFrame
    rejected: pl.DataFrame


def typed(batch: Batch, feed: Feed, zone: str | None = None) -> Typed:
    """The rows of a batch by the feed's description. `zone`: the time zone the feed declares for naive times (T1)."""
    raw = batch.rows
    present = set(raw.columns)
    missing = [pl.lit(None, pl.String).alias(c.name) for c in feed.columns if c.name not in present]
    if feed.key and "deleted" not in present:
        missing.append(pl.lit(None, pl.String).alias("deleted"))
    frame = raw.with_columns(missing)
    values = [pl.col(LINE), pl.col(EXTRA)]
    # each fault is "rule|column|reason", null where there is none
    faults: list[pl.Expr] = []
    deleted = pl.lit(False)
    if feed.key:
        frame, fault = _boolean(frame, "deleted", DELETED)
        deleted = pl.col(DELETED)
        values.append(deleted)
        faults.append(fault)
    for column in feed.columns:
        frame, fault = _column(frame, column, zone)
        # a row that is deleted needs only its key
        faults.append(fault if column.name in feed.key else pl.when(~deleted).then(fault))
    faults += [pl.when(~deleted).then(fault) for fault in _row_rules(feed)]
    for column in feed.columns:
        landed = {column.landed: pl.col(f"typed:{column.name}")}
        if column.landed_fraction:
            landed[column.landed_fraction] = _microseconds(frame, column.name)
        values += [(value if column.name in feed.key else pl.when(~deleted).then(value)).alias(name) for name, value in landed.items()]
    frame = frame.with_columns(pl.concat_list(faults).list.drop_nulls().alias("faults"))
    good = frame.filter(pl.col("faults").list.len() == 0).select(values)
    bad = frame.filter(pl.col("faults").list.len() > 0)
    named = pl.struct(pl.col(f"typed:{c.name}").alias(c.landed) for c in feed.columns).struct.json_encode()
    bad = bad.with_columns(named.alias("named"))
    return Typed(_minor_units(good, feed), _rejected(bad, raw.columns, batch))


def _rejected(bad: pl.DataFrame, columns: list[str], batch: Batch) -> pl.DataFrame:
    rows: list[tuple[int, str, str | None, str, str | None, str]] = []
    # far dates exist in Parquet, not in Python
    shown = bad.select([*columns, "faults", pl.col("named").alias(_NAMED)]).with_columns(pl.selectors.temporal().cast(pl.String, strict=False))
    for row in shown.iter_rows(named=True):
        rules, names, reasons = zip(*(fault.split("|", 2) for fault in row.pop("faults")), strict=True)
        line, named = row.pop(LINE), row.pop(_NAMED)
        rows.append((line, rules[0], ", ".join(dict.fromkeys(names)), "; ".join(reasons), named, json.dumps(row, default=str, ensure_ascii=False)))
    rows += [(r.line, "readable", None, f"the row {r.reason}", None, r.raw) for r in batch.refused]
    return pl.DataFrame(rows, schema=REJECTED, orient="row")


def _fault(rule: str, column: str, *parts: str | pl.Expr) -> pl.Expr:
    return pl.concat_str([pl.lit(f"{rule}|{column}|"), *(pl.lit(p) if isinstance(p, str) else p for p in parts)], ignore_nulls=True)


def _shown(column: str) -> pl.Expr:
    return pl.concat_str([pl.lit("'"), pl.col(column).cast(pl.String, strict=False).str.slice(0, 80), pl.lit("'")], ignore_nulls=True)


def _boolean(frame: pl.DataFrame, name: str, into: str) -> tuple[pl.DataFrame, pl.Expr]:
    text = pl.col(name).cast(pl.String).str.to_lowercase()
    value = pl.when(text.is_null() | (text == "false")).then(False).when(text == "true").then(True)
    frame = frame.with_columns(value.alias("typed:" + name))
    fault = pl.when(pl.col("typed:" + name).is_null()).then(_fault("boolean", name, _shown(name), " is neither true nor false"))
    return frame.with_columns(pl.col("typed:" + name).fill_null(False).alias(into)), fault


def _column(frame: pl.DataFrame, column: Column, zone: str | None) -> tuple[pl.DataFrame, pl.Expr]:
    """The frame with `typed:<name>`, and the fault of that column."""
    name, into = column.name, "typed:" + column.name
    frame, untyped = _TYPES[column.type](frame, name, into, zone)
    value = pl.col(into)
    fault: Any = pl.when(pl.col(name).is_null()).then(_fault("required", name, f"{name} is missing") if column.required else pl.lit(None, pl.String))
    fault = fault.when(untyped.is_not_null()).then(untyped)
    if column.values:
        allowed = ", ".join(column.values)
        fault = fault.when(~value.is_in(column.values)).then(_fault("values", name, _shown(name), f" is none of {allowed}"))
    if column.minimum is not None:
        fault = fault.when(value < column.minimum).then(_fault("minimum", name, _shown(name), f" is below {column.minimum}"))
    return frame, fault


def _untyped(into: str, name: str, what: str) -> pl.Expr:
    return pl.when(pl.col(into).is_null()).then(_fault("type", name, _shown(name), f" is no {what}"))


Step = tuple[pl.DataFrame, pl.Expr]


def _text(frame: pl.DataFrame, name: str, into: str, zone: str | None) -> Step:
    if frame.schema[name].is_nested() or frame.schema[name] == pl.Binary:
        frame = frame.with_columns(pl.lit(None, pl.String).alias(into))
        return frame, pl.when(pl.col(name).is_not_null()).then(_fault("type", name, f"{name} is no text"))
    text = pl.col(name).cast(pl.String)
    if name in frame.columns and frame.schema[name] == pl.String:
        # an empty text says nothing, in every format
        frame = frame.with_columns(pl.when(text != "").then(text).alias(name))
    return frame.with_columns(pl.col(name).cast(pl.String).alias(into)), pl.lit(None, pl.String)


def _date(frame: pl.DataFrame, name: str, into: str, zone: str | None) -> Step:
    if frame.schema[name] == pl.Date:
        in_range = pl.col(name).dt.year().is_between(1, 9999)
        return frame.with_columns(pl.when(in_range).then(pl.col(name)).alias(into)), _untyped(into, name, "date of the years 1 to 9999")
    text = pl.col(name).cast(pl.String) if frame.schema[name] == pl.String else pl.lit(None, pl.String)
    # no year 0, which Python has no date for
    is_date = text.str.contains(r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$") & ~text.str.starts_with("0000")
    value = pl.when(is_date).then(text).str.to_date("%Y-%m-%d", strict=False)
    return frame.with_columns(value.alias(into)), _untyped(into, name, "date, as in 2026-06-30")


def _double(frame: pl.DataFrame, name: str, into: str, zone: str | None) -> Step:
    if frame.schema[name].is_numeric():
        value = pl.col(name).cast(pl.Float64)
    else:
        text = pl.col(name).cast(pl.String) if frame.schema[name] == pl.String else pl.lit(None, pl.String)
        value = pl.when(text.str.contains(r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$")).then(text).cast(pl.Float64, strict=False)
    return frame.with_columns(pl.when(value.is_finite()).then(value).alias(into)), _untyped(into, name, "number")


def _int(frame: pl.DataFrame, name: str, into: str, zone: str | None) -> Step:
    if frame.schema[name].is_integer():
        value = pl.col(name).cast(pl.Int64, strict=False)
    elif frame.schema[name].is_decimal():
        whole = pl.col(name).cast(pl.Int64, strict=False)
        value = pl.when(whole.cast(frame.schema[name], strict=False) == pl.col(name)).then(whole)
    else:
        text = pl.col(name) if frame.schema[name] == pl.String else pl.lit(None, pl.String)
        value = pl.when(text.str.contains(r"^[+-]?[0-9]{1,18}$")).then(text.str.strip_prefix("+")).cast(pl.Int64, strict=False)
    return frame.with_columns(value.alias(into)), _untyped(into, name, "whole number")


def _decimal(frame: pl.DataFrame, name: str, into: str, zone: str | None) -> Step:
    """As exact text; `_minor_units` makes integers of it."""
    if frame.schema[name].is_float():
        inexact = pl.when(pl.col(name).is_not_null()).then(_fault("exact", name, _shown(name), " is a floating-point number, which is not exact"))
        return frame.with_columns(pl.lit(None, pl.String).alias(into)), inexact
    text = pl.col(name).cast(pl.String) if not frame.schema[name].is_nested() else pl.lit(None, pl.String)
    value = pl.when(text.str.contains(_EXACT)).then(text)
    return frame.with_columns(value.alias(into)), _untyped(into, name, "amount of at most 15 digits before the point")


def _instant(frame: pl.DataFrame, name: str, into: str, zone: str | None) -> Step:
    dtype = frame.schema[name]
    if isinstance(dtype, pl.Datetime):
        seconds = pl.col(name).dt.epoch("us").floordiv(1_000_000)
        seconds = pl.when(seconds.is_between(*(_RANGE if dtype.time_zone else _LOCAL_RANGE))).then(seconds)
        if dtype.time_zone:
            return frame.with_columns(seconds.alias(into)), _untyped(into, name, "instant of the years 1 to 9999")
        frame = frame.with_columns(seconds.alias("local:" + name))
        frame, fault = _from_local(frame, name, into, zone)
        return frame, pl.when(pl.col("local:" + name).is_not_null()).then(fault).otherwise(_untyped(into, name, "instant of the years 1 to 9999"))
    if dtype != pl.String:
        frame = frame.with_columns(pl.lit(None, pl.Int64).alias(into))
        return frame, pl.when(pl.col(name).is_not_null()).then(_fault("type", name, _shown(name), " is no instant"))
    frame = frame.with_columns(pl.col(name).str.extract_groups(_INSTANT).alias("part:" + name))
    day, minute, second, _, utc, sign, hours, minutes = (pl.col("part:" + name).struct[i] for i in range(8))
    local = pl.concat_str([day, pl.lit(" "), minute, pl.lit(":"), second.fill_null("00")])
    local_s = local.str.to_datetime("%Y-%m-%d %H:%M:%S", strict=False).dt.epoch("s")
    offset_s = hours.cast(pl.Int64) * 3600 + minutes.fill_null("00").cast(pl.Int64) * 60
    offset_s = pl.when(utc.is_not_null()).then(0).when(sign == "-").then(-offset_s).otherwise(offset_s)
    zoned_s, is_naive = local_s - offset_s, offset_s.is_null() & local_s.is_between(*_LOCAL_RANGE)
    frame = frame.with_columns(pl.when(zoned_s.is_between(*_RANGE)).then(zoned_s).alias(into), pl.when(is_naive).then(local_s).alias("local:" + name))
    if not frame["local:" + name].is_not_null().any():
        return frame, _untyped(into, name, "instant, as in 2026-06-01T00:00:00Z")
    frame = frame.rename({into: "zoned:" + name})
    frame, fault = _from_local(frame, name, into, zone)
    frame = frame.with_columns(pl.coalesce("zoned:" + name, into).alias(into))
    fault = pl.when(pl.col("local:" + name).is_not_null()).then(fault)
    return frame, fault.otherwise(_untyped(into, name, "instant, as in 2026-06-01T00:00:00Z"))


def _microseconds(frame: pl.DataFrame, name: str) -> pl.Expr:
    """The microseconds within the second of an instant that is typed; further digits are cut (T1)."""
    if isinstance(frame.schema[name], pl.Datetime):
        return pl.col(name).dt.epoch("us").mod(1_000_000)
    if frame.schema[name] != pl.String:
        return pl.lit(None, pl.Int64)
    fraction = pl.col("part:" + name).struct[3]
    # offsets and zones shift by whole seconds
    return pl.when(pl.col("typed:" + name).is_not_null()).then(fraction.str.slice(0, 6).str.pad_end(6, "0").cast(pl.Int64).fill_null(0))


def _from_local(frame: pl.DataFrame, name: str, into: str, zone: str | None) -> Step:
    """Naive local seconds (`local:<name>`) in the zone that the feed declares (T1)."""
    local = frame["local:" + name]
    if zone is None:
        frame = frame.with_columns(pl.lit(None, pl.Int64).alias(into))
        return frame, pl.when(local.is_not_null()).then(_fault("T1", name, _shown(name), " has no offset, and the feed declares no time zone"))
    instants = {s: _instants(s, zone) for s in local.unique().drop_nulls()}
    once = {s: found[0] if len(found) == 1 else None for s, found in instants.items()}
    frame = frame.with_columns(pl.col("local:" + name).replace_strict(once, default=None, return_dtype=pl.Int64).alias(into))
    skipped = [s for s, found in instants.items() if not found]
    fault = (
        pl.when(pl.col("local:" + name).is_in(skipped))
        .then(_fault("T1", name, _shown(name), f" does not exist in {zone}: the clocks skip it"))
        .when(pl.col(into).is_null() & pl.col("local:" + name).is_not_null())
        .then(_fault("T1", name, _shown(name), f" is two instants in {zone}: the clocks repeat it"))
    )
    return frame, fault


@lru_cache(1 << 16)
def _instants(local_s: int, zone: str) -> list[int]:
    """The instants at which clocks in the zone show these local seconds: none, one or two."""
    tz = named_zone(zone)
    naive = datetime.fromtimestamp(local_s, UTC).replace(tzinfo=None)
    found = {int(naive.replace(tzinfo=tz, fold=fold).timestamp()) for fold in (0, 1)}
    return sorted(s for s in found if datetime.fromtimestamp(s, tz).replace(tzinfo=None) == naive)


_TYPES = {"text": _text, "ts": _instant, "date": _date, "double": _double, "int": _int, "decimal": _decimal}


@cache
def _minor_digits() -> dict[str, int | None]:
    return {c.code: c.exponent for c in Currency}


def _row_rules(feed: Feed) -> Iterator[pl.Expr]:
    for rule in feed.rules:
        match rule:
            case Order(start=start, end=end):
                is_wrong = pl.col(f"typed:{end}") < pl.col(f"typed:{start}")
                yield pl.when(is_wrong).then(_fault("order", end, f"{end} ", _shown(end), f" is before {start} ", _shown(start)))
            case RequiredWhen(column=column, when=when, values=values):
                is_wrong = pl.col(f"typed:{when}").is_in(values) & pl.col(column).is_null()
                yield pl.when(is_wrong).then(_fault("required", column, f"{column} is missing, but {when} is ", _shown(when)))
            case FirstDay(column=column):
                is_wrong = pl.col(f"typed:{column}").dt.day() != 1
                yield pl.when(is_wrong).then(_fault("first_day", column, _shown(column), " is not the first day of a month"))
            case Money(amount=amount, currency=currency):
                yield from _money(amount, currency)


def _money(amount: str, currency: str) -> Iterator[pl.Expr]:
    """What makes an amount no money (E3)."""
    code, text = pl.col(f"typed:{currency}"), pl.col(f"typed:{amount}")
    digits = _digits(code)
    known = list(_minor_digits())
    yield (
        pl.when(code.is_not_null() & ~code.is_in(known))
        .then(_fault("E3", currency, _shown(currency), " is no ISO 4217 currency"))
        .when(code.is_not_null() & digits.is_null())
        .then(_fault("E3", currency, _shown(currency), " has no minor unit"))
        .when(digits > 3)
        .then(_fault("E3", currency, _shown(currency), " has more than three decimals"))
        .when(_fraction(text).str.len_chars() > digits)
        .then(_fault("E3", amount, _shown(amount), " is finer than the minor unit of ", _shown(currency)))
    )


def _digits(code: pl.Expr) -> pl.Expr:
    return code.replace_strict(_minor_digits(), default=None, return_dtype=pl.Int64)


def _fraction(text: pl.Expr) -> pl.Expr:
    return text.str.extract(r"\.([0-9]+)$").fill_null("").str.strip_chars_end("0")


def _minor_units(rows: pl.DataFrame, feed: Feed) -> pl.DataFrame:
    """Good rows with their amounts, until here exact text, as integers of minor units (E3)."""
    for rule in feed.rules:
        if isinstance(rule, Money):
            column = f"{rule.amount}_minor"
            text = pl.col(column)
            # the digits up to the minor unit, zeros added: at most 15 + 3, which 64 bits hold
            fraction = pl.concat_str([_fraction(text), pl.lit("000")]).str.slice(0, _digits(pl.col(rule.currency)))
            whole = text.str.extract(r"^([+-]?[0-9]+)").str.strip_prefix("+")
            rows = rows.with_columns(pl.concat_str([whole, fraction]).cast(pl.Int64).alias(column))
    return rows
