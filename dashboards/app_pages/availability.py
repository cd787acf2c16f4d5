"""Availability per service, region and period against commitment, down to the intervals behind a figure."""

import altair as alt
import pandas as pd
import streamlit as st

from dashboards.published import query
from dashboards.words import plain

# safe for the colour-blind (Okabe and Ito); the words beside them say the same
VERDICTS = {"met": "#009E73", "missed": "#D55E00", "no commitment": "#999999"}


def shown_seconds(seconds: int | None) -> str:
    """Seconds as people read them: 1 h 02 min 03 s; a minus where a budget is overdrawn."""
    if seconds is None or pd.isna(seconds):
        return "–"
    sign, rest = ("−" if seconds < 0 else ""), abs(int(seconds))
    hours, rest = divmod(rest, 3600)
    minutes, rest = divmod(rest, 60)
    if hours:
        return f"{sign}{hours} h {minutes:02d} min {rest:02d} s"
    return f"{sign}{minutes} min {rest:02d} s" if minutes else f"{sign}{rest} s"


def shown_percentage(value: float | None) -> str:
    return "–" if value is None or pd.isna(value) else f"{value:.6f} %"


def verdict(is_met: bool | None) -> str:
    return "no commitment" if is_met is None or pd.isna(is_met) else "met" if is_met else "missed"


figures = query(
    """select a.*, c.contract_name
       from marts.availability as a inner join marts.contracts as c using (contract_id)
       order by period_start desc, a.contract_id, service_id, region"""
)
st.title("Availability")
if figures.empty:
    st.info("There is no figure yet: no production component has a check or an outage record under a contract in force.")
    st.stop()

contracts = figures.drop_duplicates("contract_id").set_index("contract_id")["contract_name"].to_dict()
with st.sidebar:
    contract = st.selectbox("Contract", list(contracts), format_func=lambda c: contracts[c], key="contract")
    chosen = figures[figures["contract_id"] == contract]
    services = st.multiselect("Services", sorted(chosen["service_id"].unique()), key="services", placeholder="all")
    regions = st.multiselect("Regions", sorted(chosen["region"].unique()), key="regions", placeholder="all")
chosen = chosen[chosen["service_id"].isin(services or chosen["service_id"]) & chosen["region"].isin(regions or chosen["region"])]
if chosen.empty:
    st.info("No service and region matches the filters.")
    st.stop()
chosen = chosen.assign(
    verdict=chosen["is_met"].map(verdict),
    place=chosen["service_id"] + " · " + chosen["region"],
    period=pd.to_datetime(chosen["period_start"]).dt.strftime("%Y-%m"),
    shown=chosen["availability_pct"].map(lambda v: "excluded" if pd.isna(v) else f"{v:.3f}"),
)

final = chosen[chosen["status"] != "provisional"]
current = chosen[chosen["status"] == "provisional"]
committed = final[final["is_met"].notna()]
columns = st.columns(4)
columns[0].metric("Commitments met", f"{int(committed['is_met'].sum())} of {len(committed)}", help="Of the finished periods of services with a commitment")
overdrawn = current[current["budget_remaining_seconds"].fillna(0) < 0]
columns[1].metric("Budgets overdrawn", f"{len(overdrawn)} of {int(current['is_met'].notna().sum())}", help="Error budgets of the periods that are not over")
columns[2].metric("Downtime", f"{int(final['downtime_seconds'].sum()) // 60:,} min", help="In the finished periods, all services and regions added up")
columns[3].metric("Thin evidence", f"{int(final['low_coverage'].sum())} of {len(final)}", help="Finished figures whose coverage is below the policy")

base = alt.Chart(chosen).encode(
    x=alt.X("period:O", title="month" if chosen["period_kind"].iloc[0] == "month" else "quarter, by its first month", axis=alt.Axis(labelAngle=0)),
    y=alt.Y("place:N", title=None),
)
tiles = base.mark_rect(stroke="white", strokeWidth=2).encode(
    color=alt.Color("verdict:N", title="commitment", scale=alt.Scale(domain=list(VERDICTS), range=list(VERDICTS.values()))),
    opacity=alt.condition("datum.status == 'provisional'", alt.value(0.55), alt.value(1.0)),
    tooltip=[
        alt.Tooltip("place:N", title="service and region"),
        alt.Tooltip("period:O"),
        alt.Tooltip("availability_pct:Q", title="availability %", format=".6f"),
        alt.Tooltip("commitment_pct:Q", title="commitment %"),
        alt.Tooltip("coverage_pct:Q", title="coverage %", format=".3f"),
        alt.Tooltip("status:N"),
    ],
)
labels = base.mark_text(color="white", fontWeight="bold").encode(text="shown:N")
st.altair_chart((tiles + labels).properties(height=60 + 42 * chosen["place"].nunique()), width="stretch")
st.caption("Availability in per cent; pale: the period is not over. Click a row below for the downtime behind its figure.")

