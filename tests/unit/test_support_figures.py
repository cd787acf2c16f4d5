"""Times by nearest rank, shares beside a goal, the backlog: as pages query them (K4, K5, Z6)."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from makegood.dashboards.access.reader import EVERYTHING, Reader
from makegood.dashboards.figures import style
from makegood.dashboards.figures.support import (
    Goals,
    InTime,
    attained,
    backlog,
    in_time,
    lost_by_month,
    mean_seconds,
    times,
)

AS_OF = datetime(2026, 8, 1, tzinfo=UTC)


@contextmanager
def made() -> Iterator[Reader]:
    """The marts that the queries read, with one subscription in each of two regions."""
    with duckdb.connect() as con:
        con.execute(
            """create schema marts;
               create table marts.contracts as select 'k' as contract_id, 'Asia/Kolkata' as
                   time_zone;
               create table marts.subscriptions as
               select r as subscription_id, 'c' as customer_id, 'C' as customer_name,
                      'v' as service_id, r as region from (values ('eu'), ('us')) as t (r);
               create table marts.ticket_sla (
                   ticket_id varchar, subscription_id varchar, contract_id varchar default 'k',
                   month date default '2026-06-01', severity varchar, response_severity varchar,
                   received_at timestamptz default '2026-06-01T20:00:00Z',
                   responded_at timestamptz, resolved_at timestamptz, response_target_s bigint,
                   response_elapsed_s bigint, response_outcome varchar, update_outcome varchar,
                   updates_missed bigint, resolution_target_s bigint, resolution_elapsed_s bigint,
                   resolution_outcome varchar, status varchar default 'counted',
                   is_incomplete boolean default false, incomplete_rows bigint default 0
               );
               create table marts.open_tickets (
                   ticket_id varchar, subscription_id varchar, contract_id varchar default 'k',
                   severity varchar, clock_started_at timestamptz
               );
               create table marts.contract_terms (
                   contract_id varchar, contract_version date, policy_key varchar, value varchar
               )"""
        )
        yield Reader(Path("none"), EVERYTHING, con)


@pytest.fixture
def marts() -> Iterator[Reader]:
    with made() as found:
        yield found


def fill(marts: Reader, table: str, rows: list[dict[str, Any]]) -> None:
    marts.connection.execute(f"delete from marts.{table}")
    for row in rows:
        names, places = ", ".join(row), ", ".join("?" * len(row))
        marts.connection.execute(
            f"insert into marts.{table} ({names}) values ({places})", list(row.values())
        )


def resolved(*seconds: int) -> list[dict[str, Any]]:
    return [
        {
            "ticket_id": f"t{n}",
            "subscription_id": "eu",
            "severity": "P1",
            "resolution_elapsed_s": s,
            "resolved_at": AS_OF,
        }
        for n, s in enumerate(seconds)
    ]


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        # the place of each is its share of the number, rounded up
        ([7], (7, 7, 7, 7)),
        ([9, 4], (4, 9, 9, 7)),
        ([30, 10, 20], (20, 30, 30, 20)),
        ([70, 10, 100, 40, 20, 90, 60, 30, 80, 50], (50, 90, 100, 55)),
        ([110, 70, 10, 100, 40, 20, 90, 60, 30, 80, 50], (60, 100, 110, 60)),
        ([*range(20, 0, -1)], (10, 18, 19, 11)),
        # equal ones each have a place
        ([5, 5, 5, 8], (5, 8, 8, 6)),
    ],
)
def test_percentiles_are_times_that_a_ticket_took(
    marts: Reader, seconds: list[int], expected: tuple[int, ...]
) -> None:
    fill(marts, "ticket_sla", resolved(*seconds))
    (row,) = marts.rows(times("target, target_severity"))
    shown = row["median_seconds"], row["p90_seconds"], row["p95_seconds"], mean_seconds(row)
    assert shown == expected
    assert (row["stopped"], row["still_open"], row["total_seconds"]) == (
        len(seconds),
        0,
        sum(seconds),
    )


def test_a_mean_is_rounded_once_half_up() -> None:
    assert mean_seconds({"total_seconds": 5, "stopped": 2}) == 3
    assert mean_seconds({"total_seconds": 4, "stopped": 3}) == 1
    assert mean_seconds({"total_seconds": 0, "stopped": 0}) is None


def nearest_rank(values: list[int], share: int) -> int | None:
    """The least value that at least `share` per cent don't exceed, as the words have it."""
    return min(
        (v for v in values if sum(w <= v for w in values) * 100 >= share * len(values)),
        default=None,
    )


