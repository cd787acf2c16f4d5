"""The one method by which the log of a ticket's changes becomes its events."""

import random
from collections.abc import Iterable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from makegood.ingestion.connect.instants import moment
from makegood.ingestion.connect.names import State
from makegood.ingestion.connect.system import Row, Rows, Unmapped
from makegood.ingestion.connect.timeline import Change, Method, Ticket, add_events
from makegood.ingestion.feeds.specs import feeds

CREATED = "2026-06-01T08:00:00Z"
STATES: dict[str, State] = {
    "new": "working",
    "open": "working",
    "pending": "paused",
    "hold": "paused",
    "solved": "resolved",
    "done": "closed",
    "void": "cancelled",
}
# a status of each state
OF = {"working": "open", "paused": "hold", "resolved": "solved", "closed": "done"}
EVENTS = next(c.values for c in feeds()["ticket_events"].columns if c.name == "event") or []


def _rows(
    log: Iterable[Change],
    severity: str | None = None,
    status: str | None = "new",
    created: str = CREATED,
    responds: Iterable[str] = (),
) -> Rows:
    rows = Rows()
    method = Method(STATES, frozenset(responds))
    add_events(Ticket("4711", created, severity, status, log), method, rows)
    return rows


def _made(log: Iterable[Change], **more: object) -> list[Row]:
    return _rows(log, **more).feeds["ticket_events"]  # type: ignore[arg-type]


def _names(log: Iterable[Change], **more: object) -> list[str]:
    return [row["event"] for row in _made(log, **more)]


def _at(minute: int) -> str:
    return f"2026-06-01T{8 + minute // 60:02}:{minute % 60:02}:00Z"


def _statuses(*names: str) -> list[Change]:
    return [Change(_at(n), "status", name, n) for n, name in enumerate(names, 1)]


# ---------------------------------------------------------------- worked examples


def test_a_whole_life_has_every_event() -> None:
    log = [
        Change(_at(1), "severity", "P3"),
        Change(_at(2), "reply"),
        Change(_at(3), "severity", "P2"),
        Change(_at(4), "reply"),
        Change(_at(5), "status", "pending"),
        Change(_at(6), "status", "open"),
        Change(_at(7), "status", "solved", resolution_kind="workaround"),
        Change(_at(8), "status", "open"),
        Change(_at(9), "status", "solved"),
        Change(_at(10), "status", "done"),
    ]

    assert [(r["event_id"], r["occurred_at"], r["event"]) for r in _made(log)] == [
        ("4711:0001", CREATED, "received"),
        ("4711:0002", _at(1), "classified"),
        ("4711:0003", _at(2), "responded"),
        ("4711:0004", _at(3), "severity_changed"),
        ("4711:0005", _at(4), "status_updated"),
        ("4711:0006", _at(5), "paused"),
        ("4711:0007", _at(6), "resumed"),
        ("4711:0008", _at(7), "resolved"),
        ("4711:0009", _at(8), "reopened"),
        ("4711:0010", _at(9), "resolved"),
        ("4711:0011", _at(10), "closed"),
    ]
    assert {(r["event"], r.get("severity"), r.get("resolution_kind")) for r in _made(log)} >= {
        ("classified", "P3", None),
        ("severity_changed", "P2", None),
        ("resolved", None, "workaround"),
        ("resolved", None, "restored"),
    }
    assert {*EVENTS} == {*_names(log), "cancelled"}


# from state -> to state -> events: the table of the module's docstring, cell by cell
TABLE = {
    ("working", "working"): [],
    ("working", "paused"): ["paused"],
    ("working", "resolved"): ["resolved"],
    ("working", "closed"): ["closed"],
    ("paused", "working"): ["resumed"],
    ("paused", "paused"): [],
    ("paused", "resolved"): ["resolved"],
    ("paused", "closed"): ["closed"],
    ("resolved", "working"): ["reopened"],
    ("resolved", "paused"): ["reopened", "paused"],
    ("resolved", "resolved"): [],
    ("resolved", "closed"): ["closed"],
    ("closed", "working"): ["reopened"],
    ("closed", "paused"): ["reopened", "paused"],
    ("closed", "resolved"): [],
    ("closed", "closed"): [],
}


@pytest.mark.parametrize(("states", "events"), TABLE.items())
def test_each_change_of_state_has_its_events(states: tuple[str, str], events: list[str]) -> None:
    before, after = (OF[state] for state in states)

    first = _names([], status=before)
    second = _names(_statuses(after), status=before)

    assert second == first + events
    # and so if it came to that state later
    first = _names(_statuses(before))
    assert _names(_statuses(before, after)) == first + events


