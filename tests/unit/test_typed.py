"""Typing of rows: T1, the lists and ranges of the feeds, money (E3), and what makes a row
rejected."""

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from makegood.ingestion.feeds.specs import Feed, feeds
from makegood.ingestion.feeds.typing import Typed, typed
from makegood.ingestion.landing import land
from makegood.ingestion.landing.land import Landed, feed_settings, landed_columns
from makegood.ingestion.readers import LINE, Batch, readers, with_extra
from tests.conftest import csv_text

GOOD: dict[str, dict[str, Any]] = {
    "components": {
        "component_id": "c",
        "service_id": "s",
        "region": "eu",
        "environment": "production",
    },
    "checks": {
        "component_id": "c",
        "location": "l",
        "checked_at": "2026-06-01T00:00:00Z",
        "status": "up",
        "latency_ms": "12.5",
    },
    "outages": {
        "outage_id": "o",
        "component_id": "c",
        "state": "down",
        "started_at": "2026-06-01T00:00:00Z",
    },
    "invoices": {"invoice_id": "i", "customer_id": "c", "status": "issued"},
    "invoice_lines": {
        "line_id": "l",
        "invoice_id": "i",
        "line_kind": "one_off",
        "amount": "1.50",
        "currency": "EUR",
    },
    "tickets": {
        "ticket_id": "t",
        "subscription_id": "s",
        "ticket_type": "incident",
        "environment": "production",
    },
    "ticket_events": {
        "event_id": "e",
        "ticket_id": "t",
        "occurred_at": "2026-06-01T00:00:00Z",
        "event": "received",
    },
    "credit_requests": {
        "request_id": "r",
        "subscription_id": "s",
        "month": "2026-06-01",
        "requested_on": "2026-07-02",
    },
    "support_hours": {
        "entry_id": "h",
        "subscription_id": "s",
        "worked_on": "2026-06-30",
        "minutes": "90",
    },
}


def row(feed: str, zone: str | None = None, **change: Any) -> Typed:
    values = {**GOOD[feed], **change}
    frame = pl.DataFrame(
        {k: v if isinstance(v, pl.Series) else [v] for k, v in values.items()}
    ).with_columns(pl.lit(7).alias(LINE))
    return typed(Batch(with_extra(frame, feeds()[feed])), feeds()[feed], zone)


def accepted(feed: str, column: str, zone: str | None = None, **change: Any) -> Any:
    result = row(feed, zone, **change)
    assert result.rejected.is_empty(), result.rejected.to_dicts()
    return result.rows[column].item()


def refused(feed: str, zone: str | None = None, **change: Any) -> tuple[str, str, str]:
    result = row(feed, zone, **change)
    assert result.rows.is_empty(), result.rows.to_dicts()
    found = result.rejected.to_dicts()[0]
    assert found["line"] == 7
    return found["rule"], found["column_name"], found["reason"]


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2026-06-01T00:00:00Z", "2026-06-01T00:00:00+00:00"),
        ("2026-06-01T00:00:00+02:00", "2026-05-31T22:00:00+00:00"),
        ("2026-06-01T00:00:00.999Z", "2026-06-01T00:00:00+00:00"),
        ("2026-06-01 05:30:00.5+05:30", "2026-06-01T00:00:00+00:00"),
        ("2026-06-01T00:00-0330", "2026-06-01T03:30:00+00:00"),
        ("1969-12-31T23:59:59.9Z", "1969-12-31T23:59:59+00:00"),
        ("2024-02-29T12:00:00Z", "2024-02-29T12:00:00+00:00"),
        ("2026-06-01 00:00:00 UTC", "2026-06-01T00:00:00+00:00"),
        ("2026-06-01T00:00:00.5 UTC", "2026-06-01T00:00:00+00:00"),
        ("2026-05-31 21:00:00 -0300", "2026-06-01T00:00:00+00:00"),
        ("2026-06-01 05:30:00 +05:30", "2026-06-01T00:00:00+00:00"),
        ("2026-05-31 21:00 -03", "2026-06-01T00:00:00+00:00"),
        ("2026-06-01 00:00:00 Z", "2026-06-01T00:00:00+00:00"),
    ],
)
def test_instants_are_seconds_with_fractions_dropped(text: str, instant: str) -> None:
    assert accepted("checks", "checked_at_s", checked_at=text) == int(
        datetime.fromisoformat(instant).timestamp()
    )