tickets = st.lists(
    st.fixed_dictionaries(
        {
            "subscription_id": st.sampled_from(["eu", "us"]),
            "severity": st.sampled_from(["P1", "P2"]),
            "response_severity": st.sampled_from(["P1", "P2"]),
            "response_elapsed_s": st.none() | st.integers(0, 40),
            "responded_at": st.sampled_from([None, AS_OF, AS_OF]),
            "resolution_elapsed_s": st.none() | st.integers(0, 10**9),
            "resolved_at": st.sampled_from([None, AS_OF, AS_OF]),
            "resolution_outcome": st.sampled_from([None, "met", "missed", "pending"]),
            "response_outcome": st.sampled_from([None, "met", "missed", "pending"]),
            "status": st.sampled_from(["counted", "counted", "counted", "excluded"]),
            "is_incomplete": st.booleans(),
        }
    ),
    max_size=30,
)


@given(tickets)
def test_any_tickets_together_are_counted_as_tickets(given: list[dict[str, Any]]) -> None:
    """Over regions and severities: never averages of the percentiles of parts."""
    with made() as marts:
        check_any(marts, given)


def check_any(marts: Reader, given: list[dict[str, Any]]) -> None:
    fill(marts, "ticket_sla", [{"ticket_id": f"t{n}", **t} for n, t in enumerate(given)])
    own = [t for t in given if t["status"] == "counted"]
    for by, parts in (("target", [()]), ("target, target_severity", [("P1",), ("P2",)])):
        found = {tuple(r[k] for k in by.split(", ")): r for r in marts.rows(times(by))}
        for target, severity, stop in (
            ("response", "response_severity", "responded_at"),
            ("resolution", "severity", "resolved_at"),
        ):
            for part in parts:
                timed = [
                    t
                    for t in own
                    if t[f"{target}_elapsed_s"] is not None and (not part or t[severity] == part[0])
                ]
                done = [t[f"{target}_elapsed_s"] for t in timed if t[stop]]
                row = found.pop((target, *part), None)
                assert (row is None) == (not timed)
                if row is None:
                    continue
                assert (row["stopped"], row["still_open"]) == (len(done), len(timed) - len(done))
                assert row["total_seconds"] == sum(done)
                assert [row[f"{p}_seconds"] for p in ("median", "p90", "p95")] == [
                    nearest_rank(done, share) for share in (50, 90, 95)
                ]
        assert not found
    judged = {r["region"]: r for r in marts.rows(attained("region", "target = 'resolution'"))}
    for region in ("eu", "us"):
        outcomes = [
            (t["resolution_outcome"], t["is_incomplete"])
            for t in own
            if t["subscription_id"] == region and t["resolution_outcome"]
        ]
        row = judged.get(region, dict.fromkeys(("met", "cases", "pending", "incomplete"), 0))
        assert (row["met"], row["cases"], row["pending"], row["incomplete"]) == (
            sum(o == "met" for o, _ in outcomes),
            sum(o != "pending" for o, _ in outcomes),
            sum(o == "pending" for o, _ in outcomes),
            sum(incomplete for _, incomplete in outcomes),
        )


def test_the_hour_of_receipt_is_that_of_the_contract(marts: Reader) -> None:
    """20:00 UTC is 01:30 of the next day in Kolkata."""
    fill(marts, "ticket_sla", [{**resolved(1)[0], "resolution_outcome": "met"}])
    assert [r["hour"] for r in marts.rows(attained("hour"))] == [1]


@given(st.lists(st.tuples(st.sampled_from(["P1", "P2"]), st.integers(0, 10**7)), max_size=12))
def test_the_backlog_is_as_old_as_its_tickets(open_: list[tuple[str, int]]) -> None:
    rows = [
        {
            "ticket_id": f"t{n:02d}",
            "subscription_id": "eu",
            "severity": severity,
            "clock_started_at": AS_OF - timedelta(seconds=age),
        }
        for n, (severity, age) in enumerate(open_)
    ]
    with made() as marts:
        fill(marts, "open_tickets", rows)
        found = {r["severity"]: r for r in marts.rows(backlog(), AS_OF)}
    assert set(found) == {severity for severity, _ in open_}
    for severity, row in found.items():
        ages = [age for of, age in open_ if of == severity]
        assert (row["tickets"], row["median_s"], row["oldest_s"]) == (
            len(ages),
            nearest_rank(ages, 50),
            max(ages),
        )
        assert open_[int(row["oldest_id"][1:])] == (severity, max(ages))


# ---------------------------------------------------------------- shares and goals