def test_a_closed_ticket_that_is_resolved_again_stays_closed() -> None:
    assert _names(_statuses("done", "solved", "open")) == ["received", "closed", "reopened"]


@pytest.mark.parametrize(
    ("statuses", "events"),
    [
        (("void",), ["cancelled"]),
        (("hold", "void"), ["paused", "cancelled"]),
        (("solved", "void"), ["resolved", "cancelled"]),
        # being closed is no new life
        (("void", "done"), ["cancelled", "closed"]),
        (("void", "void"), ["cancelled"]),
        (("void", "done", "void"), ["cancelled", "closed"]),
        (("done", "void"), ["closed", "cancelled"]),
        # taken up again: it was never cancelled, and the time in between counts as work
        (("void", "open"), []),
        (("hold", "void", "open"), ["paused", "resumed"]),
        (("hold", "void", "hold"), ["paused", "resumed", "paused"]),
        (("solved", "void", "open"), ["resolved", "reopened"]),
        (("void", "solved"), ["resolved"]),
        (("void", "open", "void"), ["cancelled"]),
    ],
)
def test_a_ticket_is_cancelled_only_if_it_ends_so(
    statuses: tuple[str, ...], events: list[str]
) -> None:
    assert _names(_statuses(*statuses)) == ["received", *events]


def test_the_last_cancellation_counts() -> None:
    made = _made(_statuses("void", "open", "void", "void"))

    assert [r["occurred_at"] for r in made if r["event"] == "cancelled"] == [_at(3)]


def test_a_ticket_that_is_created_as_cancelled_is_cancelled() -> None:
    assert _names([], status="void") == ["received", "cancelled"]
    assert _names(_statuses("open"), status="void") == ["received"]


def test_what_a_ticket_is_created_as_is_of_its_creation() -> None:
    made = _made([], severity="P1", status="hold")

    assert [(r["event"], r["occurred_at"]) for r in made] == [
        (event, CREATED) for event in ("received", "classified", "paused")
    ]


def test_the_log_from_before_the_creation_is_of_the_creation() -> None:
    early = "2026-06-01T09:59:59.5+02:00"

    made = _made([Change(early, "status", "hold"), Change(early, "reply")])

    assert {r["occurred_at"] for r in made} == {CREATED}
    assert [r["event"] for r in made] == ["received", "paused", "responded"]


def test_a_severity_that_is_taken_away_leaves_the_last_one_in_force() -> None:
    log = [
        Change(_at(1), "severity", None),
        Change(_at(2), "severity", "P2"),
        Change(_at(3), "severity", None),
        Change(_at(4), "severity", "P2"),
        Change(_at(5), "severity", "P1"),
    ]

    assert _names(log) == ["received", "classified", "severity_changed"]


def test_a_status_may_be_the_response() -> None:
    log = _statuses("open", "hold", "open")

    assert _names(log, responds=["open"]) == ["received", "responded", "paused", "resumed"]
    # but not the one that it is created in, nor after a reply
    assert _names([], status="open", responds=["open"]) == ["received"]
    assert _names([Change(_at(0), "reply"), *log], responds=["open"])[:2] == [
        "received",
        "responded",
    ]
    assert "status_updated" not in _names(log, responds=["open", "hold"])
    assert _names(_statuses("void"), responds=["void"]) == ["received", "responded", "cancelled"]


def test_a_status_without_a_state_is_named_and_changes_nothing() -> None:
    rows = _rows(_statuses("hold", "Waiting for Godot", "open", "Waiting for Godot"))

    assert [r["event"] for r in rows.feeds["ticket_events"]] == [
        "received",
        "paused",
        "Waiting for Godot",
        "resumed",
        "Waiting for Godot",
    ]
    assert rows.unnamed == {("states", "Waiting for Godot"): 2}


@pytest.mark.parametrize("status", EVENTS)
def test_a_status_without_a_state_is_never_taken_for_an_event(status: str) -> None:
    rows = _rows(_statuses(status))

    assert rows.feeds["ticket_events"][1]["event"] not in EVENTS
    assert rows.unnamed == {("states", status): 1}


def test_of_one_instant_the_order_of_the_log_holds() -> None:
    log = [Change(_at(1), "status", "open", 2), Change(_at(1), "status", "hold", 1)]

    assert _names(log) == ["received", "paused", "resumed"]
    assert _names(reversed(log)) == ["received", "paused", "resumed"]
    # without numbers, as it came
    same = [Change(_at(1), "status", "hold"), Change(_at(1), "reply")]
    assert _names(same) == ["received", "paused", "responded"]
    assert _names(same[::-1]) == ["received", "responded", "paused"]