@pytest.mark.parametrize(
    ("written", "zone", "second", "microseconds"),
    [
        ("2026-06-01T00:00:00Z", None, 1_780_272_000, 0),
        ("2026-06-01T00:00Z", None, 1_780_272_000, 0),
        ("2026-06-01T00:00:00.5Z", None, 1_780_272_000, 500_000),
        ("2026-06-01t00:00:00,000001z", None, 1_780_272_000, 1),
        # further digits are cut
        ("2026-06-01T00:00:00.9999999Z", None, 1_780_272_000, 999_999),
        ("2026-06-01T05:30:00.0000009+05:30", None, 1_780_272_000, 0),
        ("2026-06-01T02:00:00.25", "Europe/Warsaw", 1_780_272_000, 250_000),
        # before 1970, too, it is the time since the second began
        ("1969-12-31T23:59:59.9Z", None, -1, 900_000),
        ("1970-01-01T00:59:58.000001", "Europe/Warsaw", -2, 1),
        (
            pl.Series([1_780_272_000_999], dtype=pl.Datetime("ms", "UTC")),
            None,
            1_780_272_000,
            999_000,
        ),
        (
            pl.Series([1_780_272_000_000_001], dtype=pl.Datetime("us", "UTC")),
            None,
            1_780_272_000,
            1,
        ),
        (
            pl.Series([1_780_272_000_999_999_999], dtype=pl.Datetime("ns", "UTC")),
            None,
            1_780_272_000,
            999_999,
        ),
        (pl.Series([-1], dtype=pl.Datetime("ms", "UTC")), None, -1, 999_000),
        (pl.Series([-999_999], dtype=pl.Datetime("us", "UTC")), None, -1, 1),
        (pl.Series([-1], dtype=pl.Datetime("ns", "UTC")), None, -1, 999_999),
        (
            pl.Series([1_780_279_200_000_000_999], dtype=pl.Datetime("ns")),
            "Europe/Warsaw",
            1_780_272_000,
            0,
        ),
        (pl.Series([3_599_000_001], dtype=pl.Datetime("us")), "Europe/Warsaw", -1, 1),
    ],
)
@pytest.mark.parametrize(
    ("feed", "column"), [("checks", "checked_at"), ("ticket_events", "occurred_at")]
)
def test_fractions_that_decide_an_order_land_as_microseconds(
    feed: str,
    column: str,
    written: str | pl.Series,
    zone: str | None,
    second: int,
    microseconds: int,
) -> None:
    """T1."""
    landed = row(feed, zone, **{column: written}).rows
    assert landed.select(f"{column}_s", f"{column}_us").rows() == [(second, microseconds)]
    assert landed.schema[f"{column}_us"] == pl.Int64


def test_seconds_of_parquet_have_no_fraction(tmp_path: Path) -> None:
    at = pa.array([1_780_272_000, -1], pa.timestamp("s", "UTC"))
    table = pa.table(
        {
            "component_id": ["c", "c"],
            "location": ["l", "l"],
            "checked_at": at,
            "status": ["up", "up"],
        }
    )
    # Parquet has no seconds of its own; what Arrow writes says that they were
    pq.write_table(table, tmp_path / "a.parquet")
    landed = [
        typed(batch, feeds()["checks"]).rows
        for batch in readers()[".parquet"](tmp_path / "a.parquet", feeds()["checks"])
    ]
    assert pl.concat(landed).select("checked_at_s", "checked_at_us").rows() == [
        (1_780_272_000, 0),
        (-1, 0),
    ]


def test_a_deleted_row_has_no_fraction_and_other_instants_have_none() -> None:
    """Where no order hangs on it, a fraction is dropped (T1)."""
    assert (
        accepted(
            "ticket_events", "occurred_at_us", deleted="true", occurred_at="2026-06-01T00:00:00.5Z"
        )
        is None
    )
    landed = {
        feed.feed: [name for name in landed_columns(feed) if name.endswith("_us")]
        for feed in feeds().values()
    }
    assert {feed: names for feed, names in landed.items() if names} == {
        "checks": ["checked_at_us"],
        "ticket_events": ["occurred_at_us"],
    }
    assert not [
        name
        for name in row("outages", started_at="2026-06-01T00:00:00.5Z").rows.columns
        if name.endswith("_us")
    ]


