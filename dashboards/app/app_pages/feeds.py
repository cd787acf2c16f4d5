"""Health of the feeds, and every row that is not in the marts, with file and line."""

import json

import streamlit as st

from makegood.dashboards.app import components
from makegood.dashboards.app.published import rows, rows_of_newer
from makegood.dashboards.figures.style import thousands
from makegood.dashboards.figures.words import plain

components.head("Feeds", "What was delivered, and which rows are wrong or missing?")

feeds = rows(
    """select r.*, d.files, d.last_path, coalesce(c.failed, 0) as failed,
              coalesce(c.expectations, 0) as expectations
       from quality.feed_reconciliation as r
       left join (
           select feed, count(*) as files, max_by(path, delivery_id) as last_path
           from state.deliveries group by feed
       ) as d using (feed)
       left join (
           select feed, count(*) as expectations, count(*) filter (not success) as failed
           from quality.check_results group by feed
       ) as c using (feed)
       order by feed"""
)
kept = rows("select * from quality.rejected_rows order by feed, file, line, rule")
warnings = rows("select * from quality.warnings order by all")
columns = st.columns(4)
columns[0].metric(
    "Feeds delivered", f"{sum(f['files'] is not None for f in feeds)} of {len(feeds)}", border=True
)
columns[1].metric(
    "Rows in force", thousands(sum(f["rows_in_force"] or 0 for f in feeds)), border=True
)
columns[2].metric(
    "Rows not in the marts",
    thousands(len(kept)),
    help="Rejected, or waiting for a row that they refer to",
    border=True,
)
columns[3].metric("Warnings", len(warnings), border=True)

picked = components.table(
    feeds,
    {
        "Feed": "feed",
        "Health": lambda f: (
            "nothing delivered"
            if f["files"] is None
            else ", ".join(
                filter(
                    None,
                    [
                        f"{f['failed']} failed" if f["failed"] else "",
                        "rejected rows" if f["rows_rejected"] else "",
                        "waiting rows" if f["rows_waiting"] else "",
                    ],
                )
            )
            or "good"
        ),
        "Files": lambda f: f["files"] or 0,
        "Rows read": components.number("rows_read"),
        "Rejected": components.number("rows_rejected"),
        "Waiting": components.number("rows_waiting"),
        "Removed by rules": components.number("rows_judged_out"),
        "Replaced": components.number("rows_replaced"),
        "Deleted": components.number("rows_deleted"),
        "In force": components.number("rows_in_force"),
        "Expectations": "expectations",
        "Last file": lambda f: f["last_path"] or "–",
    },
    name="Feeds",
    key="feed_table",
    height="content",
)
st.caption(
    "Rows of all deliveries. Read = rejected + replaced + deleted + waiting + removed by rules + "
    "in force. Select a feed for its expectations."
)
if picked:
    results = rows(
        """select * from quality.check_results where feed = ?
           order by success, severity, expectation, column_name""",
        picked["feed"],
    )
    st.subheader(f"Expectations of {plain(picked['feed'])}", anchor=False)
    if results:
        components.table(
            results,
            {
                "Met": lambda c: "yes" if c["success"] else "no",
                "Expectation": lambda c: c["name"] or c["expectation"],
                "Column": lambda c: c["column_name"] or c["subject"] or "–",
                "Severity": "severity",
                "Found": lambda c: c["detail"] or "–",
                "Meaning": lambda c: c["means"] or "–",
                "What to do": lambda c: c["action"] or "–",
            },
            name="Expectations and results",
            height=320 if len(results) > 8 else "auto",
        )
    else:
        components.nothing("There are no expectations for this feed.")

st.subheader("Warnings", anchor=False)
if warnings:
    components.table(
        warnings, {"About": "about", "Warning": "warning"}, name="Warnings of the last run"
    )
else:
    components.nothing("No warnings.")

findings = rows_of_newer(
    "quality.findings",
    """select severity, kind, feed, count(*) as findings, sum(rows) as rows,
              max(means) as means, max(action) as action,
              list_slice(list(seen order by rows desc, file, line, key, seen), 1, 3) as examples
       from quality.findings group by severity, kind, feed
       order by severity = 'warning' desc, kind, feed""",
)
if findings:
    st.subheader("Findings", anchor=False)
    found = components.table(
        findings,
        {
            "Severity": "severity",
            "Finding": lambda f: f["kind"].replace("_", " "),
            "Feed": lambda f: f["feed"] or "–",
            "Findings": components.number("findings"),
            "Rows": components.number("rows"),
            "Examples": lambda f: "; ".join(filter(None, f["examples"])),
            "Meaning": "means",
            "What to do": "action",
        },
        name="Findings by kind and feed",
        key="findings",
        height=320 if len(findings) > 8 else "auto",
    )
    st.caption(
        "Data without any effect, or with an effect that is probably not intended. "
        "Select a row for each of its findings with file and line."
    )
    if found:
        st.markdown(
            f"**{plain(found['kind'].replace('_', ' '))}**"
            + (f" in {plain(found['feed'])}" if found["feed"] else "")
        )
        each = rows(
            """select * from quality.findings
               where severity = ? and kind = ? and feed is not distinct from ?
               order by rows desc, file, line, key, seen limit 1000""",
            *(found[k] for k in ("severity", "kind", "feed")),
        )
        components.table(
            each,
            {
                "Value": "seen",
                "Closest match": lambda f: f["nearest"] or "–",
                "Meaning": "means",
                "What to do": "action",
                "Rows": "rows",
                "Key": lambda f: f["key"] or "–",
                "File": lambda f: f["file"] or "–",
                "Line": "line",
            },
            name="Single findings",
            height=320 if len(each) > 8 else "auto",
        )
        if found["findings"] > len(each):
            st.caption(
                f"These are {thousands(len(each))} of {thousands(found['findings'])}; "
                "the download has all."
            )
    components.downloads("from quality.findings order by all", name="findings", is_all=True)

st.subheader("Rows not in the marts", anchor=False)
if not kept:
    st.success("Every row that was delivered is in the marts.", icon=":material/check_circle:")
    st.stop()
first, second, third = components.filters(3)
with first:
    of_feeds = components.choice("Feeds", components.distinct(kept, "feed"), "feeds")
with second:
    states = components.choice("Status", components.distinct(kept, "status"), "state")
with third:
    rules = components.choice("Rules", components.distinct(kept, "rule"), "rules")
own = [
    r
    for r in kept
    if r["feed"] in of_feeds and r["status"] in states and (r["rule"] is None or r["rule"] in rules)
]
if not own:
    components.nothing("No row matches the filters.")
    st.stop()
row = components.table(
    own,
    {
        "Feed": "feed",
        "File": "file",
        "Line": "line",
        "Status": "status",
        "Rule": "rule",
        "Column": lambda r: r["column_name"] or "–",
        "Reason": "reason",
    },
    name="Rejected and waiting rows",
    key="rejected",
    height=320 if len(own) > 8 else "auto",
)
row = row or own[0]
st.markdown(f"**{plain(row['file'])}, line {row['line']}** — {plain(row['reason'])}")
st.caption("The row as delivered:")
try:
    st.json(json.loads(row["raw"]), expanded=True)
except (TypeError, ValueError):
    st.code(str(row["raw"]), language=None)
components.downloads("from quality.rejected_rows order by all", name="rejected_rows", is_all=True)
