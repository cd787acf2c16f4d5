"""Error budgets of the current periods: what is left over time, and how fast it is used (A8)."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pandas as pd
import streamlit as st

from makegood.dashboards.access.reader import Row
from makegood.dashboards.app import charts, components
from makegood.dashboards.app.published import rows
from makegood.dashboards.figures.evidence import (
    Evidence,
    budget_status_of,
    budget_words,
    evidence_words,
)
from makegood.dashboards.figures.overview.commitments import Standing, runs_out
from makegood.dashboards.figures.overview.worse import INTERVALS
from makegood.dashboards.figures.queries import key_of, period, service_and_region
from makegood.dashboards.figures.style import NONE, day, exact_duration
from makegood.dashboards.figures.words import plain


def show(
    standings: Sequence[Standing],
    budgets: Sequence[Row],
    zones: Mapping[str, ZoneInfo],
    as_of: datetime,
) -> None:
    """The burn-down of each contract's budgets, and a table of all. `budgets`: each with its row of
    FIGURES as `figure`; `zones`: by contract id."""
    st.subheader("Error budgets of the current periods", anchor=False)
    if not budgets:
        components.nothing("No period with a commitment is in progress.")
        return
    drops: dict[tuple[object, ...], list[Row]] = defaultdict(list)
    for drop in rows(f"{INTERVALS} order by started_at"):
        drops[key_of(drop)].append(drop)
    shown = []
    for standing in standings:
        own = [b for b in budgets if b["contract_id"] == standing.contract_id]
        points = [
            point
            for b in own
            if b["budget_seconds"]
            for point in burn_down_of(b, drops[key_of(b)], as_of)
        ]
        if points:
            shown.append((f"{plain(standing.name)}, {period(own[0])}", pd.DataFrame(points)))
    used = set(map(budget_status_of, budgets))
    entries = {
        word: f"background: {colour}; height: .2rem"
        for word, colour in charts.BUDGET_STATUSES.items()
        if word in used
    }
    # without data nothing is projected
    if used - {str(Evidence.NONE)}:
        entries["dashed: projected to the end"] = "border-top: 2px dashed #8c8c8c; height: 0"
    components.legend(entries)
    for pair in zip(shown[::2], [*shown[1::2], None], strict=False):
        for column, one in zip(st.columns(2, gap="large"), pair, strict=True):
            if one:
                with column:
                    st.caption(one[0])
                    st.altair_chart(charts.burn_down(one[1]), width="stretch")
    table(budgets, zones)


def burn_down_of(budget: Row, drops: Sequence[Row], as_of: datetime) -> list[Row]:
    """The points of a budget's line: what is left up to `as_of`, then the projection.

    `drops`: its intervals of downtime in order of time."""
    left = budget["budget_seconds"]
    path = [(budget["starts_at"], left)]
    for drop in drops:
        before, left = left, left - drop["downtime_seconds"]
        start = max(drop["started_at"], budget["starts_at"])
        path += [(start, before), (start + timedelta(seconds=drop["downtime_seconds"]), left)]
    path.append((as_of, left))
    # without data there is no rate
    is_projectable = (
        budget["projected_remaining_seconds"] is not None
        and budget_status_of(budget) != Evidence.NONE
    )
    ahead = (
        [(as_of, left), (budget["ends_at"], budget["projected_remaining_seconds"])]
        if is_projectable
        else []
    )
    return [
        {
            "service_and_region": service_and_region(budget),
            "at": at,
            "left_pct": float(100 * Decimal(rest) / budget["budget_seconds"]),
            "left": exact_duration(rest)
            + (" (projected)" if is_projected and at == budget["ends_at"] else ""),
            "is_projected": is_projected,
            # lines on track overlap: the table names them instead
            "is_end": is_projected
            and at == budget["ends_at"]
            and budget["budget_status"] != "on_track",
            "status": budget_status_of(budget),
        }
        for is_projected, part in ((False, path), (True, ahead))
        for at, rest in part
    ]


# the worst first
_ORDER = ["exhausted", "at risk", "no data", "on thin evidence", "on track"]


def table(budgets: Sequence[Row], zones: Mapping[str, ZoneInfo]) -> None:
    """All budgets, misses first."""

    def exhaustion(budget: Row) -> str:
        """When the budget runs out at the rate so far, worked out exactly."""
        status = budget_status_of(budget)
        if status == "exhausted":
            return "used up"
        if status == Evidence.NONE:
            return "unknown"
        if not budget["downtime_seconds"]:
            return "no downtime so far"
        at = runs_out(budget)
        if at is None:
            return "after the period"
        return day(at.astimezone(zones[budget["contract_id"]]).date())

    def projected(budget: Row) -> str:
        if budget_status_of(budget) == Evidence.NONE:
            return NONE
        return exact_duration(budget["projected_remaining_seconds"])

    components.table(
        sorted(
            budgets,
            key=lambda b: (
                _ORDER.index(budget_status_of(b)),
                b["budget_remaining_seconds"],
                service_and_region(b),
            ),
        ),
        {
            "Service and region": service_and_region,
            "Period": period,
            "Status": budget_status_of,
            "Evidence": lambda b: evidence_words(b["figure"]),
            "Budget": components.length("budget_seconds"),
            "Left": lambda b: budget_words(b["figure"]),
            "Burn rate": burn_rate,
            "Runs out": exhaustion,
            "Projected at the end": projected,
        },
        name="Error budgets of the current periods",
    )
    st.caption(
        "Burn rate: the share of the budget that is used, divided by the share of the period that "
        "has passed. Above 1, the budget runs out before the period ends: on the day shown, if "
        "downtime goes on at this rate."
    )


def burn_rate(budget: Row) -> str:
    """As 0.75; a dash where there is none, or nothing was seen. Older versions published none."""
    rate = budget.get("burn_rate")
    return NONE if rate is None or budget_status_of(budget) == Evidence.NONE else f"{rate:.2f}"