@pytest.mark.parametrize("feed", feeds().values(), ids=lambda feed: feed.feed)
def test_what_is_typed_has_the_columns_that_are_described(feed: Feed) -> None:
    nothing = pl.DataFrame(schema={c.name: pl.String for c in feed.columns} | {LINE: pl.Int64})
    typed_columns = typed(Batch(with_extra(nothing, feed)), feed).rows.columns
    assert {*typed_columns, "_delivery_id"} == landed_columns(feed).keys()


@pytest.mark.parametrize(
    "text",
    [
        "2026-02-29T00:00:00Z",
        "2026-06-01",
        "2026-06-01T24:00:00Z",
        "2026-06-01T00:00:60Z",
        "yesterday",
        "1780272000",
        "2026-06-01T00:00:00+25:00",
    ],
)
def test_what_is_not_an_instant_is_rejected(text: str) -> None:
    assert refused("checks", checked_at=text)[:2] == ("type", "checked_at")


def test_naive_times_need_a_declared_zone() -> None:
    assert refused("checks", checked_at="2026-06-01T00:00:00")[0] == "T1"
    assert (
        accepted("checks", "checked_at_s", "Europe/Warsaw", checked_at="2026-06-01T02:00:00")
        == 1_780_272_000
    )
    # an offset beats the declared zone
    assert (
        accepted("checks", "checked_at_s", "Europe/Warsaw", checked_at="2026-06-01T00:00:00Z")
        == 1_780_272_000
    )


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("2026-03-29T02:30:00", "the clocks skip it"),
        ("2026-10-25T02:30:00", "the clocks repeat it"),
    ],
)
def test_local_times_that_a_change_of_clocks_skips_or_repeats_are_rejected(
    text: str, why: str
) -> None:
    rule, column, reason = refused("checks", "Europe/Warsaw", checked_at=text)
    assert (rule, column) == ("T1", "checked_at")
    assert why in reason


def test_parquet_times_with_and_without_zone() -> None:
    naive = datetime(2026, 6, 1, 2, 0, 0, 900_000)
    assert refused("checks", checked_at=naive)[0] == "T1"
    assert accepted("checks", "checked_at_s", "Europe/Warsaw", checked_at=naive) == 1_780_272_000
    assert (
        accepted(
            "checks", "checked_at_s", checked_at=datetime(1969, 12, 31, 23, 59, 59, 900_000, UTC)
        )
        == -1
    )
    assert accepted("support_hours", "worked_on", worked_on=date(2026, 6, 30)) == date(2026, 6, 30)
    assert accepted("checks", "latency_ms", latency_ms=Decimal("12.500")) == 12.5
    assert accepted("support_hours", "minutes", minutes=90) == 90


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        ("true", True),
        ("FALSE", False),
        ("True", True),
        (True, True),
        (False, False),
        (None, None),
    ],
)
def test_a_boolean_in_every_format(value: Any, wanted: bool | None) -> None:
    """Text as in CSV, and what Parquet holds; nothing is not false."""
    told = accepted("tickets", "source_response_met", source_response_met=value)
    assert told is wanted


@pytest.mark.parametrize("value", ["yes", "1", "", " true", "t", 1, 0, 1.0, "met"])
def test_what_is_no_boolean_is_rejected(value: Any) -> None:
    rule, column, why = refused("tickets", source_resolution_met=value)
    assert (rule, column) == ("type", "source_resolution_met")
    assert "is neither true nor false" in why


