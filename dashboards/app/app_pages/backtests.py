"""What would have been owed under proposed contracts, beside what was."""

import streamlit as st

from makegood.dashboards.app import components
from makegood.dashboards.app.published import warehouse
from makegood.dashboards.exports import backtests as exports
from makegood.dashboards.figures import backtests
from makegood.dashboards.figures.style import instant
from makegood.dashboards.figures.words import plain

components.head("Backtests", "What would we have owed under proposed contracts?")

kept, unreadable = backtests.kept(warehouse())
if unreadable:
    st.error(
        f"These backtests can't be read: {plain(', '.join(unreadable))}. Make them again.",
        icon=":material/error:",
    )
if not kept:
    components.nothing(
        "No backtest has been made yet. `makegood backtest` replays this warehouse under proposed "
        "contracts, and publishes nothing."
    )
    st.stop()

by_id = {about.backtest_id: about for about in kept}


def label(backtest_id: str) -> str:
    """When a backtest was made, and of which contracts."""
    about = by_id[backtest_id]
    return f"{instant(about.made_at)} UTC: {', '.join(about.contract_ids)}"


about = by_id[components.pick("Backtest", list(by_id), "backtest", shown=label)]
rows = backtests.rows_of(warehouse(), about)
st.caption(
    f"Contracts proposed in {plain(str(about.contracts))} · compared with run "
    f"{plain(about.run_id)}, as of **{instant(about.as_of)} UTC**"
)
for note in about.notes:
    st.markdown(f"- {plain(note)}")
if rows.is_empty():
    components.nothing("There are no credits on either side.")
    st.stop()

PERIOD = {"Contract": "contract_id", "Period": "period"}
AMOUNTS = {
    heading: components.money(column)
    for heading, column in {
        "Published": "published_credit",
        "Proposed": "proposed_credit",
        "Difference": "difference_credit",
        "Payable, published": "published_payable",
        "Payable, proposed": "proposed_payable",
        "Payable, difference": "difference_payable",
    }.items()
}
CAUSE_AMOUNTS = {
    side.capitalize(): components.money(side) for side in ("published", "proposed", "difference")
}

st.subheader("Totals", anchor=False)
components.table(
    backtests.totals(rows),
    {"Currency": "currency", **AMOUNTS},
    name="Credits in total",
)
st.subheader("By period", anchor=False)
components.table(
    backtests.by_period(rows),
    {
        **PERIOD,
        "Currency": "currency",
        **AMOUNTS,
        "Evidence": lambda row: backtests.remarks(row) or "–",
    },
    name="Credits by period",
)
st.subheader("By cause", anchor=False)
causes = backtests.by_cause(rows)
if causes:
    components.table(
        causes,
        {
            **PERIOD,
            "Cause": lambda row: row["cause"].replace("_", " "),
            "Currency": "currency",
            **CAUSE_AMOUNTS,
        },
        name="Credits by cause",
    )
else:
    components.nothing("There are no credits on either side.")
st.subheader("By customer", anchor=False)
components.table(
    backtests.totals(rows, "contract_id", "customer_id", "customer_name"),
    {
        "Contract": "contract_id",
        "Customer": "customer_name",
        "Customer id": "customer_id",
        "Currency": "currency",
        **AMOUNTS,
    },
    name="Credits by customer, the largest differences first",
)
st.caption(
    "Amounts are in the currency of their row. Payable: by the requests that customers made (C5). "
    "A dash: that side has no such period. Nothing of a backtest is published."
)
components.offer("backtest", exports.about(about), rows.height, lambda: rows)