def test_fractions_of_a_second_decide() -> None:
    log = [
        Change("2026-06-01T09:00:00.5Z", "status", "open"),
        Change("2026-06-01T11:00:00.05+02:00", "status", "hold"),
    ]

    assert _names(log) == ["received", "paused", "resumed"]


@pytest.mark.parametrize("at", ["", "1/6/2026 08:30", "2026-06-01"])
def test_an_instant_that_cannot_be_read_is_unmapped(at: str) -> None:
    with pytest.raises(Unmapped):
        _rows([Change(at, "reply")])
    with pytest.raises(Unmapped):
        _rows([], created=at)


def test_ids_beyond_four_digits_keep_the_order_of_ties() -> None:
    made = _made([Change(_at(1), "reply", order=n) for n in range(10_050)])

    ids = [r["event_id"] for r in made]
    # K1: the shorter id first, then by code point
    assert sorted(ids, key=lambda i: (len(i), i)) == ids
    assert ids[9998:10_000] == ["4711:9999", "4711:10000"]


# ---------------------------------------------------------------- properties

_values = st.one_of(
    st.tuples(st.just("status"), st.sampled_from([*STATES, "unknown"])),
    st.tuples(st.just("severity"), st.sampled_from(["P1", "P2", None])),
    st.tuples(st.just("reply"), st.none()),
)
_logs = st.lists(st.tuples(st.integers(-2, 12), _values), max_size=14).map(
    lambda found: [
        Change(_at(minute) if minute >= 0 else "2026-06-01T07:30:00Z", what, value, order)  # type: ignore[arg-type]
        for order, (minute, (what, value)) in enumerate(found)
    ]
)
_status = st.sampled_from([None, *STATES])


@given(_logs, _status, st.sampled_from([None, "P1"]), st.randoms(use_true_random=False))
def test_the_order_in_which_a_log_comes_changes_nothing(
    log: list[Change], status: str | None, severity: str | None, chance: random.Random
) -> None:
    shuffled = [*log]
    chance.shuffle(shuffled)

    assert _made(shuffled, status=status, severity=severity) == _made(
        log, status=status, severity=severity
    )


@given(_logs, _status)
def test_events_are_in_order_and_make_one_life(log: list[Change], status: str | None) -> None:
    made = _made(log, status=status)
    names = [r["event"] for r in made]

    moments = [moment(r["occurred_at"]) for r in made]
    assert moments == sorted(moments)
    assert min(moments) == moment(CREATED)
    assert len({r["event_id"] for r in made}) == len(made)
    assert names[0] == "received"
    for once in ("received", "classified", "responded", "cancelled"):
        assert names.count(once) <= 1
    # a pause ends before another one begins, and only what is over is opened again
    is_paused, is_over = False, False
    for name in names:
        match name:
            case "paused":
                assert not is_paused
                assert not is_over
                is_paused = True
            case "resumed":
                assert is_paused
                is_paused = False
            case "resolved":
                assert not is_over
                is_paused, is_over = False, True
            case "closed":
                is_paused, is_over = False, True
            case "reopened":
                assert is_over
                is_over = False
    severities = [r["severity"] for r in made if "severity" in r]
    assert all(a != b for a, b in pairwise(severities))
    if "severity_changed" in names:
        assert names.index("classified") < names.index("severity_changed")
    if "status_updated" in names:
        assert names.index("responded") < names.index("status_updated")


@given(_logs, _status)
def test_the_last_state_is_what_the_events_end_in(log: list[Change], status: str | None) -> None:
    known = [STATES[c.value] for c in sorted(log, key=lambda c: (moment(c.at), c.order))
             if c.what == "status" and c.value in STATES]  # fmt: skip
    if status is not None:
        known.insert(0, STATES[status])
    names = _names(log, status=status)
    last = {"paused": "paused", "resumed": "working", "reopened": "working",
            "resolved": "resolved", "closed": "closed"}  # fmt: skip
    ended = next((last[name] for name in reversed(names) if name in last), "working")

    if known and known[-1] == "cancelled":
        assert "cancelled" in names
    elif "closed" not in known and "cancelled" not in known:
        assert ended == (known[-1] if known else "working")
        assert "cancelled" not in names


@given(_logs, _logs)
def test_a_log_that_goes_on_keeps_its_events(log: list[Change], later: list[Change]) -> None:
    on = [
        Change(f"2026-06-02{change.at[10:]}", change.what, change.value, change.order + 100)
        for change in later
    ]
    before, after = _made(log), _made([*log, *on])

    if "cancelled" in [r["event"] for r in before]:
        # it may be taken up again
        before = before[: [r["event"] for r in before].index("cancelled")]
    assert after[: len(before)] == before