@pytest.mark.parametrize(
    ("suffix", "content"),
    [
        ("csv", "ticket_id,source_response_met\na,TRUE\nb,false\nc,\n"),
        (
            "jsonl",
            '{"ticket_id": "a", "source_response_met": true}\n'
            '{"ticket_id": "b", "source_response_met": "False"}\n{"ticket_id": "c"}\n',
        ),
        ("parquet", None),
    ],
)
def test_booleans_from_files(tmp_path: Path, suffix: str, content: str | None) -> None:
    path = tmp_path / f"t.{suffix}"
    rest = {name: value for name, value in GOOD["tickets"].items() if name != "ticket_id"}
    if content is None:
        told = {"ticket_id": ["a", "b", "c"], "source_response_met": [True, False, None]}
        pq.write_table(pa.table(told | {name: [value] * 3 for name, value in rest.items()}), path)
    elif suffix == "csv":
        head, *rows = content.splitlines()
        named = ",".join(rest), ",".join(rest.values())
        path.write_text("\n".join([f"{head},{named[0]}", *(f"{r},{named[1]}" for r in rows)]))
    else:
        rows = [json.dumps({**json.loads(r), **rest}) for r in content.splitlines()]
        path.write_text("\n".join(rows))
    feed = feeds()["tickets"]
    found = [typed(batch, feed) for batch in readers()[f".{suffix}"](path, feed)]
    assert all(f.rejected.is_empty() for f in found)
    rows_of = [r for f in found for r in f.rows.to_dicts()]
    assert {r["ticket_id"]: r["source_response_met"] for r in rows_of} == {
        "a": True,
        "b": False,
        "c": None,
    }


def test_a_deleted_row_keeps_no_boolean() -> None:
    assert (
        accepted("tickets", "source_response_met", source_response_met="true", deleted="true")
        is None
    )


@pytest.mark.parametrize(
    ("feed", "change", "rule", "column"),
    [
        ("checks", {"location": None}, "required", "location"),
        ("checks", {"location": ""}, "required", "location"),
        ("checks", {"status": "UP"}, "values", "status"),
        ("checks", {"latency_ms": "-1"}, "minimum", "latency_ms"),
        ("checks", {"latency_ms": "NaN"}, "type", "latency_ms"),
        ("outages", {"ended_at": "2026-05-31T23:59:59Z"}, "order", "ended_at"),
        ("invoices", {"status": "paid"}, "required", "paid_on"),
        ("invoices", {"due_on": "2026-13-01"}, "type", "due_on"),
        ("invoices", {"due_on": "2026-6-1"}, "type", "due_on"),
        ("invoice_lines", {"line_kind": "recurring"}, "required", "period_start, period_end"),
        (
            "invoice_lines",
            {"period_start": "2026-06-02", "period_end": "2026-06-01"},
            "order",
            "period_end",
        ),
        ("ticket_events", {"event": "classified"}, "required", "severity"),
        (
            "ticket_events",
            {"event": "resolved", "resolution_kind": "magic"},
            "values",
            "resolution_kind",
        ),
        ("credit_requests", {"month": "2026-06-02"}, "first_day", "month"),
        ("support_hours", {"minutes": "1.5"}, "type", "minutes"),
        ("support_hours", {"minutes": "-1"}, "minimum", "minutes"),
        ("support_hours", {"minutes": "10000001"}, "maximum", "minutes"),
        ("support_hours", {"minutes": "9" * 18}, "maximum", "minutes"),
        ("invoices", {"deleted": "perhaps"}, "boolean", "deleted"),
    ],
)
def test_rows_that_break_a_rule_are_rejected(
    feed: str, change: dict[str, Any], rule: str, column: str
) -> None:
    assert refused(feed, **change)[:2] == (rule, column)


def test_an_interval_may_be_empty() -> None:
    assert accepted("outages", "ended_at_s", ended_at="2026-06-01T00:00:00Z") == 1_780_272_000


@pytest.mark.parametrize(
    ("amount", "currency", "minor"),
    [
        ("1.5", "EUR", 150),
        ("-1.50", "EUR", -150),
        ("+2", "JPY", 2),
        ("0.125", "KWD", 125),
        ("-0.05", "EUR", -5),
        ("12.500", "EUR", 1250),
        ("999999999999999.999", "KWD", 999999999999999999),
    ],
)
def test_amounts_are_integers_of_minor_units(amount: str, currency: str, minor: int) -> None:
    assert accepted("invoice_lines", "amount_minor", amount=amount, currency=currency) == minor


