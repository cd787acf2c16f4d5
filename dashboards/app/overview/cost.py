"""Credits that may still be paid, by period and currency."""

import itertools
from collections.abc import Sequence
from decimal import Decimal

import pandas as pd
import streamlit as st

from makegood.dashboards.access.reader import Row
from makegood.dashboards.app import charts, components
from makegood.dashboards.figures import periods
from makegood.dashboards.figures.queries import LAPSING_DAYS
from makegood.dashboards.figures.style import money

OPEN = ("payable", "claimable", "at_stake")
_MEANS = {
    "payable": "requested in time or automatic, and eligible",
    "claimable": f"not requested, more than {LAPSING_DAYS} days left",
    "lapsing": f"not requested, {LAPSING_DAYS} days left or fewer",
    "at stake": "of periods in progress",
}


def exposure_of(credit: Row) -> str:
    """The key of `charts.EXPOSURES` for a credit that may still be paid."""
    if credit["exposure"] == "claimable" and credit["days_left"] <= LAPSING_DAYS:
        return "lapsing"
    return str(credit["exposure"]).replace("_", " ")


def show(credits: Sequence[Row]) -> None:
    """A chart for each currency. `credits`: of RECENT or CREDITS, with `period_kind`."""
    st.subheader("Credits that may still be paid", anchor=False)
    open_credits = [c for c in credits if c["exposure"] in OPEN]
    if not open_credits:
        components.nothing("No credit is payable, claimable or at stake.")
        return
    used = set(map(exposure_of, open_credits))
    components.legend(
        {
            f"{word}: {_MEANS[word]}": f"background: {colour}"
            for word, colour in charts.EXPOSURES.items()
            if word in used
        }
    )
    for place, currency in zip(
        itertools.cycle(st.columns(3)), components.distinct(open_credits, "currency"), strict=False
    ):
        sums: dict[tuple[str, str], Decimal] = {}
        for c in open_credits:
            if c["currency"] == currency:
                key = periods.credited(c), exposure_of(c)
                sums[key] = sums.get(key, Decimal()) + c["credit_amount"]
        frame = pd.DataFrame(
            {
                "period": code,
                "exposure": word,
                "amount": float(total),
                "shown": money(total, currency),
                "order": list(charts.EXPOSURES).index(word),
            }
            for (code, word), total in sorted(sums.items())
        )
        with place:
            st.altair_chart(charts.exposure(frame, currency), width="stretch")
    components.evidence(open_credits, "credit")
    components.link("credits", "All credits, by period, customer and currency")
