"""Rows that may not come in: every kind of them, for every column and rule of every feed, in every format (interfaces, Bad input; T1, E1-E3, K1).

The kinds are derived from the feeds' own descriptions, so that a new feed is tested by itself; what descriptions don't say is written down.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from io import BytesIO
from pathlib import Path

import polars as pl
import pytest

from ingestion import landing
from ingestion.feeds import Feed, FirstDay, Money, Order, RequiredWhen, feeds
from ingestion.landing import Landed, Reading, feed_settings
from tests.conftest import Runner, csv_text

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
    "ticket_events": {"event": "status_updated", "severity": "P1", "occurred_at": "2026-06-03T00:00:00Z"},
    "invoices": {"status": "issued"},
    "invoice_lines": {"period_end": "2026-06-30", "currency": "EUR"},
}

GOOD_VALUES = {"text": None, "ts": "2026-06-01T00:00:00Z", "date": "2026-06-01", "double": "12.5", "int": "90", "decimal": "1.50"}
BAD_VALUES = {
    "text": [],
    "ts": ["yesterday", "2026-02-30T00:00:00Z", "2026-06-01T24:00:00Z", "2026-06-01T00:00:60Z", "2026-06-01T00:00:00+25:00", "2026-06-01", "1780272000",
           "2026-06-01T00:00:00ZZ", " 2026-06-01T00:00:00Z", "0000-01-01T00:00:00Z", "9999-12-31T23:59:59-01:00", "٢٠٢٦-06-01T00:00:00Z", "true"],
    "date": ["tomorrow", "2026-02-30", "2026-6-1", "01/06/2026", "2026-06-01T00:00:00Z", "20260601", "46174", "0000-01-01", "2026-06-01 "],
    "double": ["fast", "NaN", "inf", "1,5", "1e999", "0x10", "1 000", "--1", "true"],
    "int": ["1.5", "one", "1e3", "9999999999999999999", "1 000", "true", "½"],
    "decimal": ["1e3", "1,50", "1 000.00", "€1", "1.", ".5", "1234567890123456", "NaN", "--1", "1.5.0"],
}  # fmt: skip
SHAPES = {
    "ts": "instant, as in 2026-06-01T00:00:00Z",
    "date": "date, as in 2026-06-30",
    "double": "number",
    "int": "whole number",
    "decimal": "amount of at most 15 digits before the point",
}


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
        value = column.values[0] if column.values else GOOD_VALUES[column.type] or f"{feed.feed}-{number}"
        row[column.name] = f"{column.references}-0" if column.references else value
    return row | MEANING.get(feed.feed, {}) | change


def cases(feed: Feed) -> list[Case]:
    """Every kind of bad row that the description of a feed knows."""
    found: list[Case] = []

    def add(kind: str, rule: str, column: str, reason: str, /, **change: str | None) -> None:
        found.append(Case(f"{feed.feed}: {kind}", good(feed, len(found) + 1, **change), rule, column, reason))

    for column in feed.columns:
        name = column.name
        if column.required:
            add(f"{name} missing", "required", name, f"{name} is missing", **{name: None})
        for text in BAD_VALUES[column.type]:
            add(f"{name} is {text!r}", "type", name, f"'{text}' is no {SHAPES[column.type]}", **{name: text})
        if column.type == "ts":
            naive = "2026-06-01T00:00:00"
            add(f"{name} naive", "T1", name, f"'{naive}' has no offset, and the feed declares no time zone", **{name: naive})
        for text in (column.values[0].upper(), column.values[0] + " ", "nonsense") if column.values else ():
            add(f"{name} is {text!r}", "values", name, f"'{text}' is none of {', '.join(column.values or [])}", **{name: text})
        if column.minimum is not None:
            text = str(column.minimum - 1)
            add(f"{name} too small", "minimum", name, f"'{text}' is below {column.minimum}", **{name: text})
    if feed.key:
        add("deleted is no boolean", "boolean", "deleted", "'perhaps' is neither true nor false", deleted="perhaps")
        for name in feed.key:
            add(f"deleted without {name}", "required", name, f"{name} is missing", deleted="true", **{name: None})
    for rule in feed.rules:
        match rule:
            case Order(start=start, end=end):
                early, late = ("2026-05-31", "2026-06-01") if good(feed, 0)[start] == "2026-06-01" else ("2026-05-31T23:59:59Z", "2026-06-01T00:00:00Z")
                add(f"{end} before {start}", "order", end, f"{end} '{early}' is before {start} '{late}'", **{start: late, end: early})
            case RequiredWhen(column=name, when=when, values=values):
                for value in values:
                    add(f"{name} missing with {value}", "required", name, f"{name} is missing, but {when} is '{value}'", **{name: None, when: value})
            case FirstDay(column=name):
                for day in ("2026-06-02", "2026-06-30"):
                    add(f"{name} on {day}", "first_day", name, f"'{day}' is not the first day of a month", **{name: day})
            case Money(amount=amount, currency=currency):
                for code, why in (
                    ("XYZ", "is no ISO 4217 currency"),
                    ("eur", "is no ISO 4217 currency"),
                    ("XXX", "has no minor unit"),
                    ("CLF", "has more than three decimals"),
                ):
                    add(f"{currency} is {code}", "E3", currency, f"'{code}' {why}", **{currency: code})
                for code, text in (("JPY", "1.5"), ("EUR", "0.001"), ("EUR", "-1.2345"), ("KWD", "0.0001")):
                    add(
                        f"{amount} of {text} {code} too fine",
                        "E3",
                        amount,
                        f"'{text}' is finer than the minor unit of '{code}'",
                        **{amount: text, currency: code},
                    )
    return found


def in_format(name: str, feed: Feed, rows: list[Row]) -> bytes:
    """Rows as a file; a line each, after a header in CSV."""
    names = list(dict.fromkeys(key for row in [*rows, dict.fromkeys(c.name for c in feed.columns)] for key in row))
    if name == "csv":
        return csv_text(feed.feed, [dict(row) for row in rows]).encode()
    if name == "jsonl":
        # a missing field, a null and an empty text are the same
        absent = [{}, {None: None}, {None: ""}]
        return "".join(
            json.dumps({k: v if v is not None else absent[n % 3][None] for k, v in row.items() if v is not None or n % 3}) + "\n" for n, row in enumerate(rows)
        ).encode()
    frame = pl.DataFrame({key: [row.get(key) for row in rows] for key in names}, schema=dict.fromkeys(names, pl.String))
    out = BytesIO()
    frame.write_parquet(out)
    return out.getvalue()


FIRST_LINE = {"csv": 2, "jsonl": 1, "parquet": 1}


def read(folder: Path) -> Reading:
    return landing.read(folder, folder.parent / "store", folder.parent / "work", "r", Landed(), feed_settings(folder))


def delivered(tmp_path: Path, path: str, content: bytes, settings: str = "") -> Path:
    target = tmp_path / "landing" / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(content)
    if settings:
        (tmp_path / "landing" / "feeds.yaml").write_text(settings)
    return tmp_path / "landing"


@pytest.mark.parametrize("name", FIRST_LINE)
@pytest.mark.parametrize("feed", feeds().values(), ids=lambda feed: feed.feed)
def test_every_kind_is_rejected_with_file_line_rule_reason_and_raw(tmp_path: Path, feed: Feed, name: str) -> None:
    bad = cases(feed)
    assert len({case.kind for case in bad}) == len(bad) >= len(feed.columns)
    reading = read(delivered(tmp_path, f"{feed.feed}/a.{name}", in_format(name, feed, [good(feed, 0), *(case.row for case in bad), good(feed, len(bad) + 1)])))
    found = reading.rejected.to_dicts()
    for line, (case, row) in enumerate(zip(bad, found, strict=True), FIRST_LINE[name] + 1):
        assert (row["feed"], row["path"], row["line"]) == (feed.feed, f"{feed.feed}/a.{name}", line), case.kind
        assert (row["rule"], row["column_name"], row["reason"]) == (case.rule, case.column, case.reason)
        kept = {key: value for key, value in json.loads(row["raw"]).items() if value is not None}
        assert kept == {key: value for key, value in case.row.items() if value is not None}, "the row is kept whole"
    assert reading.landed.deliveries.select("rows_read", "rows_landed", "rows_rejected").rows() == [(len(bad) + 2, 2, len(bad))]
    assert reading.blocked_by(feed_settings(tmp_path / "landing"))[0] == f"{feed.feed}: {len(bad)} of {len(bad) + 2} rows are rejected, more than 5 %"


@pytest.mark.parametrize("name", FIRST_LINE)
@pytest.mark.parametrize("feed", [f for f in feeds().values() if any(c.type == "ts" for c in f.columns)], ids=lambda feed: feed.feed)
def test_local_times_that_clocks_skip_or_repeat(tmp_path: Path, feed: Feed, name: str) -> None:
    """T1, in each column of instants of a feed that declares a zone."""
    columns = [c.name for c in feed.columns if c.type == "ts"]
    bad = [
        Case("", good(feed, 1, **{column: text}), "T1", column, f"'{text}' {why}")
        for column in columns
        for text, why in (
            ("2026-03-29T02:30:00", "does not exist in Europe/Warsaw: the clocks skip it"),
            ("2026-10-25 02:00", "is two instants in Europe/Warsaw: the clocks repeat it"),
        )
    ]
    local = good(feed, 0) | dict.fromkeys(columns, "2026-06-01T02:00:00")
    folder = delivered(
        tmp_path, f"{feed.feed}/a.{name}", in_format(name, feed, [local, *(case.row for case in bad)]), f"{feed.feed}: {{time_zone: Europe/Warsaw}}\n"
    )
    reading = read(folder)
    found = [(r["line"], r["rule"], r["column_name"], r["reason"]) for r in reading.rejected.to_dicts()]
    assert found == [(line, case.rule, case.column, case.reason) for line, case in enumerate(bad, FIRST_LINE[name] + 1)]
    landed = pl.read_parquet(tmp_path / ("work/checks.parquet" if feed.feed == "checks" else f"store/{feed.feed}/r.parquet"))
    assert landed.select(f"{c}_s" for c in columns).rows() == [(1_780_272_000,) * len(columns)]


# ---------------------------------------------------------------- what descriptions don't say: rows that can't be read at all

UNREAD_CSV = [
    (b"c-1", "the row has 1 fields, the header has 2", "c-1"),
    (b"c-1,C,more", "the row has 3 fields, the header has 2", "c-1,C,more"),
    (b'c-1,"C\nD",', "the row has 3 fields, the header has 2", 'c-1,"C\nD",'),
    (b'""', "the row has 1 fields, the header has 2", '""'),
    (b" ", "the row has 1 fields, the header has 2", " "),
    (b"c-\xff,C", "the row is not UTF-8", "c-\\xff,C"),
    (b"c-1,\xc3", "the row is not UTF-8", "c-1,\\xc3"),
    (b"c-1,\xe2\x28\xa1,\xff", "the row has 3 fields, the header has 2", "c-1,\\xe2(\\xa1,\\xff"),
]
UNREAD_JSON = [
    (b"[1]", "it is a list"),
    (b"7", "it is a _Number"),
    (b'"text"', "it is a str"),
    (b"null", "it is a NoneType"),
    (b"true", "it is a bool"),
    (b'{"customer_id": "c-1",}', "Illegal trailing comma|Expecting property name"),
    (b"{'customer_id': 'c-1'}", "Expecting property name"),
    (b'{"customer_id": "c-1"} {"customer_id": "c-2"}', "Extra data"),
    (b'{"customer_id": "c-1"', "Expecting ',' delimiter"),
    (b'{"customer_id": "c-1", "name": NaN}', "NaN is no JSON"),
    (b'{"customer_id": "c-1", "name": -Infinity}', "-Infinity is no JSON"),
    (b'{"customer_id": "c-1", "name": ["C"]}', "name holds a list"),
    (b'{"customer_id": {"id": "c-1"}, "name": "C"}', "customer_id holds a dict"),
    (b'{"customer_id": "c-1", "name": "C", "name": "D"}', "a key stands twice"),
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
    assert [(r["line"], r["rule"], r["column_name"], r["reason"], r["raw"]) for r in found] == expected


def test_lines_that_are_no_json_object(tmp_path: Path) -> None:
    text = b"".join(row + b"\n\n" for row, _ in UNREAD_JSON)
    found = read(delivered(tmp_path, "customers/a.jsonl", text)).rejected.to_dicts()
    for number, (found_row, (raw, reason)) in enumerate(zip(found, UNREAD_JSON, strict=True)):
        assert (found_row["line"], found_row["rule"]) == (2 * number + 1, "readable")
        assert any(part in found_row["reason"] for part in reason.split("|")), found_row["reason"]
        assert found_row["reason"].startswith("the row is no JSON object: ")
        assert found_row["raw"] == raw.decode("utf-8", "backslashreplace")


# feed, column, values of one Parquet type, rule, words
TYPED_PARQUET: list[tuple[str, str, pl.Series, str, str]] = [
    ("checks", "checked_at", pl.Series([datetime(2026, 6, 1)]), "T1", "has no offset"),
    ("checks", "checked_at", pl.Series([datetime(2026, 6, 1)], dtype=pl.Datetime("ns")), "T1", "has no offset"),
    ("checks", "checked_at", pl.Series([1_780_272_000]), "type", "is no instant"),
    ("checks", "checked_at", pl.Series([1_780_272_000.5]), "type", "is no instant"),
    ("checks", "checked_at", pl.Series([date(2026, 6, 1)]), "type", "is no instant"),
    ("checks", "checked_at", pl.Series([True]), "type", "is no instant"),
    ("checks", "checked_at", pl.Series([2**62]).cast(pl.Datetime("ms", "UTC")), "type", "'4611686018427387904' is no instant"),
    ("checks", "checked_at", pl.Series([-(2**62)]).cast(pl.Datetime("us", "UTC")), "type", "'-4611686018427387904' is no instant"),
    ("checks", "latency_ms", pl.Series([float("nan")]), "type", "is no number"),
    ("checks", "latency_ms", pl.Series([float("inf")]), "type", "is no number"),
    ("checks", "latency_ms", pl.Series([-1], dtype=pl.Int8), "minimum", "is below 0"),
    ("checks", "latency_ms", pl.Series([True]), "type", "is no number"),
    ("checks", "status", pl.Series([1]), "values", "'1' is none of up"),
    ("invoices", "due_on", pl.Series([datetime(2026, 6, 1, tzinfo=UTC)]), "type", "is no date"),
    ("invoices", "due_on", pl.Series([20260601]), "type", "is no date"),
    ("invoices", "due_on", pl.Series([2**30], dtype=pl.Int32).cast(pl.Date), "type", "'1073741824' is no date"),
    ("invoice_lines", "amount", pl.Series([1.5]), "exact", "is a floating-point number, which is not exact"),
    ("invoice_lines", "amount", pl.Series([1.5], dtype=pl.Float32), "exact", "is a floating-point number, which is not exact"),
    ("invoice_lines", "amount", pl.Series([Decimal("0.001")]), "E3", "is finer than the minor unit"),
    ("invoice_lines", "amount", pl.Series([True]), "type", "is no amount"),
    ("support_hours", "minutes", pl.Series([Decimal("1.5")]), "type", "is no whole number"),
    ("support_hours", "minutes", pl.Series([1.0]), "type", "is no whole number"),
    ("support_hours", "minutes", pl.Series([2**64 - 1], dtype=pl.UInt64), "type", "is no whole number"),
    ("customers", "deleted", pl.Series([2]), "boolean", "is neither true nor false"),
]


@pytest.mark.parametrize(("feed", "column", "values", "rule", "reason"), TYPED_PARQUET, ids=lambda v: str(v.dtype) if isinstance(v, pl.Series) else str(v)[:20])
def test_values_of_parquet_types(tmp_path: Path, feed: str, column: str, values: pl.Series, rule: str, reason: str) -> None:
    rows = pl.DataFrame([good(feeds()[feed], 0)], schema_overrides={c.name: pl.String for c in feeds()[feed].columns}).with_columns(values.alias(column))
    folder = delivered(tmp_path, f"{feed}/a.parquet", b"")
    rows.write_parquet(folder / feed / "a.parquet")
    found = read(folder).rejected.to_dicts()
    assert [(r["line"], r["rule"], r["column_name"]) for r in found] == [(1, rule, column)]
    assert reason in found[0]["reason"]
    assert column in json.loads(found[0]["raw"])


# ---------------------------------------------------------------- all at once, over the line


def life(ticket_id: str, /, **change: str | None) -> list[Row]:
    """The receipt of a ticket."""
    event: Row = {"event_id": f"received-{ticket_id}", "ticket_id": ticket_id, "occurred_at": "2026-06-02T00:00:00Z", "event": "received"}
    return [event | change]


@dataclass
class Delivery:
    """Rows by feed: good ones, bad ones with what they break, and what mends them."""

    good: dict[str, list[Row]]
    bad: dict[str, list[Case]]
    mended: dict[str, list[Row]]


def waiting() -> Iterator[tuple[str, Case, Row]]:
    """A row that refers to something late, for each reference: the feed, the row, and the late row."""
    for feed in feeds().values():
        for number, (column, target) in enumerate(feed.references.items()):
            if target == "contracts":
                continue
            key = feeds()[target].key[0]
            late = good(feeds()[target], 900 + number, **{key: f'late-{feed.feed}-{column}\0"ü'})
            row = good(feed, 900 + number, **{column: f'late-{feed.feed}-{column}\0"ü'})
            yield target, Case(f"{feed.feed}: {column} refers to what is late", row, "reference", column, "to something that has not arrived"), late


def everything() -> Delivery:
    delivery = Delivery({f: [] for f in feeds()}, {f: [] for f in feeds()}, {f: [] for f in feeds()})
    for feed in feeds().values():
        delivery.good[feed.feed].append(good(feed, 0))
        for number, case in enumerate(cases(feed), 1):
            delivery.bad[feed.feed].append(case)
            # a row that lacked its key comes back with one; one to be deleted was never there
            delivery.mended[feed.feed].append(good(feed, number))
    for target, case, late in waiting():
        delivery.bad[case.kind.partition(":")[0]].append(case)
        delivery.mended[target].append(late)
    # checks have no key: what was rejected comes again, what waited is still there
    delivery.good["ticket_events"] += life("tickets-0")
    late = [case.row for case in delivery.bad["tickets"] if case.rule == "reference"]
    for ticket in delivery.mended["tickets"] + late:
        delivery.mended["ticket_events"] += life(str(ticket["ticket_id"]))
    between(delivery)
    return delivery


def between(delivery: Delivery) -> None:
    """What a row alone doesn't show: a contract that is not there, spans that change whose they are (E1), lives that are none (K1)."""
    services, spans, tickets, events = feeds()["services"], feeds()["subscriptions"], feeds()["tickets"], feeds()["ticket_events"]
    delivery.good["customers"].append(good(feeds()["customers"], 1000))
    delivery.good["services"].append(good(services, 1000))
    nobody = good(services, 950, contract_id="nobody")
    delivery.bad["services"].append(
        Case("services: contract_id refers to no contract", nobody, "reference", "contract_id", "refers by contract_id to something")
    )
    delivery.mended["services"].append(good(services, 950))
    for number, (column, value) in enumerate((("customer_id", "customers-1000"), ("service_id", "services-1000"), ("region", "us")), 1):
        later = f"2026-06-{10 + number}"
        reason = "differs from the earliest span of subscriptions-0: a subscription keeps its customer, service and region"
        delivery.bad["subscriptions"].append(
            Case(f"subscriptions: {column} changes", good(spans, 0, valid_from=later, **{column: value}), "E1", column, reason)
        )
        delivery.mended["subscriptions"].append(good(spans, 0, valid_from=later))
    delivery.good["ticket_events"] += [good(events, 2000, ticket_id="tickets-0", event="classified", occurred_at="2026-06-02T01:00:00Z")]
    unknown = good(events, 2001, event="severity_changed", severity="P9", ticket_id="tickets-0")
    delivery.bad["ticket_events"].append(Case("ticket_events: severity unknown to the contract", unknown, "K1", "severity", "P9 is no severity of trueengage"))
    delivery.mended["ticket_events"].append(unknown | {"severity": "P2"})
    # received twice: the ticket and all its events, until one of them is deleted
    twice = "ticket tickets-3000 has 2 events received: a ticket is received once"
    never = "ticket tickets-3001 has no event received; it comes in by itself once it has"
    delivery.bad["tickets"].append(Case("tickets: received twice", good(tickets, 3000), "K1", "ticket_id", twice))
    for row in (*life("tickets-3000"), *life("tickets-3000", event_id="received-again")):
        delivery.bad["ticket_events"].append(Case(f"ticket_events: {row['event_id']}", row, "K1", "ticket_id", twice))
    delivery.mended["ticket_events"].append({"event_id": "received-again", "deleted": "true"})
    delivery.bad["tickets"].append(Case("tickets: never received", good(tickets, 3001), "K1", "ticket_id", never))
    delivery.mended["ticket_events"] += life("tickets-3001")


