"""Availability by service, region and period, down to the intervals and records behind it."""

import pandas as pd
import streamlit as st

from makegood.dashboards.access.reader import Row
from makegood.dashboards.app import charts, components
from makegood.dashboards.app.components import length
from makegood.dashboards.app.published import reader, rows, rows_of_newer
from makegood.dashboards.figures import periods
from makegood.dashboards.figures.contract import as_customer
from makegood.dashboards.figures.evidence import (
    Evidence,
    availability_words,
    coverage_words,
    downtime_words,
    evidence_of,
    evidence_words,
    is_incomplete,
    is_unseen,
    judged,
    last_seen_words,
    so_far,
    together,
    verdict_words,
)
from makegood.dashboards.figures.queries import (
    FIGURES,
    GAPS_OF_FIGURE,
    LAST_SEEN,
    key_of,
    period,
    service_and_region,
)
from makegood.dashboards.figures.style import (
    counted,
    duration,
    exact_duration,
    exact_pct,
    in_seconds,
    instant,
    percentage,
)
from makegood.dashboards.figures.words import plain

components.head(
    "Availability",
    "How available was each service in each region, and which intervals made the difference?",
)

figures = rows(FIGURES)
if not figures:
    components.nothing(
        "There are no figures yet: no production component has a check or an outage record "
        "under a contract in force."
    )
    st.stop()


def name(figure: Row) -> str:
    return f"{service_and_region(figure)} · {period(figure)}"


names = {f["contract_id"]: f["contract_name"] for f in figures}
first, second, third = components.filters(3)
with first:
    contract = components.pick("Contract", sorted(names), "contract", shown=lambda c: names[c])
own = [f for f in figures if f["contract_id"] == contract]
with second:
    services = components.choice("Services", components.distinct(own, "service_id"), "services")
with third:
    regions = components.choice("Regions", components.distinct(own, "region"), "regions")
chosen = [f for f in own if f["service_id"] in services and f["region"] in regions]
if not chosen:
    components.nothing("No service and region matches the filters.")
    st.stop()

final = [f for f in chosen if f["status"] != "provisional"]
current = [f for f in chosen if f["status"] == "provisional" and f["is_met"] is not None]
last_seen = [
    last_seen_words(row)
    for row in rows_of_newer("marts.last_seen", LAST_SEEN)
    if row["contract_id"] == contract
]
if last_seen:
    st.markdown(f"Latest check or outage record under this contract: **{last_seen[0]}**")
if contract in as_customer(reader()):
    st.markdown("We are the customer under this contract: its figures are no commitment of ours.")
components.commitments(chosen)
columns = st.columns(3)
unseen = sum(evidence_of(f) is Evidence.NONE for f in current)
columns[0].metric(
    "Budgets exhausted",
    f"{sum(f['budget_remaining_seconds'] < 0 for f in current)} of {len(current)}"
    + (f", {unseen} without data" if unseen else ""),
    help="Error budgets of the current periods",
    border=True,
)
downtime = sum(f["downtime_seconds"] for f in final)
columns[1].metric(
    "Downtime, finished periods",
    duration(downtime),
    help=f"The total over all services and regions: {exact_duration(downtime)}",
    border=True,
)
columns[2].metric(
    "Thin evidence",
    f"{sum(f['low_coverage'] for f in final)} of {len(final)}",
    help="Finished figures with a coverage below the agreed minimum (M6)",
    border=True,
)

kind = periods.heading(chosen).lower()
components.tile_legend(chosen)
st.altair_chart(charts.heat_map(charts.tiles(chosen), kind), width="stretch")
st.caption(
    f"Availability in per cent by {kind}, with the commitment. Select a row below for details."
)

ordered = sorted(
    chosen, key=lambda f: (-f["period_start"].toordinal(), f["service_id"], f["region"])
)
picked = components.table(
    ordered,
    {
        "Service": "service_id",
        "Region": "region",
        "Period": period,
        "Availability": components.AVAILABILITY,
        "Commitment": components.agreed_share("commitment_pct"),
        "Verdict": verdict_words,
        "Downtime": components.DOWNTIME,
        "Error budget": length("budget_seconds", "downtime_seconds"),
        "Budget left": components.BUDGET_LEFT,
        "Coverage": components.COVERAGE,
        "Evidence": evidence_words,
        "Status": lambda f: f["status"].replace("_", " "),
    },
    name="Availability by service, region and period",
    key="figures",
    height=320 if len(ordered) > 8 else "auto",
)
components.downloads(
    """select * from marts.availability
       where contract_id = ? and list_contains(?, service_id) and list_contains(?, region)
       order by all""",
    contract,
    services,
    regions,
    name="availability",
    mart="availability",
)


