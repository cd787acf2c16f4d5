"""The first screen of the overview, worked out anew from the marts of a publication."""

import re
from collections import defaultdict
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

from makegood.dashboards.access.reader import EVERYTHING, opened
from makegood.dashboards.figures.overview import worse
from makegood.dashboards.figures.overview.lines import Tone
from makegood.dashboards.figures.overview.screen import Screen, read
from tests.conftest import Published

Row = dict[str, Any]


def screen_of(published: Published, *contracts: str) -> Screen:
    with opened(published.database, EVERYTHING) as reader:
        return read(reader.rows, reader.has, reader.as_of, contracts)


def month_before(month: date) -> date:
    return (month - timedelta(days=1)).replace(day=1)


def last_day_of(credit: Row) -> date:
    """The last day of the period of a credit."""
    months = {"month": 1, "quarter": 3, "year": 12}[credit["period_kind"]]
    after = credit["month"].year * 12 + credit["month"].month - 1 + months
    return date(after // 12, after % 12 + 1, 1) - timedelta(days=1)


def is_sure(row: Row, least: dict[Any, Decimal]) -> bool:
    """Whether a figure has coverage and completeness behind it."""
    if row["status"] == "fully_excluded":
        return not row["is_incomplete"]
    enough = least[row["contract_id"], row["contract_version"]]
    return (
        row["coverage_pct"] is not None
        and row["coverage_pct"] >= enough
        and not row["is_incomplete"]
    )


def check_first_screen(published: Published) -> Screen:
    """Asserts every block of the first screen against the marts."""
    screen = screen_of(published)
    least = {
        (t["contract_id"], t["contract_version"]): Decimal(t["value"])
        for t in published.query(
            """select * from marts.contract_terms
               where policy_key = 'availability.min_coverage_pct'"""
        )
    }
    check_commitments(published, screen, least)
    check_costs(published, screen)
    check_worse(published, screen, least)
    check_steps(published, screen)
    return screen


def check_commitments(published: Published, screen: Screen, least: dict[Any, Decimal]) -> None:
    committed = [r for r in published.mart("availability") if r["is_met"] is not None]
    status = {
        tuple(b[k] for k in ("contract_id", "service_id", "region")): b["budget_status"]
        for b in published.mart("error_budgets")
    }
    assert {s.contract_id for s in screen.standings} == {
        c["contract_id"] for c in published.mart("contracts")
    }
    # those with a miss come first
    assert [s.rank for s in screen.standings] == sorted(s.rank for s in screen.standings)
    for standing in screen.standings:
        own = [r for r in committed if r["contract_id"] == standing.contract_id]
        over = [r for r in own if r["ends_at"] <= screen.as_of]
        last = [r for r in over if r["period_start"] == max(r["period_start"] for r in over)]
        running = [r for r in own if r["ends_at"] > screen.as_of]
        assert (standing.finished is None) == (not last)
        if standing.finished:
            text = standing.finished.text
            missed = sum(not r["is_met"] for r in last)
            assert "so far" not in text
            assert (standing.finished.tone is Tone.MISSED) == bool(missed)
            assert (standing.finished.tone is Tone.KEPT) == all(
                r["is_met"] and is_sure(r, least) for r in last
            )
            assert bool(
                re.search(r"all (\d+ )?regions kept|^[^;]* kept its commitment\.$", text)
            ) <= (not missed)
            if missed:
                assert f"{missed} of {len(last)} region" in text or f"all {missed} regions" in text
            unseen = sum(not r["coverage_pct"] and not r["downtime_seconds"] for r in last)
            assert ("no data" in text) == bool(unseen)
        assert (standing.current is None) == (not running)
        if standing.current:
            states = [
                status[tuple(r[k] for k in ("contract_id", "service_id", "region"))]
                for r in running
            ]
            assert " so far: " in standing.current.text
            assert (standing.current.tone is Tone.MISSED) == ("exhausted" in states)
            assert (standing.current.tone is Tone.KEPT) == (
                set(states) == {"on_track"} and all(is_sure(r, least) for r in running)
            )
            lacking = [
                r
                for r in running
                if r["coverage_pct"] is None
                or r["coverage_pct"] < least[r["contract_id"], r["contract_version"]]
            ]
            assert (standing.banner is not None) == bool(lacking)
        check_goal(published, screen, standing)


def check_goal(published: Published, screen: Screen, standing: Any) -> None:
    rows = [
        r
        for r in published.mart("attainment")
        if (r["contract_id"], r["promise"]) == (standing.contract_id, "resolution")
        and r["goal_pct"] is not None
    ]
    assert (standing.support is None) == (not rows)
    if not rows:
        return
    # the clocks of both contracts agree on the month at these instants
    this = screen.as_of.date().replace(day=1)
    reached = []
    for month in (month_before(this), this):
        own = [r for r in rows if r["month"] == month]
        met, missed = sum(r["met"] for r in own), sum(r["missed"] for r in own)
        if met + missed:
            assert f"({met:,} of {met + missed:,} case" in standing.support.text
            reached.append(100 * met >= own[0]["goal_pct"] * (met + missed))
    lacking = published.query("select * from marts.evidence_gaps where figure = 'ticket_sla'")
    if standing.support.tone is Tone.KEPT:
        assert reached
        assert all(reached)
        assert not [g for g in lacking if g["period_start"] >= month_before(this)]
    assert standing.support.text.count("not reached") == reached.count(False)


def check_costs(published: Published, screen: Screen) -> None:
    credits = published.mart("credits")
    sums: dict[str, dict[str, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
    since = date(screen.as_of.year - 1, screen.as_of.month, 28)
    for r in published.mart("credit_reconciliation"):
        if r["difference"] > 0:
            sums[r["currency"]]["owed"] += r["difference"]
    for c in credits:
        of = sums[c["currency"]]
        if c["exposure"] == "claimable":
            of["unclaimed"] += c["credit_amount"]
            if c["days_left"] <= 14:
                of["expiring"] += c["credit_amount"]
        elif c["exposure"] == "at_stake":
            of["at_stake"] += c["credit_amount"]
        elif c["exposure"] == "lapsed" and last_day_of(c) > since:
            of["lapsed"] += c["credit_amount"]
    shown = {
        cost.currency: {
            k: getattr(cost, k)
            for k in ("owed", "unclaimed", "expiring", "at_stake", "lapsed")
            if getattr(cost, k)
        }
        for cost in screen.costs
    }
    assert {k: v for k, v in shown.items() if v} == {
        k: {n: a for n, a in v.items() if a} for k, v in sums.items() if any(v.values())
    }
    for cost in screen.costs:
        for change in cost.changes:
            own = [
                c
                for c in credits
                if c["currency"] == cost.currency
                and c["period_kind"] == change.kind
                and c["status"] != "provisional"
                and not c["reasons"]
            ]
            assert change.last == max(c["month"] for c in own)
            now = [c for c in own if c["month"] == change.last]
            if change.amount is not None:
                before = [c for c in own if last_day_of(c) == change.last - timedelta(days=1)]
                assert change.amount == sum(c["credit_amount"] for c in now)
                assert change.before == sum(c["credit_amount"] for c in before)
                assert before
                assert not any(
                    c["low_coverage"] for c in now + before if c["availability_pct"] is not None
                )


def check_worse(published: Published, screen: Screen, least: dict[Any, Decimal]) -> None:
    """Of finished periods: what has a commitment and enough data on both sides, and no other."""
    figures = published.mart("availability")
    expected = {}
    for contract in {f["contract_id"] for f in figures}:
        over = [f for f in figures if f["contract_id"] == contract and f["ends_at"] <= screen.as_of]
        last = max((f["period_start"] for f in over), default=None)
        for f in (f for f in over if f["period_start"] == last):
            earlier = [
                e
                for e in over
                if (e["service_id"], e["region"], e["ends_at"])
                == (f["service_id"], f["region"], f["starts_at"])
            ]
            pair = [f, *earlier]
            if len(pair) == 2 and all(
                p["commitment_pct"] is not None
                and p["availability_pct"] is not None
                and p["coverage_pct"] is not None
                and p["coverage_pct"] >= least[p["contract_id"], p["contract_version"]]
                for p in pair
            ):
                down, down_before = (
                    Fraction(p["downtime_seconds"], p["total_seconds"] - p["excluded_seconds"])
                    for p in pair
                )
                expected[f"{f['service_id']} · {f['region']}"] = (
                    "worse"
                    if down > down_before
                    else "better"
                    if down < down_before
                    else "as before"
                )
    compared = [c for c in screen.compared if c.measure == worse.DOWN]
    assert {c.subject: c.verdict for c in compared if not c.reason} == expected
    assert all(c.reason for c in compared if c.subject not in expected)
    lines = worse.lines(screen.compared)
    assert [line.tone.rank for line in lines] == sorted(line.tone.rank for line in lines)


def check_steps(published: Published, screen: Screen) -> None:
    texts = [step.line.text for step in screen.steps]
    assert [s.at for s in screen.steps] == sorted(s.at for s in screen.steps)
    late = sum(
        any(
            t[k] is not None and t[k] < 0
            for k in ("response_remaining_s", "update_remaining_s", "resolution_remaining_s")
        )
        for t in published.mart("open_tickets")
    )
    found = [m for t in texts if (m := re.match(r"([\d,]+) open tickets? (is|are) past", t))]
    assert [int(m[1].replace(",", "")) for m in found] == ([late] if late else [])
    deadlines = {
        c["claim_deadline"] for c in published.mart("credits") if c["exposure"] == "claimable"
    }
    claims = re.findall(r"unless claimed by ([\d-]+)", " ".join(texts))
    assert sorted(set(claims)) == sorted(f"{d:%Y-%m-%d}" for d in deadlines)
    # a budget at risk runs out before its period ends, and no other one is said to
    risk = [b for b in published.mart("error_budgets") if b["budget_status"] == "at_risk"]
    told = [t for t in texts if "error budget" in t]
    assert len(told) == (len(risk) if len(risk) <= 2 else 1)
    for b in risk:
        # the share of the period by which the budget is used up, as days after its start
        days = Fraction(b["elapsed_seconds"] * b["budget_seconds"], b["downtime_seconds"] * 86400)
        at = b["starts_at"] + timedelta(seconds=int(days * 86400))
        assert screen.as_of <= at <= b["ends_at"]
        assert any(
            f"{b['service_id']} · {b['region']}" in t and f"{at:%Y-%m-%d}" in t for t in told
        )
