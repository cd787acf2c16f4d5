"""What logs of changes become: records of known states, and checks of unknown ones (M1 to M3)."""

import pytest

from makegood.ingestion.connect.spans import MonitorNames, Seen, add_outages
from makegood.ingestion.connect.system import Rows, Unmapped
from tests.connect.monitors import accepted, checks, outages

DAY = "2026-06-01T"


def made(*log: Seen, up_records: bool = True) -> Rows:
    out = Rows()
    names = {"M": {"service": "S", "region": "eu", "component": "C"}}
    settings = {"places": names, "up_records": up_records}
    add_outages("M", "here", log, MonitorNames.model_validate(settings), out)
    accepted(out)
    return out


def at(hour: int, state: str | None, **more: str) -> Seen:
    return Seen(f"{DAY}{hour:02}:00:00Z", state, **more)  # type: ignore[arg-type]


def test_spans_follow_each_other_whatever_the_order_of_the_log() -> None:
    log = [at(3, "up"), at(1, "down"), at(0, "up"), at(2, "degraded"), at(4, "up")]
    expected = [
        ("C", "up", f"{DAY}00:00:00Z", f"{DAY}01:00:00Z"),
        ("C", "down", f"{DAY}01:00:00Z", f"{DAY}02:00:00Z"),
        ("C", "degraded", f"{DAY}02:00:00Z", f"{DAY}03:00:00Z"),
        ("C", "up", f"{DAY}03:00:00Z", f"{DAY}04:00:00Z"),
    ]
    assert outages(made(*log)) == expected
    assert outages(made(*reversed(log))) == expected
    assert [row["outage_id"] for row in made(*log).feeds["outages"]] == [
        "M:1780272000",
        "M:1780275600",
        "M:1780279200",
        "M:1780282800",
    ]


def test_what_is_down_at_the_end_is_open_and_what_is_up_is_known_up_to_its_last_entry() -> None:
    assert outages(made(at(0, "down"), at(1, "down"))) == [("C", "down", f"{DAY}00:00:00Z", None)]
    assert outages(made(at(0, "up"), at(1, "up"), at(5, "up"))) == [
        ("C", "up", f"{DAY}00:00:00Z", f"{DAY}05:00:00Z")
    ]
    # seen once: nothing is known about any length of time
    assert outages(made(at(0, "up"))) == []
    assert outages(made(at(0, "up", until=f"{DAY}00:30:00Z"))) == [
        ("C", "up", f"{DAY}00:00:00Z", f"{DAY}00:30:00Z")
    ]


def test_unknown_time_has_no_record_and_one_check() -> None:
    out = made(at(0, "up"), at(1, None), at(2, None), at(3, "down"), at(4, "up"), at(5, "up"))
    assert outages(out) == [
        ("C", "up", f"{DAY}00:00:00Z", f"{DAY}01:00:00Z"),
        ("C", "down", f"{DAY}03:00:00Z", f"{DAY}04:00:00Z"),
        ("C", "up", f"{DAY}04:00:00Z", f"{DAY}05:00:00Z"),
    ]
    assert checks(out) == [("C", f"{DAY}01:00:00Z", "unknown")]
    # an outage does not go on while nobody looks
    assert outages(made(at(0, "down"), at(1, None))) == [
        ("C", "down", f"{DAY}00:00:00Z", f"{DAY}01:00:00Z")
    ]


def test_without_up_records_only_what_is_not_up_is_said() -> None:
    out = made(at(0, "up"), at(1, "down"), at(2, None), at(3, "up"), up_records=False)
    assert outages(out) == [("C", "down", f"{DAY}01:00:00Z", f"{DAY}02:00:00Z")]
    assert checks(out) == []


def test_what_is_known_up_to_an_instant_leaves_a_gap_behind_it() -> None:
    out = made(
        at(0, "up", until=f"{DAY}01:00:00Z"),
        at(2, "up", until=f"{DAY}03:00:00Z"),
        # overlaps: read again with a later end
        at(2, "up", until=f"{DAY}04:00:00Z"),
        at(4, "down", until=f"{DAY}05:00:00Z"),
        at(6, "up", until=f"{DAY}07:00:00Z"),
    )
    assert outages(out) == [
        ("C", "up", f"{DAY}00:00:00Z", f"{DAY}01:00:00Z"),
        ("C", "up", f"{DAY}02:00:00Z", f"{DAY}04:00:00Z"),
        ("C", "down", f"{DAY}04:00:00Z", f"{DAY}05:00:00Z"),
        ("C", "up", f"{DAY}06:00:00Z", f"{DAY}07:00:00Z"),
    ]


def test_of_one_instant_the_worst_state_counts_and_nothing_is_of_no_length() -> None:
    out = made(at(0, "down"), at(0, "up"), at(0, None), at(1, "up"), at(2, "up"))
    assert outages(out) == [
        ("C", "down", f"{DAY}00:00:00Z", f"{DAY}01:00:00Z"),
        ("C", "up", f"{DAY}01:00:00Z", f"{DAY}02:00:00Z"),
    ]


def test_an_incident_is_that_of_the_span_and_never_of_time_that_is_up() -> None:
    out = made(
        at(0, "up", incident_id="no"), at(1, "down"), at(2, "down", incident_id="7"), at(3, "up")
    )
    assert [row.get("incident_id") for row in out.feeds["outages"]] == [None, "7"]


def test_an_instant_that_cannot_be_read_is_named() -> None:
    with pytest.raises(Unmapped, match="'yesterday' is not an instant"):
        made(Seen("yesterday", "up"))
