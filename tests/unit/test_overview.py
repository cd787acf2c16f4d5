"""The sentences and figures of the first screen: worked examples by hand."""

import re
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import pytest

from makegood.dashboards.app import charts, components
from makegood.dashboards.app.overview import cost, first_screen
from makegood.dashboards.figures.overview import commitments, money, next_steps, worse
from makegood.dashboards.figures.overview.lines import Line, Link, Tone, listed
from makegood.dashboards.figures.overview.screen import Screen

Row = dict[str, Any]
ZONE = ZoneInfo("UTC")
JULY = date(2026, 7, 1)
AS_OF = datetime(2026, 8, 11, tzinfo=UTC)
DAY = 86_400


def at(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def figure(region: str = "eu", start: date = JULY, **more: Any) -> Row:
    """A month with a commitment of 99.9 % that was kept, without downtime and with all its data."""
    end = (start + timedelta(days=31)).replace(day=1)
    total = (end - start).days * DAY
    row: Row = {
        "contract_id": "k",
        "service_id": "chat",
        "region": region,
        "period_kind": "month",
        "period_start": start,
        "starts_at": at(start),
        "ends_at": at(end),
        "total_seconds": total,
        "excluded_seconds": 0,
        "downtime_seconds": 0,
        "availability_pct": Decimal(100),
        "commitment_pct": Decimal("99.9"),
        "coverage_pct": Decimal(100),
        "min_coverage_pct": "99",
        "low_coverage": False,
        "is_met": True,
        "is_incomplete": False,
        "budget_seconds": total // 1000,
        "status": "final" if at(end) <= AS_OF else "provisional",
    }
    return row | more


THIN: Row = {"coverage_pct": Decimal(40), "low_coverage": True}
UNSEEN: Row = {"coverage_pct": Decimal(0), "low_coverage": True}
MISSED: Row = {
    "is_met": False,
    "availability_pct": Decimal("99.899999"),
    "downtime_seconds": 2679,
}


def finished(*figures: Row) -> tuple[str, Tone]:
    line = commitments.finished(figures)
    assert line is not None
    return line.text, line.tone


@pytest.mark.parametrize(
    ("figures", "text", "tone"),
    [
        (
            [figure("a"), figure("b")],
            "July 2026: all 2 regions kept their commitment.",
            Tone.KEPT,
        ),
        ([figure("a")], "July 2026: chat · a kept its commitment.", Tone.KEPT),
        (
            [figure("a", is_incomplete=True)],
            "July 2026: chat · a kept its commitment; 1 figure rests on incomplete data.",
            Tone.THIN,
        ),
        (
            [figure("a", **THIN), figure("b", coverage_pct=Decimal(30), low_coverage=True)],
            "July 2026: none of 2 regions is known to have missed its commitment, but evidence is "
            "thin: monitoring saw 30.00 % to 40.00 % of the time.",
            Tone.THIN,
        ),
        (
            [figure("a", **UNSEEN), figure("b", **UNSEEN)],
            "July 2026: no data for any of 2 regions, so nothing is known about their commitment.",
            Tone.NO_DATA,
        ),
        (
            [figure("a"), figure("b", **THIN), figure("c", **UNSEEN)],
            "July 2026: 1 of 3 regions kept its commitment; 1 kept it on thin evidence (40.00 % of "
            "the time seen); 1 has no data.",
            Tone.NO_DATA,
        ),
        (
            [figure("a", **THIN), figure("b", **UNSEEN)],
            "July 2026: of 2 regions, 1 kept its commitment on thin evidence (40.00 % of the time "
            "seen); 1 has no data.",
            Tone.NO_DATA,
        ),
        # a figure that rounds to its commitment reads as what it is, below
        (
            [figure("a"), figure("b", **MISSED)],
            "July 2026: 1 of 2 regions missed its commitment: chat · b (99.899999 % of 99.9 %); "
            "1 kept it.",
            Tone.MISSED,
        ),
        (
            [figure("a", **MISSED | THIN), figure("b", **UNSEEN)],
            "July 2026: 1 of 2 regions missed its commitment: chat · a (99.899999 % of 99.9 %, on "
            "thin evidence); 1 has no data.",
            Tone.MISSED,
        ),
        (
            [figure("a", availability_pct=None, status="fully_excluded", **UNSEEN)],
            "July 2026: chat · a kept its commitment.",
            Tone.KEPT,
        ),
    ],
)
def test_a_finished_period_in_a_sentence(figures: list[Row], text: str, tone: Tone) -> None:
    assert finished(*figures) == (text, tone)


def test_the_last_finished_period_is_over_and_has_a_commitment() -> None:
    june = figure("a", date(2026, 6, 1))
    july, none = figure("a"), figure("b", commitment_pct=None, is_met=None)
    august = figure("a", date(2026, 8, 1))
    assert commitments.last_finished([august, june, july, none], AS_OF) == [july]
    # not over by a second
    assert commitments.last_finished([june, july], at(date(2026, 8, 1)) - timedelta(seconds=1)) == [
        june
    ]
    assert commitments.finished([]) is None


# ---------------------------------------------------------------- error budgets


def budget(region: str = "eu", used: int = 0, allowed: int = 3100, **more: Any) -> Row:
    """Ten of 31 days have passed."""
    status = (
        "exhausted" if used > allowed else "at_risk" if used * 31 > allowed * 10 else "on_track"
    )
    own = figure(region, date(2026, 8, 1))
    return own | {
        "elapsed_seconds": 10 * DAY,
        "total_seconds": 31 * DAY,
        "downtime_seconds": used,
        "budget_seconds": allowed,
        "budget_remaining_seconds": allowed - used,
        "budget_status": status,
        "figure": own | {"downtime_seconds": used} | more,
    }


def runs_out_after(row: Row) -> timedelta | None:
    found = commitments.runs_out(row)
    return found and found - row["starts_at"]


def test_when_a_budget_runs_out_is_worked_out_exactly() -> None:
    # at 2,000 s in ten days, 3,100 s last fifteen and a half
    assert runs_out_after(budget(used=2000)) == timedelta(days=15, hours=12)
    # 1,000 s in ten days: used up as the period ends, to the second
    assert runs_out_after(budget(used=1000)) == timedelta(days=31)
    assert runs_out_after(budget(used=999)) is None
    # 3,100 times 864,000 by 1,001 is 2,675,724.27…: rounded down
    assert runs_out_after(budget(used=1001)) == timedelta(seconds=2_675_724)
    # without downtime, or a budget, there is no rate
    assert runs_out_after(budget(used=0)) is None
    assert runs_out_after(budget(used=5, allowed=0)) is None
    # service hours: 100 of 310 open seconds have passed, and half of the budget is used
    hours = budget(used=50, allowed=100) | {"elapsed_seconds": 100, "total_seconds": 310}
    assert runs_out_after(hours) == timedelta(days=20)


def test_a_budget_runs_out_neither_before_now_nor_after_its_period() -> None:
    assert commitments.will_run_out(budget(used=999), AS_OF) is None
    assert commitments.will_run_out(budget(used=5000), AS_OF) is None
    assert commitments.will_run_out(budget(used=2000), AS_OF) == datetime(
        2026, 8, 16, 12, tzinfo=UTC
    )
    # service hours can lie unevenly
    early = budget(used=2000) | {"elapsed_seconds": DAY}
    assert commitments.will_run_out(early, AS_OF) == AS_OF


@pytest.mark.parametrize(
    ("budgets", "text", "tone"),
    [
        (
            [budget("a"), budget("b")],
            "all 2 regions are on track to keep their commitment.",
            Tone.KEPT,
        ),
        ([budget("a")], "chat · a is on track to keep its commitment.", Tone.KEPT),
        (
            [budget("a", is_incomplete=True)],
            "chat · a is on track to keep its commitment; 1 figure rests on incomplete data.",
            Tone.THIN,
        ),
        (
            [budget("a", 5000), budget("b", 2000), budget("c"), budget("d", **UNSEEN)],
            "1 of 4 regions has used up its error budget: chat · a; 1 more will have used it up by "
            "2026-08-16: chat · b; 1 has no data; 1 is on track.",
            Tone.MISSED,
        ),
        (
            [budget("a", 2000), budget("b", 2500), budget("c", **THIN)],
            "2 of 3 regions will have used up their error budget by 2026-08-16: chat · b, chat · a;"
            " 1 has thin evidence.",
            Tone.AT_RISK,
        ),
        (
            [budget("a", **UNSEEN), budget("b", **UNSEEN)],
            "no data for any of 2 regions.",
            Tone.NO_DATA,
        ),
        (
            [budget("a", **THIN)],
            "chat · a is not known to have used up its error budget, but evidence is thin: "
            "monitoring saw 40.00 % of the time.",
            Tone.THIN,
        ),
    ],
)
def test_a_period_in_progress_in_a_sentence(budgets: list[Row], text: str, tone: Tone) -> None:
    line = commitments.current(budgets, AS_OF, ZONE)
    assert line is not None
    assert (line.text, line.tone) == (f"August 2026 so far: {text}", tone)


def test_what_a_current_period_lacks_has_a_banner() -> None:
    seen = datetime(2026, 8, 3, 23, 59, tzinfo=UTC)
    assert commitments.banner("K", [budget("a"), budget("b")], seen) is None
    assert (
        commitments.banner("K", [budget("a", **UNSEEN), budget("b", **THIN), budget("c")], seen)
        == "K: data ends on 2026-08-03; 1 of 3 regions has no data, 1 of 3 regions has too little "
        "data in August 2026 so far."
    )
    text = commitments.banner("K", [budget("a", **UNSEEN), budget("b", **UNSEEN)], None)
    assert text == (
        "K: there has never been any; all 2 regions have no data in August 2026 so far."
    )


# ---------------------------------------------------------------- support


def resolutions(month: int, met: int, missed: int) -> Row:
    return {
        "contract_id": "k",
        "month": date(2026, month, 1),
        "goal_pct": Decimal(90),
        "met": met,
        "missed": missed,
    }


def test_support_against_its_goal() -> None:
    today = date(2026, 8, 11)
    # 9 of 10 reach 90 %, 8,999 of 10,000 don't, and don't read as if they did
    line = commitments.goal([resolutions(7, 9, 1), resolutions(8, 8999, 1001)], {}, {}, today)
    assert line == Line(
        "Support. July 2026: 90.00 % in time (9 of 10 cases), goal of 90 % reached; August 2026 so "
        "far: 89.99 % in time (8,999 of 10,000 cases), goal of 90 % not reached.",
        Tone.AT_RISK,
        Link("support", {}),
    )
    lacking = commitments.goal([resolutions(7, 1, 0)], {JULY: 2}, {}, today)
    assert lacking is not None
    assert lacking.tone is Tone.THIN
    assert "2 tickets on incomplete data; August 2026 so far: no resolution was due" in lacking.text
    missed = commitments.goal([resolutions(7, 1, 1), resolutions(8, 1, 0)], {}, {}, today)
    assert missed is not None
    assert missed.tone is Tone.MISSED
    # an older month says nothing of these two
    older = commitments.goal([resolutions(6, 1, 0)], {}, {}, today)
    assert older is not None
    assert older.tone is Tone.NEUTRAL
    assert commitments.goal([], {}, {}, today) is None


def test_support_with_tickets_that_are_in_no_mart() -> None:
    """Rows that were rejected, or wait: of which ticket is unknown, and whether it was in time."""
    today = date(2026, 8, 11)
    one = {JULY: 1}
    reached = commitments.goal([resolutions(7, 1, 0), resolutions(8, 1, 0)], {}, one, today)
    assert reached is not None
    assert reached.tone is Tone.THIN
    assert "reached, 1 row of tickets missing; August 2026 so far: 100.00 %" in reached.text
    # what is known to be missed stays so
    missed = commitments.goal([resolutions(7, 0, 1)], {}, one, today)
    assert missed is not None
    assert missed.tone is Tone.MISSED
    # nothing but missing rows, with and without tickets of other months
    for others in ([], [resolutions(6, 1, 0)], [resolutions(7, 0, 0)]):
        unknown = commitments.goal(others, {}, {JULY: 1200}, today)
        assert unknown == Line(
            "Support. July 2026: no resolution is known to have been due, 1,200 rows of tickets "
            "missing; August 2026 so far: no resolution was due.",
            Tone.NO_DATA,
            Link("support", {}),
        )
    # a good month hides no month without data
    mixed = commitments.goal([resolutions(7, 1, 0)], {}, {date(2026, 8, 1): 1}, today)
    assert mixed is not None
    assert mixed.tone is Tone.NO_DATA
    # older rows say nothing of these months
    assert commitments.goal([], {}, {date(2026, 6, 1): 1}, today) is None


def test_missing_rows_without_a_goal_need_no_line() -> None:
    contract = {"contract_id": "k", "contract_name": "K", "time_zone": "UTC", "has_goal": False}
    lost = {("k", JULY): 1, ("other", JULY): 1}
    (found,) = commitments.standings([contract], [], [], [], [], lost, {}, AS_OF)
    assert found.support is None
    (found,) = commitments.standings(
        [contract | {"has_goal": True}], [], [], [], [], lost, {}, AS_OF
    )
    assert found.support is not None
    (found,) = commitments.standings(
        [contract | {"has_goal": True}], [], [], [], [], {("other", JULY): 1}, {}, AS_OF
    )
    assert found.support is None


# ---------------------------------------------------------------- what got worse


def compared(*figures: Row) -> worse.Compared:
    (found,) = worse.finished(figures, AS_OF)
    return found


def test_rates_of_periods_of_different_length_are_compared() -> None:
    """The same downtime is a smaller share of 31 days than of 30."""
    june = figure(start=date(2026, 6, 1), downtime_seconds=1491)
    same = compared(june, figure(downtime_seconds=1491))
    assert (same.now, same.verdict) == (Fraction(1491, 31 * DAY), "better")
    assert (same.shown, same.shown_before) == ("0.056 % of July 2026", "0.06 % of June 2026")
    # 1,540.7 s would be the same rate
    assert compared(june, figure(downtime_seconds=1540)).verdict == "better"
    more = compared(june, figure(downtime_seconds=1541))
    assert more.verdict == "worse"
    assert not more.is_miss
    # excluded time leaves the denominator
    half = figure(downtime_seconds=1491, excluded_seconds=16 * DAY)
    assert compared(june, half).verdict == "worse"


@pytest.mark.parametrize(
    ("july", "june", "reason"),
    [
        ({"commitment_pct": None}, {}, "no commitment"),
        ({}, {"commitment_pct": None}, "no commitment before July 2026"),
        (THIN, {}, "too little data in July 2026"),
        ({}, THIN, "too little data in June 2026"),
        ({}, UNSEEN, "no data in June 2026"),
        ({"availability_pct": None, "status": "fully_excluded"}, {}, "all of July 2026 excluded"),
    ],
)
def test_what_cant_be_compared_says_why(july: Row, june: Row, reason: str) -> None:
    found = compared(figure(**july), figure(start=date(2026, 6, 1), **june))
    assert (found.reason, found.now, found.verdict) == (reason, None, "can't compare")
    assert worse.lines([found]) == []
    assert worse.remark([found]) == f"0 rates compared; can't compare 1 with {reason}."


def test_a_gap_of_a_month_is_no_like_period() -> None:
    assert compared(figure(), figure(start=date(2026, 5, 1))).reason == "nothing before July 2026"


def interval(start: datetime, seconds: int, **more: Any) -> Row:
    row = {
        "contract_id": "k",
        "service_id": "chat",
        "region": "eu",
        "period_start": JULY,
        "started_at": start,
        "ended_at": start + timedelta(seconds=seconds),
        "downtime_seconds": seconds,
    }
    return row | more


def test_budgets_are_compared_at_the_same_share_of_the_period() -> None:
    """Ten of 31 days: of July only what came before the 11th counts, to the second."""
    then = datetime(2026, 7, 11, tzinfo=UTC)
    drops = [
        interval(datetime(2026, 7, 2, tzinfo=UTC), 400),
        # half of it lies after
        interval(then - timedelta(seconds=100), 200),
        interval(datetime(2026, 7, 20, tzinfo=UTC), 5000),
        # came in from June
        interval(datetime(2026, 6, 30, 23, 59, tzinfo=UTC), 120, downtime_seconds=60),
    ]
    now = budget(used=600)
    july = figure(budget_seconds=3100)
    assert worse.used_by_then(now, july, drops) == 400 + 100 + 60
    (found,) = worse.running([now], [july, now["figure"]], drops)
    assert (found.now, found.before) == (Fraction(600, 3100), Fraction(560, 3100))
    assert found.text == (
        "chat · eu: 19.35 % of the error budget used in 32.26 % of August 2026, 18.06 % by then in "
        "July 2026."
    )
    # in service hours an interval is longer than what counts of it
    office = [interval(datetime(2026, 7, 2, tzinfo=UTC), 400, downtime_seconds=300)]
    assert worse.used_by_then(now, july, office) is None
    assert worse.used_by_then(now, july | {"total_seconds": 500}, []) is None


def test_misses_come_first_then_the_largest_rise() -> None:
    def one(text: str, rise: int, *, is_miss: bool) -> worse.Compared:
        return worse.Compared(
            worse.DOWN, text, "", Fraction(rise, 100), Fraction(), text=text, is_miss=is_miss
        )

    found = [
        one("small", 1, is_miss=False),
        one("large", 9, is_miss=False),
        one("miss", 1, is_miss=True),
        one("better", -5, is_miss=True),
    ]
    assert [line.text for line in worse.lines(found)] == ["miss", "large", "small"]


def test_late_resolutions_are_compared_by_their_share() -> None:
    (found,) = worse.support(
        [resolutions(6, 17, 6), resolutions(7, 9, 4), resolutions(8, 0, 9)],
        {"k": "K"},
        {"k": date(2026, 8, 11)},
    )
    assert found.verdict == "worse"
    assert found.is_miss
    assert found.text == (
        "Resolutions of K: 30.77 % late in July 2026 (4 of 13 cases), 26.09 % in June 2026."
    )
    (none,) = worse.support([resolutions(7, 9, 4)], {"k": "K"}, {"k": date(2026, 8, 11)})
    assert none.verdict == "can't compare"


# ---------------------------------------------------------------- money


def credit(month: int, amount: str, currency: str = "EUR", **more: Any) -> Row:
    row = {
        "contract_id": "k",
        "credits": 1,
        "month": date(2026, month, 1),
        "period_kind": "month",
        "currency": currency,
        "credit_amount": Decimal(amount),
        "exposure": "payable",
        "days_left": None,
        "claim_deadline": None,
        "reasons": "",
        "status": "final",
        "availability_pct": Decimal(99),
        "coverage_pct": Decimal(100),
        "min_coverage_pct": "99",
        "low_coverage": False,
        "downtime_seconds": 1,
        "is_incomplete": False,
    }
    return row | more


def claimable(days: int) -> Row:
    return {
        "exposure": "claimable",
        "days_left": days,
        "claim_deadline": date(2026, 8, 11) + timedelta(days=days),
    }


def test_currencies_are_never_added_and_each_amount_has_its_list() -> None:
    credits = [
        credit(7, "1.00", **claimable(14)),
        credit(7, "2.00", **claimable(15)),
        credit(7, "4.000", "KWD", **claimable(0)),
        credit(8, "8.00", exposure="at_stake", status="provisional"),
        credit(7, "16.00", exposure="lapsed"),
        credit(8, "32.00", exposure="lapsed") | {"month": date(2025, 8, 1)},
        credit(9, "64.00", exposure="lapsed") | {"month": date(2025, 9, 1)},
        credit(7, "128.00", exposure="not_eligible", reasons="overdue"),
    ]
    settled = [
        {"currency": "EUR", "difference": Decimal(5)},
        # what was issued in excess is no part of what is owed
        {"currency": "EUR", "difference": Decimal(-3)},
    ]
    found = money.costs(credits, settled, ["k"], date(2026, 8, 11))
    assert [c.currency for c in found] == ["EUR", "KWD"]
    eur, kwd = found
    assert (eur.owed, eur.unclaimed, eur.expiring, eur.at_stake) == (5, 3, 1, 8)
    assert (eur.lapsed, eur.months) == (80, ["2025-09", "2026-07"])
    assert (kwd.currency, kwd.unclaimed, kwd.expiring, kwd.owed) == ("KWD", 4, 4, 0)
    assert eur.links["lapsed"].query == {
        "currencies": "EUR",
        "contracts": ["k"],
        "exposures": "lapsed",
        "months": ["2025-09", "2026-07"],
    }


def test_how_many_credits_rest_on_too_little(monkeypatch: pytest.MonkeyPatch) -> None:
    captions: list[str] = []
    monkeypatch.setattr(components.st, "caption", captions.append)
    monkeypatch.setattr(components, "link", lambda *_, **__: None)
    cost.show([credit(6, "1.00"), credit(7, "2.00", **THIN), credit(8, "4.00")])
    assert captions == ["Of 3 credits, 1 rests on thin or no evidence."]


def test_what_expires_comes_first() -> None:
    found = money.costs(
        [credit(7, "1.00"), credit(7, "1.00", "USD", **claimable(3)), credit(7, "0.00", "JPY")],
        [],
        [],
        date(2026, 8, 11),
    )
    assert [c.currency for c in found] == ["USD", "EUR", "JPY"]


def change(*credits: Row) -> money.Change:
    (found,) = money.changes(credits)
    return found


def test_the_change_to_the_month_before_needs_data_on_both_sides() -> None:
    june, july = credit(6, "3.00"), credit(7, "1.00", exposure="lapsed")
    found = change(june, july, credit(8, "9.00", status="provisional"), credit(5, "7.00"))
    assert (found.last, found.amount, found.before) == (JULY, 1, 3)
    assert change(june, july, credit(7, "5.00", reasons="overdue")).amount == 1
    assert change(july).reason == "no month before"
    assert change(credit(5, "1.00"), july).reason == "no month before"
    # a fall for want of data is none
    for side in (june, july):
        for lack in (THIN, UNSEEN | {"downtime_seconds": 0}):
            rows = [row | lack if row is side else row for row in (june, july)]
            assert change(*rows).amount is None
            assert change(*rows).reason == "too little data for 1 of 2"
    # where nothing is covered, there is nothing to see
    assert change(june, july | UNSEEN | {"availability_pct": None}).amount == 1


def test_quarters_are_compared_with_quarters() -> None:
    quarter = {"period_kind": "quarter"}
    found = money.changes(
        [
            credit(1, "4.00", **quarter),
            credit(4, "6.00", **quarter),
            credit(6, "1.00"),
            credit(7, "2.00"),
        ]
    )
    assert [(c.kind, c.last.month, c.amount, c.before) for c in found] == [
        ("month", 7, 2, 1),
        ("quarter", 4, 6, 4),
    ]


YEAR: Row = {"period_kind": "year"}
KINDS = {"y": "year", "k": "month"}


@pytest.mark.parametrize(
    ("kind", "today", "first"),
    [
        ("month", date(2026, 8, 11), date(2025, 9, 1)),
        # the quarter that ends in September 2025
        ("quarter", date(2026, 8, 11), date(2025, 7, 1)),
        # 2025 is compared with 2024, whatever the month
        ("year", date(2026, 8, 11), date(2024, 1, 1)),
        ("year", date(2026, 12, 31), date(2024, 1, 1)),
        ("year", date(2026, 1, 1), date(2024, 1, 1)),
    ],
)
def test_credits_are_read_from_the_periods_on_that_are_compared(
    kind: str, today: date, first: date
) -> None:
    assert money.earliest(kind, today) == first


def test_years_count_by_the_month_in_which_they_end() -> None:
    lapsed = {"exposure": "lapsed"}
    years = [
        credit(1, "5.00", **YEAR | lapsed) | {"month": date(2025, 1, 1)},
        credit(1, "7.00", **YEAR | lapsed) | {"month": date(2024, 1, 1)},
    ]
    (found,) = money.costs(years, [], [], date(2026, 8, 11))
    assert (found.lapsed, found.months) == (5, ["2025-01"])
    assert [(c.amount, c.before) for c in found.changes] == [(5, 7)]
    # without data a year's credits are no fall either
    (unseen,) = money.changes([years[0] | UNSEEN | {"downtime_seconds": 0}, years[1]])
    assert unseen.reason == "too little data for 1 of 2"


def test_several_credits_in_a_row_count_each() -> None:
    june, july = credit(6, "3.00", credits=4), credit(7, "1.00", credits=5, **THIN)
    assert change(june, july).reason == "too little data for 5 of 9"
    assert money.remark([june, july]) == "5 of 9 credits rest on thin or no evidence."
    (step,) = next_steps.claims([credit(7, "1.50", credits=3, **claimable(3))], {"k": ZONE})
    assert step.line.text.endswith("(3 credits).")


def test_what_is_read_of_credits() -> None:
    """A lapsed credit of the last finished year is read, one of a month a year ago is not; those
    alike are one row."""
    with duckdb.connect() as con:
        con.execute(
            """create schema marts;
               create table marts.credits as
               select k as contract_id, s as subscription_id, m::date as month, x as exposure,
                      'v' as service_id, 'eu' as region, 1.5 as credit_amount
               from (values ('y', 'a', '2025-01-01', 'lapsed'), ('y', 'b', '2023-01-01', 'lapsed'),
                            ('k', 'c', '2025-01-01', 'lapsed'), ('k', 'd', '2025-09-01', 'lapsed'),
                            ('k', 'e', '2025-01-01', 'payable'),
                            ('k', 'f', '2025-01-01', 'payable')) as t (k, s, m, x);
               create table marts.credit_steps as
               select 'a' as subscription_id, '2025-01-01'::date as month, 1 as downtime_seconds;
               create table marts.availability as
               select 'k' as contract_id, 'v' as service_id, 'eu' as region, 1 as contract_version,
                      '2025-01-01'::date as period_start, 100 as coverage_pct;
               create table marts.contract_terms as
               select 'k' as contract_id, 1 as contract_version, '' as policy_key, '' as value"""
        )
        since = {k: money.earliest(kind, AS_OF.date()) for k, kind in KINDS.items()}
        found = con.execute(
            f"""select contract_id, month, exposure, credit_amount, credits, coverage_pct
                from ({money.RECENT}) order by all""",
            [list(since), list(since.values())],
        ).fetchall()
    assert found == [
        ("k", date(2025, 1, 1), "payable", 3, 2, 100),
        ("k", date(2025, 9, 1), "lapsed", Decimal("1.5"), 1, None),
        ("y", date(2025, 1, 1), "lapsed", Decimal("1.5"), 1, None),
    ]


# ---------------------------------------------------------------- what to do next


def ticket(name: str, **more: Any) -> Row:
    row = {
        "ticket_id": name,
        "contract_id": "k",
        "severity": "P2",
        "target_severity": "P1",
        "is_paused": False,
        "target_status": "on_track",
        "response_remaining_s": None,
        "update_remaining_s": None,
        "resolution_remaining_s": None,
    }
    return row | more


def texts(steps: list[next_steps.Step]) -> list[str]:
    return [step.line.text for step in steps]


def test_tickets_past_a_target_are_one_line_and_the_next_ones_have_their_own() -> None:
    near = ticket("n", target_status="at_risk", update_remaining_s=60, resolution_remaining_s=90)
    far = ticket("f", resolution_remaining_s=60)
    late = ticket("l", target_status="breached", update_remaining_s=-1, resolution_remaining_s=5)
    latest = ticket("m", response_remaining_s=-7200)
    found = next_steps.targets([near, far, late, latest], AS_OF)
    assert texts(found) == [
        "2 open tickets are past a target, m (P1) by 2 h on its clock.",
        "n (P1): update due in 1 min on its clock.",
    ]
    assert found[1].at == AS_OF + timedelta(seconds=60)
    assert found[0].line.link == Link(
        "tickets", {"target_status": ["breached", "on_track"], "contracts": ["k"]}
    )
    # the last second is not past yet
    assert texts(
        next_steps.targets([ticket("z", target_status="at_risk", update_remaining_s=0)], AS_OF)
    ) == ["z (P1): update due in 0 s on its clock."]
    # a first response is near from four hours on
    assert len(next_steps.targets([ticket("r", response_remaining_s=4 * 3600)], AS_OF)) == 1
    assert next_steps.targets([ticket("r", response_remaining_s=4 * 3600 + 1)], AS_OF) == []
    many = [
        ticket(f"t{n}", target_status="at_risk", update_remaining_s=60 * n, is_paused=True)
        for n in (3, 1, 2)
    ]
    assert texts(next_steps.targets(many, AS_OF)) == [
        "3 tickets are about to miss a target, first t1 (P1): update due in 1 min on its clock, "
        "paused now."
    ]


def test_tickets_far_from_every_target_are_not_read() -> None:
    tickets = [
        ticket("far", response_remaining_s=4 * 3600 + 1, resolution_remaining_s=0),
        ticket("near", response_remaining_s=4 * 3600),
        ticket("late", update_remaining_s=-1, response_remaining_s=99_999),
        ticket("risk", target_status="at_risk", update_remaining_s=99_999),
        ticket("none"),
    ]
    with duckdb.connect() as con:
        con.execute(
            """create schema marts;
               create table marts.open_tickets (
                   ticket_id varchar, contract_id varchar, severity varchar,
                   target_severity varchar, is_paused boolean, target_status varchar,
                   response_remaining_s bigint, update_remaining_s bigint,
                   resolution_remaining_s bigint
               )"""
        )
        for row in tickets:
            con.execute(
                f"insert into marts.open_tickets ({', '.join(row)}) values (?,?,?,?,?,?,?,?,?)",
                list(row.values()),
            )
        found = con.execute(next_steps.PRESSED).fetchall()
    assert {row[0] for row in found} == {"near", "late", "risk"}
    # what is not read has no line
    assert next_steps.targets([tickets[0], tickets[4]], AS_OF) == []


def test_claims_by_deadline_and_currency() -> None:
    found = next_steps.claims(
        [
            credit(7, "1.50", **claimable(3)),
            credit(7, "2.50", **claimable(3)),
            credit(7, "7", "JPY", **claimable(3)),
            credit(7, "9.00", **claimable(0)),
            credit(7, "5.00"),
        ],
        {"k": ZoneInfo("Europe/Amsterdam")},
    )
    assert texts(found) == [
        "9.00 EUR expires unless claimed by 2026-08-11, today (1 credit).",
        "4.00 EUR, 7 JPY expire unless claimed by 2026-08-14, in 3 days (3 credits).",
    ]
    # until the end of the day where the contract is
    assert found[0].at == datetime(2026, 8, 11, 22, tzinfo=UTC)


def test_steps_are_in_order_of_deadline() -> None:
    found = next_steps.steps(
        [credit(7, "1.00", **claimable(3))],
        [
            ticket("late", target_status="breached", update_remaining_s=-1),
            ticket("near", target_status="at_risk", update_remaining_s=60),
        ],
        [budget("a", 2000), budget("b"), budget("c", 5000)],
        {"k": ZONE},
        AS_OF,
    )
    assert [text.split()[0] for text in texts(found)] == ["1", "near", "1.00", "The"]
    assert texts(found)[-1] == (
        "The error budget of chat · a runs out about 2026-08-16 at the present rate."
    )
    many = next_steps.run_outs(
        [budget("a", 2000), budget("b", 2500), budget("c", 3000)], {"k": ZONE}, AS_OF
    )
    # 2026-08-01 and 10 days times 3,100 by 3,000: the 11th
    assert texts(many) == [
        "3 error budgets run out at the present rate, the first about 2026-08-11: "
        "chat · c, chat · b, chat · a."
    ]


def test_long_lists_of_names_are_cut() -> None:
    assert listed(["a", "b", "c"]) == "a, b, c"
    assert listed(["a", "b", "c", "d"]) == "a, b and 2 more"


# ---------------------------------------------------------------- heat maps


def test_tiles_without_data_are_hatched_and_regions_with_misses_come_first() -> None:
    rest = {"budget_remaining_seconds": 1, "incomplete_rows": 0}
    figures = [
        figure("a", **rest),
        figure("b", **MISSED | THIN | rest),
        figure("c", **THIN | rest),
        figure("d", **UNSEEN | rest),
        # seen, or there would be no downtime
        figure("e", **UNSEEN | {"downtime_seconds": 9} | rest),
        figure("f", availability_pct=None, status="fully_excluded", **UNSEEN | rest),
        figure("g", date(2026, 6, 1), **MISSED | rest),
    ]
    tiles = charts.tiles(figures)
    assert tiles["hatch"].tolist() == ["", "thin", "thin", "no data", "thin", "", ""]
    chart = charts.heat_map(tiles, "month").to_dict()
    marks = [layer["mark"] for layer in chart["layer"]]
    hatched = [m for m in marks if m["type"] == "point"]
    assert [m["stroke"] for m in hatched] == [colour for _, colour in charts.HATCHES.values()]
    order = chart["layer"][0]["encoding"]["y"]["sort"]
    # missed in the later month, missed in the earlier one, the others by name
    assert [name.split(" · ")[1] for name in order] == ["b", "g", "a", "c", "d", "e", "f"]
    axis = chart["layer"][0]["encoding"]["x"]["axis"]
    assert (axis["labelOverlap"], axis["labelAngle"]) == (False, 0)
    # two years: every month keeps its label
    many = [figure("a", date(2025 + n // 12, n % 12 + 1, 1), **rest) for n in range(24)]
    axis = charts.heat_map(charts.tiles(many), "month").to_dict()["layer"][0]["encoding"]["x"][
        "axis"
    ]
    assert (axis["labelOverlap"], axis["labelAngle"]) == (False, -90)


# ---------------------------------------------------------------- as HTML


def screen(standing: commitments.Standing, **more: Any) -> Screen:
    return Screen(
        **{  # type: ignore[arg-type]
            "as_of": AS_OF,
            "standings": [standing],
            "costs": [],
            "compared": [],
            "steps": [],
            "figures": [],
            "budgets": [],
            "credits": [],
            **more,
        }
    )


def test_names_from_feeds_are_no_markup() -> None:
    evil = "<img src=x onerror=alert(1)> & \"'"
    line = Line(evil, Tone.KEPT, Link("availability", {"contract": f"{evil}&figure=x"}))
    shown = first_screen.html(
        screen(
            commitments.Standing(evil, evil, line, None, None, evil, evil),
            steps=[next_steps.Step(AS_OF, line)],
        ),
        lambda page: True,
    )
    assert "<img" not in shown
    assert shown.count("&lt;img") == 5
    (address, *_) = re.findall(r'href="([^"]*)"', shown)
    assert address.startswith("availability?contract=%3Cimg%20src%3Dx")
    assert "&amp;figure" not in address


def test_links_are_of_pages_that_the_viewer_may_open() -> None:
    line = Line("text", Tone.MISSED, Link("tickets", {"target_status": ["a", "b"]}))
    standing = commitments.Standing("k", "K", line, None, None, "", None)
    shown = first_screen.html(screen(standing), lambda page: page == "tickets")
    assert 'href="tickets?target_status=a&amp;target_status=b"' in shown
    assert "<a " not in first_screen.html(screen(standing), lambda page: page != "tickets")


def test_what_does_not_fit_is_folded() -> None:
    steps = [next_steps.Step(AS_OF, Line(f"step {n}")) for n in range(7)]
    standing = commitments.Standing("k", "K", None, None, None, "", None)
    shown = first_screen.html(screen(standing, steps=steps), lambda page: True)
    assert "<summary>2 more</summary>" in shown
    assert shown.index("step 4") < shown.index("<summary>") < shown.index("step 5")
    others = [
        commitments.Standing(str(n), f"K{n}", Line("x", tone), None, None, "", None)
        for n, tone in enumerate([Tone.MISSED] * 4 + [Tone.KEPT] * 2)
    ]
    shown = first_screen.html(screen(standing, standings=others), lambda page: True)
    assert "<summary>4 more, 2 of them with a miss</summary>" in shown