def test_bad_rows_reach_no_mart_and_a_corrected_delivery_heals(publish: Runner, tmp_path: Path) -> None:
    delivery = everything()
    dirty, mended, clean = (tmp_path / name for name in ("dirty", "mended", "clean"))
    expected: dict[tuple[str, int], Case] = {}
    for feed in feeds().values():
        bad = delivery.bad[feed.feed]
        # a third of them in each format
        for n, name in enumerate(FIRST_LINE):
            part = bad[n::3]
            rows = [*(delivery.good[feed.feed] if name == "csv" else []), *(case.row for case in part)]
            if not rows:
                continue
            first = FIRST_LINE[name] + len(rows) - len(part)
            delivered(dirty, f"{feed.feed}/a.{name}", in_format(name, feed, rows))
            expected |= {(f"{feed.feed}/a.{name}", line): case for line, case in enumerate(part, first)}
        delivered(mended, f"{feed.feed}/b.csv", in_format("csv", feed, delivery.mended[feed.feed]))
        again = [case.row for case in bad if case.rule in ("reference", "K1") and case.column != "severity"]
        if feed.feed == "ticket_events":
            again = [row for row in again if row["event_id"] != "received-again"]
        healed = [row for row in delivery.mended[feed.feed] if row.get("deleted") != "true"]
        delivered(clean, f"{feed.feed}/c.jsonl", in_format("jsonl", feed, [*delivery.good[feed.feed], *again, *healed]))
    for folder in (dirty, clean):
        (folder / "landing" / "feeds.yaml").write_text("".join(f"{f}: {{max_rejected_pct: 100}}\n" for f in feeds()))
    first = publish(dirty / "landing", AS_OF)
    found = {(row["file"], row["line"]): row for row in first.rejected()}
    assert found.keys() == expected.keys()
    assert len(first.rejected()) == len(found), "each row is told of once"
    for place, case in expected.items():
        row, key = found[place], feeds()[place[0].partition("/")[0]].columns[0].name
        assert (row["rule"], row["column_name"]) == (case.rule, case.column), case.kind
        assert case.reason in row["reason"]
        assert json.loads(row["raw"])[key] == case.row.get(key)
    ids = {row[feed.key[0]] for feed in feeds().values() if feed.key for row in (case.row for case in delivery.bad[feed.feed])}
    ids -= {row[feed.key[0]] for feed in feeds().values() if feed.key for row in delivery.good[feed.feed]}
    seen = {str(value) for rows in first.all_marts().values() for row in rows for value in row.values()}
    assert not ids & seen, "nothing of what was rejected or waits is in a mart"
    assert {"subscriptions-0", "tickets-0"} <= seen
    for feed in feeds():
        (dirty / "landing" / feed / "b.csv").write_bytes((mended / "landing" / feed / "b.csv").read_bytes())
    healed_marts = publish(dirty / "landing", AS_OF)
    clean_marts = publish(clean / "landing", AS_OF, warehouse=tmp_path / "clean-warehouse")
    assert clean_marts.rejected() == []
    assert healed_marts.figures() == clean_marts.figures()
    assert {name for name, rows in clean_marts.figures().items() if rows} > {"availability", "downtime", "ticket_sla", "credits"}


def test_how_many_kinds_there_are() -> None:
    derived = [case.kind for feed in feeds().values() for case in cases(feed)]
    others = [case.kind for rows in everything().bad.values() for case in rows]
    assert len(set(derived)) == len(derived) > 250
    assert len({*derived, *others}) - len(derived) + len(UNREAD_CSV) + len(UNREAD_JSON) + len(TYPED_PARQUET) > 70
