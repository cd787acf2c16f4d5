"""Second opinions on real tickets: how many differences have a code, and whether each is true.

The tickets are those of `../shared/landing-real`, what their ticket system says of them is in the
records that they were made of, joined by number.
"""

import csv
import gzip
import shutil
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from tests.conftest import Published, csv_text, published_once

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def recorded(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Published:
    """The real tickets with what their ticket system says of them: `made_sla`, as last written."""
    folder = tmp_path_factory.mktemp("recorded")
    source = shared / "data" / "servicenow_uci" / "incident_event_log.csv.gz"
    if not source.exists():
        pytest.skip(f"{source} is not there: it holds real records, which are no part of ours")
    shutil.copytree(shared / "landing-real", folder / "landing")
    (folder / "landing" / "README.md").unlink()
    with gzip.open(source, "rt") as lines:
        last = {row["number"]: row["made_sla"] for row in csv.DictReader(lines)}
    assert len(last) == 24_918
    tickets = folder / "landing" / "tickets" / "tickets.csv"
    with tickets.open() as lines:
        rows = list(csv.DictReader(lines))
    told_of = [row | {"source_resolution_met": last[row["ticket_id"]]} for row in rows]
    tickets.write_text(csv_text("tickets", told_of))
    as_of = "2026-08-21T00:00:00Z"
    return published_once(folder / "landing", folder / "warehouse", as_of)


def test_real_differences_have_codes(recorded: Published) -> None:
    """95 % at the least of all differences, those by a target that is unknown included."""
    (found,) = recorded.query(
        """select count(*) as differing, count(reason_code) as explained,
                  count(*) filter (comparison = 'source_target_unknown') as of_targets
           from marts.second_opinions where not is_agreed"""
    )
    assert found["differing"] > 3000
    assert found["explained"] * 100 >= found["differing"] * 95
    assert found["of_targets"] > 0
    # by its own clock and target its verdicts are nearly all there is to know
    likely = {r["severity"]: r for r in recorded.mart("second_opinion_variants") if r["is_likely"]}
    assert likely["P3"]["variant"] == "closed_pauses"
    assert likely["P3"]["fitted"] * 100 >= likely["P3"]["verdicts"] * 97


def business_seconds(start: datetime, end: datetime) -> int:
    """Seconds on business days of Poland in summer 2026, when its clocks are two hours ahead."""
    start, end = start + timedelta(hours=2), end + timedelta(hours=2)
    seconds, day = 0, start.replace(hour=0, minute=0, second=0)
    while day < end:
        until = day + timedelta(days=1)
        # Corpus Christi is the only holiday on a working day
        if day.weekday() < 5 and (day.month, day.day) != (6, 4):
            seconds += max(0, int((min(until, end) - max(day, start)).total_seconds()))
        day = until
    return seconds


def test_real_codes_hold_by_a_plain_reading(recorded: Published) -> None:
    """Closing and pauses, which explain nearly all, worked out again from the events."""
    as_of = datetime(2026, 8, 21, tzinfo=UTC)
    lives: dict[str, list[tuple[datetime, str]]] = {}
    for row in recorded.query("select * from marts.ticket_events order by ticket_id, sequence"):
        lives.setdefault(row["ticket_id"], []).append((row["occurred_at"], row["event"]))
    rows = recorded.query("select * from marts.second_opinions where not is_agreed")
    wrong = []
    for row in rows:
        events = lives[row["ticket_id"]]
        clock = business_seconds if row["severity"] == "P3" else in_full
        codes = set((row["reason_codes"] or "").split(","))
        last = max((n for n, (_, e) in enumerate(events) if e == "reopened"), default=-1)
        start = max(
            next(at_ for at_, e in events if e == name) for name in ("received", "classified")
        )
        ends = {
            name: next((at_ for at_, e in events[last + 1 :] if e in stops), as_of)
            for name, stops in (("resolved", ("resolved", "closed")), ("closed", ("closed",)))
        }
        for code, off, pauses in (
            (None, "resolved", False),
            ("clock_stop", "closed", False),
            ("pause_not_counted", "resolved", True),
        ):
            seconds, is_paused, is_off = 0, False, False
            for (since, event), (until, _) in pairwise([*events, (as_of, "")]):
                if event in ("paused", "resumed", "reopened"):
                    is_paused = event == "paused"
                is_off = (is_off or event in (off, "closed")) and event != "reopened"
                first, until = max(since, start), min(until, ends[off])
                if not is_off and (pauses or not is_paused) and first < until:
                    seconds += clock(first, until)
            if code is None:
                holds = seconds == row["elapsed_seconds"]
            else:
                agrees = (seconds <= row["target_seconds"]) == row["source_met"]
                is_stopped = ends[off] < as_of or seconds > row["target_seconds"]
                holds = (agrees and is_stopped) == (code in codes)
            if not holds:
                wrong.append((row["ticket_id"], code, seconds))
    assert len(rows) > 3000
    assert wrong == []


def in_full(start: datetime, end: datetime) -> int:
    return int((end - start).total_seconds())