@pytest.mark.parametrize(
    ("amount", "currency", "rule"),
    [
        ("10.5", "JPY", "E3"),
        ("0.001", "EUR", "E3"),
        ("1", "XXX", "E3"),
        ("1", "CLF", "E3"),
        ("1", "eur", "E3"),
        ("1e3", "EUR", "type"),
        ("1,50", "EUR", "type"),
        (1.5, "EUR", "exact"),
    ],
)
def test_amounts_that_are_no_exact_money_are_rejected(
    amount: Any, currency: str, rule: str
) -> None:
    assert refused("invoice_lines", amount=amount, currency=currency)[0] == rule


def test_parquet_decimals_are_exact() -> None:
    assert accepted("invoice_lines", "amount_minor", amount=Decimal("-12.30")) == -1230


@given(
    st.decimals(
        allow_nan=False, allow_infinity=False, places=2, min_value=-(10**12), max_value=10**12
    )
)
def test_an_amount_comes_back_as_it_was_written(amount: Decimal) -> None:
    assert (
        Decimal(accepted("invoice_lines", "amount_minor", amount=format(amount, "f"))) / 100
        == amount
    )


def test_deleted_rows_need_only_their_key() -> None:
    assert (
        accepted(
            "invoices",
            "is_deleted",
            customer_id=None,
            status="nonsense",
            due_on="x",
            deleted="true",
        )
        is True
    )
    assert refused("invoices", invoice_id=None, deleted="true")[:2] == ("required", "invoice_id")


def test_whole_numbers_up_to_their_bounds() -> None:
    for text, minutes in (("10000000", 10_000_000), ("+0", 0), ("-0", 0), ("0" * 30 + "7", 7)):
        assert accepted("support_hours", "minutes", minutes=text) == minutes
    for value in (10_000_000, Decimal("90.00")):
        assert accepted("support_hours", "minutes", minutes=value) == int(value)


@pytest.mark.parametrize("unit", ["ms", "us", "ns"])
def test_a_parquet_time_without_zone_is_a_date_at_midnight(unit: Any) -> None:
    for day in (date(2026, 6, 30), date(1969, 12, 31)):
        at = pl.Series([datetime(day.year, day.month, day.day)], dtype=pl.Datetime(unit))
        assert accepted("support_hours", "worked_on", worked_on=at) == day
        # whatever zone the feed declares: a date has none
        assert accepted("support_hours", "worked_on", "America/New_York", worked_on=at) == day
        assert refused("support_hours", worked_on=(at.to_physical() + 1).cast(at.dtype))[:2] == (
            "type",
            "worked_on",
        )
        assert refused("support_hours", worked_on=at.dt.replace_time_zone("UTC"))[:2] == (
            "type",
            "worked_on",
        )


@pytest.mark.parametrize(
    ("feed", "column", "value"),
    [
        # in a column that may not be empty it is a value like others
        ("outages", "started_at", "1970-01-01T00:00:00Z"),
        ("support_hours", "worked_on", "1900-01-01"),
        # in components.active_from it is meant
        ("components", "active_from", "1970-01-01T00:00:00Z"),
        ("components", "active_from", datetime(1900, 1, 1, tzinfo=UTC)),
        # another second, and the end of all calendars
        ("outages", "ended_at", "2026-06-01T00:00:01Z"),
        ("invoices", "due_on", "9999-12-31"),
        ("invoices", "due_on", date(1970, 1, 2)),
        ("invoices", "due_on", "1899-12-31"),
    ],
)
def test_what_only_resembles_a_placeholder_is_taken(feed: str, column: str, value: Any) -> None:
    assert row(feed, **{column: value}).rejected.is_empty()


def test_the_second_after_a_placeholder_is_taken() -> None:
    for text in ("1970-01-01T00:00:01Z", "1970-01-01T00:00:00-05:00", "1969-12-31T23:59:59Z"):
        rejected = row("components", active_to=text).rejected
        assert rejected.is_empty() == (text != "1970-01-01T00:00:00-05:00"), text


def test_a_placeholder_is_judged_in_the_zone_that_the_feed_declares() -> None:
    """As it is written, and by its instant."""
    assert (
        refused("components", "Europe/Warsaw", active_to="1970-01-01T00:00:00")[0] == "placeholder"
    )
    assert (
        refused("components", "Europe/Warsaw", active_to="1970-01-01T01:00:00")[0] == "placeholder"
    )
    assert (
        accepted("components", "active_to_s", "Europe/Warsaw", active_to="1970-01-01T02:00:00")
        == 3600
    )


