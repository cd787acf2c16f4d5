"""The SLA report of a subscription and month (TE §14): to read here, or as a file to send."""

import base64
from datetime import date

import streamlit as st

from makegood.dashboards.access.reader import Reader
from makegood.dashboards.app import components, published
from makegood.dashboards.exports.files import KINDS
from makegood.dashboards.figures.words import plain
from makegood.dashboards.proof import NotFound
from makegood.dashboards.reports import FORMATS, Format, render
from makegood.dashboards.reports.content import report_of
from makegood.dashboards.reports.document import Report
from makegood.dashboards.reports.figures import last_final_month, months_of

components.head("SLA report", "How did the service do in a month, and what is owed?")

NAMES = {"pdf": "PDF", "html": "HTML", "xlsx": "Excel"}
MEDIA_TYPES = {"pdf": "application/pdf", "html": "text/html", "xlsx": KINDS["Excel"].media_type}
# browsers take addresses of two million characters
LONGEST_ADDRESS = 1_900_000

subscriptions = {
    s["subscription_id"]: s
    for s in published.rows("select * from marts.subscriptions order by subscription_id")
}
if not subscriptions:
    components.nothing("There is no subscription to report on.")
    st.stop()
reader = published.reader()
first, second = components.filters(2)
with first:
    subscription = components.pick(
        "Subscription",
        list(subscriptions),
        "subscription",
        shown=lambda s: (
            f"{s} · {subscriptions[s]['customer_name']}" if subscriptions[s]["customer_name"] else s
        ),
    )
months = [f"{m:%Y-%m}" for m in months_of(reader, subscription)][::-1]
if not months:
    components.nothing(f"There is no month to report on for {plain(subscription)} yet.")
    st.stop()
last = last_final_month(reader)
with second:
    month = components.pick("Month", months, "month", start=f"{last:%Y-%m}" if last else None)


@st.cache_data(max_entries=50, show_spinner="Writing the report")
def written(key: str, _reader: Reader, _report: Report) -> str:
    return render(_report, "html").decode()


try:
    report = report_of(reader, subscription, date.fromisoformat(f"{month}-01"))
except NotFound as error:
    components.nothing(plain(str(error)))
    st.stop()


def file(kind: Format) -> object:
    return lambda: render(report, kind)


columns = st.columns([1, 1, 1, 3])
for column, kind in zip(columns, FORMATS, strict=False):
    column.download_button(
        NAMES[kind],
        file(kind),
        file_name=f"sla-report.{kind}",
        mime=MEDIA_TYPES[kind],
        key=f"report {kind}",
        on_click="ignore",
        icon=":material/download:",
        width="stretch",
    )
text = written(
    published.key_of(reader.database, reader.viewer, subscription, month), reader, report
)
# an address of its own: nothing in it could reach this page
address = "data:text/html;charset=utf-8;base64," + base64.b64encode(text.encode()).decode()
if len(address) < LONGEST_ADDRESS:
    st.iframe(address, height=1400, alt=f"SLA report of {subscription}, {month}")
else:
    components.nothing("This report is too long to be shown here: download it.")