@pytest.mark.parametrize(
    ("part", "whole", "goal", "words"),
    [
        (41, 189, 90, "21.69 %"),
        (9, 10, 90, "90.00 %"),
        # rounded to 90.00 it would seem to reach the goal
        (899_999, 1_000_000, 90, "89.9999 %"),
        (900_001, 1_000_000, 90, "90.00 %"),
        # not all, and not none
        (9999, 10_000, None, "99.99 %"),
        (1, 10_000, None, "0.01 %"),
        (10_000, 10_000, None, "100.00 %"),
        (0, 3, 90, "0.00 %"),
        (2, 3, Decimal("66.666667"), "66.6666667 %"),
    ],
)
def test_a_share_never_seems_to_reach_what_it_misses(
    part: int, whole: int, goal: Decimal | int | None, words: str
) -> None:
    assert style.share_of(part, whole, None if goal is None else Decimal(goal)) == words


@given(st.integers(1, 10**6), st.data())
def test_a_share_is_on_its_side_of_the_goal(whole: int, data: st.DataObject) -> None:
    part = data.draw(st.integers(0, whole))
    goal = data.draw(st.decimals(0, 100, places=9))
    shown = Fraction(style.share_of(part, whole, goal).removesuffix(" %"))
    share = Fraction(100 * part, whole)
    assert (shown < Fraction(goal)) == (share < Fraction(goal))
    assert (shown == 100) == (share == 100)
    assert (shown == 0) == (share == 0)
    assert abs(shown - share) <= Fraction(1, 200)


def month(**more: Any) -> InTime:
    figures = {"met": 9, "cases": 10, "pending": 0, "incomplete": 0, "goal_pct": Decimal(90)}
    return InTime(date(2026, 6, 1), more.pop("is_over", True), **(figures | more))


def test_a_month_says_what_it_lacks() -> None:
    assert (month().is_reached, month().result) == (True, "goal reached")
    assert month(met=8).result == "goal missed"
    assert month(met=8, is_over=False).result == "goal missed so far"
    assert month(incomplete=2).result == "goal reached, incomplete data"
    # nothing was seen to be kept
    assert month(met=0, cases=0).is_reached is None
    assert month(met=0, cases=0, pending=3).share == "no cases"
    assert month(met=0, cases=0, is_over=False).result == "no cases so far"
    assert month(goal_pct=None).result == "no goal"
    # of nine decimals, exactly
    assert month(met=2, cases=3, goal_pct=Decimal("66.666666667")).is_reached is False
    assert month(met=2, cases=3, goal_pct=Decimal("66.666666666")).is_reached is True


def test_goals_are_those_of_the_month(marts: Reader) -> None:
    """Of the version on the month's first day; before the first version it is that one's. A version
    may drop the goal."""
    key = "resolution.attainment_pct"
    fill(
        marts,
        "contract_terms",
        [
            {"contract_id": c, "contract_version": since, "policy_key": k, "value": value}
            for c, since, k, value in [
                ("k", "2026-06-15", key, "90"),
                ("k", "2026-06-15", "downtime.min_consecutive_s", "900"),
                ("k", "2026-08-01", key, "99.5"),
                ("k", "2026-09-02", "downtime.min_consecutive_s", "900"),
                ("other", "2026-06-01", key, "80"),
            ]
        ],
    )
    goals = Goals(marts)
    assert [goals.of("k", date(2026, m, 1)) for m in (6, 7, 8, 9, 10)] == [
        Decimal(90),
        Decimal(90),
        Decimal("99.5"),
        Decimal("99.5"),
        None,
    ]
    assert goals.of("nobody's", date(2026, 6, 1)) is None
    # contracts with different goals have none in common
    june = date(2026, 6, 1)
    counts = [
        {"contract_id": c, "month": june, "met": 9, "cases": 10, "pending": 1, "incomplete": 0}
        for c in ("k", "k", "other")
    ]
    together = in_time(counts[:2], goals, june, is_over=True, more=1)
    assert (together.met, together.cases, together.pending, together.incomplete) == (18, 20, 2, 1)
    assert together.goal_pct == 90
    assert in_time(counts, goals, june, is_over=True).goal_pct is None
    assert in_time(counts, goals, date(2026, 7, 1), is_over=True).share == "no cases"


def test_missing_rows_count_in_each_month_of_their_period() -> None:
    """Of a quarter, in which month a row was received is unknown."""
    gaps = [
        {"contract_id": "m", "period_start": date(2026, 12, 1), "lost": 2},
        {"contract_id": "m", "period_start": date(2026, 12, 1), "lost": 1},
        {"contract_id": "q", "period_start": date(2026, 10, 1), "lost": 5},
    ]
    assert lost_by_month(gaps, {"m": "month", "q": "quarter"}) == {
        ("m", date(2026, 12, 1)): 3,
        ("q", date(2026, 10, 1)): 5,
        ("q", date(2026, 11, 1)): 5,
        ("q", date(2026, 12, 1)): 5,
    }