def of_category(category: Row) -> Row:
    """A category with the evidence of its parts; fully excluded parts are left out (A4)."""
    of = ("product_category", "period_start")
    parts = [f for f in own if all(f[k] == category[k] for k in of) and f["is_met"] is not None]
    counted = [evidence_of(f) for f in parts if f["status"] != "fully_excluded"]
    evidence = together(counted) if counted else Evidence.SUFFICIENT
    return category | {"evidence": evidence, "incomplete": any(map(is_incomplete, parts))}


def category_verdict(category: Row) -> str:
    verdict = so_far(
        judged(category["is_met"], category["evidence"]), category["status"] != "provisional"
    )
    return verdict + (", incomplete data" if category["incomplete"] else "")


categories = rows(
    """select * from marts.availability_by_category where contract_id = ?
       order by period_start desc, product_category""",
    contract,
)
if categories:
    st.subheader("By product category", anchor=False)
    st.caption(
        "A category has the figure of its worst service and region (A4), "
        "and the evidence of all of them."
    )
    components.table(
        [of_category(c) for c in categories],
        {
            "Category": lambda c: c["product_category"].replace("_", " "),
            "Period": period,
            "Availability": components.Figure(
                lambda c: None if c["evidence"] is Evidence.NONE else c["availability_pct"],
                lambda c: percentage(
                    c["availability_pct"],
                    c["commitment_pct"],
                    is_below=None if c["is_met"] is None else not c["is_met"],
                ),
            ),
            "Commitment": components.agreed_share("commitment_pct"),
            "Verdict": category_verdict,
            "Worst": lambda c: (
                f"{c['worst_service_id']} · {c['worst_region']}"
                if c["worst_service_id"] is not None
                else "–"
            ),
            "Status": "status",
        },
        name="Availability by product category",
    )

# a picked row overrides the address; without either, the figure with the least budget left
named = [name(f) for f in ordered]
worst = min(
    ordered,
    key=lambda f: (f["budget_remaining_seconds"] is None, f["budget_remaining_seconds"] or 0),
)
with components.filters(2)[0]:
    shown = components.pick(
        "Figure",
        named,
        "figure",
        start=name(worst),
        value=components.picked_anew(name(picked) if picked else None, "figure"),
    )
figure = next(f for f in ordered if name(f) == shown)

st.subheader(f"Details of {plain(service_and_region(figure))}, {period(figure)}", anchor=False)
parts = st.columns(4)
parts[0].metric("Availability", availability_words(figure), border=True)
for part, (label, shown_as, exact) in zip(
    parts[1:],
    (
        ("Downtime", downtime_words(figure), downtime_words(figure, is_exact=True)),
        *(
            (label, duration(figure[k]), exact_duration(figure[k]))
            for label, k in (
                ("Excluded time", "excluded_seconds"),
                ("Unknown time", "unknown_seconds"),
            )
        ),
    ),
    strict=True,
):
    part.metric(label, shown_as, help=exact if exact != shown_as else None, border=True)
st.markdown(
    f"**{verdict_words(figure).capitalize()}** · "
    f"coverage {coverage_words(figure)} · evidence {evidence_words(figure)}"
)
st.caption(
    "There is no monitoring data for this period, so no figure can be given."
    if is_unseen(figure)
    else f"({in_seconds(figure['total_seconds'])} in the period "
    f"− {in_seconds(figure['excluded_seconds'])} excluded "
    f"− {in_seconds(figure['downtime_seconds'])} downtime) "
    f"÷ ({in_seconds(figure['total_seconds'])} − {in_seconds(figure['excluded_seconds'])} excluded)"
    f" = {exact_pct(figure['availability_pct'])}. "
    "Total unavailability, before exclusions and the minimum length of downtime: "
    f"{exact_duration(figure['unavailable_seconds'])}."
)
hours = rows(
    """select value from marts.contract_terms
       where contract_id = ? and contract_version = ?
         and policy_key = 'availability.service_hours'""",
    figure["contract_id"],
    figure["contract_version"],
)
if hours:
    st.caption(
        "All seconds are those inside the service hours of the calendar "
        f"{plain(hours[0]['value'])} (A3)."
    )
