"""Gaps in the monitoring data, on a timeline."""

from collections import Counter

import pandas as pd
import streamlit as st

from makegood.dashboards.app import charts, components
from makegood.dashboards.app.components import length
from makegood.dashboards.app.published import rows
from makegood.dashboards.figures.evidence import (
    Evidence,
    coverage_words,
    evidence_of,
    evidence_words,
)
from makegood.dashboards.figures.queries import FIGURES, period, service_and_region
from makegood.dashboards.figures.style import NONE, duration, exact_duration, instant, thousands
from makegood.dashboards.figures.words import plain

components.head(
    "Coverage", "Which figures rest on too little monitoring data, and where are the gaps?"
)

figures = rows(FIGURES)
if not figures:
    components.nothing(
        "There are no figures yet: no production component has a check or an outage record "
        "under a contract in force."
    )
    st.stop()
first, second, third = components.filters(3)
with first:
    contracts = components.contracts(components.distinct(figures, "contract_id"))
with second:
    regions = components.choice("Regions", components.distinct(figures, "region"), "regions")
periods = sorted({period(f) for f in figures if f["contract_id"] in contracts}, reverse=True)
with third:
    chosen_periods = components.choice("Periods", periods, "periods")
chosen = [
    f
    for f in figures
    if f["contract_id"] in contracts and f["region"] in regions and period(f) in chosen_periods
]
if not chosen:
    components.nothing("No figure matches the filters.")
    st.stop()
counts = Counter(map(evidence_of, chosen))
# thousands of hours need more room
columns = st.columns([4, 3, 5, 4])
columns[0].metric(
    "Figures on thin evidence",
    f"{counts[Evidence.THIN]} of {len(chosen)}",
    help="Coverage below the agreed minimum (M6), or so far in current periods",
    border=True,
)
columns[1].metric(
    "No data",
    f"{counts[Evidence.NONE]} of {len(chosen)}",
    help="No monitoring data for the period",
    border=True,
)
unknown = sum(f["unknown_seconds"] for f in chosen)
columns[2].metric(
    "Unknown time",
    duration(unknown),
    help=f"The total over all services and regions: {exact_duration(unknown)}",
    border=True,
)
worst = min(
    (f for f in chosen if f["coverage_pct"] is not None),
    key=lambda f: f["coverage_pct"],
    default=None,
)
columns[3].metric(
    "Lowest coverage",
    coverage_words(worst) if worst else NONE,
    help=f"{service_and_region(worst)}, {period(worst)}" if worst else None,
    border=True,
)

gaps = [
    g
    for g in rows(
        """select * from marts.coverage_gaps
           order by unknown_seconds desc, started_at, service_id, region"""
    )
    if g["contract_id"] in contracts and g["region"] in regions and period(g) in chosen_periods
]
# only the longest: thousands of short gaps would hide them
MOST_BARS = 2000
if not gaps and counts[Evidence.SUFFICIENT] < len(chosen):
    components.nothing(
        "No gaps are recorded, but some figures rest on too little data: see the table."
    )
elif not gaps:
    st.success(
        "No gaps: the state of every service was known throughout.", icon=":material/check_circle:"
    )
else:
    bars = pd.DataFrame(
        {
            "service_and_region": service_and_region(g),
            "started_at": g["started_at"],
            "ended_at": g["ended_at"],
            "what": "unknown",
            "length": exact_duration(g["unknown_seconds"]),
        }
        for g in gaps[:MOST_BARS]
    )
    domain = [min(f["starts_at"] for f in chosen), max(f["ends_at"] for f in chosen)]
    st.altair_chart(charts.timeline(bars, domain, {"unknown": charts.UNKNOWN}), width="stretch")
    if len(gaps) > MOST_BARS:
        st.caption(f"These are the longest {thousands(MOST_BARS)} of {thousands(len(gaps))} gaps.")
st.subheader("Coverage of each figure", anchor=False)
picked = components.table(
    sorted(
        chosen, key=lambda f: (f["coverage_pct"] is None, f["coverage_pct"], service_and_region(f))
    ),
    {
        "Service and region": service_and_region,
        "Period": period,
        "Coverage": components.COVERAGE,
        "Evidence": evidence_words,
        "Unknown": length("unknown_seconds"),
        "Availability": components.AVAILABILITY,
        "Contract": "contract_id",
    },
    name="Coverage of each figure, the lowest first",
    key="coverage",
    height=320 if len(chosen) > 8 else "auto",
)
if gaps:
    own = [
        g
        for g in gaps
        if picked is None
        or all(g[k] == picked[k] for k in ("contract_id", "service_id", "region", "period_start"))
    ]
    st.subheader(
        f"Gaps of {plain(service_and_region(picked))}, {period(picked)}"
        if picked
        else "Longest gaps",
        anchor=False,
    )
    if own:
        components.table(
            own[:200],
            {
                "Service and region": service_and_region,
                "Period": period,
                "From (UTC)": lambda g: instant(g["started_at"]),
                "Until (UTC)": lambda g: instant(g["ended_at"]),
                "Unknown": length("unknown_seconds"),
            },
            name="Gaps in the monitoring data, the longest first",
            height=320 if len(own) > 8 else "auto",
        )
    else:
        components.nothing("No gaps in this period.")
st.caption(
    "Unknown time counts as downtime only if the contract says so (M6). "
    "Gaps are split at the ends of periods and add up to the unknown time of each figure."
)
components.downloads(
    """select * from marts.coverage_gaps
       where list_contains(?, contract_id) and list_contains(?, region)
         and list_contains(?, concat_ws(' ', contract_id, period_start))
       order by all""",
    contracts,
    regions,
    sorted({f"{f['contract_id']} {f['period_start']}" for f in chosen}),
    name="coverage_gaps",
    mart="coverage_gaps",
)
