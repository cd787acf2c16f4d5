"""Rows that may not come in: every kind of them, for every column and rule of every feed, in every
format (interfaces, Bad input; T1, E1-E3, K1).

The kinds are derived from the feeds' own descriptions, so that a new feed is tested by itself; what
descriptions don't say is written down.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from io import BytesIO
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from makegood.ingestion.feeds.specs import Feed, FirstDay, Money, Order, RequiredWhen, feeds
from makegood.ingestion.landing import land
from makegood.ingestion.landing.land import Landed, Reading, feed_settings
from tests.conftest import Runner, csv_text
from tests.e2e.test_command import makegood

AS_OF = "2026-07-10T00:00:00Z"
Row = dict[str, str | None]

# what a good row needs beyond its description, to mean something in the marts
MEANING: dict[str, Row] = {
    "services": {"contract_id": "trueengage", "product_category": "voice"},
    "components": {"region": "eu", "active_to": None},
    "outages": {"ended_at": "2026-06-01T01:00:00Z"},
    "exclusions": {"kind": "emergency_maintenance", "region": "eu", "customer_id": None},
    "subscriptions": {"region": "eu", "support_plan": "premium", "valid_to": "2026-12-31"},
    "tickets": {"exclusion_kind": None},
    "ticket_events": {
        "event": "status_updated",
        "severity": "P1",
        "occurred_at": "2026-06-03T00:00:00Z",
    },
    "invoices": {"status": "issued"},
    "invoice_lines": {"period_end": "2026-06-30", "currency": "EUR"},
}

GOOD_VALUES = {
    "text": None,
    "ts": "2026-06-01T00:00:00Z",
    "date": "2026-06-01",
    "double": "12.5",
    "int": "90",
    "decimal": "1.50",
    "boolean": "true",
}
# bad values by type, and what is said of each
BAD_VALUES: dict[str, dict[str, str]] = {
    "text": {},
    "ts": {
        "yesterday": "is not an instant: write it as in 2026-06-01T00:00:00Z",
        "2026-02-30T00:00:00Z": (
            "is not an instant, since 2026-02-30 is not a day of the calendar: write one that is, "
            "as in 2026-06-01T00:00:00Z"
        ),
        "2026-06-01T24:00:00Z": "is not an instant: write it as in 2026-06-02T00:00:00Z",
        "2026-06-01T00:00:60Z": "is not an instant: write it as in 2026-06-01T00:00:59Z",
        "2026-06-01T25:00:00Z": "is not an instant: write it as in 2026-06-01T00:00:00Z",
        "2026-06-01T00:00:00+25:00": (
            "is not an instant, since '+25:00' is not an offset: write one as in "
            "2026-06-01T00:00:00+02:00, or Z for UTC"
        ),
        "2026-06-01": "is not an instant, since it has no time: write it as in "
        "2026-06-01T00:00:00Z",
        "1780272000": "is not an instant but, it seems, a Unix time: write 2026-06-01T00:00:00Z",
        "2026-06-01T00:00:00 ZZ": "is not an instant: write it as in 2026-06-01T00:00:00Z",
        " 2026-06-01T00:00:00Z": "is not an instant: write it as in 2026-06-01T00:00:00Z",
        "2026-06-01T00:00:00  Z": "is not an instant: write it as in 2026-06-01T00:00:00Z",
        "2026-06-01T00:00:00UTC": "is not an instant: write it as in 2026-06-01T00:00:00Z",
        "2026-06-01T00:00:00 GMT": "is not an instant: write it as in 2026-06-01T00:00:00Z",
        "2026-06-01 00:00:00 EST": "is not an instant, since 'EST' is an abbreviation that several "
        "zones share: write the "
        "offset, as in 2026-06-01T00:00:00-05:00, "
        "or leave it out and declare the zone in feeds.yaml, as in America/New_York",
        "2026-06-01T00:00:00 Europe/Warsaw": "is not an instant, since it names a zone instead of "
        "an offset: write the offset, as in "
        "2026-06-01T00:00:00Z, "
        "or leave it out and declare the zone in feeds.yaml, as in Europe/Warsaw",
        "01/06/2026 10:00": (
            "is not an instant: write it as in 2026-06-01T10:00:00Z, or 2026-01-06T10:00:00Z if "
            "its month comes first"
        ),
        "0000-01-01T00:00:00Z": (
            "is not an instant, since 0000-01-01 is not a day of the calendar: write one that is, "
            "as in 2026-06-01T00:00:00Z"
        ),
        "9999-12-31T23:59:59-01:00": (
            "is not an instant of the years 1 to 9999: write one that is, as in "
            "2026-06-01T00:00:00Z"
        ),
        "٢٠٢٦-06-01T00:00:00Z": "is not an instant: write it as in 2026-06-01T00:00:00Z",
        "true": "is not an instant: write it as in 2026-06-01T00:00:00Z",
    },
    "date": {
        "tomorrow": "is not a date: write it as in 2026-06-30",
        "2026-02-30": "is not a day of the calendar: write one that is, as in 2026-06-30",
        "2026-6-1": "is not a date: write 2026-06-01",
        "01/06/2026": "is not a date: write 2026-06-01, or 2026-01-06 if its month comes first",
        "31.12.2026": "is not a date: write 2026-12-31",
        "2026-06-01T00:00:00Z": "is not a date: write 2026-06-01",
        "2026-06-01 00:00:00": "is not a date: write 2026-06-01",
        "20260601": "is not a date: write 2026-06-01",
        "46174": "is not a date but, it seems, a spreadsheet's number of one: write 2026-06-01",
        "0000-01-01": "is not a day of the calendar: write one that is, as in 2026-06-30",
        "2026-06-01 ": "is not a date: write 2026-06-01",
    },
    "double": {
        "fast": "is not a number: write it as in 12.5",
        "NaN": "is not a number: leave it empty where there is none, or write it as in 12.5",
        "inf": "is not a number: leave it empty where there is none, or write it as in 12.5",
        "1,5": "is not a number: write 1.5",
        "1e999": "is too large a number: write it as in 12.5",
        "0x10": "is not a number: write it as in 12.5",
        "1 000": "is not a number: write 1000",
        "--1": "is not a number: write it as in 12.5",
        "true": "is not a number: write it as in 12.5",
    },
    "int": {
        "1.5": "is not a whole number: write it as in 90",
        "one": "is not a whole number: write it as in 90",
        "1e3": "is not a whole number: write 1000",
        "1 000": "is not a whole number: write 1000",
        "90.0": "is not a whole number: write 90",
        "true": "is not a whole number: write it as in 90",
        "½": "is not a whole number: write it as in 90",
    },
    "decimal": {
        "1e3": "is not an amount: write 1000",
        "1,50": "is not an amount: write 1.50",
        "1.234,56": "is not an amount: write 1234.56",
        "1,234.56": "is not an amount: write 1234.56",
        "1,234": "is not an amount: write 1234, or 1.234 if that is its decimal sign",
        "1 000.00": "is not an amount: write 1000.00",
        "€1": "is not an amount: write 1, and the currency in its own column",
        "EUR 12": "is not an amount: write 12, and the currency in its own column",
        "(12.50)": "is not an amount: write -12.50",
        "1.": "is not an amount: write 1",
        ".5": "is not an amount: write 0.5",
        "1234567890123456": "has more than 15 digits before the point, the most that an amount may "
        "have",
        "NaN": "is not an amount: write it as in 1234.56",
        "--1": "is not an amount: write it as in 1234.56",
        "1.5.0": "is not an amount: write it as in 1234.56",
    },
    "boolean": {
        "yes": "is neither true nor false: write true",
        "0": "is neither true nor false: write false",
        "true ": "is neither true nor false: write true",
        "ture": "is neither true nor false: write true",
        "met": "is neither true nor false",
        "1.0": "is neither true nor false",
    },
}
# what stands for "none" in many exports, where a column may be empty and does not say that it is
# meant
PLACEHOLDERS = {
    "date": ["0001-01-01", "1900-01-01", "1970-01-01"],
    "ts": [
        "0001-01-01T00:00:00Z",
        "1900-01-01T00:00:00Z",
        "1970-01-01 00:00:00.5Z",
        "1969-12-31T19:00:00-05:00",
        "1970-01-01T00:00:00+01:00",
        "1900-01-01T00:00 -0300",
        "0001-01-01T00:00:00+14:00",
        "1970-01-01T00:00:00",
        "0001-01-01T00:00:00",
    ],
}
MEANT_ALL_THE_SAME = {("components", "active_from")}
NEEDS = {
    "ts": "an instant, as in 2026-06-01T00:00:00Z",
    "date": "a date, as in 2026-06-30",
    "int": "a whole number, as in 90",
    "decimal": "an amount, as in 1234.56",
    "text": "a text",
}
NO_OFFSET = (
    "has no offset, and the feed declares no time zone: write the offset, as in "
    "2026-06-01T00:00:00Z or 2026-06-01T02:00:00+02:00, "
    "or declare the zone in feeds.yaml, as in {}: {{time_zone: Europe/Warsaw}}"
)


@dataclass(frozen=True)
class Case:
    """A bad row, what it breaks in which column, and the words for it."""

    kind: str
    row: Row
    rule: str
    column: str
    reason: str


def good(feed: Feed, number: int, /, **change: str | None) -> Row:
    """A row of a feed with every column filled; its references are rows of number 0."""
    row: Row = {}
    for column in feed.columns:
        value = (
            column.values[0]
            if column.values
            else GOOD_VALUES[column.type] or f"{feed.feed}-{number}"
        )
        row[column.name] = f"{column.references}-0" if column.references else value
    return row | MEANING.get(feed.feed, {}) | change


def cases(feed: Feed) -> list[Case]:
    """Every kind of bad row that the description of a feed knows."""
    found: list[Case] = []

    def add(kind: str, rule: str, column: str, reason: str, /, **change: str | None) -> None:
        found.append(
            Case(f"{feed.feed}: {kind}", good(feed, len(found) + 1, **change), rule, column, reason)
        )

    for column in feed.columns:
        name, listed = column.name, ", ".join(column.values or [])
        if column.required:
            add(
                f"{name} missing",
                "required",
                name,
                (
                    f"{name} is missing: every row needs "
                    f"{f'one of {listed}' if listed else NEEDS[column.type]}"
                ),
                **{name: None},
            )
        for text, why in BAD_VALUES[column.type].items():
            add(f"{name} is {text!r}", "type", name, f"'{text}' {why}", **{name: text})
        if column.type == "ts":
            naive = "2026-06-01T00:00:00"
            add(
                f"{name} naive",
                "T1",
                name,
                f"'{naive}' {NO_OFFSET.format(feed.feed)}",
                **{name: naive},
            )
        if not column.required and (feed.feed, name) not in MEANT_ALL_THE_SAME:
            for text in PLACEHOLDERS.get(column.type, []):
                why = (
                    f"'{text}' means 'none' in many exports: leave {name} empty where there is "
                    "none, or write the real one"
                )
                add(f"{name} is {text}", "placeholder", name, why, **{name: text})
        if column.values:
            first = column.values[0]
            for text in (first.upper(), first + " ", first + "\u00a0"):
                shown = text.replace("\u00a0", "\\xa0")
                add(
                    f"{name} is {text!r}",
                    "values",
                    name,
                    f"'{shown}' is not one of {listed}: write {first}",
                    **{name: text},
                )
            add(
                f"{name} is another",
                "values",
                name,
                f"'nonsense' is not one of {listed}",
                **{name: "nonsense"},
            )
        if column.minimum is not None:
            text = str(column.minimum - 1)
            add(
                f"{name} too small",
                "minimum",
                name,
                f"'{text}' is below {column.minimum}, the least that it may be",
                **{name: text},
            )
        if column.maximum is not None:
            for text in (str(column.maximum + 1), f"+{column.maximum}0", "9" * 19, "9" * 40):
                add(
                    f"{name} is {text}",
                    "maximum",
                    name,
                    f"'{text}' is above {column.maximum}, the most that it may be",
                    **{name: text},
                )
            add(
                f"{name} far too small",
                "minimum",
                name,
                f"'-{'9' * 19}' is below {column.minimum}, the least that it may be",
                **{name: "-" + "9" * 19},
            )
    if feed.key:
        for text, why in (
            ("perhaps", ""),
            ("yes", ": write true"),
            ("0", ": write false"),
            ("true ", ": write true"),
        ):
            add(
                f"deleted is {text!r}",
                "boolean",
                "deleted",
                f"'{text}' is neither true nor false{why}",
                deleted=text,
            )
        for name in feed.key:
            column = next(c for c in feed.columns if c.name == name)
            add(
                f"deleted without {name}",
                "required",
                name,
                f"{name} is missing: every row needs {NEEDS[column.type]}",
                deleted="true",
                **{name: None},
            )
    for rule in feed.rules:
        match rule:
            case Order(start=start, end=end):
                early, late = (
                    ("2026-05-31", "2026-06-01")
                    if good(feed, 0)[start] == "2026-06-01"
                    else ("2026-05-31T23:59:59Z", "2026-06-01T00:00:00Z")
                )
                add(
                    f"{end} before {start}",
                    "order",
                    end,
                    (
                        f"{end} '{early}' is before {start} '{late}': write an end that is not "
                        "before its start"
                    ),
                    **{start: late, end: early},
                )
            case RequiredWhen(column=name, when=when, values=values):
                for value in values:
                    add(
                        f"{name} missing with {value}",
                        "required",
                        name,
                        f"{name} is missing, but {when} is '{value}', which needs one",
                        **{name: None, when: value},
                    )
            case FirstDay(column=name):
                for day in ("2026-06-02", "2026-06-30"):
                    add(
                        f"{name} on {day}",
                        "first_day",
                        name,
                        f"'{day}' is not the first day of a month: write 2026-06-01",
                        **{name: day},
                    )
            case Money(amount=amount, currency=currency):
                for code, why in (
                    ("XYZ", "is not an ISO 4217 code: write one as in EUR"),
                    ("eur", "is not an ISO 4217 code: write EUR"),
                    ("$", "is not an ISO 4217 code: write the code, as in USD"),
                    ("€", "is not an ISO 4217 code: write EUR"),
                    ("RMB", "is not an ISO 4217 code: ISO 4217 has CNY"),
                    ("EURO", "is not an ISO 4217 code: the nearest is EUR"),
                    (
                        "XXX",
                        (
                            "has no minor unit in which an amount is exact: write the currency "
                            "that is paid in, as in EUR"
                        ),
                    ),
                    (
                        "CLF",
                        (
                            "has more than three decimals, the most that an amount may have: "
                            "write the currency that is paid in, as in EUR"
                        ),
                    ),
                ):
                    add(
                        f"{currency} is {code}",
                        "E3",
                        currency,
                        f"'{code}' {why}",
                        **{currency: code},
                    )
                for code, text, wanted in (
                    ("JPY", "1.5", "no decimals, as in 1235"),
                    (
                        "EUR",
                        "0.001",
                        (
                            "at most 2 decimals, as in 1234.57, or 0001 if its point separates "
                            "thousands"
                        ),
                    ),
                    (
                        "EUR",
                        "12.345",
                        (
                            "at most 2 decimals, as in 1234.57, or 12345 if its point separates "
                            "thousands"
                        ),
                    ),
                    ("EUR", "-1.2345", "at most 2 decimals, as in 1234.57"),
                    ("KWD", "0.0001", "at most 3 decimals, as in 1234.567"),
                ):
                    why = f"'{text}' is finer than the minor unit of '{code}': write {wanted}"
                    add(
                        f"{amount} of {text} {code} too fine",
                        "E3",
                        amount,
                        why,
                        **{amount: text, currency: code},
                    )
    return found


def in_format(name: str, feed: Feed, rows: list[Row]) -> bytes:
    """Rows as a file; a line each, after a header in CSV."""
    names = list(
        dict.fromkeys(
            key for row in [*rows, dict.fromkeys(c.name for c in feed.columns)] for key in row
        )
    )
    if name == "csv":
        return csv_text(feed.feed, [dict(row) for row in rows]).encode()
    if name == "jsonl":
        # a missing field, a null and an empty text are the same
        absent = [{}, {None: None}, {None: ""}]
        return "".join(
            json.dumps(
                {
                    k: v if v is not None else absent[n % 3][None]
                    for k, v in row.items()
                    if v is not None or n % 3
                }
            )
            + "\n"
            for n, row in enumerate(rows)
        ).encode()
    frame = pl.DataFrame(
        {key: [row.get(key) for row in rows] for key in names},
        schema=dict.fromkeys(names, pl.String),
    )
    out = BytesIO()
    frame.write_parquet(out)
    return out.getvalue()


FIRST_LINE = {"csv": 2, "jsonl": 1, "parquet": 1}


def read(folder: Path) -> Reading:
    return land.read(
        folder,
        folder.parent / "store",
        folder.parent / "work",
        "r",
        Landed(),
        feed_settings(folder),
    )


def delivered(tmp_path: Path, path: str, content: bytes, settings: str = "") -> Path:
    target = tmp_path / "landing" / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(content)
    if settings:
        (tmp_path / "landing" / "feeds.yaml").write_text(settings)
    return tmp_path / "landing"


@pytest.mark.parametrize("name", FIRST_LINE)
@pytest.mark.parametrize("feed", feeds().values(), ids=lambda feed: feed.feed)
def test_every_kind_is_rejected_with_file_line_rule_reason_and_raw(
    tmp_path: Path, feed: Feed, name: str
) -> None:
    bad = cases(feed)
    assert len({case.kind for case in bad}) == len(bad) >= len(feed.columns)
    reading = read(
        delivered(
            tmp_path,
            f"{feed.feed}/a.{name}",
            in_format(
                name, feed, [good(feed, 0), *(case.row for case in bad), good(feed, len(bad) + 1)]
            ),
        )
    )
    found = reading.rejected.to_dicts()
    for line, (case, row) in enumerate(zip(bad, found, strict=True), FIRST_LINE[name] + 1):
        assert (row["feed"], row["path"], row["line"]) == (
            feed.feed,
            f"{feed.feed}/a.{name}",
            line,
        ), case.kind
        assert (row["rule"], row["column_name"], row["reason"]) == (
            case.rule,
            case.column,
            case.reason,
        )
        kept = {key: value for key, value in json.loads(row["raw"]).items() if value is not None}
        assert kept == {key: value for key, value in case.row.items() if value is not None}, (
            "the row is kept whole"
        )
    assert reading.landed.deliveries.select("rows_read", "rows_landed", "rows_rejected").rows() == [
        (len(bad) + 2, 2, len(bad))
    ]
    assert (
        reading.blocked_by(feed_settings(tmp_path / "landing"))[0]
        == f"{feed.feed}: {len(bad)} of {len(bad) + 2} rows are rejected, more than 5 %"
    )


@pytest.mark.parametrize("name", FIRST_LINE)
@pytest.mark.parametrize(
    "feed",
    [f for f in feeds().values() if any(c.type == "ts" for c in f.columns)],
    ids=lambda feed: feed.feed,
)
def test_local_times_that_clocks_skip_or_repeat(tmp_path: Path, feed: Feed, name: str) -> None:
    """T1, in each column of instants of a feed that declares a zone."""
    columns = [c.name for c in feed.columns if c.type == "ts"]
    bad = [
        Case("", good(feed, 1, **{column: text}), "T1", column, f"'{text}' {why}")
        for column in columns
        for text, why in (
            (
                "2026-03-29T02:30:00",
                (
                    "does not exist in Europe/Warsaw, where the clocks skip it: write an offset, "
                    "as in 2026-03-29T02:30:00+01:00 or 2026-03-29T02:30:00+02:00"
                ),
            ),
            (
                "2026-10-25 02:00",
                (
                    "is two instants in Europe/Warsaw, where the clocks repeat it: write the "
                    "offset, 2026-10-25T02:00:00+02:00 for the first or 2026-10-25T02:00:00+01:00 "
                    "for the second"
                ),
            ),
        )
    ]
    local = good(feed, 0) | dict.fromkeys(columns, "2026-06-01T02:00:00")
    folder = delivered(
        tmp_path,
        f"{feed.feed}/a.{name}",
        in_format(name, feed, [local, *(case.row for case in bad)]),
        f"{feed.feed}: {{time_zone: Europe/Warsaw}}\n",
    )
    reading = read(folder)
    found = [
        (r["line"], r["rule"], r["column_name"], r["reason"]) for r in reading.rejected.to_dicts()
    ]
    assert found == [
        (line, case.rule, case.column, case.reason)
        for line, case in enumerate(bad, FIRST_LINE[name] + 1)
    ]
    landed = pl.read_parquet(
        tmp_path
        / ("work/checks/*/*.parquet" if feed.feed == "checks" else f"store/{feed.feed}/r.parquet")
    )
    assert landed.select(f"{c}_s" for c in columns).rows() == [(1_780_272_000,) * len(columns)]


# -------------------------------- what descriptions don't say: rows that can't be read at all

FEWER = "the row has 1 field, the header has 2: write all of them, empty ones too"
MORE = "the row has 3 fields, the header has 2: put a field that holds commas in double quotes"
UNREAD_CSV = [
    (b"c-1", FEWER, "c-1"),
    (b"c-1,C,more", MORE, "c-1,C,more"),
    (b'c-1,"C\nD",', MORE, 'c-1,"C\nD",'),
    (b'""', FEWER, '""'),
    (b" ", FEWER, " "),
    (b"c-\xff,C", "the row is not UTF-8: export the file as UTF-8", "c-\\xff,C"),
    (b"c-1,\xc3", "the row is not UTF-8: export the file as UTF-8", "c-1,\\xc3"),
    (b"c-1,\xe2\x28\xa1,\xff", MORE, "c-1,\\xe2(\\xa1,\\xff"),
]
UNREAD_JSON = [
    (b"[1]", 'it is a list, and a row is an object, as in {"customer_id": "…"}'),
    (b"7", "it is a number, and"),
    (b'"text"', "it is a text, and"),
    (b"null", "it is null, and"),
    (b"true", "it is a boolean, and"),
    (b'{"customer_id": "c-1",}', "Illegal trailing comma|Expecting property name"),
    (b"{'customer_id': 'c-1'}", "Expecting property name"),
    (b'{"customer_id": "c-1"} {"customer_id": "c-2"}', "Extra data"),
    (b'{"customer_id": "c-1"', "Expecting ',' delimiter"),
    (b'{"customer_id": "c-1", "name": NaN}', "NaN is not JSON: write null"),
    (b'{"customer_id": "c-1", "name": -Infinity}', "-Infinity is not JSON: write null"),
    (b'{"customer_id": "c-1", "name": ["C"]}', "name holds a list: write a text or a number"),
    (b'{"customer_id": {"id": "c-1"}, "name": "C"}', "customer_id holds an object"),
    (b'{"customer_id": "c-1", "name": "C", "name": "D"}', "a key is in it twice"),
    (b'{"customer_id": "c-1", "name": "\\ud800"}', "half a character"),
    (b'{"customer_id": "c-1", "name": "\xff"}', "can't decode"),
    (b'{"customer_id": "c-1", "name": "C\x01"}', "Invalid control character"),
    (b"customer_id,name", "Expecting value"),
    (b"\x00", "Expecting value"),
    (b'{"a":' * 2000 + b"1" + b"}" * 2000, "nested too deeply"),
]


def test_rows_of_csv_that_cant_be_read(tmp_path: Path) -> None:
    text = b"customer_id,name\n" + b"".join(row + b"\nc-0,C\n" for row, _, _ in UNREAD_CSV)
    found = read(delivered(tmp_path, "customers/a.csv", text)).rejected.sort("line").to_dicts()
    line, expected = 2, []
    for row, reason, raw in UNREAD_CSV:
        expected.append((line, "readable", None, reason, raw))
        line += 2 + row.count(b"\n")
    assert [
        (r["line"], r["rule"], r["column_name"], r["reason"], r["raw"]) for r in found
    ] == expected


def test_lines_that_are_not_json_objects(tmp_path: Path) -> None:
    text = b"".join(row + b"\n\n" for row, _ in UNREAD_JSON)
    found = read(delivered(tmp_path, "customers/a.jsonl", text)).rejected.to_dicts()
    for number, (found_row, (raw, reason)) in enumerate(zip(found, UNREAD_JSON, strict=True)):
        assert (found_row["line"], found_row["rule"]) == (2 * number + 1, "readable")
        assert any(part in found_row["reason"] for part in reason.split("|")), found_row["reason"]
        assert found_row["reason"].startswith("the row is not a JSON object: ")
        assert found_row["raw"] == raw.decode("utf-8", "backslashreplace")


# feed, column, values of one Parquet type, rule, words
TYPED_PARQUET: list[tuple[str, str, pl.Series, str, str]] = [
    ("checks", "checked_at", pl.Series([datetime(2026, 6, 1)]), "T1", "has no offset"),
    (
        "checks",
        "checked_at",
        pl.Series([datetime(2026, 6, 1)], dtype=pl.Datetime("ns")),
        "T1",
        "has no offset",
    ),
    ("checks", "checked_at", pl.Series([1_780_272_000]), "type", "is not an instant"),
    ("checks", "checked_at", pl.Series([1_780_272_000.5]), "type", "is not an instant"),
    ("checks", "checked_at", pl.Series([date(2026, 6, 1)]), "type", "is not an instant"),
    ("checks", "checked_at", pl.Series([True]), "type", "is not an instant"),
    (
        "checks",
        "checked_at",
        pl.Series([2**62]).cast(pl.Datetime("ms", "UTC")),
        "type",
        "'4611686018427387904' is not an instant",
    ),
    (
        "checks",
        "checked_at",
        pl.Series([-(2**62)]).cast(pl.Datetime("us", "UTC")),
        "type",
        "'-4611686018427387904' is not an instant",
    ),
    ("checks", "latency_ms", pl.Series([float("nan")]), "type", "is not a number"),
    ("checks", "latency_ms", pl.Series([float("inf")]), "type", "is not a number"),
    ("checks", "latency_ms", pl.Series([-1], dtype=pl.Int8), "minimum", "is below 0"),
    ("checks", "latency_ms", pl.Series([True]), "type", "is not a number"),
    ("checks", "status", pl.Series([1]), "values", "'1' is not one of up"),
    (
        "invoices",
        "due_on",
        pl.Series([datetime(2026, 6, 1, tzinfo=UTC)]),
        "type",
        (
            "is an instant, whose date depends on the zone: export it as DATE, or as text as in "
            "2026-06-01"
        ),
    ),
    (
        "invoices",
        "due_on",
        pl.Series([datetime(2026, 6, 1, 2)]),
        "type",
        "is not midnight, and a date has no time: export it as DATE, or as text as in 2026-06-01",
    ),
    ("invoices", "due_on", pl.Series([1], dtype=pl.Datetime("ns")), "type", "is not midnight"),
    ("invoices", "due_on", pl.Series([date(1970, 1, 1)]), "placeholder", "leave due_on empty"),
    ("invoices", "due_on", pl.Series([datetime(1, 1, 1)]), "placeholder", "leave due_on empty"),
    (
        "outages",
        "ended_at",
        pl.Series([datetime(1900, 1, 1, tzinfo=UTC)]),
        "placeholder",
        "leave ended_at empty",
    ),
    ("outages", "ended_at", pl.Series([datetime(1, 1, 1)]), "placeholder", "leave ended_at empty"),
    (
        "outages",
        "ended_at",
        pl.Series([999_999_999], dtype=pl.Datetime("ns", "UTC")),
        "placeholder",
        "leave ended_at empty",
    ),
    (
        "customers",
        "customer_id",
        pl.Series([4711.0]),
        "exact",
        (
            "'4711.0' is a floating-point number, in which ids lose zeros and digits: export "
            "customer_id as text, as in '0004711'"
        ),
    ),
    ("customers", "name", pl.Series([1.5], dtype=pl.Float32), "exact", "export name as text"),
    ("checks", "status", pl.Series([float("nan")]), "exact", "export status as text"),
    ("invoices", "due_on", pl.Series([20260601]), "type", "is not a date"),
    (
        "invoices",
        "due_on",
        pl.Series([2**30], dtype=pl.Int32).cast(pl.Date),
        "type",
        "'1073741824' is not a date",
    ),
    (
        "invoice_lines",
        "amount",
        pl.Series([1.5]),
        "exact",
        "is a floating-point number, which is not exact",
    ),
    (
        "invoice_lines",
        "amount",
        pl.Series([1.5], dtype=pl.Float32),
        "exact",
        "is a floating-point number, which is not exact",
    ),
    (
        "invoice_lines",
        "amount",
        pl.Series([Decimal("0.001")]),
        "E3",
        "is finer than the minor unit",
    ),
    ("invoice_lines", "amount", pl.Series([True]), "type", "is not an amount"),
    ("support_hours", "minutes", pl.Series([Decimal("1.5")]), "type", "is not a whole number"),
    ("support_hours", "minutes", pl.Series([1.0]), "type", "is not a whole number"),
    (
        "support_hours",
        "minutes",
        pl.Series([2**64 - 1], dtype=pl.UInt64),
        "maximum",
        "'18446744073709551615' is above 10000000",
    ),
    ("support_hours", "minutes", pl.Series([Decimal(10) ** 30]), "maximum", "is above 10000000"),
    ("support_hours", "minutes", pl.Series([-1], dtype=pl.Int8), "minimum", "is below 0"),
    ("customers", "deleted", pl.Series([2]), "boolean", "is neither true nor false"),
]


@pytest.mark.parametrize(
    ("feed", "column", "values", "rule", "reason"),
    TYPED_PARQUET,
    ids=lambda v: str(v.dtype) if isinstance(v, pl.Series) else str(v)[:20],
)
def test_values_of_parquet_types(
    tmp_path: Path, feed: str, column: str, values: pl.Series, rule: str, reason: str
) -> None:
    rows = pl.DataFrame(
        [good(feeds()[feed], 0)],
        schema_overrides={c.name: pl.String for c in feeds()[feed].columns},
    ).with_columns(values.alias(column))
    folder = delivered(tmp_path, f"{feed}/a.parquet", b"")
    rows.write_parquet(folder / feed / "a.parquet")
    found = read(folder).rejected.to_dicts()
    assert [(r["line"], r["rule"], r["column_name"]) for r in found] == [(1, rule, column)]
    assert reason in found[0]["reason"]
    assert column in json.loads(found[0]["raw"])


@pytest.mark.parametrize(("unit", "per_second"), [("ms", 10**3), ("us", 10**6)])
def test_a_midnight_is_a_date_beside_a_day_beyond_all_calendars(
    tmp_path: Path, unit: str, per_second: int
) -> None:
    """The far one costs its own row alone."""
    at = pa.array(
        [1_782_777_600 * per_second, -86_400 * per_second, 5 * per_second, 2**62, -(2**62), None],
        pa.timestamp(unit),
    )
    rows = [good(feeds()["invoices"], n) for n in range(6)]
    table = pa.Table.from_pylist(rows).drop_columns("due_on").append_column("due_on", at)
    folder = delivered(tmp_path, "invoices/a.parquet", b"")
    pq.write_table(table, folder / "invoices" / "a.parquet")
    found = read(folder).rejected
    assert found["line"].to_list() == [3, 4, 5]
    assert found["column_name"].unique().to_list() == ["due_on"]
    assert pl.read_parquet(tmp_path / "store/invoices/r.parquet")["due_on"].to_list() == [
        date(2026, 6, 30),
        date(1969, 12, 31),
        None,
    ]


# ---------------------------------------------------------------- what a blocked run says


def test_a_blocked_run_says_the_commonest_reasons_with_what_to_write(tmp_path: Path) -> None:
    feed = feeds()["outages"]
    rows = [good(feed, n) for n in range(12)]
    for n, change in enumerate(
        [
            {"state": "Down"},
            {"started_at": "2026-06-01"},
            {"state": "sideways"},
            {"outage_id": None},
            {"started_at": "soon"},
            {"state": "UP"},
            {"component_id": None},
        ]
    ):
        rows[n + 2] |= change
    text = csv_text("outages", [dict(row) for row in rows]) + "odd\n"
    folder = delivered(tmp_path, "outages/b.csv", text.encode())
    # in the order of paths: the first of a reason lies here
    early = [good(feed, 20, state="dwon")] + [good(feed, n) for n in range(21, 23)]
    (folder / "outages" / "a.jsonl").write_bytes(in_format("jsonl", feed, early))
    delivered(tmp_path, "customers/c.csv", b"customer_id,name\n1,a\n2,\n")
    assert read(folder).blocked_by(feed_settings(folder))[:8] == [
        "customers: 1 of 2 rows are rejected, more than 5 %",
        "  1 row, name: name is missing: every row needs a text (first in customers/c.csv, line 3)",
        "outages: 9 of 16 rows are rejected, more than 5 %",
        (
            "  4 rows, state: 'dwon' is not one of down, degraded, up: the nearest is down (first "
            "in outages/a.jsonl, line 1)"
        ),
        (
            "  2 rows, started_at: '2026-06-01' is not an instant, since it has no time: write it "
            "as in 2026-06-01T00:00:00Z (first in outages/b.csv, line 5)"
        ),
        (
            "  1 row, outage_id: outage_id is missing: every row needs a text (first in "
            "outages/b.csv, line 7)"
        ),
        "  2 rows for other reasons",
        "nothing has been delivered of services, components, subscriptions",
    ]


def test_a_feed_below_its_limit_and_a_file_rejected_whole_have_their_own_words(
    tmp_path: Path,
) -> None:
    folder = delivered(
        tmp_path,
        "customers/a.csv",
        b"customer_id,name\n1,\n" + b"".join(b"%d,a\n" % n for n in range(2, 22)),
    )
    delivered(tmp_path, "customers/b.csv", b'customer_id,name\n1,a\n2,"b\n')
    delivered(tmp_path, "customers/c.parquet", b"")
    reasons = read(folder).blocked_by(feed_settings(folder))
    assert reasons[0].startswith(
        "customers/b.csv is rejected whole (line 3): has a quote that is not closed as it must be"
    )
    assert reasons[1].startswith("customers/c.parquet is rejected whole: can't be read as Parquet")
    assert not any("rows" in reason for reason in reasons), "one of twenty-one is below the limit"


@pytest.mark.long
def test_the_terminal_the_status_and_the_alert_say_why_a_run_is_blocked(tmp_path: Path) -> None:
    """Each shows the commonest reason of a feed; an alert, which is short, first all feeds that
    block the run."""
    folder = delivered(
        tmp_path,
        "outages/a.csv",
        in_format("csv", feeds()["outages"], [good(feeds()["outages"], 0, state="Down")]),
    )
    others = ("tickets", "invoices", "invoice_lines", "support_hours")
    for name in others:
        delivered(
            tmp_path,
            f"{name}/a.csv",
            in_format("csv", feeds()[name], [case.row for case in cases(feeds()[name])[:30]]),
        )
    done = makegood("run", "--landing", folder, "--warehouse", tmp_path / "w", "--as-of", AS_OF)
    assert done.returncode == 3
    head = "outages: 1 of 1 rows are rejected, more than 5 %"
    detail = (
        "1 row, state: 'Down' is not one of down, degraded, up: write down (first in "
        "outages/a.csv, line 2)"
    )
    status = makegood("status", "--warehouse", tmp_path / "w").stdout
    for said in (done.stderr, status):
        assert f"\n  {head}\n    {detail}\n" in said
    (alert,) = re.findall(
        "Happened: (.*)", makegood("alerts", "--warehouse", tmp_path / "w").stdout
    )
    assert re.match(
        r"(\w+: \d+ of \d+ rows are rejected, more than 5 %; ){5}nothing has been delivered", alert
    )
    # of a single feed it says the reason too
    for name in others:
        (folder / name / "a.csv").unlink()
    for name in ("customers", "services", "components", "subscriptions"):
        delivered(
            tmp_path, f"{name}/a.csv", in_format("csv", feeds()[name], [good(feeds()[name], 0)])
        )
    assert (
        makegood(
            "run", "--landing", folder, "--warehouse", tmp_path / "w", "--as-of", AS_OF
        ).returncode
        == 3
    )
    assert (
        f"Happened: {head}; {detail}\n" in makegood("alerts", "--warehouse", tmp_path / "w").stdout
    )


# ---------------------------------------------------------------- all at once, over the line


def life(ticket_id: str, /, **change: str | None) -> list[Row]:
    """The receipt of a ticket."""
    event: Row = {
        "event_id": f"received-{ticket_id}",
        "ticket_id": ticket_id,
        "occurred_at": "2026-06-02T00:00:00Z",
        "event": "received",
    }
    return [event | change]


@dataclass
class Delivery:
    """Rows by feed: good ones, bad ones with what they break, and what mends them."""

    good: dict[str, list[Row]]
    bad: dict[str, list[Case]]
    repaired: dict[str, list[Row]]


def waiting() -> Iterator[tuple[str, Case, Row]]:
    """A row that refers to something late, for each reference: the feed, the row, and the late
    row."""
    for feed in feeds().values():
        for number, (column, target) in enumerate(feed.references.items()):
            if target == "contracts":
                continue
            key = feeds()[target].key[0]
            late = good(feeds()[target], 900 + number, **{key: f'late-{feed.feed}-{column}\0"ü'})
            row = good(feed, 900 + number, **{column: f'late-{feed.feed}-{column}\0"ü'})
            yield (
                target,
                Case(
                    f"{feed.feed}: {column} refers to what is late",
                    row,
                    "reference",
                    column,
                    f" matches nothing that was delivered in {feed.references[column]}",
                ),
                late,
            )


def everything() -> Delivery:
    delivery = Delivery(
        {f: [] for f in feeds()}, {f: [] for f in feeds()}, {f: [] for f in feeds()}
    )
    for feed in feeds().values():
        delivery.good[feed.feed].append(good(feed, 0))
        for number, case in enumerate(cases(feed), 1):
            delivery.bad[feed.feed].append(case)
            # a row that lacked its key comes back with one; one to be deleted was never there
            delivery.repaired[feed.feed].append(good(feed, number))
    for target, case, late in waiting():
        delivery.bad[case.kind.partition(":")[0]].append(case)
        delivery.repaired[target].append(late)
    # checks have no key: what was rejected comes again, what waited is still there
    delivery.good["ticket_events"] += life("tickets-0")
    late = [case.row for case in delivery.bad["tickets"] if case.rule == "reference"]
    for ticket in delivery.repaired["tickets"] + late:
        delivery.repaired["ticket_events"] += life(str(ticket["ticket_id"]))
    between(delivery)
    return delivery


def between(delivery: Delivery) -> None:
    """What a row alone doesn't show: a contract that is not there, spans that change whose they are
    (E1), lives that are none (K1)."""
    services, spans, tickets, events = (
        feeds()["services"],
        feeds()["subscriptions"],
        feeds()["tickets"],
        feeds()["ticket_events"],
    )
    delivery.good["customers"].append(good(feeds()["customers"], 1000))
    delivery.good["services"].append(good(services, 1000))
    nobody = good(services, 950, contract_id="nobody")
    delivery.bad["services"].append(
        Case(
            "services: contract_id refers to no contract",
            nobody,
            "reference",
            "contract_id",
            "contract_id nobody matches nothing that was delivered in contracts",
        )
    )
    delivery.repaired["services"].append(good(services, 950))
    for number, (column, value) in enumerate(
        (("customer_id", "customers-1000"), ("service_id", "services-1000"), ("region", "us")), 1
    ):
        later = f"2026-06-{10 + number}"
        reason = (
            "differs from the earliest span of subscriptions-0: a subscription keeps its "
            "customer, service and region"
        )
        delivery.bad["subscriptions"].append(
            Case(
                f"subscriptions: {column} changes",
                good(spans, 0, valid_from=later, **{column: value}),
                "E1",
                column,
                reason,
            )
        )
        delivery.repaired["subscriptions"].append(good(spans, 0, valid_from=later))
    delivery.good["ticket_events"] += [
        good(
            events,
            2000,
            ticket_id="tickets-0",
            event="classified",
            occurred_at="2026-06-02T01:00:00Z",
        )
    ]
    unknown = good(events, 2001, event="severity_changed", severity="P9", ticket_id="tickets-0")
    delivery.bad["ticket_events"].append(
        Case(
            "ticket_events: severity unknown to the contract",
            unknown,
            "K1",
            "severity",
            "P9 is not a severity of trueengage",
        )
    )
    delivery.repaired["ticket_events"].append(unknown | {"severity": "P2"})
    # received twice: the ticket and all its events, until one of them is deleted
    twice = "ticket tickets-3000 has 2 events received: a ticket is received once"
    never = "ticket tickets-3001 has no event received; it comes in by itself once it has"
    delivery.bad["tickets"].append(
        Case("tickets: received twice", good(tickets, 3000), "K1", "ticket_id", twice)
    )
    for row in (*life("tickets-3000"), *life("tickets-3000", event_id="received-again")):
        delivery.bad["ticket_events"].append(
            Case(f"ticket_events: {row['event_id']}", row, "K1", "ticket_id", twice)
        )
    delivery.repaired["ticket_events"].append({"event_id": "received-again", "deleted": "true"})
    delivery.bad["tickets"].append(
        Case("tickets: never received", good(tickets, 3001), "K1", "ticket_id", never)
    )
    delivery.repaired["ticket_events"] += life("tickets-3001")


@pytest.mark.long
def test_bad_rows_reach_no_mart_and_a_corrected_delivery_heals(
    publish: Runner, tmp_path: Path
) -> None:
    delivery = everything()
    dirty, repaired, clean = (tmp_path / name for name in ("dirty", "repaired", "clean"))
    expected: dict[tuple[str, int], Case] = {}
    for feed in feeds().values():
        bad = delivery.bad[feed.feed]
        # a third of them in each format
        for n, name in enumerate(FIRST_LINE):
            part = bad[n::3]
            rows = [
                *(delivery.good[feed.feed] if name == "csv" else []),
                *(case.row for case in part),
            ]
            if not rows:
                continue
            first = FIRST_LINE[name] + len(rows) - len(part)
            delivered(dirty, f"{feed.feed}/a.{name}", in_format(name, feed, rows))
            expected |= {
                (f"{feed.feed}/a.{name}", line): case for line, case in enumerate(part, first)
            }
        delivered(
            repaired, f"{feed.feed}/b.csv", in_format("csv", feed, delivery.repaired[feed.feed])
        )
        again = [
            case.row
            for case in bad
            if case.rule in ("reference", "K1") and case.column != "severity"
        ]
        if feed.feed == "ticket_events":
            again = [row for row in again if row["event_id"] != "received-again"]
        healed = [row for row in delivery.repaired[feed.feed] if row.get("deleted") != "true"]
        delivered(
            clean,
            f"{feed.feed}/c.jsonl",
            in_format("jsonl", feed, [*delivery.good[feed.feed], *again, *healed]),
        )
    for folder in (dirty, clean):
        (folder / "landing" / "feeds.yaml").write_text(
            "".join(f"{f}: {{max_rejected_pct: 100}}\n" for f in feeds())
        )
    first = publish(dirty / "landing", AS_OF)
    found = {(row["file"], row["line"]): row for row in first.rejected()}
    assert found.keys() == expected.keys()
    assert len(first.rejected()) == len(found), "each row is told of once"
    for place, case in expected.items():
        row, key = found[place], feeds()[place[0].partition("/")[0]].columns[0].name
        assert (row["rule"], row["column_name"]) == (case.rule, case.column), case.kind
        assert case.reason in row["reason"]
        assert json.loads(row["raw"])[key] == case.row.get(key)
    ids = {
        row[feed.key[0]]
        for feed in feeds().values()
        if feed.key
        for row in (case.row for case in delivery.bad[feed.feed])
    }
    ids -= {
        row[feed.key[0]]
        for feed in feeds().values()
        if feed.key
        for row in delivery.good[feed.feed]
    }
    seen = {
        str(value) for rows in first.all_marts().values() for row in rows for value in row.values()
    }
    assert not ids & seen, "nothing of what was rejected or waits is in a mart"
    assert {"subscriptions-0", "tickets-0"} <= seen
    for feed in feeds():
        (dirty / "landing" / feed / "b.csv").write_bytes(
            (repaired / "landing" / feed / "b.csv").read_bytes()
        )
    healed_marts = publish(dirty / "landing", AS_OF)
    clean_marts = publish(clean / "landing", AS_OF, warehouse=tmp_path / "clean-warehouse")
    assert clean_marts.rejected() == []
    told = {"is_incomplete", "incomplete_rows"}
    healed, sound = (published.figures(told) for published in (healed_marts, clean_marts))
    assert sound.pop("evidence_gaps") == []
    healed.pop("evidence_gaps")
    assert healed == sound
    # what has no key that can be read, and a check, is repaired by its path alone
    left = {(row["file"], row["line"]) for row in healed_marts.mart("evidence_gaps")}
    assert left
    for place in left:
        feed = place[0].partition("/")[0]
        assert feed == "checks" or set(feeds()[feed].key) & set(
            (expected[place].column or "").split(", ")
        ), expected[place]
    assert {name for name, rows in clean_marts.figures().items() if rows} > {
        "availability",
        "downtime",
        "ticket_sla",
        "credits",
    }


def test_how_many_kinds_there_are() -> None:
    derived = [case.kind for feed in feeds().values() for case in cases(feed)]
    others = [case.kind for rows in everything().bad.values() for case in rows]
    assert len(set(derived)) == len(derived) > 250
    assert (
        len({*derived, *others})
        - len(derived)
        + len(UNREAD_CSV)
        + len(UNREAD_JSON)
        + len(TYPED_PARQUET)
        > 70
    )
