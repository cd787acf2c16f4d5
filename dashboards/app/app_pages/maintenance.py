"""Maintenance against the agreed notice and length."""

import streamlit as st

from makegood.dashboards.access.reader import Row
from makegood.dashboards.app import components
from makegood.dashboards.app.components import length
from makegood.dashboards.app.published import rows
from makegood.dashboards.figures.style import duration, instant

components.head(
    "Maintenance", "Was maintenance announced in time, and did it stay within the agreed length?"
)

works = rows(
    "select * from marts.maintenance_notice order by starts_at desc, exclusion_id, contract_id"
)
if not works:
    components.nothing("No maintenance has started under a contract in force.")
    st.stop()
first, second, third = components.filters(3)
with first:
    contracts = components.contracts(components.distinct(works, "contract_id"))
with second:
    kinds = components.choice(
        "Kinds", components.distinct(works, "kind"), "kinds", lambda k: k.replace("_", " ")
    )
with third:
    only = st.toggle("Only breaches", key="broken", bind="query-params")


def is_broken(work: Row) -> bool:
    return work["notice_met"] is False or work["over_length"] is True


own = [w for w in works if w["contract_id"] in contracts and w["kind"] in kinds]
with_notice = [w for w in own if w["notice_met"] is not None]
limited = [w for w in own if w["over_length"] is not None]
columns = st.columns(3)
columns[0].metric(
    "Announced in time",
    f"{sum(w['notice_met'] for w in with_notice)} of {len(with_notice)}",
    help="Maintenance with an agreed notice (Z2)",
    border=True,
)
columns[1].metric(
    "Within the agreed length",
    f"{sum(not w['over_length'] for w in limited)} of {len(limited)}",
    help="Scheduled maintenance with an agreed length (Z2)",
    border=True,
)
columns[2].metric("Never announced", sum(w["announced_at"] is None for w in own), border=True)
shown = [w for w in own if is_broken(w) or not only]


def notice(work: Row) -> str:
    given, agreed = work["notice_seconds"], work["notice_required_seconds"]
    return duration(given, agreed) if given >= 0 else f"{duration(-given)} after the start"


def kept(work: Row) -> str:
    late = "too late" if work["notice_seconds"] is not None else "never announced"
    notice = {True: "in time", False: late, None: "no agreed notice"}[work["notice_met"]]
    return notice + {True: ", too long", False: ", length met", None: ""}[work["over_length"]]


if not shown:
    components.nothing("No maintenance matches the filters.")
else:
    components.table(
        shown,
        {
            "Maintenance": "exclusion_id",
            "Kind": lambda w: w["kind"].replace("_", " "),
            "Result": kept,
            "Started (UTC)": lambda w: instant(w["starts_at"]),
            "Notice": components.Figure(lambda w: w["notice_seconds"], notice),
            "Agreed notice": length("notice_required_seconds", "notice_seconds"),
            "Length": length("length_seconds"),
            "In business hours": length("business_hours_seconds", in_hours=True),
            "Scope": lambda w: (
                " · ".join(
                    filter(
                        None, [w["service_id"], w["region"], w["component_id"], w["customer_id"]]
                    )
                )
                or "everything"
            ),
            "Change": lambda w: w["change_type"] or "–",
            "Contract": "contract_id",
        },
        name="Maintenance against the agreement, the latest first",
        height=420 if len(shown) > 11 else "auto",
    )
st.caption(
    "Notice is the time from the announcement to the start. "
    "Ongoing maintenance counts up to the instant of the figures."
)
components.downloads(
    "from marts.maintenance_notice order by all",
    name="maintenance_notice",
    mart="maintenance_notice",
    is_all=True,
)