table = pd.DataFrame(
    {
        "Service": chosen["service_id"],
        "Region": chosen["region"],
        "Period": chosen["period"],
        "Availability": chosen["availability_pct"].map(shown_percentage),
        "Commitment": chosen["commitment_pct"].map(lambda v: "–" if pd.isna(v) else f"{v:.6f}".rstrip("0").rstrip(".") + " %"),
        "": chosen["verdict"],
        "Downtime": chosen["downtime_seconds"].map(shown_seconds),
        "Error budget": chosen["budget_seconds"].map(shown_seconds),
        "Budget left": chosen["budget_remaining_seconds"].map(shown_seconds),
        "Coverage": chosen["coverage_pct"].map(lambda v: "–" if pd.isna(v) else f"{v:.3f} %") + chosen["low_coverage"].map({True: " · thin", False: ""}),
        "Status": chosen["status"].str.replace("_", " "),
    }
).reset_index(drop=True)
picked = st.dataframe(table, hide_index=True, width="stretch", on_select="rerun", selection_mode="single-row", key="figures")

categories = query(
    """select product_category, period_start, availability_pct, commitment_pct, is_met, worst_service_id, worst_region, status
       from marts.availability_by_category where contract_id = ? order by period_start desc, product_category""",
    contract,
)
if not categories.empty:
    st.subheader("By product category")
    st.caption("A category's figure is that of its worst service and region.")
    st.dataframe(
        pd.DataFrame(
            {
                "Category": categories["product_category"].str.replace("_", " "),
                "Period": pd.to_datetime(categories["period_start"]).dt.strftime("%Y-%m"),
                "Availability": categories["availability_pct"].map(shown_percentage),
                "": categories["is_met"].map(verdict),
                "Worst": categories["worst_service_id"] + " · " + categories["worst_region"],
                "Status": categories["status"],
            }
        ),
        hide_index=True,
        width="stretch",
    )

rows = picked["selection"]["rows"]
# nothing picked: the figure that is worst off
worst = int(chosen["budget_remaining_seconds"].astype(float).fillna(float("inf")).to_numpy().argmin())
figure = chosen.iloc[rows[0] if rows else worst]
st.subheader(f"Behind the figure: {plain(figure['place'])}, {figure['period']}", anchor=False)
intervals = query(
    """select p.started_at, p.ended_at, p.downtime_seconds, d.downtime_seconds as whole_seconds, d.incident_id, coalesce(d.is_open, false) as is_open
       from marts.downtime_by_period as p
       left join marts.downtime as d on d.contract_id = p.contract_id and d.service_id = p.service_id and d.region = p.region and d.started_at = p.started_at
       where p.contract_id = ? and p.service_id = ? and p.region = ? and p.period_start = ? order by p.started_at""",
    contract,
    figure["service_id"],
    figure["region"],
    str(figure["period_start"])[:10],
)
parts = st.columns(4)
parts[0].metric("Availability", shown_percentage(figure["availability_pct"]))
parts[1].metric("Downtime", shown_seconds(figure["downtime_seconds"]))
parts[2].metric("Excluded from the period", shown_seconds(figure["excluded_seconds"]))
parts[3].metric("Unknown (no evidence)", shown_seconds(figure["unknown_seconds"]))
st.caption(
    f"({figure['total_seconds']:,} s in the period − {figure['excluded_seconds']:,} s excluded − {figure['downtime_seconds']:,} s downtime) ÷ "
    f"({figure['total_seconds']:,} s − {figure['excluded_seconds']:,} s excluded); "
    f"unavailable in all {figure['unavailable_seconds']:,} s, before exclusions and the shortest downtime that counts"
)
if intervals.empty:
    st.success("No downtime in this period.")
else:
    first = pd.Timestamp(figure["period_start"]).tz_localize("UTC")
    domain = [min(first, intervals["started_at"].min()), max(first + pd.Timedelta(seconds=int(figure["total_seconds"])), intervals["ended_at"].max())]
    timeline = (
        alt.Chart(intervals)
        .mark_rect(color=VERDICTS["missed"], stroke=VERDICTS["missed"], strokeWidth=2, height=26)
        .encode(
            x=alt.X(
                "started_at:T",
                title=None,
                scale=alt.Scale(type="utc", domain=[d.isoformat() for d in domain]),
                axis=alt.Axis(format="%d %b", labelOverlap=True),
            ),
            x2="ended_at:T",
            tooltip=[
                alt.Tooltip("started_at:T", title="started (UTC)", format="%Y-%m-%d %H:%M:%S"),
                alt.Tooltip("ended_at:T", title="ended (UTC)", format="%Y-%m-%d %H:%M:%S"),
                alt.Tooltip("incident_id:N", title="incident"),
            ],
        )
    )
    st.altair_chart(timeline.properties(height=70), width="stretch")
    st.dataframe(
        pd.DataFrame(
            {
                "Started (UTC)": intervals["started_at"].dt.strftime("%Y-%m-%d %H:%M:%S"),
                "Ended (UTC)": intervals["ended_at"].dt.strftime("%Y-%m-%d %H:%M:%S").where(~intervals["is_open"], "still open"),
                "In this period": intervals["downtime_seconds"].map(shown_seconds),
                "Whole interval": intervals["whole_seconds"].map(shown_seconds),
                "Incident": intervals["incident_id"].fillna("–"),
            }
        ),
        hide_index=True,
        width="stretch",
    )
with st.expander("The method: terms in force for this figure"):
    terms = query(
        """select policy_key as "Key", value as "Value", document as "Set by" from marts.contract_terms
           where contract_id = ? and contract_version = ?
             and split_part(policy_key, '.', 1) in ('monitoring', 'availability', 'downtime', 'exclusions', 'maintenance')
           order by policy_key""",
        contract,
        str(figure["contract_version"])[:10],
    )
    st.dataframe(terms, hide_index=True, width="stretch")