OF_FIGURE = key_of(figure)
components.missing(rows_of_newer("marts.evidence_gaps", GAPS_OF_FIGURE, *OF_FIGURE))
intervals = rows(
    """select p.*, d.downtime_seconds as whole_seconds, d.incident_id,
              coalesce(d.is_open, false) as is_open
       from marts.downtime_by_period as p
       left join marts.downtime as d
           on d.contract_id = p.contract_id and d.service_id = p.service_id
           and d.region = p.region and d.started_at = p.started_at
       where p.contract_id = ? and p.service_id = ? and p.region = ? and p.period_start = ?
       order by p.started_at""",
    *OF_FIGURE,
)
gaps = rows(
    """select * from marts.coverage_gaps
       where contract_id = ? and service_id = ? and region = ? and period_start = ?
       order by unknown_seconds desc limit 500""",
    *OF_FIGURE,
)
if intervals or gaps:
    bars = [
        {"what": "downtime", "length": exact_duration(i["downtime_seconds"])}
        | {k: i[k] for k in ("started_at", "ended_at")}
        for i in intervals
    ]
    bars += [
        {"what": "unknown", "length": exact_duration(g["unknown_seconds"])}
        | {k: g[k] for k in ("started_at", "ended_at")}
        for g in gaps
    ]
    domain = [
        min(figure["starts_at"], *(b["started_at"] for b in bars)),
        max(figure["ends_at"], *(b["ended_at"] for b in bars)),
    ]
    st.altair_chart(
        charts.timeline(
            pd.DataFrame(b | {"service_and_region": service_and_region(figure)} for b in bars),
            domain,
            {"downtime": charts.DOWN, "unknown": charts.UNKNOWN},
        ),
        width="stretch",
    )
if not intervals and evidence_of(figure) is Evidence.SUFFICIENT and not is_incomplete(figure):
    st.success("No downtime in this period.", icon=":material/check_circle:")
elif not intervals:
    components.nothing(
        f"No downtime was recorded in this period; evidence: {evidence_words(figure)}."
    )
else:
    interval = components.table(
        intervals,
        {
            "Started (UTC)": lambda i: instant(i["started_at"]),
            "Ended (UTC)": lambda i: "still open" if i["is_open"] else instant(i["ended_at"]),
            "In this period": length("downtime_seconds"),
            "Whole interval": length("whole_seconds"),
            "Incident": lambda i: i["incident_id"] or "–",
        },
        name="Downtime intervals of the figure",
        key="intervals",
        height=320 if len(intervals) > 8 else "auto",
    )
    interval = interval or max(intervals, key=lambda i: i["downtime_seconds"])
    sources = rows(
        """select distinct feed, component_id, outage_id, location, state, source_from,
                  source_until, incident_id, file, line
           from marts.downtime_sources
           where customer_scope = '' and service_id = ? and region = ? and started_at = ?
           order by source_from, component_id, location""",
        figure["service_id"],
        figure["region"],
        interval["started_at"],
    )
    with st.expander(
        f"Sources of the interval from {instant(interval['started_at'])} UTC: "
        f"{counted(len(sources), 'outage record or series', 'outage records and series')} of checks"
    ):
        components.table(
            sources,
            {
                "From (UTC)": lambda s: instant(s["source_from"]),
                "Until (UTC)": lambda s: instant(s["source_until"]),
                "State": "state",
                "Component": "component_id",
                "Location": lambda s: s["location"] or "outage record",
                "Outage": lambda s: s["outage_id"] or "–",
                "Incident": lambda s: s["incident_id"] or "–",
                "File": "file",
                "Line": "line",
            },
            name="Outage records and checks of the interval",
        )
with st.expander("Terms in force for this figure"):
    terms = rows(
        """select policy_key, value, document from marts.contract_terms
           where contract_id = ? and contract_version = ?
             and split_part(policy_key, '.', 1) in
                 ('monitoring', 'availability', 'downtime', 'exclusions', 'maintenance')
           order by policy_key""",
        contract,
        figure["contract_version"],
    )
    components.table(
        terms, {"Key": "policy_key", "Value": "value", "Set by": "document"}, name="Terms in force"
    )
