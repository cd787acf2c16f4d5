"""Leadership's page: are commitments kept, what do misses cost, what got worse, what to do next."""

from zoneinfo import ZoneInfo

import streamlit as st

from makegood.dashboards.app import components, navigation
from makegood.dashboards.app.overview import (
    budgets,
    cost,
    first_screen,
    headroom,
    heat_maps,
    incidents,
    trends,
)
from makegood.dashboards.app.published import granted, reader, rows
from makegood.dashboards.figures.contract import is_as_customer
from makegood.dashboards.figures.overview.screen import read

left, right = st.columns([3, 2], vertical_alignment="bottom", gap="large")
with left:
    components.head(
        "SLA overview", "Are we keeping our commitments, what does it cost, and what comes next?"
    )
contracts = {c["contract_id"]: c for c in rows("from marts.contracts") if not is_as_customer(c)}
with right:
    chosen = components.choice(
        "Contracts", sorted(contracts), "contracts", lambda c: contracts[c]["contract_name"]
    )
if (found := rows("from marts.error_budgets limit 1")) and "budget_status" not in found[0]:
    components.nothing(
        "An older version published these figures, without the status of error budgets: the next "
        "run adds it."
    )
    st.stop()
# links are limited to the contracts that were chosen
screen = read(rows, reader().has, reader().as_of, chosen if len(chosen) < len(contracts) else ())
pages = {page.name for page in navigation.pages_of(granted().roles)}
st.html(first_screen.html(screen, pages.__contains__))

heat_maps.show(screen.standings, screen.figures)
budgets.show(
    screen.standings,
    screen.budgets,
    {key: ZoneInfo(c["time_zone"]) for key, c in contracts.items()},
    screen.as_of,
)
cost.show(screen.credits)
incidents.show(chosen)
headroom.show(chosen, screen.figures)
trends.show(screen.compared)
