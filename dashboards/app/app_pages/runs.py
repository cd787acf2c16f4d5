"""Every run with its result, whether or not it published, and the open alerts."""

import streamlit as st

from makegood.dashboards.app import components
from makegood.dashboards.app.published import warehouse
from makegood.dashboards.figures import operations
from makegood.dashboards.figures.style import duration, instant
from makegood.dashboards.figures.words import plain

components.head("Runs and alerts", "Did the last run publish, and what needs attention?")

runs = [run.model_dump() for run in operations.runs(warehouse())]
alerts = operations.alerts(warehouse())
last = runs[0] if runs else None
columns = st.columns(3)
columns[0].metric(
    "Last run",
    last["status"] if last else "none yet",
    help=f"run {last['run_number']}" if last and last["run_number"] else None,
    border=True,
)
columns[1].metric(
    "Runs that published",
    f"{sum(r['status'] == 'published' for r in runs)} of {len(runs)}",
    border=True,
)
still = [a for a in alerts or [] if a["ended"] is None]
columns[2].metric("Open alerts", "unknown" if alerts is None else len(still), border=True)
if last and last["status"] == "rolled back":
    st.info("The last run restored an earlier publication.", icon=":material/undo:")
elif last and last["status"] != "published":
    st.error(
        "The record of the last run can't be read."
        if last["status"] == "unreadable"
        else "The last run published nothing; the previous publication is still in place.",
        icon=":material/error:",
    )
for reason in last["reasons"] if last else []:
    st.markdown(f"- {plain(reason)}")

st.subheader("Open alerts", anchor=False)
if alerts is None:
    st.error(
        "The alerts can't be read: `makegood doctor` explains what to do.",
        icon=":material/error:",
    )
elif not still:
    st.success("No alerts are open.", icon=":material/check_circle:")
else:
    picked = components.table(
        still,
        {
            "Severity": "severity",
            "Kind": lambda a: a["kind"].replace("_", " "),
            "Subject": "subject",
            "Since (UTC)": lambda a: instant(a["since"]),
            "What happened": "happened",
        },
        name="Open alerts, the most severe first",
        key="alerts",
        height=320 if len(still) > 8 else "auto",
    )
    shown = picked or still[0]
    with st.container(border=True):
        kind = shown["kind"].replace("_", " ").capitalize()
        st.markdown(f"**{plain(kind)}: {plain(shown['subject'])}**")
        for sentence in (shown["happened"], shown["means"], shown["action"]):
            st.markdown(plain(sentence))

st.subheader("Runs", anchor=False)
if not runs:
    components.nothing("No runs are recorded yet.")
    st.stop()
picked = components.table(
    runs,
    {
        "Run": "run_number",
        "Result": "status",
        "As of (UTC)": lambda r: instant(r["as_of"]),
        "Ended (UTC)": lambda r: instant(r["finished_at"]),
        "Duration": components.Figure(
            lambda r: r["seconds"],
            lambda r: duration(None if r["seconds"] is None else int(r["seconds"])),
        ),
        "New files": components.number("files_read"),
        "Rows read": components.number("rows_read"),
        "Rejected": components.number("rows_rejected"),
        "Reasons": lambda r: "; ".join(r["reasons"]) or "–",
    },
    name="Runs, the latest first",
    key="runs",
    height=420 if len(runs) > 11 else "auto",
)
if picked and picked["reasons"]:
    for reason in picked["reasons"]:
        st.markdown(f"- {plain(reason)}")