def test_a_deleted_row_may_hold_a_placeholder() -> None:
    assert accepted("invoices", "is_deleted", due_on="1970-01-01", deleted="true") is True


def test_an_unknown_field_that_looks_like_a_missing_one_is_named() -> None:
    assert (
        "started_at is missing: 'start_time' looks like it, and has to be named started_at"
        in refused("outages", started_at=None, start_time="2026-06-01T00:00:00Z")[2]
    )
    assert (
        "looks like" not in refused("outages", started_at=None, weather="2026-06-01T00:00:00Z")[2]
    )


@pytest.mark.parametrize("value", [4711, True, Decimal("4711"), date(2026, 6, 1)])
def test_other_values_in_a_text_column_are_text(value: Any) -> None:
    assert accepted("invoices", "invoice_id", invoice_id=value) == {True: "true"}.get(
        value, str(value)
    )


def test_a_text_column_without_any_value_may_be_of_any_type() -> None:
    """As programs write a column that is empty throughout."""
    for dtype in (pl.Float64, pl.Null, pl.Boolean):
        assert (
            accepted("outages", "incident_id", incident_id=pl.Series([None], dtype=dtype)) is None
        )


@pytest.mark.parametrize("text", ["0000-01-01T00:00:00", "9999-12-31T23:59:59"])
@pytest.mark.parametrize("zone", ["Europe/Warsaw", "America/New_York", "Pacific/Auckland"])
def test_instants_beyond_all_calendars_are_rejected(text: str, zone: str) -> None:
    assert refused("outages", zone, ended_at=text)[1] == "ended_at"
    assert refused("outages", ended_at="0000-01-01T00:00:00Z")[1] == "ended_at"
    assert refused("outages", ended_at="9999-12-31T23:59:59-01:00")[1] == "ended_at"
    assert (
        refused(
            "outages", ended_at=datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC), state="nonsense"
        )[1]
        == "state"
    )
    assert accepted("outages", "ended_at_s", ended_at="9999-12-31T23:59:59Z") == 253_402_300_799


def test_all_faults_of_a_row_are_named_and_the_row_is_kept_whole() -> None:
    result = row("checks", status="UP", location=None, note="beside")
    found = result.rejected.to_dicts()[0]
    assert found["column_name"] == "location, status"
    assert (
        "location is missing: every row needs a text; 'UP' is not one of up, degraded, down, "
        "unknown: write up"
    ) in found["reason"]
    assert '"status": "UP"' in found["raw"]
    assert "beside" in found["raw"]


def test_fractions_are_in_what_landing_writes(tmp_path: Path) -> None:
    """Of checks, too, in the file that is compacted (T1)."""
    for feed, column in (("checks", "checked_at"), ("ticket_events", "occurred_at")):
        rows = [
            GOOD[feed] | {column: f"2026-06-01T00:00:00{fraction}Z"} for fraction in (".25", "")
        ]
        (tmp_path / "landing" / feed).mkdir(parents=True)
        (tmp_path / "landing" / feed / "a.csv").write_text(csv_text(feed, rows))
    land.read(
        tmp_path / "landing",
        tmp_path / "store",
        tmp_path / "work",
        "r",
        Landed(),
        feed_settings(tmp_path / "landing"),
    )
    checks = pl.read_parquet(tmp_path / "work/checks/2026-06/*.parquet")
    assert checks["checked_at_us"].to_list() == [250_000, 0]
    assert pl.read_parquet(tmp_path / "store/ticket_events/r.parquet")[
        "occurred_at_us"
    ].to_list() == [250_000, 0]


def test_a_message_holds_the_beginning_of_a_long_value() -> None:
    """And no memory of the rest; the row is kept whole."""
    result = row("outages", state="x" * 1_000_000, started_at="y" * 1_000_000).rejected.to_dicts()[
        0
    ]
    assert f"'{'x' * 80}…' is not one of down, degraded, up" in result["reason"]
    assert f"'{'y' * 80}…' is not an instant" in result["reason"]
    assert len(result["reason"]) < 500
    assert "x" * 1_000_000 in result["raw"]
