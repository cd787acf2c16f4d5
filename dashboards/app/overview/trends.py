"""All comparisons with the like period before, and why some can't be made."""

from collections.abc import Sequence

import streamlit as st

from makegood.dashboards.app import components
from makegood.dashboards.app.overview.first_screen import TRENDS
from makegood.dashboards.figures.overview.worse import Compared


def show(compared: Sequence[Compared]) -> None:
    """A table of all rates: what got worse first, misses before the others."""
    st.subheader("Against the period before", anchor=TRENDS)
    if not compared:
        components.nothing("There is nothing to compare yet.")
        return
    ranked = sorted(
        compared,
        key=lambda c: (c.rise <= 0, bool(c.reason), not c.is_miss, -c.rise, c.measure, c.subject),
    )
    components.table(
        [vars(c) | {"verdict": c.verdict} for c in ranked],
        {
            "Of": "subject",
            "Measure": "measure",
            "Verdict": lambda c: c["verdict"],
            "Now": lambda c: c["shown"] if not c["reason"] else c["period"],
            "Before, or why it can't be compared": lambda c: c["reason"] or c["shown_before"],
        },
        name="Rates against the like period before",
        column_config={"Of": st.column_config.Column(width="medium")},
        height=380 if len(ranked) > 10 else "auto",
    )
    st.caption(
        "Finished periods are compared with the one before, error budgets in progress with the "
        "one before at the same share of the period. Only where both have a commitment and "
        "sufficient data."
    )
